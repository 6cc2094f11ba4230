package engine

import (
	"encoding/json"
	"errors"
	"time"
)

// account is what the reader of any CLI gathers, and the judgement on it that is
// the same for all.
type account struct {
	now   func() time.Time
	text  string // the last thing it said
	turns int
	usage Usage // so far, in all
	other tail  // lines that are no events, of both outputs

	ended   bool   // its terminal event came
	failed  bool   // an error is the last that came of the work, or the terminal event has one
	failure string // the words of that error
	status  int    // HTTP status of the call that failed; 0 when not told
}

func newAccount(now func() time.Time) account { return account{now: now, other: tail{most: maxWords}} }

func (a *account) stderr(line []byte) []Event {
	a.other.add(line)
	return nil
}

// decode reads an event out of a line. What is no event is kept as words.
func (a *account) decode(line []byte, cut bool, event any) bool {
	if cut {
		return false
	}
	if len(line) == 0 || line[0] != '{' || tolerant(json.Unmarshal(line, event)) != nil {
		a.other.add(line)
		return false
	}
	return true
}

// tolerant drops the error of a field that is not of the kind we know: the other
// fields were read all the same.
func tolerant(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return nil
	}
	return err
}

// say is words of the model.
func (a *account) say(text string) Event {
	a.text, a.failed = clip(text, maxText), false
	return Event{Kind: KindMessage, Text: text}
}

// spent is the event that tells what was used so far.
func (a *account) spent() Event {
	return Event{Kind: KindUsage, Usage: a.usage, Turns: a.turns, last: a.ended}
}

// fail is an error that the CLI names. It may get over it.
func (a *account) fail(words string, status int) Event {
	a.failed, a.failure, a.status = true, clip(words, maxWords), status
	return Event{Kind: KindError, Text: words}
}

// trouble is the provider's refusal that was the last of the session, if it was.
func (a *account) trouble() (Outcome, string) {
	if !a.failed {
		return "", ""
	}
	return classify(a.status, a.failure), a.failure
}

func (a *account) verdict(code int, signal string) Result {
	r := Result{Turns: a.turns, Usage: a.usage, Text: a.text}
	switch {
	case a.failed:
		r.Outcome, r.Reason = classify(a.status, a.failure), a.failure
		if r.Reason == "" {
			r.Reason = "it named an error without a word"
		}
		r.ResetAt = resetTime(a.failure, a.now())
	case !a.ended:
		words := a.other.String()
		r.Outcome, r.ResetAt = classify(0, words), resetTime(words, a.now())
		r.Reason = "no result came, " + ending(code, signal)
		if last := a.other.last(); last != "" {
			r.Reason += ": " + last
		}
	case refusal(a.text):
		r.Outcome, r.Reason, r.ResetAt = classify(0, a.text), a.text, resetTime(a.text, a.now())
	case code != 0:
		r.Outcome, r.Reason = Failed, "it said success, then "+ending(code, signal)
	default:
		r.Outcome = Done
	}
	return r
}

func (u Usage) plus(v Usage) Usage {
	return Usage{Input: u.Input + v.Input, Cached: u.Cached + v.Cached, Output: u.Output + v.Output, CostUSD: u.CostUSD + v.CostUSD}
}

// fresh is input that includes what came out of a cache, less that.
func fresh(input, cached int64) int64 { return max(0, input-cached) }
