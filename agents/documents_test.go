package agents

import (
	"slices"
	"strings"
	"testing"
)

func TestThePromptSaysWhereTheDocumentsAre(t *testing.T) {
	for name, c := range map[string]struct{ paths, want []string }{
		"none":             {[]string{"main.go", "internal/readme.md", "vendor/x/CONTRIBUTING.md", "README.go"}, nil},
		"the telling ones": {[]string{"README.md", "CONTRIBUTING.rst", "AGENTS.md", "docs/guide.md", "docs/architecture.md", "LICENSE", "main.go"}, []string{"AGENTS.md", "CONTRIBUTING.rst", "docs/architecture.md", "README.md", "docs/"}},
		"not too many": {[]string{"AGENTS.md", "CLAUDE.md", "CONTRIBUTING.md", ".github/CONTRIBUTING.md", "DESIGN.md", "HACKING", "README", "STYLE.md"},
			[]string{"AGENTS.md", "CLAUDE.md", "CONTRIBUTING.md", ".github/CONTRIBUTING.md", "HACKING", "DESIGN.md"}},
	} {
		if got := documents(c.paths); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	journey(t, nil, func(r *rig) {
		r.pushTo("main", map[string]string{"CONTRIBUTING.md": "# How to work here\n"})
		ticket := r.ticket(1)
		r.implement()
		if !strings.Contains(r.cli.last(), "How this project works: CONTRIBUTING.md\n") {
			t.Errorf("the prompt names no document:\n%s", r.cli.last())
		}
		runs, err := r.store.RunsOf(r.ctx, ticket)
		must(t, err)
		if log := unpacked(t, runs[0].LogPath); !strings.Contains(log, "■ prompt: ") || !strings.Contains(log, " of 2,200 beside ticket, rules and evidence") {
			t.Errorf("the log does not say how long the prompt was:\n%s", log)
		}
	})
}
