package review

import (
	"slices"
	"testing"
)

func TestTroubleIsBookedWhereItWasRaised(t *testing.T) {
	changed := []string{"pages/list.go", "pages/list_test.go", "show/show.go", "web/app.ts", "web/app.test.ts", "README.md"}
	list, far, show := Suspect{"pages/list.go", 5, "The last page is lost."}, Suspect{"pages/list.go", 80, "Negative sizes are not refused."}, Suspect{"show/show.go", 0, "It shows a page twice."}
	for name, row := range map[string]struct {
		words    string
		suspects []Suspect
		meant    []int
		missed   []string
	}{
		"a compiler names the line":             {"/home/runner/work/x/x/pages/list.go:7:2: undefined: size", []Suspect{list, far, show}, []int{0}, nil},
		"a linter names a line far from all":    {"pages/list.go:40: declared and not used", []Suspect{list, far}, nil, []string{"pages/list.go"}},
		"a test names itself by its last part":  {"--- FAIL: TestPages\n    list_test.go:31: got 1, want 2", []Suspect{list, show}, []int{0}, nil},
		"a test of a file with two suspects":    {"    list_test.go:31: got 1, want 2", []Suspect{list, far}, nil, []string{"pages/list.go"}},
		"and its words tell which":              {"    list_test.go:31: after 11 items the last page is lost", []Suspect{list, far}, []int{0}, nil},
		"a file where nobody raised anything":   {"show/show.go:3: copies lock value", []Suspect{list}, nil, []string{"show/show.go"}},
		"nothing was raised at all":             {"  app.test.ts:9 expected 2", nil, nil, []string{"web/app.ts"}},
		"a file that the change does not touch": {"other/other.go:3: broken", []Suspect{list}, nil, nil},
		"a suspect without a line":              {"panic at show/show.go:100", []Suspect{show}, []int{0}, nil},
		"a person retells the claim":            {"No: when there are 11 items the last page is still lost", []Suspect{list, show}, []int{0}, nil},
		"a person names the file":               {"please look at show.go again", []Suspect{list, show}, []int{1}, nil},
		"a person says something else":          {"I do not like the names", []Suspect{list, show}, nil, nil},
		"a version is no file":                  {"go1.26.4 on linux/amd64, see https://example.org/x.html", []Suspect{list}, nil, nil},
	} {
		meant, missed := Blame(row.words, changed, row.suspects)
		if !slices.Equal(meant, row.meant) || !slices.Equal(missed, row.missed) {
			t.Errorf("%s: meant %v, missed %v; want %v, %v", name, meant, missed, row.meant, row.missed)
		}
	}
}

func FuzzBlameNamesOnlyWhatIsThere(f *testing.F) {
	f.Add("pages/list.go:7: x ./a.go:1 ../../b_test.go:99999999 ..go:0")
	f.Fuzz(func(t *testing.T, words string) {
		changed := []string{"a.go", "b_test.go", "c/d.py"}
		meant, missed := Blame(words, changed, []Suspect{{"a.go", 1, words}, {"c/d.py", 0, ""}})
		for _, i := range meant {
			if i < 0 || i > 1 {
				t.Errorf("there is no suspect %d", i)
			}
		}
		for _, file := range missed {
			if !slices.Contains(changed, file) {
				t.Errorf("there is no file %q", file)
			}
		}
	})
}
