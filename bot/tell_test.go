package bot

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lightsout/bot/bottest"
	"lightsout/store"
)

// kinds are all the kinds of event that the store can tell of, read from where it names them: none can be forgotten.
func kinds(t *testing.T) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "store", "event.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			for _, value := range spec.Values {
				if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING && spec.Names[0].IsExported() {
					kind, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, kind)
				}
			}
		}
		return true
	})
	if !slices.Contains(all, store.RunStarted) || !slices.Contains(all, store.LeftoverSessions) {
		t.Fatalf("the kinds of event are not where they were looked for; found %q", all)
	}
	return all
}

// keys are all the keys that events carry.
func keys() []string {
	return []string{"role", "engine", "attempt", "limit", "title", "url", "touches", "score", "check", "detail", "from", "reason", "head", "patch", "attempts", "last", "cost",
		"lacks", "round", "rounds", "policy", "sha", "by", "age", "line", "open", "ready", "fixing", "queue", "next", "rate", "disk", "what", "cure", "outcome", "answer",
		"scope", "until", "name", "ended", "now", "proof", "id", "running", "why"}
}

func TestEveryEventReadsWellWithHostileWords(t *testing.T) {
	hostile := map[string]string{
		"markup":   `<b>&"'</b><script>alert(1)</script></a></pre><a href="javascript:x">`,
		"long":     strings.Repeat("ünïcödé & <so> on 🦊 ", 250) + "x",
		"turned":   "\u202eabc\u2066def\u200b\x00\x1b[31m\r\nx\ny",
		"no UTF-8": "a\xff\xfe<",
		"empty":    "",
		"entities": "&lt;&amp;amp;&#60;",
	}
	for name, words := range hostile {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				for _, other := range []int64{vera, otto, ana} { // one reader is enough
					w.must(w.store.RemovePerson(w.Context(), other))
				}
				w.must(w.store.SaveTickets(w.Context(), []store.Ticket{{Number: 31, Title: words, URL: words, Status: "Todo", Open: true, Refused: words, Reasons: []string{words}, Files: []string{words}}}))
				_, err := w.store.UpdatePull(w.Context(), 42, func(p *store.Pull) {
					p.Ticket, p.Title, p.URL, p.Head, p.PatchID, p.Base, p.BaseSHA = 31, words, words, headA, patchA, words, base
					p.Verdict, p.Reason, p.Proof, p.Files, p.MergedBy = store.Ready, words, words, []string{words}, words
					p.Checks = []store.Check{{Name: words, State: "success"}}
				})
				w.must(err)
				w.must(w.store.KeepReview(w.Context(), store.Review{Run: 7, Ticket: 31, Line: words, Verdict: "{}", Debate: words,
					Points: []store.ReviewPoint{{Fate: words, Place: words, Claim: words}}},
					[]store.Finding{{Name: "F1", Marks: []store.Mark{{Role: words, Engine: words, Mark: "right", Points: 3}}}}))
				w.must(w.store.PublishReview(w.Context(), 7, 42))
				for _, kind := range kinds(w.T) {
					for _, staging := range []string{"up", "failed"} {
						if staging == "failed" && kind != store.Merged && kind != store.StagingFailed {
							continue
						}
						data := map[string]string{"to": store.Ready, "state": store.ApprovalVoid, "chat": strconv.FormatInt(oda, 10), "message": "1"}
						for _, key := range keys() {
							data[key] = words
						}
						data["head"] = headA
						_, err := w.store.UpdatePull(w.Context(), 42, func(p *store.Pull) { p.Staging = staging }, store.Event{Kind: kind, Data: data})
						w.must(err)
						w.must(w.store.Record(w.Context(), store.Event{Kind: kind, Ticket: 31, Data: data}))
						w.must(w.store.Record(w.Context(), store.Event{Kind: kind, Data: map[string]string{"chat": strconv.FormatInt(oda, 10)}}))
						w.must(w.store.Record(w.Context(), store.Event{Kind: kind, Pull: 99, Ticket: 98, Run: 97}))
					}
				}
				w.wait(10 * time.Minute)
				for _, command := range []string{"/status", "/status 42", "/status 31", "/queue", "/prs", "/why 42", "/why 31", "/approve", "/diff 42", "/log 42", "/log 42 review", "/stats", "/rules", "/health",
					"/addrule " + oneLine(clip(200, visible(words))), "/pause", "/reject 42 " + clip(900, words) + "x", "/help approve", "/nothing"} {
					w.say(oda, command)
				}
				if logs := w.logged(); strings.Contains(logs, "sending it plain") || strings.Contains(logs, "refused for good") || strings.Contains(logs, "level=ERROR") {
					t.Errorf("the chat service did not take a message as it was made:\n%s", grep(logs))
				}
				for _, m := range w.said(oda) {
					if strings.Contains(m.Plain, "{{") || strings.Contains(m.Plain, "<no value>") || strings.Contains(m.Plain, "went wrong") {
						t.Errorf("reads badly: %q", m.Plain)
					}
				}
			})
		})
	}
}

func TestTheChatReadsAsItShould(t *testing.T) {
	inWorld(t, func(w *world) {
		w.must(w.store.SaveTickets(w.Context(), []store.Ticket{{Number: 31, Title: "Add CSV export", URL: "https://github.com/acme/shop/issues/31", Status: "Todo", Open: true}}))
		run, err := w.store.StartRun(w.Context(), store.Run{Role: implementer, Ticket: 31, Engine: "claude", Attempt: 1, Limit: 30 * time.Minute, Marker: "a"},
			map[string]string{"touches": "a.go, b.go, c.go", "title": "Add CSV export", "url": "https://github.com/acme/shop/issues/31"})
		w.must(err)
		w.settle()
		m := w.reads("⚙️ Implementer started · #31 Add CSV export\nrun 1 · attempt 1/3 · limit 30m · claude · touches 3 files, overlaps nothing")
		if !m.Silent {
			t.Error("a start makes a sound")
		}
		w.wait(6 * time.Minute)
		session, err := w.store.BeginSession(w.Context(), store.Session{Run: run.ID, Role: implementer, Ticket: 31, Engine: "claude"})
		w.must(err)
		w.must(w.store.EndSession(w.Context(), session, "done", "", store.Spend{Turns: 9, Input: 1, Cached: 1, Output: 1, CostUSD: 0.41}))
		w.must(w.store.EndRun(w.Context(), run.ID, "done", ""))
		w.pull(42, store.Waiting, headA, patchA, store.Event{Kind: store.PullOpened, Run: run.ID, Data: map[string]string{"title": "Add CSV export"}})
		w.settle()
		m = w.reads("🟡 #42 · Add CSV export\nticket #31 · 6m20s · $0.41\n+118 −9 · 2 files · head 9f3c2a1\nproof: 2 new tests fail on main, pass here\nCI 0/1 · lands when green and approved")
		var buttons []string
		for _, b := range slices.Concat(m.Buttons...) {
			buttons = append(buttons, b.Text)
		}
		if !m.Silent || strings.Join(buttons, " ") != "✅ Approve 📄 Diff ✖️ Reject 🧾 Log" {
			t.Errorf("silent %v, buttons %v", m.Silent, buttons)
		}
		card := m.ID

		fix, err := w.store.StartRun(w.Context(), store.Run{Role: fixer, Ticket: 31, Pull: 42, Engine: "claude", Attempt: 2, Marker: "b"},
			map[string]string{"check": "test (ubuntu)", "detail": "TestCSVQuotes"})
		w.must(err)
		w.settle()
		m = w.reads("🔧 Fixer took #42 · attempt 2/3\nfailed: test (ubuntu) → TestCSVQuotes")
		if m.ReplyTo != card || !m.Silent {
			t.Errorf("replies to %d, silent %v", m.ReplyTo, m.Silent)
		}
		w.must(w.store.EndRun(w.Context(), fix.ID, "done", ""))
		w.pull(42, store.Ready, headB, patchB)
		w.settle()
		m = w.reads("🟢 #42 ready · Add CSV export\nCI 1/1 on 77be01c · base main@b0b0b0b\nApprove covers this diff only.")
		if m.Silent || m.ReplyTo != card {
			t.Errorf("ready: silent %v, replies to %d", m.Silent, m.ReplyTo)
		}
		w.tap(oda, m.ID, "✅ Approve")
		if m := w.last(oda, "#42 ready"); len(m.Buttons) != 1 || len(m.Buttons[0]) != 1 {
			t.Errorf("after the approval it still offers %v", m.Buttons)
		}
		w.wait(57 * time.Minute)
		_, err = w.store.UpdatePull(w.Context(), 42, func(p *store.Pull) {
			p.Verdict, p.MergedSHA, p.MergedBy, p.MergedAt = store.Landed, "c41d9e0000", "Oda", w.store.Now()
		}, store.Event{Kind: store.Merged, Data: map[string]string{"sha": "c41d9e0000", "by": "Oda"}})
		w.must(err)
		w.settle()
		m = w.reads("✅ #42 merged as c41d9e0 by Oda · 1h04m from ticket")
		merged := m.ID
		if !m.Silent || m.ReplyTo != card {
			t.Errorf("merged: silent %v, replies to %d", m.Silent, m.ReplyTo)
		}
		_, err = w.store.UpdatePull(w.Context(), 42, func(p *store.Pull) { p.Staging = "started" }, store.Event{Kind: store.StagingStarted})
		w.must(err)
		_, err = w.store.UpdatePull(w.Context(), 42, func(p *store.Pull) { p.Staging = "up" }, store.Event{Kind: store.Staged, Data: map[string]string{"sha": "c41d9e0000"}})
		w.must(err)
		w.settle()
		if m = w.reads("✅ #42 merged as c41d9e0 by Oda · 1h04m from ticket\nStaging: up, c41d9e0 confirmed · ready for QA"); m.ID != merged {
			t.Error("staging came as a message of its own")
		}
		for _, m := range w.said(oda) {
			if m.ID == card && (!strings.HasPrefix(m.Plain, "✅ #42") || len(m.Buttons) != 0) {
				t.Errorf("the card at the end: %q %v", m.Plain, m.Buttons)
			}
		}
		w.must(w.store.Record(w.Context(), store.Event{Kind: store.GaveUp, Ticket: 31, Pull: 42, Data: map[string]string{"attempts": "3", "cost": "1.87", "last": "lint: unused variable rows (csv.go:88)"}}))
		w.settle()
		m = w.reads("🔴 Gave up on #42 after 3 attempts · $1.87\nlast: lint: unused variable rows (csv.go:88)\nBranch and logs kept. Ticket #31 is back in Todo with the story so far.")
		if m.Silent || m.Buttons[0][0].Text != "🔁 Retry" || m.Buttons[0][1].Text != "🧾 Log" {
			t.Errorf("gave up: silent %v, %v", m.Silent, m.Buttons)
		}
		w.must(w.store.Record(w.Context(), store.Event{Kind: store.Heartbeat, Data: map[string]string{"line": "All PRs green. Standing by.", "open": "2", "ready": "1", "fixing": "0", "queue": "5",
			"next": "implementer 02:30", "rate": "4812/5000", "disk": "71%"}}))
		w.settle()
		w.reads("💤 All PRs green. Standing by.\nopen 2  ready 1  fixing 0  queue 5\nnext implementer 02:30\nGitHub 4,812/5,000  disk 71%")
		w.must(w.store.Park(w.Context(), 31, "vague", map[string]string{"lacks": "what is expected\nwhen it is done"}))
		w.settle()
		w.reads("⏸ Parked · #31 Add CSV export\nvague\nIt is not picked until its text says more:\n• what is expected\n• when it is done")
	})
}

// reads requires that the newest message to the owner is this one.
func (w *world) reads(text string) (m struct {
	ID, ReplyTo int
	Silent      bool
	Buttons     [][]struct{ Text string }
}) {
	w.Helper()
	said := w.said(oda)
	last := said[len(said)-1]
	if last.Plain != text {
		w.Fatalf("reads\n%s\n\nand should read\n%s", last.Plain, text)
	}
	m.ID, m.ReplyTo, m.Silent = last.ID, last.ReplyTo, last.Silent
	for _, row := range last.Buttons {
		var line []struct{ Text string }
		for _, b := range row {
			line = append(line, struct{ Text string }{b.Text})
		}
		m.Buttons = append(m.Buttons, line)
	}
	return m
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.logs.String()
}

func TestReadyIsSaidOnceForEachDiff(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Waiting)
		for range 3 {
			w.pull(42, store.Ready, headA, patchA)
			w.settle()
			w.pull(42, store.Waiting, headA, patchA)
			w.settle()
		}
		w.halt()
		w.start(Options{})
		if n := strings.Count(w.transcript(ana), "#42 ready"); n != 1 {
			t.Errorf("said %d times", n)
		}
		w.pull(42, store.Ready, headB, patchB)
		w.settle()
		if n := strings.Count(w.transcript(ana), "#42 ready"); n != 2 {
			t.Errorf("said %d times for two diffs", n)
		}
	})
}

func TestOneCardIsEditedInPlace(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Waiting)
		before := len(w.said(vera))
		for _, verdict := range []string{store.Red, store.Running, store.Waiting, store.Landing, store.Parked, store.Unknown, store.BaseRed, store.Behind} {
			w.pull(42, verdict, headA, patchA)
			w.settle()
			if !strings.HasPrefix(w.card(vera).Plain, face(verdict)) {
				t.Errorf("%s: %s", verdict, w.card(vera).Plain)
			}
		}
		if n := len(w.said(vera)) - before; n != 0 {
			t.Errorf("%d messages beside the card\n%s", n, w.transcript(vera))
		}
	})
}

func TestAHeartbeatTakesThePlaceOfTheOneBeforeUnlessSomethingWasSaid(t *testing.T) {
	inWorld(t, func(w *world) {
		beat := func(n int) {
			w.must(w.store.Record(w.Context(), store.Event{Kind: store.Heartbeat, Data: map[string]string{"line": fmt.Sprint("Standing by ", n)}}))
			w.settle()
		}
		beat(1)
		beat(2)
		var beats []string
		for _, m := range w.said(vera) {
			if strings.HasPrefix(m.Plain, "💤") {
				beats = append(beats, m.Plain)
			}
		}
		if len(beats) != 1 || beats[0] != "💤 Standing by 2" {
			t.Errorf("%v", beats)
		}
		w.say(vera, "/status")
		beat(3)
		w.last(vera, "Standing by 2")
		w.last(vera, "Standing by 3")
	})
}

func TestHeartbeatsDoNotPileUpWhileTheChatIsDown(t *testing.T) {
	inWorld(t, func(w *world) {
		w.queue(vera, 1)
		w.Fault(bottest.Fault{Method: "sendMessage", Chat: vera, Kind: bottest.Internal, Times: 5})
		for range 5 {
			w.must(w.store.Record(w.Context(), store.Event{Kind: store.Heartbeat}))
		}
		w.wait(10 * time.Minute)
		beats := 0
		for _, m := range w.Messages(vera) {
			if strings.HasPrefix(m.Plain, "💤") {
				beats++
			}
		}
		if beats != 1 {
			t.Errorf("%d heartbeats, deleted ones included\n%s", beats, w.transcript(vera))
		}
	})
}

func TestEventsOfADaemonThatWasDownAreToldOnceWhenItIsBack(t *testing.T) {
	inWorld(t, func(w *world) {
		w.halt()
		w.must(w.store.Trouble(w.Context(), store.Problem{What: "GitHub unreadable", Reason: "502 for 12 min", Cure: "wait"}))
		w.start(Options{})
		w.halt()
		w.start(Options{})
		if n := strings.Count(w.transcript(vera), "GitHub unreadable\n502 for 12 min\nwait"); n != 1 {
			t.Errorf("said %d times\n%s", n, w.transcript(vera))
		}
	})
}

func TestWhoDidItIsAnsweredAndTheOthersAreTold(t *testing.T) {
	inWorld(t, func(w *world) {
		w.say(otto, "/pause implementer")
		if n := strings.Count(w.transcript(otto), "Implementer paused"); n != 1 {
			t.Errorf("otto was told %d times", n)
		}
		w.hears(vera, "Implementer paused", "until /resume", "by Otto")
		w.say(otto, "/resume")
		w.hears(vera, "Factory goes on", "by Otto")
		w.say(otto, "/resume")
		w.hears(otto, "Nothing was paused")
	})
}

func TestAPauseSaysWhichRunsItEnds(t *testing.T) {
	inWorld(t, func(w *world) {
		for _, r := range []store.Run{{Role: implementer, Ticket: 31, Marker: "a"}, {Role: fixer, Ticket: 32, Pull: 42, Marker: "b"}} {
			_, err := w.store.StartRun(w.Context(), r, nil)
			w.must(err)
		}
		w.must(w.store.Step(w.Context(), 1, "publishing"))
		w.say(otto, "/pause implementer")
		if told := "Implementer paused · until /resume · the others go on · /resume implementer ends it"; !strings.Contains(w.transcript(otto), told) {
			t.Errorf("not told %q\n%s", told, w.transcript(otto))
		}
		w.must(w.store.Step(w.Context(), 1, "session, round 1"))
		w.say(otto, "/pause fixer")
		w.hears(otto, "Fixer paused", "run 2 is ended, its work is kept")
		w.say(otto, "/pause")
		w.hears(otto, "Factory paused", "runs 1 and 2 are ended, their work is kept")
		w.say(otto, "/pause merger")
		w.hears(otto, "Merger paused", "the others go on")
	})
}

func TestANewPersonOfAKnownNameIsToldApart(t *testing.T) {
	inWorld(t, func(w *world) {
		w.AddPerson(77, "Otto")
		w.must(w.store.AddPerson(w.Context(), store.Person{ID: 77, Name: "Otto", Role: store.Operator, Chat: 77}))
		w.settle()
		w.say(otto, "/pause fixer")
		w.hears(77, "Fixer paused", "by Otto (12)")
	})
}

func TestViewersAreOfferedNothingTheyMayNotDo(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Waiting)
		w.pull(42, store.Ready, headA, patchA)
		w.settle()
		for _, m := range w.said(vera) {
			for _, b := range slices.Concat(m.Buttons...) {
				if verb, _, _ := parseTap(b.Data); verb != "diff" && verb != "log" {
					t.Errorf("%q offers %s", m.Plain, b.Text)
				}
			}
		}
	})
}

func TestDiffAndLogComeAsFiles(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		for _, button := range []string{"📄 Diff", "🧾 Log"} {
			if toast := w.tap(vera, w.card(vera).ID, button); toast != "Here it comes" {
				t.Errorf("%s: %s", button, toast)
			}
			said := w.said(vera)
			if m := said[len(said)-1]; m.Document == nil || string(m.Document.Bytes) != "--- a\n+++ b\n" {
				t.Errorf("%s: %+v", button, m.Document)
			}
		}
	})
}

func TestAMistypedCommandIsGuessed(t *testing.T) {
	inWorld(t, func(w *world) {
		w.say(vera, "/aprove 42")
		w.hears(vera, "I do not know /aprove", "did you mean /approve?")
		w.say(vera, "good morning")
		w.hears(vera, "I understand commands and buttons")
	})
}

func TestStatusIsRefreshedInPlace(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Waiting)
		w.say(vera, "/status")
		m := w.hears(vera, "Standing by", "open 1  ready 0  fixing 0  queue 1", "#42 Add CSV export")
		w.pull(42, store.Ready, headA, patchA)
		w.settle()
		n := len(w.said(vera))
		w.tap(vera, m.ID, "🔄 Refresh")
		w.last(vera, "1 pull request ready for you")
		if len(w.said(vera)) != n {
			t.Error("refreshing sent a message")
		}
		board, err := ReadBoard(w.Context(), w.store, map[string]time.Time{fixer: w.store.Now().Add(time.Hour)})
		w.must(err)
		text, err := board.Text()
		if err != nil || !strings.Contains(text, "1 pull request ready for you · acme/shop\nopen 1  ready 1  fixing 0  queue 1\nnext fixer 01:") {
			t.Errorf("%v %s", err, text)
		}
	})
}

func TestAnIdleBotPollsTwiceAMinuteAndDoesNothingElse(t *testing.T) {
	inWorld(t, func(w *world) {
		before := w.Requests()
		w.wait(time.Hour)
		for method, n := range w.Requests() {
			n -= before[method]
			if method == "getUpdates" && n > 0 && n <= 121 {
				continue
			}
			if n != 0 {
				t.Errorf("%d calls of %s in an idle hour", n, method)
			}
		}
	})
}

// grep picks what went wrong out of a log.
func grep(logs string) string {
	lines := strings.Split(logs, "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return !strings.Contains(l, "level=ERROR") && !strings.Contains(l, "level=WARN") })
	return strings.Join(lines[:min(len(lines), 20)], "\n")
}
