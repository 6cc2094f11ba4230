package proof

import (
	"fmt"
	"slices"
	"strings"
)

// Policies, by the names that refusals carry and that the configuration may turn into warnings.
const (
	PolicyEmpty        = "empty-change"         // there is nothing
	PolicyNoTests      = "no-tests"             // code changed, no test did
	PolicyNoSource     = "no-source"            // tests changed, nothing that they could test did
	PolicyNotRun       = "tests-not-run"        // the tests of the change are never run
	PolicyPassOnBase   = "tests-pass-on-base"   // they would have passed without the change
	PolicyFailOnHead   = "tests-fail-on-head"   // they do not pass with it
	PolicyNotCompiling = "tests-do-not-compile" // on the base, though the change brings nothing new that they call
	PolicyUnreached    = "tests-miss-change"    // they run nothing of what changes
	PolicyFlaky        = "flaky-tests"          // what is left to decide is decided by chance
	PolicySuite        = "suite-fails"          // something else broke

	PolicyWhy        = "no-why"         // the text does not say why
	PolicyStub       = "stub"           // a body that stands for code not written
	PolicyProtected  = "protected-path" // how work is judged, or what runs by itself
	PolicyDependency = "new-dependency" // one that the text does not justify
	PolicyForeign    = "foreign-file"   // it does not belong into a repository
	PolicySecret     = "secret"         // a credential in the change or its text
	PolicySize       = "too-large"      // more than can be reviewed
)

// policy is one judgement of the change itself, before anything is run. It is pure.
type policy struct {
	name  string // of its refusals that carry none
	judge func(*change) []Refusal
}

// policies are looked at in this order, and all of them: a session is told everything at once.
func policies() []policy {
	return []policy{
		{PolicyWhy, judgeWhy},
		{PolicyNoTests, judgeTests},
		{PolicyNoSource, judgeSource},
		{PolicyStub, judgeStubs},
		{PolicyHardCoded, judgeHardCoded},
		{PolicyProtected, judgeProtected},
		{PolicySecret, judgeSecrets},
		{PolicyDependency, judgeDependencies},
		{PolicyForeign, judgeBelonging},
		{PolicySize, judgeSize},
		{PolicyGolden, judgeGolden},
		{PolicyThreshold, judgeThresholds},
		{PolicyFocused, judgeTestWords},
	}
}

// PolicyNames are the policies that the configuration may turn into warnings. The others are the proof itself.
func PolicyNames() []string {
	return []string{
		PolicyWhy, PolicyStub, PolicyHardCoded, PolicyProtected, PolicySecret, PolicyDependency, PolicyForeign, PolicySize, PolicyUnreached,
		PolicyDeleted, PolicySkipped, PolicyFocused, PolicyRemoved, PolicyLoosened, PolicyGolden, PolicyThreshold,
	}
}

// checkWarn refuses names of policies that do not exist or that must refuse.
func checkWarn(names []string) error {
	for _, name := range names {
		if !slices.Contains(PolicyNames(), name) {
			return fmt.Errorf("policy %q cannot be a warning: the ones that can are %s", name, strings.Join(PolicyNames(), ", "))
		}
	}
	return nil
}

var (
	whyHeading  = lazily(`(?i)^#{2,6}\s+why\b`)
	anyHeading  = lazily(`^#{1,6}\s`)
	htmlComment = lazily(`(?s)<!--.*?(-->|$)`)
)

// judgeWhy wants a heading "## Why" with at least a few words under it.
func judgeWhy(c *change) []Refusal {
	if c.message {
		return nil // see saysWhy
	}
	reason, found := section(c.text)
	switch {
	case !found:
		return []Refusal{{Detail: `the text has no heading "## Why" that says why the change is needed`}}
	case len(strings.Fields(reason)) < 3:
		return []Refusal{{Detail: `the heading "## Why" has no reason under it`}}
	}
	return nil
}

// trailer is a line that commit messages end with: who, not why.
var trailer = lazily(`^(?i:[a-z-]+-by|change-id|reviewed-on|(close|fix|resolve)[sd]?|updates?|refs?|pr-url|see)\b\s*:?\s`)

// saysWhy reports whether a commit message says more than its subject. People write no headings into those, and many write nothing
// else, so it is only worth a warning.
func saysWhy(message string) bool {
	if reason, found := section(message); found && len(strings.Fields(reason)) >= 3 {
		return true
	}
	_, body, _ := strings.Cut(strings.TrimSpace(message), "\n")
	count := 0
	for l := range strings.Lines(body) {
		if !trailer.MatchString(l) {
			count += len(strings.Fields(l))
		}
	}
	return count >= 3
}

// section is what stands under "## Why", up to the next heading, comments and code aside.
func section(text string) (words string, found bool) {
	var b strings.Builder
	fenced := false
	for l := range strings.Lines(htmlComment.ReplaceAllString(text, "")) {
		if strings.HasPrefix(strings.TrimSpace(l), "```") {
			fenced = !fenced
			continue
		}
		switch {
		case fenced:
		case whyHeading.MatchString(l):
			found = true
		case found && anyHeading.MatchString(l):
			return b.String(), true
		case found:
			b.WriteString(l)
		}
	}
	return b.String(), found
}

// judgeTests wants a test with every change of code.
func judgeTests(c *change) []Refusal {
	for _, f := range c.tests() {
		if !f.deleted() {
			return nil
		}
	}
	return []Refusal{{Detail: "no test is added or changed: a test is needed that fails without this change and passes with it"}}
}

// judgeSource wants more than tests: where nothing else changes the base with these tests is the head, and what they say on the one and not on
// the other is chance.
func judgeSource(c *change) []Refusal {
	if len(c.files) == 0 || c.hasOtherThanTests() {
		return nil
	}
	return []Refusal{{Detail: "only tests change: there is no source in it that they could show to be done"}}
}
