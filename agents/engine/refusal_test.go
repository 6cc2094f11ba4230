package engine

import (
	"testing"
	"time"
)

func TestRefusalsAreClassified(t *testing.T) {
	for words, want := range map[string]Outcome{
		"":                          Failed,
		"something else went wrong": Failed,
		"exit status 401":           Failed,
		"API Error: 418 teapot":     Failed,
		`API Error: 401 {"type":"error","error":{"type":"authentication_error"}}`: Authentication,
		"Invalid API key · Please run /login":                                     Authentication,
		"API Error: 403 forbidden":                                                Authentication,
		"API Error: Request rejected (429) · slow down":                           Quota,
		"Claude AI usage limit reached|1749924000":                                Quota,
		"You've hit your limit · resets 6:20pm (Europe/Berlin)":                   Quota,
		"Credit balance is too low":                                               Quota,
		"API Error: 529 Overloaded":                                               Overloaded,
		"API Error: Repeated 529 Overloaded errors":                               Overloaded,
		"API Error: 500 Internal server error":                                    Overloaded,
		"API Error: Connection error.":                                            Overloaded,
		"TypeError: fetch failed":                                                 Overloaded,
		"Connection reset by server":                                              Overloaded,
	} {
		if got := classify(0, words); got != want {
			t.Errorf("classify(%q) = %s, want %s", words, got, want)
		}
	}
	if got := classify(429, "API Error: 529 Overloaded"); got != Quota {
		t.Errorf("with status 429: %s; the status counts before the words", got)
	}
}

func TestSummariesOfWorkAreNoRefusals(t *testing.T) {
	for words, want := range map[string]bool{
		"API Error: 401 no":                                     true,
		"[API Error: 401 no":                                    true,
		"Claude AI usage limit reached|1749924000":              true,
		"You've hit your session limit · resets 3pm (UTC)":      true,
		"I made the client retry on API Error: 401.":            false,
		"Fixed: the message 'usage limit reached' is shown now": false,
		"": false,
	} {
		if got := refusal(words); got != want {
			t.Errorf("refusal(%q) = %v, want %v", words, got, want)
		}
	}
}

func TestResetTimeIsTheNextOneSaid(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]time.Time{
		"usage limit reached|1773151200":                        time.Unix(1773151200, 0),
		"usage limit reached|1749924000":                        {}, // past
		"usage limit reached|9999999999":                        {}, // in centuries
		"resets 3pm":                                            time.Date(2026, 3, 10, 15, 0, 0, 0, time.UTC),
		"resets at 12am":                                        time.Date(2026, 3, 11, 0, 0, 0, 0, time.UTC),
		"resets 12pm":                                           time.Date(2026, 3, 11, 12, 0, 0, 0, time.UTC), // it is noon now
		"Your limit will reset at 9am (Nowhere/Atall)":          time.Date(2026, 3, 11, 9, 0, 0, 0, time.UTC),
		"You've hit your limit · resets 6:20pm (Europe/Berlin)": time.Date(2026, 3, 10, 18, 20, 0, 0, berlin),
		"Weekly limit reached ∙ resets Mar 12, 5pm (UTC)":       time.Date(2026, 3, 12, 17, 0, 0, 0, time.UTC),
		"resets Mar 12 at 5pm (UTC)":                            time.Date(2026, 3, 12, 17, 0, 0, 0, time.UTC),
		"resets Mar 9, 5pm (UTC)":                               {}, // a year from now: not believed
		"resets 13pm":                                           {},
		"resets Foo 12, 5pm":                                    {},
		"soon":                                                  {},
	} {
		if got := resetTime(words, now); !got.Equal(want) {
			t.Errorf("resetTime(%q) = %v, want %v", words, got, want)
		}
	}
}

func FuzzResetTimeIsAheadAndWithinAMonth(f *testing.F) {
	f.Add("limit reached|1773151200", int64(1773100000))
	f.Add("resets Feb 29, 12:59am (Asia/Kathmandu)", int64(1773100000))
	f.Add("resets 1am (../../etc/passwd)", int64(0))
	f.Fuzz(func(t *testing.T, words string, seconds int64) {
		now := time.Unix(seconds%1e11, 0).UTC()
		if at := resetTime(words, now); !at.IsZero() && (!at.After(now) || at.Sub(now) > 31*24*time.Hour) {
			t.Errorf("resetTime(%q, %v) = %v", words, now, at)
		}
	})
}
