package engine_test

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/process"
)

// BenchmarkTwoGigabytes is what a session costs that prints 2 GB, in lines and in
// one: MB-more is how much more memory this process took from the system at its
// worst. It must stay below 5.
func BenchmarkTwoGigabytes(b *testing.B) {
	for name, script := range map[string]string{
		"events":   `yes '{"type":"assistant","message":{"id":"1","content":[{"type":"text","text":"the same again"}]}}' | head -c 2000000000`,
		"one-line": `head -c 2000000000 /dev/zero | tr '\0' x`,
	} {
		b.Run(name, func(b *testing.B) {
			e, s := plain(b, "sh", "-c", script)
			s.Log, s.OnProgress = io.Discard, func(engine.Progress) {}
			debug.FreeOSMemory()
			before := taken()
			for b.Loop() {
				most := watchMemory(func() {
					if r, err := e.Run(b.Context(), s); err != nil || r.Outcome != engine.Done {
						b.Fatalf("%+v, %v", r, err)
					}
				})
				b.ReportMetric(float64(most-before)/1e6, "MB-more")
			}
			b.SetBytes(2e9)
		})
	}
}

func plain(b *testing.B, path string, args ...string) (*engine.Engine, engine.Session) {
	b.Helper()
	e, err := engine.New(engine.Config{Kind: "command", Path: path, Args: args})
	if err != nil {
		b.Fatal(err)
	}
	return e, engine.Session{Dir: b.TempDir(), Home: b.TempDir(), Marker: fmt.Sprintf("engine-bench-%d-%s", os.Getpid(), b.Name()),
		Env: []string{"PATH=/usr/bin:/bin"}, Limits: process.Limits{Wall: 10 * time.Minute}}
}

// watchMemory returns the most memory that was taken while do ran.
func watchMemory(do func()) (most int64) {
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, taken())
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	do()
	close(done)
	<-over
	return most
}

// taken is the memory that the runtime has from the system and has not given back.
func taken() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64()) - int64(samples[1].Value.Uint64())
}
