package agents

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"lightsout/agents/forge"
	"lightsout/agents/forge/forgetest"
	"lightsout/agents/worktree"
	"lightsout/store"
)

func TestAPullRequestThatGitHubDoesNotFindAtOnceIsNotLost(t *testing.T) {
	journey(t, nil, func(r *rig) {
		for n, times := range []int{2, openedTries} { // the second is longer than one tick waits
			ticket := r.ticket(n + 1)
			r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Method: http.MethodGet, Path: `/pulls/\d+$`, Skip: n, Status: 404, Body: `{"message":"Not Found"}`, Times: times})
			_, err := (&Implementer{r.factory}).Run(r.ctx)
			r.settle()
			if (err != nil) != (times == openedTries) {
				t.Errorf("not found %d times: %v", times, err)
			}
			r.fix()
			r.stands(r.pullOf(ticket), store.Ready, "")
			r.onBoard(ticket, "In Review")
			r.parked(ticket, "")
			r.does(n+1, "pull.create", "")
			if r.cli.asked() != n+1 {
				t.Errorf("%d sessions, want %d", r.cli.asked(), n+1)
			}
		}
	})
}

func TestABranchThatAPersonPushedIsContinued(t *testing.T) {
	journey(t, nil, func(r *rig) {
		r.opened(1) // the mirror knows the base by now
		ticket := r.ticket(2)
		theirs := r.pushTo(worktree.Branch(ticket, "Part 2 prints zero"), map[string]string{"notes.txt": "by hand\n"})
		r.implement()
		shown, _ := r.hub.Pull(r.pullOf(ticket))
		if parent, err := r.git("rev-parse", shown.Head+"^"); err != nil || parent != theirs {
			t.Errorf("the work stands on %s, a person had pushed %s (%v)", parent, theirs, err)
		}
	})
}

func TestAMirrorMadeAnewKnowsNothingOfRewrittenBranches(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		r.reject(pull, "no", "Say more.")
		shown, _ := r.hub.Pull(pull)
		_, err := r.git("update-ref", "refs/heads/"+shown.HeadRef, "refs/heads/main")
		must(t, err)
		r.pushTo(shown.HeadRef, map[string]string{"part1.sh": "part1() { echo 1; } # by hand\n"})
		state := filepath.Join(r.dir, "state")
		must(t, os.RemoveAll(filepath.Join(state, "mirror.git")))
		mirror, err := worktree.Open(r.ctx, worktree.Options{Dir: filepath.Join(state, "mirror.git"), URL: r.hub.GitDir(), AuthorName: "factory", AuthorEmail: "factory@example.com",
			Now: r.store.Now, PrivateDir: filepath.Join(state, "git-home"), Path: os.Getenv("PATH")})
		must(t, err)
		r.factory.Mirror, r.mirror = mirror, mirror
		r.fix()
		r.stands(pull, store.Ready, "")
		r.tells(1, store.ApprovalEnded, pull, "state:void")
		r.land()
		r.does(0, "pull.merge", "")
	})
}

func TestADeploymentThatFailsIsNoRedBase(t *testing.T) {
	nobodyRequires := func(o *options) {
		o.hub.Required = nil
		o.hub.Staging.Outcome = func(string) string { return "failure" }
	}
	journey(t, nobodyRequires, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		r.land()
		r.land()
		r.tells(1, store.StagingFailed, pull, "")
		_, err := r.factory.Forge.Dispatch(r.ctx, forge.Workflow{File: "staging.yml", Ref: "main"}) // by hand
		must(t, err)
		r.settle()
		r.opened(2)
		r.tells(0, store.Trouble, 0, baseRed)
	})
}

func TestADiffThatIsGoneIsWrittenAgain(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		diff := r.pull(pull).DiffPath
		must(t, os.Remove(diff)) // by whoever tidies the state folder by hand
		r.fix()
		if missing(r.pull(pull).DiffPath) {
			t.Error("nobody can be shown the diff")
		}
	})
}
