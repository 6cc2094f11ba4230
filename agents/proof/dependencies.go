package proof

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// judgeDependencies wants each new dependency named in the text, which is where its reason has to stand.
func judgeDependencies(c *change) []Refusal {
	var all []Refusal
	for _, f := range c.files {
		read := manifests(path.Base(f.path))
		if read == nil || f.deleted() || isFixture(f.path) {
			continue
		}
		var had []string
		if f.before() != "" {
			had = read(c.base(f.before()))
		}
		if path.Base(f.path) == "go.mod" {
			had = append(had, knownModules(c, f)...)
		}
		for _, d := range read(c.head(f.path)) {
			if !slices.Contains(had, d) && !named(c.text, d) {
				all = append(all, Refusal{
					File: f.path, Line: lineWith(f.added, d),
					Detail: "a new dependency, " + clip(d, 120) + ", which the text neither names nor justifies",
				})
			}
		}
	}
	return all
}

// manifests gives the reader of a manifest: it lists what the project itself asks for. nil when the file is none.
func manifests(name string) func([]byte) []string {
	switch {
	case name == "go.mod":
		return goRequires
	case name == "package.json":
		return npmRequires
	case name == "Cargo.toml":
		return tomlRequires
	case name == "pyproject.toml", name == "Pipfile":
		return tomlRequires
	case strings.HasPrefix(name, "requirements") && strings.HasSuffix(name, ".txt"):
		return lineRequires
	}
	return nil
}

var goRequire = lazily(`^\s*(?:require\s+)?([\w.~-]+\.[\w.~-]+(?:/[^\s]+)?)\s+v\d[^\s]*\s*(//.*)?$`)

// goRequires are the modules that a go.mod requires directly.
func goRequires(mod []byte) []string {
	var all []string
	for l := range strings.Lines(string(mod)) {
		l = strings.TrimRight(l, "\r\n")
		if m := goRequire.FindStringSubmatch(l); m != nil && !strings.Contains(m[2], "indirect") && !strings.Contains(l, "=>") {
			all = append(all, m[1])
		}
	}
	return all
}

var goAnyRequire = lazily(`(?m)^\s*(?:require\s+)?([\w.~-]+\.[\w.~-]+(?:/[^\s]+)?)\s+v\d`)

// knownModules are the modules that a go.mod is free to ask for: those that the build knew indirectly, that another go.mod of the
// repository asks for already, and the repository's own.
func knownModules(c *change, f *file) []string {
	var known []string
	for m := range goModules(c) {
		known = append(known, m)
	}
	var mods [][]byte
	if f.before() != "" {
		mods = append(mods, c.base(f.before()))
	}
	for _, p := range c.paths {
		if path.Base(p) == "go.mod" && p != f.path && len(mods) < 20 {
			mods = append(mods, c.base(p))
		}
	}
	for _, mod := range mods {
		for _, m := range goAnyRequire.FindAllSubmatch(mod, -1) {
			known = append(known, string(m[1]))
		}
	}
	return known
}

func npmRequires(manifest []byte) []string {
	var m map[string]json.RawMessage
	if json.Unmarshal(manifest, &m) != nil {
		return nil
	}
	var all []string
	for _, key := range []string{"dependencies", "devDependencies", "optionalDependencies", "peerDependencies"} {
		var deps map[string]any
		if json.Unmarshal(m[key], &deps) == nil {
			for name := range deps {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

var majorVersion = lazily(`^v\d+$`)

var (
	tomlSection = lazily(`^\s*\[+([^\]]+)\]`)
	tomlName    = lazily(`^\s*"?([A-Za-z0-9][\w.-]*)"?\s*=`)
	pythonName  = lazily(`^\s*["']?([A-Za-z0-9][\w.-]*)`)
	quotedName  = lazily(`["']([A-Za-z0-9][\w.-]*)[^"']*["']`)
)

// tomlRequires reads Cargo.toml, pyproject.toml and Pipfile: tables of dependencies, and lists named dependencies.
func tomlRequires(manifest []byte) []string {
	var all []string
	section, list := "", false
	for l := range strings.Lines(string(manifest)) {
		if m := tomlSection.FindStringSubmatch(l); m != nil && !list {
			section = m[1]
			continue
		}
		deps := strings.HasSuffix(section, "dependencies") || strings.HasSuffix(section, "packages") || strings.Contains(section, "dependencies.")
		switch m := tomlName.FindStringSubmatch(l); {
		case list:
			all = append(all, quotedNames(l)...)
			list = !strings.Contains(l, "]")
		case m != nil && (m[1] == "dependencies" || section == "project.optional-dependencies" || section == "dependency-groups"):
			_, rest, _ := strings.Cut(l, "=")
			all = append(all, quotedNames(rest)...)
			list = strings.Contains(rest, "[") && !strings.Contains(rest, "]")
		case m != nil && deps && m[1] != "python" && !strings.Contains(section, "dependencies."):
			all = append(all, m[1])
		}
	}
	return all
}

func quotedNames(s string) []string {
	var all []string
	for _, m := range quotedName.FindAllStringSubmatch(s, -1) {
		all = append(all, m[1])
	}
	return all
}

func lineRequires(list []byte) []string {
	var all []string
	for l := range strings.Lines(string(list)) {
		if m := pythonName.FindStringSubmatch(l); m != nil {
			all = append(all, m[1])
		}
	}
	return all
}

// named reports whether the text names a dependency: by its path, or by the last part of it that means something.
func named(text, dependency string) bool {
	text = strings.ToLower(text)
	dependency = strings.ToLower(dependency)
	if strings.Contains(text, dependency) {
		return true
	}
	parts := strings.Split(dependency, "/")
	for len(parts) > 1 && majorVersion.MatchString(parts[len(parts)-1]) {
		parts = parts[:len(parts)-1]
	}
	last := parts[len(parts)-1]
	words := strings.FieldsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_.", r)
	})
	return len(last) >= 3 && slices.ContainsFunc(words, func(w string) bool { return strings.Trim(w, "-_.") == last })
}

// lineWith is the number of the added line that holds the words, 0 when none does.
func lineWith(lines []line, words string) int {
	for _, l := range lines {
		if strings.Contains(l.text, words) {
			return l.number
		}
	}
	return 0
}
