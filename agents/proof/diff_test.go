package proof

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sampleDiff = `diff --git a/a.go b/a.go
index 1..2 100644
--- a/a.go
+++ b/a.go
@@ -1,4 +1,4 @@ package a
 one
-two
--- three
+2
+++ 3
 four
@@ -10 +10,2 @@
-ten
+10
+11
\ No newline at end of file
diff --git a/old name.go b/new name.go
similarity index 90%
rename from old name.go
rename to new name.go
--- a/old name.go	
+++ b/new name.go	
@@ -3,0 +4 @@
+x
diff --git "a/gr\303\274n\n.txt" "b/gr\303\274n\n.txt"
deleted file mode 100644
--- "a/gr\303\274n\n.txt"
+++ /dev/null
@@ -1 +0,0 @@
-gone
diff --git a/x.bin b/x.bin
Binary files a/x.bin and b/x.bin differ
`

func TestDiffGivesTheChangedLinesOfEachFile(t *testing.T) {
	got := parseDiff([]byte(sampleDiff))
	want := map[string]*hunks{
		"a.go": {
			added:   []line{{2, 2, "2"}, {3, 3, "++ 3"}, {10, 10, "10"}, {11, 11, "11"}},
			removed: []line{{2, 2, "two"}, {3, 2, "-- three"}, {10, 10, "ten"}},
		},
		"new name.go": {added: []line{{4, 4, "x"}}},
		"grün\n.txt":  {removed: []line{{1, 0, "gone"}}},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(hunks{}, line{})); d != "" {
		t.Error(d)
	}
}

func FuzzDiffIsReadWithoutFallingOver(f *testing.F) {
	f.Add([]byte(sampleDiff))
	f.Add([]byte("+++ b/x\n@@ -1 +1 @@\n-a\n+b"))
	f.Add([]byte("--- \"a/\\\n+++ \"b/\\400\n@@ -9223372036854775807 +1,99999999999 @@\n+\n"))
	f.Add([]byte("+++ b/x\n@@ -0,0 +1,2 @@\n@@ -1 +1 @@\n"))
	f.Fuzz(func(t *testing.T, diff []byte) {
		lines := 0
		for _, h := range parseDiff(diff) {
			lines += len(h.added) + len(h.removed)
		}
		if most := strings.Count(string(diff), "\n") + 1; lines > most {
			t.Errorf("%d changed lines in %d lines", lines, most)
		}
	})
}
