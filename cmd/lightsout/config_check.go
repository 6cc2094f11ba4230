package main

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/robfig/cron/v3"

	"lightsout/agents/engine"
	"lightsout/agents/process"
)

// check judges what was read and fills in what follows from it. It reaches for nothing but the names of files.
func (d *document) check(c *Config) {
	d.checkTop(c)
	d.checkEngines(c)
	d.checkGitHub(c)
	d.checkTelegram(c)
	d.checkLimits(c.Limits)
	d.checkSchedule(c.Schedule)
	d.checkLanding(c)
	d.checkProof(c)
	d.checkContainment(c)
}

// keyOf is a key from its dotted name.
func keyOf(dotted string) toml.Key { return strings.Split(dotted, ".") }

var (
	repositoryName = regexp.MustCompile(`^[A-Za-z0-9](-?[A-Za-z0-9])*/[A-Za-z0-9._-]+$`)
	branchName     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+#@/-]*$`)
)

func (d *document) checkTop(c *Config) {
	owner, name, _ := strings.Cut(c.Repository, "/")
	switch {
	case c.Repository == "":
		d.fault(keyOf("repository"), "is missing", `write repository = "owner/name" above the first [table]`)
	case repositoryName.MatchString(c.Repository) && strings.HasSuffix(name, ".git"):
		d.fault(keyOf("repository"), "ends in .git", fmt.Sprintf("write repository = %q", strings.TrimSuffix(c.Repository, ".git")))
	case !repositoryName.MatchString(c.Repository) || strings.Trim(name, ".") == "":
		cure := `write repository = "owner/name"`
		if remote, ok := parseRemote(c.Repository); ok {
			cure = fmt.Sprintf("write repository = %q", remote.repository)
		}
		d.fault(keyOf("repository"), "is no owner/name", cure)
	}
	c.GitHub.ProjectOwner = cmp.Or(c.GitHub.ProjectOwner, owner)
	if !branchName.MatchString(c.Base) || strings.Contains(c.Base, "..") || strings.HasSuffix(c.Base, "/") || strings.HasPrefix(c.Base, "refs/") {
		d.fault(keyOf("base"), "is no branch", `write the branch's plain name, as in base = "main"`)
	}
	switch {
	case c.Test != nil && (len(c.Test) == 0 || c.Test[0] == ""):
		d.fault(keyOf("test"), "names no program", `write test = ["go", "test", "./..."], or take it out: the command is then found in the repository`)
	case len(c.Test) == 1 && strings.Contains(c.Test[0], " ") && !filepath.IsAbs(c.Test[0]):
		d.fault(keyOf("test"), "is one word with blanks in it", "write each word by itself: test = "+tomlList(strings.Fields(c.Test[0])))
	}
	c.State = d.checkPath("state", cmp.Or(c.State, "state"))
	c.Rules = d.checkPath("rules", cmp.Or(c.Rules, "rules.md"))
}

// checkPath resolves a path of the configuration.
func (d *document) checkPath(key, path string) string {
	if strings.HasPrefix(path, "~") || strings.ContainsRune(path, 0) {
		d.fault(keyOf(key), "is no path: nothing stands for ~ here", "write the whole path, or one relative to this file")
	}
	return d.resolve(path)
}

// kindCure says what an engine's kind can be.
func kindCure() string {
	clis := slices.DeleteFunc(engine.Kinds(), func(kind string) bool { return kind == "command" })
	return `write kind = "command" for a program of your own, or one of ` + strings.Join(clis, ", ")
}

func (d *document) checkEngine(name string, e EngineConfig, c *Config) {
	at := func(key string) toml.Key { return toml.Key{"engines", name, key} }
	kind := cmp.Or(e.Kind, name)
	if e.Kind != "" && !slices.Contains(engine.Kinds(), e.Kind) {
		d.fault(at("kind"), "is no kind of engine", kindCure())
	}
	if kind == "command" && e.Path == "" {
		d.fault(at("path"), "is missing", `write path = "/where/the/program/is"; it gets the prompt on standard input, in the worktree`)
	}
	if strings.HasPrefix(e.Path, "~") || strings.Contains(e.Path, "/") && !filepath.IsAbs(e.Path) {
		d.fault(at("path"), "is neither a whole path nor a plain name", "write a path that begins with /, or a name that is found in PATH")
	}
	d.checkVariables(append(at("env"), ""), e.Env)
	d.checkPass(at("pass"), e.Pass, c)
	for _, path := range slices.Sorted(maps.Keys(e.Files)) {
		switch file := e.Files[path]; {
		case !filepath.IsLocal(path) || filepath.Clean(path) == ".":
			d.fault(append(at("files"), path), "is no path within a HOME", `write one without / at its beginning, as in ".codex/config.toml"`)
		case file.Content != "" && file.Source != "":
			d.fault(append(at("files"), path), "has a content and a source", "keep one of the two")
		}
	}
	for key, dollars := range map[string]float64{"input": e.Price.Input, "cached": e.Price.Cached, "output": e.Price.Output} {
		if dollars < 0 {
			d.fault(append(at("price"), key), "is less than nothing", "write US dollars per million tokens, as in "+key+" = 2.5")
		}
	}
}

// checkVariables judges the names of variables that are set for sessions. Their values are never told.
func (d *document) checkVariables(key toml.Key, values map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key := append(slices.Clone(key[:len(key)-1]), name)
		if !variableName.MatchString(name) || strings.ContainsRune(values[name], 0) {
			d.fault(key, "is no environment variable", "write letters, digits and _ for the name, and text for the value")
		}
	}
}

// checkPass judges the names of variables that are handed on to sessions. The daemon's own tokens never are.
func (d *document) checkPass(key toml.Key, names []string, c *Config) {
	for _, name := range names {
		switch {
		case !variableName.MatchString(name):
			d.fault(key, "holds what is not the name of an environment variable", `write names alone, as in pass = ["PATH", "LANG"]`)
		case name == c.GitHub.Token.Env || name == c.Telegram.Token.Env || name == c.Staging.Secret.Env:
			d.fault(key, "hands the factory's own token "+name+" to sessions", "take it out: what runs in a session was written by nobody you know")
		}
	}
}

func (d *document) checkLimits(l Limits) {
	d.positive("limits.session", l.Session)
	d.positive("limits.silence", l.Silence)
	d.positive("limits.command", l.Command)
	d.positive("limits.run", l.Run)
	d.between("limits.turns", int64(l.Turns), 0, 1<<20)
	d.between("limits.repeats", int64(l.Repeats), 0, 1000)
	d.between("limits.output_mb", l.OutputMB, 1, 1<<20)
	d.between("limits.disk_mb", l.DiskMB, 1, 1<<30)
	d.between("limits.rounds", int64(l.Rounds), 1, 20)
	d.between("limits.waiting", int64(l.Waiting), 1, 1000)
	for table, b := range map[string]Budget{"limits": {l.Tokens, l.CostUSD}, "limits.ticket": l.Ticket, "limits.day": l.Day} {
		d.between(table+".tokens", b.Tokens, 0, 1<<50)
		if !(b.CostUSD >= 0) { // nor what is no number
			d.fault(keyOf(table+".cost_usd"), "is less than nothing", "write an amount in US dollars, as in cost_usd = 2.5, or 0 for no limit")
		}
	}
}

func (d *document) positive(key string, value time.Duration) {
	if value <= 0 {
		d.fault(keyOf(key), "is not more than nothing", fmt.Sprintf("write a time in quotes, as in %s = \"30m\"", keyOf(key)[1]))
	}
}

func (d *document) between(key string, value, least, most int64) {
	if value < least || value > most {
		d.fault(keyOf(key), fmt.Sprintf("is %d", value), fmt.Sprintf("write a number from %d to %d", least, most))
	}
}

func (d *document) checkSchedule(s Schedule) {
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "" {
		d.fault(keyOf("schedule.zone"), "is no time zone that this machine knows", `write zone = "UTC" or one like zone = "Europe/Madrid"`)
	}
	for key, spec := range map[string]string{"implementer": s.Implementer, "fixer": s.Fixer, "merger": s.Merger} {
		if err := checkCron(spec); err != "" {
			d.fault(keyOf("schedule."+key), err, fmt.Sprintf("write five fields (minute hour day month weekday) or an interval, as in %s = \"*/30 * * * *\" or %s = \"@every 30m\"", key, key))
		}
	}
	if s.FollowUp < 0 {
		d.fault(keyOf("schedule.follow_up"), "is less than nothing", `write follow_up = "30s", or "0s" for never`)
	}
}

// checkCron says what is wrong with a schedule, "" when nothing is.
func checkCron(spec string) string {
	if strings.Contains(spec, "TZ=") { // the library would take it, and not be asked for schedule.zone
		return "names a time zone of its own, which schedule.zone does for all"
	}
	plan, err := cron.ParseStandard(spec)
	if err != nil {
		return "is no schedule"
	}
	if interval, ok := strings.CutPrefix(spec, "@every "); ok {
		if every, err := time.ParseDuration(interval); err == nil && every <= 0 {
			return "is due without a pause"
		}
	}
	if plan.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return "never comes"
	}
	return ""
}

// checkLanding judges how pull requests are merged and staged.
func (d *document) checkLanding(c *Config) {
	if !slices.Contains([]string{"merge", "squash", "rebase"}, c.Merge.Method) {
		d.fault(keyOf("merge.method"), "is no way to merge", `write method = "merge", "squash" or "rebase"`)
	}
	d.positive("merge.checks_patience", c.Merge.ChecksPatience)
	d.checkStaging(c.Staging)
}

func (d *document) checkContainment(c *Config) {
	if !slices.Contains([]string{"auto", "require", "off"}, c.Containment.Landlock) {
		d.fault(keyOf("containment.landlock"), "is no choice", `write landlock = "auto" (where the kernel has it), "require" or "off"`)
	}
	if !slices.Contains([]string{"auto", "require"}, c.Containment.User) {
		d.fault(keyOf("containment.user"), "is no choice", `write user = "auto" (another user than root, where that can be) or "require"`)
	}
	if !slices.Contains([]string{"auto", "require", "off"}, c.Containment.Namespace) {
		d.fault(keyOf("containment.namespace"), "is no choice", `write namespace = "auto" (where the machine allows it), "require" or "off"`)
	}
	d.checkVariables(toml.Key{"containment", "env", ""}, c.Containment.Env)
	d.checkPass(keyOf("containment.pass"), c.Containment.Pass, c)
	private := d.private(c)
	d.checkOpened(keyOf("containment.writable"), c.Containment.Writable, private)
	d.checkOpened(keyOf("containment.readable"), c.Containment.Readable, private)
	for _, name := range slices.Sorted(maps.Keys(c.Engines)) {
		d.checkOpened(toml.Key{"engines", name, "readable"}, c.Engines[name].Readable, private)
		d.checkOpened(toml.Key{"engines", name, "writable"}, c.Engines[name].Writable, private)
	}
	d.checkKept(c, process.SystemPaths())
}

// kept is something private, where it lies, and the key that says so.
type kept struct {
	key        toml.Key
	what, path string
}

// private is what no session may read: the state, with everything in it, and the files of the secrets.
func (d *document) private(c *Config) []kept {
	var all []kept
	for _, s := range []struct {
		key    toml.Key
		what   string
		secret Secret
	}{
		{keyOf("github.token"), "the GitHub token", c.GitHub.Token},
		{keyOf("telegram.token"), "the Telegram token", c.Telegram.Token},
		{keyOf("staging.secret"), "the webhook's secret", c.Staging.Secret},
	} {
		if s.secret.File != "" {
			all = append(all, kept{s.key, s.what, d.resolve(s.secret.File)})
		}
	}
	return append(all, kept{keyOf("state"), "the state folder", c.State})
}

// checkOpened judges folders that are opened to sessions: none may hold what is private, by its name.
func (d *document) checkOpened(key toml.Key, folders []string, private []kept) {
	for _, folder := range folders {
		if !filepath.IsAbs(folder) {
			d.fault(key, "holds a path that is not whole", "write paths that begin with /")
		}
		for _, p := range private {
			if within(p.path, folder) {
				d.fault(key, "opens "+p.what+" to sessions", "name a folder that does not hold it")
			}
		}
	}
}

// checkKept judges what is private by folders that every contained session reads, since its programs lie there. What is
// not contained reads everything anyway.
func (d *document) checkKept(c *Config, folders []string) {
	if c.Containment.Landlock == "off" {
		return
	}
	for _, p := range d.private(c) {
		i := slices.IndexFunc(folders, func(folder string) bool { return within(p.path, folder) })
		if i < 0 {
			continue
		}
		cure := "keep it in /etc/lightsout, or below a home folder"
		if p.what == "the state folder" {
			cure = "keep it in /var/lib/lightsout, or below a home folder"
		}
		d.fault(p.key, "lies in "+folders[i]+", which every session may read", cure)
	}
}

// within tells whether a path lies in a folder, or is it, links followed as far as they exist.
func within(path, folder string) bool {
	return inside(path, folder) || inside(followed(path), followed(folder))
}

func inside(path, folder string) bool {
	way, err := filepath.Rel(folder, path)
	return err == nil && way != ".." && !strings.HasPrefix(way, "../")
}

func followed(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(followed(parent), filepath.Base(path))
	}
	return path
}

// checkAddress judges the address of a service that is told a token.
func (d *document) checkAddress(key, address, example string) *url.URL {
	if address == "" {
		return nil
	}
	cure := "write one like " + example
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		d.fault(keyOf(key), "is no http address", cure)
	case u.User != nil:
		d.fault(keyOf(key), "carries a name or a password", cure+"; the token stands in a file of its own")
	case u.RawQuery != "" || u.Fragment != "":
		d.fault(keyOf(key), "has a ? or a # in it", cure)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		d.fault(keyOf(key), "would send the token in the clear", "write https://")
	default:
		return u
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && net.IP(ip.AsSlice()).IsLoopback()
}

// tomlList writes a list of texts as TOML.
func tomlList(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = tomlText(word)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
