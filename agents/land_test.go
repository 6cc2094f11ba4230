package agents

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"lightsout/agents/forge/forgetest"
	"lightsout/store"
)

// atTheLastMoment has something happen between the look of a tick and the look right before the merge.
func (r *rig) atTheLastMoment(f func()) {
	looks := 0
	r.wire.beforeEach(func(q *http.Request) {
		if strings.HasSuffix(q.URL.Path, "/git/ref/heads/main") {
			if looks++; looks == 2 {
				f()
			}
		}
	})
}

// checkRuns rewrites the answers about check runs.
func checkRuns(old, new string) func(*http.Request, []byte) []byte {
	return func(r *http.Request, b []byte) []byte {
		if !strings.HasSuffix(r.URL.Path, "/check-runs") {
			return b
		}
		return bytes.ReplaceAll(b, []byte(old), []byte(new))
	}
}

func TestEverythingIsLookedAtAgainAtTheMomentOfMerging(t *testing.T) {
	journey(t, func(o *options) { o.hub.Required = []string{"test", manual} }, func(r *rig) {
		_, pull := r.given(1, nil)
		reports := func(state string) func() {
			return func() {
				shown, _ := r.hub.Pull(pull)
				check(t, r.hub.SetStatus("acme", shown.Head, manual, state, ""))
			}
		}
		shows := func(rewrite func(*http.Request, []byte) []byte) func() { return func() { r.wire.show(rewrite) } }
		reviews := func(state string) func() {
			return func() {
				check(t, r.hub.AddReview(pull, forgetest.Review{Author: "acme", State: state, Body: "Name it."}))
			}
		}
		drafted := func(draft bool) func() {
			return func() {
				pr, err := r.factory.Forge.Fresh().PullRequest(r.ctx, pull)
				must(t, err)
				if draft {
					must(t, r.factory.Forge.ConvertToDraft(r.ctx, pr))
				} else {
					must(t, r.factory.Forge.MarkReady(r.ctx, pr))
				}
			}
		}
		_, err := r.hub.PushAsPerson(r.ctx, "release", map[string][]byte{"release.txt": []byte("1\n")}, "by hand")
		must(t, err)
		reports("success")()
		for _, row := range []struct {
			name         string
			breaks, heal func()
			reason       string // that is told; "" for what the person knows who did it
		}{
			{"a draft", drafted(true), drafted(false), "it is a draft"},
			{"a required check that failed", reports("failure"), reports("success"), "failed: " + manual},
			{"a required check that runs again", reports("pending"), reports("success"), ""},
			{"a skipped check", shows(checkRuns(`"conclusion":"success"`, `"conclusion":"skipped"`)), shows(nil), ""},
			{"a neutral check", shows(checkRuns(`"conclusion":"success"`, `"conclusion":"neutral"`)), shows(nil), ""},
			{"a missing check", shows(checkRuns(`"name":"test"`, `"name":"tset"`)), shows(nil), ""},
			{"a check of another commit", shows(checkRuns(`"head_sha":"`, `"head_sha":"0`)), shows(nil), ""},
			{"changes requested", reviews("CHANGES_REQUESTED"), reviews("APPROVED"), "changes requested by acme"},
			{"closed", func() { check(t, r.hub.CloseIssue("acme", pull)) }, func() { check(t, r.hub.Reopen("acme", pull)) }, ""},
			{"pointed elsewhere", func() { check(t, r.hub.Retarget("acme", pull, "release")) }, func() { check(t, r.hub.Retarget("acme", pull, "main")) }, ""},
			{"paused", func() { check(t, r.store.Pause(r.ctx, "", noTime, "Ana")) }, func() { _, err := r.store.Resume(r.ctx, "", "Ana"); check(t, err) }, ""},
			{"withdrawn", func() { check(t, r.store.EndGrant(r.ctx, pull, store.ApprovalWithdrawn, "by Ana")) }, func() {}, ""},
		} {
			r.fix()
			if _, err := r.store.Grant(r.ctx, pull); err != nil {
				r.approve(pull)
			}
			before := len(r.told(store.MergeRefused, pull))
			r.atTheLastMoment(row.breaks)
			r.land()
			r.wire.beforeEach(nil)
			r.land()
			r.land()
			told := r.told(store.MergeRefused, pull)[before:]
			switch {
			case r.did("pull.merge", "") > 0:
				t.Fatalf("%s: it was merged", row.name)
			case row.reason == "" && len(told) > 1, row.reason != "" && len(told) != 1:
				t.Errorf("%s: told %d times", row.name, len(told))
			case row.reason != "" && !strings.Contains(told[0].Data["reason"], row.reason):
				t.Errorf("%s: the reason is %q", row.name, told[0].Data["reason"])
			}
			row.heal()
		}
		r.approve(pull)
		r.land()
		r.does(1, "pull.merge", ref(pull))
		r.land()
	})
}
