package process

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A tree with namespaces of its own (namespaces(7)) has its helper as their first
// process. It sees and can signal nobody but itself, and when its helper ends, by
// whatever means, the kernel ends all of it: there is no escape to look for. The
// helper that the daemon has started stays outside, waits, and takes that one with
// it should it be killed.
//
// Root makes them as it is. Anybody else makes a user namespace first, in which it
// stays who it is; many machines forbid that, which only trying tells.

// errReported says that the helper within has told the daemon all there is to tell.
var errReported = errors.New("reported")

// delegate has a helper within namespaces of its own run the tree, and waits until
// both are gone.
func (s *supervisor) delegate(o order) error {
	sys := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if !o.Contain.Network {
		sys.Cloneflags |= unix.CLONE_NEWNET
	}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		sys.Cloneflags |= unix.CLONE_NEWUSER
		sys.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		sys.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		// Who is not root there keeps over exec only what is ambient.
		sys.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN}
	}
	// The death that Pdeathsig speaks of is that of the thread.
	runtime.LockOSThread()
	within, err := os.StartProcess(ownBinary, []string{"lightsout", insideWord}, &os.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, s.order, s.pipe, s.out}, Sys: sys})
	if err != nil {
		return fmt.Errorf("namespace: %w", refusal(err))
	}
	// What the tree closes is closed, as it would be without this helper.
	for _, file := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		_ = file.Close() // nothing was buffered
	}
	for {
		if _, err := within.Wait(); err == nil || !errors.Is(err, syscall.EINTR) {
			return errReported
		}
	}
}

// refusal is why the kernel has not started this binary again. Which binary that is
// says nothing to whoever reads it.
func refusal(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// runInside is a helper that is the first process of its namespaces.
func runInside(o order, s *supervisor) (report, error) {
	if os.Getpid() != 1 {
		return report{Code: -1}, errors.New("this helper is not the first of a namespace")
	}
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	}
	if err != nil {
		return report{Code: -1}, fmt.Errorf("namespace: a /proc of its own: %w", err)
	}
	if !o.Contain.Network {
		if err := raiseLoopback(); err != nil {
			return report{Code: -1}, fmt.Errorf("namespace: loopback: %w", err)
		}
	}
	r, err := s.run(o)
	r.Namespace = true
	return r, err
}

// raiseLoopback lets the tree talk to itself, as tests of servers do: the loopback of a
// new network is down.
func raiseLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, loopback); err != nil {
		return err
	}
	loopback.SetUint16(loopback.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback)
}
