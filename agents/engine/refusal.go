package engine

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// apiStatus finds the HTTP status in the words that CLIs have for a refused call:
// "API Error: 401 {…}", "API Error: Repeated 529 Overloaded errors", "API Error:
// Request rejected (429) · …", "unexpected status 401 Unauthorized", "401 {…",
// "[API Error: {"error":{"code":401,…".
var apiStatus = regexp.MustCompile(`(?i)(?:\bapi error:? *(?:request rejected |repeated )?\(?|\bunexpected status |^|\berror":\{"code": ?)([45]\d\d)\b`)

// refusals are the provider's words for each outcome, lower case, the narrower
// first. They are looked for only where an error is already known or the words
// are all that came, never in the work itself.
var refusals = []struct {
	outcome Outcome
	words   []string
}{
	{Quota, []string{"usage limit reached", "hit your limit", "hit your session limit", "hit your weekly limit", "hit your usage limit",
		"limit reached", "credit balance is too low", "rate_limit", "billing_error", "out of extra usage", "exceeded your current quota",
		"quota exceeded", "insufficient_quota", "resource_exhausted", "usage_limit_reached", "usage limit has been reached", "exhausted your capacity", "check your plan and billing", "too many requests"}},
	{Authentication, []string{"authentication_error", "authentication_failed", "invalid api key", "please run /login", "not logged in",
		"incorrect api key", "invalid_api_key", "api key not valid", "unauthenticated", "oauth token has expired", "oauth token revoked", "oauth_org_not_allowed", "invalid bearer token", "permission_error"}},
	{Overloaded, []string{"overloaded", "server_error", "api_error", "internal server error", "connection error", "connection refused", "connection reset", "connection to the api was lost",
		"econnrefused", "econnreset", "enotfound", "etimedout", "fetch failed", "socket hang up", "request timed out", "unable to connect",
		"experiencing high demand", "cannot connect to api", "socket connection was closed", "waiting for network", "stream disconnected", "premature close", "api error: terminated", "service unavailable"}},
}

// classify says what the HTTP status of a failed call (0 when there is none) and the
// words about it mean; Failed when nothing in them is known.
func classify(status int, words string) Outcome {
	if m := apiStatus.FindStringSubmatch(words); status == 0 && m != nil {
		status, _ = strconv.Atoi(m[1]) // three digits
	}
	switch {
	case status == 401 || status == 403:
		return Authentication
	case status == 402 || status == 429:
		return Quota
	case status == 408 || status >= 500 && status < 600:
		return Overloaded
	}
	lower := strings.ToLower(words)
	for _, kind := range refusals {
		for _, word := range kind.words {
			if strings.Contains(lower, word) {
				return kind.outcome
			}
		}
	}
	return Failed
}

// refusal is whether words are nothing but a provider's refusal. A summary of
// work may well mention one, but does not begin with it.
func refusal(words string) bool {
	words = strings.ToLower(strings.TrimLeft(words, " [\n"))
	return strings.HasPrefix(words, "api error:") || strings.HasPrefix(words, "claude ai usage limit reached|") ||
		strings.HasPrefix(words, "you've hit your ") && strings.Contains(words, "resets") && len(words) < 200
}

var (
	// resetEpoch is "Claude AI usage limit reached|1749924000".
	resetEpoch = regexp.MustCompile(`reached[^|\n]{0,80}\|(\d{10})\b`)
	// resetMoment and resetSeconds are what OpenAI's own error has of it, in JSON,
	// which may be quoted in other JSON.
	resetMoment  = regexp.MustCompile(`\bresets_at\\?": ?(\d{10})\b`)
	resetSeconds = regexp.MustCompile(`\bresets_in_seconds\\?": ?(\d{1,8})\b`)
	// resetSpan is "try again in 5 days 22 hours 11 minutes" and "will reset after
	// 4h28m20s".
	resetSpan = regexp.MustCompile(`(?i)\b(?:try again in|retry in|resets? in|resets? after) ((?:\d{1,6}(?:\.\d+)? ?(?:days?|hours?|minutes?|seconds?|d|h|m|s)\b[ ,]*|\d{1,6}[dhm])+)`)
	spanPart  = regexp.MustCompile(`(?i)(\d+)(?:\.\d+)? ?([dhms])`)
	// resetClock is "resets 6:20pm (Europe/Berlin)", "will reset at 9am", "resets Oct
	// 9, 3pm (UTC)" and "try again at Jul 5th, 2026 8:19 PM".
	resetClock = regexp.MustCompile(`(?i)\b(?:resets?|try again) (?:at )?(?:([a-z]{3}) (\d{1,2})(?:st|nd|rd|th)?,? (?:(\d{4}),? )?(?:at )?)?(\d{1,2})(?::(\d{2}))? ?([ap])m(?: \(([A-Za-z0-9_+/-]+)\))?`)
)

// resetTime reads when a limit is over. A time of day is the next such time after
// now, in the zone named, else in now's. Zero means that it does not say, or says
// what cannot be: the past, or more than a month ahead.
func resetTime(words string, now time.Time) time.Time {
	var at time.Time
	if m := resetEpoch.FindStringSubmatch(words); m != nil {
		at = time.Unix(number(m[1]), 0)
	} else if m := resetMoment.FindStringSubmatch(words); m != nil {
		at = time.Unix(number(m[1]), 0)
	} else if m := resetSeconds.FindStringSubmatch(words); m != nil {
		at = now.Add(time.Duration(number(m[1])) * time.Second)
	} else if m := resetSpan.FindStringSubmatch(words); m != nil {
		at = now.Add(span(m[1]))
	} else if m := resetClock.FindStringSubmatch(words); m != nil {
		at = clockTime(m[1:], now)
	}
	if !at.After(now) || at.Sub(now) > 31*24*time.Hour {
		return time.Time{}
	}
	return at
}

// number is what digits say: of no more of them than fit.
func number(digits string) int64 {
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}

// span is how long "4h28m20s" or "5 days 22 hours" is; parts of a unit are left out.
func span(words string) (all time.Duration) {
	units := map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second}
	for _, m := range spanPart.FindAllStringSubmatch(words, 8) {
		all += time.Duration(number(m[1])) * units[strings.ToLower(m[2])]
	}
	return all
}

// clockTime is the next time after now that month, day, year, hour, minute, half of
// the day and zone name; month, day, year, minute and zone may be empty.
func clockTime(parts []string, now time.Time) time.Time {
	zone := now.Location()
	if parts[6] != "" {
		if named, err := time.LoadLocation(parts[6]); err == nil {
			zone = named
		}
	}
	hour, _ := strconv.Atoi(parts[3])
	minute, _ := strconv.Atoi(parts[4])
	if hour < 1 || hour > 12 || minute > 59 {
		return time.Time{}
	}
	hour %= 12
	if strings.EqualFold(parts[5], "p") {
		hour += 12
	}
	local := now.In(zone)
	if parts[0] == "" {
		at := time.Date(local.Year(), local.Month(), local.Day(), hour, minute, 0, 0, zone)
		if !at.After(now) {
			at = time.Date(local.Year(), local.Month(), local.Day()+1, hour, minute, 0, 0, zone)
		}
		return at
	}
	month, err := time.Parse("Jan", strings.ToUpper(parts[0][:1])+strings.ToLower(parts[0][1:]))
	day, _ := strconv.Atoi(parts[1])
	if err != nil || day < 1 || day > 31 {
		return time.Time{}
	}
	if parts[2] != "" {
		return time.Date(int(number(parts[2])), month.Month(), day, hour, minute, 0, 0, zone)
	}
	at := time.Date(local.Year(), month.Month(), day, hour, minute, 0, 0, zone)
	if !at.After(now) {
		at = at.AddDate(1, 0, 0)
	}
	return at
}
