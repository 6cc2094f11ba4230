package agents

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

// askRevert asks for a merge to be taken back, as the button does.
func (r *rig) askRevert(pull int) {
	r.t.Helper()
	p := r.pull(pull)
	must(r.t, r.store.Ask(r.ctx, store.Request{Key: fmt.Sprint("revert", r.store.Now().UnixNano()), Kind: store.RequestRevert, Role: MergerRole, Ticket: p.Ticket, Pull: pull, Head: p.MergedSHA, ByID: ana, ByName: "Ana"}))
}

// revertOf is the newest pull request that takes another back.
func (r *rig) revertOf(pull int) store.Pull {
	r.t.Helper()
	all, err := r.store.AllPulls(r.ctx)
	must(r.t, err)
	var found store.Pull
	for _, p := range all {
		if p.Reverts == pull {
			found = p
		}
	}
	return found
}

func TestAMergeIsTakenBackByAPullRequestThatAPersonApproves(t *testing.T) {
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			failing := func(o *options) {
				o.hub.Staging.Outcome = func(string) string { return "failure" }
				o.settings.MergeMethod = method
			}
			journey(t, failing, func(r *rig) {
				ticket, pull := r.given(1, nil)
				r.push(pull, map[string]string{"second.txt": "a second commit\n"})
				r.fix()
				before, err := r.git("rev-parse", "main^{tree}")
				must(t, err)
				r.approve(pull)
				for range 3 {
					r.land()
				}
				merged := r.stands(pull, store.Landed, "")
				// What was approved is what main has become, and what staging was told, whatever commits it is made of.
				main, err := r.git("rev-parse", "main")
				must(t, err)
				trees, err := r.git("rev-parse", merged.MergedSHA+"^{tree}", merged.Head+"^{tree}")
				must(t, err)
				if first, second, _ := strings.Cut(trees, "\n"); first != second || main != merged.MergedSHA || merged.Staging != stagingFailed {
					t.Errorf("main is %s, merged as %s with the trees %s, staging %q", main, merged.MergedSHA, trees, merged.Staging)
				}
				if sent := r.hub.Deployments(); len(sent) != 1 || sent[0].SHA != merged.MergedSHA {
					t.Errorf("staging was sent %+v", sent)
				}
				r.baseMoves("something else came after it")
				r.askRevert(pull)
				r.askRevert(pull)
				r.land()
				revert := r.revertOf(pull)
				if revert.Number == 0 || revert.Ticket != ticket || r.did("pull.create", "") != 2 {
					t.Fatalf("reverts %+v", revert)
				}
				r.tells(2, store.RequestAnswered, pull, fmt.Sprintf("#%d takes #%d back", revert.Number, pull))
				shown, err := r.factory.Forge.Fresh().PullRequest(r.ctx, revert.Number)
				must(t, err)
				if !strings.Contains(shown.Body, "the workflow ended with failure") || !strings.Contains(shown.Body, "asked for by Ana") || strings.Contains(shown.Body, "Closes") {
					t.Errorf("its text:\n%s", shown.Body)
				}
				r.land()
				r.does(1, "pull.merge", "") // it is green, and nobody has approved it
				r.approve(revert.Number)
				for range 4 {
					r.land()
				}
				r.stands(revert.Number, store.Landed, "")
				r.tells(1, store.Reverted, pull, fmt.Sprintf("by:%d", revert.Number))
				r.onBoard(ticket, "Done")
				after, err := r.git("diff", "--stat", before, "main")
				must(t, err)
				if !strings.Contains(after, "notes.txt") || strings.Contains(after, "part1") || strings.Contains(after, "second") {
					t.Errorf("beside what came after it, main has changed:\n%s", after)
				}
			})
		})
	}
}

func TestARevertIsPreparedOnceWhateverIsLost(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		r.land()
		r.land()
		opening := func(q *http.Request) bool {
			return q.Method == http.MethodPost && strings.HasSuffix(q.URL.Path, "/pulls")
		}
		r.hub.Fault(forgetest.Fault{Kind: forgetest.DropAfter, Write: "pull.create"})
		var lift func()
		r.wire.beforeOnce(opening, func() {
			lift = r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Method: "GET", Path: "/pulls", Times: -1})
		})
		r.askRevert(pull)
		r.landInVain()
		lift()
		r.again()
		r.baseMoves("and another commit would be made of it now")
		// Another role meets the pull request first: it must know what it is.
		r.unhealthy[r.hub.Pulls()[1].Head] = true
		r.fix()
		r.land()
		r.land()
		revert := r.revertOf(pull)
		if revert.Number == 0 || r.did("pull.create", "") != 2 || r.cli.asked() != 0 {
			t.Errorf("the revert is %+v, %d pull requests, %d sessions", revert, r.did("pull.create", ""), r.cli.asked())
		}
		r.tells(1, store.RequestAnswered, pull, "takes")
	})
}

func TestWhatCannotBeTakenBackIsSaid(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		r.land()
		r.land()
		r.pushTo("main", map[string]string{"part1.sh": "part1() { echo 1 and more; }\n"})
		r.askRevert(pull)
		r.land()
		r.tells(1, store.RequestAnswered, pull, "cannot be taken back by itself: what came after it stands in the way, conflicts in part1.sh")
		r.does(1, "pull.create", "")
		sha, err := r.git("rev-parse", "main~1^")
		must(t, err)
		must(t, r.hub.ForcePush(r.ctx, "acme", "main", sha))
		r.askRevert(pull)
		r.land()
		r.tells(1, store.RequestAnswered, pull, "the base does not hold it any more")
	})
}
