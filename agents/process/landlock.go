package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Containment is what a tree may touch; everything else is denied, as far as
// the kernel's Landlock goes. Files may stand in the lists as well as folders;
// paths are absolute; what does not exist when the tree starts is passed over,
// which denies it.
type Containment struct {
	ReadWrite []string // may be read, written, executed, made and removed
	ReadOnly  []string // may be read and executed, beside SystemPaths
	// Network allows TCP. Without it TCP is denied from ABI 4 on, loopback
	// included, and UDP from ABI 10 on.
	Network bool
	// Required makes a kernel without Landlock an error instead of a tree that
	// is not contained.
	Required bool
}

// leastABI is the first Landlock that lets files move between the folders of a
// tree, which git and compilers do. An older one counts as none.
const leastABI = 2

// LandlockABI is the version of the kernel's Landlock, 0 when it has none or
// has it switched off.
func LandlockABI() int {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// SystemPaths are what any program needs to read so that it starts at all:
// programs, libraries, and the parts of /etc that name users, hosts,
// certificates and time zones. They hold no secrets; /etc as a whole does.
func SystemPaths() []string {
	return []string{
		"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr", "/opt", "/nix/store",
		"/proc", "/sys",
		"/etc/alternatives", "/etc/ca-certificates", "/etc/ca-certificates.conf", "/etc/crypto-policies",
		"/etc/debian_version", "/etc/fonts", "/etc/gai.conf", "/etc/group", "/etc/host.conf", "/etc/hostname",
		"/etc/hosts", "/etc/java", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/locale.conf",
		"/etc/localtime", "/etc/login.defs", "/etc/lsb-release", "/etc/machine-id", "/etc/mime.types",
		"/etc/nsswitch.conf", "/etc/os-release", "/etc/passwd", "/etc/pki", "/etc/profile", "/etc/profile.d",
		"/etc/protocols", "/etc/resolv.conf", "/etc/services", "/etc/shells", "/etc/ssl", "/etc/terminfo",
		"/etc/timezone",
	}
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

// apply puts this process under Landlock, so that it can still execute program,
// and says whether it is in force.
func (c *Containment) apply(_ string) (bool, error) {
	if c == nil {
		return false, nil
	}
	if abi := LandlockABI(); abi < leastABI {
		if c.Required {
			return false, fmt.Errorf("contain: the kernel's Landlock has ABI %d, %d is the least", abi, leastABI)
		}
		return false, nil
	}
	if c.Required {
		return false, fmt.Errorf("contain: this build cannot: %w", os.ErrInvalid)
	}
	return false, nil
}
