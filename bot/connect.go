package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	telegram "github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"lightsout/store"
)

const (
	// pollTime is how long one getUpdates waits; the library asks for a second less than it is told.
	pollTime = 31 * time.Second
	// callTime bounds every other call. The client's own limit lies above both, as a poll that ends on time needs.
	callTime = 20 * time.Second
	// promptTime bounds what is worthless when it comes late: the answer to a tap, a reaction.
	promptTime    = 10 * time.Second
	promptWorkers = 2
	maxRetry      = time.Minute
)

// connect makes the library's client, without a call.
func (b *Bot) connect(ctx context.Context) error {
	offset, err := b.Store.Offset(ctx)
	if err != nil {
		return fmt.Errorf("start bot: %w", err)
	}
	b.polling.started = b.Store.Now()
	client := &http.Client{}
	if b.HTTP != nil {
		*client = *b.HTTP
	}
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
	}
	client.Timeout = pollTime + callTime
	client.Transport = &recorder{next: client.Transport, polled: func() { b.polled(ctx) }, keep: func(ctx context.Context, updates []store.Update) error {
		err := b.Store.Receive(ctx, updates)
		nudge(b.inbox)
		return err
	}}
	options := []telegram.Option{
		telegram.WithSkipGetMe(),
		telegram.WithHTTPClient(pollTime, client),
		telegram.WithInitialOffset(max(offset-1, 0)),
		telegram.WithNotAsyncHandlers(),
		// What arrived has been kept: the handler has nothing left to do but to say so.
		telegram.WithDefaultHandler(func(context.Context, *telegram.Bot, *models.Update) { nudge(b.inbox) }),
		telegram.WithErrorsHandler(func(err error) { b.pollFailed(ctx, err) }),
		telegram.WithAllowedUpdates(telegram.AllowedUpdates{"message", "callback_query"}),
	}
	if b.BaseURL != "" {
		options = append(options, telegram.WithServerURL(strings.TrimSuffix(b.BaseURL, "/")))
	}
	if b.api, err = telegram.New(b.Token, options...); err != nil {
		return fmt.Errorf("start bot: %w", b.scrub(err))
	}
	return nil
}

// introduce learns the bot's name and sees to it that it can poll, trying until it succeeds; it is false when ctx ends.
func (b *Bot) introduce(ctx context.Context) bool {
	if name, err := b.Store.Setting(ctx, "bot name"); err == nil && name != "" {
		b.nameIt(name)
	}
	for wait := time.Second; ; wait = min(2*wait, maxRetry) {
		err := b.lookAround(ctx)
		if err == nil {
			break
		}
		b.Log.Warn("the chat service cannot be reached", "error", b.scrub(err), "next", wait.String())
		if !waitFor(ctx, wait) {
			return false
		}
	}
	b.offerMenus(ctx)
	return true
}

func (b *Bot) lookAround(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	me, err := b.api.GetMe(ctx)
	if err != nil {
		return fmt.Errorf("ask who the bot is: %w", err)
	}
	if err := b.Store.SetSetting(ctx, "bot name", me.Username); err != nil {
		return err
	}
	b.nameIt(me.Username)
	return b.dropWebhook(ctx)
}

// nameIt keeps the bot's name. It is called from one goroutine.
func (b *Bot) nameIt(name string) {
	select {
	case <-b.named:
	default:
		b.name = name
		close(b.named)
	}
}

// dropWebhook removes a webhook, which would block polling; what waits for it is kept.
func (b *Bot) dropWebhook(ctx context.Context) error {
	hook, err := b.api.GetWebhookInfo(ctx)
	if err != nil {
		return fmt.Errorf("look for a webhook: %w", err)
	}
	if hook.URL == "" {
		return nil
	}
	b.Log.Warn("a webhook is set and would block polling: removing it", "url", hook.URL)
	if _, err := b.api.DeleteWebhook(ctx, &telegram.DeleteWebhookParams{}); err != nil {
		return fmt.Errorf("remove the webhook: %w", err)
	}
	return nil
}

// scrub takes the token out of an error, whose address carries it.
func (b *Bot) scrub(err error) error {
	if text := b.redact(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}

// soon makes a call that is worth making only now: the answer to a tap, a reaction, a menu. It never blocks; when too
// many wait, the call is dropped.
func (b *Bot) soon(call func(context.Context) error) {
	select {
	case b.prompt <- func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, promptTime)
		defer cancel()
		if err := call(ctx); err != nil && ctx.Err() == nil {
			b.Log.Debug("a call that need not arrive did not", "error", b.scrub(err))
		}
	}:
	default:
	}
}

// sayPromptly makes the calls of soon.
func (b *Bot) sayPromptly(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case call := <-b.prompt:
			call(ctx)
		}
	}
}

// offerMenus puts the commands that each person may use into the menu of their chat, and next to nothing before strangers.
func (b *Bot) offerMenus(ctx context.Context) {
	people, err := b.Store.People(ctx)
	if err != nil {
		b.Log.Error("could not read the people for their menus", "error", err)
		return
	}
	b.soon(func(ctx context.Context) error { return b.offerMenu(ctx, &models.BotCommandScopeDefault{}, "") })
	for _, p := range people {
		if p.Chat == 0 {
			continue
		}
		b.soon(func(ctx context.Context) error {
			return b.offerMenu(ctx, &models.BotCommandScopeChat{ChatID: p.Chat}, p.Role)
		})
	}
}

func (b *Bot) offerMenu(ctx context.Context, scope models.BotCommandScope, role string) error {
	var menu []models.BotCommand
	for _, c := range b.commands {
		if allowed(role, c.Role) {
			menu = append(menu, models.BotCommand{Command: c.Name, Description: c.Help})
		}
	}
	_, err := b.api.SetMyCommands(ctx, &telegram.SetMyCommandsParams{Commands: menu, Scope: scope})
	return err
}
