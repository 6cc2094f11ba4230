package isolation

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lightsout/agents/forge"
)

// end makes any ticket one that says what is expected and when it is done.
const end = "\n## Expected\nIt answers 404.\n## Acceptance\nA test shows it.\n"

func ticket(number int, body string) forge.Ticket {
	return forge.Ticket{Number: number, Title: "A ticket", Body: body + end, Open: true, Status: "Todo"}
}

var shop = Tree{
	Paths: []string{"README.md", "main.go", "cart/cart.go", "cart/cart_test.go", "cart/price.go", "store/store.go", "store/export.go",
		"web/page.go", "web/handler.go", "web/static/app.js", "tax/tax.go"},
	Mentions: map[string][]string{
		"ExportRows": {"store/export.go", "web/handler.go"},
		"Total":      {"cart/cart.go", "cart/cart_test.go"},
		"Everywhere": {"main.go", "cart/cart.go", "cart/cart_test.go", "cart/price.go", "store/store.go", "store/export.go", "web/page.go", "web/handler.go", "web/static/app.js", "tax/tax.go"},
	},
}

func TestTheMostIsolatedTicketIsPicked(t *testing.T) {
	tests := []struct {
		name    string
		facts   Facts
		want    int // 0: none
		reasons []string
		refused map[int]string
		reason  string
	}{
		{
			name: "fewest files first",
			facts: Facts{Tickets: []forge.Ticket{
				ticket(1, "See cart/cart.go, cart/price.go and store/store.go."),
				ticket(2, "See tax/tax.go."),
				ticket(3, "Nothing about code."),
			}},
			want:    2,
			reasons: []string{"touches 1 file, overlaps nothing", "the text names tax/tax.go"},
			reason:  "#2: touches 1 file, overlaps nothing (score 100)",
		},
		{
			name: "what is in flight is left alone",
			facts: Facts{
				Tickets: []forge.Ticket{ticket(1, "See cart/cart.go."), ticket(2, "See store/export.go and web/handler.go.")},
				Busy:    []Busy{{Label: "#42", Ticket: 9, Files: []string{"cart/cart.go", "cart/cart_test.go"}}},
			},
			want:    2,
			refused: map[int]string{1: "overlaps #42 in cart/cart.go"},
		},
		{
			name: "a ticket does not stand in its own way",
			facts: Facts{
				Tickets: []forge.Ticket{ticket(1, "See cart/cart.go.")},
				Busy:    []Busy{{Label: "#42", Ticket: 1, Files: []string{"cart/cart.go"}}},
			},
			want: 1,
		},
		{
			name: "another folder before the same one",
			facts: Facts{
				Tickets: []forge.Ticket{ticket(1, "See cart/price.go."), ticket(2, "See tax/tax.go.")},
				Busy:    []Busy{{Label: "ticket 9", Ticket: 9, Files: []string{"cart/cart.go"}}},
			},
			want: 2,
		},
		{
			name: "known files before unknown ones, even where all seems free",
			facts: Facts{Tickets: []forge.Ticket{
				ticket(1, "The colours are off."),
				ticket(2, "All of cart/cart.go cart/price.go store/store.go store/export.go web/page.go web/handler.go web/static/app.js tax/tax.go main.go"),
			}},
			want: 2,
		},
		{
			name:    "an unknown ticket rather than none",
			facts:   Facts{Tickets: []forge.Ticket{ticket(1, "The colours are off.")}, Busy: []Busy{{Label: "#42", Files: []string{"main.go"}}}},
			want:    1,
			reasons: []string{"unknown files: nothing in the text names code"},
			reason:  "#1: unknown files: nothing in the text names code (score 10)",
		},
		{
			name: "the place on the board, then the number, settle a tie",
			facts: Facts{Tickets: []forge.Ticket{
				{Number: 1, Title: "x", Body: "main.go" + end}, // on the board nowhere
				{Number: 7, Title: "x", Body: "tax/tax.go" + end, Position: 2},
				{Number: 6, Title: "x", Body: "web/page.go" + end, Position: 2},
				{Number: 3, Title: "x", Body: "store/store.go" + end, Position: 3},
			}},
			want: 6,
		},
		{
			name: "parked and vague ones are passed over with the reason",
			facts: Facts{
				Tickets: []forge.Ticket{ticket(1, "See tax/tax.go."), {Number: 2, Title: "Make it nicer", Body: "main.go"}},
				Parked:  map[int]string{1: "/skip by ana"},
			},
			refused: map[int]string{1: "parked: /skip by ana", 2: "vague: " + lacksExpected + "; " + lacksStop},
			reason:  "nothing to pick: 1 vague, 1 parked",
		},
		{
			name:   "an empty queue",
			reason: "nothing to pick: no ticket in Todo",
		},
		{
			name: "words that stand in few files tell, those that stand everywhere do not",
			facts: Facts{Tickets: []forge.Ticket{ticket(1, "`Everywhere` and ExportRows() and Nowhere.")},
				Tree: Tree{Paths: append(slices.Clone(shop.Paths), "a/1.go", "a/2.go", "a/3.go"), Mentions: map[string][]string{
					"ExportRows": shop.Mentions["ExportRows"], "Everywhere": append(slices.Clone(shop.Mentions["Everywhere"]), "a/1.go", "a/2.go", "a/3.go")}}},
			want:    1,
			reasons: []string{"touches 2 files, overlaps nothing", "ExportRows stands in 2 files"},
		},
		{
			name:  "tickets that want the same file say so",
			facts: Facts{Tickets: []forge.Ticket{ticket(1, "See tax/tax.go."), ticket(2, "See tax/tax.go, too."), ticket(3, "See web/page.go.")}},
			want:  3,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.facts.Tree.Paths == nil {
				tt.facts.Tree = shop
			}
			d := Pick(tt.facts)
			picked := 0
			if d.Picked != nil {
				picked = d.Picked.Ticket.Number
				if tt.reasons != nil {
					if diff := cmp.Diff(tt.reasons, d.Picked.Reasons); diff != "" {
						t.Error(diff)
					}
				}
			}
			if picked != tt.want {
				t.Errorf("picked #%d, want #%d: %s", picked, tt.want, d.Reason)
			}
			if tt.reason != "" && d.Reason != tt.reason {
				t.Errorf("reason %q, want %q", d.Reason, tt.reason)
			}
			for _, c := range d.Ranked {
				if want := tt.refused[c.Ticket.Number]; c.Refused != want {
					t.Errorf("#%d is refused as %q, want %q", c.Ticket.Number, c.Refused, want)
				}
			}
		})
	}
}

func TestFilesArePredictedFromTheText(t *testing.T) {
	tree := Tree{
		Paths: []string{"README.md", "main.go", "store/csv.go", "store/csv_test.go", "api/v1/list.go", "api/v2/list.go", "docs/csv.md",
			".github/workflows/ci.yml", "src/app/page.tsx", "very/deep/er/file.rs", "big/1.go", "big/2.go", "big/3.go", "big/4.go", "big/5.go", "big/6.go",
			"big/7.go", "big/8.go", "big/9.go", "one/a.go", "two/a.go", "three/a.go", "four/a.go", "five/a.go", "name with space.txt"},
		Mentions: map[string][]string{
			"ParseRow":  {"store/csv.go", "store/csv_test.go", "docs/csv.md"},
			"flagOnly":  {"docs/csv.md"},
			"parse_row": {"very/deep/er/file.rs"},
			"rows":      {"store/csv.go"},
			"gone":      {"deleted.go"},
		},
	}
	for text, want := range map[string][]string{
		"store/csv.go breaks":                                        {"store/csv.go"},
		"in `store/csv.go:88` and csv.go":                            {"store/csv.go"},
		"./store/csv.go, (store/csv.go).":                            {"store/csv.go"},
		"list.go does it":                                            {"api/v1/list.go", "api/v2/list.go"},
		"v2/list.go does it":                                         {"api/v2/list.go"},
		"a.go is everywhere":                                         nil,
		"at /home/ana/app/store/csv.go:12 +0x1d":                     {"store/csv.go"},
		"at /usr/local/go/src/runtime/main.go:283":                   nil,
		"all below api/v1/":                                          {"api/v1/list.go"},
		"add store/tsv.go and nowhere/x.go and store/more":           {"store/tsv.go"},
		"all below big/":                                             nil,
		"https://github.com/o/r/blob/main/store/csv.go#L10-L12":      {"store/csv.go"},
		"https://example.com/store/csv.go":                           nil,
		"<!-- store/csv.go -->":                                      nil,
		"the workflow .github/workflows/ci.yml":                      {".github/workflows/ci.yml"},
		"ParseRow drops a quote":                                     {"store/csv.go", "store/csv_test.go"},
		"`flagOnly` is documented wrongly":                           {"docs/csv.md"},
		"store.ParseRow drops a quote":                               {"store/csv.go", "store/csv_test.go"},
		"parse_row drops a quote":                                    {"very/deep/er/file.rs"},
		"too many rows":                                              nil,
		"too many `rows`":                                            {"store/csv.go"},
		"```go\nrows := ParseRow(s)\n```":                            {"store/csv.go", "store/csv_test.go"},
		"`gone` and ../../../etc/passwd and https://x/y":             nil,
		"src/app/page.tsx and main.go":                               {"main.go", "src/app/page.tsx"},
		"GitHub and README are words; e.g. version 1.2.3 of i.e. it": nil,
	} {
		got := predict(forge.Ticket{Title: "A ticket", Body: text}, indexTree(tree.Paths), tree.Mentions, DefaultLimit)
		if diff := cmp.Diff(want, got.files); diff != "" {
			t.Errorf("%q:\n%s", text, diff)
		}
		if (len(got.files) == 0) != (got.why != "") {
			t.Errorf("%q: files %q and why %q", text, got.files, got.why)
		}
	}
}

func TestNoMoreThanTheLimitIsPredicted(t *testing.T) {
	var paths []string
	for i := range 40 {
		paths = append(paths, fmt.Sprintf("d%02d/f%02d.go", i, i))
	}
	c := Pick(Facts{Tickets: []forge.Ticket{ticket(1, strings.Join(paths, " "))}, Tree: Tree{Paths: paths}}).Ranked[0]
	if diff := cmp.Diff(paths[:DefaultLimit], c.Files); diff != "" {
		t.Error(diff)
	}
	if c.Score < leastKnown || c.Score > 100 {
		t.Errorf("score %v", c.Score)
	}
}

func TestWordsAreThoseThatLookLikeCode(t *testing.T) {
	got := Words(forge.Ticket{Title: "ParseRow panics in store/csv.go", Body: "Call `http.Get` or csv.Parse or run() on it; is a_b in HTTPServer? `x` __init__ e.g. JavaScript. See [here](docs/a.md).\n```\nplain words, someCall(x)\n```\n"})
	want := []string{"store/csv.go", "docs/a.md", "ParseRow", "Get", "Parse", "run", "a_b", "HTTPServer", "someCall"}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestThePickedNeverMeetsWhatIsInFlight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		file := rapid.SampledFrom(shop.Paths)
		words := rapid.SampledFrom([]string{"ExportRows", "`Total`", "`Everywhere`", "cart.go", "store/", "nothing", "page.go", "- [ ] x", "It must be 1.", "Add a test."})
		f := Facts{Tree: shop, Limit: rapid.IntRange(0, 4).Draw(t, "limit"), Parked: map[int]string{}}
		for i := range rapid.IntRange(0, 6).Draw(t, "tickets") {
			body := strings.Join(append(rapid.SliceOfN(file, 0, 6).Draw(t, "paths"), rapid.SliceOfN(words, 0, 5).Draw(t, "words")...), " \n")
			if rapid.Bool().Draw(t, "clear") {
				body += end
			}
			f.Tickets = append(f.Tickets, forge.Ticket{Number: i + 1, Title: "A ticket", Body: body, Position: rapid.IntRange(0, 3).Draw(t, "position")})
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "busy") {
			f.Busy = append(f.Busy, Busy{Label: fmt.Sprintf("#%d", 40+i), Ticket: rapid.IntRange(0, 8).Draw(t, "for"), Files: rapid.SliceOfN(file, 0, 3).Draw(t, "files")})
		}
		for _, n := range rapid.SliceOfN(rapid.IntRange(1, 6), 0, 2).Draw(t, "parked") {
			f.Parked[n] = "said so"
		}
		d := Pick(f)
		if p := d.Picked; p != nil {
			for _, b := range f.Busy {
				for _, file := range p.Files {
					if b.Ticket != p.Ticket.Number && slices.Contains(b.Files, file) {
						t.Fatalf("#%d was picked, and %s changes %s", p.Ticket.Number, b.Label, file)
					}
				}
			}
			if _, parked := f.Parked[p.Ticket.Number]; parked || len(Lacks(p.Ticket)) > 0 {
				t.Fatalf("#%d was picked, which is parked or vague", p.Ticket.Number)
			}
		} else if slices.ContainsFunc(d.Ranked, func(c Candidate) bool { return c.Refused == "" }) {
			t.Fatal("nothing was picked, though something could be")
		}
		if len(d.Ranked) != len(f.Tickets) {
			t.Fatalf("%d of %d tickets are ranked", len(d.Ranked), len(f.Tickets))
		}
		for i, c := range d.Ranked {
			if c.Score < 0 || c.Score > 100 || len(c.Reasons) == 0 || len(c.Files) > DefaultLimit {
				t.Fatalf("%+v", c)
			}
			if i > 0 && compare(d.Ranked[i-1], c) >= 0 {
				t.Fatalf("#%d and #%d are not in order", d.Ranked[i-1].Ticket.Number, c.Ticket.Number)
			}
		}
		shuffled := f
		shuffled.Tickets = rapid.Permutation(f.Tickets).Draw(t, "shuffled")
		shuffled.Busy = rapid.Permutation(f.Busy).Draw(t, "busy shuffled")
		for i, c := range Pick(shuffled).Ranked {
			if c.Ticket.Number != d.Ranked[i].Ticket.Number || c.Score != d.Ranked[i].Score {
				t.Fatal("the ranking depends on the order of the facts")
			}
		}
	})
}
