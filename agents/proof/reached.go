package proof

import (
	"path"
	"slices"
	"strings"
)

// toReached makes of a suite that does not end in time the commands for those of its packages that the change can reach: what they and their tests are made of
// it alters. A package of which a test has failed so far was reached, whatever by; one that the limit ended tells nothing. It counts the packages with tests, those and all. There are no commands where the suite names its packages otherwise than as all of a module.
func (c *change) toReached(whole []command, failed map[test]string) (commands []command, reached, all int) {
	modules, red := goModules(c), map[string]bool{}
	for t, status := range failed {
		red[t.group] = red[t.group] || status != Unfinished
	}
	for _, suite := range whole {
		everything := slices.Index(suite.args, "./...")
		if everything < 0 || !isGoTestCommand(suite.args) {
			return nil, 0, 0
		}
		var patterns []string
		for _, dir := range c.testedFolders() {
			if nearest(modules, dir) != suite.dir {
				continue
			}
			all++
			if red[dir] || c.isUnder(dir) {
				patterns = append(patterns, "./"+strings.TrimPrefix(strings.TrimPrefix(dir, suite.dir), "/"))
			}
		}
		if reached += len(patterns); len(patterns) > 0 {
			suite.args = slices.Replace(slices.Clone(suite.args), everything, everything+1, patterns...)
			commands = append(commands, suite)
		}
	}
	return commands, reached, all
}

// testedFolders are the folders with Go tests that `./...` takes in, in order.
func (c *change) testedFolders() []string {
	var all []string
	for _, p := range c.paths {
		if strings.HasSuffix(p, "_test.go") && isTestCode(p) && !ignoredByGo(p) {
			all = append(all, clean(path.Dir(p)))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
