package agents

import (
	"os"
	"strings"
	"testing"

	"lightsout/agents/process"
	"lightsout/store"
)

// gitWith asks the repository on GitHub's side, with something on its standard input.
func (r *rig) gitWith(stdin string, args ...string) string {
	r.t.Helper()
	out, err := process.Output(r.ctx, process.Command{Args: append([]string{"git", "-c", "user.name=acme", "-c", "user.email=acme@example.com"}, args...), Dir: r.hub.GitDir(),
		Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir}, Stdin: strings.NewReader(stdin)})
	must(r.t, err)
	return strings.TrimSpace(string(out))
}

func TestAMergeThatCarriesAChangeOfItsOwnVoidsTheApproval(t *testing.T) {
	const block = "a\nb\nc\nd\ne\nf\ng\n" // stands in the file twice, so that a line in either makes the same patch
	journey(t, nil, func(r *rig) {
		r.pushTo("main", map[string]string{"twice.txt": block + block})
		with := strings.Replace(block, "c\n", "c\nrm -rf\n", 1)
		_, pull := r.given(1, map[string]string{"twice.txt": with + block})
		r.fix()
		approved := r.approve(pull)
		r.baseMoves("one")
		shown, _ := r.hub.Pull(pull)
		clean := r.gitWith("", "merge-tree", "--write-tree", shown.Head, "main")
		blob := r.gitWith(block+with, "hash-object", "-w", "--stdin")
		var entries []string
		for entry := range strings.Lines(r.gitWith("", "ls-tree", clean)) {
			if entry = strings.TrimSuffix(entry, "\n"); strings.HasSuffix(entry, "\ttwice.txt") {
				entry = "100644 blob " + blob + "\ttwice.txt"
			}
			entries = append(entries, entry)
		}
		tree := r.gitWith(strings.Join(entries, "\n")+"\n", "mktree")
		evil := r.gitWith("Merge main\n", "commit-tree", tree, "-p", shown.Head, "-p", "main")
		r.gitWith("", "update-ref", "refs/heads/"+shown.HeadRef, evil)
		r.settle()
		r.land()
		r.land()
		if p := r.stands(pull, store.Ready, ""); p.PatchID != approved.PatchID {
			t.Fatalf("the patch is %s by now, it was %s", p.PatchID, approved.PatchID)
		}
		r.does(0, "pull.merge", "")
		r.tells(1, store.ApprovalEnded, pull, "state:void")
	})
}
