package agents

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/forge"
	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

// shows holds what a visitor of the pull request sees of the Fixer: one comment, and the label.
func (r *rig) shows(pull int, labelled bool, words ...string) {
	r.t.Helper()
	p, _ := r.hub.Pull(pull)
	if slices.Contains(p.Labels, fixingLabel) != labelled {
		r.t.Errorf("#%d has the labels %q", pull, p.Labels)
	}
	if len(p.Comments) != 1 {
		r.t.Errorf("#%d has %d comments, want the one that is edited: %v", pull, len(p.Comments), p.Comments)
		return
	}
	for _, part := range words {
		if !strings.Contains(p.Comments[0].Body, part) {
			r.t.Errorf("the comment on #%d lacks %q:\n%s", pull, part, p.Comments[0].Body)
		}
	}
}

func TestAClaimIsSeenOnGitHubInOneCommentThatIsEdited(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		idle := ending(engine.Result{Outcome: engine.Failed, Reason: "exit status 1"})
		r.cli.next(meanwhile(func() {
			r.shows(pull, true, "🔧 The Fixer works on this, attempt 1 of 3. --- FAIL: TestNothingRed.", "Claim 1, since 00:00 UTC on 1 January, at most until 01:00 UTC.", "never overwritten")
		}, idle))
		r.fix()
		r.shows(pull, false, "⏸ The Fixer came to no repair, attempt 1 of 3: failed: exit status 1.", "Claim 1, ended")
		r.cli.next(meanwhile(func() { r.shows(pull, true, "attempt 2 of 3", "Claim 2, since") }, leaving(clean)))
		r.fix()
		r.shows(pull, false, "✅ The Fixer has pushed a repair, attempt 2 of 3. CI runs on it now.", "Claim 2, ended")
	})
}

func TestAPullRequestThatAnotherDaemonHasIsLeftToIt(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		theirs := visibleClaim{Generation: 7, Holder: "elsewhere", Until: r.store.Now().Add(time.Hour)}
		must(t, r.hub.AddComment("eve", pull, visibleClaim{Generation: 99, Holder: "eve", Until: r.store.Now().Add(1000 * time.Hour)}.mark()))
		must(t, r.hub.AddComment("lightsout-bot", pull, "The Fixer works on this.\n"+theirs.mark()))
		for range 3 {
			r.fix()
		}
		if r.cli.asked() != 0 {
			t.Errorf("%d sessions beside another daemon's", r.cli.asked())
		}
		r.tells(1, store.Trouble, 0, "claim 7 of a daemon that is not this one")
		virtualWait(2 * time.Hour) // it has died
		r.cli.next(leaving(clean))
		r.fix()
		r.fix()
		r.stands(pull, store.Ready, "")
		r.tells(1, store.TroubleOver, 0, otherDaemon(pull))
	})
}

func TestAClaimOfAnEarlierLifeIsAdopted(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		r.cli.next(func(context.Context, engine.Session) (engine.Result, error) {
			return engine.Result{}, errors.New("the daemon dies here")
		})
		if _, err := (&Fixer{r.factory}).Run(r.ctx); err == nil {
			t.Fatal("the tick that died went well")
		}
		r.again()
		r.shows(pull, true, "Claim 1, since")
		r.cli.next(leaving(clean))
		r.fix()
		r.shows(pull, false, "has pushed a repair")
		r.fix()
		r.stands(pull, store.Ready, "")
	})
}

func TestALabelThatIsTrueNoMoreIsTakenOff(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		must(t, r.hub.AddComment("lightsout-bot", pull, "It works."+visibleClaim{Generation: 1, Holder: r.factory.Instance, Until: r.store.Now().Add(time.Hour)}.mark()))
		_, err := r.factory.Forge.AddLabels(r.ctx, pull, fixingLabel, gaveUpLabel, "theirs")
		must(t, err)
		r.fix()
		r.shows(pull, false, "was interrupted")
		if p, _ := r.hub.Pull(pull); !slices.Equal(p.Labels, []string{"theirs"}) {
			t.Errorf("labels %q", p.Labels)
		}
	})
}

func TestADeletedCommentIsWrittenAnew(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		must(t, r.store.SetSetting(r.ctx, fmt.Sprintf("claim comment #%d", pull), "12345"))
		r.cli.next(leaving(clean))
		r.fix()
		r.shows(pull, false, "has pushed a repair")
	})
}

func TestTheCommentIsWrittenOnceAfterAnInterruption(t *testing.T) {
	for _, write := range []string{"issue.comment", "issue.label", "comment.edit", "issue.unlabel"} {
		if !everything && write != "issue.comment" {
			continue
		}
		for _, kind := range interruptions() {
			t.Run(write+" "+string(kind), func(t *testing.T) {
				journey(t, nil, func(r *rig) {
					_, pull := r.given(1, red)
					r.hub.Fault(forgetest.Fault{Kind: kind, Write: write})
					r.cli.next(leaving(clean))
					if _, err := (&Fixer{r.factory}).Run(r.ctx); err != nil {
						t.Logf("the interrupted tick: %v", err)
					}
					r.settle()
					r.again()
					r.cli.next(leaving(clean))
					r.fix()
					r.fix()
					r.shows(pull, false, "Claim")
					r.stands(pull, store.Ready, "")
				})
			})
		}
	}
}

func TestOnlyTheFactorysOwnClaimIsRead(t *testing.T) {
	until := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ours := visibleClaim{Generation: 3, Holder: "here", Until: until}
	over := visibleClaim{Generation: 4, Holder: "here"}
	for name, row := range map[string]struct {
		comments []forge.Comment
		want     visibleClaim
		comment  int64
	}{
		"none":           {nil, visibleClaim{}, 0},
		"ours":           {[]forge.Comment{{ID: 1, Author: "bot", Body: "x\n" + ours.mark()}}, ours, 1},
		"a stranger's":   {[]forge.Comment{{ID: 1, Author: "bot", Body: ours.mark()}, {ID: 2, Author: "eve", Body: over.mark()}}, ours, 1},
		"the newest":     {[]forge.Comment{{ID: 1, Author: "bot", Body: ours.mark()}, {ID: 2, Author: "bot", Body: over.mark()}}, over, 2},
		"without a mark": {[]forge.Comment{{ID: 1, Author: "bot", Body: "claim 3"}}, visibleClaim{}, 0},
	} {
		got, comment, ok := readClaim(row.comments, "bot")
		if got != row.want || comment != row.comment || ok != (row.comment != 0) {
			t.Errorf("%s: %+v in comment %d, %v", name, got, comment, ok)
		}
	}
}

func TestAWordThatNobodyWantsAnyMoreIsNotLeftInDoubt(t *testing.T) {
	for _, kind := range []forgetest.FaultKind{forgetest.Status, forgetest.DropAfter} {
		t.Run(string(kind), func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				_, pull := r.given(1, red)
				r.pushTo("release", map[string]string{"notes.txt": "of the release\n"})
				lift := r.hub.Fault(forgetest.Fault{Kind: kind, Write: "issue.comment"})
				lose := r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Method: "GET", Path: `/comments$`, Skip: 1, Times: -1})
				if _, err := (&Fixer{r.factory}).Run(r.ctx); err == nil {
					t.Fatal("the tick whose comment was refused went well")
				}
				lift()
				lose()
				must(t, r.hub.Retarget("acme", pull, "release")) // so no claim of ours will ever write it
				r.fix()
				r.stands(pull, store.Foreign, "")
				doubts, err := r.store.InDoubt(r.ctx)
				must(t, err)
				if len(doubts) != 0 {
					t.Errorf("left in doubt: %v", doubts)
				}
				if p, _ := r.hub.Pull(pull); slices.Contains(p.Labels, fixingLabel) || len(p.Comments) > 1 {
					t.Errorf("labels %q, comments %v", p.Labels, p.Comments)
				}
			})
		})
	}
}

func TestAGivingUpThatAPersonOvertakesIsNotLeftInDoubt(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		r.spent(pull)
		lift := r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Write: "issue.comment", Times: -1})
		if _, err := (&Fixer{r.factory}).Run(r.ctx); err == nil {
			t.Fatal("the tick that could not tell the story went well")
		}
		must(t, r.hub.CloseIssue("acme", pull))
		lift()
		r.fix()
		r.fix()
		doubts, err := r.store.InDoubt(r.ctx)
		must(t, err)
		if len(doubts) != 0 {
			t.Errorf("left in doubt: %v", doubts)
		}
		r.stands(pull, store.Closed, "")
	})
}
