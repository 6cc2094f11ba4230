package process

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// meter counts what a tree prints, notices when it prints too much or nothing
// for too long, and passes the rest on. It holds no output itself.
type meter struct {
	limits Limits
	hit    func(Cause)

	mu      sync.Mutex
	bytes   int64
	errs    []error
	silence *time.Timer
}

func newMeter(limits Limits, hit func(Cause)) *meter { return &meter{limits: limits, hit: hit} }

// writers wraps both outputs. One writer given for both stays one, so that
// os/exec writes to it from one goroutine.
func (m *meter) writers(stdout, stderr io.Writer) (io.Writer, io.Writer) {
	out := &tap{meter: m, to: stdout}
	if same(stdout, stderr) {
		return out, out
	}
	return out, &tap{meter: m, to: stderr}
}

// same is whether a and b are one writer; values that cannot be compared are not.
func same(a, b io.Writer) (equal bool) {
	defer func() {
		if recover() != nil {
			equal = false
		}
	}()
	return a == b
}

// watch starts the silence limit.
func (m *meter) watch() {
	if m.limits.Silence <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.silence = time.AfterFunc(m.limits.Silence, func() { m.hit(CauseSilence) })
}

func (m *meter) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.silence != nil {
		m.silence.Stop()
		m.silence = nil
	}
}

// add counts n bytes and returns how many of them are within the limit.
func (m *meter) add(n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.silence != nil {
		m.silence.Reset(m.limits.Silence)
	}
	before := m.bytes
	m.bytes += int64(n)
	if m.limits.Output <= 0 || m.bytes <= m.limits.Output {
		return n
	}
	m.hit(CauseOutput)
	return int(max(0, m.limits.Output-before))
}

func (m *meter) total() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bytes
}

func (m *meter) failure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return errors.Join(m.errs...)
}

// tap is one metered output. It never fails: a tree must not end because our
// disk is full, so the first error is kept for the end and the rest discarded.
type tap struct {
	meter  *meter
	to     io.Writer
	failed bool
}

func (t *tap) Write(p []byte) (int, error) {
	within := p[:t.meter.add(len(p))]
	if t.to == nil || t.failed || len(within) == 0 {
		return len(p), nil
	}
	if _, err := t.to.Write(within); err != nil {
		t.failed = true
		t.meter.mu.Lock()
		t.meter.errs = append(t.meter.errs, fmt.Errorf("write output: %w", err))
		t.meter.mu.Unlock()
	}
	return len(p), nil
}
