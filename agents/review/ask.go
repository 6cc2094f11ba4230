package review

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"lightsout/agents/engine"
	"lightsout/rules"
)

// maxAsked is how often one role is asked in a round: once more when its answer cannot be read.
const maxAsked = 2

// ask puts a role's prompt to a session and reads the answer. heard is false when the role counts as silent.
func (d *debate) ask(ctx context.Context, task rules.Review, schema string, answer any) (heard bool, err error) {
	task.Title, task.Body, task.Rules, task.Dir, task.Diff = d.Title, clipText(d.Body, maxTicket), d.Rules, d.Dir, d.shown
	if d.Earlier == nil {
		task.Areas = d.verdict.Radius.Areas
	}
	for range maxAsked {
		prompt, err := rules.RenderReview(task)
		if err != nil {
			return false, err
		}
		result, err := d.Ask(ctx, task.Role, prompt.Text)
		turn := Turn{Role: task.Role, Engine: result.Engine, Round: d.verdict.Rounds, PromptBytes: prompt.Bytes, Outcome: result.Outcome, Answer: clipText(result.Text, maxKept), Usage: result.Usage, Seconds: result.Seconds}
		again := false
		if err == nil {
			turn.Problem, again = read(result, schema, answer)
			if result.Outcome == engine.Done {
				turn.Note = clip(result.Reason, 200)
			}
		}
		d.note(turn)
		if err != nil {
			return false, fmt.Errorf("session of the %s: %w", task.Role, err)
		}
		if err := context.Cause(ctx); err != nil {
			return false, err
		}
		if turn.Problem == "" {
			return true, nil
		}
		task.Problem = turn.Problem
		if !again {
			break
		}
	}
	d.verdict.Silent = append(d.verdict.Silent, task.Role+": "+task.Problem)
	return false, nil
}

// read says what is wrong with an answer, "" when nothing is, and whether asking again may help.
func read(result engine.Result, schema string, answer any) (problem string, again bool) {
	if result.Outcome != engine.Done {
		return clip(strings.TrimSpace(string(result.Outcome)+" "+result.Reason), 200), false
	}
	if err := parseAnswer(result.Text, schema, answer); err != nil {
		return err.Error(), true
	}
	return "", false
}

func (d *debate) note(t Turn) {
	v := &d.verdict
	v.Turns = append(v.Turns, t)
	v.Seconds += t.Seconds
	v.Usage.Input += t.Usage.Input
	v.Usage.Cached += t.Usage.Cached
	v.Usage.Output += t.Usage.Output
	v.Usage.CostUSD += t.Usage.CostUSD
}

// evidenceOf writes what is argued about for a prompt.
func evidenceOf(list []claim) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, c := range list {
		if err := enc.Encode(c); err != nil {
			return "", fmt.Errorf("write what is argued about: %w", err)
		}
	}
	return b.String(), nil
}
