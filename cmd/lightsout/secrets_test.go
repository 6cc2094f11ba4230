package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// trusted is a daemon that has been given secrets in every way there is.
func trusted(t *testing.T) *daemon {
	t.Helper()
	c := defaults()
	c.path = filepath.Join(t.TempDir(), "lightsout.toml")
	must(t, os.WriteFile(filepath.Join(filepath.Dir(c.path), "auth.json"), []byte(`{"tokens":{"access_token":"canary-of-a-source","expires":"soon"},"auth_mode":"on"}`), 0o600))
	c.GitHub.Token.value, c.Telegram.Token.value, c.Staging.Secret.value = "canary-of-github", "canary-of-telegram", "canary-of-staging"
	c.Containment.Env = map[string]string{"NPM_TOKEN": "canary-of-npm", "GOCACHE": "/home/ana/.cache/go-build:/var/cache", "NODE_OPTIONS": "--max-old-space-size=4096",
		"DATABASE_URL": "postgres://shop:canary-of-database@localhost/shop"}
	c.Containment.Pass = append(c.Containment.Pass, "REGISTRY_PASSWORD", "JAVA_HOME")
	c.Engines = map[string]EngineConfig{
		"claude": {Env: map[string]string{"ANTHROPIC_AUTH_TOKEN": "canary-of-engine"}, Pass: []string{"ANTHROPIC_API_KEY"}},
		"codex": {Files: map[string]HomeFile{
			".codex/auth.json": {Source: "auth.json"},
			".missing":         {Source: "nowhere"},
			".netrc":           {Content: "machine api.example.com\n  login ana\n  password canary-in-netrc\n"},
			".npmrc":           {Content: "//registry.example.com/:_authToken=canary-in-npmrc\nregistry=https://registry.example.com/v2\n"},
			".token":           {Content: "canary-by-itself\n"},
			".env":             {Content: "SESSION=ab12-canary-in-env\n"},
			".curlrc":          {Content: "header = \"Authorization: Bearer canary-of-bearer\"\n"},
			".pip/pip.conf":    {Content: "index-url = https://__token__:canary-of-pip@pypi.example.com/simple\n"},
			".codex/AGENTS.md": {Content: "Session documentation: read the key documentation first, then the secret requirements."},
			".codex/config.toml": {Content: "model_provider = \"house\"\nenv_key = \"OPENAI_API_KEY\"\nbase_url = \"https://models.example.com/v1\"\n" +
				"token_endpoint = \"https://models.example.com/oauth2\"\nkeyring = \"~/.local/share/keyring2\"\n"},
		}},
	}
	return &daemon{config: c, environ: []string{"PATH=/usr/local/bin:/usr/bin", "GOFLAGS=-mod=readonly -trimpath", "GOPROXY=https://proxy.example.com,direct", "JAVA_HOME=/usr/lib/jvm/java-21",
		"HTTPS_PROXY=http://ana:canary-of-proxy@proxy.example.com:3128", "REGISTRY_PASSWORD=canary of registry", "ANTHROPIC_API_KEY=canary-of-anthropic", "HOME=/home/ana"}}
}

func TestNothingThatSessionsAreTrustedWithLeavesInAText(t *testing.T) {
	d := trusted(t)
	for _, canary := range []string{"canary-of-github", "canary-of-telegram", "canary-of-staging", "canary-of-npm", "canary-of-database", "canary of registry", "canary-of-proxy", "canary-of-engine",
		"canary-of-anthropic", "canary-of-source", "canary-in-netrc", "canary-in-npmrc", "canary-by-itself", "ab12-canary-in-env", "canary-of-bearer", "canary-of-pip"} {
		canary = strings.Replace(canary, "of-source", "of-a-source", 1)
		if text := d.redact("it said: <" + canary + ">."); text != "it said: <[redacted]>." {
			t.Errorf("%s: %q leaves", canary, text)
		}
		if !slices.Contains(d.secrets(), canary) {
			t.Errorf("the proof does not know %s", canary)
		}
	}
}

func TestWhatOnlySaysWhereAndHowIsNoSecret(t *testing.T) {
	d := trusted(t)
	for _, text := range []string{"/usr/local/bin:/usr/bin", "-mod=readonly -trimpath", "https://proxy.example.com,direct", "/usr/lib/jvm/java-21", "/home/ana/.cache/go-build:/var/cache",
		"--max-old-space-size=4096", "documentation and requirements", "OPENAI_API_KEY", "https://models.example.com/v1", "https://models.example.com/oauth2",
		"~/.local/share/keyring2", "https://registry.example.com/v2", "api.example.com", "claude"} {
		if got := d.redact(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	if v := newVault([]string{"", "short", "true"}); len(v.values) != 0 || v.replacer.Replace("short and true") != "short and true" {
		t.Errorf("a switch is taken for a secret: %q", v.values)
	}
}

func TestOfTwoSecretsTheLongerOneGoesFirst(t *testing.T) {
	v := newVault([]string{"canary-canary", "canary-canary-canary", "canary-canary"})
	if got := v.replacer.Replace("canary-canary-canary canary-canary"); got != "[redacted] [redacted]" || len(v.values) != 2 {
		t.Errorf("%q with %q", got, v.values)
	}
}

func TestTheDemoLogsNoCredentialsOfTheCodingCLI(t *testing.T) {
	var log strings.Builder
	d := &demo{plan: demoPlan{engines: []string{"claude"}, fromRepo: ".", environ: []string{"ANTHROPIC_API_KEY=canary-of-anthropic"}}}
	c := defaults()
	must(t, d.engineConfig(&c))
	d.factory(c, slog.NewTextHandler(&log, nil)).log.Error("role", "error", fmt.Errorf("claude: %w", errors.New("401 for canary-of-anthropic")))
	if said := log.String(); strings.Contains(said, "canary") || !strings.Contains(said, "401 for [redacted]") {
		t.Errorf("the demo logged %q", said)
	}
}
