package main

import (
	"context"
	"log/slog"
)

// redacting is a log handler that takes the daemon's secrets out of every line: an error of a library may carry the
// address it called, and the chat's address carries the token.
type redacting struct {
	slog.Handler
	redact func(string) string
}

func (h redacting) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, h.redact(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.clean(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	for i := range attrs {
		attrs[i] = h.clean(attrs[i])
	}
	return redacting{h.Handler.WithAttrs(attrs), h.redact}
}

func (h redacting) WithGroup(name string) slog.Handler {
	return redacting{h.Handler.WithGroup(name), h.redact}
}

func (h redacting) clean(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString, slog.KindAny:
		return slog.String(a.Key, h.redact(v.String()))
	}
	return a
}
