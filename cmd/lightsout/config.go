package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"lightsout/agents"
	"lightsout/agents/proof"
	"lightsout/agents/review"
	"lightsout/rules"
)

// Config is everything a person sets. It is read from one TOML file, strictly: an unknown key is a fault, and all
// faults are told at once, each with its place and its cure (config_load.go). Nobody else reads the environment.
type Config struct {
	Repository string    `toml:"repository"` // owner/name
	Base       string    `toml:"base"`       // branch that pull requests go to
	Engine     oneOrMore `toml:"engine"`     // names some of Engines, the preferred first
	Test       []string  `toml:"test"`       // the local gate
	State      string    `toml:"state"`      // folder of database, mirror, logs, rules; default: beside the file
	Rules      string    `toml:"rules"`      // the rules file; default: rules.md beside the file

	GitHub      GitHub                  `toml:"github"`
	Telegram    Telegram                `toml:"telegram"`
	Engines     map[string]EngineConfig `toml:"engines"`
	Roles       RoleEngines             `toml:"roles"`
	Limits      Limits                  `toml:"limits"`
	Review      ReviewConfig            `toml:"review"`
	Schedule    Schedule                `toml:"schedule"`
	Merge       Merge                   `toml:"merge"`
	Staging     Staging                 `toml:"staging"`
	Proof       Proof                   `toml:"proof"`
	Containment Containment             `toml:"containment"`

	path string // of the file, for messages
}

// Secret says where a secret is: in a file that only its owner reads, or in an environment variable.
type Secret struct {
	File string `toml:"file"`
	Env  string `toml:"env"`

	value string
}

// GitHub is the repository's home. The addresses are for GitHub Enterprise Server; empty means github.com.
type GitHub struct {
	Token        Secret            `toml:"token"`
	RESTURL      string            `toml:"rest_url"`
	GraphQLURL   string            `toml:"graphql_url"`
	GitURL       string            `toml:"git_url"` // of the repository; default: from the host of the REST address
	Board        string            `toml:"board"`   // project or labels
	ProjectOwner string            `toml:"project_owner"`
	Project      int               `toml:"project"`
	StatusField  string            `toml:"status_field"`
	Columns      map[string]string `toml:"columns"`   // our word = their word
	Milestone    string            `toml:"milestone"` // "" = the open one due soonest
	Required     []string          `toml:"required_checks"`
	AnyAuthor    bool              `toml:"any_author"` // take tickets by people without write access too
	Reviewers    []string          `toml:"reviewers"`  // logins of automated reviewers whose requests for changes count
	AuthorName   string            `toml:"author_name"`
	AuthorEmail  string            `toml:"author_email"`
	// WriteInterval is the least time between two writes; GitHub asks for a second.
	WriteInterval time.Duration `toml:"write_interval"`
}

// Telegram is the chat.
type Telegram struct {
	Token   Secret `toml:"token"`
	BaseURL string `toml:"base_url"` // of a self-hosted Bot API server; "" = Telegram's own
	// PerChat is the least time between two messages to one chat; Telegram asks for a second.
	PerChat time.Duration `toml:"per_chat"`
	// Groups are the groups, by id, in which paired people may steer the factory. None by default.
	Groups []int64 `toml:"groups"`
}

// oneOrMore is a text, or a list of texts.
type oneOrMore []string

// EngineConfig is one coding CLI.
type EngineConfig struct {
	Kind  string            `toml:"kind"` // command, or a coding CLI that is known (engine.Kinds); default: the engine's own name
	Path  string            `toml:"path"`
	Model string            `toml:"model"`
	Args  []string          `toml:"args"`
	Env   map[string]string `toml:"env"`  // values
	Pass  []string          `toml:"pass"` // names of variables handed on, such as ANTHROPIC_API_KEY
	// Files are laid into the private HOME of every session, by their path there.
	Files    map[string]HomeFile `toml:"files"`
	Price    Price               `toml:"price"`
	Readable []string            `toml:"readable"` // folders it is installed in, where its own file and PATH do not tell
	Writable []string            `toml:"writable"` // folders of its own that its sessions may write, such as where it renews its login
}

// HomeFile is a file of a private HOME: its content, or the file that holds it. A plain text is the content.
type HomeFile struct {
	Content string `toml:"content"`
	Source  string `toml:"source"`
}

// Price is what a model costs, for a CLI that names no cost: US dollars per million tokens.
type Price struct {
	Input  float64 `toml:"input"`  // read afresh
	Cached float64 `toml:"cached"` // read from a cache
	Output float64 `toml:"output"`
}

// ReviewConfig says how a proven change is argued about before it is published.
type ReviewConfig struct {
	Rounds     int           `toml:"rounds"`     // 0: nobody looks; 1: nothing goes back to the author; 2
	Engine     oneOrMore     `toml:"engine"`     // of all three; none: the author's
	Enthusiast oneOrMore     `toml:"enthusiast"` // of this one; none: Engine
	Adversary  oneOrMore     `toml:"adversary"`
	Referee    oneOrMore     `toml:"referee"`
	Session    time.Duration `toml:"session"` // limit of one session
}

// RoleEngines are the coding CLIs of single roles, where they are others than everybody's.
type RoleEngines struct {
	Implementer oneOrMore `toml:"implementer"`
	Fixer       oneOrMore `toml:"fixer"`
}

// engineLists are the lists of engines that are written anywhere, by their keys.
func (c Config) engineLists() map[string][]string {
	lists := map[string][]string{"roles.implementer": c.Roles.Implementer, "roles.fixer": c.Roles.Fixer, "review.engine": c.Review.Engine,
		"review.enthusiast": c.Review.Enthusiast, "review.adversary": c.Review.Adversary, "review.referee": c.Review.Referee}
	maps.DeleteFunc(lists, func(_ string, names []string) bool { return len(names) == 0 })
	return lists
}

// roleEngines are the engines of the roles that have their own.
func (c Config) roleEngines() map[string][]string {
	own := map[string][]string{agents.ImplementerRole: c.Roles.Implementer, agents.FixerRole: c.Roles.Fixer}
	for role, names := range map[string]oneOrMore{rules.Enthusiast: c.Review.Enthusiast, rules.Adversary: c.Review.Adversary, rules.Referee: c.Review.Referee} {
		if own[role] = names; len(names) == 0 {
			own[role] = c.Review.Engine
		}
		if c.Review.Rounds == 0 { // nobody looks
			delete(own, role)
		}
	}
	maps.DeleteFunc(own, func(_ string, names []string) bool { return len(names) == 0 })
	return own
}

// everyEngine are all that somebody is to ask, the usual ones first.
func (c Config) everyEngine() []string {
	all, own := slices.Clone(c.Engine), c.roleEngines()
	for _, role := range slices.Sorted(maps.Keys(own)) {
		for _, name := range own[role] {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}

// crews says who is asked, in a line.
func (c Config) crews() string {
	words, own := strings.Join(c.Engine, ", then "), c.roleEngines()
	for _, role := range slices.Sorted(maps.Keys(own)) {
		words += "; " + role + ": " + strings.Join(own[role], ", then ")
	}
	return words
}

// Limits bound what one run may take.
type Limits struct {
	Session  time.Duration `toml:"session"`   // of one session; quality falls in long ones
	Silence  time.Duration `toml:"silence"`   // without output
	Turns    int           `toml:"turns"`     // answers of the model in one session; 0: no limit, as for the next three
	Repeats  int           `toml:"repeats"`   // times that one tool call may give one result, with nothing new between
	Tokens   int64         `toml:"tokens"`    // of one session, read afresh or written
	CostUSD  float64       `toml:"cost_usd"`  // of one session
	OutputMB int64         `toml:"output_mb"` // of one session
	DiskMB   int64         `toml:"disk_mb"`   // that worktree, HOME and caches may grow by in one session
	Command  time.Duration `toml:"command"`   // one command under test
	Run      time.Duration `toml:"run"`       // sessions and proofs of one ticket together
	Rounds   int           `toml:"rounds"`    // sessions until the proof holds
	Waiting  int           `toml:"waiting"`   // pull requests waiting for a person before intake stops
	Ticket   Budget        `toml:"ticket"`    // of all sessions on a ticket, until a person has it tried again
	Day      Budget        `toml:"day"`       // of all sessions since midnight UTC
}

// Budget is what several sessions may use together. 0 is no limit.
type Budget struct {
	Tokens  int64   `toml:"tokens"`
	CostUSD float64 `toml:"cost_usd"`
}

// Schedule says when the roles are due: five cron fields, or "@every 30m".
type Schedule struct {
	Zone        string        `toml:"zone"`
	Implementer string        `toml:"implementer"`
	Fixer       string        `toml:"fixer"`
	Merger      string        `toml:"merger"`
	FollowUp    time.Duration `toml:"follow_up"` // how soon the Merger looks again after it changed something
}

// Merge says how approved pull requests land.
type Merge struct {
	Method         string        `toml:"method"` // merge, squash or rebase
	ChecksPatience time.Duration `toml:"checks_patience"`
	BaseRedTicket  bool          `toml:"base_red_ticket"` // file one ticket while the base itself is red
}

// Staging is the deployment after each merge: a workflow that is dispatched, or a webhook that is told.
type Staging struct {
	Workflow    string            `toml:"workflow"` // file in .github/workflows; "" = none
	Inputs      map[string]string `toml:"inputs"`   // "{sha}" stands for the merged commit
	Webhook     string            `toml:"webhook"`  // address; "" = none
	Secret      Secret            `toml:"secret"`   // of the webhook's signature
	Limit       time.Duration     `toml:"limit"`
	Health      string            `toml:"health"`       // address that names the commit staging runs; "" = none
	HealthField string            `toml:"health_field"` // where in its JSON, as in "build.commit"; "" = anywhere
	HealthLimit time.Duration     `toml:"health_limit"`
}

// Proof says how strictly work is judged before it leaves.
type Proof struct {
	Warn         []string      `toml:"warn"`          // policies that only warn
	MaximumLines int           `toml:"maximum_lines"` // added and deleted in one change, tests and generated files not counted
	Protected    []string      `toml:"protected"`     // more protected paths: a folder that ends with /, or a pattern
	Mutate       time.Duration `toml:"mutate"`        // how long to put faults into a proven change; 0 is not at all
	JUnit        string        `toml:"junit"`         // where in the repository the test command leaves a JUnit XML report
	Modules      string        `toml:"modules"`       // the installed packages of a JavaScript repository
	Offline      bool          `toml:"offline"`       // commands under test have no network: in a namespace of their own but loopback, else where the kernel can deny it none at all
}

// Containment says what sessions and commands under test may reach.
type Containment struct {
	Landlock string `toml:"landlock"` // auto: where the kernel has it; require: else do not start; off
	User     string `toml:"user"`     // auto: another user than root, where that can be; require: else do not start
	// Namespace: auto: a process-id namespace each, where the machine allows it; require: else do not start; off
	Namespace string            `toml:"namespace"`
	Writable  []string          `toml:"writable"` // beside worktree, private HOME and caches
	Readable  []string          `toml:"readable"` // beside the system's folders
	Env       map[string]string `toml:"env"`      // values for sessions and tests
	Pass      []string          `toml:"pass"`     // names of variables handed on
}

// defaults is the configuration before the file is read. Where a number comes from stands beside it.
func defaults() Config {
	return Config{
		Base:   "main",
		Engine: oneOrMore{"claude"},
		GitHub: GitHub{Board: "project", StatusField: "Status", AuthorName: "Lightsout", AuthorEmail: "lightsout@users.noreply.github.com", WriteInterval: time.Second},
		// A message a second to one chat: Telegram's own advice to bots.
		Telegram: Telegram{PerChat: time.Second},
		// A good session of half an hour takes some dozens of turns and a few dollars; these are for those that run away.
		Limits: Limits{Session: 30 * time.Minute, Silence: 10 * time.Minute, Turns: 250, Repeats: 6, Tokens: 10_000_000, CostUSD: 15, OutputMB: 256, DiskMB: 4096,
			Command: 15 * time.Minute, Run: 90 * time.Minute, Rounds: 3, Waiting: 10, Ticket: Budget{CostUSD: 40}, Day: Budget{CostUSD: 150}},
		// Reading a change takes a fraction of the time that writing it takes.
		Review:   ReviewConfig{Rounds: review.MaxRounds, Session: 15 * time.Minute},
		Schedule: Schedule{Zone: "UTC", Implementer: "0 * * * *", Fixer: "15,45 * * * *", Merger: "*/5 * * * *", FollowUp: 30 * time.Second},
		Merge:    Merge{Method: "merge", ChecksPatience: 30 * time.Minute},
		Staging:  Staging{Limit: 30 * time.Minute, HealthLimit: 5 * time.Minute},
		// About four times what people review well in one sitting.
		Proof:       Proof{MaximumLines: proof.DefaultMaximumLines},
		Containment: Containment{Landlock: "auto", User: "auto", Namespace: "auto", Pass: []string{"PATH", "LANG", "LC_ALL", "TZ", "GOPROXY", "GOFLAGS", "GOTOOLCHAIN", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}},
	}
}
