//go:build ci

package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lightsout/agents/engine/enginetest"
	"lightsout/agents/process"
	"lightsout/cmd/lightsout/sample"
)

// TestRealCLIIsSwappedByOneFlagOfADemo has real coding CLIs, which find their provider by a variable, land a ticket in a copy of
// a repository. Nothing else differs between them. codex and pi are told of another provider by files, which the demo has none
// of; gemini, with no model named, first asks a router of its own, for JSON that the scripted model does not speak.
func TestRealCLIIsSwappedByOneFlagOfADemo(t *testing.T) {
	for _, kind := range []string{"claude", "opencode", "qwen"} {
		t.Run(kind, func(t *testing.T) {
			model := enginetest.NewModel("All done.",
				enginetest.Step{Run: `sed -i 's/echo 1;/sum=0; for n in "$@"; do sum=$((sum + n)); done; echo $sum;/' total.sh`},
				enginetest.Step{Run: `printf '. ./total.sh\n[ "$(total 2 3)" = 5 ] || exit 1\n' >tests/sum_test.sh; sh test.sh`},
				enginetest.Step{Run: `printf '## What\n\nIt adds.\n\n## Why\n\nIt printed a constant.\n' >"$HOME/pull-request.md"`})
			server := httptest.NewServer(model)
			defer server.Close()
			defer model.Close()
			work := t.TempDir()
			repo, tickets := filepath.Join(work, "prices"), filepath.Join(work, "tickets.toml")
			must(t, sample.Write(repo, tinyRepo))
			must(t, os.WriteFile(tickets, []byte("milestone = \"Bills\"\n[[ticket]]\ntitle = \""+tinyTitle+"\"\nbody = '''\n"+tinyBody+"'''\n"), 0o600))
			for _, args := range []string{"init -q -b main", "add .", "-c user.name=Ana -c user.email=ana@example.org commit -qm Prices"} {
				_, err := process.Output(t.Context(), process.Command{Args: append([]string{"git"}, strings.Fields(args)...), Dir: repo, Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + work}})
				must(t, err)
			}
			environ := []string{"PATH=" + filepath.Join(moduleRoot(t), ".ci", "node_modules", ".bin") + ":" + os.Getenv("PATH"), "HOME=" + work, "LANG=C.UTF-8", "ANTHROPIC_API_KEY=k", "OPENAI_API_KEY=k", "GEMINI_API_KEY=k",
				"ANTHROPIC_BASE_URL=" + server.URL, "GOOGLE_GEMINI_BASE_URL=" + server.URL, "OPENAI_BASE_URL=" + server.URL + "/v1"}
			var out, complaints bytes.Buffer
			code := run(t.Context(), []string{"demo", "--yes", "--json", "--dir", filepath.Join(work, "demo"), "--limit", "5m", "--repo", repo, "--tickets", tickets, "--test", "sh test.sh", "--engine", kind},
				console{in: strings.NewReader(""), out: &out, err: &complaints, environ: environ})
			var result demoResult
			if err := json.Unmarshal(out.Bytes(), &result); err != nil || code != exitYes || result.Merged != 1 || result.Staged != 1 || result.Tickets[0].Attempts != 1 {
				chat, _ := os.ReadFile(filepath.Join(work, "demo", "chat.json")) // for the log alone
				t.Fatalf("exit %d, %v\n%s\n%s\n%s", code, err, out.String(), complaints.String(), chat)
			}
			if !strings.Contains(result.Tickets[0].Proof, "fails on main, passes here") {
				t.Errorf("the proof says %q", result.Tickets[0].Proof)
			}
		})
	}
}
