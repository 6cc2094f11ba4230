package review

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/process"
	"lightsout/rules"
)

// hand is a stand-in for a coding CLI that works within this process.
type hand func(s engine.Session) engine.Result

func (hand) Name() string { return "hand" }

func (h hand) Run(_ context.Context, s engine.Session) (engine.Result, error) { return h(s), nil }

// change is a folder with one file, and one for private folders beside it.
func change(t *testing.T) (dir, homes string) {
	t.Helper()
	dir, homes = t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "list.go"), []byte(listFile), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, homes
}

func TestASessionHasAnEmptyDeskAndAHomeThatAreGoneAfterIt(t *testing.T) {
	dir, homes := change(t)
	var seen []engine.Session
	look := hand(func(s engine.Session) engine.Result {
		seen = append(seen, s)
		for _, private := range []string{s.Home, s.Dir} {
			if entries, err := os.ReadDir(private); err != nil || len(entries) > 0 {
				t.Errorf("%s: %v %v", private, entries, err)
			}
		}
		if err := os.WriteFile(filepath.Join(s.Dir, "notes"), nil, 0o600); err != nil {
			t.Error(err)
		}
		return engine.Result{Outcome: engine.Done, Text: "said"}
	})
	sessions := Sessions{Engines: Engines{Enthusiast: look, Adversary: look}, Dir: dir, Homes: homes, Marker: "m",
		Session: engine.Session{Env: []string{"LANG=C", "GOCACHE=" + filepath.Join(dir, "cache"), "CARGO_HOME=" + dir, "X=" + dir + "/../x"}, Readable: []string{"/objects"}, Writable: []string{dir}}}
	for _, role := range []string{rules.Enthusiast, rules.Adversary} {
		if r, err := sessions.Ask(t.Context(), role, "the prompt of the "+role); err != nil || r.Text != "said" || r.Engine != "hand" {
			t.Errorf("%+v %v", r, err)
		}
	}
	if seen[0].Home == seen[1].Home || seen[0].Marker == seen[1].Marker || seen[1].Prompt != "the prompt of the adversary" || strings.Join(seen[0].Env, " ") != "LANG=C X="+dir+"/../x" {
		t.Errorf("the sessions share something: %+v", seen)
	}
	if s := seen[0]; len(s.Writable) > 0 || strings.Join(s.Readable, " ") != "/objects "+dir || strings.HasPrefix(s.Dir, dir) {
		t.Errorf("readable %q, writable %q, desk %s", s.Readable, s.Writable, s.Dir)
	}
	if left, err := os.ReadDir(homes); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if _, err := sessions.Ask(t.Context(), rules.Referee, "x"); err == nil || !strings.Contains(err.Error(), "no engine for the referee") {
		t.Errorf("error %v", err)
	}
}

func TestASessionThatAltersTheChangeForfeitsItsAnswer(t *testing.T) {
	for name, alter := range map[string]func(dir string) error{
		"writes":  func(dir string) error { return os.WriteFile(filepath.Join(dir, "list.go"), []byte("x"), 0o600) },
		"adds":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "new.go"), nil, 0o600) },
		"deletes": func(dir string) error { return os.Remove(filepath.Join(dir, "list.go")) },
		"chmods":  func(dir string) error { return os.Chmod(filepath.Join(dir, "list.go"), 0o700) },
	} {
		dir, homes := change(t)
		sessions := Sessions{Dir: dir, Homes: homes, Marker: "m", Engines: Engines{Referee: hand(func(engine.Session) engine.Result {
			if err := alter(dir); err != nil {
				t.Fatal(err)
			}
			return engine.Result{Outcome: engine.Done, Text: rulesOn("F1", FalsePositive, nil)}
		})}}
		r, err := sessions.Ask(t.Context(), rules.Referee, "x")
		if err != nil || r.Outcome != engine.Denied || !strings.Contains(r.Reason, "altered the change it was to read: ") {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
}

func TestAnAttemptThatWasRefusedIsReported(t *testing.T) {
	dir, homes := change(t)
	sessions := Sessions{Dir: dir, Homes: homes, Marker: "m", Engines: Engines{Enthusiast: hand(func(s engine.Session) engine.Result {
		for _, e := range []engine.Event{{Kind: engine.KindTool, Tool: "Write"}, {Kind: engine.KindResult, Text: "EACCES: permission denied, open 'list.go'"}, {Kind: engine.KindMessage, Text: "hm"}} {
			s.OnEvent(e)
		}
		return engine.Result{Outcome: engine.Done, Text: `{"findings":[]}`}
	})}}
	request := newStage(t).request
	request.Ask = sessions.Ask
	v, err := Run(t.Context(), request)
	if err != nil || v.Turns[0].Note != "(refused what it tried with Write)" || !strings.Contains(v.Debate(), "refused what it tried with Write") {
		t.Errorf("%+v %v", v.Turns, err)
	}
}

func TestAProgramOfLinesIsReportedToo(t *testing.T) {
	dir, homes := change(t)
	for text, want := range map[string]string{
		"sh: cannot create " + dir + "/list.go: Permission denied": "(refused what it tried in the change)",
		"the code answers permission denied to strangers":          "",
	} {
		sessions := Sessions{Dir: dir, Homes: homes, Marker: "m", Engines: Engines{Enthusiast: hand(func(s engine.Session) engine.Result {
			s.OnEvent(engine.Event{Kind: engine.KindMessage, Text: text})
			return engine.Result{Outcome: engine.Done}
		})}}
		if r, err := sessions.Ask(t.Context(), rules.Enthusiast, "x"); err != nil || r.Reason != want {
			t.Errorf("%q: %q %v", text, r.Reason, err)
		}
	}
}

// The script reads the change, tries to write it, and says how both went.
const intruder = `cat > /dev/null
read=no; wrote=no
grep -q 'return n / size' "$CHANGE/list.go" && read=yes
(echo x >> "$CHANGE/list.go") 2>/dev/null && wrote=yes
(echo x > "$CHANGE/new.go") 2>/dev/null && wrote=yes
(rm "$CHANGE/list.go") 2>/dev/null && wrote=yes
echo x > here && echo x > "$HOME/there" || wrote=broken
echo "read $read, wrote $wrote"
`

func TestARealSessionReadsTheChangeAndCannotWriteIt(t *testing.T) {
	dir, homes := change(t)
	shell, err := engine.New(engine.Config{Name: "shell", Kind: "command", Path: "/bin/sh", Args: []string{"-c", intruder}})
	if err != nil {
		t.Fatal(err)
	}
	contained := process.LandlockABI() > 0
	sessions := Sessions{Engines: Engines{Enthusiast: shell}, Dir: dir, Homes: homes, Marker: "reviewtest-" + filepath.Base(filepath.Dir(dir)),
		Session: engine.Session{Env: []string{"PATH=" + os.Getenv("PATH"), "CHANGE=" + dir}, Contain: contained, Limits: process.Limits{Wall: time.Minute}}}
	r, err := sessions.Ask(t.Context(), rules.Enthusiast, "x")
	if err != nil {
		t.Fatal(err)
	}
	if contained && (r.Outcome != engine.Done || !r.Contained || strings.TrimSpace(r.Text) != "read yes, wrote no") {
		t.Errorf("contained: %+v", r)
	}
	if !contained && r.Outcome != engine.Denied {
		t.Errorf("not contained: %+v", r)
	}
}
