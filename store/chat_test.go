package store

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestUpdatesAreReceivedOnceAndTheOffsetNeverGoesBack(t *testing.T) {
	s, _ := open(t)
	must(t, s.Receive(t.Context(), []Update{{ID: 11, Body: `{"a":1}`}, {ID: 12, Body: `{}`}}))
	must(t, s.MarkHandled(t.Context(), 11, ""))
	must(t, s.Receive(t.Context(), []Update{{ID: 11, Body: `{"changed":1}`}, {ID: 10, Body: `{}`}}))
	offset, err := s.Offset(t.Context())
	must(t, err)
	if offset != 13 {
		t.Errorf("offset = %d, want 13", offset)
	}
	open, err := s.Unhandled(t.Context())
	must(t, err)
	if len(open) != 2 || open[0].ID != 10 || open[1].ID != 12 {
		t.Errorf("unhandled = %v, want 10 and 12: 11 was handled before it came again", open)
	}
}

func TestTheOffsetFollowsIdsThatBeganAnew(t *testing.T) {
	s, _ := open(t)
	must(t, s.Receive(t.Context(), []Update{{ID: 900_000_000, Body: `{}`}}))
	must(t, s.Receive(t.Context(), []Update{{ID: 7_000_001, Body: `{}`}, {ID: 7_000_000, Body: `{}`}}))
	offset, err := s.Offset(t.Context())
	must(t, err)
	if offset != 7_000_002 {
		t.Errorf("offset = %d: what comes after a week of silence would never be asked for", offset)
	}
}

func TestAKeyIsQueuedOnce(t *testing.T) {
	s, _ := open(t)
	for _, text := range []string{"first", "again"} {
		must(t, s.Enqueue(t.Context(), Outgoing{Key: "event:1:1001", Chat: 1001, Kind: Send, Text: text}))
	}
	next, err := s.NextOutgoing(t.Context())
	must(t, err)
	if len(next) != 1 || next[0].Text != "first" {
		t.Errorf("queue = %v", next)
	}
}

func TestPublishMovesTheCursorWithTheMessages(t *testing.T) {
	s, _ := open(t)
	must(t, s.Publish(t.Context(), "chat", 5, []Outgoing{{Key: "k", Chat: 1, Kind: Send, Text: "x"}}))
	cursor, err := s.Cursor(t.Context(), "chat")
	must(t, err)
	waiting, _, err := s.Backlog(t.Context())
	must(t, err)
	if cursor != 5 || waiting != 1 {
		t.Errorf("cursor %d, %d waiting; want 5 and 1", cursor, waiting)
	}
}

func TestEachChatGetsItsOldestCallFirst(t *testing.T) {
	s, clock := open(t)
	must(t, s.Enqueue(t.Context(),
		Outgoing{Key: "a", Chat: 1, Kind: Send, Text: "a"}, Outgoing{Key: "b", Chat: 2, Kind: Send, Text: "b"}, Outgoing{Key: "c", Chat: 1, Kind: Send, Text: "c"}))
	next, err := s.NextOutgoing(t.Context())
	must(t, err)
	if len(next) != 2 || next[0].Text != "a" || next[1].Text != "b" {
		t.Fatalf("next = %v", next)
	}
	// A call that must wait holds back what comes after it in its own chat, and only there.
	must(t, s.MarkRetry(t.Context(), next[0].ID, clock.now().Add(time.Minute), "429"))
	must(t, s.MarkSent(t.Context(), next[1].ID, 500))
	next, err = s.NextOutgoing(t.Context())
	must(t, err)
	if len(next) != 1 || next[0].Text != "a" || next[0].NotBefore.IsZero() {
		t.Errorf("next = %v", next)
	}
}

func TestANewerEditTakesThePlaceOfOneThatHasNotLeft(t *testing.T) {
	s, _ := open(t)
	must(t, s.Enqueue(t.Context(), Outgoing{Key: "card", Chat: 1, Pull: 42, Kind: Send, Topic: CardTopic, Text: "opened"}))
	card, err := s.Card(t.Context(), 1, 42)
	must(t, err)
	// Not sent yet: the edit changes the message itself.
	must(t, s.Enqueue(t.Context(), Outgoing{Key: "e1", Chat: 1, Pull: 42, Kind: Edit, TargetRow: card.ID, Text: "running"}))
	next, err := s.NextOutgoing(t.Context())
	must(t, err)
	if len(next) != 1 || next[0].Text != "running" || next[0].Kind != Send {
		t.Fatalf("next = %v", next)
	}
	must(t, s.MarkSent(t.Context(), next[0].ID, 77))
	for _, text := range []string{"red", "green"} {
		must(t, s.Enqueue(t.Context(), Outgoing{Key: text, Chat: 1, Pull: 42, Kind: Edit, TargetRow: card.ID, Text: text}))
	}
	next, err = s.NextOutgoing(t.Context())
	must(t, err)
	if len(next) != 1 || next[0].Text != "green" {
		t.Errorf("next = %v, want the newest edit alone", next)
	}
}

func TestAButtonBelongsToItsMessageAndIsUsedOnce(t *testing.T) {
	s, _ := open(t)
	buttons := [][]Button{{{Text: "Approve", Verb: "approve", Head: "abc", PatchID: "p", Once: true}}}
	must(t, s.Enqueue(t.Context(), Outgoing{Key: "card", Chat: 1, Pull: 42, Kind: Send, Topic: CardTopic, Text: "x", Buttons: buttons}))
	card, err := s.Card(t.Context(), 1, 42)
	must(t, err)
	must(t, s.MarkSent(t.Context(), card.ID, 77))
	nonce := card.Buttons[0][0].Nonce
	if nonce == "" {
		t.Fatal("the button has no nonce")
	}
	for name, ask := range map[string]func() (Token, error){
		"another chat":    func() (Token, error) { return s.Token(t.Context(), nonce, "approve", 2, 77) },
		"another message": func() (Token, error) { return s.Token(t.Context(), nonce, "approve", 1, 78) },
		"another verb":    func() (Token, error) { return s.Token(t.Context(), nonce, "reject", 1, 77) },
		"another nonce":   func() (Token, error) { return s.Token(t.Context(), nonce+"x", "approve", 1, 77) },
	} {
		if _, err := ask(); !errors.Is(err, ErrDeadButton) {
			t.Errorf("%s: %v, want ErrDeadButton", name, err)
		}
	}
	token, err := s.Token(t.Context(), nonce, "approve", 1, 77)
	must(t, err)
	if token.Pull != 42 || token.Head != "abc" {
		t.Errorf("token = %+v", token)
	}
	must(t, s.UseToken(t.Context(), nonce, 1001))
	if err := s.UseToken(t.Context(), nonce, 1001); !errors.Is(err, ErrDeadButton) {
		t.Errorf("second tap: %v, want ErrDeadButton", err)
	}
}

func TestAButtonServesFromTheMomentItsMessageLeaves(t *testing.T) {
	s, _ := open(t)
	buttons := [][]Button{{{Text: "Approve", Verb: "approve", Once: true}}}
	must(t, s.Enqueue(t.Context(), Outgoing{Key: "card", Chat: 1, Pull: 42, Kind: Send, Topic: CardTopic, Text: "x", Buttons: buttons}))
	card, err := s.Card(t.Context(), 1, 42)
	must(t, err)
	nonce := card.Buttons[0][0].Nonce
	if _, err := s.Token(t.Context(), nonce, "approve", 1, 77); !errors.Is(err, ErrDeadButton) {
		t.Errorf("before it has left: %v, want ErrDeadButton", err)
	}
	_, err = s.Depart(t.Context(), card.ID)
	must(t, err)
	if _, err := s.Token(t.Context(), nonce, "approve", 1, 77); err != nil {
		t.Errorf("under way: %v", err)
	}
	if _, err := s.Token(t.Context(), nonce, "approve", 2, 77); !errors.Is(err, ErrDeadButton) {
		t.Errorf("under way to another chat: %v, want ErrDeadButton", err)
	}
	must(t, s.MarkSent(t.Context(), card.ID, 77))
	if _, err := s.Token(t.Context(), nonce, "approve", 1, 78); !errors.Is(err, ErrDeadButton) {
		t.Errorf("another message once it has arrived: %v, want ErrDeadButton", err)
	}
}

func TestAnEditKillsTheButtonsItTakesAway(t *testing.T) {
	s, _ := open(t)
	buttons := [][]Button{{{Text: "Approve", Verb: "approve", Once: true}}}
	must(t, s.Enqueue(t.Context(), Outgoing{Key: "card", Chat: 1, Pull: 42, Kind: Send, Topic: CardTopic, Text: "x", Buttons: buttons}))
	card, err := s.Card(t.Context(), 1, 42)
	must(t, err)
	must(t, s.MarkSent(t.Context(), card.ID, 77))
	must(t, s.Enqueue(t.Context(), Outgoing{Key: "e", Chat: 1, Pull: 42, Kind: Edit, TargetRow: card.ID, Text: "merged"}))
	if err := s.UseToken(t.Context(), card.Buttons[0][0].Nonce, 1001); !errors.Is(err, ErrDeadButton) {
		t.Errorf("the button of before the edit: %v, want ErrDeadButton", err)
	}
}

func TestAPairingCodeServesItsFirstAskerOnce(t *testing.T) {
	s, clock := open(t)
	p, err := s.NewPairing(t.Context(), Owner)
	must(t, err)
	must(t, s.AskPairing(t.Context(), p.Code, 1001, "Ana", 1001))
	if err := s.AskPairing(t.Context(), p.Code, 666, "Eve", 666); !errors.Is(err, ErrNotFound) {
		t.Errorf("a second asker: %v, want ErrNotFound", err)
	}
	must(t, s.SettlePairing(t.Context(), p.Code, true))
	if err := s.SettlePairing(t.Context(), p.Code, true); !errors.Is(err, ErrNotFound) {
		t.Errorf("a second settling: %v, want ErrNotFound", err)
	}
	ana, err := s.Person(t.Context(), 1001)
	must(t, err)
	if ana.Role != Owner {
		t.Errorf("ana = %+v", ana)
	}
	late, err := s.NewPairing(t.Context(), Viewer)
	must(t, err)
	clock.pass(time.Hour)
	if err := s.AskPairing(t.Context(), late.Code, 1002, "Ben", 1002); !errors.Is(err, ErrNotFound) {
		t.Errorf("a code that has run out: %v, want ErrNotFound", err)
	}
}

func TestOnlyThreePairingCodesArePending(t *testing.T) {
	s, clock := open(t)
	for range 3 {
		_, err := s.NewPairing(t.Context(), Viewer)
		must(t, err)
	}
	if _, err := s.NewPairing(t.Context(), Viewer); !errors.Is(err, ErrTooManyCodes) {
		t.Errorf("a fourth: %v, want ErrTooManyCodes", err)
	}
	clock.pass(time.Hour)
	_, err := s.NewPairing(t.Context(), Viewer)
	must(t, err)
}

func TestNothingThatWasSaidFollowsAChatToItsNewNumbers(t *testing.T) {
	const basic, super int64 = -4001, -1004001
	s, _ := open(t)
	must(t, s.Enqueue(t.Context(), Outgoing{Key: "said", Chat: basic, Kind: Send, Text: "#42", Pull: 42}))
	said, err := s.Keyed(t.Context(), "said")
	must(t, err)
	must(t, s.MarkSent(t.Context(), said.ID, 7))
	must(t, s.Enqueue(t.Context(), Outgoing{Key: "reply", Chat: basic, Kind: Send, Text: "again", ReplyTo: 7, ReplyRow: said.ID},
		Outgoing{Key: "edit", Chat: basic, Kind: Edit, Text: "#42, fresh", TargetRow: said.ID}))
	must(t, s.MoveChat(t.Context(), basic, super))
	if row, err := s.MessageRow(t.Context(), super, 7); !errors.Is(err, ErrNotFound) {
		t.Errorf("message 7 of the new chat, whoever wrote it, counts as ours about #%d, %v", row.Pull, err)
	}
	next, err := s.NextOutgoing(t.Context())
	must(t, err)
	if len(next) != 1 || next[0].Key != "reply" || next[0].Chat != super || next[0].ReplyTo != 0 || next[0].ReplyRow != 0 {
		t.Errorf("what waits: %+v", next)
	}
	edit, err := s.Keyed(t.Context(), "edit")
	must(t, err)
	if edit.State != Dead {
		t.Errorf("the edit of a message that is not there is %s", edit.State)
	}
}

func TestACardThatWaitsGoesWithItsChat(t *testing.T) {
	const basic, super int64 = -4001, -1004001
	s, _ := open(t)
	must(t, s.Enqueue(t.Context(), Outgoing{Key: "card", Chat: basic, Kind: Send, Topic: CardTopic, Pull: 7, Text: "#7"}))
	must(t, s.MoveChat(t.Context(), basic, super))
	if card, err := s.Card(t.Context(), super, 7); err != nil || card.Chat != super {
		t.Errorf("the next event would send a second card: %+v, %v", card, err)
	}
}

func TestTheButtonsOfACardOutliveTheHistory(t *testing.T) {
	s, clock := open(t)
	put := func(pull int, kind string, target int64, buttons ...Button) Outgoing {
		key := fmt.Sprintf("card:%d:%s", pull, kind)
		must(t, s.Enqueue(t.Context(), Outgoing{Key: key, Chat: 1001, Kind: kind, Topic: CardTopic, Pull: pull, Text: "card " + kind, Buttons: [][]Button{buttons}, TargetRow: target}))
		row, err := s.Keyed(t.Context(), key)
		must(t, err)
		must(t, s.MarkSent(t.Context(), row.ID, int64(pull)))
		return row
	}
	open := put(42, Send, 0, Button{Text: "Approve", Verb: "approve", Head: "h", Once: true})
	decided := put(43, Send, 0, Button{Text: "Approve", Verb: "approve", Head: "h", Once: true})
	put(43, Edit, decided.ID)
	clock.pass(100 * 24 * time.Hour)
	must(t, s.Prune(t.Context(), clock.now().Add(-90*24*time.Hour)))
	if token, err := s.Token(t.Context(), open.Buttons[0][0].Nonce, "approve", 1001, 42); err != nil || !token.UsedAt.IsZero() {
		t.Errorf("the button of a card that still shows it: %+v, %v", token, err)
	}
	if _, err := s.Token(t.Context(), decided.Buttons[0][0].Nonce, "approve", 1001, 43); !errors.Is(err, ErrDeadButton) {
		t.Errorf("a button that was taken off a card long ago is kept: %v", err)
	}
}

func TestAButtonThatAnEditTookAwayDuringItsTapIsUsed(t *testing.T) {
	s, _ := open(t)
	approve := Button{Text: "Approve", Verb: "approve", Head: "h", Once: true}
	must(t, s.Enqueue(t.Context(), Outgoing{Key: "card", Chat: 1001, Kind: Send, Topic: CardTopic, Pull: 42, Text: "ready", Buttons: [][]Button{{approve}}}))
	card, err := s.Keyed(t.Context(), "card")
	must(t, err)
	must(t, s.MarkSent(t.Context(), card.ID, 7))
	nonce := card.Buttons[0][0].Nonce
	must(t, s.Enqueue(t.Context(), Outgoing{Key: "edit", Chat: 1001, Kind: Edit, Topic: CardTopic, Pull: 42, Text: "approved", TargetRow: card.ID}))
	if err := s.UseToken(t.Context(), nonce, 1001); !errors.Is(err, ErrDeadButton) {
		t.Errorf("the tap that crossed the edit: %v", err)
	}
	if used, err := s.Token(t.Context(), nonce, "approve", 1001, 7); err != nil || used.UsedBy != 1001 {
		t.Errorf("the same tap would count once more: %+v, %v", used, err)
	}
	if err := s.UseToken(t.Context(), nonce, 1001); !errors.Is(err, ErrDeadButton) {
		t.Errorf("a second tap: %v", err)
	}
}
