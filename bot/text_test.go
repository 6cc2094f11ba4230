package bot

import (
	"strings"
	"testing"
	"text/template"
	"text/template/parse"
	"time"
	"unicode/utf8"

	"lightsout/store"
)

// escapes are the functions whose results may stand in a text as they are. face and printf are no such functions, but face
// returns emoji of ours alone.
func escapes(name string) bool {
	switch name {
	case "e", "lines", "clip", "quote", "join", "sha", "link", "face":
		return true
	}
	return false
}

// TestEveryValueInATextIsEscaped reads the texts: what is printed must come out of an escaping function, be bound by a "with" that
// is one, or be the face of a line, which the code chooses.
func TestEveryValueInATextIsEscaped(t *testing.T) {
	p, err := newPages(func(s string) string { return s })
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	var walk func(file string, n parse.Node, dotIsEscaped bool)
	last := func(pipe *parse.PipeNode) string {
		command := pipe.Cmds[len(pipe.Cmds)-1]
		if id, ok := command.Args[0].(*parse.IdentifierNode); ok {
			return id.Ident
		}
		return command.String()
	}
	list := func(file string, l *parse.ListNode, dot bool) {
		if l != nil {
			for _, n := range l.Nodes {
				walk(file, n, dot)
			}
		}
	}
	walk = func(file string, n parse.Node, dot bool) {
		switch n := n.(type) {
		case *parse.ActionNode:
			checked++
			if len(n.Pipe.Decl) > 0 || escapes(last(n.Pipe)) || dot && n.Pipe.String() == "." || n.Pipe.String() == ".Face" {
				return
			}
			t.Errorf("%s prints %s unescaped", file, n)
		case *parse.ListNode:
			list(file, n, dot)
		case *parse.IfNode:
			list(file, n.List, dot)
			list(file, n.ElseList, dot)
		case *parse.RangeNode:
			list(file, n.List, false)
			list(file, n.ElseList, dot)
		case *parse.WithNode:
			list(file, n.List, escapes(last(n.Pipe)))
			list(file, n.ElseList, dot)
		case *parse.TemplateNode:
			t.Errorf("%s: the test does not follow %s", file, n)
		}
	}
	for _, one := range p.set.Templates() {
		if one.Tree != nil {
			walk(one.Name(), one.Root, false)
		}
	}
	if checked < 100 {
		t.Errorf("only %d values were looked at", checked)
	}
	// The test itself can fail.
	naked := template.Must(template.New("naked.html").Parse(`{{.Title}}`))
	caught := false
	if action, ok := naked.Root.Nodes[0].(*parse.ActionNode); ok {
		caught = !escapes(last(action.Pipe))
	}
	if !caught {
		t.Error("an unescaped value would not be found")
	}
}

func TestLinksGoToTheWebAlone(t *testing.T) {
	p := markupOnly()
	for address, want := range map[string]string{
		"https://github.com/a/b/pull/1?x=1&y=2": `<a href="https://github.com/a/b/pull/1?x=1&amp;y=2">A &lt;b&gt;</a>`,
		`https://x/"><b>`:                       `<a href="https://x/%22%3E%3Cb%3E">A &lt;b&gt;</a>`,
		"javascript:alert(1)":                   "A &lt;b&gt;",
		"tg://user?id=1":                        "A &lt;b&gt;",
		"":                                      "A &lt;b&gt;",
		"://":                                   "A &lt;b&gt;",
	} {
		if got := p.link(address, "A <b>"); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}

func TestTextsAreCutToTheirLimits(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("x", 5000), strings.Repeat("🦊", 3000), strings.Repeat("é ", 4000)} {
		if got := cut(4096, s); units(got) > 4096 || !utf8.ValidString(got) || units(s) <= 4096 && got != s {
			t.Errorf("%d units of %d", units(got), units(s))
		}
		if got := clip(10, s); utf8.RuneCountInString(got) > 10 {
			t.Errorf("clip: %q", got)
		}
	}
}

func TestDurationsReadAsPeopleSayThem(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 12 * time.Second: "12s", 372 * time.Second: "6m12s", 64 * time.Minute: "1h04m", 50 * time.Hour: "2d2h"} {
		if got := took(d); got != want {
			t.Errorf("%v: %s", d, got)
		}
	}
	for d, want := range map[time.Duration]string{30 * time.Minute: "30m", 2 * time.Hour: "2h", 90 * time.Minute: "1h30m", 45 * time.Second: "45s"} {
		if got := span(d); got != want {
			t.Errorf("%v: %s", d, got)
		}
	}
}

func TestWhereAPullRequestStandsIsSaidInOneLine(t *testing.T) {
	green := []store.Check{{Name: "test", State: "success", Required: true}, {Name: "lint", State: "pending", Required: true}, {Name: "extra", State: "failure"}}
	grant := &store.Grant{ByName: "Ana"}
	for want, c := range map[string]struct {
		p store.Pull
		g *store.Grant
	}{
		"CI 1/2 · lands when green and approved":                                         {store.Pull{Verdict: store.Waiting, Checks: green}, nil},
		"CI 3/5 · lands when green and approved":                                         {store.Pull{Verdict: store.Waiting, Reason: "CI 3/5, waiting for e2e, lint", Checks: green}, nil},
		"no checks after 15m: is CI set up for main? · lands when green and approved":    {store.Pull{Verdict: store.Waiting, Reason: "no checks after 15m: is CI set up for main?"}, nil},
		"CI 2/2 · answered; waits for bob to look again · lands when green and approved": {store.Pull{Verdict: store.Waiting, Reason: "CI 2/2, answered; waits for bob to look again"}, nil},
		"CI 3/5 · approved by Ana · lands when green":                                    {store.Pull{Verdict: store.Waiting, Reason: "CI 3/5, waiting for lint"}, grant},
		"CI 5/5 · waits for your approval":                                               {store.Pull{Verdict: store.Ready, Reason: "CI 5/5"}, nil},
		"CI 5/5 · approved by Ana · merging when green":                                  {store.Pull{Verdict: store.Approval, Reason: "CI 5/5, approved"}, grant},
		"CI 5/5 · approved by Ana · waits for an update from main":                       {store.Pull{Verdict: store.Landing, Reason: "CI 5/5, approved, waits for an update from main"}, grant},
		"CI 1/2 · failed: lint · for the Fixer · attempt 2/3":                            {store.Pull{Verdict: store.Red, Reason: "failed: lint", Checks: green, Attempts: 1}, nil},
		"test fails on main too · no repair is started":                                  {store.Pull{Verdict: store.BaseRed, Reason: "test fails on main too"}, nil},
		"merged as c41d9e0 by Ana · staging up · ready for QA":                           {store.Pull{Verdict: store.Landed, MergedSHA: "c41d9e0aa", MergedBy: "Ana", Staging: "up"}, nil},
		"foreign · a person pushed":                                                      {store.Pull{Verdict: store.Foreign, Reason: "a person pushed"}, nil},
		"not read yet":                                                                   {store.Pull{}, nil},
	} {
		if got := says(c.p, c.g); got != want {
			t.Errorf("says %q, want %q", got, want)
		}
	}
}
