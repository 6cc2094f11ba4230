package bottest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
)

func TestIncomingMessagesLookLikeTelegrams(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.send(t, "<b>card</b>", withKeyboard(models.InlineKeyboardButton{Text: "Go", CallbackData: "go"}))
	_, err := w.Reply(ana, id, "да /approve@lightsout_bot 42")
	must(t, err)
	m := w.get(t, "").Result[0].Message
	e := m.Entities[0]
	if m.From.ID != ana || m.From.IsBot || m.Chat.ID != ana || m.Chat.Type != models.ChatTypePrivate || m.Date == 0 {
		t.Errorf("message %+v", m)
	}
	if e.Type != models.MessageEntityTypeBotCommand || e.Offset != 3 || e.Length != 22 {
		t.Errorf("entity %+v", e)
	}
	if r := m.ReplyToMessage; r == nil || r.ID != id || r.Text != "card" || r.From.ID != w.Bot().ID || r.ReplyMarkup.InlineKeyboard[0][0].CallbackData != "go" {
		t.Errorf("reply to %+v", m.ReplyToMessage)
	}
}

func TestStrangersAndBlockedChatsAreOutOfReach(t *testing.T) {
	w := newWorld(t, Options{})
	w.AddStranger(ben, "Ben")
	send := func(chat int64) error {
		_, err := w.bot.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: chat, Text: "x"})
		return err
	}
	refused(t, send(ben), "chat not found")
	_, err := w.Say(ben, "/start")
	must(t, err)
	must(t, send(ben))
	w.Block(ben, true)
	refused(t, send(ben), "forbidden, Forbidden: bot was blocked by the user")
	w.Block(ben, false)
	must(t, send(ben))
}

func TestGroupsShowTheBotWhatIsMeantForIt(t *testing.T) {
	w := newWorld(t, Options{})
	w.AddPerson(ben, "Ben")
	w.AddGroup(Group{ID: group, Title: "Room", Owner: ana, Members: []int64{ben}})
	m, err := w.bot.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: group, Text: "hello"})
	must(t, err)
	if m.ID != 1 || m.Chat.Type != models.ChatTypeSupergroup || m.Chat.Title != "Room" {
		t.Errorf("first message of a supergroup: %+v", m)
	}
	at := w.Seat(group, ben)
	for text, reaches := range map[string]bool{
		"good morning": false, "/status": true, "/status@lightsout_bot": true, "/status@other_bot": false, "ask @lightsout_bot": true, "ask @ana": false,
	} {
		before := w.Pending()
		_, err := at.Say(text)
		must(t, err)
		if (w.Pending() > before) != reaches {
			t.Errorf("%q reaches the bot: %v, want %v", text, !reaches, reaches)
		}
	}
	before := w.Pending()
	_, err = at.Reply(m.ID, "thanks")
	must(t, err)
	if w.Pending() != before+1 {
		t.Error("a reply to the bot did not reach it")
	}
	w.AddGroup(Group{ID: group - 1, Title: "Ours", Members: []int64{ben}, BotIsAdmin: true})
	_, err = w.Seat(group-1, ben).Say("good morning")
	must(t, err)
	if w.Pending() != before+2 {
		t.Error("a bot that is an administrator did not get a plain message")
	}
	_, err = w.Seat(group, 77).Say("/run")
	if !errors.Is(err, ErrUnknown) {
		t.Errorf("somebody who is no member wrote: %v", err)
	}
}

func TestPinsNeedRightsInGroups(t *testing.T) {
	w := newWorld(t, Options{})
	w.AddGroup(Group{ID: group, Title: "Room", Owner: ana})
	pin := func(chat int64, id int) error {
		_, err := w.bot.PinChatMessage(t.Context(), &bot.PinChatMessageParams{ChatID: chat, MessageID: id, DisableNotification: true})
		return err
	}
	id := w.send(t, "board")
	must(t, pin(ana, id))
	refused(t, pin(ana, 999), "message to pin not found")
	info, err := w.bot.GetChat(t.Context(), &bot.GetChatParams{ChatID: ana})
	must(t, err)
	if info.PinnedMessage == nil || info.PinnedMessage.Text != "board" || !w.Messages(ana)[0].Pinned {
		t.Errorf("chat %+v", info)
	}
	_, err = w.bot.UnpinChatMessage(t.Context(), &bot.UnpinChatMessageParams{ChatID: ana})
	must(t, err)
	if w.Messages(ana)[0].Pinned {
		t.Error("still pinned")
	}
	m, err := w.bot.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: group, Text: "x"})
	must(t, err)
	refused(t, pin(group, m.ID), "not enough rights")
	w.clean(t)
}

func TestTopicsOfAForumCanGoAway(t *testing.T) {
	w := newWorld(t, Options{})
	w.AddGroup(Group{ID: group, Title: "Forum", Forum: true, Owner: ana, BotIsAdmin: true})
	topic := w.AddTopic(group, "parcels")
	send := func() error {
		_, err := w.bot.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: group, Text: "x", MessageThreadID: topic})
		return err
	}
	must(t, send())
	id, err := w.Seat(group, ana).SayInTopic(topic, "/status")
	must(t, err)
	_, err = w.Seat(group, ana).Reply(id, "/queue")
	must(t, err)
	for _, u := range w.get(t, "").Result {
		if u.Message.MessageThreadID != topic {
			t.Errorf("message %+v of topic %d", u.Message, topic)
		}
	}
	answer, err := w.bot.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: group, Text: "x", ReplyParameters: &models.ReplyParameters{MessageID: id}})
	must(t, err)
	if answer.MessageThreadID != topic {
		t.Errorf("an answer in topic %d to a message of topic %d", answer.MessageThreadID, topic)
	}
	w.RemoveTopic(group, topic)
	refused(t, send(), "message thread not found")
	if got := w.Messages(group)[0].Thread; got != topic {
		t.Errorf("thread %d, want %d", got, topic)
	}
}

func TestAnUpgradedGroupSaysWhereItWent(t *testing.T) {
	w := newWorld(t, Options{})
	w.AddGroup(Group{ID: -55, Title: "Room", Basic: true, Owner: ana})
	must(t, w.Upgrade(-55, group))
	_, err := w.bot.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: -55, Text: "x"})
	var moved *bot.MigrateError
	if !errors.As(err, &moved) || int64(moved.MigrateToChatID) != group {
		t.Errorf("%v names no new chat", err)
	}
	_, err = w.bot.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: group, Text: "x"})
	must(t, err)
	if err := w.Upgrade(-55, group); !errors.Is(err, ErrUnknown) {
		t.Errorf("upgraded twice: %v", err)
	}
}

func TestMembersAreKnown(t *testing.T) {
	w := newWorld(t, Options{})
	w.AddPerson(ben, "Ben")
	w.AddStranger(43, "Mallory")
	w.AddGroup(Group{ID: group, Title: "Room", Owner: ana, Members: []int64{ben}, BotIsAdmin: true})
	for user, want := range map[int64]models.ChatMemberType{ana: "creator", ben: "member", 43: "left", w.Bot().ID: "administrator"} {
		m, err := w.bot.GetChatMember(t.Context(), &bot.GetChatMemberParams{ChatID: group, UserID: user})
		must(t, err)
		if m.Type != want {
			t.Errorf("%d is %s, want %s", user, m.Type, want)
		}
	}
	_, err := w.bot.GetChatMember(t.Context(), &bot.GetChatMemberParams{ChatID: group, UserID: 99})
	refused(t, err, "PARTICIPANT_ID_INVALID")
	_, err = w.bot.SendChatAction(t.Context(), &bot.SendChatActionParams{ChatID: ana, Action: "juggling"})
	refused(t, err, "wrong parameter action")
	_, err = w.bot.SendChatAction(t.Context(), &bot.SendChatActionParams{ChatID: ana, Action: models.ChatActionTyping})
	must(t, err)
}

func TestOldMessagesCannotBeDeleted(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	w := newWorld(t, Options{Now: func() time.Time { return now }})
	first, second := w.send(t, "one"), w.send(t, "two")
	remove := func(id int) error {
		_, err := w.bot.DeleteMessage(t.Context(), &bot.DeleteMessageParams{ChatID: ana, MessageID: id})
		return err
	}
	now = now.Add(48 * time.Hour)
	must(t, remove(first))
	now = now.Add(time.Second)
	refused(t, remove(second), "message can't be deleted")
}

func TestSubscribersSeeEveryMessageAndEachOfItsChanges(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.send(t, "one")
	ctx, cancel := context.WithCancel(t.Context())
	var texts []string
	err := w.Subscribe(ctx, func(m Message) {
		texts = append(texts, m.Text)
		switch m.Text {
		case "one":
			_, err := w.bot.EditMessageText(t.Context(), &bot.EditMessageTextParams{ChatID: ana, MessageID: id, Text: "two"})
			must(t, err)
		case "two":
			w.send(t, "three")
		case "three":
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || len(texts) != 3 {
		t.Errorf("%v after %q", err, texts)
	}
	must(t, w.Close())
	if err := w.Wait(t.Context(), func([]Message) bool { return false }); !errors.Is(err, ErrClosed) {
		t.Errorf("waiting on a closed server: %v", err)
	}
}

func TestTheExportTellsTheWholeStory(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.send(t, "<b>one</b>", withKeyboard(models.InlineKeyboardButton{Text: "Go", CallbackData: "go"}))
	must(t, w.Press(ana, id, "Go"))
	query := w.get(t, "").Result[0].CallbackQuery.ID
	_, err := w.bot.AnswerCallbackQuery(t.Context(), &bot.AnswerCallbackQueryParams{CallbackQueryID: query, Text: "gone"})
	must(t, err)
	_, err = w.bot.EditMessageText(t.Context(), &bot.EditMessageTextParams{ChatID: ana, MessageID: id, Text: "two"})
	must(t, err)
	_, err = w.bot.DeleteMessage(t.Context(), &bot.DeleteMessageParams{ChatID: ana, MessageID: id})
	must(t, err)
	var b bytes.Buffer
	must(t, w.WriteJSON(&b))
	var out struct {
		Chats []struct {
			ID       int64
			Members  []User
			Messages []Message
		}
	}
	must(t, json.Unmarshal(b.Bytes(), &out))
	m := out.Chats[0].Messages[0]
	if m.Text != "two" || !m.Deleted || m.History[0].Text != "<b>one</b>" || m.History[0].Buttons[0][0].Text != "Go" {
		t.Errorf("message %+v", m)
	}
	if len(m.Taps) != 1 || m.Taps[0].Name != "Ana" || m.Taps[0].Button != "Go" || m.Taps[0].Answer != "gone" || m.Taps[0].At.IsZero() {
		t.Errorf("taps %+v", m.Taps)
	}
	if out.Chats[0].ID != ana || out.Chats[0].Members[0].FirstName != "Ana" || !bytes.Contains(b.Bytes(), []byte("<b>one</b>")) {
		t.Errorf("chat.json:\n%s", b.String())
	}
}
