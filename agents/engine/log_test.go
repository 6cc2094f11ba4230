package engine

import (
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const canary = "sk-canary-0123456789"

func withoutCanary(text string) string { return strings.ReplaceAll(text, canary, "[redacted]") }

func newLog(t *testing.T) (*Log, string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "logs", "run.log.gz")
	l, err := CreateLog(name, withoutCanary)
	if err != nil {
		t.Fatal(err)
	}
	return l, name
}

func write(t *testing.T, l *Log, pieces ...string) {
	t.Helper()
	for _, piece := range pieces {
		if n, err := l.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatalf("wrote %d of %d bytes: %v", n, len(piece), err)
		}
	}
}

// logged is what a log holds, as far as it goes.
func logged(t *testing.T, name string) string {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zip, err := gzip.NewReader(file)
	if errors.Is(err, io.EOF) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	return string(text)
}

func TestLogKeepsWhatARunPrintsCompressedAndPrivate(t *testing.T) {
	l, name := newLog(t)
	write(t, l, strings.Repeat("the same line again\n", 50_000), "no line ", "end")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() > 20_000 {
		t.Errorf("%v, %v", info, err)
	}
	if text := logged(t, name); !strings.HasSuffix(text, "the same line again\nno line end") || len(text) < 1_000_000 {
		t.Errorf("%d bytes, at the end %q", len(text), text[max(0, len(text)-100):])
	}
}

func TestNoSecretGetsIntoALogInWhateverPiecesItComes(t *testing.T) {
	filler := strings.Repeat("x", logHold)
	for at := range len(canary) + 1 {
		l, name := newLog(t)
		// Once across two writes, and once in a line so long that it is written before its end.
		write(t, l, "a "+canary[:at], canary[at:]+" b\n", filler[at:]+canary[:at], canary[at:]+filler, filler, "\n")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if text := logged(t, name); strings.Contains(text, canary) || strings.Count(text, "[redacted]") != 2 {
			t.Fatalf("cut after %d: %d times redacted, canary %v", at, strings.Count(text, "[redacted]"), strings.Contains(text, canary))
		}
	}
}

func TestLogIsBoundedAndSaysSo(t *testing.T) {
	l, name := newLog(t)
	block := strings.Repeat(strings.Repeat("x", 99)+"\n", 10_000)
	for range maxLog/len(block) + 5 {
		write(t, l, block)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if text := logged(t, name); !strings.Contains(text, "more bytes were not kept") {
		t.Errorf("ends with %q", text[max(0, len(text)-100):])
	}
}

func TestLogOfAKilledDaemonIsReadAsFarAsItGoes(t *testing.T) {
	l, name := newLog(t)
	if text := logged(t, name); text != "" {
		t.Errorf("of an empty one: %q", text)
	}
	write(t, l, strings.Repeat("flushed\n", logFlush))
	if text := logged(t, name); !strings.HasPrefix(text, "flushed\n") {
		t.Errorf("of one that is being written: %q", text[:min(100, len(text))])
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
