package bottest

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
)

func TestSendMessageIsAsStrictAsTelegram(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*bot.SendMessageParams)
		want string // "" means accepted
	}{
		"4096 units":               {func(p *bot.SendMessageParams) { p.Text = strings.Repeat("x", 4096) }, ""},
		"4097 units":               {func(p *bot.SendMessageParams) { p.Text = strings.Repeat("x", 4097) }, "message is too long"},
		"emoji count twice":        {func(p *bot.SendMessageParams) { p.Text = strings.Repeat("😀", 2049) }, "message is too long"},
		"tags do not count":        {func(p *bot.SendMessageParams) { p.Text = "<b>" + strings.Repeat("x", 4096) + "</b>" }, ""},
		"empty":                    {func(p *bot.SendMessageParams) { p.Text = "" }, "message text is empty"},
		"blank":                    {func(p *bot.SendMessageParams) { p.Text = " \n " }, "message text is empty"},
		"only tags":                {func(p *bot.SendMessageParams) { p.Text = "<b> </b>" }, "message text is empty"},
		"not UTF-8":                {func(p *bot.SendMessageParams) { p.Text = "\xff" }, "strings must be encoded in UTF-8"},
		"bad HTML":                 {func(p *bot.SendMessageParams) { p.Text = "<b>x" }, "can't parse entities: Can't find end tag"},
		"bad HTML without mode":    {func(p *bot.SendMessageParams) { p.Text, p.ParseMode = "<b>x", "" }, ""},
		"unknown chat":             {func(p *bot.SendMessageParams) { p.ChatID = 99 }, "chat not found"},
		"user name as chat":        {func(p *bot.SendMessageParams) { p.ChatID = "@nobody" }, "chat not found"},
		"no chat":                  {func(p *bot.SendMessageParams) { p.ChatID = "" }, "chat_id is empty"},
		"stranger":                 {func(p *bot.SendMessageParams) { p.ChatID = ben }, "chat not found"},
		"thread in a private chat": {func(p *bot.SendMessageParams) { p.MessageThreadID = 7 }, "message thread not found"},
		"reply to nothing":         {func(p *bot.SendMessageParams) { p.ReplyParameters = &models.ReplyParameters{MessageID: 999} }, "message to be replied not found"},
		"reply to nothing, allowed": {func(p *bot.SendMessageParams) {
			p.ReplyParameters = &models.ReplyParameters{MessageID: 999, AllowSendingWithoutReply: true}
		}, ""},
		"data of 64 bytes":            {withKeyboard(models.InlineKeyboardButton{Text: "a", CallbackData: strings.Repeat("x", 64)}), ""},
		"data of 65 bytes":            {withKeyboard(models.InlineKeyboardButton{Text: "a", CallbackData: strings.Repeat("x", 65)}), "BUTTON_DATA_INVALID"},
		"data of 33 two-byte letters": {withKeyboard(models.InlineKeyboardButton{Text: "a", CallbackData: strings.Repeat("é", 33)}), "BUTTON_DATA_INVALID"},
		"button without data":         {withKeyboard(models.InlineKeyboardButton{Text: "a"}), "Text buttons are unallowed"},
		"button without text":         {withKeyboard(models.InlineKeyboardButton{CallbackData: "x"}), `Can't find field "text"`},
		"button with a link":          {withKeyboard(models.InlineKeyboardButton{Text: "a", URL: "https://e.org/1"}), ""},
		"button with a bad link":      {withKeyboard(models.InlineKeyboardButton{Text: "a", URL: "http://localhost/1"}), "Wrong HTTP URL"},
		"101 buttons":                 {withKeyboard(make101()...), "REPLY_MARKUP_TOO_LONG"},
		"previews off": {func(p *bot.SendMessageParams) {
			p.LinkPreviewOptions = &models.LinkPreviewOptions{IsDisabled: bot.True()}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.AddStranger(ben, "Ben")
			p := &bot.SendMessageParams{ChatID: ana, Text: "x", ParseMode: models.ParseModeHTML}
			c.edit(p)
			m, err := w.bot.SendMessage(t.Context(), p)
			w.clean(t)
			if c.want != "" {
				refused(t, err, "bad request, Bad Request: ")
				refused(t, err, c.want)
				if n := len(w.All()); n != 0 {
					t.Errorf("%d messages kept of a refused call", n)
				}
				return
			}
			must(t, err)
			if got := last(w.Messages(ana)); got.ID != m.ID || !got.FromBot {
				t.Errorf("kept %+v, answered with message %d", got, m.ID)
			}
		})
	}
}

func make101() []models.InlineKeyboardButton {
	var list []models.InlineKeyboardButton
	for range 101 {
		list = append(list, models.InlineKeyboardButton{Text: "a", CallbackData: "x"})
	}
	return list
}

func TestEditsAreAsStrictAsTelegram(t *testing.T) {
	w := newWorld(t, Options{})
	button := models.InlineKeyboardButton{Text: "Go", CallbackData: "go"}
	card := w.send(t, "<b>one</b>", withKeyboard(button))
	theirs, err := w.Say(ana, "hello")
	must(t, err)
	edit := func(id int, text string, markup any) error {
		_, err := w.bot.EditMessageText(t.Context(), &bot.EditMessageTextParams{ChatID: ana, MessageID: id, Text: text, ParseMode: models.ParseModeHTML, ReplyMarkup: markup})
		return err
	}
	refused(t, edit(999, "x", nil), "message to edit not found")
	refused(t, edit(theirs, "x", nil), "message can't be edited")
	refused(t, edit(card, "<b>one</b>", keyboard(button)), "message is not modified: specified new message content and reply markup are exactly the same")
	refused(t, edit(card, "<b>one", nil), "can't parse entities")
	refused(t, edit(card, strings.Repeat("x", 4097), nil), "message is too long")
	must(t, edit(card, "<i>one</i>", keyboard(button))) // other entities are another text
	must(t, edit(card, "<i>one</i>", nil))              // an edit without buttons takes them away
	must(t, edit(card, "two", nil))
	m := w.Messages(ana)[0]
	if m.Plain != "two" || m.Edits != 3 || len(m.Buttons) != 0 || m.History[0].Text != "<b>one</b>" || m.History[0].Buttons[0][0].Data != "go" {
		t.Errorf("after three edits: %+v", m)
	}
	markup := func(rows any) error {
		_, err := w.bot.EditMessageReplyMarkup(t.Context(), &bot.EditMessageReplyMarkupParams{ChatID: ana, MessageID: card, ReplyMarkup: rows})
		return err
	}
	must(t, markup(keyboard(button)))
	refused(t, markup(keyboard(button)), "message is not modified")
	refused(t, markup(keyboard(models.InlineKeyboardButton{Text: "x"})), "Text buttons are unallowed")
	w.clean(t)
}

func TestDeletedMessagesAreGone(t *testing.T) {
	w := newWorld(t, Options{})
	id := w.send(t, "short-lived")
	remove := func() error {
		_, err := w.bot.DeleteMessage(t.Context(), &bot.DeleteMessageParams{ChatID: ana, MessageID: id})
		return err
	}
	must(t, remove())
	refused(t, remove(), "message to delete not found")
	_, err := w.bot.EditMessageText(t.Context(), &bot.EditMessageTextParams{ChatID: ana, MessageID: id, Text: "x"})
	refused(t, err, "message to edit not found")
	_, err = w.bot.SendMessage(t.Context(), &bot.SendMessageParams{ChatID: ana, Text: "x", ReplyParameters: &models.ReplyParameters{MessageID: id}})
	refused(t, err, "message to be replied not found")
	if m := w.Messages(ana)[0]; !m.Deleted || m.DeletedAt == nil {
		t.Errorf("the record of a deleted message: %+v", m)
	}
}

func TestDocumentsAreKeptWithTheirCaption(t *testing.T) {
	w := newWorld(t, Options{})
	send := func(name, data, caption string) (*models.Message, error) {
		return w.bot.SendDocument(t.Context(), &bot.SendDocumentParams{
			ChatID: ana, Document: &models.InputFileUpload{Filename: name, Data: strings.NewReader(data)}, Caption: caption, ParseMode: models.ParseModeHTML,
		})
	}
	m, err := send("pr-42.diff", "+a\n", "<b>#42</b>")
	must(t, err)
	got := last(w.Messages(ana)).Document
	if got == nil || got.Name != "pr-42.diff" || string(got.Bytes) != "+a\n" || got.Caption != "<b>#42</b>" || m.Document.FileName != got.Name || m.Caption != "#42" {
		t.Errorf("kept %+v, answered %+v", got, m.Document)
	}
	_, err = send("x.txt", "", "")
	refused(t, err, "file must be non-empty")
	_, err = send("x.txt", "x", strings.Repeat("x", 1025))
	refused(t, err, "message caption is too long")
	_, err = send("x.txt", "x", "<b>")
	refused(t, err, "can't parse entities")
	_, err = send("x.txt", "x", strings.Repeat("x", 1024))
	must(t, err)
	_, err = w.bot.SendDocument(t.Context(), &bot.SendDocumentParams{ChatID: ana, Document: &models.InputFileString{Data: m.Document.FileID}})
	must(t, err)
	_, err = w.bot.SendDocument(t.Context(), &bot.SendDocumentParams{ChatID: ana, Document: &models.InputFileString{Data: "nonsense"}})
	refused(t, err, "wrong file identifier")
	_, err = w.bot.EditMessageText(t.Context(), &bot.EditMessageTextParams{ChatID: ana, MessageID: m.ID, Text: "x"})
	refused(t, err, "there is no text in the message to edit")
	_, err = w.bot.EditMessageCaption(t.Context(), &bot.EditMessageCaptionParams{ChatID: ana, MessageID: m.ID, Caption: "other"})
	must(t, err)
	f, err := w.bot.GetFile(t.Context(), &bot.GetFileParams{FileID: m.Document.FileID})
	must(t, err)
	response, err := w.client.Get(w.bot.FileDownloadLink(f))
	must(t, err)
	defer response.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(response.Body)
	must(t, err)
	if b.String() != "+a\n" {
		t.Errorf("downloaded %q", b.String())
	}
	w.clean(t)
}

func TestPhotosMustBePictures(t *testing.T) {
	w := newWorld(t, Options{})
	send := func(data []byte) error {
		_, err := w.bot.SendPhoto(t.Context(), &bot.SendPhotoParams{ChatID: ana, Photo: &models.InputFileUpload{Filename: "p.png", Data: bytes.NewReader(data)}})
		return err
	}
	picture := func(width, height int) []byte {
		var b bytes.Buffer
		must(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))))
		return b.Bytes()
	}
	must(t, send(picture(40, 30)))
	refused(t, send([]byte("text")), "IMAGE_PROCESS_FAILED")
	refused(t, send(picture(210, 10)), "PHOTO_INVALID_DIMENSIONS")
	if m := last(w.Messages(ana)); m.Photo == nil || m.Photo.Type != "image/png" {
		t.Errorf("kept %+v", m)
	}
}

func TestReactionsAreThoseOfTelegram(t *testing.T) {
	w := newWorld(t, Options{})
	id, err := w.Say(ana, "/run")
	must(t, err)
	react := func(emoji ...string) error {
		var list []models.ReactionType
		for _, e := range emoji {
			list = append(list, models.ReactionType{Type: models.ReactionTypeTypeEmoji, ReactionTypeEmoji: &models.ReactionTypeEmoji{Emoji: e}})
		}
		_, err := w.bot.SetMessageReaction(t.Context(), &bot.SetMessageReactionParams{ChatID: ana, MessageID: id, Reaction: list})
		return err
	}
	must(t, react("👀"))
	if got := w.Messages(ana)[0].Reaction; got != "👀" {
		t.Errorf("reaction %q", got)
	}
	refused(t, react("✅"), "REACTION_INVALID")
	refused(t, react("👀", "👍"), "REACTIONS_TOO_MANY")
	must(t, react())
	if got := w.Messages(ana)[0].Reaction; got != "" {
		t.Errorf("reaction %q after taking it away", got)
	}
	w.clean(t)
}

func TestWhatACarefulBotDoesNotDoIsRecorded(t *testing.T) {
	w := newWorld(t, Options{})
	for path, want := range map[string]string{
		"sendMessage?chat_id=41&text=x&colour=red":                     "sendMessage: unknown parameter colour",
		"sendMessage?chat_id=41&text=a%20%26%20b&parse_mode=HTML":      "sendMessage: text: unescaped & at byte offset 2",
		"sendMessage?chat_id=41&text=x&parse_mode=MarkdownV2":          "parse_mode MarkdownV2",
		"sendMessage?chat_id=41&text=x&disable_notification=maybe":     `disable_notification is "maybe"`,
		"sendDice?chat_id=41":                                          "unknown method sendDice",
		"getUpdates?limit=1000":                                        "limit 1000",
		"getUpdates?allowed_updates=%5B%22massage%22%5D":               `allowed_updates names "massage"`,
		`sendMessage?chat_id=41&text=x&reply_parameters={"message":1}`: `unknown field "message"`,
		`sendMessage?chat_id=41&text=x&reply_markup={"keyboard":[[]]}`: "reply_markup has keyboard",
		`editMessageText?chat_id=41&message_id=one&text=x`:             `message_id is "one", not a number`,
	} {
		response, err := w.client.Post(w.url+"/bot"+w.Token()+"/"+path, "", nil)
		must(t, err)
		must(t, response.Body.Close())
		if !contains(w.Unexpected(), want) {
			t.Errorf("%s: recorded %q, want %q", path, w.Unexpected(), want)
		}
	}
}

func TestAWrongTokenIsUnauthorized(t *testing.T) {
	w := newWorld(t, Options{Token: "123:right"})
	_, err := bot.New("123:wrong", bot.WithServerURL(w.url), bot.WithHTTPClient(0, w.client))
	refused(t, err, "unauthorized, Unauthorized")
	me, err := w.bot.GetMe(t.Context())
	must(t, err)
	if me.ID != 123 || !me.IsBot || me.Username != "lightsout_bot" {
		t.Errorf("getMe: %+v", me)
	}
}

func TestCommandMenusFollowTheirScopes(t *testing.T) {
	w := newWorld(t, Options{})
	w.AddPerson(ben, "Ben")
	w.AddGroup(Group{ID: group, Title: "Room", Owner: ana, Members: []int64{ben}})
	set := func(scope models.BotCommandScope, name string) error {
		_, err := w.bot.SetMyCommands(t.Context(), &bot.SetMyCommandsParams{Commands: []models.BotCommand{{Command: name, Description: "does " + name}}, Scope: scope})
		return err
	}
	menu := func(chat, user int64) string {
		list := w.Commands(chat, user)
		if len(list) == 0 {
			return ""
		}
		return list[0].Command
	}
	must(t, set(nil, "everybody"))
	must(t, set(&models.BotCommandScopeAllPrivateChats{}, "private"))
	must(t, set(&models.BotCommandScopeChat{ChatID: ana}, "ana"))
	must(t, set(&models.BotCommandScopeAllGroupChats{}, "groups"))
	must(t, set(&models.BotCommandScopeChatAdministrators{ChatID: group}, "admins"))
	for _, c := range []struct {
		chat, user int64
		want       string
	}{{ana, ana, "ana"}, {ben, ben, "private"}, {group, ben, "groups"}, {group, ana, "admins"}} {
		if got := menu(c.chat, c.user); got != c.want {
			t.Errorf("menu of %d in %d: %q, want %q", c.user, c.chat, got, c.want)
		}
	}
	got, err := w.bot.GetMyCommands(t.Context(), &bot.GetMyCommandsParams{Scope: &models.BotCommandScopeChat{ChatID: ana}})
	must(t, err)
	if len(got) != 1 || got[0].Command != "ana" {
		t.Errorf("getMyCommands: %+v", got)
	}
	_, err = w.bot.DeleteMyCommands(t.Context(), &bot.DeleteMyCommandsParams{Scope: &models.BotCommandScopeChat{ChatID: ana}})
	must(t, err)
	if got := menu(ana, ana); got != "private" {
		t.Errorf("menu after deleting: %q", got)
	}
	refused(t, set(&models.BotCommandScopeChat{ChatID: 99}, "x"), "chat not found")
	refused(t, set(nil, "Approve"), "BOT_COMMAND_INVALID")
	refused(t, set(nil, "two-words"), "BOT_COMMAND_INVALID")
	w.clean(t)
}
