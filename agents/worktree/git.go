package worktree

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lightsout/agents/process"
)

const (
	maxOutput   = int64(256 << 20) // bytes of one answer of git; a diff or a file beyond it is refused, never cut
	localLimit  = 5 * time.Minute  // the longest a command on this machine may take, on the largest trees
	askLimit    = time.Minute      // ls-remote: one small answer
	remoteLimit = 15 * time.Minute // fetch and push: a first fetch brings the whole repository
)

// hardened is the configuration every command of ours runs with. It stands above all configuration files, so a
// repository can neither bring a program to run nor change what a command means.
var hardened = [...][2]string{
	{"core.hooksPath", "/dev/null"},
	{"core.fsmonitor", "false"},
	{"core.untrackedCache", "false"},
	{"core.attributesFile", "/dev/null"},
	{"core.excludesFile", "/dev/null"},
	{"core.autocrlf", "false"},
	{"core.protectHFS", "true"},
	{"core.protectNTFS", "true"},
	{"core.logAllRefUpdates", "false"},
	{"credential.helper", ""},
	{"protocol.allow", "never"},
	{"protocol.ext.allow", "never"},
	{"protocol.file.allow", "always"},
	{"protocol.http.allow", "always"},
	{"protocol.https.allow", "always"},
	{"protocol.ssh.allow", "always"},
	{"http.followRedirects", "false"}, // a redirect would carry the token to another host
	{"http.lowSpeedLimit", "1"},       // bytes a second …
	{"http.lowSpeedTime", "60"},       // … for so many seconds: the remote hangs
	{"submodule.recurse", "false"},
	{"fetch.recurseSubmodules", "false"},
	{"push.recurseSubmodules", "no"},
	{"commit.gpgSign", "false"},
	{"rerere.enabled", "false"},
	{"checkout.workers", "0"}, // as many as there are cores
	{"gc.auto", "0"},
	{"maintenance.auto", "false"},
}

// environment is all of git's environment that stays the same from call to call.
func environment(o Options) []string {
	return append([]string{
		"PATH=" + o.Path,
		"HOME=" + o.PrivateDir,
		"XDG_CONFIG_HOME=" + o.PrivateDir,
		"LC_ALL=C",
		"TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_NO_LAZY_FETCH=1",
		"GIT_LITERAL_PATHSPECS=1",
		"GIT_EDITOR=false",
		"GIT_AUTHOR_NAME=" + o.AuthorName,
		"GIT_AUTHOR_EMAIL=" + o.AuthorEmail,
		"GIT_COMMITTER_NAME=" + o.AuthorName,
		"GIT_COMMITTER_EMAIL=" + o.AuthorEmail,
	}, o.Env...)
}

// A call is one run of git.
type call struct {
	args   []string
	dir    string        // working directory; "" is the mirror
	gitDir string        // "" is the mirror
	work   string        // the files; "" for commands that need none
	stdin  io.Reader     // nil is empty
	limit  time.Duration // 0 is localLimit
	most   int64         // bytes of output; 0 is maxOutput
	remote bool          // talks to the remote: the token goes along
	found  bool          // about the repository that dir is in, not about the mirror
	config [][2]string   // beside hardened
}

// git runs one command and returns what it printed, also beside the *process.ExitError of an exit code other than 0.
func (m *Mirror) git(ctx context.Context, c call) ([]byte, error) {
	config := append(append(make([][2]string, 0, len(hardened)+len(c.config)+1), hardened[:]...), c.config...)
	var secrets []string
	if c.remote && m.token != nil {
		if key := headerKey(m.url); key != "" {
			if token := m.token(); token != "" {
				basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
				config = append(config, [2]string{key, "Authorization: Basic " + basic})
				secrets = []string{token, basic}
			}
		}
	}
	env := append(make([]string, 0, len(m.env)+2*len(config)+5), m.env...)
	date := fmt.Sprintf("@%d +0000", m.now().Unix())
	env = append(env, "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	gitDir, dir := c.gitDir, c.dir
	if gitDir == "" {
		gitDir = m.dir
	}
	if !c.found {
		env = append(env, "GIT_DIR="+gitDir)
	}
	if c.work != "" {
		env = append(env, "GIT_WORK_TREE="+c.work)
	}
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(config)))
	for i, kv := range config {
		n := strconv.Itoa(i)
		env = append(env, "GIT_CONFIG_KEY_"+n+"="+kv[0], "GIT_CONFIG_VALUE_"+n+"="+kv[1])
	}
	if dir == "" {
		if dir = c.work; dir == "" {
			dir = m.dir
		}
	}
	limit, most := cmp.Or(c.limit, localLimit), cmp.Or(c.most, maxOutput)
	out, err := process.Output(ctx, process.Command{
		Args: append([]string{"git"}, c.args...), Dir: dir, Env: env, Stdin: c.stdin, Limit: limit, MaxOutput: most,
	})
	return out, scrub(err, secrets)
}

// headerKey is the configuration key that sends a header to the remote and to nobody else; "" when the remote is not http.
func headerKey(remote string) string {
	u, err := url.Parse(remote)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	return "http." + u.Scheme + "://" + u.Host + u.EscapedPath() + ".extraHeader"
}

// scrub takes the secrets out of what git wrote on its standard error.
func scrub(err error, secrets []string) error {
	var exit *process.ExitError
	if len(secrets) == 0 || !errors.As(err, &exit) {
		return err
	}
	clean := *exit
	for _, s := range secrets {
		clean.Stderr = strings.ReplaceAll(clean.Stderr, s, "[token]")
	}
	return &clean
}

// exited says whether git itself ended with one of the codes, as against not having run to its end.
func exited(err error, codes ...int) bool {
	var exit *process.ExitError
	if !errors.As(err, &exit) || exit.Signal != "" {
		return false
	}
	for _, c := range codes {
		if exit.Code == c {
			return true
		}
	}
	return len(codes) == 0
}
