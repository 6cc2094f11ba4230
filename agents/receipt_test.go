package agents

import (
	"strings"
	"testing"
)

func TestAReceiptHoldsForItsOwnHeadAlone(t *testing.T) {
	receipt := `{"proven":true,"strength":"assertion","head":"aaaaaaaaaa","against":"main","tests":[{"name":"a.TestA","base":"fail","head":"pass","new":true,"tells":true}]}`
	line := proofLine(receipt, "aaaaaaaaaa")
	if line != "1 new test fails on main, passes here" {
		t.Errorf("at its head: %q", line)
	}
	if got := proofLine(receipt, "bbbbbbbbbb"); got != "void since the head is bbbbbbb; at aaaaaaa: "+line {
		t.Errorf("at another head: %q", got)
	}
	if got := proofLine("", "bbbbbbbbbb"); got != "" {
		t.Errorf("without a receipt: %q", got)
	}
}

func TestAnUpdatedBranchTakesItsReceiptBackOnce(t *testing.T) {
	body := publication{Text: "## Why\n\nSums were wrong.", Ticket: 3}.body()
	void := voidReceipt(body, "main")
	if !strings.Contains(void, voidMark+": the branch has been brought up to date with main since.") || sessionText(void) != sessionText(body) {
		t.Errorf("the text is %q", void)
	}
	if voidReceipt(void, "main") != void {
		t.Error("it is taken back twice")
	}
	if words := "a person's own words"; voidReceipt(words, "main") != words {
		t.Error("a text without a receipt is altered")
	}
}
