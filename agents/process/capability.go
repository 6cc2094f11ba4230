package process

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// keptCapabilities are all that a contained tree of root's may do beyond its own
// files: change owners and modes, switch to lesser users, end its own processes,
// listen on low ports. Landlock alone does not hold root: CAP_PERFMON reads the
// environment of any process, CAP_MKNOD makes the disk's device anew in a
// writable folder, CAP_DAC_READ_SEARCH opens files without a path.
const keptCapabilities uint64 = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER |
	1<<unix.CAP_FSETID | 1<<unix.CAP_KILL | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETUID | 1<<unix.CAP_NET_BIND_SERVICE

// dropCapabilities leaves the calling thread, and what it will execute, with no
// more than the kept capabilities. A thread without any has nothing to drop: no
// new privileges can come.
func dropCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // the low and the high 32 bits
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	if data[0].Effective&(1<<unix.CAP_SETPCAP) != 0 {
		for c := uintptr(0); c < 64; c++ {
			if keptCapabilities&(1<<c) != 0 {
				continue
			}
			// The kernel says EINVAL of the first it does not know.
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err == unix.EINVAL {
				break
			} else if err != nil {
				return fmt.Errorf("drop capability %d: %w", c, err)
			}
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("drop ambient capabilities: %w", err)
	}
	for i := range data {
		kept := uint32(keptCapabilities >> (32 * i))
		data[i].Permitted &= kept
		data[i].Effective &= kept
		data[i].Inheritable = 0
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}
