package bot

import (
	"context"
	"slices"
	"time"

	"lightsout/store"
)

// Command is one thing that a person can ask. It is the whole truth about it: help, menus, the role check and the test of
// every command against every role are made from the table of Commands.
type Command struct {
	Name  string
	Args  string   // as help shows them; [square] may be left out
	Role  string   // the least role that may ask it; "" is everybody, strangers too
	Group string   // heading in help
	Help  string   // one line, for help and the menu
	Verbs []string // of the buttons that ask it
	do    func(*Bot, context.Context, call) (answer, error)
}

// The headings of help.
const (
	looking  = "Look"
	deciding = "Decide"
	steering = "Steer"
	teaching = "Teach"
)

// Commands is the table of everything that can be asked.
func Commands() []Command {
	return []Command{
		{Name: "start", Role: "", Group: looking, Help: "say hello, or pair with a code", Args: "[code]", do: (*Bot).start},
		{Name: "help", Role: store.Viewer, Group: looking, Help: "what I can do", Args: "[command]", do: (*Bot).help},
		{Name: "status", Role: store.Viewer, Group: looking, Help: "the board, or one pull request or ticket", Args: "[number]", Verbs: []string{"status"}, do: (*Bot).status},
		{Name: "queue", Role: store.Viewer, Group: looking, Help: "next tickets, with score and reason", do: (*Bot).queue},
		{Name: "prs", Role: store.Viewer, Group: looking, Help: "open pull requests and where each stands", do: (*Bot).pulls},
		{Name: "why", Role: store.Viewer, Group: looking, Help: "why it was picked or passed over, and its story", Args: "number", do: (*Bot).why},
		{Name: "diff", Role: store.Viewer, Group: looking, Help: "the diff of a pull request as a file", Args: "[pr]", Verbs: []string{"diff"}, do: (*Bot).diff},
		{Name: "log", Role: store.Viewer, Group: looking, Help: "the newest log about a pull request or ticket, its review, or all its output", Args: "[number] [run, review or output]", Verbs: []string{"log"}, do: (*Bot).log},
		{Name: "stats", Role: store.Viewer, Group: looking, Help: "how good the reviewers are", Args: "[day or week]", do: (*Bot).stats},
		{Name: "rules", Role: store.Viewer, Group: looking, Help: "the rules that sessions follow", Args: "[n]", do: (*Bot).rules},
		{Name: "health", Role: store.Viewer, Group: looking, Help: "versions, disk, rate limits, lag", do: (*Bot).health},

		{Name: "approve", Role: store.Approver, Group: deciding, Help: "let a pull request merge when green", Args: "[pr] [sha]", Verbs: []string{"approve", "confirm"}, do: (*Bot).approve},
		{Name: "unapprove", Role: store.Approver, Group: deciding, Help: "take an approval back before the merge", Args: "[pr]", do: (*Bot).unapprove},
		{Name: "reject", Role: store.Approver, Group: deciding, Help: "send a pull request back to the Fixer", Args: "[pr] reason", Verbs: []string{"reject"}, do: (*Bot).reject},

		{Name: "run", Role: store.Operator, Group: steering, Help: "one run of a role now", Args: "[role or ticket]", do: (*Bot).run},
		{Name: "retry", Role: store.Operator, Group: steering, Help: "begin anew with all attempts, or hand a branch back", Args: "[number]", Verbs: []string{"retry"}, do: (*Bot).retry},
		{Name: "revert", Role: store.Operator, Group: steering, Help: "prepare a pull request that takes a merge back", Args: "pr", Verbs: []string{"revert"}, do: (*Bot).revert},
		{Name: "skip", Role: store.Operator, Group: steering, Help: "park a ticket", Args: "ticket", do: (*Bot).skip},
		{Name: "cancel", Role: store.Operator, Group: steering, Help: "end a run and keep its work", Args: "[run]", do: (*Bot).cancel},
		{Name: "pause", Role: store.Operator, Group: steering, Help: "stop everything, or one role; work is kept", Args: "[role] [2h]", do: (*Bot).pause},
		{Name: "resume", Role: store.Operator, Group: steering, Help: "go on; with its name, ask a resting coding CLI at once", Args: "[role]", do: (*Bot).resume},

		{Name: "addrule", Role: store.Owner, Group: teaching, Help: "add a rule for all sessions", Args: "text", do: (*Bot).addRule},
	}
}

// allowed tells whether somebody of a role may do what needs another. A role that is none has no rights.
func allowed(has, needs string) bool {
	ranks := []string{"", store.Viewer, store.Operator, store.Approver, store.Owner}
	h, n := slices.Index(ranks, has), slices.Index(ranks, needs)
	return h >= 0 && n >= 0 && h >= n
}

// called finds the command of a name, byVerb the command of a button.
func (b *Bot) called(name string) (Command, bool) {
	return find(b.commands, func(c Command) bool { return c.Name == name })
}

func (b *Bot) byVerb(verb string) (Command, bool) {
	return find(b.commands, func(c Command) bool { return slices.Contains(c.Verbs, verb) })
}

func find(commands []Command, is func(Command) bool) (Command, bool) {
	if i := slices.IndexFunc(commands, is); i >= 0 {
		return commands[i], true
	}
	return Command{}, false
}

// call is one command as it was given, by somebody whose right to give it has been judged.
type call struct {
	Command
	update  int64
	by      store.Person // zero for a stranger, who can only start
	from    int64        // numeric id of the actor
	name    string       // what the actor is called
	chat    int64
	thread  int
	private bool
	at      time.Time    // when it was typed; for a tap, when it arrived
	message int64        // typed: the message itself; tapped: the one with the button
	args    string       // typed
	replyTo int64        // the message it replies to, 0 for none
	quoted  string       // the text of that message
	tap     *store.Token // tapped
	// question is ours that the message answers, with a reason for a rejection; nil for none.
	question *store.Outgoing
}

// key makes what a call writes once, however often its update is handled.
func (c call) key(what string) string { return updateKey(c.update, what) }

// answer is what a person is told.
type answer struct {
	text     string // HTML; "" says nothing in the chat
	toast    string // plain, at the button; "" closes the tap silently
	alert    bool   // the toast must be read
	spent    bool   // the tapped button has done its work
	edit     bool   // the text takes the place of the tapped message
	buttons  [][]store.Button
	pull     int
	topic    string
	file     string
	fileName string
}
