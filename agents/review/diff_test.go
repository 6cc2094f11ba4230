package review

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// diffOf is what git prints for a file of which all these lines are new.
func diffOf(path string, lines ...string) []byte {
	return fmt.Appendf(nil, "diff --git a/%[1]s b/%[1]s\nindex 000..111 100644\n--- a/%[1]s\n+++ b/%[1]s\n@@ -0,0 +1,%[2]d @@\n+%[3]s\n", path, len(lines), strings.Join(lines, "\n+"))
}

func repeat(line string, n int) []string { return slices.Repeat([]string{line}, n) }

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func TestSectionsNameTheirFiles(t *testing.T) {
	diff := join(
		diffOf("a b.go", "+++ b/not.go", "diff --git a/x b/x"),
		[]byte("diff --git a/old.go b/new.go\nsimilarity index 100%\nrename from old.go\nrename to new.go\n"),
		[]byte("diff --git \"a/\\303\\274.go\" \"b/\\303\\274.go\"\n--- \"a/\\303\\274.go\"\n+++ \"b/\\303\\274.go\"\n@@ -1 +1 @@\n-x\n+y\n"),
		[]byte("diff --git a/gone.go b/gone.go\ndeleted file mode 100644\n--- a/gone.go\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"),
		[]byte("diff --git a/pic.png b/pic.png\nindex 1..2\nBinary files a/pic.png and b/pic.png differ\n"),
	)
	var got []string
	for _, s := range sections(diff) {
		got = append(got, fmt.Sprintf("%s %d", s.path, len(s.changed)))
	}
	if want := []string{"a b.go 2", "new.go 0", "ü.go 2", "gone.go 1", "pic.png 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if sections([]byte("no diff at all")) != nil || sections(nil) != nil {
		t.Error("sections of what is no diff")
	}
}

func TestADiffIsBoundedAndSaysWhatWasLeftOut(t *testing.T) {
	whole := diffOf("a.go", "one", "two")
	if text, left := bounded(whole, 1000); text != string(whole) || left != nil {
		t.Errorf("a diff that fits is cut: %q %q", text, left)
	}
	diff := join(diffOf("go.sum", repeat("h1:xxxxxxxxxxxxxxxx", 100)...), diffOf("docs/x.md", repeat("words", 200)...), diffOf("a_test.go", repeat("test", 100)...),
		diffOf("z.go", repeat("code", 300)...), diffOf("a.go", repeat("code", 20)...))
	text, left := bounded(diff, 4000)
	if len(text) > 4000 || !strings.Contains(text, "b/z.go") || !strings.Contains(text, "b/a.go") || !strings.Contains(text, "b/a_test.go") || strings.Contains(text, "h1:xx") {
		t.Errorf("%d bytes; %s", len(text), text)
	}
	if len(left) != 2 || !strings.HasPrefix(left[0], "docs/x.md: ") || left[1] != "go.sum: 105 of 105 lines" || !strings.Contains(text, "read it in the repository: "+left[0]+"; "+left[1]+"]") {
		t.Errorf("%q", left)
	}
	var many []byte
	for i := range 3000 {
		many = append(many, diffOf(fmt.Sprintf("d/%s%d.go", strings.Repeat("x", 30), i), repeat("code", 30)...)...)
	}
	if text, left = bounded(many, maxDiff); len(text) > maxDiff || len(left) < 1000 || !strings.Contains(text, " more files]") {
		t.Errorf("%d bytes, %d left out", len(text), len(left))
	}
	if text, left = bounded([]byte(strings.Repeat("x", 5000)), 4000); len(text) > 4000 || len(left) != 1 {
		t.Errorf("no diff: %d bytes, %q", len(text), left)
	}
	if text, _ = bounded(diffOf("one.go", strings.Repeat("x", 5000)), 4000); len(text) > 4000 {
		t.Errorf("one long line: %d bytes", len(text))
	}
}

func FuzzBounded(f *testing.F) {
	f.Add(string(diffOf("a.go", repeat("code", 400)...)), 600)
	f.Add("diff --git a/x b/x\n@@\n+\xff\ndiff --git \"a/\\q\" b/\n+++ ", 600)
	f.Add("diff --git ", 0)
	f.Fuzz(func(t *testing.T, diff string, most int) {
		if most < 512 || most > 1<<16 {
			return
		}
		text, left := bounded([]byte(diff), most)
		if len(text) > most || len(diff) <= most && text != diff || len(diff) > most && len(left) == 0 {
			t.Errorf("%d bytes of %d within %d, left out %q", len(text), len(diff), most, left)
		}
		RadiusOf([]byte(diff))
	})
}

func TestTheDepthFollowsTheBlastRadius(t *testing.T) {
	for _, row := range []struct {
		name  string
		diff  []byte
		depth Depth
		areas []string
	}{
		{"nothing", nil, Unread, nil},
		{"a tiny change of documents", diffOf("README.md", "words about price, password and sync.Mutex"), Unread, nil},
		{"a licence", diffOf("LICENSE", "words"), Unread, nil},
		{"a tiny change of words that a program reads", diffOf("rules/prompt/x.md", "words"), Light, nil},
		{"a list of requirements", diffOf("requirements.txt", "flask"), Light, nil},
		{"many documents", diffOf("docs/guide.md", repeat("words", 100)...), Light, nil},
		{"instructions for coding CLIs are no documents", diffOf("AGENTS.md", "words"), Full, []string{AreaProtected}},
		{"a small change of code", diffOf("list.go", "return n / size"), Light, nil},
		{"a document and code", join(diffOf("README.md", "x"), diffOf("list.go", "x")), Light, nil},
		{"a change of some size", diffOf("list.go", repeat("x := 1", 60)...), Full, nil},
		{"a large change", diffOf("list.go", repeat("x := 1", 500)...), Full, []string{AreaSize}},
		{"a large change of what programs write", diffOf("go.sum", repeat("h1:x", 5000)...), Light, nil},
		{"a workflow", diffOf(".github/workflows/ci.yml", "x"), Full, []string{AreaProtected}},
		{"a goroutine", diffOf("list.go", "\tgo func() {"), Full, []string{AreaConcurrency}},
		{"a lock", diffOf("list.go", "\ts.mu.Lock()"), Full, []string{AreaConcurrency}},
		{"a promise", diffOf("list.ts", "await save(row)"), Full, []string{AreaConcurrency}},
		{"money by its word", diffOf("list.go", "sum := unitPrice * n"), Full, []string{AreaMoney}},
		{"money by its path", diffOf("billing/list.go", "x"), Full, []string{AreaMoney}},
		{"authentication", diffOf("list.py", "if check_password(user):"), Full, []string{AreaAuthentication}},
		{"both", diffOf("list.py", "if check_password(user): refund(order)"), Full, []string{AreaAuthentication, AreaMoney}},
		{"words that only look so", diffOf("list.go", "// the author blocks, syntax of a clock, going on, channel"), Light, nil},
		{"no diff", []byte("nonsense"), Full, nil},
	} {
		if r := RadiusOf(row.diff); r.Depth != row.depth || !slices.Equal(r.Areas, row.areas) {
			t.Errorf("%s: %s %q, want %s %q", row.name, r.Depth, r.Areas, row.depth, row.areas)
		}
	}
}
