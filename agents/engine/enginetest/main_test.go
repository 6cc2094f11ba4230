package enginetest_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"lightsout/agents/engine"
	"lightsout/agents/engine/enginetest"
	"lightsout/agents/process"
)

// daemonWord makes the test binary a daemon that runs one session and can be
// killed: the script directory, the worktree, the home and the marker follow.
const daemonWord = "daemon"

func TestMain(m *testing.M) {
	if code, ok := process.Helper(os.Args); ok {
		os.Exit(code)
	}
	if code, ok := enginetest.Main(os.Args); ok {
		os.Exit(code)
	}
	if len(os.Args) == 6 && os.Args[1] == daemonWord {
		os.Exit(daemon(os.Args[2], os.Args[3], os.Args[4], os.Args[5]))
	}
	goleak.VerifyTestMain(m)
}

func daemon(scripts, worktree, home, marker string) int {
	e, err := engine.New(engine.Config{Kind: "command", Path: "/proc/self/exe", Args: []string{enginetest.Word, scripts}})
	if err == nil {
		var r engine.Result
		r, err = e.Run(context.Background(), engine.Session{Prompt: prompt(title, home), Dir: worktree, Home: home, Marker: marker})
		if err == nil && r.Outcome != engine.Done {
			err = fmt.Errorf("%s: %s", r.Outcome, r.Reason)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

const title = "Fix the rounding"

func prompt(title, home string) string {
	return "# Role\n\n# " + title + "\n\nIt rounds down.\n\nWrite the pull request text to: " + home + "/text.md\n"
}
