package proof

import (
	"context"
	"path"
	"slices"
	"strings"
)

// findLostScripts refuses that a script of testscript is gone which ran on the base, unless what it called is gone as well or its lines stand in another one.
func (p *prover) findLostScripts(ctx context.Context, s sides, flags []string) error {
	owners := map[string]*goPackage{}
	var lost []*file
	for _, f := range p.change.files {
		owner, ok := fixtureOwner(p.change, f.path)
		switch {
		case !f.deleted() || !ok || !isScript(f.path) || p.change.losesWordsOf(f):
		case p.change.holdsLinesOf(f):
			p.warn("%s: %s: the script is gone; its lines stand in another one", PolicyDeleted, f.path)
		default:
			lost, owners[owner] = append(lost, f), &goPackage{whole: true}
		}
	}
	if len(lost) == 0 {
		return nil
	}
	clean, err := p.runAll(ctx, p.place.toBase, goCommands(goModules(p.change), owners, flags, manner{limit: p.patience(s)}))
	if err != nil {
		return err
	}
	for _, f := range lost {
		stem := "/" + strings.TrimSuffix(path.Base(f.path), path.Ext(f.path))
		for _, t := range sortedTests(clean.tests) {
			if owners[t.group] != nil && strings.HasSuffix(t.name, stem) && clean.tests[t] == Passed && s.head.tests[t] != Passed {
				p.refuse(Refusal{Policy: PolicyDeleted, File: f.path, Detail: "the script is gone, and what it called is still there: " + t.String()})
				break
			}
		}
	}
	return nil
}

// isScript reports whether the path may be a script of testscript.
func isScript(p string) bool {
	ext := path.Ext(p)
	return isFixture(p) && (ext == ".txtar" || ext == ".txt")
}

// looksAt are the words of scripts that call nothing of the program.
var looksAt = words("stdout stderr cmp cmpenv grep exists stdin cp mv mkdir cd env rm wait chmod symlink unquote skip stop # ! ?")

// commandsOf are the lines of a script, from above its files.
func commandsOf(content []byte) (lines []string) {
	script, _, _ := strings.Cut("\n"+string(content), "\n-- ")
	for l := range strings.Lines(script) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
			lines = append(lines, l)
		}
	}
	return lines
}

// losesWordsOf reports whether a word with which the script called the program is one that the change takes out of the source.
func (c *change) losesWordsOf(f *file) bool {
	removed, kept, folders := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, g := range c.where(isProgram) {
		folders[path.Dir(g.path)] = true
		for _, l := range g.removed {
			for _, word := range identifiers(l.text) {
				removed[word] = true
			}
		}
	}
	for _, p := range c.paths {
		if isGoSource(p) && folders[path.Dir(p)] {
			for _, word := range identifiers(string(c.head(p))) {
				kept[word] = true
			}
		}
	}
	for _, l := range commandsOf(c.base(f.path)) {
		fields := slices.DeleteFunc(strings.Fields(l), func(w string) bool { return w == "!" || w == "?" || strings.HasPrefix(w, "[") })
		if len(fields) == 0 || looksAt[fields[0]] {
			continue
		}
		if slices.ContainsFunc(identifiers(strings.Join(fields, " ")), func(word string) bool { return removed[word] && !kept[word] }) {
			return true
		}
	}
	return false
}

// holdsLinesOf reports whether another script that the change adds or alters has nearly all lines of this one.
func (c *change) holdsLinesOf(f *file) bool {
	mine := map[string]bool{}
	for _, l := range commandsOf(c.base(f.path)) {
		mine[l] = true
	}
	return slices.ContainsFunc(c.files, func(g *file) bool {
		if g.deleted() || !isScript(g.path) {
			return false
		}
		other := map[string]bool{}
		for _, l := range commandsOf(c.head(g.path)) {
			other[l] = true
		}
		return len(mine) > 0 && within(mine, other) > 0.8
	})
}
