package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/forge/forgetest"
	"lightsout/bot/bottest"
	"lightsout/store"
)

// pipe serves a handler over in-memory connections: a real http.Server and a real http.Transport, without a socket, so
// that virtual time can pass while they wait.
type pipe struct {
	conns  chan net.Conn
	closed chan struct{}
	server *http.Server
	client *http.Client
	done   sync.WaitGroup
}

func newPipe(handler http.Handler) *pipe {
	p := &pipe{conns: make(chan net.Conn), closed: make(chan struct{}), server: &http.Server{Handler: handler}}
	p.client = &http.Client{Transport: &http.Transport{DialContext: p.dial}}
	p.done.Go(func() { _ = p.server.Serve(p) }) // it returns when the server is closed
	return p
}

func (p *pipe) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipe) Close() error { // by the server, as its listener
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipe) stop(t *testing.T) {
	p.client.CloseIdleConnections()
	check(t, p.server.Close())
	p.done.Wait()
}

// timer is a coding CLI that takes a while and then does what its ticket says: the session of virtual time.
type timer struct{ takes time.Duration }

func (timer) Name() string { return "timer" }

func (e timer) Run(ctx context.Context, s engine.Session) (engine.Result, error) {
	began := time.Now()
	select {
	case <-ctx.Done():
		return engine.Result{Outcome: engine.Cancelled, Reason: "cancelled"}, nil
	case <-time.After(e.takes):
	}
	var n int
	_, after, _ := strings.Cut(s.Prompt, "Part ")
	if _, err := fmt.Sscanf(after, "%d", &n); err != nil {
		return engine.Result{}, fmt.Errorf("no part named in the prompt: %w", err)
	}
	_, after, _ = strings.Cut(s.Prompt, "Write the pull request text to: ")
	textFile, _, _ := strings.Cut(after, "\n")
	for name, content := range map[string]string{
		filepath.Join(s.Dir, fmt.Sprintf("part%d.sh", n)):            fmt.Sprintf("part%d() { echo %d; }\n", n, n),
		filepath.Join(s.Dir, fmt.Sprintf("tests/part%d_test.sh", n)): fmt.Sprintf(". ./part%d.sh\n[ \"$(part%d)\" = %d ]\n", n, n, n),
		textFile: "## What\n\nIt prints its number.\n\n## Why\n\nIt printed zero.\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			return engine.Result{}, err
		}
	}
	return engine.Result{Outcome: engine.Done, Turns: 3, Usage: engine.Usage{Output: 500, CostUSD: 0.1}, Seconds: time.Since(began).Seconds()}, nil
}

// dayParts is how many tickets the day has.
const dayParts = 6

func dayRepo() map[string][]byte {
	files := map[string][]byte{"test.sh": tinyRepo["test.sh"], "tests/always_test.sh": []byte("true\n")}
	for n := 1; n <= dayParts; n++ {
		files[fmt.Sprintf("part%d.sh", n)] = fmt.Appendf(nil, "part%d() { echo 0; }\n", n)
	}
	return files
}

// dayLimit is how much of the processor the day may take, git and tests with it. It takes ten seconds, and several times
// as much under the race detector: this tells a daemon that sleeps from one that spins, however busy the machine is.
const dayLimit = 90 * time.Second

// spent is how much of the processor this process has taken, and what it has started and seen end.
func spent(t *testing.T) (sum time.Duration) {
	t.Helper()
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		must(t, syscall.Getrusage(who, &usage))
		sum += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	return sum
}

func TestOneVirtualDayOfTheWholeDaemon(t *testing.T) {
	dir := t.TempDir()
	// In memory where the machine has such a place: a day of commits, of git and of SQLite, waits for the disk at each.
	if memory, err := os.MkdirTemp("/dev/shm", "lightsout-day-"); err == nil {
		defer os.RemoveAll(memory)
		dir = memory
	}
	began, before := time.Now(), spent(t)
	synctest.Test(t, func(t *testing.T) { virtualDay(t, dir) })
	took := spent(t) - before
	t.Logf("a day took %.1f s, and %.1f s of the processor", time.Since(began).Seconds(), took.Seconds())
	if took > dayLimit {
		t.Errorf("a virtual day took %s of the processor, more than %s: something spins", took.Round(time.Second), dayLimit)
	}
}

func virtualDay(t *testing.T, dir string) {
	executable, err := os.Executable()
	must(t, err)
	hubDir := filepath.Join(dir, "hub")
	must(t, os.MkdirAll(hubDir, 0o700))
	hub, err := forgetest.New(t.Context(), forgetest.Options{Dir: hubDir, Owner: "acme", Repo: "parts", Token: "token", Now: time.Now, Path: os.Getenv("PATH"), Helper: executable,
		Checks:   []forgetest.Check{{Name: "test", Delay: 4 * time.Minute, Judge: func(string) (bool, string) { return true, "ok\n" }}},
		Required: []string{"test"}, Strict: true, Staging: forgetest.Staging{Delay: 2 * time.Minute}})
	must(t, err)
	_, err = hub.Seed(t.Context(), dayRepo(), "Parts")
	must(t, err)
	milestone := hub.AddMilestone("Parts", time.Now().Add(48*time.Hour))
	for n := 1; n <= dayParts; n++ {
		body := fmt.Sprintf("`part%[1]d` in `part%[1]d.sh` prints 0.\n\n## Expected behaviour\n\n`part%[1]d` prints %[1]d.\n\n## Acceptance\n\n- A test in `tests/part%[1]d_test.sh` runs it.\n", n)
		_, err := hub.AddIssue(forgetest.Issue{Title: fmt.Sprintf("Part %d prints zero", n), Body: body, Milestone: milestone, Status: "Todo"})
		must(t, err)
	}
	chat := bottest.New(bottest.Options{Now: time.Now})
	chat.AddPerson(1001, "Ana")
	hubPipe, chatPipe := newPipe(hub), newPipe(chat)

	c := defaults()
	c.Repository, c.State, c.Rules, c.Test = "acme/parts", filepath.Join(dir, "state"), filepath.Join(dir, "rules.md"), []string{"sh", "test.sh"}
	c.GitHub.Token.value, c.GitHub.RESTURL, c.GitHub.GraphQLURL, c.GitHub.GitURL = "token", "http://hub.invalid/api/v3/", "http://hub.invalid/api/graphql", hub.GitDir()
	c.GitHub.ProjectOwner, c.GitHub.Project = "acme", 1
	c.Telegram.Token.value, c.Telegram.BaseURL = chat.Token(), "http://chat.invalid"
	c.Staging.Workflow, c.Staging.Inputs = "staging.yml", map[string]string{"sha": "{sha}"}
	d := &daemon{config: c, environ: []string{"PATH=" + os.Getenv("PATH")}, log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
		now: time.Now, github: hubPipe.client, telegram: chatPipe.client, engine: timer{takes: 12 * time.Minute}}
	must(t, os.MkdirAll(c.State, 0o700))
	pairOwner(t, d)

	day, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	defer cancel()
	var person sync.WaitGroup
	person.Go(func() { approveEvery(day, t, chat, 10*time.Minute) })
	must(t, d.Run(day))
	person.Wait()

	checkDay(t, d, hub, chat)
	chatPipe.stop(t)
	hubPipe.stop(t)
	check(t, chat.Close())
	check(t, hub.Close())
	synctest.Wait()
}

func pairOwner(t *testing.T, d *daemon) {
	t.Helper()
	s, err := store.Open(t.Context(), d.databasePath(), store.Options{Repo: d.config.Repository, Now: d.now})
	must(t, err)
	must(t, s.AddPerson(t.Context(), store.Person{ID: 1001, Name: "Ana", Role: store.Owner, Chat: 1001}))
	must(t, s.Close())
}

// approveEvery is a person who looks at the chat now and then and taps what is ready.
func approveEvery(ctx context.Context, t *testing.T, chat *bottest.Server, pause time.Duration) {
	tapped := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		for _, m := range chat.Messages(1001) {
			if button, key, ok := approveButton(m); ok && !tapped[key] {
				tapped[key] = true
				press(t, chat, m.ID, button)
			}
		}
	}
}

// checkDay holds what must be true at the end of any day.
func checkDay(t *testing.T, d *daemon, hub *forgetest.Server, chat *bottest.Server) {
	t.Helper()
	count, merged := map[string]int{}, map[string]int{}
	for _, m := range hub.Mutations() {
		count[m.Kind]++
		if m.Kind == "pull.merge" {
			merged[m.Target]++
		}
	}
	for kind, want := range map[string]int{"pull.create": dayParts, "pull.merge": dayParts, "dispatch": dayParts} {
		if count[kind] != want {
			t.Errorf("%d × %s in the day, want %d", count[kind], kind, want)
		}
	}
	for pull, n := range merged {
		if n != 1 {
			t.Errorf("%s was merged %d times", pull, n)
		}
	}
	if n := len(hub.Deployments()); n != dayParts {
		t.Errorf("%d deployments, want %d", n, dayParts)
	}
	s, err := store.Open(t.Context(), d.databasePath(), store.Options{Repo: d.config.Repository, Now: d.now})
	must(t, err)
	claims, err := s.Unreleased(t.Context())
	must(t, err)
	running, err := s.Running(t.Context())
	must(t, err)
	doubts, err := s.InDoubt(t.Context())
	must(t, err)
	problems, err := s.Problems(t.Context())
	must(t, err)
	outgoing, incoming, err := s.Backlog(t.Context())
	must(t, err)
	must(t, s.Close())
	if len(claims)+len(running)+len(doubts)+len(problems)+outgoing+incoming != 0 {
		t.Errorf("left at the end of the day: claims %v, runs %v, effects in doubt %v, problems %v, %d outgoing, %d incoming", claims, running, doubts, problems, outgoing, incoming)
	}
	beats := 0
	for _, m := range chat.Messages(1001) {
		if strings.Contains(m.Plain, "Standing by") {
			beats++
		}
	}
	// The Fixer looks every half hour; only a tick that repaired something has no heartbeat.
	if beats < 40 {
		t.Errorf("%d heartbeats in the day", beats)
	}
	if unexpected := append(hub.Unexpected(), chat.Unexpected()...); len(unexpected) > 0 {
		t.Errorf("the servers met what the real ones would not understand:\n%s", strings.Join(unexpected, "\n"))
	}
}
