package bottest

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
)

// browse sends a request as the chat page does; edit may make it another's.
func (w *world) browse(t *testing.T, method, path, body string, edit func(*http.Request)) (int, http.Header, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // a stream that should have been refused never ends
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	must(t, err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", w.url)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if edit != nil {
		edit(r)
	}
	response, err := w.client.Do(r)
	must(t, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, response.Header, string(data)
}

func TestThePageAndAllItNeedsAreServed(t *testing.T) {
	w := newWorld(t, Options{})
	_, header, index := w.browse(t, "GET", "/", "", nil)
	if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy %q", policy)
	}
	for _, want := range []string{"frame.css", "bubble.css", "chat.js", "icon.svg"} {
		if !strings.Contains(index, want) {
			t.Errorf("the page does not name %s", want)
		}
	}
	for path, kind := range map[string]string{
		"/frame.css": "text/css", "/bubble.css": "text/css", "/chat.js": "javascript", "/bubble.js": "javascript", "/composer.js": "javascript",
		"/sound.js": "javascript", "/viewer.js": "javascript", "/element.js": "javascript", "/icon.svg": "image/svg", "/wallpaper.svg": "image/svg",
	} {
		code, header, body := w.browse(t, "GET", path, "", nil)
		if code != http.StatusOK || !strings.Contains(header.Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, code, header.Get("Content-Type"))
		}
		if strings.Contains(strings.ReplaceAll(body, "http://www.w3.org/", ""), "://") {
			t.Errorf("%s names something outside of this server", path)
		}
	}
}

func TestWhatPeopleWriteCannotBecomePartOfThePage(t *testing.T) {
	w := newWorld(t, Options{})
	_, err := w.Say(ana, `</script><script>alert("1")</script><img src=x onerror=alert(2)>`)
	must(t, err)
	_, _, index := w.browse(t, "GET", "/?user=41", "", nil)
	if strings.Contains(index, "<script>") || strings.Contains(index, "<img src=x") || !strings.Contains(index, "alert(") {
		t.Errorf("the page:\n%s", index)
	}
	v := w.stream(t, "/events?user=41")()
	if got, want := v.Messages[0].HTML, "&lt;/script&gt;&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&lt;img src=x onerror=alert(2)&gt;"; got != want {
		t.Errorf("shown as %s", got)
	}
}

func TestOtherSitesCannotActForThePerson(t *testing.T) {
	const say = `{"user":41,"chat":41,"text":"/approve 42"}`
	for name, edit := range map[string]func(*http.Request){
		"another origin":            func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"another port here":         func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
		"no origin at all: sandbox": func(r *http.Request) { r.Header.Set("Origin", "null") },
		"another site":              func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"a form":                    func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
		"a name that points here":   func(r *http.Request) { r.Host = "rebound.example"; r.Header.Set("Origin", "http://rebound.example") },
		"another address":           func(r *http.Request) { r.Host = "192.0.2.7:80"; r.Header.Set("Origin", "http://192.0.2.7:80") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{})
			for _, path := range []string{"/say", "/reply", "/tap"} {
				if code, _, _ := w.browse(t, "POST", path, say, edit); code != http.StatusForbidden {
					t.Errorf("%s: %d", path, code)
				}
			}
			if n := len(w.All()); n != 0 || w.Pending() != 0 {
				t.Errorf("%d messages came of it", n)
			}
		})
	}
	w := newWorld(t, Options{})
	if code, _, _ := w.browse(t, "GET", "/events", "", func(r *http.Request) { r.Host = "rebound.example" }); code != http.StatusForbidden {
		t.Errorf("a name that points here reads the chats: %d", code)
	}
	if code, _, body := w.browse(t, "POST", "/say", say, nil); code != http.StatusOK {
		t.Errorf("the page itself: %d %s", code, body)
	}
	if m := last(w.Messages(ana)); m.Plain != "/approve 42" || m.From != ana {
		t.Errorf("said %+v", m)
	}
}

// stream reads the views of /events one by one.
func (w *world) stream(t *testing.T, path string) func() pageView {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+path, nil)
	must(t, err)
	response, err := w.client.Do(r)
	must(t, err)
	t.Cleanup(func() {
		cancel()
		_ = response.Body.Close()
	})
	lines := bufio.NewReader(response.Body)
	return func() pageView {
		t.Helper()
		for {
			line, err := lines.ReadString('\n')
			must(t, err)
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				var v pageView
				must(t, json.Unmarshal([]byte(data), &v))
				return v
			}
		}
	}
}

func TestThePageIsToldWhatChanges(t *testing.T) {
	w := newWorld(t, Options{})
	w.AddPerson(ben, "Ben")
	id := w.send(t, "<b>card</b>", withKeyboard(models.InlineKeyboardButton{Text: "Go", CallbackData: "go"}))
	gone := w.send(t, "gone before")
	remove := func(id int) {
		_, err := w.bot.DeleteMessage(t.Context(), &bot.DeleteMessageParams{ChatID: ana, MessageID: id})
		must(t, err)
	}
	remove(gone)
	next := w.stream(t, "/events?user=41")
	v := next()
	if v.Me.ID != ana || len(v.People) != 2 || len(v.Chats) != 1 || len(v.Messages) != 1 || v.Messages[0].HTML != "<b>card</b>" || v.Messages[0].Buttons[0][0].Text != "Go" {
		t.Fatalf("first view: %+v", v)
	}
	_, err := w.bot.EditMessageText(t.Context(), &bot.EditMessageTextParams{ChatID: ana, MessageID: id, Text: "two"})
	must(t, err)
	if v = next(); len(v.Messages) != 1 || v.Messages[0].HTML != "two" || !v.Messages[0].Edited {
		t.Errorf("after an edit: %+v", v.Messages)
	}
	remove(id)
	if v = next(); len(v.Messages) != 1 || !v.Messages[0].Deleted || v.Messages[0].HTML != "" {
		t.Errorf("after deleting: %+v", v.Messages)
	}
	_, err = w.Say(ben, "private to Ben")
	must(t, err)
	w.send(t, "for Ana", func(p *bot.SendMessageParams) { p.DisableNotification = true })
	for len(v.Messages) == 0 || v.Messages[0].Plain != "for Ana" {
		v = next()
		for _, m := range v.Messages {
			if m.Chat != ana {
				t.Fatalf("Ana sees %+v", m)
			}
		}
	}
	if !v.Messages[0].Silent {
		t.Errorf("not marked as silent: %+v", v.Messages[0])
	}
}

func TestTapsOnThePageGetTheAnswer(t *testing.T) {
	w := newWorld(t, Options{CallbackLife: 200e6})
	id := w.send(t, "card", withKeyboard(models.InlineKeyboardButton{Text: "Go", CallbackData: "go"}))
	tap := func(data string) (int, string) {
		body, err := json.Marshal(action{User: ana, Chat: ana, Message: id, Button: data})
		must(t, err)
		code, _, answer := w.browse(t, "POST", "/tap", string(body), nil)
		return code, answer
	}
	if code, answer := tap("go"); code != http.StatusGatewayTimeout || !strings.Contains(answer, "has not answered") {
		t.Errorf("without a bot: %d %s", code, answer)
	}
	if code, answer := tap("stop"); code != http.StatusBadRequest || !strings.Contains(answer, "gone") {
		t.Errorf("a button that is not there: %d %s", code, answer)
	}
	var all seen
	w.updates(t, answering("Merging when green", &all))
	if code, answer := tap("go"); code != http.StatusOK || answer != `{"alert":true,"text":"Merging when green"}` {
		t.Errorf("with a bot: %d %s", code, answer)
	}
}

func TestFilesOnThePageAreNeverRun(t *testing.T) {
	w := newWorld(t, Options{})
	for name, c := range map[string]struct{ data, kind, disposition string }{
		"run.log":   {"ok\n", "text/plain; charset=utf-8", "inline"},
		"evil.html": {"<html><script>alert(1)</script>", "text/plain; charset=utf-8", "inline"},
		"evil.svg":  {"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "text/plain; charset=utf-8", "inline"},
		"data.bin":  {"\x00\x01\x02", "application/octet-stream", "attachment"},
	} {
		_, err := w.bot.SendDocument(t.Context(), &bot.SendDocumentParams{ChatID: ana, Document: &models.InputFileUpload{Filename: name, Data: strings.NewReader(c.data)}})
		must(t, err)
		v := w.stream(t, "/events?user=41")()
		f := v.Messages[len(v.Messages)-1].File
		_, header, body := w.browse(t, "GET", f.URL, "", nil)
		if body != c.data || header.Get("Content-Type") != c.kind || !strings.HasPrefix(header.Get("Content-Disposition"), c.disposition) || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", name, header)
		}
		_, header, _ = w.browse(t, "GET", f.URL+"?download", "", nil)
		if !strings.HasPrefix(header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s to download: %v", name, header)
		}
	}
}
