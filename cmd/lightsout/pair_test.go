package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lightsout/bot/bottest"
	"lightsout/store"
)

// spoken is a console's output that can be read while it is written.
type spoken struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.Write(p)
}

func (s *spoken) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

// await waits until something has been said.
func (s *spoken) await(t *testing.T, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for !strings.Contains(s.String(), what) {
		select {
		case <-ctx.Done():
			t.Fatalf("%q was not said:\n%s", what, s)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// pairing is a folder with a Telegram to pair with.
func pairing(t *testing.T) (config string, chat *bottest.Server) {
	t.Helper()
	chat = bottest.New(bottest.Options{Token: chatCanary})
	server := httptest.NewServer(chat)
	t.Cleanup(server.Close)
	t.Cleanup(func() { check(t, chat.Close()) })
	return configFolder(t, minimal+fmt.Sprintf("base_url = %q\nper_chat = \"1ms\"\n", server.URL)), chat
}

func TestACodeThatNobodyWaitsForIsVoid(t *testing.T) {
	config, chat := pairing(t)
	chat.AddStranger(1001, "Ana")
	var codes []string
	for range 4 { // one more than may be pending
		ctx, cancel := context.WithCancel(t.Context())
		var out spoken
		done := make(chan int)
		go func() {
			done <- run(ctx, []string{"pair", "--yes", "--config", config}, console{in: strings.NewReader(""), out: &out, err: &out})
		}()
		out.await(t, "withdraws it")
		cancel()
		if code := <-done; code != exitUnknown || !strings.Contains(out.String(), "pair: stopped; the code is void") {
			t.Fatalf("exit %d:\n%s", code, out.String())
		}
		codes = append(codes, shownCode.FindStringSubmatch(out.String())[1])
	}
	s, err := store.Open(t.Context(), filepath.Join(filepath.Dir(config), "state", "lightsout.db"), store.Options{Repo: "acme/prices"})
	must(t, err)
	defer func() { check(t, s.Close()) }()
	for _, code := range codes {
		if err := s.AskPairing(t.Context(), code, 1001, "Ana", 1001); err == nil {
			t.Errorf("code %s still opens something", code)
		}
	}
}

func TestWhicheverProcessPollsAsksTwiceForProtectedFiles(t *testing.T) {
	d := &daemon{}
	if asked := d.talk(nil).Protected([]string{"csv.go", ".github/workflows/ci.yml"}); len(asked) != 1 || asked[0] != ".github/workflows/ci.yml" {
		t.Errorf("asks about %q", asked)
	}
}

func TestOnlyAPersonOnTheConsoleLetsSomebodyIn(t *testing.T) {
	for answer, want := range map[string]int{"y\n": exitYes, "n\n": exitNo, "\n": exitNo, "": exitUnknown} {
		config, chat := pairing(t)
		chat.AddStranger(1001, "Ana")
		var out spoken
		done := make(chan int)
		go func() {
			done <- run(t.Context(), []string{"pair", "--config", config}, console{in: strings.NewReader(answer), out: &out, err: &out})
		}()
		out.await(t, "withdraws it")
		_, err := chat.Say(1001, shownCode.FindString(out.String()))
		must(t, err)
		if code := <-done; code != want {
			t.Errorf("answer %q: exit %d, want %d:\n%s", answer, code, want, out.String())
		}
		s, err := store.Open(t.Context(), filepath.Join(filepath.Dir(config), "state", "lightsout.db"), store.Options{Repo: "acme/prices"})
		must(t, err)
		people, err := s.People(t.Context())
		must(t, err)
		if paired := len(people) == 1; paired != (want == exitYes) {
			t.Errorf("answer %q: people %v", answer, people)
		}
		must(t, s.Close())
		// Who was let in is welcomed before pair ends, and nobody else is spoken to.
		welcomed := 0
		for _, m := range chat.Messages(1001) {
			if m.FromBot && strings.Contains(m.Plain, "owner") {
				welcomed++
			}
		}
		if (welcomed > 0) != (want == exitYes) {
			t.Errorf("answer %q: welcomed %d times: %+v", answer, welcomed, chat.Messages(1001))
		}
		if unexpected := chat.Unexpected(); len(unexpected) > 0 {
			t.Errorf("answer %q: Telegram met what it would not understand: %v", answer, unexpected)
		}
	}
}

func TestPairHoldsTheLockWhileItListens(t *testing.T) {
	config, _ := pairing(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out spoken
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"pair", "--config", config}, console{in: strings.NewReader(""), out: &out, err: &out})
	}()
	out.await(t, "withdraws it")
	state := filepath.Join(filepath.Dir(config), "state")
	info, err := os.Stat(state)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("state folder: %v, %v; want mode 0700", info.Mode(), err)
	}
	if held, err := takeLock(state, time.Now()); err == nil {
		t.Error("pair polls the chat without holding the lock: a daemon would poll beside it")
		check(t, held.release())
	}
	cancel()
	<-done
	held, err := takeLock(state, time.Now())
	must(t, err)
	check(t, held.release())
}
