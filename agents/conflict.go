package agents

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lightsout/agents/worktree"
	"lightsout/rules"
	"lightsout/store"
)

// intentsShown bounds how many changes of the base are explained to a session that settles a conflict.
const intentsShown = 5

// intentBytes bounds the words about one of them.
const intentBytes = 600

// conflictEvidence is what a session is told of a conflict: both sides as a merge would leave them, and what each side
// is for.
func (x *Fixer) conflictEvidence(ctx context.Context, snap Snapshot, s Standing) (string, error) {
	head := s.Facts.PR.Head
	clashes, err := x.Mirror.Clashes(ctx, head, snap.BaseSHA, "this pull request", x.Settings.Base)
	if err != nil {
		return "", err
	}
	for i := range clashes {
		clashes[i].Text = limitEnd(clashOnly(clashes[i].Text), failingLog/len(clashes))
	}
	theirs, err := x.intents(ctx, snap, s)
	if err != nil {
		return "", err
	}
	return fill("conflict.md", map[string]any{"Base": x.Settings.Base, "Files": s.Facts.Conflicts, "Clashes": clashes, "Theirs": theirs,
		"Why": why(sessionText(s.Facts.PR.Body))}), nil
}

// intents says what the base has taken up in the conflicting files since the branch left it, and why.
func (x *Fixer) intents(ctx context.Context, snap Snapshot, s Standing) ([]string, error) {
	fork, err := x.Mirror.MergeBase(ctx, snap.BaseSHA, s.Facts.PR.Head)
	if err != nil {
		return nil, err
	}
	landings, err := x.Mirror.Landings(ctx, fork, snap.BaseSHA, s.Facts.Conflicts)
	if err != nil {
		return nil, err
	}
	known, err := x.Store.AllPulls(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, l := range landings[:min(len(landings), intentsShown)] {
		i := slices.IndexFunc(known, func(p store.Pull) bool { return p.MergedSHA == l.SHA })
		if i < 0 {
			out = append(out, intent(l.Subject, l.Body))
			continue
		}
		pr, err := x.Forge.PullRequest(ctx, known[i].Number)
		if err != nil {
			return nil, fmt.Errorf("read what #%d was for: %w", known[i].Number, err)
		}
		out = append(out, intent(fmt.Sprintf("#%d %s", pr.Number, pr.Title), why(sessionText(pr.Body))))
	}
	return out, nil
}

// intent puts a change and its reason on one line.
func intent(title, reason string) string {
	line := strings.Join(strings.Fields(rules.Sanitize(title)), " ")
	if reason = strings.Join(strings.Fields(rules.Sanitize(reason)), " "); reason != "" {
		line += ": " + reason
	}
	if len(line) > intentBytes {
		line = strings.ToValidUTF8(line[:intentBytes], "") + " […]"
	}
	return line
}

// why is what a pull request's text gives as its reason: the section whose heading says so; "" where it has none.
func why(text string) string {
	var section []string
	inside := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			inside = strings.EqualFold(strings.Trim(line, "# \t\r\n"), "why")
			continue
		}
		if inside {
			section = append(section, strings.TrimSpace(line))
		}
	}
	return strings.TrimSpace(strings.Join(section, " "))
}

// clashMargin is how many lines around a conflict are shown.
const clashMargin = 3

// clashOnly cuts a file with conflict markers to its conflicts and what stands right around them.
func clashOnly(text string) string {
	lines := strings.Split(text, "\n")
	keep := make([]bool, len(lines))
	inside := false
	for i, line := range lines {
		inside = inside || strings.HasPrefix(line, "<<<<<<< ")
		if !inside {
			continue
		}
		for j := max(0, i-clashMargin); j <= min(len(lines)-1, i+clashMargin); j++ {
			keep[j] = true
		}
		inside = !strings.HasPrefix(line, ">>>>>>> ")
	}
	var out []string
	for i, line := range lines {
		switch {
		case keep[i]:
			out = append(out, line)
		case len(out) > 0 && out[len(out)-1] != "[…]":
			out = append(out, "[…]")
		}
	}
	return strings.Join(out, "\n")
}

// stillMarked names those files of a head that hold conflict markers: a conflict that was committed, not settled.
func (f *Factory) stillMarked(ctx context.Context, head string, files []string) ([]string, error) {
	var marked []string
	for _, name := range files {
		text, err := f.Mirror.Show(ctx, head, name)
		if errors.Is(err, worktree.ErrNoRevision) {
			continue // settled by removing it
		}
		if err != nil {
			return nil, err
		}
		if worktree.Marked(text) {
			marked = append(marked, name)
		}
	}
	return marked, nil
}
