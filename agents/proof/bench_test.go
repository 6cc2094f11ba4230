package proof

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lightsout/agents/process"
)

// BenchmarkOverheadOnThirteenThousandFiles measures what a proof costs beside the tests: the whole of it, less the time that its commands take.
// The work folder is new each time, which is the worst case. Beside it stands, from the same run, what git alone takes to write the tree once: on a
// machine that does other things too the two grow alike, so that their ratio tells more than seconds do. Run it with
//
//	go test ./agents/proof -run '^$' -bench Overhead -benchtime 3x
func BenchmarkOverheadOnThirteenThousandFiles(b *testing.B) {
	base := files{}
	for name, content := range calculator {
		base[name] = content
	}
	line := strings.Repeat("the quick brown fox jumps over the lazy dog\n", 100)
	for i := range 13_000 {
		base[fmt.Sprintf("assets/d%02d/e%02d/f%d.txt", i%50, i%70, i)] = fmt.Sprintf("file %d\n%s", i, line)
	}
	r := newRepository(b, base, files{"sum/sum.go": goodSum, "sum/negative_test.go": goTests("sum", "", negative)})
	request := r.request(b)
	var tests, whole, plain time.Duration
	request.took = func(d time.Duration) { tests += d }
	for b.Loop() {
		began := time.Now()
		receipt, err := Prove(b.Context(), request)
		if err != nil || !receipt.Proven {
			b.Fatal(receipt.Refusals, err)
		}
		whole += time.Since(began)
		b.StopTimer()
		plain += r.writeOnce(b)
		b.StartTimer()
	}
	overhead := (whole - tests).Seconds() / float64(b.N)
	b.ReportMetric(overhead, "s-overhead/op")
	b.ReportMetric(tests.Seconds()/float64(b.N), "s-tests/op")
	b.ReportMetric(overhead/(plain.Seconds()/float64(b.N)), "checkouts-overhead/op")
}

// writeOnce is how long git takes to write the tree of main into an empty folder.
func (r *repository) writeOnce(b *testing.B) time.Duration {
	b.Helper()
	dir := b.TempDir()
	began := time.Now()
	_, err := process.Output(b.Context(), process.Command{
		Args: []string{"git", "--git-dir=" + r.mirror.Dir(), "--work-tree=" + dir, "read-tree", "-u", "--reset", "refs/remotes/origin/main"},
		Dir:  dir, Env: []string{"PATH=" + os.Getenv("PATH"), "GIT_INDEX_FILE=" + filepath.Join(b.TempDir(), "index"), "GIT_CONFIG_NOSYSTEM=1"},
	})
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}
