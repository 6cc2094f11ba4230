package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lightsout/store"
)

// notice is what one event says to everybody; nil says nothing beyond the card.
type notice struct {
	text     string
	silent   bool
	topic    string
	key      string // "" makes the message one of the event
	reply    bool   // to the card of the pull request
	edits    string // key of the message that this takes the place of, where there is one
	editOnly bool   // and says nothing where there is none
	by       string // who did it and has been answered
	owners   bool   // only owners are told, and whom it is about
	whom     string // numeric id
	buttons  func(role string) [][]store.Button
}

// subject is what an event is about, as it stands now.
type subject struct {
	store.Event
	Now      time.Time
	Title    string
	URL      string
	Ticket   store.Ticket
	Run      store.Run
	Age      string // from the first run of the ticket to the merge
	Next     string // the role that runs next, and when
	card     *card
	cardText string
	runText  string // of the message that tells of the run of a RunEnded
	grant    *store.Grant
}

// Pull is the pull request that the event is about.
func (s *subject) Pull() store.Pull {
	if s.card == nil {
		return store.Pull{Number: s.Event.Pull}
	}
	return s.card.Pull
}

// subject reads what an event is about.
func (b *Bot) subject(ctx context.Context, e store.Event) (*subject, error) {
	s := &subject{Event: e, Now: b.Store.Now(), Title: e.Data["title"], URL: e.Data["url"]}
	if b.Options.Next != nil {
		s.Next, _, _ = strings.Cut(nextTimes(b.Options.Next(), s.Now), "\n")
	}
	var err error
	if e.Ticket != 0 {
		if s.Ticket, err = b.Store.Ticket(ctx, e.Ticket); err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		s.Title, s.URL = either(s.Title, s.Ticket.Title), either(s.URL, s.Ticket.URL)
	}
	if e.Run != 0 {
		if s.Run, err = b.Store.Run(ctx, e.Run); err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	if e.Kind == store.RunEnded {
		if s.runText, err = b.runText(ctx, s.Run); err != nil {
			return nil, err
		}
	}
	if e.Pull == 0 {
		return s, nil
	}
	shown, grant, err := b.readCard(ctx, e.Pull)
	if errors.Is(err, store.ErrNotFound) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.card, s.grant = &shown, grant
	if s.cardText, err = b.pages.render("card", shown); err != nil {
		return nil, err
	}
	s.Title, s.URL = either(shown.Title, s.Title), either(shown.URL, s.URL)
	s.Age, err = b.age(ctx, shown.Pull, e)
	return s, err
}

// age is how long a pull request took from its ticket's first run to the merge.
func (b *Bot) age(ctx context.Context, p store.Pull, e store.Event) (string, error) {
	if p.Ticket == 0 || p.Verdict != store.Landed {
		return "", nil
	}
	runs, err := b.Store.RunsOf(ctx, p.Ticket)
	if err != nil {
		return "", err
	}
	end := p.MergedAt
	if end.IsZero() {
		end = e.At
	}
	if len(runs) == 0 || !end.After(runs[0].StartedAt) {
		return "", nil
	}
	return took(end.Sub(runs[0].StartedAt)) + " from ticket", nil
}

// notice decides how an event is said: its words, whether it makes a sound, and what it replies to. What needs a person
// makes a sound, the rest is quiet.
func (b *Bot) notice(e store.Event, s *subject) (*notice, error) {
	p := s.Pull()
	shape := func(page string, n notice) (*notice, error) {
		text, err := b.pages.render(page, s)
		n.text = text
		return &n, err
	}
	brief := func(n notice, face, bold string, facts ...string) (*notice, error) {
		text, err := b.line(face, bold, facts...)
		n.text = text
		return &n, err
	}
	quiet, loud := notice{silent: true}, notice{}
	aboutPull := notice{silent: true, reply: true}
	switch e.Kind {
	case store.RunStarted:
		quiet.key = runKey(e.Run)
		return shape("run_started", quiet)
	case store.RunEnded:
		return b.runEnded(e, shape)
	case store.FixerClaimed:
		aboutPull.key = runKey(e.Run)
		return shape("fixer", aboutPull)
	case store.Rerun:
		return brief(aboutPull, "🟡", fmt.Sprintf("#%d: CI asked once more", e.Pull), e.Data["reason"], "no attempt spent")
	case store.Flaky:
		return brief(aboutPull, "⚠️", fmt.Sprintf("#%d: %s is flaky", e.Pull, e.Data["check"]), "it failed and passed on "+short(e.Data["head"]), "no attempt spent")
	case store.ProofRefused:
		if e.Run != 0 {
			quiet.edits = refusedKey(e.Run) // the rounds of a run are one message, which says how the last went
		}
		return shape("proof_refused", quiet)
	case store.ProofRenewed:
		if e.Data["proven"] == "true" {
			return nil, nil // the card says so
		}
		return brief(aboutPull, "🟡", fmt.Sprintf("#%d: its proof does not hold after the update from %s", e.Pull, e.Data["base"]), e.Data["proof"], "nothing is stopped by it")
	case store.ReviewSentBack:
		return shape("review_sent_back", quiet)
	case store.PullRead:
		if to := e.Data["to"]; (to == store.Foreign || to == store.Draft) && to != e.Data["from"] && p.Verdict == to {
			return brief(aboutPull, "⏸", fmt.Sprintf("#%d is left to you", p.Number), e.Data["reason"], fmt.Sprintf("/retry %d hands it back", p.Number))
		}
		if e.Data["to"] != store.Ready || p.Verdict != store.Ready || p.Head != e.Data["head"] || s.grant != nil {
			return nil, nil
		}
		return shape("ready", notice{reply: true, topic: "ready", key: fmt.Sprintf("ready:%d:%s:%s", p.Number, p.Head, p.PatchID),
			buttons: func(role string) [][]store.Button { return offer(p, role, "approve", "diff") }})
	case store.ApprovalEnded:
		reason := e.Data["reason"]
		if e.Data["state"] != store.ApprovalVoid || strings.HasPrefix(reason, rejectedBy) || reason == "approved anew" || decided(p) {
			return nil, nil
		}
		return shape("void", notice{reply: true, topic: "void", buttons: func(role string) [][]store.Button {
			if approvable(p, s.grant) {
				return offer(p, role, "approve", "diff")
			}
			return offer(p, role, "diff")
		}})
	case store.MergeRefused:
		return shape("merge_refused", notice{reply: true})
	case store.Merged:
		return shape("merged", notice{silent: true, reply: true, key: mergedKey(e.Pull)})
	case store.StagingStarted:
		return shape("merged", notice{silent: true, reply: true, edits: mergedKey(e.Pull), editOnly: true})
	case store.Staged:
		return shape("merged", notice{silent: true, reply: true, edits: mergedKey(e.Pull)})
	case store.Reverted:
		return brief(aboutPull, "↩️", fmt.Sprintf("#%d is taken back", e.Pull), "by #"+e.Data["by"], "its ticket stays Done until somebody opens it again")
	case store.StagingFailed:
		return shape("staging_failed", notice{reply: true, buttons: func(role string) [][]store.Button { return offer(p, role, "revert") }})
	case store.GaveUp:
		return shape("gave_up", notice{reply: true, buttons: func(role string) [][]store.Button {
			return offer(store.Pull{Number: either0(e.Pull, e.Ticket), Head: p.Head, PatchID: p.PatchID}, role, "retry", "log")
		}})
	case store.TicketParked:
		if e.Data["quiet"] != "" {
			return nil, nil // said by what parked it
		}
		n := notice{silent: true, by: e.Data["by"]}
		if e.Data["lacks"] == "" {
			n.buttons = func(role string) [][]store.Button { return offer(store.Pull{Number: e.Ticket}, role, "retry", "log") }
		}
		return shape("parked", n)
	case store.TicketUnparked:
		reason := e.Data["reason"]
		n := quiet
		if by, person := strings.CutPrefix(reason, unparkedBy); person {
			n.by = by
		}
		return brief(n, "📋", fmt.Sprintf("#%d is in the queue again", e.Ticket), s.Title, reason)
	case store.Heartbeat:
		return shape("heartbeat", notice{silent: true, topic: heartbeatTopic})
	case store.Intake:
		if e.Pull != 0 {
			return brief(aboutPull, "💬", fmt.Sprintf("#%d", e.Pull), e.Data["reason"])
		}
		return brief(quiet, "💤", "Implementer took nothing", e.Data["reason"])
	case store.Trouble:
		return shape("trouble", loud)
	case store.TroubleOver:
		return brief(quiet, "✅", "Over", e.Data["what"])
	case store.Paused:
		until := "until /resume"
		if t, err := time.Parse(time.RFC3339, e.Data["until"]); err == nil {
			until = untilWords(t, s.Now)
		}
		return brief(notice{silent: true, by: e.Data["by"]}, "⏸", title(e.Data["scope"])+" paused", until, signed(e))
	case store.Resumed:
		return brief(notice{silent: true, by: e.Data["by"]}, "▶️", title(e.Data["scope"])+" goes on", signed(e))
	case store.RulesChanged:
		what := "Rules changed"
		if e.Data["by"] == "" {
			what = "Rules" // those it starts with, or an edit by hand: the reason says which
		}
		return brief(notice{silent: true, by: e.Data["by"]}, "📜", what, e.Data["reason"], signed(e), "/rules shows them")
	case store.PersonPaired:
		return brief(notice{owners: true, whom: e.Data["id"]}, "🔑", either(e.Data["name"], "Somebody")+" may use me", "as "+e.Data["role"], "/help lists what can be asked")
	case store.PersonRemoved:
		return brief(notice{owners: true}, "🔑", either(e.Data["name"], "Somebody")+" may no longer use me", e.Data["role"])
	case store.EngineRests:
		return b.engineRests(e, s, brief)
	case store.EngineBack:
		return brief(notice{silent: true, by: e.Data["by"]}, "▶️", e.Data["engine"]+" is asked again", signed(e))
	case store.LeftoverSessions:
		return brief(quiet, "🧹", "Ended sessions that an earlier life left running", e.Data["ended"])
	}
	return nil, nil
}

// refusedKey names the message that tells of the refused proofs of a run.
func refusedKey(run int64) string { return fmt.Sprintf("refused:%d", run) }

// mergedKey names the message of a merge, which staging edits.
func mergedKey(pull int) string { return fmt.Sprintf("merged:%d", pull) }

func signed(e store.Event) string {
	if e.Data["by"] == "" {
		return ""
	}
	return "by " + e.Data["by"]
}

// runEnded tells of runs that came to nothing. Those that did what they should are told by what they made, and a refused proof
// and a parked ticket by themselves.
func (b *Bot) runEnded(e store.Event, shape func(string, notice) (*notice, error)) (*notice, error) {
	switch e.Data["outcome"] {
	case "", "done", "refused", "no change":
		return nil, nil
	case "quota", "overloaded", "authentication": // told by the rest of the coding CLI
		return nil, nil
	case "failed":
		if e.Data["role"] == implementer {
			return nil, nil
		}
	case "stalled", "timeout", "denied", "over budget":
		return shape("run_ended", notice{})
	}
	return shape("run_ended", notice{silent: true})
}

// engineRests tells that a coding CLI is not asked for a while. It makes a sound where somebody has to do something: where
// no other is left, and where its credentials were refused.
func (b *Bot) engineRests(e store.Event, s *subject, brief func(notice, string, string, ...string) (*notice, error)) (*notice, error) {
	engine, next := e.Data["engine"], "no other is left: nothing is worked on until then"
	if e.Data["next"] != "" {
		next = e.Data["next"] + " takes over"
	}
	until := ""
	if t, err := time.Parse(time.RFC3339, e.Data["until"]); err == nil {
		until = " until " + clock(t, s.Now)
	}
	n := notice{silent: e.Data["next"] != "" && e.Data["outcome"] != "authentication"}
	return brief(n, "😴", engine+" rests"+until, e.Data["outcome"], e.Data["reason"], next, "no attempt is spent", "/resume "+engine+" asks it at once")
}
