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
		`API Error: 401 {"type":"error","error":{"type":"authentication_error"}}`:                  Authentication,
		"Invalid API key · Please run /login":                                                      Authentication,
		"API Error: 403 forbidden":                                                                 Authentication,
		"API Error: Request rejected (429) · slow down":                                            Quota,
		"Claude AI usage limit reached|1749924000":                                                 Quota,
		"You've hit your limit · resets 6:20pm (Europe/Berlin)":                                    Quota,
		"Credit balance is too low":                                                                Quota,
		"You've hit your usage limit. Try again in 3 hours 2 minutes.":                             Quota,
		"You have exhausted your capacity on this model.":                                          Quota,
		`Codex error: {"type":"usage_limit_reached","message":"The usage limit has been reached"}`: Quota,
		"API Error: 529 Overloaded":                                                                Overloaded,
		"API Error: Repeated 529 Overloaded errors":                                                Overloaded,
		"API Error: 500 Internal server error":                                                     Overloaded,
		"API Error: Connection error.":                                                             Overloaded,
		"TypeError: fetch failed":                                                                  Overloaded,
		"Connection reset by server":                                                               Overloaded,
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
		"You've hit your usage limit. Upgrade to Pro or try again in 5 days 22 hours 11 minutes.": now.Add(142*time.Hour + 11*time.Minute),
		"You've hit your usage limit. Try again in 3 hours 2 minutes.":                            now.Add(182 * time.Minute),
		"try again in 1 day 1 minute": now.Add(24*time.Hour + time.Minute),
		"try again in 40 days":        {},
		"try again in a moment":       {},
		"You've hit your usage limit, or try again at Mar 12th, 2026 8:19 PM.":                  time.Date(2026, 3, 12, 20, 19, 0, 0, time.UTC),
		"or try again at Mar 11, 2026, 7:38 AM":                                                 time.Date(2026, 3, 11, 7, 38, 0, 0, time.UTC),
		"or try again at Mar 9th, 2026 8:19 PM":                                                 {}, // past
		"try again at 3:45 PM.":                                                                 time.Date(2026, 3, 10, 15, 45, 0, 0, time.UTC),
		"You have exhausted your capacity on this model. Your quota will reset after 4h28m20s.": now.Add(4*time.Hour + 28*time.Minute + 20*time.Second),
		"Your quota will reset after 53s.":                                                      now.Add(53 * time.Second),
		"Your quota will reset after 0s.":                                                       {},
		"Please retry in 34.07s.":                                                               now.Add(34 * time.Second),
		`Codex error: {"error":{"type":"usage_limit_reached","resets_at":1773151200,"resets_in_seconds":7}}`: time.Unix(1773151200, 0),
		`{\"resets_in_seconds\":13872}`: now.Add(13872 * time.Second),
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
	f.Add("try again in 999999 days 999999 hours", int64(1773100000))
	f.Add("try again at Feb 31st, 9999 12:59 PM", int64(1773100000))
	f.Add("will reset after 4h28m20s", int64(1773100000))
	f.Fuzz(func(t *testing.T, words string, seconds int64) {
		now := time.Unix(seconds%1e11, 0).UTC()
		if at := resetTime(words, now); !at.IsZero() && (!at.After(now) || at.Sub(now) > 31*24*time.Hour) {
			t.Errorf("resetTime(%q, %v) = %v", words, now, at)
		}
	})
}
