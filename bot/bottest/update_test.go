package bottest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
)

// got is the answer of one getUpdates.
type got struct {
	OK          bool             `json:"ok"`
	Code        int              `json:"error_code"`
	Description string           `json:"description"`
	Result      []*models.Update `json:"result"`
}

func (g got) ids() []int64 {
	var ids []int64
	for _, u := range g.Result {
		ids = append(ids, u.ID)
	}
	return ids
}

// getUpdates asks once; query is as in offset=1&timeout=2.
func getUpdates(ctx context.Context, client *http.Client, url string, s *Server, query string) (got, error) {
	var g got
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/bot"+s.Token()+"/getUpdates?"+query, nil)
	if err != nil {
		return g, err
	}
	response, err := client.Do(r)
	if err != nil {
		return g, err
	}
	defer response.Body.Close()
	return g, json.NewDecoder(response.Body).Decode(&g)
}

func (w *world) get(t *testing.T, query string) got {
	t.Helper()
	g, err := getUpdates(t.Context(), w.client, w.url, w.Server, query)
	must(t, err)
	return g
}

func TestUpdatesComeAgainUntilTheOffsetConfirmsThem(t *testing.T) {
	w := newWorld(t, Options{})
	for _, text := range []string{"one", "two", "three"} {
		_, err := w.Say(ana, text)
		must(t, err)
	}
	first := w.get(t, "")
	if len(first.Result) != 3 || first.Result[0].Message.Text != "one" {
		t.Fatalf("first answer: %+v", first)
	}
	again := w.get(t, "offset=1")
	if !slices.Equal(first.ids(), again.ids()) {
		t.Errorf("asked twice: %v, then %v", first.ids(), again.ids())
	}
	if w.Messages(ana)[0].Confirmed {
		t.Error("a message counts as confirmed before any offset was above it")
	}
	rest := w.get(t, fmt.Sprintf("offset=%d", first.Result[1].ID))
	if len(rest.Result) != 2 || w.Pending() != 2 || !w.Messages(ana)[0].Confirmed || w.Messages(ana)[1].Confirmed {
		t.Errorf("after confirming one: %v, %d pending", rest.ids(), w.Pending())
	}
	if g := w.get(t, fmt.Sprintf("offset=%d", first.Result[2].ID+1)); len(g.Result) != 0 || w.Pending() != 0 {
		t.Errorf("after confirming all: %v, %d pending", g.ids(), w.Pending())
	}
	if g := w.get(t, "offset=0"); len(g.Result) != 0 {
		t.Errorf("confirmed updates came back: %v", g.ids())
	}
}

func TestLimitAndNegativeOffsetCutTheQueue(t *testing.T) {
	w := newWorld(t, Options{})
	for i := range 5 {
		_, err := w.Say(ana, fmt.Sprint(i))
		must(t, err)
	}
	if g := w.get(t, "limit=2"); len(g.Result) != 2 || g.Result[0].Message.Text != "0" {
		t.Errorf("limit=2 gave %v", g.ids())
	}
	if g := w.get(t, "offset=-2"); len(g.Result) != 2 || g.Result[0].Message.Text != "3" || w.Pending() != 2 {
		t.Errorf("offset=-2 gave %v, %d pending", g.ids(), w.Pending())
	}
}

func TestTheSecondPollerEndsTheFirstWithAConflict(t *testing.T) {
	w := newWorld(t, Options{})
	first := make(chan got, 1)
	go func() {
		g, err := getUpdates(context.Background(), w.client, w.url, w.Server, "timeout=30")
		if err != nil {
			g.Description = err.Error()
		}
		first <- g
	}()
	w.waitForPoll(t)
	second := make(chan got, 1)
	go func() {
		g, _ := getUpdates(context.Background(), w.client, w.url, w.Server, "timeout=30")
		second <- g
	}()
	if g := <-first; g.Code != http.StatusConflict || g.Description != "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running" {
		t.Errorf("first poll: %+v", g)
	}
	_, err := w.Say(ana, "hello")
	must(t, err)
	if g := <-second; len(g.Result) != 1 {
		t.Errorf("second poll: %+v", g)
	}
}

// waitForPoll returns once a getUpdates waits.
func (w *world) waitForPoll(t *testing.T) {
	t.Helper()
	w.eventually(t, func([]Message) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.Server.poll != nil
	})
}

func TestAWebhookBlocksPollingUntilItIsDeleted(t *testing.T) {
	w := newWorld(t, Options{})
	w.SetWebhook("https://example.org/hook")
	if g := w.get(t, ""); g.Code != http.StatusConflict || g.Description != "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first" {
		t.Errorf("poll with a webhook: %+v", g)
	}
	info, err := w.bot.GetWebhookInfo(t.Context())
	must(t, err)
	_, err = w.Say(ana, "kept")
	must(t, err)
	if info.URL != "https://example.org/hook" {
		t.Errorf("webhook info: %+v", info)
	}
	_, err = w.bot.DeleteWebhook(t.Context(), &bot.DeleteWebhookParams{})
	must(t, err)
	if g := w.get(t, ""); len(g.Result) != 1 {
		t.Errorf("after deleting the webhook: %+v", g)
	}
	_, err = w.bot.DeleteWebhook(t.Context(), &bot.DeleteWebhookParams{DropPendingUpdates: true})
	must(t, err)
	if n := w.Pending(); n != 0 {
		t.Errorf("%d updates pending after dropping them", n)
	}
}

func TestAllowedUpdatesHoldUntilChanged(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.send(t, "card", withKeyboard(models.InlineKeyboardButton{Text: "Go", CallbackData: "go"}))
	w.get(t, `allowed_updates=["callback_query"]`)
	_, err := w.Say(ana, "not asked for")
	must(t, err)
	must(t, w.Press(ana, id, "Go"))
	w.get(t, "")
	_, err = w.Say(ana, "still not")
	must(t, err)
	if g := w.get(t, ""); len(g.Result) != 1 || g.Result[0].CallbackQuery == nil {
		t.Errorf("with callback_query alone: %+v", g)
	}
	w.get(t, `allowed_updates=[]`)
	_, err = w.Say(ana, "asked for again")
	must(t, err)
	if g := w.get(t, ""); len(g.Result) != 2 {
		t.Errorf("with the default kinds: %v", g.ids())
	}
}

func TestRedeliveredUpdatesKeepTheirIDs(t *testing.T) {
	w := newWorld(t, Options{})
	_, err := w.Say(ana, "once")
	must(t, err)
	first := w.get(t, "")
	next := fmt.Sprintf("offset=%d", first.Result[0].ID+1)
	w.get(t, next)
	w.Redeliver(1)
	if g := w.get(t, next); !slices.Equal(g.ids(), first.ids()) {
		t.Errorf("redelivered %v, want %v", g.ids(), first.ids())
	}
	if g := w.get(t, next); len(g.Result) != 0 {
		t.Errorf("redelivered twice: %v", g.ids())
	}
}

// bubble runs f with a server and a client that share the virtual time of a synctest bubble.
func bubble(t *testing.T, f func(t *testing.T, s *Server, client *http.Client)) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		s.AddPerson(ana, "Ana")
		line := newPipe()
		web := &http.Server{Handler: s}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = web.Serve(line)
		}()
		client := &http.Client{Transport: &http.Transport{DialContext: line.dial}}
		f(t, s, client)
		_ = s.Close()
		client.CloseIdleConnections()
		_ = web.Close()
		<-done
	})
}

const inside = "http://telegram.test"

func TestALongPollLastsItsTimeoutAndEndsAtAnUpdate(t *testing.T) {
	bubble(t, func(t *testing.T, s *Server, client *http.Client) {
		start := time.Now()
		g, err := getUpdates(t.Context(), client, inside, s, "timeout=20")
		must(t, err)
		if waited := time.Since(start); len(g.Result) != 0 || waited != 20*time.Second {
			t.Errorf("an empty poll gave %v after %v", g.ids(), waited)
		}
		start = time.Now()
		timer := time.AfterFunc(7*time.Second, func() { _, _ = s.Say(ana, "now") })
		defer timer.Stop()
		g, err = getUpdates(t.Context(), client, inside, s, "timeout=59")
		must(t, err)
		if waited := time.Since(start); len(g.Result) != 1 || waited != 7*time.Second {
			t.Errorf("a poll gave %v after %v", g.ids(), waited)
		}
		start = time.Now()
		_, err = getUpdates(t.Context(), client, inside, s, fmt.Sprintf("timeout=3600&offset=%d", g.Result[0].ID+1))
		must(t, err)
		if waited := time.Since(start); waited != maxPoll {
			t.Errorf("a poll of an hour lasted %v", waited)
		}
	})
}

func TestUpdatesAreForgottenAfterADay(t *testing.T) {
	bubble(t, func(t *testing.T, s *Server, client *http.Client) {
		_, err := s.Say(ana, "old")
		must(t, err)
		time.Sleep(23 * time.Hour)
		_, err = s.Say(ana, "new")
		must(t, err)
		g, err := getUpdates(t.Context(), client, inside, s, "")
		must(t, err)
		if len(g.Result) != 2 {
			t.Errorf("after 23 h: %v", g.ids())
		}
		time.Sleep(2 * time.Hour)
		g, err = getUpdates(t.Context(), client, inside, s, "")
		must(t, err)
		if len(g.Result) != 1 || g.Result[0].Message.Text != "new" {
			t.Errorf("after 25 h: %+v", g.Result)
		}
	})
}

func TestABotLivesADayOfVirtualTime(t *testing.T) {
	bubble(t, func(t *testing.T, s *Server, client *http.Client) {
		b, err := bot.New(s.Token(), bot.WithServerURL(inside), bot.WithHTTPClient(time.Minute, client), bot.WithNotAsyncHandlers(),
			bot.WithErrorsHandler(func(error) {}), // the poll that the end cuts off
			bot.WithDefaultHandler(func(ctx context.Context, b *bot.Bot, u *models.Update) {
				switch {
				case u.CallbackQuery != nil:
					_, _ = b.AnswerCallbackQuery(ctx, &bot.AnswerCallbackQueryParams{CallbackQueryID: u.CallbackQuery.ID, Text: "done " + u.CallbackQuery.Data})
				case u.Message != nil:
					_, _ = b.SendMessage(ctx, &bot.SendMessageParams{ChatID: u.Message.Chat.ID, Text: "you said " + u.Message.Text,
						ReplyMarkup: keyboard(models.InlineKeyboardButton{Text: "Go", CallbackData: "go"})})
				}
			}))
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.Start(ctx)
		}()
		for hour := range 24 {
			_, err := s.Say(ana, fmt.Sprint("hour ", hour))
			must(t, err)
			must(t, s.Wait(ctx, func(list []Message) bool { return last(list).FromBot }))
			answer, err := s.Tap(ana, last(s.Messages(ana)).ID, "Go")
			must(t, err)
			if answer != "done go" {
				t.Fatalf("hour %d: answer %q", hour, answer)
			}
			time.Sleep(time.Hour)
		}
		if n := len(s.Messages(ana)); n != 48 {
			t.Errorf("%d messages in a day of 24 questions and answers", n)
		}
		if polls := s.Requests()["getUpdates"]; polls < 24*60*60/59 {
			t.Errorf("%d polls in a day", polls)
		}
		cancel()
		<-done
		if list := s.Unexpected(); len(list) > 0 {
			t.Errorf("unexpected: %q", list)
		}
	})
}
