package agents

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lightsout/agents/forge"
	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

// baseMoves has somebody push to main what no pull request of the factory touches.
func (r *rig) baseMoves(words string) string {
	r.t.Helper()
	return r.pushTo("main", map[string]string{"notes.txt": words + "\n"})
}

func TestACleanBaseUpdateKeepsAnApproval(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		g := r.approve(pull)
		r.baseMoves("one")
		r.land() // updates
		r.does(0, "pull.merge", "")
		r.land()
		p := r.stands(pull, store.Landed, "")
		if p.Head == g.Head || p.MergedBy != "Ana" {
			t.Errorf("merged at %.7s by %q; approved was %.7s", p.Head, p.MergedBy, g.Head)
		}
		r.tells(0, store.ApprovalEnded, pull, "state:void")
		r.land()
	})
}

func TestAnApprovalOfAnOldHeadMergesNothingAndSaysSo(t *testing.T) {
	for name, row := range map[string]struct {
		push  func(r *rig, pull int)
		shows string // a part of what the person is shown of the change
	}{
		"another diff": {func(r *rig, pull int) { r.push(pull, map[string]string{"part1.sh": "part1() { echo '1'; }\n"}) }, "+part1() { echo '1'; }"},
		"commits that cancel each other out": {func(r *rig, pull int) {
			r.push(pull, map[string]string{"evil.sh": "evil\n"})
			r.push(pull, map[string]string{"evil.sh": ""})
		}, "-evil"},
		"an empty commit": {func(r *rig, pull int) { r.push(pull, nil) }, "by hand"},
		"a long one": {func(r *rig, pull int) {
			r.push(pull, map[string]string{"long.txt": strings.Repeat("one more line of a long file\n", 500)})
		}, " more lines]"},
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				_, pull := r.ready(1)
				r.approve(pull)
				row.push(r, pull)
				r.land()
				r.land()
				r.does(0, "pull.merge", "")
				r.tells(1, store.ApprovalEnded, pull, "state:void")
				for _, e := range r.told(store.ApprovalEnded, pull) {
					if shown := e.Data["changes"]; !strings.Contains(shown, row.shows) || len(shown) > mostChanges+50 {
						t.Errorf("the person is shown %d bytes without %q:\n%s", len(shown), row.shows, shown)
					}
				}
				r.stands(pull, store.Ready, "")
				r.approve(pull)
				r.land()
				r.does(1, "pull.merge", ref(pull))
				r.land()
			})
		})
	}
}

// merging matches the request that merges.
func merging(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/merge")
}

func TestAHeadThatMovesBetweenCheckAndMergeIsNotMerged(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		r.wire.beforeOnce(merging, func() { r.push(pull, map[string]string{"evil.sh": "evil\n"}) })
		r.land()
		r.does(0, "pull.merge", "")
		r.tells(1, store.MergeRefused, pull, "")
		r.land()
		r.does(0, "pull.merge", "")
		r.tells(1, store.ApprovalEnded, pull, "state:void")
	})
}

func TestABaseThatMovesAtTheLastMomentPutsTheMergeOff(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		r.wire.beforeOnce(merging, func() { r.baseMoves("late") })
		r.land() // the protection wants it up to date: 405
		r.does(0, "pull.merge", "")
		r.tells(0, store.MergeRefused, pull, "")
		r.land()
		r.land()
		r.stands(pull, store.Landed, "")
		r.tells(0, store.ApprovalEnded, pull, "state:void")
		r.land()
	})
}

func TestAMergeThatIsRefusedLetsTheNextOneGo(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, first := r.given(1, nil)
		_, second := r.given(2, nil)
		r.fix()
		r.approve(first)
		r.approve(second)
		r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Status: 405, Times: -1, Method: "PUT", Path: fmt.Sprintf("/pulls/%d/merge$", first), Body: `{"message":"Required review is missing"}`})
		r.land()
		r.land()
		r.stands(second, store.Landed, "")
		r.does(0, "pull.merge", ref(first))
		r.tells(1, store.MergeRefused, first, "Required review is missing")
		r.land()
		r.land()
		r.tells(1, store.MergeRefused, first, "Required review is missing")
	})
}

func TestALostMergeReplyIsOneMerge(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		r.hub.Fault(forgetest.Fault{Kind: forgetest.DropAfter, Write: "pull.merge"})
		r.land()
		r.land()
		p := r.stands(pull, store.Landed, "")
		if p.MergedBy != "Ana" || p.Staging != stagingUp {
			t.Errorf("merged by %q, staging %q", p.MergedBy, p.Staging)
		}
		r.does(1, "pull.merge", ref(pull))
		r.tells(1, store.Merged, pull, "by:Ana")
	})
}

func TestALostMergeReplyAndADeadDaemonAreOneMerge(t *testing.T) {
	journey(t, nil, func(r *rig) {
		ticket, pull := r.ready(1)
		r.approve(pull)
		r.hub.Fault(forgetest.Fault{Kind: forgetest.DropAfter, Write: "pull.merge"})
		var lift func()
		r.wire.beforeOnce(merging, func() {
			lift = r.hub.Fault(forgetest.Fault{Kind: forgetest.Status, Method: "GET", Path: fmt.Sprintf("/pulls/%d$", pull), Times: -1})
		})
		r.landInVain()
		lift()
		r.again()
		r.land()
		r.land()
		r.land()
		p := r.stands(pull, store.Landed, "")
		if p.MergedBy != "Ana" {
			t.Errorf("merged by %q", p.MergedBy)
		}
		r.does(1, "pull.merge", ref(pull))
		r.tells(1, store.Merged, pull, "by:Ana")
		r.onBoard(ticket, "Done")
	})
}

// another is a second daemon on the same store: it should not be, and must do no harm.
func (r *rig) another() *Factory {
	f := r.factory
	client, err := forge.New(forge.Options{HTTP: &http.Client{Transport: r.wire.lines}, Token: func() string { return "token" }, RESTURL: "http://hub.invalid/api/v3/",
		GraphQLURL: "http://hub.invalid/api/graphql", Owner: "acme", Repo: "parts", Board: forge.Board{Kind: "project", ProjectOwner: "acme", ProjectNumber: 1}, Now: f.Store.Now, WriteInterval: -1})
	must(r.t, err)
	return &Factory{Store: f.Store, Forge: client, Mirror: f.Mirror, Engines: f.Engines, RulesPath: f.RulesPath, Dir: f.Dir,
		Instance: "another daemon", Settings: f.Settings, Log: f.Log}
}

func TestTwoDaemonsMergeAndDeployOnce(t *testing.T) {
	for name, at := range map[string]func(*http.Request) bool{
		"while the first looks again": func(q *http.Request) bool { return strings.HasSuffix(q.URL.Path, "/reviews") },
		"while the first merges":      merging,
		"while the first dispatches":  func(q *http.Request) bool { return strings.HasSuffix(q.URL.Path, "/dispatches") },
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				ticket, pull := r.ready(1)
				r.approve(pull)
				r.wire.beforeOnce(at, func() {
					if _, err := (&Merger{r.another()}).Run(r.ctx); err != nil {
						t.Logf("the second daemon: %v", err)
					}
				})
				for range 4 {
					if _, err := (&Merger{r.factory}).Run(r.ctx); err != nil {
						t.Logf("the first daemon: %v", err)
					}
					r.settle()
					virtualWait(r.factory.Settings.Staging.patience())
				}
				r.does(1, "pull.merge", ref(pull))
				r.does(1, "dispatch", "")
				r.tells(1, store.Merged, pull, "by:Ana")
				r.tells(0, store.MergeRefused, pull, "")
				r.tells(1, store.Staged, pull, "")
				r.onBoard(ticket, "Done")
			})
		})
	}
}

func TestAnApprovalThatComesWhileTheMergerLooksIsNoRefusal(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		m := &Merger{r.factory}
		snap, err := m.snapshot(r.ctx, m.Forge)
		must(t, err)
		r.approve(pull)
		r.good(m.landNext(r.ctx, snap))
		r.tells(0, store.MergeRefused, pull, "")
		r.land()
		r.does(1, "pull.merge", ref(pull))
		r.land()
	})
}

func TestAFailedDeploymentIsTold(t *testing.T) {
	failing := func(o *options) { o.hub.Staging.Outcome = func(string) string { return "failure" } }
	journey(t, failing, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		r.land()
		r.land()
		r.land()
		if p := r.stands(pull, store.Landed, ""); p.Staging != stagingFailed {
			t.Errorf("staging %q", p.Staging)
		}
		r.tells(1, store.StagingFailed, pull, "failure")
		r.does(1, "dispatch", "")
	})
}

func TestAMissingOrSkippedCheckNeverMerges(t *testing.T) {
	for name, show := range map[string]func(*http.Request, []byte) []byte{
		"skipped": func(r *http.Request, b []byte) []byte {
			if !strings.HasSuffix(r.URL.Path, "/check-runs") {
				return b
			}
			return bytes.ReplaceAll(b, []byte(`"conclusion":"success"`), []byte(`"conclusion":"skipped"`))
		},
		"from another app": func(r *http.Request, b []byte) []byte { // which the protection does not name
			b = bytes.ReplaceAll(b, []byte(`"app_id":null`), []byte(`"app_id":15368`))
			if !strings.HasSuffix(r.URL.Path, "/check-runs") {
				return b
			}
			return bytes.ReplaceAll(b, []byte(`"id":15368`), []byte(`"id":99`))
		},
		"of another name": func(r *http.Request, b []byte) []byte {
			if !strings.HasSuffix(r.URL.Path, "/check-runs") {
				return b
			}
			return bytes.ReplaceAll(b, []byte(`"name":"test"`), []byte(`"name":"tset"`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			journey(t, nil, func(r *rig) {
				_, pull := r.ready(1)
				r.approve(pull)
				r.wire.show(show)
				r.land()
				r.land()
				r.does(0, "pull.merge", "")
				r.stands(pull, store.Waiting, "test (")
				r.wire.show(nil)
				r.land()
				r.stands(pull, store.Landed, "")
				r.land()
			})
		})
	}
}

func TestAPausedFactoryMergesNothing(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		must(t, r.store.Pause(r.ctx, "", noTime, "Ana"))
		r.land()
		r.does(0, "pull.merge", "")
		_, err := r.store.Resume(r.ctx, "", "Ana")
		must(t, err)
		pausing := func(q *http.Request) bool { return strings.HasSuffix(q.URL.Path, "/reviews") }
		// Paused between the look and the merge.
		r.wire.beforeOnce(pausing, func() { check(t, r.store.Pause(r.ctx, "", noTime, "Ana")) })
		r.land()
		r.does(0, "pull.merge", "")
		_, err = r.store.Resume(r.ctx, "", "Ana")
		must(t, err)
		r.land()
		r.does(1, "pull.merge", ref(pull))
		r.land()
	})
}

func TestAnApprovalWithdrawnAtTheLastMomentMergesNothing(t *testing.T) {
	journey(t, nil, func(r *rig) {
		_, pull := r.ready(1)
		r.approve(pull)
		fresh := 0
		r.wire.beforeEach(func(q *http.Request) {
			if strings.HasSuffix(q.URL.Path, "/git/ref/heads/main") {
				if fresh++; fresh == 2 { // the second look at the base is the one right before the merge
					check(t, r.store.EndGrant(r.ctx, pull, store.ApprovalWithdrawn, "by Ana"))
				}
			}
		})
		r.land()
		r.does(0, "pull.merge", "")
		r.land()
		r.stands(pull, store.Ready, "")
	})
}

func TestApprovedPullRequestsLandInOrderOnAGreenMain(t *testing.T) {
	journey(t, nil, func(r *rig) {
		const many = approvedAtOnce
		pulls := make([]int, many)
		for n := range pulls {
			_, pulls[n] = r.given(n+1, nil)
		}
		r.fix()
		for _, p := range pulls {
			r.approve(p)
		}
		for tick := 0; r.did("pull.merge", "") < many && tick < 3*many; tick++ {
			r.land()
		}
		r.land()
		var order []string
		for _, m := range r.hub.Mutations() {
			if m.Kind == "pull.merge" {
				order = append(order, m.Target)
			}
		}
		var want []string
		for _, p := range pulls {
			want = append(want, ref(p))
		}
		if strings.Join(order, " ") != strings.Join(want, " ") {
			t.Errorf("landed in the order %v, want %v", order, want)
		}
		if deployed := len(r.hub.Deployments()); deployed != many {
			t.Errorf("%d deployments, want %d", deployed, many)
		}
		// Each merge is the tree that CI has seen green: the merged head contains the main before it.
		out, err := r.git("log", "--first-parent", "--format=%H %T %P", "main", fmt.Sprintf("-%d", many))
		must(t, err)
		for line := range strings.Lines(out) {
			ids := strings.Fields(line)
			tree, err := r.git("rev-parse", ids[3]+"^{tree}")
			must(t, err)
			if tree != ids[1] {
				t.Errorf("main held the tree %.7s, which CI has not seen; it saw %.7s", ids[1], tree)
			}
			checks, err := r.factory.Forge.Checks(r.ctx, ids[0])
			must(t, err)
			if !slices.ContainsFunc(checks, func(c forge.Check) bool { return c.Name == "test" && c.State == forge.Success }) {
				t.Errorf("main at %.7s has the checks %v", ids[0], checks)
			}
		}
		// Only the next one is brought up to date, when its turn has come: the first is current as it is.
		r.does(many-1, "pull.update-branch", "")
	})
}

func TestAMergeThatCameToNothingLeavesNoDoubtBehind(t *testing.T) {
	refused := forgetest.Fault{Kind: forgetest.Status, Method: "PUT", Path: "/(merge|update-branch)$"}
	t.Run("an unapproved merge", func(t *testing.T) {
		journey(t, nil, func(r *rig) {
			_, pull := r.ready(1)
			r.approve(pull)
			r.hub.Fault(refused)
			r.landInVain()
			must(t, r.store.EndGrant(r.ctx, pull, store.ApprovalWithdrawn, "by Ana"))
			r.land() // and holdInvariants finds nothing in doubt
			r.does(0, "pull.merge", "")
		})
	})
	t.Run("an update of what was closed", func(t *testing.T) {
		journey(t, nil, func(r *rig) {
			_, pull := r.ready(1)
			r.approve(pull)
			r.baseMoves("one")
			r.hub.Fault(refused)
			r.landInVain()
			must(t, r.hub.CloseIssue("acme", pull))
			r.land()
			r.does(0, "pull.merge", "")
		})
	})
}

// landInVain is a tick of the Merger that fails.
func (r *rig) landInVain() {
	r.t.Helper()
	if report, err := (&Merger{r.factory}).Run(r.ctx); err == nil {
		r.t.Errorf("the Merger's tick went well: %v", report)
	}
	r.settle()
}
