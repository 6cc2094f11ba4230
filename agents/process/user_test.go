package process_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"lightsout/agents/process"
)

// shell is a contained tree of a shell command in dir.
func shell(t *testing.T, dir, script string, readable ...string) (string, process.Result) {
	t.Helper()
	tree := player(t, "exit", "0")
	var out bytes.Buffer
	tree.Args, tree.Dir, tree.Stdout, tree.Stderr = []string{"/bin/sh", "-c", script}, dir, &out, &out
	tree.Contain = &process.Containment{ReadWrite: []string{dir}, ReadOnly: readable}
	r, err := tree.Run(t.Context())
	if err != nil {
		t.Errorf("%v: %s", err, out.String())
	}
	return out.String(), r
}

// TestContainedTreeOfRootsIsAnotherUser holds for anybody else that nothing is
// switched; where root cannot switch, that it is said why.
func TestContainedTreeOfRootsIsAnotherUser(t *testing.T) {
	dir := t.TempDir() // its parent is closed to other users
	if err := os.WriteFile(filepath.Join(dir, "mine"), []byte("private\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, r := shell(t, dir, `id -u && cat mine && echo x >>mine && mkdir sub && echo new >sub/new && chmod 700 sub && echo said >/dev/stderr && pwd`)
	switch {
	case os.Geteuid() != 0:
		if r.User != 0 || r.UserWhy != "" {
			t.Errorf("%+v", r)
		}
		return
	case r.User == 0:
		t.Logf("root cannot switch here: %s", r.UserWhy)
		if r.UserWhy == "" {
			t.Errorf("it stayed root's and says not why: %+v", r)
		}
		return
	}
	uid, rest, _ := strings.Cut(out, "\n")
	if uid == "0" || rest != "private\nsaid\n"+dir+"\n" || r.Code != 0 {
		t.Errorf("%+v:\n%s", r, out)
	}
	for _, name := range []string{"mine", "sub", "sub/new"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Uid != 0 || stat.Gid != 0 {
			t.Errorf("%s is of %+v, want it root's", name, stat)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "mine")); err != nil || string(text) != "private\nx\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestUserOfATreeHasANameAndAHome(t *testing.T) {
	out, r := shell(t, t.TempDir(), `getent passwd $(id -u) && id -un && id -gn && tail -n +1 /etc/passwd | head -n 1`)
	if want := "lightsout\nlightsout\nroot:x:0"; r.User != 0 && (!strings.Contains(out, ":/nowhere:/bin/sh\n") || !strings.Contains(out, want)) {
		t.Errorf("%s", out)
	}
}

func TestWhatLiesBesideAGrantedPathIsHiddenFromAnotherUser(t *testing.T) {
	place, grants := t.TempDir(), t.TempDir()
	if err := os.Chmod(place, 0o700); err != nil {
		t.Fatal(err)
	}
	dir, tool, link, secret := filepath.Join(place, "deep", "work"), filepath.Join(place, "tool"), filepath.Join(place, "link"), filepath.Join(place, "secret")
	for _, err := range []error{os.MkdirAll(dir, 0o700), os.WriteFile(tool, []byte("#!/bin/sh\necho tooled\n"), 0o700), os.Symlink(tool, link), os.WriteFile(secret, []byte("canary"), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	out, r := shell(t, dir, link+`; cat `+secret+`; ls `+place, link, grants)
	if r.User != 0 && (!strings.Contains(out, "tooled\n") || strings.Contains(out, "canary")) {
		t.Errorf("%+v:\n%s", r, out)
	}
}

func TestTreesOfDifferentMarkersAreDifferentUsers(t *testing.T) {
	_, one := shell(t, t.TempDir(), "true")
	t.Run("another", func(t *testing.T) {
		if _, two := shell(t, t.TempDir(), "true"); one.User == two.User && one.User != 0 {
			t.Errorf("both are user %d", one.User)
		}
	})
}

func TestPrivateProcessIsClosedToOthersOfItsUser(t *testing.T) {
	player := func(args ...string) *exec.Cmd {
		cmd := exec.Command("/proc/self/exe", append([]string{modeWord}, args...)...)
		cmd.Env = []string{"TOKEN=canary"}
		if os.Geteuid() == 0 { // who may look at everything
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		return cmd
	}
	for mode, open := range map[string]bool{"open": true, "private": false} {
		holder := player(mode)
		in, err := holder.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := holder.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
			t.Fatalf("%q, %v", line, err)
		}
		read, err := player("print", fmt.Sprintf("/proc/%d/environ", holder.Process.Pid)).Output()
		if (err == nil) != open || strings.Contains(string(read), "canary") != open {
			t.Errorf("%s: read %q, %v", mode, read, err)
		}
		if err := errors.Join(in.Close(), holder.Wait()); err != nil {
			t.Error(err)
		}
	}
}

func TestTreeGetsNothingThatTheDaemonHasOpen(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Open(secret, syscall.O_RDONLY, 0) // as a shell leaves it open, without close-on-exec
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	tree := player(t, "exit", "0")
	var out bytes.Buffer
	tree.Args, tree.Stdout, tree.Stderr = []string{"/bin/sh", "-c", "ls -l /proc/self/fd; cat <&" + strconv.Itoa(fd)}, &out, &out
	if _, err := tree.Run(t.Context()); err != nil || strings.Contains(out.String(), "canary") || strings.Contains(out.String(), secret) {
		t.Errorf("%v\n%s", err, out.String())
	}
}
