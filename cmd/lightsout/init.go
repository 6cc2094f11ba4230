package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/BurntSushi/toml"

	"lightsout/agents/forge"
	"lightsout/rules"
)

// initCommand writes a configuration that loads, and helps the board to what it lacks.
type initCommand struct {
	Config        string `short:"c" default:"lightsout.toml" help:"The file to write; never one that is there already." type:"path"`
	Repository    string `help:"owner/name. Default: asked, with the origin of this folder's repository as the offer."`
	Engine        string `help:"The coding CLI: claude, or a program with its arguments."`
	Test          string `help:"The repository's test command."`
	Board         string `help:"The number or address of a GitHub project, or labels."`
	GitHubToken   string `name:"github-token" help:"A file, or env:NAME." placeholder:"WHERE"`
	TelegramToken string `name:"telegram-token" help:"A file, or env:NAME." placeholder:"WHERE"`
	RESTURL       string `name:"rest-url" help:"GitHub Enterprise Server: https://HOST/api/v3."`
	TelegramURL   string `name:"telegram-url" help:"A Bot API server of your own."`
	Yes           bool   `short:"y" help:"Ask nothing: take flags and what was found, and create what the board lacks."`
}

//go:embed config_template.toml
var configTemplate string

// gitHubPatience bounds what init asks of GitHub.
const gitHubPatience = 30 * time.Second

func (i initCommand) Run(ctx context.Context, c console) error {
	if _, err := os.Lstat(i.Config); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("init: %s is there already, and stays as it is: edit it, or name another with --config", i.Config)
	}
	ask := newAsker(c, i.Yes)
	defer ask.close()
	a, err := i.answers(ctx, c, ask)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	text, err := a.render()
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	config, d := parseConfig(i.Config, text)
	if err := d.err(); err != nil {
		return fmt.Errorf("init: nothing was written, because with these answers %w", err)
	}
	if err := writeNew(i.Config, text); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	if _, err := fmt.Fprintf(c.out, "\nWritten: %s\n", i.Config); err != nil {
		return err
	}
	switch _, err := rules.Create(config.Rules); {
	case err == nil:
		fmt.Fprintf(c.out, "Written: %s, the rules for sessions\n", config.Rules)
	case !errors.Is(err, fs.ErrExist):
		return fmt.Errorf("init: %w", err)
	}
	lacking, err := i.visit(ctx, c, ask, config, d)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	return i.conclude(ctx, c, lacking)
}

// writeNew writes a file for its owner alone, and never over another.
func writeNew(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// visit asks GitHub what the board lacks and offers to make it. What goes wrong there is told and is no failure of init:
// doctor looks again. It returns what to do about tokens that are not where the configuration says.
func (i initCommand) visit(ctx context.Context, c console, ask *asker, config Config, d *document) (lacking []string, err error) {
	d.readSecret(toml.Key{"github", "token"}, &config.GitHub.Token, c.environ)
	mayAsk := len(d.faults) == 0
	d.readSecret(toml.Key{"telegram", "token"}, &config.Telegram.Token, c.environ)
	for _, fault := range d.faults {
		lacking = append(lacking, fault.key+": "+fault.what+"\n    "+fault.cure)
	}
	if !mayAsk {
		return lacking, nil
	}
	factory := &daemon{config: config, environ: c.environ, log: slog.New(slog.DiscardHandler)}
	client, err := factory.forge()
	if err != nil {
		return lacking, err
	}
	look, cancel := context.WithTimeout(ctx, gitHubPatience)
	defer cancel()
	missing, err := client.Missing(look)
	if err != nil {
		fmt.Fprintf(c.out, "GitHub:  %s\n", factory.redact(err.Error()))
		return lacking, ctx.Err()
	}
	if _, err := client.Milestone(look); errors.Is(err, forge.ErrNotFound) {
		fmt.Fprintln(c.out, "GitHub:  there is no open milestone; tickets are taken from one: create it and put them in")
	}
	if len(missing) == 0 {
		fmt.Fprintln(c.out, "GitHub:  the board has all columns")
		return lacking, ctx.Err()
	}
	return lacking, i.create(ctx, c, ask, client, missing)
}

// create makes what the board lacks, if the person agrees. Nobody there to ask is a no.
func (i initCommand) create(ctx context.Context, c console, ask *asker, client *forge.Client, missing []string) error {
	fmt.Fprintf(c.out, "GitHub:  the board lacks %s\n", strings.Join(missing, ", "))
	agreed, err := ask.agree(ctx, "Create what it lacks?")
	if errors.Is(err, errSilent) {
		return nil
	}
	if err != nil || !agreed {
		return err
	}
	work, cancel := context.WithTimeout(ctx, gitHubPatience)
	defer cancel()
	made, err := client.EnsureColumns(work)
	if len(made) > 0 {
		fmt.Fprintf(c.out, "Created: %s\n", strings.Join(made, ", "))
	}
	if err != nil {
		fmt.Fprintf(c.out, "GitHub:  %v\n", err)
	}
	return ctx.Err()
}

// conclude says what comes next.
func (i initCommand) conclude(ctx context.Context, c console, lacking []string) error {
	var b strings.Builder
	if len(lacking) > 0 {
		fmt.Fprintln(&b, "\nStill to do:")
		for _, line := range lacking {
			fmt.Fprintln(&b, "  "+line)
		}
	}
	if versioned(ctx, c.environ, filepath.Dir(i.Config)) {
		fmt.Fprintln(&b, "\nThis folder is in a git repository: keep the tokens, lightsout.toml and state/ out of it (.git/info/exclude).")
	}
	fmt.Fprintf(&b, "\nNext:\n  %s   # is everything there?\n  %s     # who may steer it from Telegram\n  %s\n", commandFor("doctor", i.Config), commandFor("pair", i.Config), commandFor("run", i.Config))
	_, err := fmt.Fprint(c.out, b.String())
	return err
}

// commandFor is a command of ours as a person here would type it.
func commandFor(name, config string) string {
	command := "lightsout " + name
	if usual, err := filepath.Abs("lightsout.toml"); err != nil || config != usual {
		command += " --config " + shellWord(config)
	}
	return command
}

// render fills the answers into the shipped template.
func (a answers) render() ([]byte, error) {
	parsed, err := template.New("config_template.toml").Funcs(template.FuncMap{"toml": tomlText, "list": tomlList, "setting": setting}).Parse(configTemplate)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	if err := parsed.Execute(&b, a); err != nil {
		return nil, err
	}
	return []byte(b.String()), nil
}

// setting is a line of the template: the answer, or a comment that shows one.
func setting(name, answer, example string) string {
	if answer == "" {
		return "#" + name + " = " + tomlText(example)
	}
	return name + " = " + tomlText(answer)
}

// tomlText writes a text as TOML.
func tomlText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
