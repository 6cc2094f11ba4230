package proof

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
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

// say has go tell of tests of a package p, each word an action and a test.
func say(events *goEvents, words ...string) {
	for _, w := range words {
		action, name, _ := strings.Cut(w, " ")
		fmt.Fprintf(events, `{"Action":%q,"Package":"p","Test":%q}`+"\n", action, name)
	}
}

func TestATestThatRunsItsOwnProgramTellsNothingOfOtherTests(t *testing.T) {
	inner := []string{"run TestOpen", "run TestOpen", "pass TestOpen", "run TestOpenTwice", "run TestOpenTwice/lazy", "skip TestOpenTwice/lazy", "pass TestOpenTwice", "pass TestOpen"}
	outer := []string{"run TestOpenTwice", "run TestOpenTwice/lazy", "pass TestOpenTwice/lazy", "fail TestOpenTwice"}
	for name, c := range map[string]struct {
		words         []string
		first, second string // of TestOpenTwice/lazy
		of            string // of TestOpenTwice, the first time
	}{
		"before it runs":    {slices.Concat(inner, outer), Passed, "", Failed},
		"after it ran":      {slices.Concat(outer, inner), Passed, "", Failed},
		"twice":             {slices.Concat(inner, outer, inner, outer), Passed, Passed, Failed},
		"and never by name": {inner, "", "", ""},
		// An inner program that ends without a word about its end takes nothing with it.
		"in the middle":  {slices.Concat([]string{"run TestOpen", "run TestOpen", "run TestOpen/deep", "fail TestOpen"}, outer), Passed, "", Failed},
		"side by side":   {[]string{"run TestOpen", "pause TestOpen", "run TestOpenTwice", "run TestOpenTwice/lazy", "cont TestOpen", "pass TestOpen", "skip TestOpenTwice/lazy", "fail TestOpenTwice"}, Skipped, "", Failed},
		"one by another": {slices.Concat(outer, []string{"run TestOpen", "pass TestOpen"}), Passed, "", Failed},
	} {
		events := newGoEvents(goFolder(nil, ""), journal{})
		say(events, c.words...)
		r := events.finish(ending{})
		lazy, of := test{"p", "TestOpenTwice/lazy"}, test{"p", "TestOpenTwice"}
		if r.tests[lazy] != c.first || r.second[lazy] != c.second || r.tests[of] != c.of {
			t.Errorf("%s: %q, then %q, in one that is %q; want %q, %q and %q", name, r.tests[lazy], r.second[lazy], r.tests[of], c.first, c.second, c.of)
		}
	}
}

func TestATestThatEndsItsProgramInTheSecondRunIsToBlameForIt(t *testing.T) {
	events := newGoEvents(goFolder(nil, ""), journal{})
	for _, action := range []string{"run", "pass", "run", "fail"} {
		io.WriteString(events, `{"Action":"`+action+`","Package":"p","Test":"TestA"}`+"\n")
	}
	io.WriteString(events, `{"Action":"output","Package":"p","Output":"FAIL\n"}`+"\n"+`{"Action":"fail","Package":"p"}`+"\n")
	r := events.finish(ending{command: "go test -count=2", code: 1})
	if got := r.status(test{"p", "TestLater"}); got != NotRun || !r.mayHaveEnded("p") {
		t.Errorf("a test behind it: %s, want %s, and it may have been kept from running", got, NotRun)
	}
	if r.tests[test{"p", "TestA"}] != Passed || r.second[test{"p", "TestA"}] != Failed || len(r.failures()) == 0 {
		t.Errorf("%v, then %v", r.tests, r.second)
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
