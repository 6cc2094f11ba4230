package bot

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lightsout/bot/bottest"
	"lightsout/store"
)

// arguments make a command change something where it is allowed to.
func arguments(c Command) string {
	switch c.Name {
	case "approve", "unapprove", "status", "why", "diff", "log", "retry", "revert":
		return "42"
	case "reject":
		return "42 it drops quotes"
	case "skip":
		return "31"
	case "cancel":
		return "1"
	case "pause":
		return "2h"
	case "resume":
		return "fixer"
	case "addrule":
		return "Keep exported names stable."
	}
	return ""
}

// changes names the commands that change more than the chat. A command that is added must be put on one side or the other.
func changes(c Command) bool {
	switch c.Name {
	case "approve", "unapprove", "reject", "run", "retry", "revert", "skip", "cancel", "pause", "resume", "addrule":
		return true
	case "start", "help", "status", "queue", "prs", "why", "diff", "log", "stats", "rules", "health":
		return false
	}
	panic("the test does not know /" + c.Name)
}

// stage puts everything there that a command could act on.
func (w *world) stage(c Command) {
	w.Helper()
	w.opened(42, store.Ready)
	if _, err := w.store.StartRun(w.Context(), store.Run{Role: "implementer", Ticket: 31, Engine: "command", Attempt: 1, Marker: "m"}, nil); err != nil {
		w.Fatal(err)
	}
	w.must(w.store.Pause(w.Context(), "fixer", w.store.Now().AddDate(0, 0, 1), "Oda"))
	if c.Name == "unapprove" {
		if _, err := w.store.Approve(w.Context(), 42, headA, patchA, oda, "Oda"); err != nil {
			w.Fatal(err)
		}
	}
	if c.Name == "revert" {
		w.pull(42, store.Landed, headA, patchA, store.Event{Kind: store.StagingFailed, Data: map[string]string{"sha": headA, "reason": "failure"}})
	}
	if c.Name == "retry" {
		w.must(w.store.Park(w.Context(), 31, "three failures", nil))
	}
	w.settle()
}

// actors are everybody who could type a command, each with the role that the store gives them, "" for a stranger.
func actors() map[int64]string {
	return map[int64]string{mallory: "", vera: store.Viewer, otto: store.Operator, ana: store.Approver, oda: store.Owner}
}

// crews puts together who can give a command in one world, because they will change nothing there, and everybody else in a
// world of their own.
func crews(c Command) [][]int64 {
	var together []int64
	var all [][]int64
	for who, role := range actors() {
		if changes(c) && allowed(role, c.Role) {
			all = append(all, []int64{who})
		} else {
			together = append(together, who)
		}
	}
	return append(all, together)
}

func TestEveryCommandChangesSomethingForThoseAloneWhoMayGiveIt(t *testing.T) {
	given := 0
	for _, command := range Commands() {
		for _, crew := range crews(command) {
			t.Run(fmt.Sprint(command.Name, " by ", crew), func(t *testing.T) {
				inWorld(t, func(w *world) {
					w.stage(command)
					for _, who := range crew {
						given++
						w.gives(command, who, actors()[who])
					}
				})
			})
		}
	}
	if want := len(Commands()) * len(actors()); given != want {
		t.Errorf("%d of %d cells of the matrix were tried", given, want)
	}
}

// gives lets somebody give a command and compares what came of it with what their role allows.
func (w *world) gives(command Command, who int64, role string) {
	w.Helper()
	before, messages := w.fingerprint(), len(w.said(who))
	w.say(who, "/"+command.Name+" "+arguments(command))
	may := allowed(role, command.Role)
	if changed := w.fingerprint() != before; changed != (may && changes(command)) {
		w.Errorf("%s: changed something: %v", role, changed)
	}
	answers := w.said(who)[messages:]
	switch {
	case role == "" && len(answers) > 0:
		w.Errorf("a stranger was answered: %s", answers[0].Plain)
	case role != "" && len(answers) == 0:
		w.Errorf("%s: no answer", role)
	case role != "" && !may && !strings.Contains(answers[0].Plain, "needs the role "+command.Role):
		w.Errorf("%s: refused with %q", role, answers[0].Plain)
	case role != "" && may && strings.Contains(answers[0].Plain, "went wrong"):
		w.Errorf("%s: failed: %q", role, answers[0].Plain)
	}
}

func TestACommandInAGroupIsJudgedByWhoSentItAlone(t *testing.T) {
	for who, role := range actors() {
		t.Run(either(role, "a stranger"), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.opened(42, store.Ready)
				before := w.fingerprint()
				if _, err := w.Seat(group, who).Say("/approve@lightsout_bot 42"); err != nil {
					t.Fatal(err)
				}
				w.settle()
				may := allowed(role, store.Approver)
				if changed := w.fingerprint() != before; changed != may {
					t.Errorf("changed something: %v", changed)
				}
				if answered := len(w.said(group)) > 0; answered != (role != "") {
					t.Errorf("answered in the group: %v\n%s", answered, w.transcript(group))
				}
			})
		})
	}
}

func TestCommandsToOtherBotsAndTalkInAGroupAreLeftAlone(t *testing.T) {
	inWorld(t, func(w *world) {
		w.opened(42, store.Ready)
		before := w.fingerprint()
		for _, text := range []string{"/approve@other_bot 42", "please /approve@lightsout_bot 42", "/unheard@lightsout_bot", "hello @lightsout_bot"} {
			if _, err := w.Seat(group, oda).Say(text); err != nil {
				t.Fatal(err)
			}
		}
		w.settle()
		if w.fingerprint() != before {
			t.Error("something changed")
		}
		if said := w.said(group); len(said) > 0 {
			t.Errorf("answered %q", said[0].Plain)
		}
	})
}

// forgeries are callback data that no button of the presser's message carries, made with all that an attacker can know.
func forgeries(verb, stolen string) []string {
	return []string{
		"v1:" + verb + ":" + stolen,
		"v1:" + verb + ":AAAAAAAAAAAAAAAAAAAAAAAAAA",
		"v1:" + verb + ":",
		verb + ":42",
		"v2:" + verb + ":" + stolen,
		"v1:" + verb + ":' OR 1=1 --",
	}
}

func TestForgedTapsChangeNothing(t *testing.T) {
	for _, command := range Commands() {
		for _, verb := range command.Verbs {
			t.Run(verb, func(t *testing.T) {
				inWorld(t, func(w *world) {
					// The nonce is a real one, of the same button in the owner's chat: it must serve nobody else.
					stolen, carrier := w.offered(command, verb)
					before := w.fingerprint()
					for who, role := range actors() {
						message := 1
						for _, m := range w.said(who) {
							if m.ID != carrier {
								message = m.ID // it may serve its own message alone, not even another one of the same chat
							}
						}
						for _, data := range forgeries(verb, stolen) {
							toast, err := w.TapData(who, message, data)
							switch {
							case role == "" && !errors.Is(err, bottest.ErrNoAnswer):
								t.Errorf("%s: a stranger was answered %q", data, toast)
							case role != "" && err != nil:
								t.Errorf("%s: %v", data, err)
							case role != "" && !strings.Contains(toast, "no longer alive") && !strings.Contains(toast, "needs the role"):
								t.Errorf("%s by %s: answered %q", data, role, toast)
							}
						}
					}
					w.settle()
					if after := w.fingerprint(); after != before {
						t.Errorf("a forged tap changed something:\n%s\n%s", before, after)
					}
				})
			})
		}
	}
}

// offered puts a button of a verb into the owner's chat, with everything there that it could act on, and returns its nonce
// and the message that carries it.
func (w *world) offered(c Command, verb string) (nonce string, message int) {
	w.Helper()
	if verb == "confirm" {
		w.halt()
		w.start(Options{Protected: func(files []string) []string { return files }})
	}
	w.stage(c)
	switch verb {
	case "status":
		w.say(oda, "/status")
	case "confirm":
		w.say(oda, "/approve 42")
	}
	for _, m := range w.said(oda) {
		for _, b := range slices.Concat(m.Buttons...) {
			if v, nonce, ok := parseTap(b.Data); ok && v == verb {
				return nonce, m.ID
			}
		}
	}
	w.Fatalf("no button of %s was offered:\n%s", verb, w.transcript(oda))
	return "", 0
}

// tapChanges names the verbs whose button changes more than the chat: reject asks for the reason first.
func tapChanges(verb string) bool {
	switch verb {
	case "approve", "confirm", "retry", "revert":
		return true
	case "status", "diff", "log", "reject":
		return false
	}
	panic("the test does not know the button " + verb)
}

func TestEveryButtonServesThoseAloneWhoMayGiveItsCommand(t *testing.T) {
	// A real button in its own chat, and the role of whom it was offered to has changed since.
	tried := 0
	for _, command := range Commands() {
		for _, verb := range command.Verbs {
			var worlds [][]string
			var together []string
			for _, role := range []string{"", store.Viewer, store.Operator, store.Approver, store.Owner} {
				if tapChanges(verb) && allowed(role, command.Role) {
					worlds = append(worlds, []string{role})
				} else {
					together = append(together, role)
				}
			}
			for _, roles := range append(worlds, together) {
				t.Run(fmt.Sprintf("%s by %q", verb, roles), func(t *testing.T) {
					inWorld(t, func(w *world) {
						nonce, message := w.offered(command, verb)
						for _, role := range roles {
							tried++
							w.becomes(oda, role)
							w.taps(command, verb, nonce, message, role)
						}
					})
				})
			}
		}
	}
	verbs := 0
	for _, command := range Commands() {
		verbs += len(command.Verbs)
	}
	if tried != 5*verbs {
		t.Errorf("%d of %d cells of the matrix were tried", tried, 5*verbs)
	}
}

// becomes gives somebody another role, "" for none.
func (w *world) becomes(who int64, role string) {
	w.Helper()
	if role == "" {
		w.must(w.store.RemovePerson(w.Context(), who))
	} else {
		w.must(w.store.AddPerson(w.Context(), store.Person{ID: who, Name: "Oda", Role: role, Chat: who}))
	}
	w.settle()
}

// taps has the owner of a button tap it in a role, and compares what came of it with what the role allows.
func (w *world) taps(command Command, verb, nonce string, message int, role string) {
	w.Helper()
	before := w.fingerprint()
	toast, err := w.TapData(oda, message, "v1:"+verb+":"+nonce)
	w.settle()
	may := allowed(role, command.Role)
	if changed := w.fingerprint() != before; changed != (may && tapChanges(verb)) {
		w.Errorf("%q: changed something: %v, toast %q", role, changed, toast)
	}
	switch {
	case role == "" && !errors.Is(err, bottest.ErrNoAnswer):
		w.Errorf("a stranger was answered %q", toast)
	case role != "" && err != nil:
		w.Errorf("%s: %v", role, err)
	case role != "" && !may && !strings.Contains(toast, "needs the role "+command.Role):
		w.Errorf("%s: refused with %q", role, toast)
	case may && (strings.Contains(toast, "no longer alive") || strings.Contains(toast, "needs the role")):
		w.Errorf("%s: refused with %q", role, toast)
	}
}

func TestAButtonServesItsOwnVerbAlone(t *testing.T) {
	for _, command := range Commands() {
		for _, verb := range command.Verbs {
			t.Run(verb, func(t *testing.T) {
				inWorld(t, func(w *world) {
					nonce, message := w.offered(command, verb)
					before := w.fingerprint()
					for _, other := range Commands() {
						for _, wish := range other.Verbs {
							if wish == verb {
								continue
							}
							if toast, err := w.TapData(oda, message, "v1:"+wish+":"+nonce); err != nil || !strings.Contains(toast, "no longer alive") {
								w.Errorf("the button of %s served %s: %q, %v", verb, wish, toast, err)
							}
						}
					}
					w.settle()
					if w.fingerprint() != before {
						w.Error("something changed")
					}
				})
			})
		}
	}
}

func TestAButtonInAGroupServesThoseAloneWhoMayGiveItsCommand(t *testing.T) {
	// The same message in a group: everybody in it can press the very button.
	for who, role := range actors() {
		t.Run(either(role, "a stranger"), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.opened(42, store.Ready)
				if _, err := w.Seat(group, oda).Say("/status@lightsout_bot 42"); err != nil {
					t.Fatal(err)
				}
				w.settle()
				m := w.last(group, "Add CSV export")
				toast, err := w.Seat(group, who).Tap(m.ID, "✅ Approve")
				w.settle()
				_, grant := w.store.Grant(w.Context(), 42)
				switch {
				case allowed(role, store.Approver):
					if err != nil || grant != nil || !strings.Contains(toast, "Approved 9f3c2a1") {
						t.Errorf("toast %q, %v, %v", toast, err, grant)
					}
				case grant == nil:
					t.Error("approved")
				case role == "" && !errors.Is(err, bottest.ErrNoAnswer), role != "" && !strings.Contains(toast, "needs the role approver"):
					t.Errorf("answered %q, %v", toast, err)
				}
			})
		})
	}
}

func TestStrangersAreCountedAndTheirFloodIsNotKept(t *testing.T) {
	inWorld(t, func(w *world) {
		for range 50 {
			if _, err := w.Say(mallory, "/start ABCDEFGH"); err != nil {
				t.Fatal(err)
			}
		}
		w.settle()
		w.say(oda, "/health")
		w.hears(oda, "strangers refused 50")
		events, err := w.store.Events(w.Context(), 0, 1000)
		w.must(err)
		n := 0
		for _, e := range events {
			if e.Kind == store.StrangerRefused {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d events for one flood", n)
		}
	})
}
