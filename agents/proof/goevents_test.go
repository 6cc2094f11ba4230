package proof

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// The recordings in testdata/events are what go 1.26 and go 1.22 print.
func readEvents(t testing.TB, name string) results {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "events", name))
	if err != nil {
		t.Fatal(err)
	}
	events := newGoEvents(goFolder(map[string]string{"example.com/m": ""}, ""), journal{})
	if _, err := io.Copy(struct{ io.Writer }{events}, iotest.OneByteReader(strings.NewReader(string(content)))); err != nil {
		t.Fatal(err)
	}
	return events.finish(ending{command: "go test ./...", code: 1})
}

func TestGoEventsTellHowEachTestEnded(t *testing.T) {
	r := readEvents(t, "all.jsonl")
	for name, want := range map[test]string{
		{"c", "TestOK"}:         Passed,
		{"c", "TestA"}:          Failed,
		{"c", "TestA/sub/x_y"}:  Failed,
		{"c", "TestLater"}:      NotRun, // the panic of TestA ended the program
		{"d", "TestHang"}:       Unfinished,
		{"a", "TestA"}:          Uncompiled,
		{"b", "TestA"}:          Uncompiled, // a package that is missing
		{"f", "TestV"}:          Uncompiled, // go vet
		{"e", "TestHang"}:       Crashed,    // TestMain ended with 3
		{"g", "TestV"}:          Failed,     // os.Exit(0) in a test
		{"h", "TestS"}:          Skipped,
		{"h", "TestExit"}:       Crashed, // os.Exit(1) in a test
		{"nowhere", "TestNone"}: NotRun,
	} {
		if got := r.status(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if s := r.words(test{"a", "TestA"}); !strings.Contains(s, "undefined: B") {
		t.Errorf("the compiler's words: %q", s)
	}
	if s := r.words(test{"c", "TestA/sub/x_y"}); !strings.Contains(s, "FAIL") {
		t.Errorf("the test's words: %q", s)
	}
	if s := r.words(test{"e", ""}); !strings.Contains(s, "exit status 3") {
		t.Errorf("the program's words: %q", s)
	}
}

func TestGoEventsOfOlderToolsTellCompileErrorsToo(t *testing.T) {
	r := readEvents(t, "older.jsonl")
	if got := r.status(test{"a", "TestA"}); got != Uncompiled {
		t.Errorf("%s, want %s", got, Uncompiled)
	}
	if s := r.words(test{"a", "TestA"}); !strings.Contains(s, "undefined: B") {
		t.Errorf("the compiler's words: %q", s)
	}
}

func TestGoEventsKeepLittleOfALot(t *testing.T) {
	events := newGoEvents(goFolder(nil, ""), journal{})
	io.WriteString(events, `{"Action":"run","Package":"p","Test":"TestA"}`+"\n")
	long := `{"Action":"output","Package":"p","Test":"TestA","Output":"` + strings.Repeat("x", 4000) + `\n"}` + "\n"
	for range 1000 {
		io.WriteString(events, long)
	}
	io.WriteString(events, strings.Repeat("y", 3<<20))
	io.WriteString(events, "\n"+`{"Action":"fail","Package":"p","Test":"TestA"}`+"\n")
	r := events.finish(ending{})
	if kept := len(r.output[test{"p", "TestA"}]) + len(r.stray) + cap(events.rest); kept > maximumEvent*2 {
		t.Errorf("%d bytes kept", kept)
	}
	if r.tests[test{"p", "TestA"}] != Failed {
		t.Error("the end of the test is lost")
	}
}

func TestACommandThatFailsWithoutAWordIsAFailure(t *testing.T) {
	events := newGoEvents(goFolder(nil, ""), journal{})
	events.stray.add("go: errors parsing go.mod\n")
	r := events.finish(ending{command: "go test ./...", code: 1})
	failed := r.failures()
	if len(failed) != 1 || failed[test{name: "go test ./..."}] != Failed {
		t.Errorf("%v", failed)
	}
	if !strings.Contains(r.words(r.whole()), "parsing go.mod") {
		t.Errorf("%q", r.words(r.whole()))
	}
}

func FuzzGoEventsAreReadWithoutFallingOver(f *testing.F) {
	for _, name := range []string{"all.jsonl", "older.jsonl"} {
		content, err := os.ReadFile(filepath.Join("testdata", "events", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add([]byte(`{"Action":"pass","Test":"x"}` + "\n{}\n[]\nnull\n{\"Action\":1}\n"))
	f.Fuzz(func(t *testing.T, output []byte) {
		events := newGoEvents(goFolder(map[string]string{"example.com/m": "", "p": "a/b"}, "x"), journal{})
		half := len(output) / 2
		events.Write(output[:half])
		events.Write(output[half:])
		r := events.finish(ending{command: "go test"})
		if len(r.failures()) == 0 {
			t.Error("a command that failed has no failure")
		}
	})
}
