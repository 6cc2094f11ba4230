package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyMappingsThatCannotLoseAnythingAreLetGo(t *testing.T) {
	const smaps = `00400000-00f4a000 r-xp 00000000 fe:01 131 /usr/local/bin/lightsout
Size:              11560 kB
Rss:                9000 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00f4a000-01ab2000 r--p 00b4a000 fe:01 131 /usr/local/bin/lightsout
Anonymous:             0 kB
01ab2000-01b40000 rw-p 016b2000 fe:01 131 /usr/local/bin/lightsout
Anonymous:             0 kB
7f0000000000-7f0000004000 r--p 00000000 fe:01 77 /usr/lib/libc.so.6
Anonymous:            16 kB
7f1000000000-7f1000001000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
c000000000-c000400000 rw-p 00000000 00:00 0
Anonymous:          4096 kB
`
	want := []mapping{{0x400000, 0xb4a000}, {0xf4a000, 0xb68000}}
	if diff := cmp.Diff(want, cleanMappings(strings.NewReader(smaps)), cmp.AllowUnexported(mapping{})); diff != "" {
		t.Error(diff)
	}
}

func TestAProcessThatLetsGoOfItsFileGoesOn(t *testing.T) {
	resident := func() int { return memory(t, os.Getpid())["RssFile"] }
	before := resident()
	unmapIdle()
	if after := resident(); after >= before {
		t.Errorf("%d KB of files resident before and %d KB after", before, after)
	}
	if got := strings.Repeat("still here ", 2); got != "still here still here " {
		t.Errorf("it says %q", got)
	}
}

// memory reads what the kernel says of a process, in KB.
func memory(t *testing.T, pid int) map[string]int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	found := map[string]int{}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(line, ":")
		if amount, isSize := strings.CutSuffix(strings.TrimSpace(rest), " kB"); isSize {
			found[name], err = strconv.Atoi(strings.TrimSpace(amount))
			must(t, err)
		}
	}
	return found
}
