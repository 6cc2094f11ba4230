package agents

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"lightsout/agents/engine/enginetest"
	"lightsout/agents/process"
)

func TestMain(m *testing.M) {
	if code, ok := process.Helper(os.Args); ok {
		os.Exit(code)
	}
	if code, ok := enginetest.Main(os.Args); ok {
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}
