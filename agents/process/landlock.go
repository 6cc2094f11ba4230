package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/landlock-lsm/go-landlock/landlock"
	sys "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// Containment is what a tree may touch; everything else is denied, as far as
// the kernel's Landlock goes. Files may stand in the lists as well as folders;
// paths are absolute; what does not exist when the tree starts is passed over,
// which denies it.
type Containment struct {
	ReadWrite []string // may be read, written, executed, made and removed
	ReadOnly  []string // may be read and executed, beside SystemPaths
	// Network allows TCP. Without it TCP is denied from ABI 4 on, loopback
	// included, and UDP from ABI 10 on; with Namespace all but loopback is, on any
	// kernel.
	Network bool
	// Namespace gives the tree a process-id namespace with a /proc of its own (see
	// namespace.go). Where that cannot be had the tree is not started.
	Namespace bool
	// Temp is a folder of ReadWrite that the tree finds as /tmp too where it has
	// mounts of its own: as another user, or in a namespace. Elsewhere /tmp is what is
	// not granted. No link leads to it, and the tree cannot exchange it: what lies
	// above it is not granted.
	Temp string
	// Required makes a kernel without Landlock an error instead of a tree that
	// is not contained.
	Required bool

	ownTemp bool // /tmp is the tree's own
}

// leastABI is the first Landlock that lets files move between the folders of a
// tree, which git and compilers do. An older one counts as none.
const leastABI = 2

// LandlockABI is the version of the kernel's Landlock, 0 when it has none or
// has it switched off.
func LandlockABI() int {
	version, err := sys.LandlockGetABIVersion()
	if err != nil {
		return 0
	}
	return version
}

// SystemPaths are what any program needs to read so that it starts at all:
// programs, libraries, and the parts of /etc that name users, hosts,
// certificates and time zones. They hold no secrets; /etc as a whole does.
func SystemPaths() []string {
	paths := []string{
		"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr", "/opt", "/nix/store",
		"/proc", "/sys",
		"/etc/alternatives", "/etc/bash.bashrc", "/etc/ca-certificates", "/etc/ca-certificates.conf",
		"/etc/crypto-policies", "/etc/debian_version", "/etc/fonts", "/etc/gai.conf", "/etc/gitattributes",
		"/etc/gitconfig", "/etc/group", "/etc/host.conf", "/etc/hostname", "/etc/hosts", "/etc/inputrc",
		"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/locale.alias", "/etc/locale.conf",
		"/etc/localtime", "/etc/login.defs", "/etc/lsb-release", "/etc/magic", "/etc/mime.types",
		"/etc/nsswitch.conf", "/etc/os-release", "/etc/passwd", "/etc/perl", "/etc/pki", "/etc/profile",
		"/etc/profile.d", "/etc/protocols", "/etc/resolv.conf", "/etc/services", "/etc/shells", "/etc/ssl/certs",
		"/etc/ssl/openssl.cnf", "/etc/terminfo", "/etc/timezone",
	}
	for _, pattern := range []string{"/etc/java*", "/etc/python3*"} {
		matches, err := filepath.Glob(pattern)
		if err == nil { // the one error is a malformed pattern
			paths = append(paths, matches...)
		}
	}
	return paths
}

// devicePaths are read and written by programs of every kind and keep nothing.
func devicePaths() []string {
	return []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts"}
}

// check refuses lists that do not mean what they seem to.
func (c *Containment) check() error {
	if c == nil {
		return nil
	}
	for _, path := range slices.Concat(c.ReadWrite, c.ReadOnly) {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("contained path %q is not absolute: %w", path, os.ErrInvalid)
		}
	}
	return nil
}

// apply gives up what the tree must not touch, so that its program can still be
// executed, and says what came of it. The calling goroutine must be locked to its
// thread, and execute the program itself.
func (c *Containment) apply(o order) (e entry, err error) {
	if c == nil {
		return entry{}, nil
	}
	var why error
	e.User, why, err = c.show(o)
	if why != nil {
		e.Why = why.Error()
	}
	if err == nil {
		e.Contained, err = c.restrict(o.Path)
	}
	if err == nil {
		err = dropCapabilities()
	}
	if err == nil && e.User != 0 {
		err = becomeUser(e.User)
	}
	if err != nil {
		return entry{}, fmt.Errorf("contain: %w", err)
	}
	return e, nil
}

func (c *Containment) restrict(program string) (bool, error) {
	if abi := LandlockABI(); abi < leastABI {
		if c.Required {
			return false, fmt.Errorf("the kernel's Landlock has ABI %d, %d is the least", abi, leastABI)
		}
		return false, nil
	}
	handled := landlock.V11
	if c.Network || c.Namespace {
		handled.HandledAccessNet = 0
	}
	var rules []landlock.Rule
	writable := slices.Concat(c.ReadWrite, devicePaths())
	if c.ownTemp {
		writable = append(writable, sharedTemp)
	}
	for _, path := range writable {
		if isFolder(path) {
			rules = append(rules, landlock.RWDirs(path).WithRefer().WithIoctlDev().IgnoreIfMissing())
		} else {
			rules = append(rules, landlock.RWFiles(path).WithIoctlDev().IgnoreIfMissing())
		}
	}
	for _, path := range slices.Concat(c.ReadOnly, SystemPaths(), []string{program}) {
		if _, err := os.Stat(path); errors.Is(err, os.ErrPermission) {
			continue // what we may not see ourselves cannot be granted, and is no reason to start nothing
		}
		if isFolder(path) {
			rules = append(rules, landlock.RODirs(path).IgnoreIfMissing())
		} else {
			rules = append(rules, landlock.ROFiles(path).IgnoreIfMissing())
		}
	}
	if err := handled.BestEffort().Restrict(rules...); err != nil {
		return false, err
	}
	return true, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
