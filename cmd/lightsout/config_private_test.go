package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsPrivateLiesInNoFolderThatSessionsRead(t *testing.T) {
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(folder, "toolchain")
	text := strings.Replace(minimal, `"chat.token"`, `"`+tools+`/secrets/chat.token"`, 1)
	text = strings.Replace(text, `"hub.token"`, `"/usr/local/etc/hub.token"`, 1)
	path := configFolder(t, text)
	for name, content := range map[string]string{"bin/go": "#!/bin/sh\n", "secrets/chat.token": chatCanary + "\n"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(tools, name)), 0o700), os.WriteFile(filepath.Join(tools, name), []byte(content), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(tools, "secrets/chat.token"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"lightsout.toml:3: github.token: lies in /usr, which every session may read: keep it in /etc/lightsout, or below a home folder",
		"lightsout.toml:6: telegram.token: lies in " + tools + ", which every session may read: keep it in /etc/lightsout, or below a home folder",
	}
	got := slices.DeleteFunc(faultsOf(t, path, "PATH="+tools+"/bin"), func(fault string) bool { return strings.Contains(fault, "there is no file") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheFactorysOwnTokensAreNotHandedToSessions(t *testing.T) {
	text := strings.Replace(minimal, `{ file = "hub.token" }`, `{ env = "HUB" }`, 1) + "[engines.claude]\npass = [\"HUB\"]\n[containment]\npass = [\"PATH\", \"HUB\"]\n"
	got := faultsOf(t, configFolder(t, text), "HUB="+hubCanary)
	want := []string{"lightsout.toml:8: engines.claude.pass: hands the factory's own token HUB to sessions: take it out: what runs in a session was written by nobody you know",
		"lightsout.toml:10: containment.pass: hands the factory's own token HUB to sessions: take it out: what runs in a session was written by nobody you know"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestASecretFileIsForItsOwnerAlone(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(path string) error
		want    string // "" none
	}{
		{"0600", func(string) error { return nil }, ""},
		{"0400", func(path string) error { return os.Chmod(path, 0o400) }, ""},
		{"0640", func(path string) error { return os.Chmod(path, 0o640) }, "lightsout.toml:3: github.token.file: others on this machine may use hub.token (mode 0640): run: chmod 600 hub.token"},
		{"0604", func(path string) error { return os.Chmod(path, 0o604) }, "lightsout.toml:3: github.token.file: others on this machine may use hub.token (mode 0604): run: chmod 600 hub.token"},
		{"empty", func(path string) error { return os.WriteFile(path, []byte("\n \n"), 0o600) }, "lightsout.toml:3: github.token.file: hub.token is empty: put the token into it"},
		{"two lines", func(path string) error { return os.WriteFile(path, []byte("a\n"+hubCanary), 0o600) }, "lightsout.toml:3: github.token.file: hub.token holds more than a token: put the token into it and nothing else, on one line"},
		{"huge", func(path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) }, "lightsout.toml:3: github.token.file: hub.token holds more than a token: put the token into it and nothing else, on one line"},
		{"a link to it", func(path string) error {
			return errors.Join(os.Rename(path, path+".real"), os.Symlink(path+".real", path))
		}, ""},
		{"a pipe, which would block", func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) }, "lightsout.toml:3: github.token.file: hub.token is not a plain file: name a file that holds the token and nothing else"},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := configFolder(t, minimal)
			if err := row.prepare(filepath.Join(filepath.Dir(path), "hub.token")); err != nil {
				t.Fatal(err)
			}
			var want []string
			if row.want != "" {
				want = []string{row.want}
			}
			if got := faultsOf(t, path); !slices.Equal(got, want) {
				t.Errorf("faults %q, want %q", got, want)
			}
		})
	}
}
