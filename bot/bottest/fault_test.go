package bottest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
)

func TestFaultsFailAsTelegramDoes(t *testing.T) {
	for kind, c := range map[FaultKind]struct {
		want string
		kept int // messages afterwards
	}{
		TooMany:          {"retry_after 7", 0},
		Internal:         {"500 Internal Server Error", 0},
		BadGateway:       {"502 Bad Gateway", 0},
		CannotParse:      {"can't parse entities", 0},
		Conflict:         {"conflict, Conflict: terminated by other getUpdates", 0},
		DropBeforeCommit: {"EOF", 0},
		DropAfterCommit:  {"EOF", 1},
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t, Options{})
			w.Fault(Fault{Method: "sendMessage", Kind: kind, RetryAfter: 7})
			send := func() error {
				_, err := w.bot.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: ana, Text: "x"})
				return err
			}
			err := send()
			refused(t, err, c.want)
			var many *bot.TooManyRequestsError
			if kind == TooMany && (!errors.As(err, &many) || many.RetryAfter != 7) {
				t.Errorf("%v is no TooManyRequestsError of 7 s", err)
			}
			if n := len(w.Messages(ana)); n != c.kept {
				t.Errorf("%d messages, want %d", n, c.kept)
			}
			must(t, send()) // the fault is used up
			if n := len(w.Messages(ana)); n != c.kept+1 {
				t.Errorf("%d messages after trying again, want %d", n, c.kept+1)
			}
		})
	}
}

func TestTimeoutsLastUntilTheClientLeaves(t *testing.T) {
	for kind, kept := range map[FaultKind]int{Timeout: 0, TimeoutAfterCommit: 1} {
		t.Run(string(kind), func(t *testing.T) {
			bubble(t, func(t *testing.T, s *Server, client *http.Client) {
				b, err := bot.New(s.Token(), bot.WithServerURL(inside), bot.WithHTTPClient(time.Minute, client))
				must(t, err)
				s.Fault(Fault{Kind: kind})
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				start := time.Now()
				_, err = b.SendMessage(ctx, &bot.SendMessageParams{ChatID: ana, Text: "x"})
				if waited := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || waited != 30*time.Second {
					t.Errorf("after %v: %v", waited, err)
				}
				if n := len(s.Messages(ana)); n != kept {
					t.Errorf("%d messages, want %d", n, kept)
				}
			})
		})
	}
}

func TestFaultsAreChosenByMethodChatAndCount(t *testing.T) {
	w := newWorld(t, Options{})
	w.AddPerson(ben, "Ben")
	w.Fault(Fault{Method: "sendMessage", Chat: ben, Kind: Internal, Skip: 1, Times: 2})
	var failed []string
	for i := range 5 {
		for _, chat := range []int64{ana, ben} {
			if _, err := w.bot.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: chat, Text: "x"}); err != nil {
				failed = append(failed, fmt.Sprint(chat, " ", i))
			}
		}
	}
	if want := []string{"42 1", "42 2"}; !slices.Equal(failed, want) {
		t.Errorf("failed %v, want %v", failed, want)
	}
	w.Fault(Fault{Kind: Internal, Times: -1})
	for range 3 {
		if _, err := w.bot.GetMe(t.Context()); err == nil {
			t.Error("a lasting fault ended")
		}
	}
	w.ClearFaults()
	_, err := w.bot.GetMe(t.Context())
	must(t, err)
}

func TestAnUpdateWhoseAnswerWasLostIsGone(t *testing.T) {
	w := newWorld(t, Options{})
	_, err := w.Say(ana, "one")
	must(t, err)
	first := w.get(t, "").Result[0].ID
	_, err = w.Say(ana, "two")
	must(t, err)
	w.Fault(Fault{Method: "getUpdates", Kind: DropAfterCommit})
	if _, err := getUpdates(t.Context(), w.client, w.url, w.Server, fmt.Sprintf("offset=%d", first+1)); err == nil {
		t.Fatal("the answer was not dropped")
	}
	if n := w.Pending(); n != 1 {
		t.Errorf("%d pending: the offset was confirmed and the answer lost, so the second is still there", n)
	}
	_, err = w.Say(ana, "three")
	must(t, err)
	w.Fault(Fault{Method: "getUpdates", Kind: Reversed})
	if g := w.get(t, ""); g.Result[0].Message.Text != "three" || g.Result[1].Message.Text != "two" {
		t.Errorf("not reversed: %+v", g.Result)
	}
}

func TestTheHookSeesEveryWriteBeforeAndAfterItIsDone(t *testing.T) {
	w := newWorld(t, Options{})
	var log []string
	w.OnWrite(func(n int, kind, phase string) {
		log = append(log, fmt.Sprint(n, " ", kind, " ", phase, " ", len(w.Messages(ana))))
	})
	id := w.send(t, "x")
	_, err := w.bot.EditMessageText(t.Context(), &bot.EditMessageTextParams{ChatID: ana, MessageID: id, Text: "x"})
	refused(t, err, "not modified")
	_, err = w.bot.GetChat(t.Context(), &bot.GetChatParams{ChatID: ana})
	must(t, err)
	_, err = w.Say(ana, "hello")
	must(t, err)
	g := w.get(t, "")
	w.get(t, fmt.Sprintf("offset=%d", g.Result[0].ID+1))
	want := []string{"1 sendMessage before 0", "1 sendMessage after 1", "2 editMessageText before 1", "3 getUpdates before 2", "3 getUpdates after 2"}
	if !slices.Equal(log, want) || w.Writes() != 3 {
		t.Errorf("hook saw\n%s\nwant\n%s", strings.Join(log, "\n"), strings.Join(want, "\n"))
	}
	if n := w.Requests(); n["sendMessage"] != 1 || n["editMessageText"] != 1 || n["getUpdates"] != 2 {
		t.Errorf("requests: %v", n)
	}
}

func TestABotThatRetriesLosesNothing(t *testing.T) {
	w := newWorld(t, Options{})
	w.Fault(Fault{Method: "getUpdates", Kind: DropBeforeCommit, Times: 2})
	w.Fault(Fault{Method: "getUpdates", Kind: BadGateway, Skip: 1})
	w.updates(t, func(ctx context.Context, b *bot.Bot, u *models.Update) {
		_, _ = b.SendMessage(ctx, &bot.SendMessageParams{ChatID: ana, Text: "heard " + u.Message.Text})
	})
	for _, text := range []string{"one", "two", "three"} {
		_, err := w.Say(ana, text)
		must(t, err)
	}
	w.eventually(t, func(list []Message) bool {
		heard := 0
		for _, m := range list {
			if m.FromBot {
				heard++
			}
		}
		return heard == 3
	})
}
