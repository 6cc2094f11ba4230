package agents

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lightsout/agents/engine"
	"lightsout/store"
)

// logbook is what a run leaves to be read: every event of its sessions and every step of ours as lines that a person can
// read, and beside it all that its sessions and tests have printed. Both are compressed, bounded, and without secrets.
type logbook struct {
	events, output *engine.Log
	now            func() time.Time

	mutex   sync.Mutex
	flushed time.Time
	entry   []byte // being written, kept so that a flood of them costs no memory
}

// logPath names the readable log of a run. A claim's generation is used by one run alone.
func (f *Factory) logPath(a assignment) string {
	return filepath.Join(f.Dir, "logs", fmt.Sprintf("ticket-%d-%d-%s.log.gz", a.ticket.Number, a.claim.Generation, a.role))
}

// outputPath is where the output of a run lies, beside its readable log.
func outputPath(logPath string) string {
	return strings.TrimSuffix(logPath, ".log.gz") + ".output.gz"
}

func (f *Factory) openLogbook(run store.Run) (*logbook, error) {
	events, err := engine.CreateLog(run.LogPath, f.redact)
	if err != nil {
		return nil, err
	}
	output, err := engine.CreateLog(outputPath(run.LogPath), f.redact)
	if err != nil {
		return nil, errors.Join(err, events.Close())
	}
	return &logbook{events: events, output: output, now: f.Store.Now}, nil
}

// Write takes what sessions and tests print.
func (b *logbook) Write(p []byte) (int, error) { return b.output.Write(p) }

// Close ends both files.
func (b *logbook) Close() error { return errors.Join(b.events.Close(), b.output.Close()) }

// note writes a step of ours, which is read at once: there are few.
func (b *logbook) note(format string, args ...any) {
	b.line("■", fmt.Sprintf(format, args...))
	_ = b.events.Flush() // what fails here fails again when it is closed
}

// event writes an event of a session.
func (b *logbook) event(e engine.Event) {
	switch e.Kind {
	case engine.KindStarted, engine.KindFinished: // told by ours
	case engine.KindTool:
		b.line("→", strings.TrimSpace(e.Tool+" "+legible(e.Text)))
	case engine.KindResult:
		b.line("←", legible(e.Text))
	case engine.KindUsage:
		b.line("·", used(spendOf(e.Turns, e.Usage)))
	case engine.KindError:
		b.line("!", e.Text)
	default:
		b.line(" ", e.Text)
	}
}

// used says what sessions have used.
func used(s store.Spend) string {
	words := fmt.Sprintf("turn %d, tokens: %s read, %s from a cache, %s written", s.Turns, thousands(s.Input), thousands(s.Cached), thousands(s.Output))
	if s.CostUSD > 0 {
		words += fmt.Sprintf(", $%.2f", s.CostUSD)
	}
	return words
}

// flushEvery is how far a log that is read while its run goes on may be behind.
const flushEvery = 2 * time.Second

// line writes one entry. The lines of a longer one stand below each other, so that entries are told apart at a glance. A
// log that cannot be written ends no run: closing it tells.
func (b *logbook) line(mark, text string) {
	now := b.now()
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n           ")
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.entry = append(now.UTC().AppendFormat(b.entry[:0], "15:04:05 "), mark...)
	b.entry = append(append(append(b.entry, ' '), text...), '\n')
	_, err := b.events.Write(b.entry)
	if err == nil && now.Sub(b.flushed) >= flushEvery {
		b.flushed = now
		_ = b.events.Flush() // what fails here fails again when it is closed
	}
}
