package proof

import "testing"

func TestATestInOtherWordsIsToldFromOneThatAsksForSomethingElse(t *testing.T) {
	const before = "def test_a():\n    assert price(100, 0.5) == \"5\\\"0\"\n"
	for _, c := range []struct {
		after string
		same  bool
	}{
		{"def test_a():\n    assert price(100, rate=0.5) == \"5\\\"0\"\n", true},
		{"def test_a():\n    got = cost(0.5, of=100)\n    assert \"5\\\"0\" == got\n", true},
		{"def test_a():\n    assert price(100, rate=0.5) == \"60\"\n", false},
		{"def test_a():\n    assert price(100, rate=0.4) == \"5\\\"0\"\n", false},
		{"def test_a():\n    assert price(100, rate=0.5) >= \"5\\\"0\"\n", false},
		{"def test_a():\n    assert price(100, rate=0.5) == \"5\\\"0\" or rate\n", false},
		{"def test_a():\n    price(100, rate=0.5) == \"5\\\"0\"\n", false},
	} {
		changed := pretend(files{"tests/test_a.py": before}, files{"tests/test_a.py": c.after}, reason)
		if got := changed.keepsValues("tests/test_a.py"); got != c.same {
			t.Errorf("%s: %v, want %v", c.after, got, c.same)
		}
	}
}
