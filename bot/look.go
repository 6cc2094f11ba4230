package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lightsout/rules"
	"lightsout/store"
)

// line renders the shortest kind of message: a face, what is so, and facts.
func (b *Bot) line(face, bold string, facts ...string) (string, error) {
	return b.pages.render("line", map[string]any{"Face": face, "Bold": bold, "Facts": facts})
}

// tell answers with a line, at the button too.
func (b *Bot) tell(face, bold string, facts ...string) (answer, error) {
	text, err := b.line(face, bold, facts...)
	return answer{text: text, toast: join(append([]string{bold}, facts...))}, err
}

// noPull, noTicket and nothingOf answer for a number that means nothing here, and say where those are that do.
func (b *Bot) noPull(n int) (answer, error) {
	return b.tell("⚠️", fmt.Sprintf("I know no pull request #%d", n), "/prs lists them")
}

func (b *Bot) noTicket(n int) (answer, error) {
	return b.tell("⚠️", fmt.Sprintf("I know no ticket #%d", n), "/queue lists them")
}

func (b *Bot) nothingOf(n int) (answer, error) {
	return b.tell("⚠️", fmt.Sprintf("I know nothing of #%d", n), "/queue and /prs list what I know")
}

// about finds what a number means: a pull request with its ticket, or a ticket with its newest pull request.
func (b *Bot) about(ctx context.Context, number int) (store.Pull, store.Ticket, error) {
	p, err := b.Store.Pull(ctx, number)
	if err == nil {
		t, err := b.Store.Ticket(ctx, p.Ticket)
		if errors.Is(err, store.ErrNotFound) {
			err = nil // a pull request that came from no ticket of the board
		}
		return p, t, err
	}
	if !errors.Is(err, store.ErrNotFound) {
		return p, store.Ticket{}, err
	}
	t, err := b.Store.Ticket(ctx, number)
	if err != nil {
		return store.Pull{}, t, err
	}
	pulls, err := b.Store.AllPulls(ctx)
	if err != nil {
		return store.Pull{}, t, err
	}
	for _, q := range slices.Backward(pulls) {
		if q.Ticket == number {
			return q, t, nil
		}
	}
	return store.Pull{}, t, nil
}

// start greets somebody who is known, and takes the code that changes their role.
func (b *Bot) start(ctx context.Context, c call) (answer, error) {
	if code, _ := cutSpace(c.args); code != "" && c.private { // where a code is given, there the notices go
		err := b.Store.AskPairing(ctx, strings.ToUpper(code), c.from, c.name, c.chat)
		if err == nil {
			return b.codeReceived(c)
		}
		if !errors.Is(err, store.ErrNotFound) {
			return answer{}, err
		}
	}
	return b.help(ctx, call{by: c.by})
}

// help is made from the command table, with what this person may ask.
func (b *Bot) help(_ context.Context, c call) (answer, error) {
	word, _ := cutSpace(c.args)
	if word = strings.ToLower(strings.TrimPrefix(word, "/")); word != "" {
		command, known := b.called(word)
		if !known {
			return b.unknown(word, true)
		}
		return b.tell("💬", strings.TrimSpace("/"+command.Name+" "+command.Args), command.Help, "for the role "+either(command.Role, store.Viewer))
	}
	type section struct {
		Name     string
		Commands []Command
	}
	var sections []section
	for _, command := range b.commands {
		if !allowed(c.by.Role, command.Role) {
			continue
		}
		if n := len(sections); n == 0 || sections[n-1].Name != command.Group {
			sections = append(sections, section{Name: command.Group})
		}
		last := &sections[len(sections)-1]
		last.Commands = append(last.Commands, command)
	}
	text, err := b.pages.render("help", map[string]any{"Person": c.by, "Sections": sections, "Repo": b.Store.Repo()})
	return answer{text: text}, err
}

// status shows the board, or one card.
func (b *Bot) status(ctx context.Context, c call) (answer, error) {
	word, _ := cutSpace(c.args)
	n, ok := parseNumber(word)
	if c.tap != nil {
		n = c.tap.Pull
	}
	if word != "" && !ok {
		return b.tell("💬", "Status of what?", "/status, or /status 42")
	}
	if n == 0 {
		board, err := b.readBoard(ctx)
		if err != nil {
			return answer{}, err
		}
		text, err := b.pages.render("status", board.view())
		return answer{text: text, toast: "Fresh as of " + clock(board.At, board.At), edit: true, buttons: [][]store.Button{{{Text: "🔄 Refresh", Verb: "status"}}}}, err
	}
	p, t, err := b.about(ctx, n)
	if errors.Is(err, store.ErrNotFound) {
		return b.nothingOf(n)
	}
	if err != nil {
		return answer{}, err
	}
	if p.Number == 0 {
		text, err := b.pages.render("ticket", t)
		return answer{text: text, pull: t.Number}, err
	}
	shown, grant, err := b.readCard(ctx, p.Number)
	if err != nil {
		return answer{}, err
	}
	text, err := b.pages.render("card", shown)
	return answer{text: text, pull: p.Number, buttons: cardButtons(p, grant, c.by.Role)}, err
}

func (b *Bot) readBoard(ctx context.Context) (Board, error) {
	var next map[string]time.Time
	if b.Next != nil {
		next = b.Next()
	}
	board, err := ReadBoard(ctx, b.Store, next)
	board.Observe = b.Observe
	return board, err
}

// queue shows the tickets in Todo in the order in which they would be picked.
func (b *Bot) queue(ctx context.Context, _ call) (answer, error) {
	board, err := b.readBoard(ctx)
	if err != nil {
		return answer{}, err
	}
	if len(board.Queue)+len(board.Parked) == 0 {
		return b.tell("💤", "The queue is empty", "nothing is in Todo")
	}
	text, err := b.pages.render("queue", board)
	return answer{text: text}, err
}

// pulls shows the open pull requests.
func (b *Bot) pulls(ctx context.Context, _ call) (answer, error) {
	board, err := b.readBoard(ctx)
	if err != nil {
		return answer{}, err
	}
	if len(board.Pulls)+len(board.Unstaged) == 0 {
		return b.tell("💤", "No pull request is open")
	}
	var cards []boardCard
	for _, p := range slices.Concat(board.Pulls, board.Unstaged) {
		cards = append(cards, boardCard{p, says(p, grantOf(board.Approvals, p))})
	}
	text, err := b.pages.render("prs", map[string]any{"Cards": cards})
	return answer{text: text}, err
}

// diff sends the diff of a pull request as a file.
func (b *Bot) diff(ctx context.Context, c call) (answer, error) {
	n, _, err := b.target(ctx, c)
	if err != nil {
		return answer{}, err
	}
	if n == 0 {
		return b.tell("💬", "The diff of which one?", "/diff 42, or reply to its card")
	}
	p, _, err := b.about(ctx, n)
	if errors.Is(err, store.ErrNotFound) || err == nil && p.Number == 0 {
		return b.noPull(n)
	}
	if err != nil {
		return answer{}, err
	}
	content, missing, err := readHead(p.DiffPath)
	if err != nil || content == "" {
		return b.tell("🟡", fmt.Sprintf("The diff of #%d has not been read yet", p.Number), "try again in a few minutes")
	}
	shown := card{Pull: p}
	if missing > 0 {
		shown.Said = fmt.Sprintf("⚠️ only the first %d KB of %d KB: read the rest on GitHub before you approve", maxFile>>10, (maxFile+missing)>>10)
		content += "\n" + shown.Said + "\n"
	}
	text, err := b.pages.render("diff", shown)
	return answer{text: text, pull: p.Number, file: content, fileName: fmt.Sprintf("%d-%s.diff", p.Number, short(p.Head)), toast: "Here it comes"}, err
}

// rules lists the rules with where each came from.
func (b *Bot) rules(_ context.Context, c call) (answer, error) {
	file, err := rules.Load(b.RulesPath)
	if err != nil {
		return b.tell("⚠️", "The rules file cannot be read", err.Error())
	}
	word, _ := cutSpace(c.args)
	if n, ok := parseNumber(word); ok {
		if n > len(file.Rules) {
			return b.tell("💬", fmt.Sprintf("There is no rule %d", n), "there are "+count(len(file.Rules), "rule"))
		}
		r := file.Rules[n-1]
		return b.tell("📜", fmt.Sprintf("Rule %d", n), r.Text, r.Provenance)
	}
	text, err := b.pages.render("rules", map[string]any{"Rules": file.Rules, "Version": file.Version()})
	return answer{text: text}, err
}

// health tells how the daemon itself is.
func (b *Bot) health(ctx context.Context, _ call) (answer, error) {
	outgoing, incoming, err := b.Store.Backlog(ctx)
	if err != nil {
		return answer{}, err
	}
	problems, err := b.Store.Problems(ctx)
	if err != nil {
		return answer{}, err
	}
	lines := []string{fmt.Sprintf("inbox %d  outbox %d", max(incoming-1, 0), outgoing)} // the command itself is in the inbox
	if last := b.lastPolled(); !last.IsZero() {
		lines = append(lines, "polled "+took(b.Store.Now().Sub(last))+" ago")
	}
	if b.stranger.refused > 0 {
		lines = append(lines, fmt.Sprintf("strangers refused %d", b.stranger.refused))
	}
	if b.Observe {
		lines = append(lines, "observing: nothing is changed outside")
	}
	rests, err := b.Store.Rests(ctx)
	if err != nil {
		return answer{}, err
	}
	for _, r := range rests {
		lines = append(lines, r.Engine+" rests until "+clock(r.Until, b.Store.Now()))
	}
	if b.Health != nil {
		lines = append(lines, b.Health(ctx)...)
	}
	text, err := b.pages.render("health", map[string]any{"Lines": lines, "Problems": problems})
	return answer{text: text}, err
}
