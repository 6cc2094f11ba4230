package bot

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lightsout/bot/bottest"
	"lightsout/store"
)

// queue puts messages numbered from 1 into a chat.
func (w *world) queue(chat int64, n int) {
	w.Helper()
	for i := range n {
		w.must(w.store.Enqueue(w.Context(), store.Outgoing{Key: fmt.Sprintf("test:%d@%d", i+1, chat), Chat: chat, Kind: store.Send, Text: fmt.Sprintf("message %d", i+1)}))
	}
	w.bot.Poke()
}

// numbered are the messages of queue that have arrived, in the order in which they did.
func (w *world) numbered(chat int64) []string {
	var out []string
	for _, m := range w.said(chat) {
		if n, ok := strings.CutPrefix(m.Plain, "message "); ok {
			out = append(out, n)
		}
	}
	return out
}

func inOrder(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint(i+1))
	}
	return out
}

func TestMessagesOfAChatKeepTheirOrderAndTheirDistance(t *testing.T) {
	inWorld(t, func(w *world) {
		w.queue(vera, 5)
		w.queue(group, 5)
		w.settle()
		for chat, distance := range map[int64]time.Duration{vera: time.Second, group: 3 * time.Second} {
			if got := w.numbered(chat); !slices.Equal(got, inOrder(5)) {
				t.Errorf("%d: %v", chat, got)
			}
			said := w.said(chat)
			for i := 1; i < len(said); i++ {
				if d := said[i].At.Sub(said[i-1].At); d < distance {
					t.Errorf("%d: %v after the one before", chat, d)
				}
			}
		}
	})
}

func TestEveryFaultOfTheChatServiceIsSurvivedInOrder(t *testing.T) {
	for _, kind := range []bottest.FaultKind{bottest.TooMany, bottest.Internal, bottest.BadGateway, bottest.Timeout, bottest.DropBeforeCommit} {
		t.Run(string(kind), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.Fault(bottest.Fault{Method: "sendMessage", Chat: vera, Kind: kind, RetryAfter: 30, Skip: 1, Times: 3})
				start := w.store.Now()
				w.queue(vera, 4)
				w.queue(otto, 4)
				w.settle()
				if got := w.numbered(otto); kind != bottest.Timeout && !slices.Equal(got, inOrder(4)) {
					t.Errorf("another chat had to wait: %v", got)
				}
				w.wait(10 * time.Minute)
				if got := w.numbered(vera); !slices.Equal(got, inOrder(4)) {
					t.Errorf("%v", got)
				}
				if kind == bottest.TooMany {
					if d := w.last(vera, "message 2").At.Sub(start); d < 90*time.Second || d > 2*time.Minute {
						t.Errorf("three times 'retry after 30' were waited out in %v", d)
					}
				}
			})
		})
	}
}

func TestALostAnswerMayRepeatAMessageAndNeverLosesOne(t *testing.T) {
	for _, kind := range []bottest.FaultKind{bottest.DropAfterCommit, bottest.TimeoutAfterCommit} {
		t.Run(string(kind), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.Fault(bottest.Fault{Method: "sendMessage", Chat: vera, Kind: kind, Skip: 1})
				w.queue(vera, 3)
				w.wait(5 * time.Minute)
				if got := slices.Compact(w.numbered(vera)); !slices.Equal(got, inOrder(3)) {
					t.Errorf("%v", got)
				}
			})
		})
	}
}

func TestMarkupThatIsRefusedIsSentPlain(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Fault(bottest.Fault{Method: "sendMessage", Chat: vera, Kind: bottest.CannotParse})
		w.must(w.store.Enqueue(w.Context(), store.Outgoing{Key: "k", Chat: vera, Kind: store.Send, Text: "<b>5 &lt; 6</b> &amp; so on"}))
		w.bot.Poke()
		w.settle()
		w.hears(vera, "5 < 6 & so on")
	})
}

func TestABlockedBotGivesUpOnThatChatAlone(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Block(vera, true)
		w.queue(vera, 2)
		w.queue(otto, 2)
		w.settle()
		if got := w.numbered(otto); !slices.Equal(got, inOrder(2)) {
			t.Errorf("%v", got)
		}
		if outgoing, _, err := w.store.Backlog(w.Context()); err != nil || outgoing != 0 {
			t.Errorf("%d still wait, %v", outgoing, err)
		}
		row, err := w.store.Keyed(w.Context(), fmt.Sprintf("test:1@%d", vera))
		w.must(err)
		if row.State != store.Dead || !strings.Contains(row.Error, "blocked") {
			t.Errorf("%s: %s", row.State, row.Error)
		}
	})
}

func TestACardThatNeverArrivedIsSentAgainWhenThePullRequestMoves(t *testing.T) {
	inWorld(t, func(w *world) {
		w.Block(vera, true)
		w.opened(42, store.Waiting)
		w.Block(vera, false)
		w.pull(42, store.Ready, headA, patchA)
		w.settle()
		w.card(vera)
	})
}

func TestAGroupThatMovedIsFollowedAndATopicThatIsGoneIsDone(t *testing.T) {
	inWorld(t, func(w *world) {
		const basic, super int64 = -4001, -1004001
		w.AddGroup(bottest.Group{ID: basic, Title: "Small", Basic: true, Members: []int64{oda}})
		w.must(w.Upgrade(basic, super))
		w.queue(basic, 2)
		w.settle()
		if got := w.numbered(super); !slices.Equal(got, inOrder(2)) {
			t.Errorf("%v", got)
		}
		w.must(w.store.Enqueue(w.Context(), store.Outgoing{Key: "topic", Chat: group, Thread: 77, Kind: store.Send, Text: "into a topic"}))
		w.bot.Poke()
		w.settle()
		w.hears(group, "into a topic")
	})
}

func TestAGroupThatMovedIsStillTheOneThatTheConfigurationNames(t *testing.T) {
	const basic, super int64 = -4001, -1004001
	for name, told := range map[string]func(w *world){
		"the bot hears of it":                 func(*world) {},
		"the bot learns it from its own call": func(w *world) { w.queue(basic, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.halt()
				w.start(Options{Groups: []int64{basic}})
				owner := oda
				if name != "the bot hears of it" {
					owner = 0 // nobody tells
				}
				w.AddGroup(bottest.Group{ID: basic, Title: "Small", Basic: true, Owner: owner, Members: []int64{oda, mallory}})
				w.must(w.Upgrade(basic, super))
				told(w)
				w.settle()
				if _, err := w.Seat(super, oda).Say("/status"); err != nil {
					t.Fatal(err)
				}
				w.settle()
				w.last(super, "Standing by")
			})
		})
	}
}

func TestAClockThatWasSetBackSilencesNoChat(t *testing.T) {
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	b := &Bot{Options: Options{PerChat: time.Second}, spoke: map[int64]time.Time{vera: now}}
	for at, want := range map[time.Duration]time.Duration{0: time.Second, 300 * time.Millisecond: 700 * time.Millisecond, 2 * time.Second: 0, -time.Hour: time.Second} {
		if got := max(b.dueIn(store.Outgoing{Chat: vera}, now.Add(at)), 0); got != want {
			t.Errorf("%s after the last call it waits %s, want %s", at, got, want)
		}
	}
}

func TestALongMessageComesAsAFile(t *testing.T) {
	inWorld(t, func(w *world) {
		long := strings.Repeat("é &amp; so on. ", 600)
		w.must(w.store.Enqueue(w.Context(), fit(store.Outgoing{Key: "long", Chat: vera, Kind: store.Send, Text: long})))
		w.bot.Poke()
		w.settle()
		said := w.said(vera)
		m := said[len(said)-1]
		if m.Document == nil || string(m.Document.Bytes) != plain(long) {
			t.Fatalf("%+v", m)
		}
		row, err := w.store.Keyed(w.Context(), "long")
		if err != nil || row.Document != "" {
			t.Errorf("the store keeps %d bytes that have arrived, %v", len(row.Document), err)
		}
	})
}

func TestAnEditOverridesTheOneThatHasNotLeft(t *testing.T) {
	inWorld(t, func(w *world) {
		w.queue(vera, 1)
		w.settle()
		first, err := w.store.Keyed(w.Context(), fmt.Sprintf("test:1@%d", vera))
		w.must(err)
		w.Fault(bottest.Fault{Method: "editMessageText", Kind: bottest.TooMany, RetryAfter: 5})
		for i := range 5 {
			w.must(w.store.Enqueue(w.Context(), store.Outgoing{Key: fmt.Sprint("edit", i), Chat: vera, Kind: store.Edit, TargetRow: first.ID, Text: fmt.Sprint("edit ", i)}))
			w.bot.Poke()
		}
		w.settle()
		m := w.hears(vera, "edit 4")
		if m.Edits > 2 {
			t.Errorf("%d edits for what one could say", m.Edits)
		}
	})
}

func TestAnEditThatComesWhileItsMessageIsUnderWayIsNotLost(t *testing.T) {
	inWorld(t, func(w *world) {
		once := sync.OnceFunc(func() { // the call has been made and is not answered yet
			first, err := w.store.Keyed(w.Context(), fmt.Sprintf("test:1@%d", vera))
			w.must(err)
			w.must(w.store.Enqueue(w.Context(), store.Outgoing{Key: "edit", Chat: vera, Kind: store.Edit, TargetRow: first.ID, Text: "the newest word"}))
		})
		w.OnWrite(func(_ int, kind, phase string) {
			if kind == "sendMessage" && phase == "before" {
				once()
			}
		})
		w.queue(vera, 1)
		w.settle()
		w.hears(vera, "the newest word")
	})
}

func TestWhatWasQueuedBeforeACrashLeavesAfterIt(t *testing.T) {
	inWorld(t, func(w *world) {
		w.halt()
		for i := range 3 {
			w.must(w.store.Enqueue(w.Context(), store.Outgoing{Key: fmt.Sprint("k", i), Chat: vera, Kind: store.Send, Text: fmt.Sprint("message ", i+1)}))
		}
		w.start(Options{})
		if got := w.numbered(vera); !slices.Equal(got, inOrder(3)) {
			t.Errorf("%v", got)
		}
	})
}

func TestSecretsLeaveInNoForm(t *testing.T) {
	inWorld(t, func(w *world) {
		const secret = "ghp_canary+0123456789/abc=="
		w.halt()
		w.start(Options{Redact: func(s string) string { return strings.ReplaceAll(s, secret, "[secret]") }})
		w.must(w.store.Record(w.Context(), store.Event{Kind: store.Trouble, Data: map[string]string{"what": "w", "reason": "it says " + secret + " and " + w.Token()}}))
		w.must(w.store.Enqueue(w.Context(), store.Outgoing{Key: "file", Chat: vera, Kind: store.SendFile, Text: secret, Document: "x " + secret, DocumentName: "f"}))
		w.bot.Poke()
		w.settle()
		w.last(vera, "it says [secret] and ***")
		for _, m := range w.said(vera) {
			text := m.Text + m.Plain
			if m.Document != nil {
				text += string(m.Document.Bytes) + m.Document.Caption
			}
			if strings.Contains(text, "canary") || strings.Contains(text, w.Token()) {
				t.Errorf("leaked: %s", text)
			}
		}
	})
}
