package process

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestParentIsReadWhateverTheNameOfTheProcess(t *testing.T) {
	for stat, want := range map[string]int{
		"12 (cat) S 7 12 12 0 -1":             7,
		"12 (a b) S 7 12":                     7,
		"12 () R 1 (x)) S 9 12":               9,
		"12 (line\nend) Z 3 1":                3,
		"12 (from outside our namespace) S 0": 0,
	} {
		if parent, ok := parseParent([]byte(stat)); !ok || parent != want {
			t.Errorf("parseParent(%q) = %d, %v; want %d", stat, parent, ok, want)
		}
	}
	for _, stat := range []string{"", ")", "12 (cat", "12 (cat) S", "12 (cat) S x", "12 (cat) S -1"} {
		if parent, ok := parseParent([]byte(stat)); ok {
			t.Errorf("parseParent(%q) = %d, want none", stat, parent)
		}
	}
}

func TestOurOwnParentIsFound(t *testing.T) {
	if parent, ok := parentOf(os.Getpid()); !ok || parent != os.Getppid() {
		t.Errorf("parentOf = %d, %v; want %d", parent, ok, os.Getppid())
	}
}

func FuzzParseParentTakesTheFieldAfterTheLastBracket(f *testing.F) {
	f.Add("cat", 7)
	f.Add("a) S 9 (", 1)
	f.Add("\x00\n)", 0)
	f.Fuzz(func(t *testing.T, name string, parent int) {
		stat := fmt.Appendf(nil, "12 (%s) S %d 12 12 0 -1", name, parent)
		got, ok := parseParent(stat)
		if ok != (parent >= 0) || ok && got != parent {
			t.Errorf("parseParent(%q) = %d, %v", stat, got, ok)
		}
		parseParent([]byte(name)) // any bytes at all: no panic
	})
}

func FuzzFindVariableFindsWholeNamesOnly(f *testing.F) {
	f.Add([]byte("A=1\x00LIGHTSOUT_MARKER=m\x00"), "m")
	f.Add([]byte("XLIGHTSOUT_MARKER=n\x00LIGHTSOUT_MARKER"), "")
	f.Add([]byte("\x00\x00="), "x=y")
	f.Fuzz(func(t *testing.T, before []byte, value string) {
		if strings.ContainsRune(value, 0) {
			value = ""
		}
		_, already := findVariable(before, MarkerVariable)
		environ := append(bytes.Clone(before), "\x00"+MarkerVariable+"="+value+"\x00"...)
		got, ok := findVariable(environ, MarkerVariable)
		if !ok || !already && got != value {
			t.Errorf("findVariable(%q) = %q, %v; want %q", environ, got, ok, value)
		}
	})
}
