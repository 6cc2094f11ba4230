package forgetest

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

//go:embed page.html
var pageText string

// page is what is shown of an issue or a pull request.
type page struct {
	Repo    string
	Issue   Issue
	Pull    *Pull
	Files   []change
	Commits []commit
}

// servePage shows an issue, a pull request or the log of a job to a person who follows a link. It needs no credentials
// and is read only.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	below, here := strings.CutPrefix(r.URL.Path, "/"+s.o.Owner+"/"+s.o.Repo+"/")
	kind, rest, _ := strings.Cut(below, "/")
	if _, job, is := strings.Cut(rest, "/job/"); here && is && kind == "actions" {
		s.serveJob(w, job)
		return
	}
	n, err := strconv.Atoi(rest)
	shown, known := s.view(n)
	if !here || r.Method != http.MethodGet || err != nil || kind != "issues" && kind != "pull" || !known {
		http.NotFound(w, r)
		return
	}
	var out bytes.Buffer
	if err := s.pages.Execute(&out, shown); err != nil {
		s.unexpected("show %s: %v", r.URL.Path, err)
		http.Error(w, "Server Error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_, _ = w.Write(out.Bytes()) // the client may be gone: nothing to do about it
}

// serveJob shows the log of a job, as far as it is there.
func (s *Server) serveJob(w http.ResponseWriter, job string) {
	id, err := strconv.ParseInt(job, 10, 64)
	s.mu.Lock()
	k, known := s.w.checks[id]
	s.mu.Unlock()
	if err != nil || !known {
		http.Error(w, "no such job", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprintf(w, "%s on %s: %s %s\n\n%s", k.name, k.sha, k.status, k.conclusion, k.log) // the client may be gone
}

func (s *Server) view(n int) (page, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.call("")
	i, known := c.w.issues[n]
	if !known {
		return page{}, false
	}
	shown := page{Repo: s.o.Owner + "/" + s.o.Repo, Issue: c.snapshotIssue(i)}
	if p, is := c.w.pulls[n]; is {
		pull := c.snapshot(p)
		shown.Pull = &pull
		var err error
		if shown.Files, err = s.git.changes(c.left(p), p.head, true); err != nil {
			s.surprise("show #%d: %v", n, err)
		}
		if shown.Commits, err = c.pullCommits(p); err != nil {
			s.surprise("show #%d: %v", n, err)
		}
	}
	return shown, true
}

func newPages() (*template.Template, error) { return template.New("page").Parse(pageText) }

// The template reads these, and templates see only what is exported.

func (f change) Path() string     { return f.path }
func (f change) Patch() string    { return f.patch }
func (f change) Additions() int   { return f.additions }
func (f change) Deletions() int   { return f.deletions }
func (m commit) Short() string    { return m.sha[:7] }
func (m commit) Headline() string { line, _, _ := strings.Cut(m.message, "\n"); return line }
