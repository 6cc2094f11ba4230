package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"golang.org/x/sys/unix"
)

// configFault is one thing wrong with the configuration. None of its words is ever a secret's value.
type configFault struct {
	file string
	line int    // where it is, or where what is missing is to be written; 0 when no line is to blame
	key  string // dotted; "" when no key is to blame
	what string // what is wrong
	cure string // what to write or do instead
}

func (f configFault) Error() string {
	place := f.file
	if f.line > 0 {
		place = fmt.Sprintf("%s:%d", f.file, f.line)
	}
	if f.key != "" {
		place += ": " + f.key
	}
	return place + ": " + f.what + ": " + f.cure
}

// configFaults are all of them, in the order of the file.
type configFaults []configFault

func (f configFaults) Error() string {
	lines := []string{"the configuration has one fault"}
	if len(f) > 1 {
		lines[0] = fmt.Sprintf("the configuration has %d faults", len(f))
	}
	for _, fault := range f {
		lines = append(lines, fault.Error())
	}
	return strings.Join(lines, "\n")
}

// maxConfig is the largest configuration that is read, in bytes: a wrong file name should not fill the memory.
const maxConfig = 1 << 20

// loadConfig reads the configuration at path, with the secrets it names. The error is configFaults when what is written
// there is wrong: all of it at once.
func loadConfig(path string, environ []string) (Config, error) {
	text, err := readConfig(path)
	if err != nil {
		return Config{}, err
	}
	c, d := parseConfig(path, text)
	if !d.broken {
		d.checkKept(&c, c.tools(environ))
	}
	d.readSecret(toml.Key{"github", "token"}, &c.GitHub.Token, environ)
	d.readSecret(toml.Key{"telegram", "token"}, &c.Telegram.Token, environ)
	if c.Staging.Webhook != "" && !d.blamed["staging.webhook"] {
		d.readSecret(toml.Key{"staging", "secret"}, &c.Staging.Secret, environ)
	}
	if err := d.err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

func readConfig(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no configuration; write one with: %s", path, commandFor("init", path))
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if len(text) > maxConfig {
		return nil, configFaults{{file: path, what: "is larger than a megabyte", cure: "name the configuration that lightsout init wrote"}}
	}
	return text, nil
}

// parseConfig reads all of a configuration but its secrets, which stay where they are.
func parseConfig(path string, text []byte) (Config, *document) {
	c := defaults()
	c.path = path
	d := decodeConfig(path, text, &c)
	if !d.broken {
		d.check(&c)
	}
	return c, d
}

// err is all that is wrong, in the order of the file; nil when nothing is.
func (d *document) err() error {
	if len(d.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(d.faults, func(a, b configFault) int { return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.key, b.key)) })
	return configFaults(d.faults)
}

// maxSecret is the longest secret, in bytes. The longest tokens of GitHub Apps have a few hundred.
const maxSecret = 8 << 10

// readSecret reads a secret from the one place its configuration names.
func (d *document) readSecret(key toml.Key, s *Secret, environ []string) {
	word := key[1] // token, or secret
	example := fmt.Sprintf("write %s = { file = %q }", word, key[0]+"."+word)
	switch {
	case d.broken, d.blamedBelow(key):
	case s.File == "" && s.Env == "":
		d.fault(key, "is missing", example+", and the "+word+" alone into that file")
	case s.File != "" && s.Env != "":
		d.fault(key, "names a file and an environment variable", "keep one of the two")
	case s.Env != "":
		d.fromVariable(append(slices.Clone(key), "env"), s, environ)
	default:
		d.fromFile(append(slices.Clone(key), "file"), s)
	}
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (d *document) fromVariable(key toml.Key, s *Secret, environ []string) {
	word := key[1]
	if !variableName.MatchString(s.Env) || likeSecret(s.Env) {
		d.fault(key, "is not the name of an environment variable", fmt.Sprintf("write the variable's name, as in { env = %q }; the %s itself never stands in this file", "GITHUB_TOKEN", word))
		return
	}
	value := strings.TrimSpace(lookup(environ, s.Env))
	switch {
	case value == "":
		d.fault(key, "the environment variable "+s.Env+" is not set", "set it where lightsout is started, or name a file: { file = \"…\" }")
	case !oneWord(value):
		d.fault(key, "the environment variable "+s.Env+" holds more than a "+word, "put the "+word+" into it and nothing else")
	default:
		s.value = value
	}
}

func (d *document) fromFile(key toml.Key, s *Secret) {
	word := key[1]
	if likeSecret(s.File) {
		d.fault(key, "looks like the "+word+" itself", "put the "+word+" into a file of its own and write that file's name; if others could read this one, revoke the "+word)
		return
	}
	path := d.resolve(s.File)
	// A pipe must not block the start.
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.fault(key, "there is no file "+path, "put the "+word+" into it, readable by you alone: (umask 077; cat > "+shellWord(path)+")")
		return
	case errors.Is(err, fs.ErrPermission):
		d.fault(key, "this user may not read "+path, "start lightsout as the file's owner, or give the file to this user")
		return
	case err != nil:
		d.fault(key, "cannot be opened: "+path, "name a plain file that holds the "+word)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		d.fault(key, path+" is not a plain file", "name a file that holds the "+word+" and nothing else")
		return
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		d.fault(key, fmt.Sprintf("others on this machine may use %s (mode %04o)", path, mode), "run: chmod 600 "+shellWord(path))
		return
	}
	text, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	value := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		d.fault(key, "cannot be read: "+path, "look at the disk it lies on")
	case value == "":
		d.fault(key, path+" is empty", "put the "+word+" into it")
	case len(text) > maxSecret || !oneWord(value):
		d.fault(key, path+" holds more than a "+word, "put the "+word+" into it and nothing else, on one line")
	default:
		s.value = value
	}
}

// oneWord tells whether a text can be a token: printable ASCII without blanks, as an HTTP header wants it.
func oneWord(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

var secretForm = regexp.MustCompile(`^(gh[a-z]_|github_pat_|\d{6,}:)[A-Za-z0-9_-]{10,}$`)

// likeSecret tells whether a text that should name a place looks like the secret itself, which must not be repeated.
func likeSecret(s string) bool {
	if secretForm.MatchString(s) {
		return true
	}
	// Nobody calls a file or a variable so: long, with digits and both cases, and nothing that divides it.
	return len(s) >= 30 && !strings.ContainsAny(s, "/. ") && strings.ContainsAny(s, "0123456789") && s != strings.ToUpper(s) && s != strings.ToLower(s)
}

// resolve is a path of the configuration, which is meant relative to the file's folder.
func (d *document) resolve(path string) string { return beside(d.file, path) }

// beside is a path relative to a file's folder.
func beside(file, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil { // the working directory is gone; the path is then as good as it was
		folder = filepath.Dir(file)
	}
	return filepath.Join(folder, path)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shellWord quotes a word for a command that a person is to copy.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
