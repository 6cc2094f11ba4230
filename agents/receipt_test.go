package agents

import (
	"strings"
	"testing"

	"lightsout/agents/proof"
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

func TestARenewedReceiptStandsInThePlaceOfTheOld(t *testing.T) {
	old := proof.Receipt{Proven: true, Strength: proof.Assertion, Base: "1111111", Head: "aaaaaaa", Tests: []proof.TestResult{{Name: "a.TestA", Base: "fail", Head: "pass", Tells: true}}}
	anew := old
	anew.Base, anew.Head = "2222222", "bbbbbbb"
	for _, review := range []string{"", "### Review\n\n**1 raised, 1 fixed**"} {
		body := publication{Text: "## Why\n\nSums were wrong.\n\n### Proof\n\nTrust me.", Ticket: 3, Receipt: old, Review: review}.body()
		once := renewedReceipt(voidReceipt(body, "main"), "main", anew)
		if sessionText(once) != sessionText(body) || strings.Contains(once, voidMark) || strings.Contains(once, "aaaaaaa") || strings.Count(once, "bbbbbbb") != 1 ||
			!strings.HasSuffix(once, "\n\nCloses #3\n") || !strings.Contains(once, "\n\n"+review) || strings.Count(once, "Trust me.") != 1 {
			t.Errorf("the text is\n%s", once)
		}
		if twice := renewedReceipt(voidReceipt(once, "main"), "main", anew); twice != once {
			t.Errorf("made again and again it grows:\n%s", twice)
		}
	}
	if words := "a person's own words"; renewedReceipt(words, "main", anew) != words {
		t.Error("a text without a receipt is altered")
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
