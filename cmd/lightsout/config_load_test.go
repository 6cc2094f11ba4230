package main

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The tokens of these tests. No message may ever hold one.
const (
	hubCanary  = "ghp_canaryCANARYcanary0123456789"
	hookCanary = "hook-canary-hook-canary"
	chatCanary = "7000000001:AAcanary-canary-canary-canary-0"
)

// minimal is the least that loads, once its token files are there.
const minimal = `repository = "acme/prices"
[github]
token = { file = "hub.token" }
board = "labels"
[telegram]
token = { file = "chat.token" }
`

// configFolder is a folder with both tokens and a configuration; it returns the configuration's name.
func configFolder(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"hub.token": hubCanary + "\n", "chat.token": " " + chatCanary + "\r\n", "staging.secret": hookCanary + "\n", "lightsout.toml": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "lightsout.toml")
}

// faultsOf loads a configuration and returns its faults without the folder's name, each as line, key, words.
func faultsOf(t *testing.T, path string, environ ...string) []string {
	t.Helper()
	_, err := loadConfig(path, environ)
	if err == nil {
		return nil
	}
	if text := err.Error(); strings.Contains(text, hubCanary) || strings.Contains(text, chatCanary) {
		t.Errorf("a message holds a token: %s", text)
	}
	var faults configFaults
	if !errors.As(err, &faults) {
		t.Fatalf("load: %v, which is no list of faults", err)
	}
	var lines []string
	for _, fault := range faults {
		if fault.what == "" || fault.cure == "" {
			t.Errorf("%v: says not what is wrong, or not what to do", fault)
		}
		lines = append(lines, strings.ReplaceAll(fault.Error(), filepath.Dir(path)+"/", ""))
	}
	return lines
}

func TestTheLeastConfigurationGetsItsDefaults(t *testing.T) {
	path := configFolder(t, minimal)
	got, err := loadConfig(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	want := defaults()
	want.path, want.Repository, want.State, want.Rules = path, "acme/prices", filepath.Join(dir, "state"), filepath.Join(dir, "rules.md")
	want.GitHub.Board, want.GitHub.ProjectOwner, want.GitHub.GitURL = "labels", "acme", "https://github.com/acme/prices.git"
	want.GitHub.Token = Secret{File: "hub.token", value: hubCanary}
	want.Telegram.Token = Secret{File: "chat.token", value: chatCanary}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Config{}, Secret{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	got, err := loadConfig(configFolder(t, `repository = "acme/prices"
base = "trunk"
engine = "mine"
test = ["make", "test"]
state = "/var/lib/lightsout"
rules = "conf/rules.md"
[github]
token.env = "HUB"
rest_url = "https://github.example.org/api/v3/"
graphql_url = "https://github.example.org/api/graphql"
git_url = "ssh://git@github.example.org/acme/prices.git"
board = "project"
project_owner = "guild"
project = 7
status_field = "Stage"
columns = { "Todo" = "Ready" }
milestone = "Bills"
required_checks = ["test"]
any_author = true
reviewers = ["robot[bot]"]
author_name = "Night"
author_email = "night@example.org"
write_interval = "2s"
[telegram]
token = { env = "CHAT" }
base_url = "http://127.0.0.1:8081"
per_chat = "3s"
groups = [-1001234567890]
[engines.mine]
kind = "command"
path = "/opt/agent"
model = "large"
args = ["-q"]
env = { A = "b" }
pass = ["KEY"]
writable = ["/var/lib/agent"]
[review]
rounds = 1
engine = ["claude", "mine"]
enthusiast = "mine"
adversary = "codex"
referee = "qwen"
session = "7m"
[roles]
implementer = ["mine", "claude"]
fixer = "codex"
[limits]
session = "1m"
silence = "2m"
turns = 8
repeats = 9
tokens = 10
cost_usd = 1.5
output_mb = 3
disk_mb = 5
command = "4m"
run = "5m"
rounds = 6
waiting = 7
ticket = { tokens = 11, cost_usd = 12 }
[limits.day]
tokens = 13
cost_usd = 14.25
[schedule]
zone = "Europe/Madrid"
implementer = "@every 1h"
fixer = "@hourly"
merger = "1 2 3 4 5"
follow_up = "0s"
[merge]
method = "squash"
checks_patience = "8m"
base_red_ticket = true
[staging]
webhook = "https://deploy.example.org/hook?site=1"
secret = { env = "HOOK" }
limit = "9m"
health = "https://staging.example.org/health"
health_field = "build.commit"
health_limit = "10m"
[proof]
warn = ["too-large"]
maximum_lines = 11
protected = ["deploy/"]
mutate = "10s"
junit = "build/report.xml"
modules = "/srv/node_modules"
offline = true
[containment]
landlock = "require"
user = "require"
namespace = "require"
writable = ["/var/cache/x"]
readable = ["/opt"]
env = { C = "d" }
pass = ["PATH"]
`), []string{"HUB=" + hubCanary, "CHAT=" + chatCanary, "HOOK=" + hookCanary})
	if err != nil {
		t.Fatal(err)
	}
	want := Config{Repository: "acme/prices", Base: "trunk", Engine: oneOrMore{"mine"}, Test: []string{"make", "test"}, State: "/var/lib/lightsout",
		Rules: filepath.Join(filepath.Dir(got.path), "conf/rules.md"), path: got.path,
		GitHub: GitHub{Token: Secret{Env: "HUB", value: hubCanary}, RESTURL: "https://github.example.org/api/v3/", GraphQLURL: "https://github.example.org/api/graphql",
			GitURL: "ssh://git@github.example.org/acme/prices.git", Board: "project", ProjectOwner: "guild", Project: 7, StatusField: "Stage",
			Columns: map[string]string{"Todo": "Ready"}, Milestone: "Bills", Required: []string{"test"}, AnyAuthor: true, Reviewers: []string{"robot[bot]"}, AuthorName: "Night",
			AuthorEmail: "night@example.org", WriteInterval: 2 * time.Second},
		Telegram: Telegram{Token: Secret{Env: "CHAT", value: chatCanary}, BaseURL: "http://127.0.0.1:8081", PerChat: 3 * time.Second, Groups: []int64{-1001234567890}},
		Engines:  map[string]EngineConfig{"mine": {Kind: "command", Path: "/opt/agent", Model: "large", Args: []string{"-q"}, Env: map[string]string{"A": "b"}, Pass: []string{"KEY"}, Writable: []string{"/var/lib/agent"}}},
		Review:   ReviewConfig{Rounds: 1, Engine: oneOrMore{"claude", "mine"}, Enthusiast: oneOrMore{"mine"}, Adversary: oneOrMore{"codex"}, Referee: oneOrMore{"qwen"}, Session: 7 * time.Minute},
		Roles:    RoleEngines{Implementer: oneOrMore{"mine", "claude"}, Fixer: oneOrMore{"codex"}},
		Limits: Limits{Session: time.Minute, Silence: 2 * time.Minute, Turns: 8, Repeats: 9, Tokens: 10, CostUSD: 1.5, OutputMB: 3, DiskMB: 5, Command: 4 * time.Minute, Run: 5 * time.Minute,
			Rounds: 6, Waiting: 7, Ticket: Budget{Tokens: 11, CostUSD: 12}, Day: Budget{Tokens: 13, CostUSD: 14.25}},
		Schedule: Schedule{Zone: "Europe/Madrid", Implementer: "@every 1h", Fixer: "@hourly", Merger: "1 2 3 4 5"},
		Merge:    Merge{Method: "squash", ChecksPatience: 8 * time.Minute, BaseRedTicket: true},
		Staging: Staging{Webhook: "https://deploy.example.org/hook?site=1", Secret: Secret{Env: "HOOK", value: hookCanary}, Limit: 9 * time.Minute,
			Health: "https://staging.example.org/health", HealthField: "build.commit", HealthLimit: 10 * time.Minute},
		Proof: Proof{Warn: []string{"too-large"}, MaximumLines: 11, Protected: []string{"deploy/"}, Mutate: 10 * time.Second, JUnit: "build/report.xml",
			Modules: "/srv/node_modules", Offline: true},
		Containment: Containment{Landlock: "require", User: "require", Namespace: "require", Writable: []string{"/var/cache/x"}, Readable: []string{"/opt"},
			Env: map[string]string{"C": "d"}, Pass: []string{"PATH"}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Config{}, Secret{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, key := range emptyKeys(reflect.ValueOf(got), "") {
		switch key {
		case "schedule.follow_up": // which was set to nothing
		case "staging.workflow", "staging.inputs": // which no webhook stands beside: the next test
		default:
			t.Errorf("this test sets no %s: whether it is read is not known", key)
		}
	}
}

func TestAWorkflowIsReadWhereThereIsNoWebhook(t *testing.T) {
	got := Config{}
	d := decodeConfig("lightsout.toml", []byte("[staging]\nworkflow = \"staging.yml\"\ninputs = { sha = \"{sha}\" }\n"), &got)
	if want := (Staging{Workflow: "staging.yml", Inputs: map[string]string{"sha": "{sha}"}}); !cmp.Equal(want, got.Staging, cmp.AllowUnexported(Secret{})) || len(d.faults) > 0 {
		t.Errorf("read %+v, faults %v", got.Staging, d.faults)
	}
}

// emptyKeys names what is zero in a configuration.
func emptyKeys(v reflect.Value, at string) []string {
	var keys []string
	for name, i := range keysOf(v.Type()) {
		field := v.Field(i)
		switch {
		case field.Type() == reflect.TypeFor[Secret]():
		case field.Kind() == reflect.Struct:
			keys = append(keys, emptyKeys(field, at+name+".")...)
		case field.IsZero():
			keys = append(keys, at+name)
		}
	}
	return keys
}

func TestAllFaultsAreToldAtOnceEachWithItsLineAndCure(t *testing.T) {
	path := configFolder(t, `repositry = "acme/prices"
base = "refs/heads/main"
engine = "cluade"
rounds = 3

[github]
token = "`+hubCanary+`"
rest_url = "http://github.example.org/api/v3"
board = "kanban"

[telegram]
token = { file = "missing.token" }
per_chat = 1
groups = ["team"]
[limits]
session = "half an hour"
rounds = "three"
output_mb = 0
silence = "soon"


[schedule]
zone = "Mars/Olympus"
fixer = "every now and then"

[merge]
method = "octopus"

[containment]
writable = ["/"]
colour = "red"

[engines.mine]
kind = "robot"
`)
	want := []string{
		`lightsout.toml:1: repositry: is no key that lightsout knows: did you mean repository?`,
		`lightsout.toml:2: base: is no branch: write the branch's plain name, as in base = "main"`,
		`lightsout.toml:3: engine: names no engine: did you mean "claude"?`,
		`lightsout.toml:4: rounds: is no key that lightsout knows: it belongs under [limits] or [review]`,
		`lightsout.toml:7: github.token: is a text: say where the secret is: token = { file = "github.token" } or token = { env = "GITHUB_TOKEN" }`,
		`lightsout.toml:8: github.rest_url: would send the token in the clear: write https://`,
		`lightsout.toml:9: github.board: is no kind of board: write board = "project" for a GitHub project, or board = "labels" for labels such as "status: todo"`,
		`lightsout.toml:12: telegram.token.file: there is no file missing.token: put the token into it, readable by you alone: (umask 077; cat > missing.token)`,
		`lightsout.toml:13: telegram.per_chat: is a number: write a time in quotes, as in per_chat = "30m" or "1h30m"`,
		`lightsout.toml:14: telegram.groups: is a list: write a list of whole numbers, as in groups = [-1001234567890]`,
		`lightsout.toml:16: limits.session: is no length of time: write a time in quotes, as in session = "30m" or "1h30m"`,
		`lightsout.toml:17: limits.rounds: is a text: write a whole number without quotes, as in rounds = 3`,
		`lightsout.toml:18: limits.output_mb: is 0: write a number from 1 to 1048576`,
		`lightsout.toml:19: limits.silence: is no length of time: write a time in quotes, as in silence = "30m" or "1h30m"`,
		`lightsout.toml:23: schedule.zone: is no time zone that this machine knows: write zone = "UTC" or one like zone = "Europe/Madrid"`,
		`lightsout.toml:24: schedule.fixer: is no schedule: write five fields (minute hour day month weekday) or an interval, as in fixer = "*/30 * * * *" or fixer = "@every 30m"`,
		`lightsout.toml:27: merge.method: is no way to merge: write method = "merge", "squash" or "rebase"`,
		`lightsout.toml:30: containment.writable: opens the Telegram token to sessions: name a folder that does not hold it`,
		`lightsout.toml:31: containment.colour: is no key that lightsout knows: take it out; known here: env, landlock, namespace, pass, readable, user, writable`,
		`lightsout.toml:34: engines.mine.kind: is no kind of engine: write kind = "command" for a program of your own, or one of claude, codex, gemini, opencode, pi, qwen`,
	}
	if diff := cmp.Diff(want, faultsOf(t, path)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// change is a configuration with one thing wrong: what replaces what in the least one, or is added to it.
func change(from, to string) string {
	if from == "" {
		return minimal + to
	}
	return strings.Replace(minimal, from, to, 1)
}

func TestEachFaultIsToldOnceWhereItStands(t *testing.T) {
	const hub, chat = `token = { file = "hub.token" }`, `token = { file = "chat.token" }`
	for _, row := range []struct {
		name, from, to string
		want           string // the beginning of the one fault
	}{
		{"no repository", `repository = "acme/prices"`, "", "lightsout.toml:1: repository: is missing"},
		{"an address for a repository", `"acme/prices"`, `"git@github.com:acme/prices.git"`, `lightsout.toml:1: repository: is no owner/name: write repository = "acme/prices"`},
		{"a repository with .git", `"acme/prices"`, `"acme/prices.git"`, `lightsout.toml:1: repository: ends in .git: write repository = "acme/prices"`},
		{"a repository of dots", `"acme/prices"`, `"acme/.."`, `lightsout.toml:1: repository: is no owner/name`},
		{"a test of one word", `[github]`, "test = [\"go test ./...\"]\n[github]", `lightsout.toml:2: test: is one word with blanks in it: write each word by itself: test = ["go", "test", "./..."]`},
		{"an empty test", `[github]`, "test = []\n[github]", `lightsout.toml:2: test: names no program`},
		{"a list with a number", `[github]`, "test = [\"go\", 1]\n[github]", `lightsout.toml:2: test: is a list: write a list of texts`},
		{"a policy that is none", "", "[proof]\nwarn = [\"to-large\"]\n", `lightsout.toml:8: proof.warn: holds what is no policy that can be a warning: did you mean "too-large"?`},
		{"a policy that must refuse", "", "[proof]\nwarn = [\"suite-fails\"]\n", "lightsout.toml:8: proof.warn: holds what is no policy that can be a warning: take it out; the ones that can are no-why, "},
		{"no lines at all", "", "[proof]\nmaximum_lines = 0\n", "lightsout.toml:8: proof.maximum_lines: is 0: write a number from 1 to 1000000"},
		{"a protected pattern without an end", "", "[proof]\nprotected = [\"[a\"]\n", "lightsout.toml:8: proof.protected: holds what is no path of the repository"},
		{"a negative budget", "", "[proof]\nmutate = \"-1s\"\n", "lightsout.toml:8: proof.mutate: is less than nothing"},
		{"a report elsewhere", "", "[proof]\njunit = \"../report.xml\"\n", "lightsout.toml:8: proof.junit: is no file in the repository"},
		{"a report of nothing", "", "[proof]\njunit = \"report.xml\"\n", "lightsout.toml:8: proof.junit: is the report of a test command that is not named"},
		{"packages at home", "", "[proof]\nmodules = \"~/node_modules\"\n", "lightsout.toml:8: proof.modules: is no path"},
		{"no such namespace", "", "[containment]\nnamespace = \"bubblewrap\"\n", "lightsout.toml:8: containment.namespace: is no choice"},
		{"a fence that is off", "", "[proof]\noffline = true\n[containment]\nlandlock = \"off\"\n", "lightsout.toml:8: proof.offline: asks for a fence that containment.landlock switches off"},
		{"a state that sessions may read", `[github]`, "state = \"/opt/lightsout/state\"\n[github]", `lightsout.toml:2: state: lies in /opt, which every session may read: keep it in /var/lib/lightsout`},
		{"a home folder", `[github]`, "state = \"~/state\"\n[github]", `lightsout.toml:2: state: is no path`},
		{"no token", hub + "\n", "", "lightsout.toml:2: github.token: is missing"},
		{"an empty token", hub, "token = {}", "lightsout.toml:3: github.token: is missing"},
		{"a token in two places", hub, `token = { file = "hub.token", env = "HUB" }`, "lightsout.toml:3: github.token: names a file and an environment variable"},
		{"a misspelt place", hub, `token = { fiel = "hub.token" }`, "lightsout.toml:3: github.token.fiel: is no key that lightsout knows: did you mean file?"},
		{"an unset variable", hub, `token = { env = "HUB" }`, "lightsout.toml:3: github.token.env: the environment variable HUB is not set"},
		{"the token for a variable", hub, `token = { env = "` + hubCanary + `" }`, "lightsout.toml:3: github.token.env: is not the name of an environment variable"},
		{"the token for a file", hub, `token = { file = "` + hubCanary + `" }`, "lightsout.toml:3: github.token.file: looks like the token itself"},
		{"the token without quotes", chat, `token = ` + chatCanary, "lightsout.toml:6: telegram.token: is not TOML"},
		{"the GitHub token without quotes", hub, `token = ` + hubCanary, "lightsout.toml:3: github.token: is not TOML"},
		{"the token in an unended text", hub, `token = "` + hubCanary, "lightsout.toml:3: github.token: is not TOML"},
		{"the token alone", hub, hubCanary, "lightsout.toml:3: "},
		{"the token as a date", hub, "token = 2026-99-99", "lightsout.toml:3: github.token: is not TOML"},
		{"a folder for a token", hub, `token = { file = "." }`, "lightsout.toml:3: github.token.file: "},
		{"a key twice", "[telegram]", "board = \"labels\"\n[telegram]", "lightsout.toml:5: github.board: is not TOML: Key 'github.board' has already been defined.: keep one of the two"},
		{"no project's number", `board = "labels"`, `board = "project"`, "lightsout.toml:2: github.project: is missing"},
		{"a negative project", `board = "labels"`, `project = -1`, "lightsout.toml:4: github.project: is -1"},
		{"a strange column", "[telegram]", "[github.columns]\nDoing = \"Doing\"\n[telegram]", "lightsout.toml:6: github.columns.Doing: is none of our columns"},
		{"a column twice", "[telegram]", "columns = { \"Todo\" = \"Open\", \"Done\" = \"open\" }\n[telegram]", "lightsout.toml:5: github.columns.Todo: is the same column as Done"},
		{"a password in an address", "[telegram]", "git_url = \"https://me:secret@github.com/acme/prices.git\"\n[telegram]", "lightsout.toml:5: github.git_url: carries a name or a password"},
		{"a local git address", "[telegram]", "git_url = \"/srv/prices.git\"\n[telegram]", "lightsout.toml:5: github.git_url: is no http address"},
		{"an address without GraphQL", "[telegram]", "rest_url = \"https://api.corp.example.org\"\ngit_url = \"https://corp.example.org/a/b.git\"\n[telegram]", "lightsout.toml:2: github.graphql_url: is missing"},
		{"GraphQL alone", "[telegram]", "graphql_url = \"https://api.corp.example.org/graphql\"\n[telegram]", "lightsout.toml:2: github.rest_url: is missing beside graphql_url"},
		{"a schedule that never comes", "", "[schedule]\nfixer = \"0 0 30 2 *\"\n", "lightsout.toml:8: schedule.fixer: never comes"},
		{"a schedule without pause", "", "[schedule]\nfixer = \"@every -1h\"\n", "lightsout.toml:8: schedule.fixer: is due without a pause"},
		{"a schedule with a zone", "", "[schedule]\nfixer = \"TZ=\"\n", "lightsout.toml:8: schedule.fixer: names a time zone of its own"},
		{"a time below nothing", "", "[limits]\nrun = \"-3m\"\n", "lightsout.toml:8: limits.run: is not more than nothing"},
		{"too many rounds", "", "[limits]\nrounds = 21\n", "lightsout.toml:8: limits.rounds: is 21: write a number from 1 to 20"},
		{"too many rounds of review", "", "[review]\nrounds = 3\n", "lightsout.toml:8: review.rounds: is 3: write a number from 0 to 2"},
		{"a reviewer that is no engine", "", "[review]\nreferee = \"cluade\"\n", `lightsout.toml:8: review.referee: names no engine: did you mean "claude"?`},
		{"a token's folder for a CLI", "", "[engines.claude]\nwritable = [\"/\"]\n", "lightsout.toml:8: engines.claude.writable: opens "},
		{"a fraction", "", "[limits]\nrounds = 1.5\n", "lightsout.toml:8: limits.rounds: is a number with a fraction"},
		{"a word for yes", `board = "labels"`, "board = \"labels\"\nany_author = \"yes\"", "lightsout.toml:5: github.any_author: is a text: write any_author = true"},
		{"a command without a path", "", "[engines.command]\n", "lightsout.toml:7: engines.command.path: is missing"},
		{"an engine without a kind", `[github]`, "engine = \"x\"\n[engines.x]\npath = \"/opt/x\"\n[github]", "lightsout.toml:3: engines.x.kind: is missing"},
		{"a command that is not described", `[github]`, "engine = \"command\"\n[github]", "lightsout.toml:8: engines.command.path: is missing"},
		{"a relative engine", "", "[engines.command]\npath = \"./agent\"\n", "lightsout.toml:8: engines.command.path: is neither a whole path nor a plain name"},
		{"an engine that is no table", `[github]`, "engines = 3\n[github]", "lightsout.toml:2: engines: is a number: write [engines]"},
		{"engines that are not there", `[github]`, "engine = [\"claude\", \"codx\"]\n[github]", "lightsout.toml:2: engine: names \"codx\", which is no engine: did you mean \"codex\"?"},
		{"an engine twice", `[github]`, "engine = [\"claude\", \"claude\"]\n[github]", "lightsout.toml:2: engine: names \"claude\" twice: keep the first"},
		{"no engine", `[github]`, "engine = []\n[github]", "lightsout.toml:2: engine: names no engine"},
		{"an engine that is a number", `[github]`, "engine = 3\n[github]", "lightsout.toml:2: engine: is a number: write a text, as in engine = \"one\", or a list of texts"},
		{"a role that is none", "", "[roles]\nmerger = \"claude\"\n", "lightsout.toml:8: roles.merger: is no key that lightsout knows: it belongs under [schedule]"},
		{"a role's engine that is none", "", "[roles]\nfixer = \"nobody\"\n", "lightsout.toml:8: roles.fixer: names no engine: write one of"},
		{"money in quotes", "", "[limits]\ncost_usd = \"2.50\"\n", "lightsout.toml:8: limits.cost_usd: is a text: write a number without quotes, as in cost_usd = 2.5"},
		{"less than no money", "", "[limits.day]\ncost_usd = -1\n", "lightsout.toml:8: limits.day.cost_usd: is less than nothing"},
		{"an engine with a number", "", "[engines]\nclaude = 3\n", "lightsout.toml:8: engines.claude: is a number"},
		{"tables in a list", "", "[[limits]]\nrounds = 3\n", "lightsout.toml:7: limits: is a list of tables: write [limits]"},
		{"a strange table", "", "[limit]\nrounds = 3\nrun = \"x\"\n", "lightsout.toml:7: limit: is no key that lightsout knows: did you mean limits?"},
		{"a variable of no name", "", "[containment.env]\n\"A B\" = \"c\"\n", `lightsout.toml:8: containment.env."A B": is no environment variable`},
		{"a relative path to open", "", "[containment]\nreadable = [\"lib\"]\n", "lightsout.toml:8: containment.readable: holds a path that is not whole"},
		{"inputs without a workflow", "", "[staging]\ninputs = { a = \"b\" }\n", "lightsout.toml:7: staging.workflow: is missing, though there are inputs for it"},
		{"a workflow and a webhook", "", "[staging]\nworkflow = \"s.yml\"\nwebhook = \"https://deploy.example.org/hook?site=1\"\nsecret = { env = \"HOOK_SECRET\" }\n", "lightsout.toml:9: staging.webhook: stands beside a workflow"},
		{"a webhook without a secret", "", "[staging]\nwebhook = \"https://deploy.example.org/hook\"\n", "lightsout.toml:7: staging.secret: is missing: write secret = { file = \"staging.secret\" }, and the secret alone into that file"},
		{"a webhook's secret in the open", "", "[staging]\nwebhook = \"https://deploy.example.org/hook\"\nsecret = \"canary\"\n", "lightsout.toml:9: staging.secret: is a text: say where the secret is: secret = { file = \"staging.secret\" } or secret = { env = \"STAGING_SECRET\" }"},
		{"a secret without a webhook", "", "[staging]\nsecret = { env = \"HOOK_SECRET\" }\n", "lightsout.toml:8: staging.secret: is given, and there is no webhook"},
		{"a webhook in the clear", "", "[staging]\nwebhook = \"http://deploy.example.org/hook\"\nsecret = { env = \"HOOK_SECRET\" }\n", "lightsout.toml:8: staging.webhook: is not encrypted, and not on this machine: write one like https://"},
		{"a health address with a password", "", "[staging]\nhealth = \"https://a:b@staging.example.org/\"\n", "lightsout.toml:8: staging.health: carries a name or a password"},
		{"a health address that is none", "", "[staging]\nhealth = \"staging\"\n", "lightsout.toml:8: staging.health: is no http address: write one like https://staging.example.org/health"},
		{"a field without a health address", "", "[staging]\nhealth_field = \"commit\"\n", "lightsout.toml:7: staging.health: is missing, though a field of it is named"},
		{"a field that leads nowhere", "", "[staging]\nhealth = \"https://staging.example.org\"\nhealth_field = \"a..b\"\n", "lightsout.toml:9: staging.health_field: is no way into JSON"},
		{"no time for health", "", "[staging]\nhealth_limit = \"0s\"\n", "lightsout.toml:8: staging.health_limit: is not more than nothing"},
		{"a workflow with its folder", "", "[staging]\nworkflow = \".github/workflows/s.yml\"\n", "lightsout.toml:8: staging.workflow: is no workflow file"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := faultsOf(t, configFolder(t, change(row.from, row.to)))
			if len(got) != 1 || !strings.HasPrefix(got[0], row.want) {
				t.Errorf("faults %q; want one that begins with %q", got, row.want)
			}
		})
	}
}

func TestTheGitAddressFollowsFromTheServer(t *testing.T) {
	for rest, want := range map[string]string{
		"":                                   "https://github.com/acme/prices.git",
		"https://github.example.org/api/v3":  "https://github.example.org/acme/prices.git",
		"http://127.0.0.1:8080/api/v3/":      "http://127.0.0.1:8080/acme/prices.git",
		"https://github.example.org/api/v3/": "https://github.example.org/acme/prices.git",
	} {
		c, err := loadConfig(configFolder(t, change("[telegram]", "rest_url = \""+rest+"\"\n[telegram]")), nil)
		if err != nil || c.GitHub.GitURL != want {
			t.Errorf("rest_url %q: git_url %q, %v; want %q", rest, c.GitHub.GitURL, err, want)
		}
	}
}

func TestAMissingConfigurationSaysHowToMakeOne(t *testing.T) {
	_, err := loadConfig(filepath.Join(t.TempDir(), "my lightsout.toml"), nil)
	if err == nil || !strings.Contains(err.Error(), "lightsout init --config '") || !strings.HasSuffix(err.Error(), "my lightsout.toml'") {
		t.Errorf("error %v; want the command that writes one", err)
	}
}
