package proof

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestOfflineTestsReachTheirOwnServersAndNobodyElses holds, where a machine allows no namespaces, that nothing was run.
func TestOfflineTestsReachTheirOwnServersAndNobodyElses(t *testing.T) {
	t.Parallel()
	others, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer others.Close()
	server := testOf("Server", fmt.Sprintf(`own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", own.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", %q); err == nil {
		t.Fatal("the machine's network is there")
	}
	if got := Sum(-1, 2); got != 1 {
		t.Fatal(got)
	}`, others.Addr()))
	r := newRepository(t, calculator, files{"sum/sum.go": goodSum, "sum/server_test.go": goTests("sum", "\t\"net\"\n", server)})
	receipt, err := r.prove(t, func(r *Request) { r.Contain, r.Apart, r.Offline = true, true, true })
	if err != nil && strings.Contains(err.Error(), "namespace: ") && !receipt.Proven {
		t.Logf("not on this machine: %v", err)
		return
	}
	if err != nil || !receipt.Proven {
		t.Errorf("proven %v, error %v, refusals %+v", receipt.Proven, err, receipt.Refusals)
	}
}
