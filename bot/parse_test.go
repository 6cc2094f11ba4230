package bot

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestCommandsAreReadWhereTheyBeginAMessage(t *testing.T) {
	for text, want := range map[string][2]string{
		"/approve 42":                  {"approve", "42"},
		"/Approve@Lightsout_Bot  42 x": {"approve", "42 x"},
		"/reject 42 why\nbecause":      {"reject", "42 why\nbecause"},
		"/help\n":                      {"help", ""},
		"/help\tapprove":               {"help", "approve"},
		"/approve\u00a042":             {"approve", "42"},
		"/approve@other_bot 42":        {},
		"/approve@ 42":                 {},
		"да /approve 42":               {},
		" /approve":                    {},
		"approve 42":                   {},
		"/":                            {},
		"//approve":                    {},
		"/appro/ve":                    {},
		"/привет":                      {},
		"/" + strings.Repeat("a", 33):  {},
		"":                             {},
	} {
		name, args, ok := parseCommand(text, "lightsout_bot")
		if name != want[0] || args != want[1] || ok != (want[0] != "") {
			t.Errorf("%q: %q %q %v", text, name, args, ok)
		}
	}
	if _, _, ok := parseCommand("/approve@lightsout_bot", ""); ok {
		t.Error("a bot that does not know its name took a command for its own")
	}
}

func TestSpansAreReadAsPeopleWriteThem(t *testing.T) {
	for word, want := range map[string]time.Duration{"2h": 2 * time.Hour, "90m": 90 * time.Minute, "1h30m": 90 * time.Minute, "3d": 72 * time.Hour,
		"": 0, "h": 0, "-2h": 0, "0": 0, "0s": 0, "9999999h": 0, "99999d": 0, "d": 0, "2 h": 0} {
		d, ok := parseSpan(word)
		if ok != (want > 0) || ok && d != want {
			t.Errorf("%q: %v %v", word, d, ok)
		}
	}
}

func TestTheNearestNameIsAtMostTwoErrorsAway(t *testing.T) {
	known := []string{"approve", "status", "run"}
	for word, want := range map[string]string{"aprove": "approve", "apporve": "approve", "statsu": "status", "rn": "run", "xyz": "", "": "", "deploy": ""} {
		if got := nearest(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, seed := range []string{"/approve 42", "/a@b c", "/", "/@", "да /x", "/x@lightsout_bot\x00", "/\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, args, ok := parseCommand(text, "lightsout_bot")
		if !ok {
			if name != "" || args != "" {
				t.Errorf("no command, and yet %q %q", name, args)
			}
			return
		}
		if name == "" || len(name) > maxName || name != strings.ToLower(name) || strings.ContainsAny(name, " @/\n") || !strings.HasPrefix(text, "/") {
			t.Errorf("name %q", name)
		}
		if args != strings.TrimSpace(args) || !strings.Contains(text, args) {
			t.Errorf("arguments %q", args)
		}
	})
}

func FuzzParseTap(f *testing.F) {
	for _, seed := range []string{"v1:approve:ABC", "v1::", "v1:a:b:c", "v2:a:b", "", "v1:approve"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		verb, nonce, ok := parseTap(data)
		if ok && (verb == "" || nonce == "" || "v1:"+verb+":"+nonce != data) {
			t.Errorf("%q: %q %q", data, verb, nonce)
		}
	})
}

func FuzzReadUpdates(f *testing.F) {
	for _, seed := range []string{`{"ok":true,"result":[]}`, `{"ok":true,"result":[{"update_id":7,"message":{}}]}`, `{"ok":false}`, `{"ok":true,"result":[7]}`,
		`{"ok":true,"result":[{"update_id":-1}]}`, `<html>`, `{"ok":true,"result":[{"update_id":7,"update_id":8}]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		updates, slim, err := readUpdates(body)
		if err != nil {
			return
		}
		var answer struct {
			OK     bool
			Result []struct {
				ID int64 `json:"update_id"`
			}
		}
		if err := json.Unmarshal(slim, &answer); err != nil && len(updates) > 0 {
			t.Fatalf("the library gets %q: %v", slim, err)
		}
		if answer.OK && len(answer.Result) != len(updates) {
			t.Errorf("%d kept, %d confirmed", len(updates), len(answer.Result))
		}
		for i, u := range updates {
			if u.ID <= 0 || answer.Result[i].ID != u.ID {
				t.Errorf("kept %d, confirmed %d", u.ID, answer.Result[i].ID)
			}
		}
	})
}

func FuzzEscape(f *testing.F) {
	p, err := newPages(func(s string) string { return s })
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"<b>", "&amp;", "\u202e", "\xff", `"`, "a\nb", "🦊"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := p.escape(oneLine(s))
		if strings.ContainsAny(out, "<>\"\n\r\x00") || !utf8.ValidString(out) {
			t.Errorf("%q", out)
		}
		if plain(out) != oneLine(s) {
			t.Errorf("%q reads %q", s, plain(out))
		}
	})
}
