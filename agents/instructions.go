package agents

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"lightsout/agents/worktree"
)

// instructionNames are what coding CLIs read of their own accord where they are started, in lower case: files by their
// name, and folders by theirs.
var instructionNames = []string{"claude.md", "claude.local.md", "agents.md", "agents.override.md", "gemini.md", "qwen.md", "opencode.json", "opencode.jsonc",
	".mcp.json", ".cursorrules", ".windsurfrules", ".clinerules", "copilot-instructions.md",
	".claude", ".codex", ".gemini", ".cursor", ".qwen", ".opencode", ".pi", ".agents"}

// isInstruction tells whether a coding CLI would take a file of the repository for orders.
func isInstruction(name string) bool {
	return slices.ContainsFunc(strings.Split(strings.ToLower(name), "/"), func(part string) bool { return slices.Contains(instructionNames, part) })
}

// instructionsAmong are the instruction files that a change adds, alters, moves or takes away. A submodule is none: its
// folder is empty in a working copy.
func instructionsAmong(changed []worktree.Change) (names []string) {
	for _, c := range changed {
		for _, name := range []string{c.Path, c.Old} {
			if name != "" && isInstruction(name) && c.Mode != "160000" {
				names = append(names, name)
			}
		}
	}
	return names
}

// original is a file as the branch has it; no content means that it has none.
type original struct {
	content []byte
	mode    fs.FileMode
	there   bool
}

// originals are files by their names.
type originals map[string]original

// branchInstructions are the instruction files that the branch itself has otherwise than the base, read before any session
// has touched them.
func (f *Factory) branchInstructions(ctx context.Context, dir string, a assignment) (own originals, err error) {
	if a.start == a.base {
		return nil, nil
	}
	changed, err := f.Mirror.Changed(ctx, a.base, a.start)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("read the branch's instructions: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	own = originals{}
	for _, name := range instructionsAmong(changed) {
		if own[name], err = readOriginal(root, name); err != nil {
			return nil, fmt.Errorf("read the branch's instructions: %w", err)
		}
	}
	return own, nil
}

// baseInstructions makes the instruction files of a working copy be the base's before a session begins: neither what a branch
// brings nor what an earlier session has left, taken or ignored, must give it orders. A ticket that asks for other
// instructions has its session write them: they stay as it leaves them, and the proof judges them.
func (f *Factory) baseInstructions(ctx context.Context, dir, base string) error {
	return f.Mirror.Impose(ctx, dir, base, isInstruction)
}

// giveBack lays the branch's own files back after a session, so that the work taken from the folder leaves them alone; what
// the session did to them goes with that.
func (o originals) giveBack(dir string) (err error) {
	if len(o) == 0 {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("give back the branch's instructions: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for name, file := range o {
		if err := lay(root, name, file); err != nil {
			return fmt.Errorf("give back the branch's instructions: %w", err)
		}
	}
	return nil
}

func readOriginal(root *os.Root, name string) (original, error) {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return original{}, nil
	}
	if err != nil {
		return original{}, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		to, err := root.Readlink(name)
		return original{content: []byte(to), mode: fs.ModeSymlink, there: true}, err
	}
	content, err := root.ReadFile(name)
	return original{content: content, mode: info.Mode().Perm(), there: true}, err
}

// lay makes a path be what the file is, whatever stands there.
func lay(root *os.Root, name string, file original) error {
	if err := root.RemoveAll(name); err != nil || !file.there {
		return err
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if file.mode&fs.ModeSymlink != 0 {
		return root.Symlink(string(file.content), name)
	}
	return root.WriteFile(name, file.content, file.mode)
}
