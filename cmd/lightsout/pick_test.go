package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPickSaysWhichTicketIsNextAndChangesNothing(t *testing.T) {
	r := newRig(t)
	before, mutations := r.files(), len(r.forge.Mutations())
	var out, complaints bytes.Buffer
	code := run(t.Context(), []string{"pick", "--json", "--config", r.config}, console{in: strings.NewReader(""), out: &out, err: &complaints, environ: os.Environ()})
	if code != exitYes {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), complaints.String())
	}
	var rows []pickedTicket
	must(t, json.Unmarshal(out.Bytes(), &rows))
	if len(rows) != 1 || rows[0].Number != r.ticket || !rows[0].Picked {
		t.Errorf("picked %+v, want #%d", rows, r.ticket)
	}
	if after := r.files(); after != before {
		t.Errorf("beside the configuration and in the state folder there were\n%s\nand now there are\n%s", before, after)
	}
	if n := len(r.forge.Mutations()) - mutations; n != 0 {
		t.Errorf("GitHub was changed %d times", n)
	}
}

// files are the names of all that lies in the folders of configuration and state.
func (r *rig) files() string {
	r.t.Helper()
	var names []string
	for _, dir := range []string{r.dir, filepath.Join(r.dir, "state")} {
		entries, err := os.ReadDir(dir)
		must(r.t, err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	return strings.Join(names, "\n")
}
