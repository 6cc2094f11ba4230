package proof

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// BenchmarkOverheadOnThirteenThousandFiles measures what a proof costs beside the tests: the whole of it, less the time that its commands take.
// The work folder is new each time, which is the worst case. Run it with
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
	var tests time.Duration
	request.took = func(d time.Duration) { tests += d }
	var whole time.Duration
	for b.Loop() {
		began := time.Now()
		receipt, err := Prove(b.Context(), request)
		if err != nil || !receipt.Proven {
			b.Fatal(receipt.Refusals, err)
		}
		whole += time.Since(began)
	}
	b.ReportMetric((whole-tests).Seconds()/float64(b.N), "s-overhead/op")
	b.ReportMetric(tests.Seconds()/float64(b.N), "s-tests/op")
}
