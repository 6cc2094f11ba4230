package proof

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lightsout/agents/process"
)

// BenchmarkOverheadOnThirteenThousandFiles measures what a proof costs beside the tests, which take next to nothing here: a new tree, the base, the
// base with the tests, twice, and the head again. Its processor time is that of all of git and of this process; on a machine that does other things
// too it says more than the clock. Beside both stands, from the same run, what git alone takes to write the tree once.
//
// With keep the tree stays for the next proof, as between the rounds of a run of the factory. On ext4 a file that is made within minutes after many
// were removed may cost twenty times as much (recently_deleted in the kernel looks for a place): TMPDIR=/dev/shm leaves the disk out. Run it with
//
//	go test ./agents/proof -run '^$' -bench Overhead -benchtime 3x
func BenchmarkOverheadOnThirteenThousandFiles(b *testing.B) {
	base := files{"test.sh": "for t in tests/*_test.sh; do sh $t || exit 1; done\n", "tests/old_test.sh": "true\n"}
	line := strings.Repeat("the quick brown fox jumps over the lazy dog\n", 100)
	for i := range 13_000 {
		base[fmt.Sprintf("assets/d%02d/e%02d/f%d.txt", i%50, i%70, i)] = fmt.Sprintf("file %d\n%s", i, line)
	}
	r := newRepository(b, base, files{"part.sh": "echo 1\n", "tests/part_test.sh": "[ \"$(sh part.sh)\" = 1 ]\n"})
	for _, keep := range []bool{false, true} {
		b.Run(fmt.Sprintf("keep=%v", keep), func(b *testing.B) {
			request := r.request(b)
			request.Test, request.Keep = []string{"sh", "test.sh"}, keep
			var plain, processor time.Duration
			for b.Loop() {
				began := processorTime()
				receipt, err := Prove(b.Context(), request)
				if err != nil || !receipt.Proven {
					b.Fatal(receipt.Refusals, err)
				}
				processor += processorTime() - began
				b.StopTimer()
				plain += r.writeOnce(b)
				b.StartTimer()
			}
			b.StopTimer()
			if err := Clear(b.Context(), r.mirror, request.Dir); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s-overhead/op")
			b.ReportMetric(processor.Seconds()/float64(b.N), "s-processor/op")
			b.ReportMetric(plain.Seconds()/float64(b.N), "s-git-alone/op")
		})
	}
}

// processorTime is what this process and all that it has waited for have used.
func processorTime() time.Duration {
	var all time.Duration
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var used unix.Rusage
		if unix.Getrusage(who, &used) == nil {
			all += time.Duration(used.Utime.Nano() + used.Stime.Nano())
		}
	}
	return all
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
