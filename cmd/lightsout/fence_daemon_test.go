package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"lightsout/agents/process"
)

// poorWord makes the test binary the program on a machine that lacks something: what follows is which of landlock, mounts and
// namespaces, joined by commas, and the program's arguments.
const poorWord = "lightsout-on-a-poor-machine"

// becomePoor has the kernel refuse what is lacking to this process and all it starts, and becomes the program. It returns only
// what went wrong.
func becomePoor(lacking string, args []string) error {
	runtime.LockOSThread()
	const (
		number, flags   = 0, 16 // where a call's number and the low half of its first argument lie
		refuse, missing = uint32(unix.SECCOMP_RET_ERRNO) | uint32(unix.EPERM), uint32(unix.SECCOMP_RET_ERRNO) | uint32(unix.ENOSYS)
	)
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: number}}
	deny := func(call uintptr, with uint32) {
		program = append(program, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(call), Jf: 1}, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: with})
	}
	for what := range strings.SplitSeq(lacking, ",") {
		switch what {
		case "landlock":
			deny(unix.SYS_LANDLOCK_CREATE_RULESET, missing)
		case "mounts":
			deny(unix.SYS_UNSHARE, refuse)
		case "namespaces": // processes are started with clone, which must go on working
			program = append(program, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: uint32(unix.SYS_CLONE), Jf: 4},
				unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: flags},
				unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: unix.CLONE_NEWPID | unix.CLONE_NEWUSER, Jf: 1},
				unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: refuse},
				unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: number})
		}
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&filter))); errno != 0 {
		return errno
	}
	return syscall.Exec("/proc/self/exe", append([]string{os.Args[0], daemonWord}, args...), os.Environ())
}

// TestHealthTellsTheFenceThatDoctorFinds has the daemon run on machines of several kinds, and holds that /health in the chat tells
// the level of containment in the very words that doctor has.
func TestHealthTellsTheFenceThatDoctorFinds(t *testing.T) {
	landlock := "no Landlock"
	if abi := process.LandlockABI(); abi >= oldestLandlock {
		landlock = fmt.Sprintf("Landlock ABI %d", abi)
	}
	found, err := findFence(t.Context(), true)
	must(t, err)
	const open = "sessions can read what this user can read, the daemon's own files among it"
	user := strings.Split(found.String(), ", ")[1]
	openUnless := func(closed bool) string {
		if closed {
			return ""
		}
		return ": " + open
	}
	root := os.Geteuid() == 0
	for name, c := range map[string]struct {
		lacking, configured string
		asNobody            bool
		want                string // "" where that is this machine's own matter
	}{
		"as the machine is":      {want: found.whole()},
		"no namespace is wanted": {configured: `namespace = "off"`, want: fence{landlock: found.landlock, user: found.user, why: found.why}.whole()},
		"switched off":           {configured: `landlock = "off"`, want: "switched off: " + open},
		"no Landlock":            {lacking: "landlock", configured: `namespace = "off"`, want: "no Landlock, " + user + openUnless(found.user)},
		"no mounts": {lacking: "mounts", configured: `namespace = "off"`, want: map[bool]string{
			true:  landlock + ", root's own user with few capabilities: mounts of its own: operation not permitted",
			false: landlock + ", our own user"}[root]},
		"no namespaces": {lacking: "namespaces", want: map[bool]string{true: landlock + ", root's own user with few capabilities, no process-id namespace: user namespace: operation not permitted",
			false: landlock + ", our own user, no process-id namespace: namespace: operation not permitted"}[root]},
		"nothing at all":  {lacking: "landlock,mounts,namespaces", want: map[bool]string{true: "no Landlock, root's own user with few capabilities, no process-id namespace: " + open, false: "no Landlock, our own user, no process-id namespace: " + open}[root]},
		"not root":        {asNobody: true, configured: `namespace = "off"`, want: landlock + ", our own user"},
		"not root, alone": {asNobody: true, lacking: "landlock,namespaces", want: "no Landlock, our own user, no process-id namespace: " + open},
	} {
		if c.asNobody && !root {
			continue // that is what all of the others are
		}
		t.Run(name, func(t *testing.T) {
			if c.asNobody {
				t.Setenv("TMPDIR", "/tmp") // which everybody may pass through
			} else {
				t.Parallel()
			}
			r := newRig(t)
			must(t, replaceIn(r.config, "landlock = \"auto\"\n", c.configured+"\n"))
			if c.asNobody {
				r.give(12345)
			}
			r.lacking = c.lacking
			r.start()
			_, err := r.chat.Say(1001, "/health")
			must(t, err)
			said := ""
			r.watch(func() bool {
				for _, m := range r.chat.Messages(1001) {
					if strings.Contains(m.Plain, "Healthy") {
						said = m.Plain
					}
				}
				return said != ""
			})
			var report diagnosis
			out, _ := r.program("doctor", "--json", "--config", r.config).Output() // it exits with 1 where something else is amiss
			must(t, json.Unmarshal(out, &report))
			level := ""
			for _, f := range report.Checks {
				if f.Name == "containment" {
					level = f.Detail
				}
			}
			if level == "" || !strings.Contains(said, "\ncontainment: "+level+"\n") {
				t.Errorf("doctor says %q, /health says:\n%s", level, said)
			}
			if !strings.HasPrefix(level, c.want) {
				t.Errorf("doctor says %q, want %q", level, c.want)
			}
		})
	}
}

// give makes the daemon, and all that is its own, another user's.
func (r *rig) give(user int) {
	r.t.Helper()
	r.user = user
	executable, err := os.Executable()
	must(r.t, err)
	program, err := os.ReadFile(executable)
	must(r.t, err)
	must(r.t, os.WriteFile(filepath.Join(r.dir, "program"), program, 0o755))
	must(r.t, os.Chmod(filepath.Dir(r.dir), 0o711))
	must(r.t, filepath.WalkDir(r.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == filepath.Join(r.dir, "hub") {
			return fs.SkipDir
		}
		return os.Chown(path, user, user)
	}))
}

// TestADemandThatTheMachineLacksStopsTheStart demands each level on a machine that has it, where it makes no difference, and
// on one that has not.
func TestADemandThatTheMachineLacksStopsTheStart(t *testing.T) {
	found, err := findFence(t.Context(), true)
	must(t, err)
	for demand, c := range map[string]struct {
		lacking   string
		here      bool // this machine has it
		why, cure string
	}{
		"landlock":  {"landlock", found.landlock > 0, "this kernel has no Landlock", "use a newer kernel"},
		"user":      {"mounts", found.user, "sessions cannot be another user's here", "start as root on a machine that lets root make mounts"},
		"namespace": {"namespaces", found.apart, "this machine allows none", "allow user namespaces"},
	} {
		t.Run(demand, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			must(t, replaceIn(r.config, "landlock = \"auto\"\n", demand+" = \"require\"\n"))
			before := len(r.forge.Mutations())
			r.lacking = c.lacking
			refused := r.program("run", "--config", r.config)
			refused.Stderr = &r.output
			if err := refused.Run(); err == nil || refused.ProcessState.ExitCode() != exitUnknown {
				t.Errorf("it ends with %v", err)
			}
			report, _ := r.program("doctor", "--config", r.config).Output() // it exits with 1
			for who, said := range map[string]string{"run": r.output.String(), "doctor": string(report)} {
				for _, words := range []string{"containment." + demand + " is \"require\"", c.why, c.cure, `"auto" to go on without`} {
					if !strings.Contains(strings.Join(strings.Fields(said), " "), words) {
						t.Errorf("%s does not say %q:\n%s", who, words, said)
					}
				}
			}
			if asked := r.chat.Requests()["getUpdates"]; asked != 0 || len(r.forge.Mutations()) != before {
				t.Errorf("it has polled the chat %d times, and changed %v", asked, r.forge.Mutations())
			}
			if r.lacking = ""; c.here {
				r.start()
			}
		})
	}
}
