package bot

import (
	"context"
	"fmt"
	"strings"

	telegram "github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"lightsout/store"
)

// dispatch is an outgoing call with everything resolved that the wire needs.
type dispatch struct {
	store.Outgoing
	target int64 // message to edit or delete
	reply  int64 // message to reply to
	html   bool  // else the text goes out plain, because its markup was refused
}

// call makes one call of the Bot API and returns the id of the message that it made, 0 for others.
func (b *Bot) call(ctx context.Context, d dispatch) (int64, error) {
	text, mode := b.redact(d.Text), models.ParseModeHTML
	if !d.html {
		text, mode = plain(text), ""
	}
	switch d.Kind {
	case store.Send:
		m, err := b.api.SendMessage(ctx, &telegram.SendMessageParams{ChatID: d.Chat, MessageThreadID: d.Thread, Text: text, ParseMode: mode,
			LinkPreviewOptions: noPreview(), DisableNotification: d.Silent, ReplyParameters: replyTo(d.reply), ReplyMarkup: markup(d)})
		return idOf(m), err
	case store.SendFile:
		m, err := b.api.SendDocument(ctx, &telegram.SendDocumentParams{ChatID: d.Chat, MessageThreadID: d.Thread, Caption: text, ParseMode: mode,
			Document:            &models.InputFileUpload{Filename: either(d.DocumentName, "message.txt"), Data: strings.NewReader(b.redact(d.Document))},
			DisableNotification: d.Silent, ReplyParameters: replyTo(d.reply), ReplyMarkup: markup(d)})
		return idOf(m), err
	case store.Edit:
		_, err := b.api.EditMessageText(ctx, &telegram.EditMessageTextParams{ChatID: d.Chat, MessageID: int(d.target), Text: text, ParseMode: mode,
			LinkPreviewOptions: noPreview(), ReplyMarkup: markup(d)})
		return 0, err
	case store.Delete:
		_, err := b.api.DeleteMessage(ctx, &telegram.DeleteMessageParams{ChatID: d.Chat, MessageID: int(d.target)})
		return 0, err
	}
	return 0, &hopelessError{fmt.Sprintf("no such call: %s", d.Kind)}
}

func idOf(m *models.Message) int64 {
	if m == nil {
		return 0
	}
	return int64(m.ID)
}

func noPreview() *models.LinkPreviewOptions {
	return &models.LinkPreviewOptions{IsDisabled: telegram.True()}
}

// replyTo lets a message leave even where what it replies to has been deleted.
func replyTo(message int64) *models.ReplyParameters {
	if message == 0 {
		return nil
	}
	return &models.ReplyParameters{MessageID: int(message), AllowSendingWithoutReply: true}
}

// markup is the keyboard under a message, or the request to reply to it.
func markup(d dispatch) models.ReplyMarkup {
	if d.Topic == reasonTopic {
		return &models.ForceReply{ForceReply: true, Selective: true, InputFieldPlaceholder: "the reason"}
	}
	var rows [][]models.InlineKeyboardButton
	for _, row := range d.Buttons {
		var line []models.InlineKeyboardButton
		for _, button := range row {
			key := models.InlineKeyboardButton{Text: button.Text, URL: button.URL}
			if button.Verb != "" {
				key.CallbackData = "v1:" + button.Verb + ":" + button.Nonce
			}
			line = append(line, key)
		}
		rows = append(rows, line)
	}
	if len(rows) == 0 {
		return nil
	}
	return &models.InlineKeyboardMarkup{InlineKeyboard: rows}
}
