//go:build ci

package proof

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/agents/worktree"
)

var pulls = flag.String("pulls", filepath.Join("testdata", "pulls.txt"), "a list of changes in repositories on this machine; its first line says how one is written")

// TestRealPullRequestsAreJudgedRight proves changes that a list names, by default commits of this repository's own history: real changes, none of which was
// made for this. Those that prove themselves have to be accepted, and the same refused without their tests, without their source and with their tests
// skipped; those that only tidy up, or only touch tests, refused. It takes minutes, and the history: a shallow clone has none. Any other repositories are
// judged by -pulls FILE.
func TestRealPullRequestsAreJudgedRight(t *testing.T) {
	list, err := os.ReadFile(*pulls)
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(list)) {
		words := strings.Fields(l)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if len(words) < 3 {
			t.Errorf("%s: not a change: %q", *pulls, l)
			continue
		}
		p := pull{repository: words[0], commit: words[1], test: words[3:]}
		want := strings.Replace(words[2], ":", " ", 1)
		t.Run(filepath.Base(p.repository)+"/"+p.commit, func(t *testing.T) {
			t.Parallel()
			p.judge(t, want)
		})
	}
}

// pull is one commit of a repository on this machine, and the command of its suite, empty when it is to be found.
type pull struct {
	repository, commit string
	test               []string
}

func (p pull) judge(t *testing.T, want string) {
	on := &repository{dir: t.TempDir()}
	on.mirror = newMirror(t, on.dir)
	commits, err := on.mirror.Borrow(t.Context(), p.repository, p.commit+"^", p.commit)
	if err != nil {
		t.Fatalf("the whole history is needed: %v", err)
	}
	base, head := commits[0], commits[1]
	judge := func(name, want, head string) {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			corpusCase{want: want}.judge(t, &repository{mirror: on.mirror, dir: on.dir, head: head}, func(r *Request) {
				r.Base, r.Test, r.Text, r.Message = base, p.test, "m: mend it\n", true
				r.Limits.Wall = 15 * time.Minute
			})
			t.Logf("%.1f s", time.Since(began).Seconds())
		})
	}
	judge("whole", want, head)
	if want != "proven" {
		return
	}
	whole := shape{corpusCase: corpusCase{changes: changesOf(t, on.mirror, base, head)}}
	for name, variant := range whole.variants() {
		judge(strings.TrimPrefix(name, "/"), variant.want, on.commit(t, base, variant.changes))
	}
}

// changesOf are the files that differ between two commits, as the head has them.
func changesOf(t *testing.T, m *worktree.Mirror, base, head string) files {
	t.Helper()
	changes, err := m.ChangedBetween(t.Context(), base, head)
	if err != nil {
		t.Fatal(err)
	}
	all := files{}
	for _, c := range changes {
		if c.Status == 'R' {
			all[c.Old] = ""
		}
		if c.Status == 'D' {
			all[c.Path] = ""
			continue
		}
		content, err := m.Show(t.Context(), head, c.Path)
		if err != nil {
			t.Fatal(err)
		}
		all[c.Path+map[string]string{"120000": "@", "100755": "*"}[c.Mode]] = string(content)
	}
	return all
}

// commit makes a commit of the mirror that has the files otherwise than its parent, and names it.
func (r *repository) commit(t *testing.T, parent string, change files) string {
	t.Helper()
	var in fastImport
	in.commit("refs/variant", fmt.Sprintf("from %s\n", parent), change)
	in.run(t, r.mirror)
	commit, err := r.mirror.Resolve(t.Context(), "refs/variant")
	if err != nil {
		t.Fatal(err)
	}
	return commit
}
