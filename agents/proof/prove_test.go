package proof

import (
	"testing"
)

var calculator = files{
	"go.mod":          "module example.com/calc\n\ngo 1.24\n",
	"sum/sum.go":      "package sum\n\n// Sum adds.\nfunc Sum(a, b int) int {\n\tif a < 0 {\n\t\treturn b\n\t}\n\treturn a + b\n}\n",
	"sum/sum_test.go": "package sum\n\nimport \"testing\"\n\nfunc TestSum(t *testing.T) {\n\tif got := Sum(1, 2); got != 3 {\n\t\tt.Fatalf(\"got %d, want 3\", got)\n\t}\n}\n",
	"other/o.go":      "package other\n\nimport \"example.com/calc/sum\"\n\nfunc Twice(a int) int { return sum.Sum(a, a) }\n",
	"other/o_test.go": "package other\n\nimport \"testing\"\n\nfunc TestTwice(t *testing.T) {\n\tif Twice(2) != 4 {\n\t\tt.Fatal(Twice(2))\n\t}\n}\n",
}

const (
	goodSum     = "package sum\n\n// Sum adds.\nfunc Sum(a, b int) int {\n\treturn a + b\n}\n"
	negativeSum = "\nfunc TestNegative(t *testing.T) {\n\tif got := Sum(-1, 2); got != 1 {\n\t\tt.Fatalf(\"got %d, want 1\", got)\n\t}\n}\n"
)

func TestAChangeWhoseTestFailsOnTheBaseIsProven(t *testing.T) {
	r := newRepository(t, calculator, files{"sum/sum.go": goodSum, "sum/sum_test.go": calculator["sum/sum_test.go"] + negativeSum})
	receipt, err := r.prove(t, nil)
	if err != nil || !receipt.Proven || receipt.Strength != Assertion {
		t.Fatalf("proven %v, strength %q, error %v", receipt.Proven, receipt.Strength, err)
	}
	t.Log(receipt.Line())
	t.Log(receipt.Markdown())
	t.Log(receipt.Seconds)
}
