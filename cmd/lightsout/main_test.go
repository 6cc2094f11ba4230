package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"lightsout/agents/process"
)

// daemonWord makes the test binary the program itself, for tests that need it as a process of its own.
const daemonWord = "lightsout-under-test"

func TestMain(m *testing.M) {
	if code, ok := process.Helper(os.Args); ok {
		os.Exit(code)
	}
	if code, ok := scripted(os.Args); ok {
		os.Exit(code)
	}
	if len(os.Args) > 3 && os.Args[1] == poorWord {
		panic(becomePoor(os.Args[2], os.Args[3:]))
	}
	if len(os.Args) > 1 && os.Args[1] == daemonWord {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := run(ctx, os.Args[2:], console{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()})
		stop()
		os.Exit(code)
	}
	// The tests that run side by side wait for daemons far more than they compute: more of them than there are cores.
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
