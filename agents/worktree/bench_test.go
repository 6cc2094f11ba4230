package worktree

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lightsout/agents/process"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// BenchmarkThirteenThousandFiles measures what one round of a session costs in a large repository.
func BenchmarkThirteenThousandFiles(b *testing.B) {
	dir := b.TempDir()
	remote := filepath.Join(dir, "remote.git")
	o := Options{Dir: filepath.Join(dir, "mirror.git"), URL: remote, AuthorName: botName, AuthorEmail: botEmail, Now: time.Now,
		PrivateDir: filepath.Join(dir, "home"), Path: os.Getenv("PATH")}
	line := strings.Repeat("the quick brown fox jumps over the lazy dog\n", 100)
	var stream strings.Builder
	stream.WriteString("commit refs/heads/main\ncommitter Ana <ana@example.com> 1 +0000\ndata 1\nx\n")
	for i := range 13_000 {
		content := fmt.Sprintf("func Name%d() {}\n%s", i, line)
		fmt.Fprintf(&stream, "M 644 inline d%02d/e%02d/f%d.go\ndata %d\n%s\n", i%50, i%70, i, len(content), content)
	}
	for _, step := range []struct {
		stdin string
		args  []string
	}{{"", []string{"git", "init", "-q", "--bare", remote}}, {stream.String(), []string{"git", "-C", remote, "fast-import", "--quiet"}}} {
		if _, err := process.Output(b.Context(), process.Command{Args: step.args, Dir: dir, Stdin: strings.NewReader(step.stdin),
			Env: []string{"PATH=" + o.Path, "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1"}}); err != nil {
			b.Fatal(err)
		}
	}
	m, err := Open(b.Context(), o)
	if err == nil {
		err = m.Fetch(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	path, proof := filepath.Join(dir, "copy"), filepath.Join(dir, "proof")
	measure := func(name string, step func(i int) error) {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if err := step(i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	var head string
	measure("Add", func(int) error { return m.Add(b.Context(), path, "main", "lightsout/1-x") })
	measure("Take", func(i int) (err error) {
		if err = os.WriteFile(filepath.Join(path, "new.go"), fmt.Append(nil, "package x // ", i), 0o644); err == nil {
			head, err = m.Take(b.Context(), path, "x")
		}
		return err
	})
	measure("Checkout", func(i int) error { return m.Checkout(b.Context(), proof, []string{"main", head}[i%2]) })
	measure("Grep", func(int) error {
		found, err := m.Grep(b.Context(), "main", []string{"Name1", "Name12000", "absent", "fox"})
		if err == nil && len(found["Name12000"]) != 1 {
			err = fmt.Errorf("found %d words", len(found))
		}
		return err
	})
}
