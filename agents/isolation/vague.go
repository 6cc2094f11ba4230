package isolation

import (
	"slices"
	"strings"

	"lightsout/agents/forge"
)

// What a ticket can lack, as the chat says it.
const (
	lacksExpected = `no expected behaviour: say what should happen, under a heading "Expected" or in a sentence with "should" or "must"`
	lacksStop     = `no stopping point: say when it is done, under a heading "Acceptance" or "Done when", as a checklist, or as steps with an expected result`
)

// Lacks says what a session would have to guess, in plain words; nothing when the ticket can be worked on.
//
// A ticket needs two things. An expected behaviour is a filled section with a heading such as Expected, Desired or
// Proposed change, or a sentence of the title or the text that says what should, must, needs to or is expected to
// happen, what happens instead of what, or what is returned. A stopping point is a filled section with a heading such as
// Acceptance, Done when, Definition of done, How to verify or Test plan; a checklist; a sentence that asks for a test
// or says when it is done; Given, When, Then; or steps together with a section that says their expected result.
//
// Headings are those of markdown, bold lines, and lines or beginnings of lines that end with a colon. Templates count
// for nothing: comments, empty sections, "_No response_". Neither do questions, wishes without content ("should work
// better", "we should discuss"), or what stands under Actual, Steps or Environment. English is understood, no other
// language; who writes another uses the headings.
func Lacks(t forge.Ticket) []string {
	d := outline(t)
	var lacks []string
	if !d.saysExpected() {
		lacks = append(lacks, lacksExpected)
	}
	if !d.saysStop() {
		lacks = append(lacks, lacksStop)
	}
	return lacks
}

const (
	modal  = `\b(should|must|shall|ought to|needs? to|ha(s|ve) to)\b`
	filler = `\s+((just|really|also|probably|maybe|all|be|get|somehow)\s+)*`
)

var (
	expectedHeading = lazily(`^(the )?(expected|desired|wanted|intended|correct)\b|^expectations?\b|\bexpect(ed)?( to)? (see|happen)|^what should\b|^should\b|^(proposed|suggested) (behaviou?r|change|solution|fix)|^requirements?$|^goal$`)
	stopHeading     = lazily(`^acceptance\b|^done\b|^definition of done|^dod$|^stop(ping point)?\b|^(exit|success|completion) criteria|^check ?list|^how to (verify|test|check)\b|^(verification|test plan|test cases|tests)\b|^(ready|finished|complete) when`)
	stepsHeading    = lazily(`\bsteps\b|\brepro|^what did you do|^how to (reproduce|trigger)`)
	// asideHeading begins what is, not what should be.
	asideHeading = lazily(`^(actual|current|observed|today|what happen|what did you see|environment|versions?|setup|context|background|root cause|cause|logs?|additional|motivation|why)\b`)

	wish = lazily(modal + `|\b(i|we|is|are) expect(ed)?\b|\bsupposed to\b`)
	// contrast says what is wanted by naming what is not, or what it is good for.
	contrast = lazily(`\b(instead of|rather than|so that)\b`)
	// returns says what is wanted only where no word complains about what is.
	returns   = lazily(`\breturns?\b`)
	complaint = lazily(`\b(currently|now|today|at the moment|sometimes|always|wrong|wrongly|error|broken|crash(es|ed)?|fails?|failed|panics?|bug|why)\b`)
	// praise, talk and aimless are wishes that say nothing: "should work better", "we should discuss", "needs to be improved".
	praise = lazily(modal + filler + `((work|behave|look|perform|run|function)(\s+(properly|correctly|well|fine|better|right|again|as expected|nicely))?|` +
		`better|nicer|faster|cleaner|simpler|fixed|good|great|fine|easier|more \w+|(quick|easy|simple|small|trivial|doable|straightforward)(\s+to\s+\w+)?)$`)
	talk = lazily(`\b(we|i|you|they|one|some(body|one))\b.*?` + modal + filler +
		`(discuss|talk|think|look|consider|investigate|explore|decide|revisit|rethink|mention|note|say|know|admit|check|do something)\b`)
	aimless = lazily(modal + filler + `(improved?|refactor(ed)?|clean(ed)?|tid(y|ied)|rework(ed)?|optimi[sz]ed?)\b`)
	asking  = lazily(`^(should|shall|must|could|can|would|will|do|does|is|are|why|how|what|when|where|who)\b`)

	doneWhen = lazily(`\b(done|finished|complete|completed|resolved|accepted|closed) (when|once|if|as soon as)\b|\bstop (when|once|after|there|here)\b|` +
		`\b(add|write|include|extend|with)\b.*\btests?\b|\btests? (that |which )?(shows?|proves?|covers?|asserts?|checks?|demonstrates?|verif(y|ies))\b|\btests? (should |must )?pass\b|\bcovered by (a |an |the )?(\w+ )?tests?\b`)
	then = lazily(`(?i)^\W*(then|and then)\b`)
	when = lazily(`(?i)^\W*(given|when)\b`)

	checkItem   = lazily(`^\s*(?:[-*+]|\d+[.)])\s+\[[ xX]\]\s*(.*)$`)
	placeholder = lazily(`(?i)^[^\p{L}\p{N}]*(no response|n/?a|none|tbd|to ?do|unknown|nothing|same)?[^\p{L}\p{N}]*$`)
)

func (d document) saysExpected() bool {
	if d.filled(expectedHeading) || d.givenThen() {
		return true
	}
	return slices.ContainsFunc(d.sentences(), func(s string) bool {
		switch {
		case asks(s), len(strings.Fields(s)) < 3:
			return false
		case contrast.MatchString(s):
			return true
		case wish.MatchString(s):
			return concrete(s) || !hollow(strings.TrimRight(s, ".! "))
		}
		return returns.MatchString(s) && !complaint.MatchString(s)
	})
}

func (d document) saysStop() bool {
	if d.filled(stopHeading) || d.givenThen() || d.filled(stepsHeading) && d.filled(expectedHeading) {
		return true
	}
	for _, s := range d.sections {
		for _, line := range s.lines {
			if m := checkItem.FindStringSubmatch(line); m != nil && !placeholder.MatchString(m[1]) {
				return true
			}
		}
	}
	return slices.ContainsFunc(d.sentences(), func(s string) bool { return !asks(s) && doneWhen.MatchString(s) })
}

// givenThen says whether the text is written as a scenario: a line that begins Given or When, and one that begins Then.
func (d document) givenThen() bool {
	begins, ends := false, false
	for _, s := range d.sections {
		for _, line := range s.lines {
			begins = begins || when.MatchString(line)
			ends = ends || begins && then.MatchString(line)
		}
	}
	return ends
}

// asks tells a question: by its mark, or by an opening that turns verb and subject around.
func asks(s string) bool {
	if strings.HasSuffix(s, "?") {
		return true
	}
	if !asking.MatchString(s) {
		return false
	}
	words := strings.Fields(s)
	return len(words) > 1 && slices.Contains([]string{"we", "i", "you", "it", "this", "that", "they", "the", "there"}, words[1])
}

// hollow tells a wish that says nothing.
func hollow(s string) bool {
	return praise.MatchString(s) || talk.MatchString(s) || aimless.MatchString(s)
}

// concrete says whether a sentence holds a number or a piece of code: such a wish says something, whatever its words.
func concrete(s string) bool { return strings.ContainsAny(s, "0123456789`") }
