//go:build ci

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"lightsout/agents/forge/forgetest"
	"lightsout/cmd/lightsout/sample"
	"lightsout/store"
)

// solutions lays out what the k-th session for the ticket does: its total.sh, and files beside.
func (r *rig) solutions(files ...map[string]string) {
	r.t.Helper()
	for k, changed := range files {
		script := map[string][]byte{}
		for name, content := range tinySolution {
			script[strings.Replace(name, "/1/", fmt.Sprintf("/%d/", k+1), 1)] = content
		}
		for name, content := range changed {
			script[fmt.Sprintf("total-is-always-one/%d/%s", k+1, name)] = []byte(content)
		}
		must(r.t, sample.Write(filepath.Join(r.dir, "scripts"), script))
	}
}

// reconfigure changes the rig's configuration.
func (r *rig) reconfigure(old, new string) {
	r.t.Helper()
	text, err := os.ReadFile(r.config)
	must(r.t, err)
	if !bytes.Contains(text, []byte(old)) {
		r.t.Fatalf("no %q in the configuration", old)
	}
	must(r.t, os.WriteFile(r.config, bytes.Replace(text, []byte(old), []byte(new), 1), 0o600))
}

// unformatted is a total.sh that works and that CI's lint does not take.
func unformatted(n int) string {
	return fmt.Sprintf("# unformatted %d\n%s", n, tinySolution["total-is-always-one/1/files/total.sh"])
}

// linted adds a check to CI that names the file at fault.
func linted(o *forgetest.Options) {
	o.Checks = append(o.Checks, forgetest.Check{Name: "lint", Command: []string{"sh", "-c", `! grep -n unformatted total.sh || { echo "error: total.sh is unformatted"; exit 1; }`}})
	o.Required = append(o.Required, "lint")
}

func plights() []plight {
	return []plight{
		{name: "a red pull request is repaired", hub: linted,
			begin:  func(r *rig) { r.solutions(map[string]string{"files/total.sh": unformatted(1)}, nil) },
			over:   (*rig).landed,
			strike: []blow{{kind: "push", nth: 2}, {kind: "issue.label", nth: 1}, {kind: "issue.unlabel", nth: 1}, {kind: "issue.comment", nth: 1}, {kind: "comment.edit", nth: 1}, {kind: "pull.edit", nth: 1}},
			once:   []string{"pull.create", "pull.merge", "dispatch", "issue.comment", "push"}},
		{name: "a review is answered",
			hub: func(o *forgetest.Options) {
				first := ""
				o.Reviewer = func(p forgetest.Pull) []forgetest.Review { // asked one at a time
					if first == "" || first == p.Head {
						first = p.Head
						return []forgetest.Review{{Author: "robot[bot]", State: "CHANGES_REQUESTED", Body: "Not yet.", Comments: []forgetest.ReviewComment{{Path: "total.sh", Line: 1, Body: "Say it in the README."}}}}
					}
					return []forgetest.Review{{Author: "robot[bot]", State: "APPROVED", Body: "Good."}}
				}
			},
			begin: func(r *rig) {
				r.reconfigure("[github]\n", "[github]\nreviewers = [\"robot[bot]\"]\n")
				r.solutions(nil, map[string]string{"files/README.md": "# Prices\n\nAdds up prices. `sh test.sh` runs the tests. `total 2 3` is 5.\n",
					"pull-request.md": string(tinySolution["total-is-always-one/1/pull-request.md"]) + "\n## Answers\n\n1. Said in the README.\n"})
			},
			over:   (*rig).landed,
			strike: []blow{{kind: "thread.reply", nth: 1}, {kind: "thread.resolve", nth: 1}},
			once:   []string{"pull.create", "pull.merge", "dispatch", "thread.reply", "push"}},
		{name: "a flaky check runs again",
			hub: func(o *forgetest.Options) {
				var mutex sync.Mutex
				var heads []string // in the order in which CI met them: main first, then the pull request
				asked := map[string]bool{}
				o.Checks = append(o.Checks, forgetest.Check{Name: "flaky", Judge: func(sha string) (bool, string) {
					mutex.Lock()
					defer mutex.Unlock()
					if !slices.Contains(heads, sha) {
						heads = append(heads, sha)
					}
					again := asked[sha]
					asked[sha] = true
					return again || slices.Index(heads, sha) != 1, "FAIL: the moon is not full\n"
				}})
				o.Required = append(o.Required, "flaky")
			},
			over:   (*rig).landed,
			strike: []blow{{kind: "check.rerun", nth: 1}},
			once:   []string{"pull.create", "pull.merge", "dispatch", "check.rerun"}},
		{name: "three attempts do not repair it", hub: linted,
			begin: func(r *rig) {
				var tries []map[string]string
				for n := range 5 {
					tries = append(tries, map[string]string{"files/total.sh": unformatted(n)})
				}
				r.solutions(tries...)
			},
			over: func(r *rig) bool {
				issue, _ := r.forge.Issue(r.ticket)
				pulls := r.forge.Pulls()
				return issue.Status == "Todo" && len(pulls) == 1 && pulls[0].Draft
			},
			strike: []blow{{kind: "issue.comment", nth: 2}, {kind: "pull.draft", nth: 1}, {kind: "issue.label", nth: 4}, {kind: "project.move", nth: 3}},
			once:   []string{"pull.create", "pull.draft", "issue.comment"}},
		{name: "the base has moved on", act: movesBase("notes.txt", "one\n"),
			over:   (*rig).landed,
			strike: []blow{{kind: "pull.update-branch", nth: 1}, {kind: "pull.merge", nth: 1}, {kind: "push", nth: 2}},
			once:   []string{"pull.create", "pull.merge", "dispatch"}},
		{name: "a conflict is settled", act: movesBase("total.sh", strings.Replace(string(tinyRepo["total.sh"]), "; }", "; } # of prices", 1)),
			begin:  func(r *rig) { r.solutions(nil, nil) },
			over:   (*rig).landed,
			strike: []blow{{kind: "push", nth: 3}, {kind: "comment.edit", nth: 1}},
			once:   []string{"pull.create", "pull.merge", "dispatch", "push", "issue.comment"}},
		{name: "a person's draft is handed back",
			act: func(r *rig) {
				pulls, err := r.store.AllPulls(r.t.Context())
				if err != nil || len(pulls) == 0 {
					return
				}
				number := pulls[0].Number
				switch {
				case pulls[0].Verdict == store.Ready && !r.tapped["draft"]:
					r.tapped["draft"] = true
					check(r.t, r.forge.SetDraft("acme", number, true))
				case pulls[0].Verdict == store.Draft && !r.tapped["back"]:
					r.tapped["back"] = true
					_, err := r.chat.Say(1001, fmt.Sprintf("/retry %d", number))
					check(r.t, err)
				}
			},
			over:   (*rig).landed,
			strike: []blow{{kind: "pull.ready", nth: 1}},
			once:   []string{"pull.create", "pull.merge", "dispatch", "pull.ready", "push"}},
		{name: "main is red for a while",
			hub: func(o *forgetest.Options) {
				o.Checks = append(o.Checks, forgetest.Check{Name: "site", Command: []string{"sh", "-c", "! grep broken site.txt"}})
				o.Required = append(o.Required, "site")
			},
			begin: func(r *rig) {
				r.reconfigure("[schedule]\n", "[merge]\nbase_red_ticket = true\n\n[schedule]\n")
				r.pushToMain("site.txt", "broken\n")
			},
			act: func(r *rig) {
				if _, filed := r.aboutMain(); filed && !r.tapped["repaired"] {
					r.tapped["repaired"] = true
					r.pushToMain("site.txt", "whole\n")
				}
			},
			over: func(r *rig) bool {
				ticket, filed := r.aboutMain()
				return filed && !ticket.Open && r.landed()
			},
			strike: []blow{{kind: "issue.create", nth: 1}, {kind: "issue.comment", nth: 1}, {kind: "issue.edit", nth: 1}},
			once:   []string{"issue.create", "issue.comment", "pull.create", "pull.merge", "dispatch"}},
		{name: "a merge is taken back",
			hub: func(o *forgetest.Options) {
				broken := ""
				o.Staging.Outcome = func(sha string) string { // asked one at a time
					if broken == "" || broken == sha {
						broken = sha
						return "failure"
					}
					return "success"
				}
			},
			act: func(r *rig) { r.tapOnce("Revert", r.tapped) },
			over: func(r *rig) bool {
				pulls, err := r.store.AllPulls(r.t.Context())
				return err == nil && len(pulls) == 2 && pulls[1].Staging == "up"
			},
			strike: []blow{{kind: "push", nth: 3}, {kind: "pull.create", nth: 2}, {kind: "pull.merge", nth: 2}, {kind: "dispatch", nth: 2}},
			once:   []string{"pull.create", "pull.merge", "dispatch", "branch.delete"}},
	}
}

// pushToMain is a person's push.
func (r *rig) pushToMain(name, content string) {
	_, err := r.forge.PushAsPerson(r.t.Context(), "main", map[string][]byte{name: []byte(content)}, "by hand")
	check(r.t, err)
}

// aboutMain is the ticket that says that main is red. A request that dies half way uses up a number.
func (r *rig) aboutMain() (ticket forgetest.Issue, filed bool) {
	for n := r.ticket + 1; n < r.ticket+4; n++ {
		if ticket, filed = r.forge.Issue(n); filed && ticket.Title == "main is red" {
			return ticket, true
		}
	}
	return forgetest.Issue{}, false
}

// movesBase has somebody push to main when the pull request is ready, before it is approved.
func movesBase(name, content string) func(*rig) {
	var mutex sync.Mutex
	moved := map[*rig]bool{}
	return func(r *rig) {
		mutex.Lock()
		defer mutex.Unlock()
		for _, m := range r.chat.Messages(1001) {
			if _, _, ready := approveButton(m); ready && !moved[r] {
				moved[r] = true
				r.pushToMain(name, content)
			}
		}
	}
}
