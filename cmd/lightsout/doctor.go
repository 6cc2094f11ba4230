package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// doctorCommand tries everything the factory needs, for real, and leaves nothing behind.
type doctorCommand struct {
	Config  string `short:"c" default:"lightsout.toml" help:"The configuration file." type:"path"`
	Engines bool   `help:"Examine the coding CLIs alone: version, authenticated or not, ready or what to do."`
	Try     bool   `help:"With --engines, have each that seems ready asked for one word; it costs what that costs."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

// diagnosis is what --json prints.
type diagnosis struct {
	Ready  bool      `json:"ready"`
	Checks []finding `json:"checks"`
}

// finding is one thing that was tried.
type finding struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Unknown bool   `json:"unknown,omitempty"` // it could not be told; OK is false then
	Detail  string `json:"detail"`
	Cure    string `json:"cure,omitempty"` // what to do, also where it is only advice
}

func good(name, detail string) finding      { return finding{Name: name, OK: true, Detail: detail} }
func bad(name, detail, cure string) finding { return finding{Name: name, Detail: detail, Cure: cure} }
func unsure(name, detail, cure string) finding {
	return finding{Name: name, Unknown: true, Detail: detail, Cure: cure}
}

// notTried sums up what depends on something that is wrong already: one cause is told once.
func notTried(because string, names ...string) finding {
	return finding{Name: "not tried", Unknown: true, Detail: strings.Join(names, ", ") + ": " + because}
}

// probeTime bounds each question.
const probeTime = 10 * time.Second

func (d doctorCommand) Run(ctx context.Context, c console) error {
	if d.Engines {
		return d.engines(ctx, c)
	}
	if d.Try {
		return errors.New("doctor: --try goes with --engines")
	}
	report := d.examine(ctx, c)
	if ctx.Err() != nil {
		return errors.New("doctor: stopped")
	}
	if d.JSON {
		if err := printJSON(c.out, report); err != nil {
			return err
		}
	} else if err := report.print(c.out); err != nil {
		return err
	}
	faulty, unknown := report.count()
	switch {
	case faulty > 0:
		return errNo
	case unknown > 0:
		return errors.New("doctor: could not tell whether everything is there")
	}
	return nil
}

// examine tries this machine, GitHub and Telegram side by side.
func (d doctorCommand) examine(ctx context.Context, c console) diagnosis {
	config, err := loadConfig(d.Config, c.environ)
	nothingTried := notTried("no configuration", "this machine", "GitHub", "git", "Telegram")
	var faults configFaults
	switch {
	case errors.As(err, &faults):
		var lines []string
		for _, fault := range faults {
			lines = append(lines, fault.Error())
		}
		return diagnose(bad("configuration", strings.Join(lines, "\n"), "do what each line says at its end"), nothingTried)
	case err != nil:
		return diagnose(bad("configuration", err.Error(), commandFor("init", d.Config)+" asks six questions and writes one"), nothingTried)
	}
	x := &doctor{daemon: &daemon{config: config, environ: c.environ, observe: true, log: slog.New(slog.DiscardHandler), now: time.Now}}
	sections := []func(context.Context) []finding{x.machine, x.state, x.gitHub, x.custody, x.telegram}
	found := make([][]finding, len(sections))
	var all sync.WaitGroup
	for i, section := range sections {
		all.Go(func() { found[i] = section(ctx) })
	}
	all.Wait()
	checks := []finding{good("configuration", d.Config)}
	for _, section := range found {
		checks = append(checks, section...)
	}
	for i := range checks { // whatever a library put into an error
		checks[i].Detail, checks[i].Cure = x.redact(checks[i].Detail), x.redact(checks[i].Cure)
	}
	return diagnose(checks...)
}

// doctor is an examination under way.
type doctor struct{ *daemon }

func diagnose(checks ...finding) diagnosis {
	r := diagnosis{Checks: checks}
	faulty, unknown := r.count()
	r.Ready = faulty == 0 && unknown == 0
	return r
}

func (r diagnosis) count() (faulty, unknown int) {
	for _, c := range r.Checks {
		switch {
		case c.Unknown:
			unknown++
		case !c.OK:
			faulty++
		}
	}
	return faulty, unknown
}

// print writes the report for people.
func (r diagnosis) print(out io.Writer) error {
	const margin = "                   "
	var b strings.Builder
	for _, c := range r.Checks {
		mark := "✗"
		switch {
		case c.OK:
			mark = "✓"
		case c.Unknown:
			mark = "?"
		}
		fmt.Fprintf(&b, "%s %-16s %s\n", mark, c.Name, strings.ReplaceAll(c.Detail, "\n", "\n"+margin))
		if c.Cure != "" {
			fmt.Fprintf(&b, "%s→ %s\n", margin[:len(margin)-1], strings.ReplaceAll(c.Cure, "\n", "\n"+margin))
		}
	}
	switch faulty, unknown := r.count(); {
	case faulty == 1:
		fmt.Fprintln(&b, "Not ready: one thing to do.")
	case faulty > 1:
		fmt.Fprintf(&b, "Not ready: %d things to do.\n", faulty)
	case unknown > 0:
		fmt.Fprintln(&b, "Nothing is known to be wrong, but not everything could be tried.")
	default:
		fmt.Fprintln(&b, "Ready: lightsout run")
	}
	_, err := fmt.Fprint(out, b.String())
	return err
}
