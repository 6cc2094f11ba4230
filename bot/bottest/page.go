package bottest

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

//go:embed page
var pageFiles embed.FS

// presenceEvery is how often an open page is told that the bot has stopped polling, or has begun again.
const presenceEvery = 2 * time.Second

// pagePolicy lets the page load its own scripts, styles and pictures and talk to this server, and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pageHandler serves the chat page. Everything of it is for a browser on this machine: other hosts are turned away, so that no name that is
// made to point here reads the chats.
func (s *Server) pageHandler() http.Handler {
	mux := http.NewServeMux()
	files, err := fs.Sub(pageFiles, "page")
	if err != nil { // the name is a constant: the embedded folder is there or the package does not compile
		return http.NotFoundHandler()
	}
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /{$}", s.serveIndex)
	mux.HandleFunc("GET /events", s.serveEvents)
	mux.HandleFunc("GET /file/{id}/{name}", s.servePageFile)
	mux.HandleFunc("POST /say", s.serveSay)
	mux.HandleFunc("POST /reply", s.serveSay)
	mux.HandleFunc("POST /tap", s.serveTap)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		if reason := refusePage(r); reason != "" {
			http.Error(w, reason, http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// refusePage says why a request is not from the chat page in a browser on this machine, "" when it may be. Actions must be JSON, which
// no page of another site can send without being asked first, and their Origin, which browsers always send, must be this server.
func refusePage(r *http.Request) string {
	if !loopback(r.Host) {
		return "the chat page is for this machine: open it at 127.0.0.1 or localhost"
	}
	if r.Method != http.MethodPost {
		return ""
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return "actions are sent as application/json"
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return "actions come from the chat page alone"
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
			return "actions come from the chat page alone"
		}
	}
	return ""
}

// loopback tells whether a Host header names this machine.
func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return ip != nil && ip.IsLoopback()
}

// serveIndex serves the page with what the person sees written into it, so that it is whole as soon as it is there.
func (s *Server) serveIndex(w http.ResponseWriter, r *http.Request) {
	user, _ := number(r.URL.Query().Get("user"))
	s.mu.Lock()
	view := s.view(user, 0)
	s.mu.Unlock()
	index, err := pageFiles.ReadFile("page/index.html")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	data, err := json.Marshal(view) // with < and > escaped: it cannot end the element it stands in
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(bytes.Replace(index, []byte(`id="view">{}`), append([]byte(`id="view">`), data...), 1))
}

// number reads a number of the page's addresses; what is none is 0.
func number(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// serveEvents streams what changes for the person as server-sent events: what is newer than since says, or the
// browser's Last-Event-ID when it connects again.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	user, _ := number(r.URL.Query().Get("user"))
	since, again := number(r.Header.Get("Last-Event-ID"))
	if !again {
		since, _ = number(r.URL.Query().Get("since"))
	}
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(presenceEvery)
	defer tick.Stop()
	first, online := true, false
	for {
		s.mu.Lock()
		changed := s.changed
		if since > s.version { // it was another server's
			since = 0
		}
		view := s.view(user, since)
		s.mu.Unlock()
		if first || view.Version != since || view.Bot.Online != online {
			data, err := json.Marshal(view)
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", view.Version, data); err != nil {
				return
			}
			first, since, online = false, view.Version, view.Bot.Online
		} else if _, err := fmt.Fprint(w, ":\n\n"); err != nil { // finds out that the browser has gone
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-r.Context().Done():
			return
		case <-s.closed:
			return
		}
	}
}

// action is the body of every action of the page.
type action struct {
	User    int64  `json:"user"`
	Chat    int64  `json:"chat"`
	Topic   int    `json:"topic"`
	Message int    `json:"message"` // replied to, or tapped
	Text    string `json:"text"`
	Button  string `json:"button"` // callback data
}

func readAction(w http.ResponseWriter, r *http.Request) (action, bool) {
	var a action
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&a); err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": "the action cannot be read: " + err.Error()})
		return a, false
	}
	return a, true
}

func (s *Server) serveSay(w http.ResponseWriter, r *http.Request) {
	a, ok := readAction(w, r)
	if !ok {
		return
	}
	id, err := s.Seat(a.Chat, a.User).write(a.Text, a.Message, a.Topic)
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	reply(w, http.StatusOK, map[string]int{"id": id})
}

func (s *Server) serveTap(w http.ResponseWriter, r *http.Request) {
	a, ok := readAction(w, r)
	if !ok {
		return
	}
	q, err := s.Seat(a.Chat, a.User).press(a.Message, a.Button)
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": "This button is gone."})
		return
	}
	tap, err := s.answer(r.Context().Done(), q)
	switch {
	case errors.Is(err, ErrNoAnswer):
		reply(w, http.StatusGatewayTimeout, map[string]string{"error": "The bot has not answered. It may still act on this later."})
	case err != nil:
		reply(w, http.StatusServiceUnavailable, map[string]string{"error": err.Error()})
	default:
		reply(w, http.StatusOK, map[string]any{"text": tap.Answer, "alert": tap.Alert})
	}
}

// servePageFile gives a file of a message to the page. Only text and pictures are shown by the browser; all else is saved.
func (s *Server) servePageFile(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	a := s.files[r.PathValue("id")]
	s.mu.Unlock()
	if a == nil {
		http.NotFound(w, r)
		return
	}
	kind, disposition := "application/octet-stream", "attachment"
	switch {
	case strings.HasPrefix(a.mime, "image/"):
		kind, disposition = a.mime, "inline"
	case readable(a.mime):
		kind, disposition = "text/plain; charset=utf-8", "inline"
	}
	if r.URL.Query().Has("download") {
		disposition = "attachment"
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": a.name}))
	h.Set("Content-Length", strconv.Itoa(len(a.bytes)))
	_, _ = w.Write(a.bytes)
}

func readable(mediaType string) bool {
	return mediaType == "text/plain" || mediaType == "application/json"
}
