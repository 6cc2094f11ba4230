package proof

import (
	"fmt"
	"slices"
	"testing"
)

func TestCoverageTellsWhatWasRun(t *testing.T) {
	profile := "mode: set\nexample.com/shop/price/format.go:5.32,7.16 2 1\nexample.com/shop/price/format.go:7.16,9.3 1 0\n" +
		"example.com/shop/with space.go:1.1,2.2 1 3\nexample.com/shop/a.go:x.1,2.2 1 3\nexample.com/shop/a.go\nelsewhere.org/b.go:3.1,4.2 1 1\n"
	got := readCoverage([]byte(profile), goFolder(map[string]string{"example.com/shop": ""}, ""))
	want := []block{{"price/format.go", 5, 7}, {"elsewhere.org/b.go", 3, 4}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestABlockIsAlteredByLinesInItAndByOnesThatAreGone(t *testing.T) {
	c := pretend(files{"a.go": "package a\n\nfunc F() int {\n\tprintln()\n\treturn 1\n}\n\nfunc G() {\n\tF()\n}\n"}, files{"a.go": "package a\n\nfunc F() int {\n\treturn 1\n}\n\nfunc G() {\n\tF()\n\tF()\n}\n"}, "")
	f, g, elsewhere := block{"a.go", 3, 5}, block{"a.go", 7, 10}, block{"b.go", 3, 5}
	if got := c.altered([]block{f, elsewhere}); len(got) != 1 || !got[f] {
		t.Errorf("a line that is gone: %v", got)
	}
	if got := c.altered([]block{g}); !got[g] {
		t.Errorf("a line that came: %v", got)
	}
	if got := c.altered([]block{{"a.go", 1, 2}}); len(got) != 0 {
		t.Errorf("nothing there: %v", got)
	}
}

func TestFunctionsThatMovedAreFoundWithEachFileReadOnce(t *testing.T) {
	const size = 20
	base, head := files{}, files{}
	for i := range size {
		name := fmt.Sprintf("f%02d.go", i)
		base[name] = fmt.Sprintf("package a\n\nfunc F%d() int { return %d }\n", i, i)
		head[name] = fmt.Sprintf("package a\n\nfunc F%d() int { return %d }\n\nfunc G%d() int { return 0 }\n", size-1-i, size-1-i, i)
	}
	c := pretend(base, head, "")
	read, reads := c.base, 0
	c.base = func(name string) []byte {
		reads++
		return read(name)
	}
	got := c.altered([]block{{"f00.go", 3, 3}, {"f01.go", 5, 5}})
	if len(got) != 1 || !got[block{"f01.go", 5, 5}] {
		t.Errorf("altered: %v", got)
	}
	if reads > size {
		t.Errorf("%d files were read %d times", size, reads)
	}
}

func TestWhatAnAlteredTestExpectsIsSaidWhereItDoesNotCompileWithoutTheChange(t *testing.T) {
	t.Parallel()
	one := func(got, want string) string {
		return goTests("sum", "", testOf("Sum", "if got := "+got+"; got != "+want+" {\n\t\tt.Fatal(got)\n\t}"))
	}
	receipt, err := newRepository(t, calculator, files{
		"sum/sum.go":      "package sum\n\n// Sum adds.\nfunc Sum(a, b int) int { return a + b + 1 }\n\n// Twice doubles.\nfunc Twice(a int) int { return 2 * a }\n",
		"sum/sum_test.go": one("Sum(1, 2) + Twice(0)", "4"),
	}).prove(t, nil)
	if err != nil || !receipt.Proven || receipt.Strength != Compile || !receipt.warns("sum.TestSum expects something else than before; it does not compile without the change") {
		t.Errorf("%v", err)
	}
}
