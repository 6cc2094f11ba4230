package rules

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// Overlaps returns the rules that speak of the same thing as text does, the nearest first, for a
// person to judge whether they say it twice or contradict each other. It compares words alone: two
// rules overlap when they share at least half the words of the shorter one, and no fewer than two
// (one, when the shorter has no more).
func Overlaps(f File, text string) []Rule {
	type match struct {
		rule  Rule
		score float64 // words they share, of all words in either
	}
	var found []match
	wanted := wordsOf(text)
	for _, r := range f.Rules {
		words := wordsOf(r.Text)
		shorter := min(len(words), len(wanted))
		shared := 0
		for w := range words {
			if wanted[w] {
				shared++
			}
		}
		if shared >= min(2, shorter) && shared > 0 && 2*shared >= shorter {
			found = append(found, match{r, float64(shared) / float64(len(words)+len(wanted)-shared)})
		}
	}
	slices.SortStableFunc(found, func(a, b match) int { return cmp.Compare(b.score, a.score) })
	var rules []Rule
	for _, m := range found {
		rules = append(rules, m.rule)
	}
	return rules
}

// wordsOf returns the words of a sentence that carry its meaning, without their endings.
func wordsOf(sentence string) map[string]bool {
	words := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(sentence), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		if !isFiller(w) {
			words[stem(w)] = true
		}
	}
	return words
}

// isFiller recognises the words that stand in every rule. Not among them: never, no and not, which
// turn a rule round.
func isFiller(w string) bool {
	switch w {
	case "a", "all", "always", "an", "and", "any", "are", "as", "at", "be", "by", "do", "each", "every", "for", "from",
		"has", "have", "if", "in", "into", "is", "it", "its", "just", "must", "of", "on", "only", "or", "should", "so",
		"than", "that", "the", "their", "them", "then", "there", "they", "this", "to", "use", "what", "when", "where",
		"which", "with", "without", "you", "your":
		return true
	}
	return false
}

// stem cuts the commonest English endings off, so that "tests", "tested" and "testing" are one word, and with
// them the letter that is doubled before some endings: "skip" and "skipping", "pass" and "passes".
func stem(w string) string {
	if strings.HasSuffix(w, "ies") && len(w) > 4 {
		return w[:len(w)-3] + "y"
	}
	for _, ending := range []string{"ing", "ed", "es", "s", "e"} {
		if short, ok := strings.CutSuffix(w, ending); ok && len(short) >= 3 {
			return single(short)
		}
	}
	return single(w)
}

// single takes two equal letters at the end of a word for one.
func single(w string) string {
	if n := len(w); n > 2 && w[n-1] == w[n-2] && 'a' <= w[n-1] && w[n-1] <= 'z' {
		return w[:n-1]
	}
	return w
}
