package agents

import (
	"os"
	"syscall"
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
	leave := inMemory()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		leave()
		os.Exit(code)
	}))
}

// inMemory has the folders of tests made in memory, where the machine has room there for programs to work in: git and
// SQLite wait for the disk at every commit, which is half of what a journey takes. It returns what takes them away.
func inMemory() (leave func()) {
	const place, room, noExec = "/dev/shm", 2 << 30, 8 // bytes; ST_NOEXEC of statfs(2)
	var s syscall.Statfs_t
	if err := syscall.Statfs(place, &s); err != nil || s.Bavail*uint64(s.Bsize) < room || s.Flags&noExec != 0 {
		return func() {}
	}
	dir, err := os.MkdirTemp(place, "lightsout-agents-")
	if err != nil || os.Setenv("TMPDIR", dir) != nil {
		return func() {}
	}
	return func() { _ = os.RemoveAll(dir) }
}
