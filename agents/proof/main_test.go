package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lightsout/agents/process"
	"lightsout/agents/worktree"
)

func TestMain(m *testing.M) {
	if code, ok := process.Helper(os.Args); ok {
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}

// repository is a mirror with two commits, main and work, made for one test.
type repository struct {
	mirror *worktree.Mirror
	dir    string
	head   string
}

// files are the contents of a tree by path. A path that ends with "@" is a symbolic link, with "*" an executable.
type files map[string]string

// newMirror makes an empty mirror in a folder.
func newMirror(t testing.TB, dir string) *worktree.Mirror {
	t.Helper()
	m, err := worktree.Open(t.Context(), worktree.Options{
		Dir: filepath.Join(dir, "mirror.git"), URL: filepath.Join(dir, "origin.git"), AuthorName: "factory", AuthorEmail: "factory@example.com",
		Now: time.Now, PrivateDir: filepath.Join(dir, "private"), Path: os.Getenv("PATH"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// newRepository makes a repository whose main holds base and whose work holds base and the change; "" as content deletes. The branch
// later is what main may become while the work goes on.
func newRepository(t testing.TB, base, change files) *repository {
	t.Helper()
	return newRepositoryWithFix(t, base, change, nil)
}

// newRepositoryWithFix makes also the branch fixed, with one more commit on work.
func newRepositoryWithFix(t testing.TB, base, change, fix files) *repository {
	t.Helper()
	dir := t.TempDir()
	m := newMirror(t, dir)
	var in fastImport
	in.commit("refs/remotes/origin/main", "", base)
	in.commit("refs/remotes/origin/work", "from refs/remotes/origin/main\n", change)
	in.commit("refs/remotes/origin/fixed", "from refs/remotes/origin/work\n", fix)
	in.commit("refs/remotes/origin/later", "from refs/remotes/origin/main\n", files{"later.txt": "main has moved on\n"})
	in.run(t, m)
	return &repository{mirror: m, dir: dir, head: "work"}
}

// fastImport is what git fast-import is to read.
type fastImport struct {
	text bytes.Buffer
	mark int
}

// commit adds a commit on a ref; from is the line that says where it starts, "" for nowhere.
func (in *fastImport) commit(ref, from string, tree files) {
	marks := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if tree[name] == "" {
			continue
		}
		in.mark++
		marks[name] = in.mark
		fmt.Fprintf(&in.text, "blob\nmark :%d\ndata %d\n%s\n", in.mark, len(tree[name]), tree[name])
	}
	fmt.Fprintf(&in.text, "commit %s\ncommitter someone <s@example.com> 1700000000 +0000\ndata 4\ntest\n%s", ref, from)
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if marks[name] == 0 {
			fmt.Fprintf(&in.text, "D %s\n", fastImportPath(name))
			continue
		}
		mode, path := "100644", name
		if p, ok := strings.CutSuffix(name, "@"); ok {
			mode, path = "120000", p
		} else if p, ok := strings.CutSuffix(name, "*"); ok {
			mode, path = "100755", p
		}
		fmt.Fprintf(&in.text, "M %s :%d %s\n", mode, marks[name], fastImportPath(path))
	}
	in.text.WriteString("\n")
}

func (in *fastImport) run(t testing.TB, m *worktree.Mirror) {
	t.Helper()
	if _, err := process.Output(t.Context(), process.Command{
		Args: []string{"git", "fast-import", "--quiet", "--force"}, Dir: m.Dir(), Stdin: &in.text,
		Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + m.Dir(), "GIT_CONFIG_NOSYSTEM=1"},
	}); err != nil {
		t.Fatal(err)
	}
}

// fastImportPath quotes a path as git fast-import reads it: bytes, not runes.
func fastImportPath(p string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(p) {
		if c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

const reason = "## Why\n\nThe sum was wrong for negative numbers.\n"

// request is the usual one: in the work folder of the repository, contained, with the build caches of the tests themselves. vet and the
// linker's tables of symbols are left out for speed.
func (r *repository) request(t testing.TB) Request {
	t.Helper()
	caches := goCaches(t)
	kept := filepath.Join(r.dir, "kept") // what tests that go by chance remember from run to run
	if err := os.MkdirAll(kept, 0o700); err != nil {
		t.Fatal(err)
	}
	return Request{
		Mirror: r.mirror, Base: "main", Head: r.head, Against: "main", Text: reason,
		Dir: filepath.Join(r.dir, "work"), Marker: "prooftest-" + filepath.Base(filepath.Dir(r.dir)) + "-" + filepath.Base(r.dir),
		Env: []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "GOCACHE=" + caches["GOCACHE"], "GOMODCACHE=" + caches["GOMODCACHE"],
			"GOPROXY=off", "GOTOOLCHAIN=local", "GOFLAGS=-vet=off -ldflags=-s", "GOTELEMETRY=off", "KEPT=" + kept},
		Limits:   process.Limits{Wall: 2 * time.Minute, Output: 64 << 20, Grace: 200 * time.Millisecond},
		Contain:  true,
		Writable: []string{caches["GOCACHE"], kept},
		Readable: []string{caches["GOMODCACHE"], caches["GOROOT"]},
	}
}

func goCaches(t testing.TB) map[string]string {
	t.Helper()
	out, err := process.Output(t.Context(), process.Command{
		Args: []string{"go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOROOT"}, Dir: "/", Env: os.Environ(),
	})
	if err != nil {
		t.Fatal(err)
	}
	caches := map[string]string{}
	if err := json.Unmarshal(out, &caches); err != nil {
		t.Fatal(err)
	}
	return caches
}

// prove proves, and checks what holds after every proof: the work folder is as empty as before.
func (r *repository) prove(t testing.TB, edit func(*Request)) (Receipt, error) {
	t.Helper()
	request := r.request(t)
	if edit != nil {
		edit(&request)
	}
	var log bytes.Buffer
	request.Log = &log
	receipt, err := Prove(context.WithoutCancel(t.Context()), request)
	if left, e := process.EndMarked(context.WithoutCancel(t.Context()), request.Marker); e != nil || left > 0 {
		t.Errorf("left running: %d processes, %v", left, e)
	}
	if entries, e := os.ReadDir(request.Dir); e == nil && len(entries) > 0 {
		t.Errorf("left behind in the work folder: %v", entries)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("receipt: %+v\nerror: %v\nlog:\n%s", receipt, err, log.String())
		}
	})
	return receipt, err
}
