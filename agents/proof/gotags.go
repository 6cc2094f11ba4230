package proof

import (
	"go/build/constraint"
	"path"
	"runtime"
	"slices"
	"strings"
)

// knownTags are build tags that say what the machine is: they cannot be chosen.
var knownTags = words(`unix linux darwin windows freebsd netbsd openbsd dragonfly solaris illumos aix plan9 android ios js wasip1 zos hurd
	amd64 386 arm arm64 loong64 mips mipsle mips64 mips64le ppc64 ppc64le riscv64 s390x wasm cgo gc gccgo race msan asan purego ignore`)

// chosenTags are the build tags with which the changed tests are built that are not built otherwise, as long as tests of the same package had those
// tags before: then that is how the repository runs them. A tag that is new hides a test.
func chosenTags(c *change, flags []string) []string {
	var chosen []string
	for _, f := range c.tests() {
		p := f.after()
		if p == "" || path.Ext(p) != ".go" || isFixture(p) || built(p, c.head(p), flags) {
			continue
		}
		had := map[string]bool{}
		for _, q := range c.paths {
			if path.Dir(q) == path.Dir(p) && strings.HasSuffix(q, "_test.go") {
				for _, tag := range tagsOf(c.base(q)) {
					had[tag] = true
				}
			}
		}
		tags := tagsOf(c.head(p))
		if len(tags) > 0 && !slices.ContainsFunc(tags, func(tag string) bool { return !had[tag] }) {
			chosen = append(chosen, tags...)
		}
	}
	slices.Sort(chosen)
	return slices.Compact(chosen)
}

// hiddenTests are the Go test files that the change leaves to a build constraint which holds on no usual machine.
func hiddenTests(c *change, flags []string) []string {
	var hidden []string
	for _, f := range c.tests() {
		p := f.after()
		if p == "" || path.Ext(p) != ".go" || isFixture(p) {
			continue
		}
		seen := false
		for _, system := range []string{"linux", "windows", "darwin", "freebsd", "js"} {
			for _, machine := range []string{"amd64", "arm64", "386", "wasm"} {
				seen = seen || builtOn(system, machine, p, c.head(p), flags)
			}
		}
		if !seen {
			hidden = append(hidden, p)
		}
	}
	return hidden
}

// elsewhere reports whether all Go files of the change, tests and source, are built on other platforms only.
func elsewhere(c *change) bool {
	files, other := 0, 0
	for _, f := range c.files {
		if p := f.after(); p != "" && path.Ext(p) == ".go" && !isFixture(p) {
			files++
			if !built(p, c.head(p), nil) && len(tagsOf(c.head(p))) == 0 {
				other++
			}
		}
	}
	return files > 0 && files == other
}

// tagsOf are the tags of a file's build constraint that can be chosen and that it wants, rather than that it does not want.
func tagsOf(src []byte) []string {
	for l := range strings.Lines(string(src[:min(len(src), 4096)])) {
		l = strings.TrimSpace(l)
		if !constraint.IsGoBuild(l) {
			continue
		}
		expr, err := constraint.Parse(l)
		if err != nil {
			return nil
		}
		var tags []string
		expr.Eval(func(tag string) bool {
			if !knownTags[tag] && !strings.HasPrefix(tag, "go1.") {
				tags = append(tags, tag)
			}
			return tag == runtime.GOOS || tag == runtime.GOARCH || tag == "unix"
		})
		return tags
	}
	return nil
}

// withTags adds tags to those that the flags of a go command have.
func withTags(flags, tags []string) []string {
	if len(tags) == 0 {
		return flags
	}
	var rest []string
	for _, flag := range flags {
		if list, ok := strings.CutPrefix(flag, "-tags="); ok {
			tags = append(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }), tags...)
			continue
		}
		rest = append(rest, flag)
	}
	return append(rest, "-tags="+strings.Join(tags, ","))
}
