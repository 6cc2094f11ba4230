package main

import (
	"fmt"
	"os"
	"testing"
	"time"

	"lightsout/agents/engine"
	"lightsout/agents/process"
)

// BenchmarkSession is a session of a program that does next to nothing: all of it is our own, from start to
// first byte and from last byte to result, with the whole program as its helper. Together they must stay below 50 ms.
func BenchmarkSession(b *testing.B) {
	for name, level := range map[string]engine.Session{
		"bare": {}, "contained": {Contain: true}, "in-a-namespace": {Contain: true, Namespace: true},
	} {
		b.Run(name, func(b *testing.B) { benchmarkOverhead(b, level) })
	}
}

func benchmarkOverhead(b *testing.B, level engine.Session) {
	e, err := engine.New(engine.Config{Kind: "command", Path: "echo", Args: []string{"done"}})
	if err != nil {
		b.Fatal(err)
	}
	s := engine.Session{Dir: b.TempDir(), Home: b.TempDir(), Marker: fmt.Sprintf("lightsout-bench-%d-%s", os.Getpid(), b.Name()), Env: []string{"PATH=/usr/bin:/bin"},
		Limits: process.Limits{Wall: time.Minute}, Contain: level.Contain, Namespace: level.Namespace}
	var began, last time.Time
	var first, rest time.Duration
	s.OnEvent = func(e engine.Event) {
		if e.Kind == engine.KindMessage {
			last = time.Now()
			first += last.Sub(began)
		}
	}
	for b.Loop() {
		began = time.Now()
		if r, err := e.Run(b.Context(), s); err != nil || r.Outcome != engine.Done {
			b.Fatalf("%+v, %v", r, err)
		}
		rest += time.Since(last)
	}
	b.ReportMetric(float64(first.Microseconds())/1000/float64(b.N), "ms-to-first-byte")
	b.ReportMetric(float64(rest.Microseconds())/1000/float64(b.N), "ms-to-result")
}
