package engine

import (
	"bytes"
	"strings"
)

// lines cuts a stream into lines and hands each on without its end. Of a line
// longer than most only the beginning is kept: memory stays bounded whatever
// comes, and no line stops the reading.
type lines struct {
	most int
	each func(line []byte, cut bool)
	held []byte
	cut  bool
}

// longLine is the length, in bytes, from which a line is given all the room that one
// may have.
const longLine = 64 << 10

func newLines(most int, each func(line []byte, cut bool)) *lines {
	return &lines{most: most, each: each}
}

// Write never fails.
func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.hold(p)
			return n, nil
		}
		if len(l.held) == 0 && !l.cut && i <= l.most {
			l.each(bytes.TrimSuffix(p[:i], []byte("\r")), false)
		} else {
			l.hold(p[:i])
			l.emit()
		}
		p = p[i+1:]
	}
}

func (l *lines) hold(p []byte) {
	room := l.most - len(l.held)
	if len(p) > room {
		p, l.cut = p[:room], true
	}
	if n := len(l.held) + len(p); n > longLine && cap(l.held) < l.most {
		l.held = append(make([]byte, 0, l.most), l.held...) // once, not by doubling
	}
	l.held = append(l.held, p...)
}

func (l *lines) emit() {
	l.each(bytes.TrimSuffix(l.held, []byte("\r")), l.cut)
	l.held, l.cut = l.held[:0], false
}

// flush hands on what came after the last line end.
func (l *lines) flush() {
	if len(l.held) > 0 || l.cut {
		l.emit()
	}
}

// clip is the beginning of s, whole characters, at most so many bytes.
func clip(s string, most int) string {
	if len(s) <= most {
		return strings.ToValidUTF8(s, "")
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}

// clipFront is the end of s, its front cut off, whole characters, at most so many bytes.
func clipFront(s string, most int) string {
	if len(s) <= most {
		return strings.ToValidUTF8(s, "")
	}
	return "…" + strings.ToValidUTF8(s[len(s)-most+len("…"):], "")
}

// oneLine is s with its line ends and runs of spaces made single spaces.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// tail keeps the end of what is added to it, line by line. It is trimmed only when
// it has grown to twice its size, so that a line costs its own length.
type tail struct {
	text []byte
	most int
}

func (t *tail) add(line []byte) {
	line = line[max(0, len(line)-t.most):]
	if len(t.text)+len(line) > 2*t.most {
		t.text = append(t.text[:0], t.text[max(0, len(t.text)-t.most):]...)
	}
	if n := len(t.text) + len(line) + 1; n > longLine && n > cap(t.text) {
		t.text = append(make([]byte, 0, 2*t.most+1), t.text...) // once, not by doubling
	}
	t.text = append(append(t.text, line...), '\n')
}

// String is the end of it, at most so many bytes.
func (t *tail) String() string {
	return clipFront(string(t.text[max(0, len(t.text)-t.most-1):]), t.most)
}

// last is the last line that says something.
func (t *tail) last() string {
	text := strings.TrimSpace(t.String())
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}
