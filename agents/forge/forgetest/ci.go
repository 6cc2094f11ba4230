package forgetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"lightsout/agents/process"
)

// startCI begins the checks of a commit that a branch now stands at, unless they were begun before.
func (c *call) startCI(branch, sha string) {
	for _, r := range c.w.runs {
		if r.sha == sha && r.file == ciFile {
			return
		}
	}
	if len(c.s.o.Checks) == 0 || c.s.skipsCI(sha) {
		return
	}
	r := c.newRun(ciFile, "CI", "push", branch, sha)
	c.runChecks(r.id, c.s.o.Checks)
}

// skipsCI reports whether the commit's message asks for no CI, in one of GitHub's own words for it.
func (s *Server) skipsCI(sha string) bool {
	tip, err := s.git.commit(sha)
	return err == nil && (strings.Contains(tip.message, "[skip ci]") || strings.Contains(tip.message, "[ci skip]"))
}

const ciFile = "ci.yml"

func (c *call) newRun(file, name, event, branch, sha string) run {
	count := 1
	for _, r := range c.w.runs {
		if r.file == file {
			count++
		}
	}
	actor := c.actor
	if actor == "" {
		actor = c.s.o.Login
	}
	r := run{
		id: c.w.nextID(), suite: c.w.nextID(), number: count, attempt: 1, file: file, name: name, event: event,
		branch: branch, sha: sha, actor: actor, status: "queued", created: c.now,
	}
	c.w.runs[r.id] = r
	return r
}

// runChecks queues checks of a run and sees them through in the background.
func (c *call) runChecks(runID int64, specs []Check) {
	r := c.w.runs[runID]
	for _, spec := range specs {
		k := check{
			id: c.w.nextID(), run: runID, name: spec.Name, sha: r.sha, attempt: r.attempt, status: "queued", created: c.now,
		}
		c.w.checks[k.id] = k
		s := c.s
		s.spawn(func(ctx context.Context) { s.see(ctx, k.id, r.sha, spec) })
	}
	c.s.changed()
}

// see takes one check from queued to completed.
func (s *Server) see(ctx context.Context, id int64, sha string, spec Check) {
	if !pause(ctx, s.o.CIDelay) {
		return
	}
	select {
	case s.slot <- struct{}{}:
		defer func() { <-s.slot }()
	case <-ctx.Done():
		return
	}
	s.changeCheck(id, func(c *call, k *check) {
		k.status, k.started = "in_progress", c.now
		if r := c.w.runs[k.run]; r.status == "queued" {
			r.status, r.begun = "in_progress", c.now
			c.w.runs[r.id] = r
		}
	})
	t := &transcript{now: s.o.Now}
	pass := s.judge(ctx, id, sha, spec, t)
	if !pause(ctx, spec.Delay) {
		return
	}
	var notes []annotation
	if !pass {
		files, _, err := s.git.recall("ls-tree", "-r", "--name-only", "-z", sha)
		if err != nil {
			s.unexpected("list the files of %s: %v", sha, err)
		}
		notes = annotate(t.raw(), strings.Split(files, "\x00"))
	}
	s.changeCheck(id, func(c *call, k *check) {
		k.status, k.completed, k.log = "completed", c.now, t.log()
		k.conclusion, k.title = "success", spec.Name+" passed"
		if !pass {
			k.conclusion, k.title = "failure", spec.Name+" failed"
		}
		k.annotations = notes
		k.summary = "`" + spec.describe() + "`: " + t.ending()
		k.text = fence(tail(t.raw(), mostOutput))
		c.finishRun(k.run, *k)
	})
}

func (spec Check) describe() string {
	if spec.Judge != nil {
		return spec.Name
	}
	return strings.Join(spec.Command, " ")
}

// changeCheck changes a check under the lock.
func (s *Server) changeCheck(id int64, change func(*call, *check)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.call("github-actions[bot]")
	k := c.w.checks[id]
	change(c, &k)
	c.w.checks[id] = k
	s.changed()
}

// finishRun completes the run when its last check did.
func (c *call) finishRun(id int64, last check) {
	r := c.w.runs[id]
	conclusion := last.conclusion
	for _, k := range c.checksAt(r.sha, true) {
		switch {
		case k.id == last.id || k.run != id:
		case k.status != "completed":
			return
		case k.conclusion != "success":
			conclusion = "failure"
		}
	}
	r.status, r.conclusion, r.ended = "completed", conclusion, c.now
	c.w.runs[id] = r
	c.noteDeployment(r)
}

// judge does what a check says, and writes down what it printed.
func (s *Server) judge(ctx context.Context, id int64, sha string, spec Check, t *transcript) bool {
	if spec.Judge != nil {
		pass, log := spec.Judge(sha)
		t.say(log)
		t.end(map[bool]int{true: 0, false: 1}[pass], "")
		return pass
	}
	dir := filepath.Join(s.git.scratch, strconv.FormatInt(id, 10))
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			s.unexpected("clean up after check %d: %v", id, err)
		}
	}()
	work, home, tmp := filepath.Join(dir, "work"), filepath.Join(dir, "home"), filepath.Join(dir, "tmp")
	for _, d := range []string{home, tmp} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return t.broke("prepare the runner", err)
		}
	}
	if err := s.git.checkout(ctx, work, sha); err != nil {
		return t.broke("check out", err)
	}
	t.say("##[group]Run " + spec.describe() + "\n##[endgroup]\n")
	result, err := process.Tree{
		Args: spec.Command, Dir: work, Env: s.runnerEnv(sha, home, tmp), Stdout: t, Stderr: t,
		Marker: fmt.Sprintf("forgetest-%s-%d", s.secret[:12], id), Helper: s.o.Helper,
		Limits: process.Limits{Wall: s.o.CILimit, Output: mostLog, Grace: time.Second},
	}.Run(ctx)
	if err != nil {
		return t.broke("run the command", err)
	}
	how := ""
	if result.Cause != process.CauseExited {
		how = string(result.Cause)
	}
	t.end(result.Code, how)
	return result.Code == 0 && how == ""
}

// runnerEnv is the environment of a command in CI: what the options give, and what every runner has.
func (s *Server) runnerEnv(sha, home, tmp string) []string {
	env := slices.Clone(s.o.Env)
	for _, entry := range []string{
		"PATH=" + s.o.Path, "HOME=" + home, "TMPDIR=" + tmp, "CI=true", "GITHUB_ACTIONS=true", "GITHUB_SHA=" + sha,
		"GITHUB_REPOSITORY=" + s.o.Owner + "/" + s.o.Repo,
	} {
		name, _, _ := strings.Cut(entry, "=")
		if !slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") }) {
			env = append(env, entry)
		}
	}
	return env
}
