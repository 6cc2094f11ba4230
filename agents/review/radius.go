package review

import (
	"regexp"
	"slices"

	"lightsout/agents/proof"
)

// Depth is how much of a debate a change gets. How many rounds there are depends on what is found: a second one follows
// only when something is sent back.
type Depth string

// The depths.
const (
	Unread Depth = "none"  // nobody looks
	Light  Depth = "light" // few findings
	Full   Depth = "full"
)

const (
	// tinyDocument is how many lines of documents alone may change before somebody looks.
	tinyDocument = 60
	// smallChange is how many lines of code may change before the change gets a full debate whatever it touches.
	smallChange = 40
	// largeChange is how many make its size itself a reason to look.
	largeChange = 400
)

// Areas where a bug costs more than it seems, in the words that reviewers and people are told.
const (
	AreaSize           = "much code"
	AreaProtected      = "a protected path"
	AreaConcurrency    = "concurrency"
	AreaMoney          = "money"
	AreaAuthentication = "authentication"
)

// areaWords find an area in the changed lines and the paths. They look for names as programmers write them, in parts
// (unitPrice, unit_price), and rather find too much: the price is a deeper look.
var areaWords = []struct {
	area  string
	words *regexp.Regexp
}{
	{AreaConcurrency, regexp.MustCompile(`\bgo func\b|\bgo [\w.]+\(|\bchan\b|<-|\bselect \{|\bsync\.|\batomic\b|(?i:mutex|semaphore|deadlock|goroutine|thread|concurren)|\basync\b|\bawait\b|\bPromise\b|(?:\b|_)[rR]?[wW]?[lL]ock(?:ed|ing)?\b|\.(?:R?Lock|R?Unlock)\(`)},
	{AreaMoney, regexp.MustCompile(`(?i)price|payment|invoice|billing|currency|refund|discount|balance|checkout|\bcents?\b|(?:_|\b)(?:amount|vat|tax|fee)s?(?:_|\b)|[a-z](?-i:Amount|Tax|Fee)`)},
	{AreaAuthentication, regexp.MustCompile(`(?i)authenti|authoriz|oauth|\bauth(?:[nz]?\b|_|(?-i:[A-Z]))|password|passwd|credential|\bjwt\b|cookie|csrf|permission|\blogin|sign_?in\b|secret|api_?key|access_?token|bearer|session_?(?:id|token|key)|crypt|hmac`)},
}

// Radius is the blast radius of a change: how far a bug in it would reach.
type Radius struct {
	Depth Depth    `json:"depth"`
	Files int      `json:"files"`
	Lines int      `json:"lines"`           // added and deleted, of what no program wrote
	Areas []string `json:"areas,omitempty"` // in which a bug costs more
}

// RadiusOf measures a diff as `git diff` prints it. What cannot be read counts as far-reaching: a diff that is there and
// has no file in it gets a full debate.
func RadiusOf(diff []byte) Radius {
	var r Radius
	var paths []string
	documents := true
	found := map[string]bool{}
	for _, s := range sections(diff) {
		r.Files++
		paths = append(paths, s.path)
		if generated(s.path) {
			documents = false
			continue
		}
		r.Lines += len(s.changed)
		if isDocument(s.path) {
			continue
		}
		documents = false
		for _, a := range areaWords {
			if !found[a.area] {
				found[a.area] = a.words.MatchString(s.path) || slices.ContainsFunc(s.changed, a.words.MatchString)
			}
		}
	}
	found[AreaProtected] = len(proof.Protected(paths)) > 0
	found[AreaSize] = r.Lines > largeChange
	for _, area := range []string{AreaProtected, AreaAuthentication, AreaMoney, AreaConcurrency, AreaSize} {
		if found[area] {
			r.Areas = append(r.Areas, area)
		}
	}
	switch {
	case len(diff) == 0:
		r.Depth = Unread
	case r.Files == 0 || len(r.Areas) > 0:
		r.Depth = Full
	case documents && r.Lines <= tinyDocument:
		r.Depth = Unread
	case documents || r.Lines <= smallChange:
		r.Depth = Light
	default:
		r.Depth = Full
	}
	return r
}

// findings is how many findings the Enthusiast may make.
func (d Depth) findings() int {
	if d == Light {
		return 8
	}
	return maxFindings
}
