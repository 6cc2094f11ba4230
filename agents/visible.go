package agents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"lightsout/agents/forge"
	"lightsout/store"
)

// What the factory does with a pull request is to be seen on GitHub, by people and by another daemon that does not share
// our store: a label, and one comment that is edited, never a second one.

// The labels on pull requests.
const (
	fixingLabel = "lightsout: fixing"
	gaveUpLabel = "lightsout: gave up"
)

// visibleClaim is what the comment on a pull request says of its claim.
type visibleClaim struct {
	Generation int64
	Holder     string
	Until      time.Time // zero: it has ended
}

// claimMark is the hidden line that another daemon reads.
var claimMark = regexp.MustCompile(`<!-- lightsout claim (\d{1,18}) by (.+?) until (\S+) -->`)

func (v visibleClaim) mark() string {
	until := "over"
	if !v.Until.IsZero() {
		until = v.Until.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("<!-- lightsout claim %d by %s until %s -->", v.Generation, v.Holder, until)
}

// readClaim finds the claim that stands on a pull request, in a comment by whoever opened it: anybody else can write a
// line like ours.
func readClaim(comments []forge.Comment, author string) (v visibleClaim, comment int64, ok bool) {
	for _, c := range slices.Backward(comments) {
		m := claimMark.FindStringSubmatch(c.Body)
		if m == nil || c.Author != author {
			continue
		}
		v.Generation, _ = strconv.ParseInt(m[1], 10, 64) // digits that fit
		v.Holder = m[2]
		if until, err := time.Parse(time.RFC3339, m[3]); err == nil {
			v.Until = until
		}
		return v, c.ID, true
	}
	return v, 0, false
}

// livesKept is how many earlier lives of this daemon are remembered; a claim that is seen on GitHub ends long before as many.
const livesKept = 50

// lives names this daemon's lives, this one last: their claims are ours to take over.
func (f *Factory) lives(ctx context.Context) ([]string, error) {
	value, err := f.Store.Setting(ctx, "lives")
	if err != nil {
		return nil, err
	}
	var lives []string
	if value != "" {
		if err := json.Unmarshal([]byte(value), &lives); err != nil {
			return nil, fmt.Errorf("read the daemon's lives: %w", err)
		}
	}
	if slices.Contains(lives, f.Instance) {
		return lives, nil
	}
	lives = append(lives[max(0, len(lives)-livesKept+1):], f.Instance)
	text, err := json.Marshal(lives)
	if err != nil {
		return nil, err
	}
	return lives, f.Store.SetSetting(ctx, "lives", string(text))
}

// otherDaemon names the trouble that another daemon has a pull request. Each is one by itself: what is over for one lasts for
// another.
func otherDaemon(pull int) string { return fmt.Sprintf("another daemon works on #%d", pull) }

// claimedElsewhere tells that another daemon has a pull request: one with a store of its own, which ours cannot hold back.
func (x *Fixer) claimedElsewhere(ctx context.Context, s Standing) (bool, error) {
	comments, err := x.Forge.Comments(ctx, s.Pull.Number)
	if err != nil {
		return false, err
	}
	v, _, ok := readClaim(comments, s.Facts.PR.Author)
	if !ok || !v.Until.After(x.Store.Now()) {
		return false, x.Store.Settled(ctx, otherDaemon(s.Pull.Number))
	}
	lives, err := x.lives(ctx)
	if err != nil || slices.Contains(lives, v.Holder) {
		return false, err
	}
	return true, x.Store.Trouble(ctx, store.Problem{What: otherDaemon(s.Pull.Number), Reason: fmt.Sprintf("#%d carries claim %d of a daemon that is not this one, until %s", s.Pull.Number, v.Generation, v.Until.UTC().Format("15:04 UTC")),
		Cure: "stop one of the two; this one leaves the pull request alone"})
}

// announce puts the label and the comment of a claim on a pull request.
func (x *Fixer) announce(ctx context.Context, s Standing, claim store.Claim, words string) error {
	now := x.Store.Now()
	v := visibleClaim{Generation: claim.Generation, Holder: x.Instance, Until: now.Add(x.Settings.RunLimit)}
	// The label first: where something comes between, it is what tells tidy that the comment may say what is true no more.
	_, err := x.Forge.AddLabels(ctx, s.Pull.Number, fixingLabel)
	if err == nil || permanent(err) {
		err = x.say(ctx, s, claim, v, words)
	}
	return unlessPermanent(err)
}

// withdraw takes the label off and leaves the last word in the comment.
func (x *Fixer) withdraw(ctx context.Context, s Standing, claim store.Claim, words string) error {
	err := x.say(ctx, s, claim, visibleClaim{Generation: claim.Generation, Holder: x.Instance}, words)
	if err == nil || permanent(err) {
		err = x.Forge.RemoveLabel(ctx, s.Pull.Number, fixingLabel)
	}
	if errors.Is(err, store.ErrLost) {
		return nil // somebody else has it by now, and says so
	}
	return unlessPermanent(err)
}

// unlessPermanent lets pass what GitHub will not have, ever: a claim that cannot be shown is one all the same.
func unlessPermanent(err error) error {
	if err != nil && permanent(err) {
		return nil
	}
	return err
}

// say edits the one comment, or writes it where there is none yet.
func (x *Fixer) say(ctx context.Context, s Standing, claim store.Claim, v visibleClaim, words string) error {
	if err := x.Store.Holds(ctx, claim); err != nil {
		return err
	}
	if _, err := x.lives(ctx); err != nil { // before the name of this life stands outside
		return err
	}
	data := map[string]any{"Words": words, "Generation": v.Generation, "Since": x.Store.Now().UTC().Format("15:04 UTC on 2 January"), "Mark": v.mark(), "Until": ""}
	if !v.Until.IsZero() {
		data["Until"] = v.Until.UTC().Format("15:04 UTC")
	}
	body := x.redact(fill("claim.md", data))
	name := fmt.Sprintf("claim comment #%d", s.Pull.Number)
	known, err := x.Store.Setting(ctx, name)
	if err != nil {
		return err
	}
	if id, err := strconv.ParseInt(known, 10, 64); err == nil {
		if _, err = x.Forge.EditComment(ctx, id, body); !errors.Is(err, forge.ErrNotFound) {
			return err
		}
		// Somebody has deleted it.
	}
	find := func(ctx context.Context) (string, bool, error) { // also one of a life whose store is lost
		comments, err := x.Forge.Fresh().Comments(ctx, s.Pull.Number)
		_, id, ok := readClaim(comments, s.Facts.PR.Author)
		return strconv.FormatInt(id, 10), ok, err
	}
	written := false
	made, err := x.once(ctx, deed{key: name + " after " + known, kind: commentKind, marked: true, claim: &claim, find: find,
		do: func(ctx context.Context) (string, error) {
			c, err := x.Forge.Comment(ctx, s.Pull.Number, body)
			written = err == nil
			return strconv.FormatInt(c.ID, 10), err
		}})
	if err != nil {
		return err
	}
	if err := x.Store.SetSetting(ctx, name, made); err != nil || written {
		return err
	}
	id, err := strconv.ParseInt(made, 10, 64)
	if err != nil {
		return fmt.Errorf("read the number of the claim's comment: %w", err)
	}
	_, err = x.Forge.EditComment(ctx, id, body)
	return err
}

// tidy takes off labels that say what is true no more, after a crash or a person's word.
func (x *Fixer) tidy(ctx context.Context, snap Snapshot) error {
	for _, s := range snap.Standings {
		stale := slices.Contains(s.Facts.PR.Labels, fixingLabel)
		over := slices.Contains(s.Facts.PR.Labels, gaveUpLabel) && s.Verdict.Word != store.GivenUp && s.Verdict.Word != store.Unknown
		if x.Settings.Observe || !stale && !over || x.desk.taken(s.Pull.Ticket) {
			continue
		}
		if over {
			if err := unlessPermanent(x.Forge.RemoveLabel(ctx, s.Pull.Number, gaveUpLabel)); err != nil {
				return err
			}
		}
		if !stale {
			continue
		}
		if elsewhere, err := x.claimedElsewhere(ctx, s); err != nil {
			return err
		} else if elsewhere {
			continue
		}
		claim, leave, err := x.claim(ctx, store.Claim{Ticket: s.Pull.Ticket, Role: FixerRole}, updateLease)
		if errors.Is(err, store.ErrClaimed) {
			continue
		}
		if err != nil {
			return err
		}
		err = errors.Join(x.withdraw(ctx, s, claim, "The Fixer was interrupted. It begins anew where that is still needed."), x.Store.Release(ctx, claim, "interrupted"))
		leave()
		if err != nil {
			return err
		}
	}
	return nil
}
