package agents

import (
	"fmt"
	"slices"
	"strings"

	"lightsout/agents/forge"
)

// changesRequested returns the oldest request for changes that its author has not taken back by a later review. It
// stands, as on GitHub, until they look again; but one made of an older head has been answered by the push since. Only
// those count who can write to the repository, and the automated reviewers that the configuration names: on a public
// repository anybody can leave a review, and its words would reach a prompt.
func changesRequested(reviews []forge.Review, automated []string) (forge.Review, bool) {
	last := map[string]int64{}
	for _, r := range reviews {
		if hasSay(r.Author, r.AuthorAssociation, automated) && r.State != "COMMENTED" && r.State != "PENDING" {
			last[r.Author] = r.ID
		}
	}
	for _, r := range reviews {
		if last[r.Author] == r.ID && r.State == "CHANGES_REQUESTED" {
			return r, true
		}
	}
	return forge.Review{}, false
}

// hasSay tells whose words may reach a prompt: those who can write to the repository, and the automated reviewers.
func hasSay(author, association string, automated []string) bool {
	return trusted(association) || isAutomated(author, automated)
}

// isAutomated tells an automated reviewer by its login, which an app has to itself: "robot[bot]" is not the person "robot".
func isAutomated(author string, automated []string) bool {
	return slices.ContainsFunc(automated, func(login string) bool { return strings.EqualFold(login, author) })
}

// about tells that a review is about what stands there: this head, or one that only took up the base since.
func (f Facts) about(r forge.Review) bool {
	return r.CommitID == "" || r.CommitID == f.PR.Head || slices.Contains(f.SameWork, r.CommitID)
}

// openThreads are the conversations about lines that wait for an answer of ours, each without the words of those who
// have no say. One in which the last word is ours waits for the others.
func (f Facts) openThreads() []forge.Thread {
	var open []forge.Thread
	for _, t := range f.Threads {
		t.Remarks = slices.DeleteFunc(slices.Clone(t.Remarks), func(r forge.Remark) bool {
			return !fromUs(r) && !hasSay(r.Author, r.AuthorAssociation, f.Reviewers)
		})
		if n := len(t.Remarks); !t.Resolved && n > 0 && !fromUs(t.Remarks[n-1]) {
			open = append(open, t)
		}
	}
	return open
}

// fromUs tells the factory's own answers from what a person says who lends it their token.
func fromUs(r forge.Remark) bool { return r.Ours && strings.Contains(r.Body, answerMark) }

// automatedRemarks are the open conversations that an automated reviewer began. Many of those only ever comment, so each
// is a request for changes by itself, until its author approves this head. A person's remark alone is none: people talk.
func (f Facts) automatedRemarks() []forge.Thread {
	return slices.DeleteFunc(f.openThreads(), func(t forge.Thread) bool {
		by := t.Remarks[0].Author
		return !isAutomated(by, f.Reviewers) || f.approvedBy(by)
	})
}

// approvedBy tells that somebody's last decision on what stands there is an approval.
func (f Facts) approvedBy(author string) bool {
	approved := false
	for _, r := range f.Reviews {
		if r.Author == author && f.about(r) && r.State != "COMMENTED" && r.State != "PENDING" {
			approved = r.State == "APPROVED"
		}
	}
	return approved
}

// remarked says what open remarks come to.
func remarked(open []forge.Thread) string {
	first := open[0]
	said := fmt.Sprintf("%s on %s: %s", first.Remarks[0].Author, whereabouts(first), firstLine(first.Remarks[0].Body))
	if len(open) > 1 {
		said += fmt.Sprintf(" (and %d more)", len(open)-1)
	}
	return said
}

// whereabouts is where a conversation stands.
func whereabouts(t forge.Thread) string {
	if t.Line == 0 {
		return t.Path
	}
	return fmt.Sprintf("%s:%d", t.Path, t.Line)
}
