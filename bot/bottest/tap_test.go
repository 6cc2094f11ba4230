package bottest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
)

// seen collects what a bot was given.
type seen struct {
	mu   sync.Mutex
	list []*models.Update
}

func (s *seen) add(u *models.Update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, u)
}

func (s *seen) all() []*models.Update {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*models.Update(nil), s.list...)
}

func answering(text string, into *seen) func(context.Context, *bot.Bot, *models.Update) {
	return func(ctx context.Context, b *bot.Bot, u *models.Update) {
		into.add(u)
		if q := u.CallbackQuery; q != nil {
			_, _ = b.AnswerCallbackQuery(ctx, &bot.AnswerCallbackQueryParams{CallbackQueryID: q.ID, Text: text, ShowAlert: true})
		}
	}
}

func TestATapCarriesItsDataAndGetsTheAnswer(t *testing.T) {
	w := newWorld(t, Options{})
	var all seen
	w.updates(t, answering("Approved 9f3c2a1", &all))
	id := w.send(t, "card", withKeyboard(models.InlineKeyboardButton{Text: "✅ Approve", CallbackData: "v1:approve:n"}))
	for _, button := range []string{"✅ Approve", "v1:approve:n"} {
		answer, err := w.Tap(ana, id, button)
		must(t, err)
		if answer != "Approved 9f3c2a1" {
			t.Errorf("answer %q", answer)
		}
	}
	q := all.all()[0].CallbackQuery
	if q.From.ID != ana || q.Data != "v1:approve:n" || q.Message.Message.ID != id || q.Message.Message.Chat.ID != ana || q.ChatInstance == "" {
		t.Errorf("callback query: %+v", q)
	}
	taps := w.Messages(ana)[0].Taps
	if len(taps) != 2 || taps[0].Name != "Ana" || taps[0].Button != "✅ Approve" || !taps[0].Answered || !taps[0].Alert || taps[0].Answer != "Approved 9f3c2a1" {
		t.Errorf("recorded taps: %+v", taps)
	}
	w.clean(t)
}

func TestOnlyWhatIsThereCanBeTapped(t *testing.T) {
	w := newWorld(t, Options{})
	w.AddPerson(ben, "Ben")
	id := w.send(t, "card", withKeyboard(models.InlineKeyboardButton{Text: "Open", URL: "https://e.org/"}))
	for name, err := range map[string]error{
		"no such button":   w.Press(ana, id, "Approve"),
		"no such message":  w.Press(ana, 999, "Open"),
		"a stranger":       w.Press(77, id, "Open"),
		"somebody else":    w.Seat(ana, ben).Press(id, "Open"),
		"an unknown chat":  w.Seat(5, ana).Press(id, "Open"),
		"another's chat":   w.Press(ben, id, "Open"),
		"a reply to none":  second(w.Reply(ana, 999, "x")),
		"a topic of none":  second(w.Seat(ana, ana).SayInTopic(9, "x")),
		"a word of nobody": second(w.Say(77, "x")),
	} {
		if !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.Press(ana, id, "Open"); err == nil || errors.Is(err, ErrUnknown) {
		t.Errorf("a link sends nothing: %v", err)
	}
	if n := w.Pending(); n != 0 {
		t.Errorf("%d updates came of it", n)
	}
}

func second(_ int, err error) error { return err }

func TestForgedDataReachesTheBotWithTheRealSender(t *testing.T) {
	w := newWorld(t, Options{})
	w.AddStranger(ben, "Ben")
	var all seen
	w.updates(t, answering("Not for you", &all))
	id := w.send(t, "card")
	answer, err := w.TapData(ana, id, "v1:approve:forged")
	must(t, err)
	if answer != "Not for you" {
		t.Errorf("answer %q", answer)
	}
	_, err = w.TapData(ben, 12345, "v1:approve:"+strings.Repeat("x", 100)) // a changed client keeps to no limit
	must(t, err)
	list := all.all()
	if q := list[0].CallbackQuery; q.Data != "v1:approve:forged" || q.From.ID != ana || q.Message.Message == nil {
		t.Errorf("forged on a message: %+v", q)
	}
	q := list[1].CallbackQuery
	if q.From.ID != ben || q.Message.InaccessibleMessage == nil || q.Message.InaccessibleMessage.Chat.ID != ben || q.Message.InaccessibleMessage.MessageID != 12345 {
		t.Errorf("forged on nothing: %+v", q)
	}
	if taps := w.Messages(ana)[0].Taps; len(taps) != 1 || taps[0].Button != "" {
		t.Errorf("recorded: %+v", taps)
	}
}

func TestATapIsAnsweredOnceAndInTime(t *testing.T) {
	bubble(t, func(t *testing.T, s *Server, client *http.Client) {
		b, err := bot.New(s.Token(), bot.WithServerURL(inside), bot.WithHTTPClient(time.Minute, client))
		must(t, err)
		m, err := b.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: ana, Text: "card", ReplyMarkup: keyboard(models.InlineKeyboardButton{Text: "Go", CallbackData: "go"})})
		must(t, err)
		query := func() string {
			g, err := getUpdates(t.Context(), client, inside, s, "")
			must(t, err)
			return g.Result[len(g.Result)-1].CallbackQuery.ID
		}
		answer := func(id, text string) error {
			_, err := b.AnswerCallbackQuery(t.Context(), &bot.AnswerCallbackQueryParams{CallbackQueryID: id, Text: text})
			return err
		}
		const tooOld = "query is too old and response timeout expired or query ID is invalid"

		must(t, s.Press(ana, m.ID, "Go"))
		id := query()
		refused(t, answer(id, strings.Repeat("x", 201)), "MESSAGE_TOO_LONG")
		must(t, answer(id, "yes"))
		refused(t, answer(id, "yes"), tooOld)
		refused(t, answer("123", ""), tooOld)

		start := time.Now()
		_, err = s.Tap(ana, m.ID, "Go") // nobody answers
		if waited := time.Since(start); !errors.Is(err, ErrNoAnswer) || waited != 15*time.Second {
			t.Errorf("after %v: %v", waited, err)
		}
		time.Sleep(time.Second)
		refused(t, answer(query(), "too late"), tooOld)
		if taps := s.Messages(ana)[0].Taps; len(taps) != 2 || !taps[0].Answered || taps[1].Answered {
			t.Errorf("recorded: %+v", taps)
		}
	})
}
