package engine

import (
	"path/filepath"
	"slices"
	"strings"
)

// environment joins lists of NAME=value. A name comes once, with its last value:
// programs do not agree on which of two counts.
func environment(lists ...[]string) []string {
	var env []string
	at := map[string]int{}
	for _, entry := range slices.Concat(lists...) {
		name, _, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			continue
		}
		if i, seen := at[name]; seen {
			env[i] = entry
			continue
		}
		at[name] = len(env)
		env = append(env, entry)
	}
	return env
}

// pairs is a map as a list, sorted so that two sessions get the same.
func pairs(values map[string]string) []string {
	var list []string
	for name, value := range values {
		list = append(list, name+"="+value)
	}
	slices.Sort(list)
	return list
}

// installed is what a contained CLI must read of its own installation: the
// modules around a script of Node's, and the folders of programs in PATH, where
// its interpreter may be. The folder the program itself lies in is not opened:
// it may be anybody's home.
func installed(program string, env []string) []string {
	var folders []string
	if real, err := filepath.EvalSymlinks(program); err == nil {
		folders = append(folders, real)
		if i := strings.Index(real, "/node_modules/"); i >= 0 {
			folders = append(folders, real[:i+len("/node_modules")])
		}
	}
	for _, entry := range env {
		path, ok := strings.CutPrefix(entry, "PATH=")
		if !ok {
			continue
		}
		for _, folder := range filepath.SplitList(path) {
			if filepath.IsAbs(folder) && strings.HasSuffix(folder, "bin") {
				folders = append(folders, folder)
			}
		}
	}
	return folders
}
