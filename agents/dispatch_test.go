package agents

import (
	"testing"
	"time"

	"lightsout/agents/forge"
	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

func TestADispatchWhoseAnswerIsLostIsLookedForBeforeItIsMadeAgain(t *testing.T) {
	soon, late := 5*time.Minute, 15*time.Minute // the patience is ten
	for name, row := range map[string]struct {
		kind       forgetest.FaultKind
		times      int
		unlisted   time.Duration
		dispatches int
		saidAgain  int
	}{
		"it was done, and is listed at once": {kind: forgetest.DropAfter, dispatches: 1},
		"it was done, and is listed late":    {kind: forgetest.DropAfter, unlisted: soon, dispatches: 1},
		"it was not done":                    {kind: forgetest.DropBefore, dispatches: 1, saidAgain: 1},
		"it is listed too late":              {kind: forgetest.DropAfter, unlisted: late, dispatches: 2, saidAgain: 1},
		"both answers are lost":              {kind: forgetest.DropAfter, times: 2, unlisted: late, dispatches: 2, saidAgain: 1},
		"it was refused for now":             {kind: forgetest.Secondary, dispatches: 1},
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, func(o *options) { o.hub.Staging.Unlisted = row.unlisted }, func(r *rig) {
				_, pull := r.ready(1)
				r.approve(pull)
				r.hub.Fault(forgetest.Fault{Kind: row.kind, Write: "dispatch", Times: row.times, RetryAfter: time.Minute})
				for minute := range 20 { // a request is made in the first, and another after the patience
					if _, err := (&Merger{r.factory}).Run(r.ctx); err != nil && minute > 1 && minute != 10 {
						t.Errorf("minute %d: %v", minute, err)
					}
					r.settle()
					if minute == 3 {
						r.again()
					}
					if p := r.pull(pull); row.kind == forgetest.Secondary && minute > 3 && p.Staging != stagingUp {
						t.Fatalf("minute %d: staging is %q: what cannot have been done is not waited for", minute, p.Staging)
					}
					virtualWait(time.Minute)
				}
				r.does(row.dispatches, "dispatch", "")
				r.tells(row.saidAgain, store.Intake, pull, "asked for once more")
				r.tells(1, store.Staged, pull, "")
				r.tells(0, store.StagingFailed, pull, "")
			})
		})
	}
}

func TestARunThatIsListedLateIsNeverAnotherMerges(t *testing.T) {
	// A server that does not say which run a dispatch became, and lists it late: two merges wait for theirs.
	mute := func(o *options) { o.hub.Staging.Mute, o.hub.Staging.Unlisted = true, 5*time.Minute }
	journey(t, mute, func(r *rig) {
		_, first := r.ready(1)
		_, second := r.ready(2)
		r.approve(first)
		r.approve(second)
		for range 16 {
			r.land()
			virtualWait(time.Minute)
		}
		r.does(2, "dispatch", "")
		for _, pull := range []int{first, second} {
			p := r.stands(pull, store.Landed, "")
			run, err := r.factory.Forge.WorkflowRun(r.ctx, p.StagingRun)
			if err != nil || p.Staging != stagingUp || run.HeadSHA != p.MergedSHA {
				t.Errorf("#%d, merged as %.7s: staging %q by a run at %.7s, %v", pull, p.MergedSHA, p.Staging, run.HeadSHA, err)
			}
		}
	})
}

func TestARunOnABaseThatWasPushedOverIsNobodys(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		r.hub.Fault(forgetest.Fault{Kind: forgetest.DropBefore, Write: "dispatch"})
		if _, err := (&Merger{r.factory}).Run(r.ctx); err == nil {
			t.Fatal("the dispatch was not interrupted")
		}
		main, err := r.git("rev-parse", "main")
		must(t, err)
		gone := r.gitWith("gone\n", "commit-tree", main+"^{tree}", "-p", main)
		must(t, r.hub.ForcePush(r.ctx, "acme", "main", gone))
		_, err = r.factory.Forge.Dispatch(r.ctx, forge.Workflow{File: "staging.yml", Ref: "main"}) // by hand
		must(t, err)
		must(t, r.hub.ForcePush(r.ctx, "acme", "main", main))
		r.settle()
		r.land()
		virtualWait(r.factory.Settings.Staging.patience())
		r.land()
		r.land()
		r.does(2, "dispatch", "")
		if p := r.stands(pull, store.Landed, ""); p.Staging != stagingUp {
			t.Errorf("staging %q", p.Staging)
		}
	})
}
