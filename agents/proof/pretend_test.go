package proof

import (
	"maps"
	"slices"
	"strings"
)

// pretend makes a change without git: one hunk a file, from the first line that differs to the last.
func pretend(base, changes files, text string) *change {
	head := files{}
	maps.Copy(head, base)
	for name, content := range changes {
		if content == "" {
			delete(head, name)
		} else {
			head[name] = content
		}
	}
	read := func(f files) tree {
		return func(path string) []byte {
			for _, mark := range []string{"", "@", "*"} {
				if content, ok := f[path+mark]; ok {
					return []byte(content)
				}
			}
			return nil
		}
	}
	c := &change{text: text, base: read(base), head: read(head), maximumLines: DefaultMaximumLines}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		f := &file{path: strings.TrimRight(name, "@*"), status: 'M', mode: "100644"}
		if strings.HasSuffix(name, "@") {
			f.mode = modeLink
		}
		_, was := base[name]
		switch {
		case !was:
			f.status = 'A'
		case changes[name] == "":
			f.status = 'D'
		}
		f.binary = strings.Contains(changes[name], "\x00")
		if !f.binary {
			f.hunks = oneHunk(base[name], changes[name])
			f.lines = len(f.added) + len(f.removed)
		}
		c.files = append(c.files, f)
	}
	for name := range head {
		p := strings.TrimRight(name, "@*")
		c.paths = append(c.paths, p)
		if strings.Contains(head[name], "//go:embed") {
			c.embedders = append(c.embedders, p)
		}
	}
	slices.Sort(c.paths)
	return c
}

func oneHunk(before, after string) hunks {
	split := func(s string) []string {
		if s == "" {
			return nil
		}
		return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	}
	a, b := split(before), split(after)
	first := 0
	for first < len(a) && first < len(b) && a[first] == b[first] {
		first++
	}
	last := 0
	for last < len(a)-first && last < len(b)-first && a[len(a)-1-last] == b[len(b)-1-last] {
		last++
	}
	var h hunks
	for i := first; i < len(a)-last; i++ {
		h.removed = append(h.removed, line{number: i + 1, at: first + 1, text: a[i]})
	}
	for i := first; i < len(b)-last; i++ {
		h.added = append(h.added, line{number: i + 1, at: i + 1, text: b[i]})
	}
	return h
}

// refusedBy are the policies that refuse a change before anything is run, and those on the lines of tests, none of which proves anything.
func refusedBy(c *change) []string {
	var list []string
	for _, p := range policies() {
		for _, r := range p.judge(c) {
			if r.Policy == "" {
				r.Policy = p.name
			}
			list = append(list, r.Policy)
		}
	}
	for _, w := range judgeTestLines(c, func(string, string) bool { return false }) {
		if w.forgiven == "" {
			list = append(list, w.Policy)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
