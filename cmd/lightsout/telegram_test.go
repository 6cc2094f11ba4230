package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestNoAnswerOfTelegramBringsTheTokenOut(t *testing.T) {
	mute := httptest.NewServer(http.NotFoundHandler())
	mute.Close()
	for _, row := range []struct {
		name    string
		answer  http.HandlerFunc // nil: nobody listens
		want    string
		refused bool
	}{
		{"nobody listens", nil, "connection refused", false},
		{"a refusal that repeats the token", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"ok":false,"error_code":401,"description":"Unauthorized ` + chatCanary + `"}`))
		}, "Telegram refused (401): Unauthorized [redacted]", true},
		{"a page of a proxy", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("<html>" + r.URL.Path))
		}, "status 502 without an answer of its own", false},
		{"a way elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example.org"+r.URL.Path, http.StatusFound)
		}, "status 302 without an answer of its own", false},
		{"half an answer", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"ok":true`))
		}, "unexpected EOF", false},
		{"another kind of answer", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(`{"ok":true,"result":3}`)) }, "getMe", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := &daemon{}
			d.config.Telegram.Token.value, d.config.Telegram.BaseURL = chatCanary, mute.URL
			if row.answer != nil {
				server := httptest.NewServer(row.answer)
				defer server.Close()
				d.config.Telegram.BaseURL = server.URL + "/"
			}
			var me telegramBot
			err := d.askTelegram(t.Context(), "getMe", &me)
			if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("error %v; want %q in it, and no token", err, row.want)
			}
			var refusal *telegramRefusal
			if errors.As(err, &refusal) != row.refused {
				t.Errorf("%v is a refusal: %v, want %v", err, !row.refused, row.refused)
			}
		})
	}
}
