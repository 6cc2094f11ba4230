package bottest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// apiError is a refusal as Telegram words it.
type apiError struct {
	code        int
	description string
	retryAfter  int   // seconds
	migrateTo   int64 // chat id
}

func badRequest(format string, args ...any) *apiError {
	return &apiError{code: http.StatusBadRequest, description: "Bad Request: " + fmt.Sprintf(format, args...)}
}

func forbidden(reason string) *apiError {
	return &apiError{code: http.StatusForbidden, description: "Forbidden: " + reason}
}

func conflict(reason string) *apiError {
	return &apiError{code: http.StatusConflict, description: "Conflict: " + reason}
}

// method is one Bot API method. call runs under the server's lock.
type method struct {
	name  string
	write bool // changes something that stays
	call  func(s *Server, p *params) (any, *apiError)
}

// findMethod knows every method served here except getUpdates, which waits. Names are not case-sensitive, as on Telegram.
func findMethod(name string) (method, bool) {
	for _, m := range []method{
		{"getMe", false, (*Server).getMe},
		{"getUpdates", false, nil},
		{"setWebhook", true, (*Server).setWebhook},
		{"deleteWebhook", true, (*Server).deleteWebhook},
		{"getWebhookInfo", false, (*Server).getWebhookInfo},
		{"sendMessage", true, (*Server).sendMessage},
		{"sendDocument", true, (*Server).sendDocument},
		{"sendPhoto", true, (*Server).sendPhoto},
		{"sendChatAction", false, (*Server).sendChatAction},
		{"editMessageText", true, (*Server).editMessageText},
		{"editMessageCaption", true, (*Server).editMessageCaption},
		{"editMessageReplyMarkup", true, (*Server).editMessageReplyMarkup},
		{"deleteMessage", true, (*Server).deleteMessage},
		{"answerCallbackQuery", true, (*Server).answerCallbackQuery},
		{"pinChatMessage", true, (*Server).pinChatMessage},
		{"unpinChatMessage", true, (*Server).unpinChatMessage},
		{"setMessageReaction", true, (*Server).setMessageReaction},
		{"setMyCommands", true, (*Server).setMyCommands},
		{"deleteMyCommands", true, (*Server).deleteMyCommands},
		{"getMyCommands", false, (*Server).getMyCommands},
		{"getChat", false, (*Server).getChat},
		{"getChatMember", false, (*Server).getChatMember},
		{"getFile", false, (*Server).getFile},
	} {
		if strings.EqualFold(m.name, name) {
			return m, true
		}
	}
	return method{}, false
}

// serveAPI answers /bot<token>/<method>.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	rest := strings.TrimPrefix(r.URL.Path, "/bot")
	token, name, _ := strings.Cut(rest, "/")
	if token != s.token {
		s.count("(wrong token)")
		s.refuse(w, &apiError{code: http.StatusUnauthorized, description: "Unauthorized"})
		return
	}
	m, known := findMethod(name)
	if !known {
		s.mu.Lock()
		s.note("unknown method %s", name)
		s.mu.Unlock()
		s.refuse(w, &apiError{code: http.StatusNotFound, description: "Not Found"})
		return
	}
	s.count(m.name)
	p, err := readParams(r, s, m.name)
	switch {
	case errors.Is(err, errGone):
		panic(http.ErrAbortHandler)
	case errors.Is(err, errTooLarge):
		s.refuse(w, &apiError{code: http.StatusRequestEntityTooLarge, description: "Request Entity Too Large"})
		return
	case err != nil:
		s.mu.Lock()
		s.note("%s: %v", m.name, err)
		s.mu.Unlock()
		s.refuse(w, badRequest("can't parse request: %v", err))
		return
	}
	fault := s.takeFault(m.name, p.values["chat_id"])
	if s.failBefore(w, r, fault) {
		return
	}
	var result any
	var refusal *apiError
	if m.call == nil {
		result, refusal = s.getUpdates(r, p, fault)
	} else {
		result, refusal = s.run(m, p)
	}
	if refusal == nil && s.failAfter(r, fault) {
		return
	}
	if refusal != nil {
		s.refuse(w, refusal)
		return
	}
	reply(w, http.StatusOK, map[string]any{"ok": true, "result": result})
}

// run calls a method, between the hooks when it writes.
func (s *Server) run(m method, p *params) (any, *apiError) {
	n := 0
	if m.write {
		n = s.beforeWrite(m.name)
	}
	s.mu.Lock()
	result, refusal := m.call(s, p)
	if refusal == nil {
		p.noteUnknown()
		if m.write {
			s.wake()
		}
	}
	s.mu.Unlock()
	if m.write && refusal == nil {
		s.afterWrite(n, m.name)
	}
	return result, refusal
}

// getUpdates confirms, which is a write when there is something to confirm, then waits.
func (s *Server) getUpdates(r *http.Request, p *params, fault *Fault) (any, *apiError) {
	request, refusal := s.beginPoll(p)
	if refusal != nil {
		return nil, refusal
	}
	write, n := s.confirms(request.offset), 0
	if write {
		n = s.beforeWrite("getUpdates")
	}
	s.mu.Lock()
	s.confirm(request.offset)
	p.noteUnknown()
	s.mu.Unlock()
	if write {
		s.afterWrite(n, "getUpdates")
	}
	if fault != nil && fault.Kind == DropAfterCommit {
		return nil, nil
	}
	result, refusal := s.finishPoll(r.Context(), request)
	if list, ok := result.([]json.RawMessage); ok && fault != nil && fault.Kind == Reversed {
		slices.Reverse(list)
	}
	return result, refusal
}

func (s *Server) count(method string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[method]++
}

// refuse answers with an error in Telegram's form.
func (s *Server) refuse(w http.ResponseWriter, e *apiError) {
	body := map[string]any{"ok": false, "error_code": e.code, "description": e.description}
	switch {
	case e.retryAfter > 0:
		body["parameters"] = map[string]any{"retry_after": e.retryAfter}
		w.Header().Set("Retry-After", fmt.Sprint(e.retryAfter))
	case e.migrateTo != 0:
		body["parameters"] = map[string]any{"migrate_to_chat_id": e.migrateTo}
	}
	reply(w, e.code, body)
}

// reply writes one JSON answer. A client that has left is no matter: there is nobody to tell.
func reply(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data)
}
