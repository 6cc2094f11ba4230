package agents

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"lightsout/agents/forge"
	"lightsout/rules"
	"lightsout/store"
)

// Bounds of what reviewers say in a prompt: a review that is longer is not read to its end by anybody.
const (
	remarkBytes  = 1 << 10
	threadsShown = 20
	wordsShown   = 4
)

// words are what somebody says, as a prompt shows it.
type words struct{ By, Text string }

// shownThread is a conversation about a line, as a prompt shows it.
type shownThread struct {
	Number   int
	Place    string
	Outdated bool
	Remarks  []words
}

// rejectionEvidence is what a session is told of a rejection: the words of all who have a say, and the remarks on lines
// that it is to answer.
func (x *Fixer) rejectionEvidence(ctx context.Context, s Standing) (string, error) {
	said, err := x.rejectionWords(ctx, s)
	if err != nil {
		return "", err
	}
	var threads []shownThread
	for i, t := range toAnswer(s.Facts) { // numbered as answers() numbers them
		shown := shownThread{Number: i + 1, Place: whereabouts(t), Outdated: t.Outdated}
		for _, r := range t.Remarks {
			by := r.Author
			if fromUs(r) {
				by = "the factory"
			}
			shown.Remarks = append(shown.Remarks, words{by, indented(limitEnd(rules.Sanitize(r.Body), remarkBytes))})
		}
		threads = append(threads, shown)
	}
	return fill("rejection.md", map[string]any{"Words": said, "Threads": threads}), nil
}

// toAnswer are the conversations that a session is asked to answer.
func toAnswer(f Facts) []forge.Thread {
	open := f.openThreads()
	return open[:min(len(open), threadsShown)]
}

// rejectionWords are what was said of the pull request as a whole: a /reject, requests for changes, and what the automated
// reviewers wrote of this head beside them.
func (x *Fixer) rejectionWords(ctx context.Context, s Standing) ([]words, error) {
	var said []words
	add := func(by, text string) {
		if text = strings.TrimSpace(rules.Sanitize(text)); text != "" && len(said) < wordsShown {
			said = append(said, words{by, limitEnd(text, failingLog/wordsShown)})
		}
	}
	if s.Reject != nil {
		add(s.Reject.ByName, s.Reject.Text)
	}
	f := s.Facts
	if objection, ok := changesRequested(f.Reviews, f.Reviewers); ok && f.about(objection) {
		add(objection.Author, objection.Body)
	}
	for _, r := range slices.Backward(f.Reviews) {
		if r.State == "COMMENTED" && isAutomated(r.Author, f.Reviewers) && f.about(r) {
			add(r.Author, r.Body)
		}
	}
	if len(f.Reviewers) == 0 {
		return said, nil
	}
	comments, err := x.Forge.Comments(ctx, f.PR.Number)
	if err != nil {
		return nil, err
	}
	for _, c := range slices.Backward(comments) {
		if isAutomated(c.Author, f.Reviewers) && !c.CreatedAt.Before(f.HeadSince) {
			add(c.Author, c.Body)
		}
	}
	return said, nil
}

// indented keeps the lines of a remark below its author.
func indented(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n   ")
}

// answer is what is said in a thread once the head that answers it is pushed.
type answer struct {
	Thread  string `json:"thread"`
	Text    string `json:"text"`
	Resolve bool   `json:"resolve"`
}

// answerLine is one line of the section that a session writes its answers in.
var answerLine = regexp.MustCompile(`^\s*(?:[-*]\s*)?(\d{1,3})[.):]\s+(\S.*)$`)

// cutAnswers takes the section with a session's answers out of its pull request text: text by the number of the remark.
func cutAnswers(text string) (rest string, found map[int]string) {
	var kept []string
	found = map[int]string{}
	inside, last := false, 0
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "#") {
			inside = strings.EqualFold(strings.Trim(line, "# \t\r"), "answers")
			last = 0
			if inside {
				continue
			}
		}
		m := answerLine.FindStringSubmatch(line)
		switch {
		case !inside:
			kept = append(kept, line)
		case m != nil:
			last, _ = strconv.Atoi(m[1]) // three digits at most
			found[last] = m[2]
		case last != 0 && strings.TrimSpace(line) != "":
			found[last] += " " + strings.TrimSpace(line)
		}
	}
	return strings.TrimSpace(strings.Join(kept, "\n")), found
}

// answers turns a session's answers into what is said in each thread. A remark that the session did not speak of is
// answered by the change alone, where that touched its file; a person's is then theirs to resolve.
func answers(f Facts, said map[int]string, changed []string) []answer {
	var out []answer
	for i, t := range toAnswer(f) {
		text, spoken := said[i+1]
		switch {
		case spoken:
			out = append(out, answer{t.ID, text, true})
		case slices.Contains(changed, t.Path):
			out = append(out, answer{t.ID, "`" + t.Path + "` was changed.", isAutomated(t.Remarks[0].Author, f.Reviewers)})
		}
	}
	return out
}

// answerMark begins the hidden line that tells the factory's answers from a person's.
const answerMark = "<!-- lightsout answer "

// speak posts the answers of a publication and resolves their threads. Asking again after a crash finds what was said.
func (f *Factory) speak(ctx context.Context, p publication, claim store.Claim) error {
	for _, a := range p.Answers {
		if err := f.reply(ctx, p, a, claim); err != nil && !permanent(err) {
			return err
		}
		if !a.Resolve {
			continue
		}
		if err := f.Store.Holds(ctx, claim); err != nil {
			return err
		}
		if err := f.Forge.ResolveThread(ctx, a.Thread); err != nil && !permanent(err) {
			return err // a token that may not resolve leaves that to people: the reply stands
		}
	}
	return nil
}

func (f *Factory) reply(ctx context.Context, p publication, a answer, claim store.Claim) error {
	mark := fmt.Sprintf("%s%.12s -->", answerMark, p.Head)
	key := "reply " + a.Thread + " " + p.Head
	body := f.redact(fill("answer.md", map[string]any{"Text": tame(a.Text), "Head": p.Head, "Mark": mark}))
	_, err := f.once(ctx, deed{key: key, kind: replyKind, marked: true, claim: &claim,
		find: func(ctx context.Context) (string, bool, error) {
			threads, err := f.Forge.Threads(ctx, p.Pull)
			for _, t := range threads {
				for _, r := range t.Remarks {
					if t.ID == a.Thread && r.Ours && strings.Contains(r.Body, mark) {
						return r.URL, true, nil
					}
				}
			}
			return "", false, err
		},
		do: func(ctx context.Context) (string, error) { return f.Forge.ReplyToThread(ctx, a.Thread, body) }})
	if err != nil && permanent(err) {
		return errors.Join(err, f.Store.Forget(ctx, key)) // the thread is gone
	}
	return err
}
