package forgetest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	mostLog         = 8 << 20 // bytes of a log that are kept
	mostOutput      = 60_000  // bytes of it that are shown in the check's output; GitHub takes 65,535 characters
	mostAnnotations = 10      // GitHub's limit for each step
)

// transcript collects what a CI command prints: as it is, and as GitHub's logs have it, each line with its time.
type transcript struct {
	now func() time.Time

	mu     sync.Mutex
	plain  bytes.Buffer // what the command printed
	stamps bytes.Buffer // the log, of whole lines
	line   bytes.Buffer // begun and not yet ended
	how    string
}

// Write takes output of the command.
func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plain.Write(p)
	t.add(p)
	return len(p), nil
}

// say adds words of the runner's own to the log.
func (t *transcript) say(words string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plain.WriteString(words)
	t.add([]byte(words))
}

func (t *transcript) add(p []byte) {
	for line := range bytes.Lines(p) {
		t.line.Write(line)
		if bytes.HasSuffix(line, []byte("\n")) {
			t.flush()
		}
	}
}

func (t *transcript) flush() {
	if t.line.Len() == 0 {
		return
	}
	t.stamps.WriteString(t.now().UTC().Format("2006-01-02T15:04:05.0000000Z "))
	t.stamps.Write(bytes.TrimRight(t.line.Bytes(), "\r\n"))
	t.stamps.WriteByte('\n')
	t.line.Reset()
}

// end notes how the command ended; how is empty when it exited by itself.
func (t *transcript) end(code int, how string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
	switch t.how = how; {
	case how != "":
		t.how = "ended: " + how
		t.add([]byte("##[error]The operation was canceled: " + how + ".\n"))
	case code != 0:
		t.how = fmt.Sprintf("exit code %d", code)
		t.add(fmt.Appendf(nil, "##[error]Process completed with exit code %d.\n", code))
	default:
		t.how = "exit code 0"
	}
}

// broke notes that the command could not be run at all; that is never a pass.
func (t *transcript) broke(what string, err error) bool {
	t.say(fmt.Sprintf("##[error]%s: %v\n", what, err))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.how = what + " went wrong"
	return false
}

func (t *transcript) ending() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.how
}

func (t *transcript) raw() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.plain.Bytes())
}

func (t *transcript) log() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
	return bytes.Clone(t.stamps.Bytes())
}

// tail is the end of a text, cut at a line where it can be.
func tail(text []byte, most int) []byte {
	if len(text) <= most {
		return text
	}
	text = text[len(text)-most:]
	if at := bytes.IndexByte(text, '\n'); at >= 0 {
		text = text[at+1:]
	}
	return text
}

func fence(text []byte) string {
	return "```\n" + strings.ToValidUTF8(string(text), "�") + "\n```"
}

// place finds where a compiler or test runner says something is wrong: "dir/file.go:12: text", "./file.py:3:5: text".
var place = regexp.MustCompile(`^\s*(?:\./)?([\w.@+/-]*\w\.\w+):(\d{1,7})(?::\d{1,7})?:?\s+(\S.*)$`)

// annotate makes annotations of a failed log, as problem matchers do, and GitHub's own last one. A path that the commit
// does not have is taken for the name of a file in some folder, as Go's test runner prints it.
func annotate(log []byte, files []string) []annotation {
	var list []annotation
	for line := range bytes.Lines(log) {
		m := place.FindSubmatch(bytes.TrimRight(line, "\r\n"))
		if m == nil || len(list) == mostAnnotations-1 {
			continue
		}
		file := locate(string(m[1]), files)
		n, err := strconv.Atoi(string(m[2]))
		if file == "" || err != nil {
			continue
		}
		list = append(list, annotation{path: file, line: n, message: strings.ToValidUTF8(string(m[3]), "�")})
	}
	return append(list, annotation{path: ".github", line: 1, message: "Process completed with a failure."})
}

// locate finds the file of the commit that a log means; empty when it could be none or several.
func locate(name string, files []string) string {
	found := ""
	for _, f := range files {
		if f == name {
			return f
		}
		if path.Base(f) == name {
			if found != "" {
				return ""
			}
			found = f
		}
	}
	return found
}

// getJobLog sends the client to where the log lies. As on GitHub that address carries its own right to be read, and
// lies elsewhere: the token has no business there.
func (c *call) getJobLog() answer {
	k, known := c.w.checks[c.id("job")]
	if !known || k.status != "completed" {
		return notFound()
	}
	c.header.Set("Location", fmt.Sprintf("%s/_logs/%d?sig=%s", c.s.logs, k.id, c.s.sign(k.id)))
	return answer{http.StatusFound, nil}
}

func (s *Server) sign(id int64) string {
	mac := hmac.New(sha256.New, []byte(s.secret))
	mac.Write(fmt.Appendf(nil, "log %d", id))
	return hex.EncodeToString(mac.Sum(nil))
}

// serveLog hands a log out to whoever has its address.
func (s *Server) serveLog(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(strings.TrimPrefix(r.URL.Path, "/_logs/"), 10, 64)
	if err != nil || !hmac.Equal([]byte(r.URL.Query().Get("sig")), []byte(s.sign(id))) {
		s.unexpected("%s: no such log", r.Method+" "+r.URL.Path)
		http.Error(w, "AuthenticationFailed", http.StatusForbidden)
		return
	}
	s.mu.Lock()
	log, elsewhere := s.w.checks[id].log, s.logs != s.base
	s.mu.Unlock()
	if elsewhere && r.Header.Get("Authorization") != "" {
		s.unexpected("%s: the token was sent to the store of logs", r.Method+" "+r.URL.Path)
		http.Error(w, "AuthenticationFailed", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(log)))
	_, _ = w.Write(log) // the client may be gone: nothing to do about it
}
