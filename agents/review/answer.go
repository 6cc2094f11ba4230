package review

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

const (
	// maxAnswer bounds what is looked at of an answer, in bytes: its end, where the JSON is to stand.
	maxAnswer = 256 << 10
	// maxStarts bounds how many places of an answer are tried as the beginning of its JSON.
	maxStarts = 64
)

// errNoJSON is the problem of an answer that has no JSON object at all.
var errNoJSON = errors.New("there is no JSON object in it")

// errTorn is the problem of an answer whose JSON begins and does not end well.
var errTorn = errors.New("its JSON is broken or cut off")

// The answers of the three roles, as the schemas have them.
type (
	findingsAnswer struct {
		Findings []struct {
			File     string   `json:"file"`
			Line     int      `json:"line"`
			Severity Severity `json:"severity"`
			Claim    string   `json:"claim"`
			Trigger  string   `json:"trigger"`
		} `json:"findings"`
	}
	answersAnswer struct {
		Answers []rebuttal `json:"answers"`
	}
	rulingsAnswer struct {
		Rulings []ruling `json:"rulings"`
	}
	rebuttal struct {
		ID     string `json:"id"`
		Kind   string `json:"kind"`
		Place  string `json:"place"`
		Reason string `json:"reason"`
	}
	ruling struct {
		ID           string     `json:"id"`
		Ruling       Ruling     `json:"ruling"`
		Reason       string     `json:"reason"`
		Trace        []Step     `json:"trace"`
		Reproduction []TestFile `json:"reproduction"`
	}
)

// parseAnswer finds the JSON object in a session's last words and reads it into answer, if it is as the schema of that
// name wants it. Words around it, and the fences that models like to put there, do not matter; of several objects the last
// one that fits counts, for what stands before it may be quoted. The error says what is wrong in words of ours.
func parseAnswer(text, name string, answer any) error {
	s, err := loadSchema(name)
	if err != nil {
		return err
	}
	if len(text) > maxAnswer {
		text = text[len(text)-maxAnswer:]
	}
	problem := errNoJSON
	var found []byte
	for starts := 0; starts < maxStarts; starts++ {
		begin := strings.IndexByte(text, '{')
		if begin < 0 {
			break
		}
		text = text[begin:]
		d := json.NewDecoder(strings.NewReader(text))
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			text, problem = text[1:], first(problem, errTorn)
			continue
		}
		text = text[d.InputOffset():]
		if err := fits(s, raw); err != nil {
			problem = first(problem, err)
			continue
		}
		found = raw
	}
	if found == nil {
		return problem
	}
	if err := json.Unmarshal(found, answer); err != nil {
		return errTorn // two spellings of one name, of which only one fits
	}
	return nil
}

// first keeps the first thing found wrong: what follows it is mostly its consequence.
func first(problem, next error) error {
	if errors.Is(problem, errNoJSON) {
		return next
	}
	return problem
}

func fits(s *schema, raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return errTorn
	}
	return s.check(value, "")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// clip returns s on one line and within n bytes.
func clip(s string, n int) string {
	return clipText(strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " "), n)
}

// clipText returns s within n bytes, cut between characters.
func clipText(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	const mark = "…"
	cut := 0
	for i := range s {
		if i > n-len(mark) {
			break
		}
		cut = i
	}
	return s[:cut] + mark
}
