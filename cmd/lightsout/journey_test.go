package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lightsout/agents/forge/forgetest"
	"lightsout/bot/bottest"
)

// TestJourneys runs the command line as people do; the scripts in testdata/journey read as its documentation. Beside
// testscript's own commands they have:
//
//	exits CODE [ARGS…]     runs lightsout and wants that exit code
//	github [COLUMN…]       a GitHub for acme/prices; $HUB is its address, with a project board of these columns
//	telegram [webhook]     a Telegram; $CHAT is its address. With webhook, another program has set one
//	fill FILE…             puts $HUB, $CHAT and $WORK into files
//	shows-code FILE ID NAME  that person sends the bot the code that is printed into the file
func TestJourneys(t *testing.T) {
	executable, err := os.Executable()
	must(t, err)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "journey"),
		Setup: func(e *testscript.Env) error {
			bin := filepath.Join(e.WorkDir, ".bin")
			wrapper := fmt.Sprintf("#!/bin/sh\nexec %s %s \"$@\"\n", shellWord(executable), daemonWord)
			e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("HOME", e.WorkDir)
			j := &journey{}
			e.Values[journeyKey{}] = j
			e.Defer(j.end)
			// A process that another test starts while the file is being written holds it open, and it would be busy.
			syscall.ForkLock.RLock()
			defer syscall.ForkLock.RUnlock()
			return errors.Join(os.Mkdir(bin, 0o700), os.WriteFile(filepath.Join(bin, "lightsout"), []byte(wrapper), 0o700))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "github": startGitHub, "telegram": startTelegram, "fill": fill, "shows-code": showCode,
		},
	})
}

// journey is what one script has started.
type journey struct {
	chat  *bottest.Server
	stops []func()
}

type journeyKey struct{}

func journeyOf(ts *testscript.TestScript) *journey { return ts.Value(journeyKey{}).(*journey) }

func (j *journey) end() {
	for _, stop := range j.stops {
		stop()
	}
}

// serve puts a server onto loopback until the script ends.
func (j *journey) serve(h http.Handler, shut func() error) (address string) {
	server := httptest.NewServer(h)
	j.stops = append(j.stops, func() {
		_ = shut() // lets go what waits, so that the server can close
		server.Close()
	})
	return server.URL
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARGS…")
	}
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec("lightsout", args[1:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("lightsout exits with %d, want %s", code, args[0])
	}
}

func startGitHub(ts *testscript.TestScript, _ bool, columns []string) {
	j, dir := journeyOf(ts), ts.MkAbs(".hub")
	ts.Check(os.MkdirAll(dir, 0o700))
	if len(columns) == 0 {
		columns = nil
	}
	server, err := forgetest.New(context.Background(), forgetest.Options{Dir: dir, Owner: "acme", Repo: "prices", Token: "hub-token-canary", Login: "night-shift",
		Columns: columns, Required: []string{"test"}, Checks: []forgetest.Check{{Name: "test", Judge: func(string) (bool, string) { return true, "" }}}, Path: ts.Getenv("PATH")})
	ts.Check(err)
	_, err = server.Seed(context.Background(), tinyRepo, "Prices")
	ts.Check(err)
	server.AddMilestone("Bills", time.Now().Add(time.Hour))
	address := j.serve(server, server.Close)
	server.SetBaseURL(address)
	ts.Setenv("HUB", address)
}

func startTelegram(ts *testscript.TestScript, _ bool, args []string) {
	j := journeyOf(ts)
	if j.chat == nil {
		j.chat = bottest.New(bottest.Options{Token: "7000000001:AAchat-token-canary-of-the-journeys", BotUsername: "prices_bot"})
		ts.Setenv("CHAT", j.serve(j.chat, j.chat.Close))
	}
	if len(args) > 0 {
		j.chat.SetWebhook("https://elsewhere.example.org/hook")
	}
}

func fill(ts *testscript.TestScript, _ bool, files []string) {
	for _, name := range files {
		text := os.Expand(ts.ReadFile(name), func(variable string) string {
			switch variable {
			case "HUB", "CHAT", "WORK":
				return ts.Getenv(variable)
			}
			return "$" + variable
		})
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

var shownCode = regexp.MustCompile(`/start ([A-Z2-9]{8})`)

func showCode(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: shows-code FILE ID NAME")
	}
	id, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	chat := journeyOf(ts).chat
	chat.AddStranger(id, args[2])
	deadline := time.After(10 * time.Second)
	for {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil {
			if code := shownCode.FindStringSubmatch(string(text)); code != nil {
				_, err := chat.Say(id, strings.TrimSpace(code[0]))
				ts.Check(err)
				return
			}
		}
		select {
		case <-deadline:
			ts.Fatalf("no code in %s after ten seconds", args[0])
		case <-time.After(10 * time.Millisecond):
		}
	}
}
