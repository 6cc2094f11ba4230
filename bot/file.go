package bot

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"lightsout/store"
)

// maxFile bounds a file that is sent, in bytes: what is longer is cut, a diff at its end and a log at its beginning.
const maxFile = 1 << 20

// log sends the newest log about a pull request or ticket as a file that a phone can show, and says its last lines. With the
// word output it is all that the sessions and tests of a run have printed.
func (b *Bot) log(ctx context.Context, c call) (answer, error) {
	args, output := strings.CutSuffix(strings.TrimSpace(c.args), "output")
	c.args = args
	n, rest, err := b.target(ctx, c)
	if err != nil {
		return answer{}, err
	}
	if word, _ := cutSpace(rest); strings.EqualFold(word, "review") {
		return b.debate(ctx, n)
	}
	path, what, err := b.logOf(ctx, n, rest)
	if errors.Is(err, store.ErrNotFound) {
		return b.tell("⚠️", "I have no log of that", "/log 42 is the newest about #42", "/log 42 118 is that of run 118")
	}
	if err != nil {
		return answer{}, err
	}
	if name, isRun := strings.CutSuffix(path, ".log.gz"); output && isRun {
		path, what = name+".output.gz", what+" output"
	}
	content, err := readTail(path)
	if err != nil || content == "" {
		return b.tell("🟡", "There is no log yet", what)
	}
	text, err := b.pages.render("log", map[string]any{"What": what, "End": ending(b.redact(content))})
	// Phones show a .txt where they stand, and only save a .log.
	return answer{text: text, pull: n, file: content, fileName: strings.ReplaceAll(strings.ReplaceAll(what, "#", ""), " ", "-") + ".txt", toast: "Here it comes"}, err
}

// endingLines and endingWidth are how much of a log stands in the message itself: what fits a phone at a glance.
const (
	endingLines = 6
	endingWidth = 100
)

// ending is the last lines of a log, each cut.
func ending(content string) string {
	var lines []string
	for line := range strings.Lines(content) {
		if line = strings.TrimRight(visible(line), " \n"); line != "" {
			lines = append(lines, clip(endingWidth, line))
		}
	}
	return strings.Join(lines[max(0, len(lines)-endingLines):], "\n")
}

// debate sends all that reviewers have said about a pull request or ticket, as a file.
func (b *Bot) debate(ctx context.Context, n int) (answer, error) {
	if n == 0 {
		return b.tell("💬", "The review of which one?", "/log 42 review")
	}
	p, t, err := b.about(ctx, n)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return answer{}, err
	}
	r, err := b.Store.Review(ctx, p.Number)
	if errors.Is(err, store.ErrNotFound) {
		r, err = b.Store.ReviewOfTicket(ctx, t.Number) // of a change that was not published
	}
	if errors.Is(err, store.ErrNotFound) {
		return b.tell("🟡", fmt.Sprintf("Nobody has reviewed #%d", n), "a tiny change of documents gets no review")
	}
	if err != nil {
		return answer{}, err
	}
	text, err := b.line("🧾", fmt.Sprintf("Review of #%d", n), r.Line)
	return answer{text: text, pull: n, file: r.Debate, fileName: fmt.Sprintf("%d-review.md", n), toast: "Here it comes"}, err
}

// logOf finds the file of a log, and says what it is of. A number of 0 means the run that started last.
func (b *Bot) logOf(ctx context.Context, n int, rest string) (path, what string, err error) {
	word, _ := cutSpace(rest)
	if id, err := strconv.ParseInt(strings.TrimPrefix(word, "#"), 10, 64); err == nil {
		r, err := b.Store.Run(ctx, id)
		return r.LogPath, fmt.Sprintf("run %d", id), err
	}
	if n == 0 {
		running, err := b.Store.Running(ctx)
		running = slices.DeleteFunc(running, func(r store.Run) bool { return r.Role == store.Prover }) // it keeps none
		if err != nil || len(running) == 0 {
			return "", "", errors.Join(err, store.ErrNotFound)
		}
		r := running[len(running)-1]
		return r.LogPath, fmt.Sprintf("run %d", r.ID), nil
	}
	p, t, err := b.about(ctx, n)
	if err != nil {
		return "", "", err
	}
	if p.LogPath != "" {
		return p.LogPath, fmt.Sprintf("#%d", p.Number), nil
	}
	runs, err := b.Store.RunsOf(ctx, t.Number)
	if err != nil || len(runs) == 0 {
		return "", "", errors.Join(err, store.ErrNotFound)
	}
	r := runs[len(runs)-1]
	return r.LogPath, fmt.Sprintf("run %d", r.ID), nil
}

// readHead reads the beginning of a file, and tells how many bytes of it are missing.
func readHead(path string) (content string, missing int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	head, err := io.ReadAll(io.LimitReader(f, maxFile))
	return strings.ToValidUTF8(string(head), "\uFFFD"), max(info.Size()-maxFile, 0), err
}

// readTail reads the end of a file, from the start of a line. A name that ends in .gz is one compressed, which may still be
// written, or never have been ended: it is read as far as it goes.
func readTail(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var from io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if from, err = gzip.NewReader(f); errors.Is(err, io.EOF) {
			return "", nil // nothing has been written yet
		}
		if err != nil {
			return "", fmt.Errorf("read the log: %w", err)
		}
	}
	content, err := lastOf(from, maxFile)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return strings.ToValidUTF8(string(content), "\uFFFD"), err
}

// lastOf reads all, and keeps the last n bytes, without a line that has lost its beginning.
func lastOf(from io.Reader, n int) ([]byte, error) {
	var kept []byte
	piece, cut := make([]byte, 64<<10), false
	for {
		read, err := from.Read(piece)
		kept = append(kept, piece[:read]...)
		if over := len(kept) - n; over > 0 && (over > n || err != nil) {
			kept, cut = append(kept[:0], kept[over:]...), true
		}
		if err == nil {
			continue
		}
		if err == io.EOF {
			err = nil
		}
		if line := strings.IndexByte(string(kept[:min(len(kept), maxText)]), '\n'); cut && line >= 0 {
			kept = kept[line+1:]
		}
		return kept, err
	}
}
