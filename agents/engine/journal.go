package engine

import (
	"fmt"
	"io"
)

const (
	journalHead = 16 << 20 // bytes written as they come
	journalTail = 256 << 10
	// journalPiece is how much is written at once: whoever keeps it copies it, some of
	// them more than once.
	journalPiece = 16 << 10
)

// journal writes the lines of a session to its log. The beginning tells what the
// session set out to do and the end how it went, so it is the middle that is left
// out when there is too much.
type journal struct {
	to      io.Writer
	head    int
	tail    []byte // at most twice journalTail
	scratch []byte // what is being written, kept so that a line costs no memory
	dropped int64
	err     error
}

func newJournal(to io.Writer) *journal {
	if to == nil {
		to = io.Discard
	}
	return &journal{to: to, head: journalHead}
}

// line never fails: a session does not end because a disk is full. close tells.
func (j *journal) line(line []byte) {
	if len(line) < j.head {
		j.head -= len(line) + 1
		whole := min(len(line), journalPiece)
		j.write(line[:len(line)-whole])
		j.scratch = append(append(j.scratch[:0], line[len(line)-whole:]...), '\n')
		j.write(j.scratch)
		return
	}
	j.head = 0
	if j.tail == nil {
		j.scratch, j.tail = nil, make([]byte, 0, 2*journalTail)
	}
	if over := len(line) - journalTail + 1; over > 0 {
		j.dropped += int64(over)
		line = line[over:]
	}
	if over := len(j.tail) - journalTail; over > 0 && len(j.tail)+len(line) >= cap(j.tail) {
		j.dropped += int64(over)
		j.tail = append(j.tail[:0], j.tail[over:]...)
	}
	j.tail = append(append(j.tail, line...), '\n')
}

func (j *journal) close() error {
	if j.dropped > 0 {
		j.write(fmt.Appendf(nil, "… %d bytes left out …\n", j.dropped))
	}
	j.write(j.tail)
	if j.err != nil {
		return fmt.Errorf("write session log: %w", j.err)
	}
	return nil
}

func (j *journal) write(p []byte) {
	for j.err == nil && len(p) > 0 {
		piece := p[:min(len(p), journalPiece)]
		_, j.err = j.to.Write(piece)
		p = p[len(piece):]
	}
}
