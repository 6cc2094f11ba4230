package engine

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzLinesAreTheSameHoweverTheyArrive(f *testing.F) {
	f.Add([]byte("a\nbb\r\n\nccc"), 1, 2)
	f.Add([]byte("0123456789\n"), 3, 4)
	f.Add([]byte("\r\n\r"), 2, 1)
	f.Fuzz(func(t *testing.T, stream []byte, step, most int) {
		step, most = 1+abs(step)%16, 1+abs(most)%16
		type got struct {
			text string
			cut  bool
		}
		collect := func(step int) (all []got) {
			l := newLines(most, func(line []byte, cut bool) {
				if len(line) > most {
					t.Fatalf("line of %d bytes, most is %d", len(line), most)
				}
				all = append(all, got{string(line), cut})
			})
			for rest := stream; len(rest) > 0; {
				n := min(step, len(rest))
				if written, err := l.Write(rest[:n]); written != n || err != nil {
					t.Fatalf("Write = %d, %v", written, err)
				}
				rest = rest[n:]
			}
			l.flush()
			return all
		}
		pieces, whole := collect(step), collect(len(stream)+1)
		if len(pieces) != len(whole) {
			t.Fatalf("%q in pieces: %v, whole: %v", stream, pieces, whole)
		}
		for i := range pieces {
			if pieces[i] != whole[i] {
				t.Errorf("line %d in pieces: %v, whole: %v", i, pieces[i], whole[i])
			}
		}
		if want := bytes.Count(stream, []byte("\n")); len(whole) != want && len(whole) != want+1 {
			t.Errorf("%d lines of %d line ends", len(whole), want)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

func TestLongLineIsCutAndTheNextOneIsWhole(t *testing.T) {
	var seen []string
	l := newLines(4, func(line []byte, cut bool) {
		mark := ""
		if cut {
			mark = "~"
		}
		seen = append(seen, string(line)+mark)
	})
	l.Write([]byte("123"))
	l.Write([]byte("456789\nab\n12345\n\nend"))
	l.flush()
	if got, want := strings.Join(seen, "|"), "1234~|ab|1234~||end"; got != want {
		t.Errorf("lines %q, want %q", got, want)
	}
}

func FuzzClippedTextIsBoundedAndValid(f *testing.F) {
	f.Add("äöü€", 7)
	f.Add("\xff\xfe\xfd", 3)
	f.Fuzz(func(t *testing.T, s string, most int) {
		most = 3 + abs(most)%64
		for _, got := range []string{clip(s, most), clipFront(s, most)} {
			if len(got) > most || !utf8.ValidString(got) {
				t.Errorf("%q clipped to %d: %q", s, most, got)
			}
		}
		if utf8.ValidString(s) && len(s) <= most && (clip(s, most) != s || clipFront(s, most) != s) {
			t.Errorf("%q was changed", s)
		}
	})
}

func TestJournalKeepsTheBeginningAndTheEnd(t *testing.T) {
	var log bytes.Buffer
	j := newJournal(&log)
	line := bytes.Repeat([]byte("x"), 1<<20-1)
	j.line([]byte("the beginning"))
	for range 64 {
		j.line(line)
	}
	j.line([]byte("the end"))
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	if !strings.HasPrefix(text, "the beginning\n") || !strings.HasSuffix(text, "\nthe end\n") || !strings.Contains(text, " bytes left out …\n") {
		t.Errorf("log begins %.20q, ends %q", text, text[len(text)-20:])
	}
	if len(text) > journalHead+2*journalTail+100 {
		t.Errorf("log of %d bytes", len(text))
	}
}

func TestJournalOfAFewLinesHoldsThemAsTheyWere(t *testing.T) {
	var log bytes.Buffer
	j := newJournal(&log)
	j.line([]byte("one"))
	j.line(nil)
	if err := j.close(); err != nil || log.String() != "one\n\n" {
		t.Errorf("log %q, %v", log.String(), err)
	}
}

func TestJournalTellsAtTheEndThatItCouldNotBeWritten(t *testing.T) {
	j := newJournal(full{})
	j.line([]byte("one"))
	j.line([]byte("two"))
	if err := j.close(); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("close: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }
