package agents

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"lightsout/agents/engine"
	"lightsout/agents/review"
	"lightsout/rules"
	"lightsout/store"
)

// trio are three scripted reviewers: each has its answers in turn, and none beyond them.
type trio struct{ enthusiast, adversary, referee *script }

// lookedAt makes three reviewers look at everything, in two rounds.
func lookedAt(three *trio) func(*options) {
	return func(o *options) {
		*three = trio{&script{name: rules.Enthusiast}, &script{name: rules.Adversary}, &script{name: rules.Referee}}
		o.settings.Review = Review{Rounds: 2}
		o.engines = map[string][]Runner{rules.Enthusiast: {three.enthusiast}, rules.Adversary: {three.adversary}, rules.Referee: {three.referee}}
	}
}

// saying is a session whose last words are these.
func saying(words string) turn {
	return ending(engine.Result{Outcome: engine.Done, Text: words, Turns: 2, Usage: engine.Usage{Input: 100, Output: 10, CostUSD: 0.25}, Seconds: 1})
}

const nothing = `{"findings":[]}`

// finding is one finding about the first part, ruling the word on it; its trace quotes what the session wrote.
func finding(severity, claim string) string {
	return fmt.Sprintf(`{"findings":[{"file":"part1.sh","line":1,"severity":%q,"claim":%q,"trigger":"part1 with an argument"}]}`, severity, claim)
}

func ruling(word string) string {
	return fmt.Sprintf(`{"rulings":[{"id":"F1","ruling":%q,"reason":"the argument is lost","trace":[{"file":"tests/part1_test.sh","line":1,"code":". ./part1.sh"},{"file":"part1.sh","line":1,"code":"echo 1"}]}]}`, word)
}

const upheld = `{"answers":[{"id":"F1","kind":"stands","place":"","reason":"it is so"}]}`

// finds has the three agree on a real bug.
func (x *trio) finds() {
	x.enthusiast.next(saying(finding("high", "The argument is lost.")))
	x.adversary.next(saying(upheld))
	x.referee.next(saying(ruling("real bug")))
}

// debate is the newest debate on a pull request.
func (r *rig) debate(pull int) (store.Review, review.Verdict) {
	r.t.Helper()
	kept, err := r.store.Review(r.ctx, pull)
	must(r.t, err)
	var v review.Verdict
	must(r.t, json.Unmarshal([]byte(kept.Verdict), &v))
	return kept, v
}

// better is the first ticket's solution with a difference.
func better() map[string]string {
	files := partFiles(1)
	files["part1.sh"] += "# it takes no argument\n"
	return files
}

func TestARealBugGoesBackToItsAuthorAndIsGoneWhenItIsPublished(t *testing.T) {
	var three trio
	journey(t, lookedAt(&three), func(r *rig) {
		ticket := r.ticket(1)
		three.finds()
		r.cli.next(solve, leaving(better()))
		three.enthusiast.next(saying(nothing))
		r.implement()
		pull := r.pullOf(ticket)
		if r.cli.asked() != 2 || !strings.Contains(r.cli.last(), "The referee: the argument is lost") {
			t.Errorf("%d sessions, the last was told:\n%s", r.cli.asked(), r.cli.last())
		}
		second := three.enthusiast.last()
		if three.enthusiast.asked() != 2 || !strings.Contains(second, "+# it takes no argument") || strings.Contains(second, "+[ \"$(part1)\"") {
			t.Errorf("the second round is not about what changed since:\n%s", second)
		}
		kept, v := r.debate(pull)
		shown, _ := r.hub.Pull(pull)
		if kept.Line != "1 raised, 1 fixed" || kept.Stands != "" || kept.Head != shown.Head || v.Rounds != 2 || len(v.Turns) != 4 || v.Turns[0].Answer == "" {
			t.Errorf("%+v, %d rounds, %d turns", kept, v.Rounds, len(v.Turns))
		}
		for _, part := range []string{"### Review\n\n**1 raised, 1 fixed**", "- **Fixed** (high) `part1.sh:1`: The argument is lost.", "_The review: 4 sessions, 4 s, 400 + 40 tokens, $1.00._"} {
			if !strings.Contains(shown.Body, part) {
				t.Errorf("the text lacks %q:\n%s", part, shown.Body)
			}
		}
		runs, err := r.store.RunsOf(r.ctx, ticket)
		must(t, err)
		if len(runs) != 1 || runs[0].CostUSD != 1 || runs[0].InputTokens != 400 || runs[0].Turns != 2+4*2 {
			t.Errorf("what the review used does not count: %+v", runs)
		}
		r.tells(1, store.ReviewSentBack, 0, "part1.sh:1: The argument is lost.")
		r.fix()
		r.stands(pull, store.Ready, "")
		findings, err := r.store.FindingsOf(r.ctx, pull)
		must(t, err)
		if len(findings) != 1 || findings[0].Outcome != "repaired" {
			t.Errorf("%+v", findings)
		}
	})
}

func TestARealBugThatStandsIsShownInADraftAndAPersonMayOverruleIt(t *testing.T) {
	var three trio
	journey(t, lookedAt(&three), func(r *rig) {
		ticket := r.ticket(1)
		three.finds()
		r.cli.next(solve, leaving(better()))
		three.finds()
		r.implement()
		pull := r.pullOf(ticket)
		shown, _ := r.hub.Pull(pull)
		if !shown.Draft || !strings.Contains(shown.Body, "- **Real bug** (high) `part1.sh:1`: The argument is lost.") {
			t.Errorf("draft %v:\n%s", shown.Draft, shown.Body)
		}
		if r.cli.asked() != 2 || three.enthusiast.asked() != 2 {
			t.Errorf("%d sessions, %d rounds", r.cli.asked(), three.enthusiast.asked())
		}
		r.fix()
		r.stands(pull, store.Draft, "a real bug that stands: part1.sh:1: The argument is lost.")
		r.onBoard(ticket, "In Review")
		pr, err := r.factory.Forge.PullRequest(r.ctx, pull)
		must(t, err)
		must(t, r.factory.Forge.MarkReady(r.ctx, pr))
		r.fix()
		r.stands(pull, store.Ready, "")
	})
}

func TestARepairWithARealBugComesToNothing(t *testing.T) {
	var three trio
	journey(t, lookedAt(&three), func(r *rig) {
		_, pull := r.given(1, red)
		before, _ := r.hub.Pull(pull)
		three.finds()
		three.finds()
		worse := better()
		worse[redMark] = ""
		r.cli.next(leaving(clean), leaving(map[string]string{"part1.sh": worse["part1.sh"]}))
		r.fix()
		after, _ := r.hub.Pull(pull)
		if p := r.pull(pull); p.Attempts != 1 || after.Head != before.Head {
			t.Errorf("attempts %d, head moved %v", p.Attempts, after.Head != before.Head)
		}
		r.tells(1, store.RunEnded, pull, "part1.sh:1: The argument is lost.")
		if _, err := r.store.Review(r.ctx, pull); err == nil {
			t.Error("what was not pushed is said to be reviewed")
		}
	})
}

func TestARepairIsReviewedByItselfAndTheDebateGoesOn(t *testing.T) {
	var three trio
	journey(t, lookedAt(&three), func(r *rig) {
		ticket := r.ticket(1)
		three.enthusiast.next(saying(finding("low", "It says nothing of itself.")))
		three.adversary.next(saying(upheld))
		three.referee.next(saying(ruling("worth noting")))
		r.cli.next(leaving(map[string]string{"part1.sh": partFiles(1)["part1.sh"], "tests/part1_test.sh": partFiles(1)["tests/part1_test.sh"], redMark: "red\n"}))
		r.implement()
		pull := r.pullOf(ticket)
		three.enthusiast.next(saying(nothing))
		r.cli.next(leaving(clean))
		r.fix()
		if second := three.enthusiast.last(); !strings.Contains(second, "-red\n") || strings.Contains(second, "+part1() { echo 1; }") {
			t.Errorf("the repair is not looked at by itself:\n%s", second)
		}
		kept, v := r.debate(pull)
		shown, _ := r.hub.Pull(pull)
		if kept.Line != "1 raised, 1 noted" || v.Rounds != 2 || !strings.Contains(shown.Body, "**Worth noting** (low) `part1.sh:1`") || strings.Count(shown.Body, "### Review") != 1 {
			t.Errorf("%s, %d rounds:\n%s", kept.Line, v.Rounds, shown.Body)
		}
	})
}

func TestAChangeThatNobodyCanReviewIsPublishedAndSaysSo(t *testing.T) {
	for name, row := range map[string]struct {
		first turn
		line  string
	}{
		"out of quota": {ending(engine.Result{Outcome: engine.Quota, Reason: "come back tomorrow"}), "not reviewed: the enthusiast gave no answer"},
		"cannot be run": {func(context.Context, engine.Session) (engine.Result, error) {
			return engine.Result{}, fmt.Errorf("no such program")
		}, "not reviewed: review, round 1: session of the enthusiast: no such program"},
		"no end": {hanging, "not reviewed: "},
	} {
		if name == "cannot be run" && !everything {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var three trio
			journey(t, lookedAt(&three), func(r *rig) {
				ticket := r.ticket(1)
				three.enthusiast.next(row.first)
				r.implement()
				pull := r.pullOf(ticket)
				kept, _ := r.debate(pull)
				shown, _ := r.hub.Pull(pull)
				if !strings.HasPrefix(kept.Line, row.line) || !strings.Contains(shown.Body, "**not reviewed: ") || shown.Draft {
					t.Errorf("%q, draft %v:\n%s", kept.Line, shown.Draft, shown.Body)
				}
				if name == "no end" && !strings.Contains(kept.Line, "no time left") {
					t.Errorf("%q", kept.Line)
				}
				r.fix()
				r.stands(pull, store.Ready, "")
			})
		})
	}
}

func TestACancelledReviewPublishesNothing(t *testing.T) {
	var three trio
	journey(t, lookedAt(&three), func(r *rig) {
		ticket := r.ticket(1)
		three.enthusiast.next(func(ctx context.Context, s engine.Session) (engine.Result, error) {
			check(t, r.store.Ask(r.ctx, store.Request{Key: "cancel", Kind: store.RequestCancel, Run: 1, ByName: "Ana"}))
			return hanging(ctx, s)
		})
		r.implement()
		r.does(0, "pull.create", "")
		r.parked(ticket, "Ana")
	})
}

func TestAReviewThatWasInterruptedLeavesNothingHalf(t *testing.T) {
	var three trio
	journey(t, lookedAt(&three), func(r *rig) {
		ticket := r.ticket(1)
		three.finds()
		life, end := context.WithCancel(r.ctx)
		r.cli.next(solve, func(ctx context.Context, s engine.Session) (engine.Result, error) {
			end()
			return hanging(ctx, s)
		})
		if _, err := (&Implementer{r.factory}).Run(life); err != nil {
			t.Logf("the interrupted tick: %v", err)
		}
		r.again()
		three.enthusiast.next(saying(nothing))
		r.implement()
		r.implement()
		pull := r.pullOf(ticket)
		kept, _ := r.debate(pull)
		if kept.Line != "nothing raised" {
			t.Errorf("%q", kept.Line)
		}
		r.does(1, "pull.create", "")
		r.fix()
		r.stands(pull, store.Ready, "")
	})
}

func TestAReproductionIsRunByTheFactory(t *testing.T) {
	for name, row := range map[string]struct{ test, line string }{
		"one that fails":  {"exit 1\n", "1 raised, 1 fixed"},
		"one that passes": {". ./part1.sh\n[ \"$(part1)\" = 1 ]\n", "1 raised, 1 noted"},
	} {
		t.Run(name, func(t *testing.T) {
			var three trio
			journey(t, lookedAt(&three), func(r *rig) {
				ticket := r.ticket(1)
				three.enthusiast.next(saying(finding("high", "The argument is lost.")), saying(nothing))
				three.adversary.next(saying(upheld))
				three.referee.next(saying(fmt.Sprintf(`{"rulings":[{"id":"F1","ruling":"real bug","reason":"see","reproduction":[{"path":"tests/lost_test.sh","content":%q}]}]}`, row.test)))
				// The repair cannot make `exit 1` pass; it takes the test's place, so that it tells nothing any more.
				more := better()
				more["tests/lost_test.sh"] = "true\n"
				r.cli.next(solve, leaving(more))
				r.implement()
				kept, _ := r.debate(r.pullOf(ticket))
				if kept.Line != row.line {
					t.Errorf("%q, want %q\n%s", kept.Line, row.line, kept.Debate)
				}
			})
		})
	}
}

func TestAFewWordsOfDocumentationAreNotReviewed(t *testing.T) {
	var three trio
	journey(t, lookedAt(&three), func(r *rig) {
		ticket := r.ticket(1)
		r.cli.next(leaving(map[string]string{"README.md": "# Parts\n\nEach prints its number.\n"}))
		r.implement()
		pull := r.pullOf(ticket)
		if _, err := r.store.Review(r.ctx, pull); err == nil || three.enthusiast.asked() != 0 {
			t.Errorf("it was reviewed, %d sessions", three.enthusiast.asked())
		}
	})
}
