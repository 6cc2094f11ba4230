package agents

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/forge/forgetest"
	"lightsout/agents/process"
	"lightsout/agents/worktree"
	"lightsout/store"
)

// begun leaves one file, and works on until it is ended.
func begun(name, content string) turn {
	return func(ctx context.Context, s engine.Session) (engine.Result, error) {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(content), 0o600); err != nil {
			return engine.Result{}, err
		}
		return hanging(ctx, s)
	}
}

// finishing does what the ticket says, where the file of an earlier session stands as it left it.
func finishing(t *testing.T, name, content string) turn {
	return func(ctx context.Context, s engine.Session) (engine.Result, error) {
		if got, err := os.ReadFile(filepath.Join(s.Dir, name)); err != nil || string(got) != content {
			t.Errorf("the next session finds %q, %v", got, err)
		}
		if !strings.Contains(s.Prompt, "interrupted") {
			t.Error("the next session is not told what it finds")
		}
		return solve(ctx, s)
	}
}

func TestAPauseEndsTheSessionAndItsWorkGoesOnAfterIt(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket := r.ticket(2)
		r.cli.next(meanwhile(func() { must(t, r.store.Pause(r.ctx, "", noTime, "Ana")) }, begun("notes.txt", "half of it\n")),
			finishing(t, "notes.txt", "half of it\n"))
		began := time.Now()
		r.implement()
		if took := time.Since(began); took > 2*cancelPoll {
			t.Errorf("the session went on for %s", took)
		}
		r.onBoard(ticket, "Todo")
		runs, err := r.store.RunsOf(r.ctx, ticket)
		must(t, err)
		if len(runs) != 1 || runs[0].Outcome != string(engine.Cancelled) || runs[0].Reason != "paused by Ana; its work is kept" {
			t.Errorf("the run ended as %+v", runs)
		}
		if said := r.implement().Said; said != "paused by Ana" || r.cli.asked() != 1 {
			t.Errorf("under the pause: %q, %d sessions", said, r.cli.asked())
		}
		r.again() // kept over a restart
		r.ticket(1)
		_, err = r.store.Resume(r.ctx, "", "Ana")
		must(t, err)
		r.implement()
		r.onBoard(ticket, "In Review")
		runs, err = r.store.RunsOf(r.ctx, ticket)
		must(t, err)
		if len(runs) != 2 || runs[1].Attempt != 1 {
			t.Errorf("an attempt was spent: %+v", runs)
		}
		if got, err := r.git("show", headOf(r, ticket)+":notes.txt"); err != nil || got != "half of it" {
			t.Errorf("published with %q, %v", got, err)
		}
		if kept, err := r.mirror.Kept(r.ctx); err != nil || len(kept) != 0 {
			t.Errorf("still kept after it was published: %v, %v", kept, err)
		}
	})
}

// headOf is the head of a ticket's pull request.
func headOf(r *rig, ticket int) string { return r.pull(r.pullOf(ticket)).Head }

func TestAPauseOfAnotherRoleLeavesTheSessionAlone(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket := r.ticket(1)
		r.cli.next(meanwhile(func() {
			must(t, r.store.Pause(r.ctx, FixerRole, noTime, "Ana"))
			virtualWait(3 * cancelPoll)
		}, solve))
		r.implement()
		r.onBoard(ticket, "In Review")
	})
}

func TestAPausedRepairSpendsNothingAndGoesOn(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.given(1, red)
		r.savedTickets()
		r.cli.next(meanwhile(func() { must(t, r.store.Pause(r.ctx, FixerRole, noTime, "Ana")) }, begun("part1.sh", "part1() { echo 1; } # read\n")),
			func(_ context.Context, s engine.Session) (engine.Result, error) {
				if got, err := os.ReadFile(filepath.Join(s.Dir, "part1.sh")); err != nil || string(got) != "part1() { echo 1; } # read\n" {
					t.Errorf("the next repair finds %q, %v", got, err)
				}
				if !strings.Contains(s.Prompt, redMark) {
					t.Error("the next repair is not told what is red")
				}
				return leave(s, clean)
			})
		r.fix()
		p := r.pull(pull)
		backing, err := r.store.Setbacks(r.ctx, pull, p.Head)
		must(t, err)
		if p.Attempts != 0 || len(backing) != 0 || p.Verdict != store.Red {
			t.Errorf("%d attempts, setbacks %v, %s", p.Attempts, backing, p.Verdict)
		}
		_, err = r.store.Resume(r.ctx, FixerRole, "Ana")
		must(t, err)
		r.fix()
		if r.cli.asked() != 2 || r.pull(pull).Pushed == p.Head {
			t.Errorf("%d sessions, pushed %.7s", r.cli.asked(), r.pull(pull).Pushed)
		}
	})
}

func TestWorkIsKeptWhereverAnInterruptionComesFrom(t *testing.T) {
	for name, interrupt := range map[string]func(r *rig, stop context.CancelFunc) turn{
		"a person cancels it": func(r *rig, _ context.CancelFunc) turn {
			return meanwhile(func() {
				runs, err := r.store.Running(r.ctx)
				must(r.t, err)
				must(r.t, r.store.Ask(r.ctx, store.Request{Key: "c", Kind: store.RequestCancel, Run: runs[0].ID, Ticket: runs[0].Ticket, ByID: ana, ByName: "Ana"}))
			}, begun("notes.txt", "half of it\n"))
		},
		"the daemon stops": func(_ *rig, stop context.CancelFunc) turn { return meanwhile(stop, begun("notes.txt", "half of it\n")) },
		"no quota is left": func(_ *rig, _ context.CancelFunc) turn {
			return func(_ context.Context, s engine.Session) (engine.Result, error) {
				err := os.WriteFile(filepath.Join(s.Dir, "notes.txt"), []byte("half of it\n"), 0o600)
				return engine.Result{Outcome: engine.Quota, Reason: "usage limit reached"}, err
			}
		},
		"it cannot be watched": func(_ *rig, _ context.CancelFunc) turn {
			return func(_ context.Context, s engine.Session) (engine.Result, error) {
				err := os.WriteFile(filepath.Join(s.Dir, "notes.txt"), []byte("half of it\n"), 0o600)
				return engine.Result{}, errors.Join(err, errors.New("out of file handles"))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				ticket := r.ticket(1)
				ctx, stop := context.WithCancel(r.ctx)
				r.cli.next(interrupt(r, stop), finishing(t, "notes.txt", "half of it\n"))
				_, err := (&Implementer{r.factory}).Run(ctx)
				stop()
				if err != nil {
					t.Logf("the tick: %v", err)
				}
				r.settle()
				r.again()
				must(t, r.store.Unpark(r.ctx, ticket, "asked by Ana"))
				virtualWait(2 * time.Hour)
				r.implement()
				r.onBoard(ticket, "In Review")
				if r.cli.asked() != 2 {
					t.Errorf("%d sessions", r.cli.asked())
				}
			})
		})
	}
}

func TestWorkForAnotherTextIsBegunAnew(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket := r.ticket(1)
		r.cli.next(meanwhile(func() { must(t, r.store.Pause(r.ctx, "", noTime, "Ana")) }, begun("notes.txt", "half of it\n")),
			func(ctx context.Context, s engine.Session) (engine.Result, error) {
				if _, err := os.Stat(filepath.Join(s.Dir, "notes.txt")); err == nil {
					t.Error("what was begun for the old text is there")
				}
				return solve(ctx, s)
			})
		r.implement()
		issue, _ := r.hub.Issue(ticket)
		must(t, r.hub.EditIssue("acme", ticket, issue.Title, issue.Body+"\nAnd nothing else.\n"))
		_, err := r.store.Resume(r.ctx, "", "Ana")
		must(t, err)
		r.implement()
		r.onBoard(ticket, "In Review")
	})
}

func TestNoSessionIsInstructedByWhatTheOneBeforeLeft(t *testing.T) {
	journey(t, nil, func(r *rig) {
		r.pushTo("main", map[string]string{"AGENTS.md": "of main\n", ".gitignore": ".claude/\n"})
		ticket := r.ticket(1)
		planting := func(then turn) turn {
			return func(ctx context.Context, s engine.Session) (engine.Result, error) {
				if text, err := os.ReadFile(filepath.Join(s.Dir, "AGENTS.md")); err != nil || string(text) != "of main\n" || !missing(filepath.Join(s.Dir, ".claude", "settings.json")) {
					t.Errorf("session %d is instructed by %q, %v", r.cli.asked(), text, err)
				}
				must(t, writeFile(filepath.Join(s.Dir, ".claude", "settings.json"), []byte("hooks"))) // ignored
				must(t, os.WriteFile(filepath.Join(s.Dir, "AGENTS.md"), []byte("planted\n"), 0o600))
				return then(ctx, s)
			}
		}
		r.cli.next(planting(meanwhile(func() { must(t, r.store.Pause(r.ctx, "", noTime, "Ana")) }, begun("notes.txt", "half of it\n"))),
			planting(finishing(t, "notes.txt", "half of it\n")), planting(solve))
		r.implement()
		_, err := r.store.Resume(r.ctx, "", "Ana")
		must(t, err)
		r.implement()
		runs, err := r.store.RunsOf(r.ctx, ticket)
		must(t, err)
		if r.cli.asked() != 3 || len(runs) != 2 || !strings.Contains(runs[1].Reason, "protected") { // what the last one wrote is judged
			t.Errorf("%d sessions, %+v", r.cli.asked(), runs)
		}
	})
}

func TestNothingIsKeptBesideAPublicationHoweverItEnds(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(r *rig, ticket int) // while the second session works
		ends      string
	}{
		"by a later tick": {func(r *rig, _ int) {
			r.hub.Fault(forgetest.Fault{Kind: forgetest.DropBefore, Write: "pull.create", Times: 1})
		}, "In Review"},
		"by a setback": {func(r *rig, ticket int) {
			r.pushTo(worktree.Branch(ticket, "Part 1 prints zero"), map[string]string{"by-hand.txt": "mine\n"})
		}, "In Progress"},
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				ticket := r.ticket(1)
				r.cli.next(meanwhile(func() { must(t, r.store.Pause(r.ctx, "", noTime, "Ana")) }, begun("notes.txt", "half of it\n")),
					meanwhile(func() { c.meanwhile(r, ticket) }, solve))
				r.implement()
				_, err := r.store.Resume(r.ctx, "", "Ana")
				must(t, err)
				if _, err := (&Implementer{r.factory}).Run(r.ctx); err != nil {
					t.Logf("the tick: %v", err)
				}
				r.settle()
				r.implement()
				r.onBoard(ticket, c.ends)
				if kept, err := r.mirror.Kept(r.ctx); err != nil || len(kept) != 0 {
					t.Errorf("kept: %v, %v", kept, err)
				}
			})
		})
	}
}

func TestARedBaseLosesNoWork(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket := r.ticket(1)
		r.cli.next(meanwhile(func() { must(t, r.store.Pause(r.ctx, "", noTime, "Ana")) }, begun("notes.txt", "half of it\n")),
			finishing(t, "notes.txt", "half of it\n"), func(_ context.Context, s engine.Session) (engine.Result, error) {
				for name, want := range map[string]string{"notes.txt": "half of it\n", "part1.sh": partFiles(1)["part1.sh"]} {
					if got, err := os.ReadFile(filepath.Join(s.Dir, name)); err != nil || string(got) != want {
						t.Errorf("%s of the finished session: %q, %v", name, got, err)
					}
				}
				return engine.Result{Outcome: engine.Done}, nil
			})
		r.implement()
		r.pushTo("main", map[string]string{"tests/broken_test.sh": "false\n"})
		_, err := r.store.Resume(r.ctx, "", "Ana")
		must(t, err)
		r.implement()
		runs, err := r.store.RunsOf(r.ctx, ticket)
		must(t, err)
		if len(runs) != 2 || runs[1].Outcome != "base red" {
			t.Fatalf("%+v", runs)
		}
		r.pushTo("main", map[string]string{"tests/broken_test.sh": ""})
		r.implement()
		r.onBoard(ticket, "In Review")
	})
}

func TestAStopAfterTheProofCostsNoSecondSession(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket := r.ticket(1)
		i := &Implementer{r.factory}
		snap, err := i.snapshot(r.ctx, i.Forge)
		must(t, err)
		ranked, err := i.Rank(r.ctx)
		must(t, err)
		claim, leave, err := i.claim(r.ctx, store.Claim{Ticket: ticket, Role: ImplementerRole}, i.Settings.Lease)
		must(t, err)
		branch, start, lease, err := i.branch(r.ctx, ranked.Picked.Ticket, snap.BaseSHA)
		must(t, err)
		a := assignment{role: ImplementerRole, ticket: ranked.Picked.Ticket, claim: claim, attempt: 1, base: snap.BaseSHA, start: start, branch: branch}
		made, err := i.work(r.ctx, a)
		must(t, err)
		ctx, stop := context.WithCancel(r.ctx)
		stop()
		if _, err := i.deliver(ctx, a, made, publication{Lease: lease}); !errors.Is(err, context.Canceled) {
			t.Errorf("delivered under a stop: %v", err)
		}
		leave()
		r.again()
		r.implement()
		r.onBoard(ticket, "In Review")
		if r.cli.asked() != 1 {
			t.Errorf("%d sessions", r.cli.asked())
		}
	})
}

func TestThePullRequestTextIsKeptWhereNoFileHasChangedSinceTheLastRound(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket := r.ticket(1)
		r.cli.next(leaving(map[string]string{"part1.sh": "part1() { echo 1; }\n"}), // refused: no test
			meanwhile(func() { must(t, r.store.Pause(r.ctx, "", noTime, "Ana")) }, hanging),
			func(ctx context.Context, s engine.Session) (engine.Result, error) {
				text, err := os.ReadFile(textFile(s))
				if err != nil || !strings.Contains(string(text), "It printed zero") {
					t.Errorf("the pull request text: %q, %v", text, err)
				}
				return solve(ctx, s)
			})
		r.implement()
		_, err := r.store.Resume(r.ctx, "", "Ana")
		must(t, err)
		r.implement()
		r.onBoard(ticket, "In Review")
	})
}

func TestTheHousekeeperForgetsWorkThatNobodyGoesOnWith(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(r *rig, ticket int) error
		kept    int
	}{
		"nothing happens":      {func(*rig, int) error { return nil }, 1},
		"the ticket is closed": {func(r *rig, ticket int) error { return r.hub.CloseIssue("acme", ticket) }, 0},
		"its text is another":  {func(r *rig, ticket int) error { return r.hub.EditIssue("acme", ticket, "Another", "thing") }, 0},
		"a month goes by":      {func(*rig, int) error { virtualWait(filesKept + time.Hour); return nil }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				ticket := r.ticket(1)
				r.cli.next(meanwhile(func() { must(t, r.store.Pause(r.ctx, "", noTime, "Ana")) }, begun("notes.txt", "half of it\n")))
				r.implement()
				must(t, c.happens(r, ticket))
				r.settle()
				r.good((&Housekeeper{r.factory}).Run(r.ctx))
				if kept, err := r.mirror.Kept(r.ctx); err != nil || len(kept) != c.kept {
					t.Errorf("kept: %v, %v", kept, err)
				}
			})
		})
	}
}

func TestKeptWorkThatCannotBeLaidOutEndsOneRun(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket := r.ticket(1)
		_, err := (&Implementer{r.factory}).Rank(r.ctx) // fetches
		must(t, err)
		read, err := r.factory.Forge.Ticket(r.ctx, ticket)
		must(t, err)
		main, err := r.git("rev-parse", "main")
		must(t, err)
		mirror := func(input string, args ...string) string {
			out, err := process.Output(r.ctx, process.Command{Args: append([]string{"git"}, args...), Dir: r.mirror.Dir(), Stdin: strings.NewReader(input), Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir}})
			must(t, err)
			return strings.TrimSpace(string(out))
		}
		noFiles := mirror("tree "+strings.Repeat("1", 40)+"\nparent "+main+"\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nno files\n", "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
		mirror("", "update-ref", "refs/lightsout/kept/"+keptName(ticket, textHash(read)), noFiles)
		if _, err := (&Implementer{r.factory}).Run(r.ctx); err == nil {
			t.Error("files that are not there were laid out")
		}
		r.implement()
		r.onBoard(ticket, "In Review")
	})
}
