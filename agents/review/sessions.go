package review

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"lightsout/agents/engine"
	"lightsout/rules"
)

// runner is one coding CLI, real or a stand-in of a test.
type runner interface {
	Name() string
	Run(ctx context.Context, s engine.Session) (engine.Result, error)
}

// Engines are the three roles' coding CLIs. They may be one and the same.
type Engines struct{ Enthusiast, Adversary, Referee runner }

// Sessions asks real sessions: each is fresh, has a HOME of its own that ends with it, can read the change and write
// nothing of it.
//
// A session does not work in the change but in an empty folder beside it. So nothing it does by habit lands there, and
// the instruction files, hooks and settings that a change brings for coding CLIs are text among texts: no CLI looks for
// its own in a folder that it was not started in. Under Landlock the change is readable and no more. Where the kernel has
// none, a session that altered the change anyway has forfeited its answer.
type Sessions struct {
	Engines Engines
	Dir     string // absolute: the change
	Homes   string // absolute: where private folders may be made; exists
	Marker  string // of the processes; unique, each session adds its number

	// Session is what all have in common: limits, environment, containment, what is readable beside Dir, log. Its prompt,
	// folders, marker and OnEvent are replaced. What the author may write (Writable), its build caches above all, is not
	// theirs: variables that point there are left out, so that tools keep their caches in the private HOME.
	Session engine.Session

	asked int
}

// Ask is the Ask of a Request. It is not for concurrent use.
func (s *Sessions) Ask(ctx context.Context, role, prompt string) (result engine.Result, err error) {
	chosen := map[string]runner{rules.Enthusiast: s.Engines.Enthusiast, rules.Adversary: s.Engines.Adversary, rules.Referee: s.Engines.Referee}[role]
	if chosen == nil {
		return engine.Result{Outcome: engine.Failed}, fmt.Errorf("no engine for the %s", role)
	}
	private, err := os.MkdirTemp(s.Homes, "review-")
	if err != nil {
		return engine.Result{Outcome: engine.Failed}, fmt.Errorf("make a private folder: %w", err)
	}
	defer func() { err = errors.Join(err, removeAll(private)) }()
	session := s.Session
	session.Prompt, session.Home, session.Dir = prompt, filepath.Join(private, "home"), filepath.Join(private, "desk")
	for _, dir := range []string{session.Home, session.Dir} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return engine.Result{Outcome: engine.Failed}, fmt.Errorf("make a private folder: %w", err)
		}
	}
	s.asked++
	session.Marker = s.Marker + "-" + strconv.Itoa(s.asked)
	session.Env = slices.DeleteFunc(slices.Clone(session.Env), func(entry string) bool { return leadsInto(entry, session.Writable) })
	session.Writable, session.Readable = nil, append(slices.Clip(s.Session.Readable), s.Dir)
	seen := refusals{dir: s.Dir}
	session.OnEvent = seen.see
	before, err := fingerprint(s.Dir)
	if err != nil {
		return engine.Result{Outcome: engine.Failed}, err
	}
	result, err = chosen.Run(ctx, session)
	result.Engine = cmp.Or(result.Engine, chosen.Name())
	if err != nil {
		return result, err
	}
	after, err := fingerprint(s.Dir)
	if err != nil {
		return result, err
	}
	if path, altered := differs(before, after); altered {
		result.Outcome, result.Reason = engine.Denied, "it altered the change it was to read: "+clip(path, 200)
	} else if tried := seen.String(); tried != "" {
		result.Reason = strings.TrimSpace(result.Reason + " (" + tried + ")")
	}
	return result, nil
}

// leadsInto reports whether a variable's value is one of the folders, or lies in one.
func leadsInto(entry string, folders []string) bool {
	_, value, _ := strings.Cut(entry, "=")
	return slices.ContainsFunc(folders, func(folder string) bool {
		way, err := filepath.Rel(folder, value)
		return err == nil && filepath.IsAbs(value) && filepath.IsLocal(way)
	})
}

// removeAll deletes a private folder even where a session left folders in it read-only, as Go's module cache is. Links are
// removed, never followed.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		return err
	})
	return errors.Join(err, os.RemoveAll(dir))
}

// refusals notes the first attempt of a session at what its containment refuses.
type refusals struct {
	dir   string // of the change
	mutex sync.Mutex
	tool  string
	first string
}

var refused = regexp.MustCompile(`(?i)permission denied|EACCES|EPERM|operation not permitted|read-only file system`)

func (r *refusals) see(e engine.Event) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	switch {
	case e.Kind == engine.KindTool:
		r.tool = e.Tool
	case e.Kind == engine.KindResult && r.first == "" && refused.MatchString(e.Text):
		r.first = "refused what it tried with " + cmp.Or(clip(r.tool, 60), "a tool")
	case e.Kind == engine.KindMessage && r.first == "" && strings.Contains(e.Text, r.dir) && refused.MatchString(e.Text):
		r.first = "refused what it tried in the change" // a program of lines does not tell its tools apart
	}
}

func (r *refusals) String() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.first
}

// stamp is what shows that a file was written, without reading it.
type stamp struct {
	mode fs.FileMode
	size int64
	time int64
}

// fingerprint looks at every file and folder below dir, links not followed. git's own folder is left out: a session's
// git may refresh its index there, and nobody uses it after.
func fingerprint(dir string) (map[string]stamp, error) {
	all := map[string]stamp{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(dir, ".git") && d.IsDir() {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		s := stamp{mode: info.Mode()}
		if !info.IsDir() { // the time of a folder changes with .git, and its size is not ours
			s.size, s.time = info.Size(), info.ModTime().UnixNano()
		}
		all[name] = s
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look through the change: %w", err)
	}
	return all, nil
}

// differs names one path that is not as it was.
func differs(before, after map[string]stamp) (path string, altered bool) {
	for _, name := range sortedKeys(after) {
		if was, ok := before[name]; !ok || was != after[name] {
			return name, true
		}
	}
	for _, name := range sortedKeys(before) {
		if _, ok := after[name]; !ok {
			return name, true
		}
	}
	return "", false
}
