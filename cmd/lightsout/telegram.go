package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// The two questions that are asked of the chat service outside the bot: who it is, and whether it can be polled.
type (
	telegramBot     struct{ Username string }
	telegramWebhook struct{ URL string }
)

// telegramRefusal is an answer that says no.
type telegramRefusal struct {
	code        int
	description string
}

func (e *telegramRefusal) Error() string {
	return fmt.Sprintf("Telegram refused (%d): %s", e.code, e.description)
}

// unauthorized tells whether the token is wrong. One that has not even a token's form is answered with 404.
func (e *telegramRefusal) unauthorized() bool {
	return e.code == http.StatusUnauthorized || e.code == http.StatusNotFound
}

const (
	telegramURL = "https://api.telegram.org"
	maxAnswer   = 1 << 20 // bytes; the answers asked for here have a few hundred
)

// askTelegram asks one question that changes nothing. The token is part of the address, so no error holds the address.
func (d *daemon) askTelegram(ctx context.Context, method string, into any) error {
	base := telegramURL
	if d.config.Telegram.BaseURL != "" {
		base = strings.TrimSuffix(d.config.Telegram.BaseURL, "/")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/bot"+d.config.Telegram.Token.value+"/"+method, nil)
	if err != nil {
		return errors.New("ask Telegram: token and base_url make no address")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if d.telegram != nil {
		client.Transport = d.telegram.Transport
	}
	response, err := client.Do(request)
	var asked *url.Error
	if errors.As(err, &asked) {
		return fmt.Errorf("ask Telegram: %w", asked.Err)
	}
	if err != nil {
		return errors.New("ask Telegram: " + d.redact(err.Error()))
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("ask Telegram: %w", err)
	}
	var answer struct {
		OK          bool            `json:"ok"`
		Result      json.RawMessage `json:"result"`
		Code        int             `json:"error_code"`
		Description string          `json:"description"`
	}
	switch err := json.Unmarshal(text, &answer); {
	case err != nil: // a page of a proxy
		return fmt.Errorf("ask Telegram: status %d without an answer of its own", response.StatusCode)
	case !answer.OK:
		return &telegramRefusal{code: answer.Code, description: d.redact(answer.Description)}
	}
	if err := json.Unmarshal(answer.Result, into); err != nil {
		return fmt.Errorf("ask Telegram: %s: %w", method, err)
	}
	return nil
}
