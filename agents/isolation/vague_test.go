package isolation

import (
	"embed"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lightsout/agents/forge"
)

//go:embed testdata/tickets
var tickets embed.FS

// readTickets gives the sample tickets by name; each file begins with "# " and the title.
func readTickets(t testing.TB) map[string]forge.Ticket {
	t.Helper()
	entries, err := tickets.ReadDir("testdata/tickets")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]forge.Ticket{}
	for _, e := range entries {
		content, err := tickets.ReadFile("testdata/tickets/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		title, body, _ := strings.Cut(string(content), "\n")
		all[strings.TrimSuffix(e.Name(), ".md")] = forge.Ticket{Title: strings.TrimPrefix(title, "# "), Body: body}
	}
	return all
}

func TestATicketLacksWhatItDoesNotSay(t *testing.T) {
	want := map[string][]string{
		"good":       nil,
		"noexpected": {lacksExpected},
		"nostop":     {lacksStop},
		"neither":    {lacksExpected, lacksStop},
	}
	seen := map[string]int{}
	for name, ticket := range readTickets(t) {
		kind, _, _ := strings.Cut(name, "-")
		seen[kind]++
		lacks, known := want[kind]
		if !known {
			t.Fatalf("%s: no such kind of sample", name)
		}
		for _, line := range []string{"\n", "\r\n"} {
			ticket := ticket
			ticket.Body = strings.ReplaceAll(ticket.Body, "\n", line)
			if diff := cmp.Diff(lacks, Lacks(ticket)); diff != "" {
				t.Errorf("%s with line ends %q:\n%s", name, line, diff)
			}
		}
	}
	for kind := range want {
		if seen[kind] < 2 {
			t.Errorf("%d samples of kind %s", seen[kind], kind)
		}
	}
}

func TestOneSentenceDecides(t *testing.T) {
	for sentence, expected := range map[string]bool{
		"Empty names should be refused with 400.":          true,
		"The parser returns an empty list for no input.":   true,
		"Show the date instead of the raw timestamp.":      true,
		"Users need to see why a save was refused.":        true,
		"All strings should say page.":                     true,
		"We should say something here.":                    false,
		"The parser must be refactored.":                   false,
		"It must be simpler so that a reader can follow.":  true,
		"The list needs to keep its order after a reload.": true,
		"The job must run in under 100 ms.":                true,
		"It should be faster.":                             false,
		"Should be quick to do.":                           false,
		"It should be easy to use.":                        false,
		"It should be possible to sort by date.":           true,
		"It should just work.":                             false,
		"This should be improved.":                         false,
		"It should be faster than 20 ms.":                  true,
		"Should it be blue?":                               false,
		"Should we do this":                                false,
		"Should return 404 for unknown ids.":               true,
		"It returns an error sometimes.":                   false,
		"Must.":                                            false,
		"You should know that I am new here.":              false,
		"We should refactor this module.":                  false,
		"Mustard and shoulder are words.":                  false,
	} {
		d := outline(forge.Ticket{Title: "A ticket", Body: sentence})
		if got := d.saysExpected(); got != expected {
			t.Errorf("%q says what is expected: %t, want %t", sentence, got, expected)
		}
	}
	for sentence, stop := range map[string]bool{
		"Add a test that sends an empty name.":                true,
		"It is done when both pages answer 200.":              true,
		"A regression test covers the case of two rows.":      true,
		"All tests must pass.":                                true,
		"Please extend the table tests.":                      true,
		"The tests fail on my machine.":                       false,
		"Is it done when the page loads?":                     false,
		"We are testing this tomorrow.":                       false,
		"Stop when the list is empty.":                        true,
		"Someday we will be finished.":                        false,
		"The change is covered by a table test.":              true,
		"There was a test once.":                              false,
		"> Done when the reader sees the newest entry first.": true,
	} {
		d := outline(forge.Ticket{Title: "A ticket", Body: sentence})
		if got := d.saysStop(); got != stop {
			t.Errorf("%q says when to stop: %t, want %t", sentence, got, stop)
		}
	}
}

func FuzzLacks(f *testing.F) {
	for _, t := range readTickets(f) {
		f.Add(t.Title, t.Body)
	}
	f.Add("", "```")
	f.Add("x", "<!--")
	f.Add("\xff", "---\n===\n# \n**:**\n:\n- [ ]\n~~~\n```\n")
	f.Fuzz(func(t *testing.T, title, body string) {
		ticket := forge.Ticket{Title: title, Body: body}
		for _, l := range Lacks(ticket) {
			if l != lacksExpected && l != lacksStop {
				t.Errorf("lacks %q", l)
			}
		}
		hidden := forge.Ticket{Title: title, Body: "<!-- Expected: it should return 1. Add a test. -->\n<!--" + body}
		if len(Lacks(hidden)) == 0 && len(Lacks(forge.Ticket{Title: title})) > 0 && !strings.Contains(body, "-->") {
			t.Errorf("a comment was read as text: %q", body)
		}
		for _, w := range Words(ticket) {
			if w == "" || strings.ContainsAny(w, "\x00\n ") {
				t.Errorf("word %q of %q", w, body)
			}
		}
	})
}
