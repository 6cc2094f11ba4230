package main

import (
	"cmp"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// shortest is the length in bytes from which a value counts as a secret. Shorter ones are switches and names: taking those
// out would garble every text.
const shortest = 12

// vault is what must not leave.
type vault struct {
	values   []string // longest first: one may be a part of another
	replacer *strings.Replacer
}

func newVault(values []string) vault {
	values = slices.DeleteFunc(values, func(v string) bool { return len(v) < shortest })
	slices.SortFunc(values, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	values = slices.Compact(values)
	var pairs []string
	for _, v := range values {
		pairs = append(pairs, v, "[redacted]")
	}
	return vault{values: values, replacer: strings.NewReplacer(pairs...)}
}

// vault finds, once, the values that must not leave: the daemon's own tokens, and what sessions and tests are given to reach
// others with.
func (d *daemon) vault() vault {
	d.once.Do(func() {
		c := d.config
		values := []string{c.GitHub.Token.value, c.Telegram.Token.value, c.Staging.Secret.value}
		variables := func(env map[string]string, names []string) {
			for name, value := range env {
				values = append(values, secretsOfVariable(name, value)...)
			}
			for _, name := range names {
				values = append(values, secretsOfVariable(name, lookup(d.environ, name))...)
			}
		}
		variables(c.Containment.Env, c.Containment.Pass)
		for _, e := range c.Engines {
			variables(e.Env, e.Pass)
			for _, file := range e.Files {
				// One that cannot be read reaches no session either: its engine does not start.
				if text, err := file.read(c.path); err == nil {
					values = append(values, secretsOfFile(text)...)
				}
			}
		}
		d.known = newVault(values)
	})
	return d.known
}

// secrets are the values that must not leave, longest first.
func (d *daemon) secrets() []string { return slices.Clone(d.vault().values) }

// redact takes secrets out of a text that is about to leave. Nearly none holds one: it is given back as it is, which a
// replacer would copy.
func (d *daemon) redact(text string) string {
	v := d.vault()
	if !slices.ContainsFunc(v.values, func(secret string) bool { return strings.Contains(text, secret) }) {
		return text
	}
	return v.replacer.Replace(text)
}

// secretsOfVariable is what is secret of a variable: all of it, unless it says where something lies or how a program should
// behave; and of an address what opens it.
func secretsOfVariable(name, value string) []string {
	secrets := secretsOfAddresses(value)
	switch {
	case slices.Contains(defaults().Containment.Pass, name), // what every session is given, of every machine
		!slices.ContainsFunc(filepath.SplitList(value), func(part string) bool { return !isPlace(part) }),
		strings.HasPrefix(value, "-") && !strings.HasPrefix(value, "-----BEGIN "): // options of a program
		return secrets
	}
	return append(secrets, value)
}

// isPlace tells whether a word is the path of a file.
func isPlace(word string) bool {
	return strings.HasPrefix(word, "/") && !strings.HasPrefix(word, "//") || strings.HasPrefix(word, "~/") || strings.HasPrefix(word, "./") || word == "."
}

// secretsOfAddresses are the passwords in the addresses of a text, as in https://user:password@host, and names that stand
// there alone, as tokens do.
func secretsOfAddresses(text string) (secrets []string) {
	for _, m := range regexp.MustCompile(`://(?:[^\s/:@]*:)?([^\s/@]+)@`).FindAllStringSubmatch(text, -1) {
		secrets = append(secrets, m[1])
	}
	return secrets
}

// secretsOfFile is what is secret of a file that is laid into sessions' HOME, which mostly is one of credentials: all of it
// where it is one word, what stands behind a name that speaks of a secret, and each word that has a digit in it, for no
// sentence has such words of this length. Places and names of variables are none, and of an address only what opens it is.
func secretsOfFile(text string) []string {
	secrets := secretsOfAddresses(text)
	named := regexp.MustCompile(`(?i)[\w.-]*(?:token|secret|passw|passphrase|key|auth|credential|cookie|bearer)[\w.-]*["']?(?:\s*[:=]\s*|\s+)["']?(?:(?:bearer|basic)\s+)?([^\s"',;{}\[\]]+)`)
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		if value := m[1]; !isPlain(value) && (assigned(m[0], value) || netrc(text)) {
			secrets = append(secrets, value)
		}
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'`,;{}[]()<>", r) })
	for _, word := range words {
		if isPlain(word) {
			continue
		}
		if _, value, ok := strings.Cut(word, "="); ok && strings.ContainsAny(value, "0123456789") {
			secrets = append(secrets, value)
		}
		if strings.ContainsAny(word, "0123456789") || len(words) == 1 {
			secrets = append(secrets, word)
		}
	}
	return secrets
}

// isPlain tells whether a word is an address, a place, or the name of a variable that holds the secret.
func isPlain(word string) bool {
	return strings.Contains(word, "://") || isPlace(word) || regexp.MustCompile(`^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$`).MatchString(word)
}

// assigned tells whether a value stands behind a sign that gives it to the name before, and not behind a mere blank as the
// next word of a sentence.
func assigned(all, value string) bool {
	return strings.ContainsAny(strings.TrimSuffix(all, value), ":=")
}

// netrc tells whether a text is the file of logins that has no such signs.
func netrc(text string) bool {
	first, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	return first == "machine" || first == "default"
}
