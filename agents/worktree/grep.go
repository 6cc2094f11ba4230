package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"lightsout/agents/process"
)

// MaxGrepWords is how many words one Grep looks for; further ones are left out.
const MaxGrepWords = 64

const (
	maxGrepFiles = 200      // files kept for a word; one found in more tells nothing
	maxGrepLines = 500      // matching lines looked at in one file
	maxGrepBytes = 32 << 20 // of matches read at once; beyond, each word is looked for by itself
)

// Grep looks for words in the files of a commit, each as it stands and as a whole word, and says for each word found
// which files hold it, in git's order. It is bounded: 64 words, 200 files a word, 500 matching lines a file; binary
// files are passed over. Where one word is a part of another (csv, csv.go), what holds only the longer may be missed.
func (m *Mirror) Grep(ctx context.Context, commit string, words []string) (map[string][]string, error) {
	sha, err := m.commit(ctx, commit)
	if err != nil {
		return nil, fmt.Errorf("grep: %w", err)
	}
	var asked []string
	for _, w := range words {
		if w != "" && !strings.ContainsAny(w, "\x00\n") && len(asked) < MaxGrepWords {
			asked = append(asked, w)
		}
	}
	found, err := m.grep(ctx, sha, asked, maxGrepBytes)
	if err != nil {
		return nil, fmt.Errorf("grep: %w", err)
	}
	return found, nil
}

func (m *Mirror) grep(ctx context.Context, sha string, words []string, most int64) (map[string][]string, error) {
	found := map[string][]string{}
	if len(words) == 0 {
		return found, nil
	}
	out, err := m.grepFor(ctx, sha, words, most, "--only-matching", "--max-count="+strconv.Itoa(maxGrepLines))
	if errors.Is(err, process.ErrOutputLimit) { // some word stands everywhere
		for _, w := range words {
			if out, err = m.grepFor(ctx, sha, []string{w}, maxOutput, "--files-with-matches"); err != nil {
				return nil, err
			}
			for name := range nulFields(out) {
				note(found, w, strings.TrimPrefix(name, sha+":"))
			}
		}
		return found, nil
	}
	if err != nil {
		return nil, err
	}
	// One match: commit ":" path NUL match LF. A path may hold a line break, a match cannot.
	for len(out) > 0 {
		name, rest, ok := bytes.Cut(out, []byte{0})
		match, next, _ := bytes.Cut(rest, []byte("\n"))
		path, has := strings.CutPrefix(string(name), sha+":")
		if !ok || !has {
			return nil, errors.New("unexpected answer")
		}
		note(found, string(match), path)
		out = next
	}
	return found, nil
}

// note adds a file to a word's, which come in order: the last one may be the same.
func note(found map[string][]string, word, path string) {
	files := found[word]
	if n := len(files); n < maxGrepFiles && (n == 0 || files[n-1] != path) {
		found[word] = append(files, path)
	}
}

// grepFor runs git grep; to find nothing is no error.
func (m *Mirror) grepFor(ctx context.Context, sha string, words []string, most int64, options ...string) ([]byte, error) {
	args := append([]string{"grep", "-z", "-w", "-F", "-I", "--full-name", "--no-color"}, options...)
	for _, w := range words {
		args = append(args, "-e", w)
	}
	out, err := m.git(ctx, call{args: append(args, sha, "--"), most: most})
	if exited(err, 1) {
		return nil, nil
	}
	return out, err
}
