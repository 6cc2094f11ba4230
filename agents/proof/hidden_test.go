package proof

import (
	"strings"
	"testing"
)

func TestACommandLeavesOutTestsByItsFlags(t *testing.T) {
	for _, c := range []struct {
		command, name string
		want          bool
	}{
		{"go test ./...", "TestA", true},
		{"go test -run=TestA ./...", "TestAll", true},
		{"go test -run ^TestA$ ./...", "TestAll", false},
		{"go test -test.run=^TestB ./...", "TestA", false},
		{"go test -run=TestA/deep ./...", "TestA", true},
		{"go test -run=TestB/deep ./...", "TestA", false},
		{"go test -skip TestA ./...", "TestA", false},
		{"go test -skip=TestA/deep ./...", "TestA", true},
		{"go test -run=( ./...", "TestA", true},
		{"go test -run=TestA/x|TestB ./...", "TestB", true},
		{"go test -run=Test(A|B) ./...", "TestB", true},
		{"go test -run=TestA -run=TestB ./...", "TestB", true},
		{"go test ./... -args -run=TestA", "TestB", true},
		{"make test -run=TestB", "TestA", true},
	} {
		if got := asksFor(strings.Fields(c.command), c.name); got != c.want {
			t.Errorf("%s asks for %s: %v, want %v", c.command, c.name, got, c.want)
		}
	}
}
