package worktree

import (
	"strings"
	"testing"
)

func TestAClashShowsBothSidesAndWhatTheyBeganFrom(t *testing.T) {
	w := newWorld(t, map[string]string{"poem.txt": poem, "gone.txt": "g\n", "other.txt": "x\n"})
	root := w.resolve("main")
	mine := w.personPushes("mine", map[string]string{"poem.txt": strings.Replace(poem, "five", "FIVE", 1), "gone.txt": "mine\n"})
	main := w.personPushes("main", map[string]string{"poem.txt": strings.Replace(poem, "five", "V", 1), "gone.txt": ""})
	w.personPushes("main", map[string]string{"other.txt": "y\n"})
	w.fetch()
	clashes, err := w.mirror.Clashes(t.Context(), mine, "main", "the pull request", "main")
	if err != nil || len(clashes) != 2 || clashes[0].Path != "gone.txt" || clashes[1].Path != "poem.txt" {
		t.Fatalf("clashes %v, %v", clashes, err)
	}
	if clashes[0].Text != "" {
		t.Errorf("a file that one side removed shows %q", clashes[0].Text)
	}
	for _, part := range []string{"<<<<<<< the pull request\n", "FIVE", "|||||||", "five", "=======\n", "V\n>>>>>>> main\n"} {
		if !strings.Contains(clashes[1].Text, part) {
			t.Errorf("the clash lacks %q:\n%s", part, clashes[1].Text)
		}
	}
	if clashes, err := w.mirror.Clashes(t.Context(), root, "main", "a", "b"); clashes != nil || err != nil {
		t.Errorf("a clean merge has clashes %v, %v", clashes, err)
	}
	landings, err := w.mirror.Landings(t.Context(), root, "main", []string{"poem.txt", "gone.txt"})
	if err != nil || len(landings) != 1 || landings[0].SHA != main || landings[0].Subject != "a person's work on main" {
		t.Errorf("landings %v, %v", landings, err)
	}
}

func TestOnlyGitsOwnMarkersMark(t *testing.T) {
	for text, want := range map[string]bool{
		"a\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n": true,
		"a\n": false, "======= \n": false, " <<<<<<< ours\n >>>>>>> theirs\n": false, ">>>>>>> theirs\n<<<<<<< ours\n": false, "<<<<<<<\n>>>>>>>\n": false,
	} {
		if got := Marked([]byte(text)); got != want {
			t.Errorf("Marked(%q) = %v", text, got)
		}
	}
}
