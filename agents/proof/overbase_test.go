package proof

import (
	"bytes"
	"strings"
	"testing"
)

func TestTestsThatWereCutAreNotLookedForBehindOneThatPanics(t *testing.T) {
	base := files{
		"go.mod": "module example.com/m\n\ngo 1.21\n",
		"m.go": `package m

func First(s []int) int { return s[0] }
`,
		"m_test.go": `package m

import "testing"

func TestFirst(t *testing.T) {
	if First([]int{1}) != 1 {
		t.Error("first")
	}
}
`,
	}
	r := newRepository(t, base, files{
		"m.go": `package m

func First(s []int) int {
	if len(s) == 0 {
		return 0
	}
	return s[0]
}

func Last(s []int) int { return First(s[len(s)-1:]) }
`,
		"m_test.go": `package m

import "testing"

func TestFirst(t *testing.T) {
	if First([]int{1}) != 1 {
		t.Error("first of one")
	}
}

func TestNone(t *testing.T) {
	if First(nil) != 0 {
		t.Error("none")
	}
}

func TestLast(t *testing.T) {
	if Last([]int{1, 2}) != 2 {
		t.Error("last")
	}
}
`,
	})
	var log bytes.Buffer
	request := r.request(t)
	request.Text, request.Log = reason, &log
	receipt, err := Prove(t.Context(), request)
	if err != nil || !receipt.Proven || receipt.Strength != Assertion {
		t.Fatalf("%v, proven %v, %s, %v", err, receipt.Proven, receipt.Strength, receipt.Refusals)
	}
	if strings.Contains(log.String(), "^(TestLast)$") {
		t.Errorf("what does not compile there was asked for by name:\n%s", &log)
	}
	if strings.Contains(log.String(), "-gcflags") {
		t.Errorf("all was compiled again to be told nothing new:\n%s", &log)
	}
}
