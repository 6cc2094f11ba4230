package proof

import (
	"context"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// findHidden refuses tests that the change keeps from running without a word in them: by TestMain, by a helper of another package. The suite has said which
// ran on the head; those in doubt run once more by name, with the change and, if they still do not run, without it, and to be sure with it again.
func (p *prover) findHidden(ctx context.Context, s sides, suite results, flags []string) error {
	chosen := chosenTags(p.change, flags)
	flags = withTags(flags, chosen)
	doubtful := p.change.notRun(suite, flags)
	maps.DeleteFunc(doubtful, func(t test, _ bool) bool { return !asksFor(p.argv, t.top().name) })
	idle := map[test]bool{} // those that the suite has skipped: most are on the base as well, which saves a look at the head
	if len(chosen) == 0 {
		maps.Copy(idle, doubtful)
		maps.DeleteFunc(idle, func(t test, _ bool) bool { return suite.tests[t] != Skipped })
		maps.DeleteFunc(doubtful, func(t test, _ bool) bool { return idle[t] })
	}
	for _, look := range []struct {
		at   func(context.Context) error
		runs bool
	}{{p.place.toHead, false}, {p.place.toBase, true}, {p.place.toHead, false}} {
		if look.runs {
			maps.Copy(doubtful, idle)
		}
		if len(doubtful) == 0 {
			continue
		}
		var tops []test
		for t := range doubtful {
			tops = append(tops, t.top())
		}
		sortTests(tops)
		seen, err := p.runOld(ctx, look.at, s, slices.Compact(tops), flags)
		if err != nil {
			return err
		}
		if seen.cut != "" {
			return nil // nothing is known of those that did not have their turn
		}
		maps.DeleteFunc(doubtful, func(t test, _ bool) bool {
			if look.runs {
				return seen.tests[t] != Passed
			}
			status, ran := seen.tests[t]
			return ran && status != Skipped || seen.status(t) == Uncompiled || seen.status(t) == Crashed || seen.mayHaveEnded(t.group)
		})
	}
	if len(doubtful) > 0 {
		p.refuse(Refusal{Policy: PolicySkipped, Ran: suite.command, Detail: "passes without the change and does not run with it: " + names(leaves(sortedTests(doubtful)))})
	}
	return nil
}

// asksFor reports whether a command of go test asks for a test by its flags, as far as those can be read: what it leaves out by itself no change keeps from running.
func asksFor(argv []string, name string) bool {
	if !isGoTestCommand(argv) {
		return true
	}
	asked := map[string]string{} // by flag; the last one counts
	for i, arg := range argv {
		flag, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if flag = strings.TrimPrefix(flag, "test."); arg == "-args" || arg == "--args" {
			break
		}
		if strings.HasPrefix(arg, "-") && (flag == "run" || flag == "skip") {
			if !joined && i+1 < len(argv) {
				value = argv[i+1]
			}
			asked[flag] = value
		}
	}
	matches := func(forms string, deeper, unreadable bool) bool {
		return slices.ContainsFunc(alternatives(forms), func(form string) bool {
			top, _, further := strings.Cut(form, "/")
			re, err := regexp.Compile(top)
			return err != nil && unreadable || err == nil && (deeper || !further) && re.MatchString(name)
		})
	}
	run, some := asked["run"]
	skip, less := asked["skip"]
	return (!some || matches(run, true, true)) && (!less || !matches(skip, false, false))
}

// alternatives splits a form of names where go does: at each bar that stands in no brackets.
func alternatives(form string) (all []string) {
	from, depth, escaped := 0, 0, false
	for i, r := range form {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '[' || r == '(':
			depth++
		case r == ']' || r == ')':
			depth = max(depth-1, 0)
		case r == '|' && depth == 0:
			all, from = append(all, form[from:i]), i+1
		}
	}
	return append(all, form[from:])
}

// notRun are the tests that did not run in the suite, in packages that the change may keep from it: those that are declared beside a changed file, and those
// that are skipped where the change alters what they are made of.
func (c *change) notRun(suite results, flags []string) map[test]bool {
	found := map[test]bool{}
	folders := map[string]bool{}
	for _, f := range c.files {
		if p := f.after(); path.Ext(p) == ".go" && !isFixture(p) {
			folders[clean(path.Dir(p))] = true
		}
	}
	for _, p := range c.paths {
		dir := clean(path.Dir(p))
		if !folders[dir] || path.Ext(p) != ".go" || !isTestCode(p) || !built(p, c.head(p), flags) {
			continue
		}
		if parsed, ok := parseGo(c.head(p)); ok {
			for _, fn := range parsed.tests() {
				t := test{dir, fn.name}
				if _, ran := suite.tests[t]; !ran && fn.node.Recv == nil && !strings.HasPrefix(fn.name, "Example") {
					found[t] = true
				}
			}
		}
	}
	under := map[string]bool{}
	for t, status := range suite.tests {
		if status != Skipped {
			continue
		}
		if _, known := under[t.group]; !known {
			under[t.group] = c.isUnder(t.group)
		}
		if under[t.group] {
			found[t] = true
		}
	}
	return found
}
