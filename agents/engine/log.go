package engine

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

const (
	// maxLog is how much of a run's log is kept, in bytes before compression: some
	// sessions of the length that a session's own log may have, and their proofs.
	maxLog = 64 << 20
	// logFlush is after how many bytes what is compressed goes to the file, so that
	// a log can be read while its run goes on and when its daemon was killed.
	logFlush = 32 << 10
	// logOverlap is what is held back of a line that has no end yet: no secret is
	// longer, so none slips through in two halves.
	logOverlap = 16 << 10
	logHold    = 4 * logOverlap
)

// Log is the file that keeps all that a run prints: compressed with gzip, without
// secrets, and bounded to 64 MiB before compression. What comes after that is
// counted, not kept. It may be used concurrently.
type Log struct {
	mu      sync.Mutex
	file    *os.File
	zip     *gzip.Writer
	redact  func(string) string
	held    []byte // the beginning of a line
	left    int64  // bytes that are still kept
	dropped int64
	waiting int // bytes since the last flush
}

// CreateLog makes the file, whose name should end in .log.gz, and its folder when
// that is missing; both are the owner's alone. A file of that name is replaced.
// redact takes the secrets, each of at most 16 KiB and one line, out of a text.
func CreateLog(name string, redact func(string) string) (*Log, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create log: %w", err)
	}
	zip, err := gzip.NewWriterLevel(file, gzip.BestSpeed) // a flood must not cost a processor
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create log: %w", err), file.Close())
	}
	return &Log{file: file, zip: zip, redact: redact, left: maxLog}, nil
}

// Write takes a piece of the log, whole lines or not.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	if l.left <= 0 {
		l.dropped += int64(n)
		return n, nil
	}
	if end := bytes.LastIndexByte(p, '\n') + 1; end > 0 {
		l.held = append(l.held, p[:end]...)
		if err := l.keep(len(l.held)); err != nil {
			return 0, err
		}
		p = p[end:]
	}
	if l.held = append(l.held, p...); len(l.held) > logHold {
		if err := l.keep(len(l.held) - logOverlap); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// keep writes the first n bytes of what is held, or as many as that is without its
// secrets; a secret that begins in them and ends behind them is out before.
func (l *Log) keep(n int) error {
	behind := len(l.held) - n
	clean := l.redact(string(l.held))
	cut := max(0, len(clean)-behind)
	l.held = append(l.held[:0], clean[cut:]...)
	clean = clean[:cut]
	if over := int64(len(clean)) - l.left; over > 0 {
		l.dropped += over
		clean = clean[:l.left]
	}
	l.left -= int64(len(clean))
	if _, err := io.WriteString(l.zip, clean); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	if l.waiting += len(clean); l.waiting >= logFlush {
		l.waiting = 0
		if err := l.zip.Flush(); err != nil {
			return fmt.Errorf("write log: %w", err)
		}
	}
	return nil
}

// Flush brings all whole lines so far to the file, for whoever reads it now.
func (l *Log) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = 0
	if err := l.zip.Flush(); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	return nil
}

// Close writes what is left, says how much was not kept, and closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.keep(len(l.held))
	if l.dropped > 0 {
		_, note := fmt.Fprintf(l.zip, "\n… %d more bytes were not kept …\n", l.dropped)
		err = errors.Join(err, note)
	}
	if err = errors.Join(err, l.zip.Close(), l.file.Close()); err != nil {
		return fmt.Errorf("close log: %w", err)
	}
	return nil
}
