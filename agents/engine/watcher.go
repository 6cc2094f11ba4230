package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lightsout/agents/process"
)

// watcher reads both outputs of a session, one line at a time, and ends it when
// what it says is over a limit.
type watcher struct {
	mu       sync.Mutex
	reader   sessionReader
	journal  *journal
	guard    guard
	progress progress
	price    Price
	onEvent  func(Event)
	stop     context.CancelCauseFunc
	linger   *time.Timer // runs from the last word of a session that said its work is over; nil while it works
}

// maxLinger is how long a CLI may live on without a word when its work is over by
// its own words. Some hang on a connection or a child of theirs, for ever; none was
// seen to need more than seconds.
const maxLinger = 2 * time.Minute

func newWatcher(reader sessionReader, s Session, price Price, stop context.CancelCauseFunc) *watcher {
	return &watcher{reader: reader, journal: newJournal(s.Log), guard: newGuard(s), progress: newProgress(s, time.Now()), price: price, onEvent: s.OnEvent, stop: stop}
}

func (w *watcher) stdout(line []byte, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.journal.line(line)
	if c, ok := w.reader.(*commandReader); ok && w.onEvent == nil && !w.progress.due(time.Now()) {
		c.said.add(line) // a flood of lines that nobody looks at costs no memory
		return
	}
	w.see(w.reader.stdout(line, cut))
	if w.linger != nil {
		w.linger.Reset(maxLinger)
	}
}

func (w *watcher) stderr(line []byte, _ bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.journal.line(line)
	w.see(w.reader.stderr(line))
}

// see passes events on, and ends the session over the first that breaks a limit.
func (w *watcher) see(events []Event) {
	for _, e := range events {
		if e.Kind == KindUsage {
			e.Usage = w.price.apply(e.Usage)
		}
		outcome, words := Outcome(""), ""
		if e.Kind == KindError {
			outcome, words = w.reader.trouble()
		}
		if broken := w.guard.see(e, outcome); broken != nil {
			if broken.outcome == "" {
				broken.outcome, broken.reason = cmp.Or(outcome, Failed), broken.reason+": "+words
			}
			w.stop(broken)
		}
		w.tell(e)
		w.progress.see(e, time.Now())
		w.await(e)
	}
}

// await begins to wait for the end when e says that the work is over, and ceases to
// when the work goes on after all.
func (w *watcher) await(e Event) {
	switch {
	case e.last && w.linger == nil:
		w.linger = time.AfterFunc(maxLinger, w.lingers)
	case !e.last && e.Kind != KindError && w.linger != nil: // an error may come with the end
		w.linger.Stop()
		w.linger = nil
	}
}

// lingers ends a session that is over. How it went is judged before it is told to
// end: to that, some answer with words of their own.
func (w *watcher) lingers() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.linger != nil { // else it went on at this very moment
		over := w.reader.verdict(0, "")
		w.stop(&breach{outcome: over.Outcome, reason: over.Reason, over: &over})
	}
}

func (w *watcher) tell(event Event) {
	if w.onEvent != nil {
		event.Text, event.Tool, event.Call = clip(event.Text, maxEvent), clip(event.Tool, maxName), clip(event.Call, maxName)
		w.onEvent(event)
	}
}

// judge says how the session ended. What we did comes first: a CLI that is told
// to end may well say that it succeeded.
func (w *watcher) judge(ctx context.Context, run process.Result, limits process.Limits, err error) Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.linger != nil {
		w.linger.Stop()
		w.linger = nil
	}
	r := w.reader.verdict(run.Code, run.Signal)
	r.Usage = w.price.apply(r.Usage)
	var broken *breach
	switch run.Cause {
	case process.CauseExited:
	case process.CauseWall:
		r.Outcome, r.Reason = w.waited(Timeout, fmt.Sprintf("ended by us after %v", limits.Wall))
	case process.CauseSilence:
		r.Outcome, r.Reason = w.waited(Stalled, fmt.Sprintf("ended by us after %v without a word", limits.Silence))
	case process.CauseOutput:
		r.Outcome, r.Reason = Failed, fmt.Sprintf("ended by us after %d bytes of output", run.Bytes)
	case process.CauseDisk:
		r.Outcome, r.Reason = Failed, fmt.Sprintf("ended by us after more than %d MB on the disk, or because that was nearly full", limits.Disk>>20)
	case process.CauseCancelled:
		r.Outcome, r.Reason = Cancelled, "ended by us: "+context.Cause(ctx).Error()
		if errors.As(context.Cause(ctx), &broken) {
			r.Outcome, r.Reason = broken.outcome, broken.Error()
			if broken.over != nil {
				r.Reason, r.ResetAt = broken.reason, broken.over.ResetAt
			}
		}
	default: // not started, or lost
		r.Outcome, r.Reason = Failed, string(run.Cause)
		if err != nil {
			r.Reason = err.Error()
		}
		if ctx.Err() != nil {
			r.Outcome = Cancelled
		}
	}
	if r.Outcome != Quota && r.Outcome != Overloaded {
		r.ResetAt = time.Time{}
	}
	r.Reason, r.Text = clip(oneLine(r.Reason), maxReason), clipFront(r.Text, maxText)
	r.Seconds, r.Survivors, r.ExitCode, r.Contained = run.Duration.Seconds(), run.Survivors, run.Code, run.Contained
	if r.Outcome == Done {
		w.tell(Event{Kind: KindFinished, Text: r.Text, Usage: r.Usage})
	} else {
		w.tell(Event{Kind: KindError, Text: string(r.Outcome) + ": " + r.Reason, Usage: r.Usage})
	}
	return r
}

// waited is the outcome of a session that we ended for taking too long: when all
// that it did in the end was to wait for a provider that refused it, the
// provider's refusal is the outcome.
func (w *watcher) waited(outcome Outcome, reason string) (Outcome, string) {
	refused, words := w.reader.trouble()
	if refused == "" || refused == Failed {
		return outcome, reason
	}
	return refused, reason + ", it was being refused: " + words
}
