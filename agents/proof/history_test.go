//go:build ci

package proof

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommitsOfThisRepositoryAreJudgedRight proves commits of this repository's own history, which testdata/history.txt names: real changes, none of which was
// made for this. Those that prove themselves have to be accepted; those that only tidy up, or only touch tests, refused. The suite is the tests of one
// package, which every one of them has: what is looked at is the change's own tests. It takes minutes, and the history: a shallow clone has none.
func TestCommitsOfThisRepositoryAreJudgedRight(t *testing.T) {
	list, err := os.ReadFile(filepath.Join("testdata", "history.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(list)) {
		sha, want, ok := strings.Cut(strings.TrimSpace(l), " ")
		if !ok || sha == "#" {
			continue
		}
		t.Run(sha, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			m := newMirror(t, dir)
			commits, err := m.Borrow(t.Context(), ".", sha+"^", sha)
			if err != nil {
				t.Fatalf("the whole history is needed: %v", err)
			}
			receipt, err := (&repository{mirror: m, dir: dir, head: commits[1]}).prove(t, func(r *Request) {
				r.Base, r.Test = commits[0], []string{"go", "test", "./rules"}
			})
			got := "proven"
			if err != nil {
				got = err.Error()
			} else if !receipt.Proven {
				got = fmt.Sprintf("refused %v", receipt.Refusals)
			}
			if policy, refused := strings.CutPrefix(want, "refused "); refused {
				if _, ok := receipt.refusedFor(policy); !ok {
					t.Errorf("%s, want %s", got, want)
				}
			} else if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}
