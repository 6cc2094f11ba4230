package proof

import (
	"math"
	"strings"
)

// secretKinds are the forms of credentials that can be told with some certainty by their look. The value is the first group, else all of it.
var secretKinds = []struct {
	kind string
	form *pattern
}{
	{"a GitHub token", lazily(`\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{50,255})\b`)},
	{"a GitLab token", lazily(`\bglpat-[A-Za-z0-9_-]{20,}\b`)},
	{"a Telegram bot token", lazily(`\b[0-9]{8,10}:[A-Za-z0-9_-]{35}\b`)},
	{"an AWS access key", lazily(`\b(?:AKIA|ASIA)[A-Z2-7]{16}\b`)},
	{"a Google API key", lazily(`\bAIza[A-Za-z0-9_-]{35}\b`)},
	{"a Slack token", lazily(`\bxox[abprs]-[A-Za-z0-9-]{20,}\b`)},
	{"a Slack webhook", lazily(`hooks\.slack\.com/services/(T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{20,})`)},
	{"a Stripe key", lazily(`\b[rs]k_live_[A-Za-z0-9]{20,}\b`)},
	{"an Anthropic key", lazily(`\bsk-ant-[A-Za-z0-9_-]{30,}`)},
	{"an OpenAI key", lazily(`\bsk-(?:proj-)?[A-Za-z0-9_-]{40,}`)},
	{"an npm token", lazily(`\bnpm_[A-Za-z0-9]{36}\b`)},
	{"a PyPI token", lazily(`\bpypi-[A-Za-z0-9_-]{60,}`)},
	{"a SendGrid key", lazily(`\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b`)},
	{"a password in an address", lazily(`\b[a-z][a-z0-9+.-]*://[^/\s:@"'` + "`" + `{}$<>]+:([^/\s:@"'` + "`" + `{}$<>]{8,})@`)},
}

var privateKey = lazily(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----`)

// looksFor is what a program does that knows only the header of a key, to find keys.
var looksFor = lazily(`Contains|HasPrefix|Index\(|[Rr]egexp|includes\(|startsWith|startswith|\bin\b`)

// example is what credentials in documentation look like, and where programs on the same machine meet.
var example = lazily(`(?i)EXAMPLE|@(localhost|127\.|\[::1\]|host\b|db\b)|password`)

// judgeSecrets refuses credentials in added lines. What it says never holds the credential.
func judgeSecrets(c *change) []Refusal {
	var all []Refusal
	for _, f := range c.files {
		for _, l := range f.added {
			kind := secretIn(l.text, c.secrets, isTest(f.path))
			if kind == "" && !isTest(f.path) && privateKey.MatchString(l.text) && !looksFor.MatchString(l.text) {
				kind = "a private key"
			}
			if kind != "" {
				all = append(all, Refusal{File: f.path, Line: l.number, Detail: "this line holds " + kind + ": remove it, and hold it to be known from now on"})
			}
		}
	}
	return append(all, secretText(c)...)
}

// secretText looks at the text that goes with the change.
func secretText(c *change) []Refusal {
	if kind := secretIn(c.text, c.secrets, false); kind != "" {
		return []Refusal{{Detail: "the text of the change holds " + kind}}
	}
	return nil
}

// secretIn names the kind of credential in s, "" when there is none. Keys made for tests are common and harmless, so private keys count
// outside of tests alone, and so do passwords in addresses.
func secretIn(s string, known []string, inTest bool) string {
	for _, k := range known {
		if len(k) >= 6 && strings.Contains(s, k) {
			return "one of the factory's own secrets"
		}
	}
	for _, k := range secretKinds {
		m := k.form.FindStringSubmatch(s)
		if m == nil || inTest && k.kind == "a password in an address" {
			continue
		}
		if value := m[len(m)-1]; entropy(value) >= 2.8 && !example.MatchString(m[0]) {
			return k.kind
		}
	}
	return ""
}

// entropy is the Shannon entropy of s in bits a byte: about 4.5 and more for a random token, far less for an example such as "ghp_xxxx…".
func entropy(s string) float64 {
	var counts [256]int
	for i := range len(s) {
		counts[s[i]]++
	}
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			share := float64(n) / float64(len(s))
			bits -= share * math.Log2(share)
		}
	}
	return bits
}

// redact takes credentials out of the words of a program.
func redact(s string, known []string) string {
	for _, k := range known {
		if len(k) >= 6 {
			s = strings.ReplaceAll(s, k, "[secret]")
		}
	}
	for _, k := range secretKinds {
		s = k.form.ReplaceAllString(s, "[secret]")
	}
	return s
}
