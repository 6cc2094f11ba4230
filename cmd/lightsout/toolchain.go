package main

import (
	"path/filepath"
	"strings"

	"lightsout/agents/process"
)

// tools are the folders that contained sessions and tests read for the sake of the programs in them.
func (c Config) tools(environ []string) []string {
	programs := []string{"go", "node", "npm", "python3", "cargo"}
	if len(c.Test) > 0 {
		programs = append(programs, c.Test[0])
	}
	return toolFolders(lookup(environ, "PATH"), programs...)
}

// toolFolders are the folders that contained sessions must read to use the named programs, where those are installed
// outside the system's own folders: a Go or Node of one's own below the home folder, say. A program in …/go/bin brings
// …/go with it, since a toolchain is more than its programs; one in a hidden folder such as ~/.local/bin brings that
// folder alone, because its parent holds other things as well.
func toolFolders(path string, programs ...string) []string {
	var folders []string
	for _, program := range programs {
		found, err := process.LookPath(program, "/", []string{"PATH=" + path})
		if err != nil {
			continue // a missing program is told by who needs it, with its cure
		}
		real, err := filepath.EvalSymlinks(found)
		if err != nil {
			continue
		}
		for _, name := range []string{found, real} {
			folder := filepath.Dir(name)
			if parent := filepath.Dir(folder); filepath.Base(folder) == "bin" && strings.Count(parent, "/") > 2 && !strings.HasPrefix(filepath.Base(parent), ".") {
				folder = parent
			}
			folders = append(folders, folder)
		}
	}
	return folders
}
