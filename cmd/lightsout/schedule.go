package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/robfig/cron/v3"

	"lightsout/agents"
	"lightsout/store"
)

// job is one role and when it is due.
type job struct {
	role     string
	spec     string        // five cron fields, or "@every 30m"
	limit    time.Duration // of one run
	followUp time.Duration // how soon to look again after a run that changed something; 0: at the next tick
	run      func(context.Context) (agents.Report, error)
}

// schedule runs the roles: on gocron's ticks, when somebody wakes one, and once for what was missed. What is due lives
// in the store, so that two ticks for one moment, or a restart in the middle of one, run a role once. Each role has its
// own goroutine, time limit and panic barrier: one that is stuck or broken leaves the others alone.
type schedule struct {
	store *store.Store
	log   *slog.Logger
	zone  *time.Location
	jobs  []job
	plans map[string]cron.Schedule
	wakes map[string]chan struct{}
}

// stopTimeout is how long gocron may take to stop its own goroutines; the roles are joined by us.
const stopTimeout = 5 * time.Second

// early is how much before its moment a tick may come and still count for it.
const early = 50 * time.Millisecond

func newSchedule(s *store.Store, log *slog.Logger, zone *time.Location, jobs []job) (*schedule, error) {
	sch := &schedule{store: s, log: log, zone: zone, jobs: jobs, plans: map[string]cron.Schedule{}, wakes: map[string]chan struct{}{}}
	for _, j := range jobs {
		plan, err := parseSchedule(j.spec)
		if err != nil {
			return nil, fmt.Errorf("schedule of %s: %w", j.role, err)
		}
		sch.plans[j.role] = plan
		sch.wakes[j.role] = make(chan struct{}, 1)
	}
	return sch, nil
}

// Wake runs a role as soon as it is free. It never blocks; waking a role twice is waking it once.
func (s *schedule) Wake(role string) {
	select {
	case s.wakes[role] <- struct{}{}:
	default: // unknown (nil channel) or woken already
	}
}

// Next is when each role is due next.
func (s *schedule) Next() map[string]time.Time {
	next := map[string]time.Time{}
	for role, plan := range s.plans {
		next[role] = plan.Next(s.store.Now().In(s.zone))
	}
	return next
}

// Run ticks until ctx ends and every role has come to rest. It begins with whom somebody waits for.
func (s *schedule) Run(ctx context.Context) error {
	if err := s.recall(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("schedule: %w", err)
	}
	scheduler, err := gocron.NewScheduler(gocron.WithLocation(time.UTC), gocron.WithStopTimeout(stopTimeout))
	if err != nil {
		return fmt.Errorf("schedule: %w", err)
	}
	ticks := make([]chan struct{}, len(s.jobs))
	for i, j := range s.jobs {
		ticks[i] = make(chan struct{}, 1)
		ticks[i] <- struct{}{} // what was missed while nobody was here is due now
		ring := func() {
			select {
			case ticks[i] <- struct{}{}:
			default:
			}
		}
		if _, err := scheduler.NewJob(definition(j.spec, s.plans[j.role]), gocron.NewTask(ring), gocron.WithName(j.role),
			gocron.WithCronImplementation(instants{s.plans[j.role], s.zone})); err != nil {
			return errors.Join(fmt.Errorf("schedule %s: %w", j.role, err), scheduler.Shutdown())
		}
	}
	var roles sync.WaitGroup
	for i, j := range s.jobs {
		roles.Go(func() { s.serve(ctx, j, ticks[i]) })
	}
	scheduler.Start()
	<-ctx.Done()
	err = scheduler.Shutdown()
	roles.Wait()
	return err
}

// recall wakes each role that an earlier life was woken for and that has not come to it: a wake is lost with the process,
// what it was about is in the store.
func (s *schedule) recall(ctx context.Context) error {
	requests, err := s.store.Unanswered(ctx)
	if err != nil {
		return err
	}
	for _, r := range requests {
		s.Wake(r.Role)
	}
	grants, err := s.store.Grants(ctx)
	if err == nil && len(grants) > 0 {
		s.Wake(agents.MergerRole)
	}
	return err
}

// every is a schedule of equal distances, counted from the last moment.
type every time.Duration

func (e every) Next(t time.Time) time.Time { return t.Add(time.Duration(e)) }

// parseSchedule reads five cron fields or "@every 30m".
func parseSchedule(spec string) (cron.Schedule, error) {
	if text, ok := strings.CutPrefix(spec, "@every "); ok {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("%q: write a length of time such as @every 30m", spec)
		}
		return every(d), nil
	}
	plan, err := cron.ParseStandard(spec)
	if err != nil {
		return nil, fmt.Errorf("%q: write five cron fields such as \"15,45 * * * *\", or @every 30m: %w", spec, err)
	}
	return plan, nil
}

func definition(spec string, plan cron.Schedule) gocron.JobDefinition {
	if d, ok := plan.(every); ok {
		return gocron.DurationJob(time.Duration(d))
	}
	return gocron.CronJob(spec, false)
}

// instants are the moments of a plan as gocron asks for them. They leave the zone behind: of two moments that a clock set
// back shows alike, gocron would drop the second.
type instants struct {
	plan cron.Schedule
	zone *time.Location
}

func (i instants) IsValid(string, *time.Location, time.Time) error { return nil } // parseSchedule has seen to that

func (i instants) Next(last time.Time) time.Time { return i.plan.Next(last.In(i.zone)).UTC() }

// serve runs one role, one run at a time. Whatever lets it run takes along the moment that is due and the wish to be run
// that came with it: one run serves both.
func (s *schedule) serve(ctx context.Context, j job, tick <-chan struct{}) {
	again := time.NewTimer(0)
	if !again.Stop() {
		<-again.C
	}
	defer again.Stop()
	var errs budget
	for {
		woken := true
		select {
		case <-ctx.Done():
			return
		case <-s.wakes[j.role]:
		case <-again.C:
		case <-tick:
			woken = waiting(s.wakes[j.role])
		}
		if !woken && errs.resting(s.store.Now()) {
			continue // the first tick after the rest makes up for it
		}
		scheduled, due, err := s.due(ctx, j)
		if err != nil && ctx.Err() == nil {
			s.log.Error("schedule", "role", j.role, "error", err)
		}
		if !due && !woken {
			continue
		}
		report, err := s.once(ctx, j, scheduled)
		if err != nil && ctx.Err() == nil {
			s.log.Error("role", "role", j.role, "error", err)
			errs.spend(s.store.Now())
			continue
		}
		errs.restore()
		if report.Acted && j.followUp > 0 {
			again.Reset(j.followUp)
		}
	}
}

// waiting takes what waits in a channel, and tells whether anything did.
func waiting(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// due finds the newest moment of a role that has come and has not been run, and takes it. Moments missed before it are
// made up by this one run. The moment is zero when none is due.
func (s *schedule) due(ctx context.Context, j job) (time.Time, bool, error) {
	now := s.store.Now().In(s.zone)
	plan := s.plans[j.role]
	var moment time.Time
	switch last, err := s.store.LastTick(ctx, j.role); {
	case errors.Is(err, store.ErrNotFound):
		moment = now // nobody who starts the factory for the first time wants to wait an hour to see it work
	case err != nil:
		return time.Time{}, false, err
	case last.ScheduledAt.After(now.Add(early)):
		// The clock was ahead once, and has been set right: what it recorded must not silence the role until then.
		if err := s.store.DropTicksAfter(ctx, j.role, now.Add(early)); err != nil {
			return time.Time{}, false, err
		}
		moment = newest(plan, now.Add(-24*time.Hour), now.Add(early))
	default:
		moment = newest(plan, last.ScheduledAt.In(s.zone), now.Add(early))
	}
	if moment.IsZero() {
		return time.Time{}, false, nil
	}
	first, err := s.store.BeginTick(ctx, j.role, moment)
	if err != nil || !first {
		return time.Time{}, false, err
	}
	return moment, true, nil
}

// rarest bounds how far back a missed moment is looked for: monthly is the rarest that is made up.
const rarest = 32 * 24 * time.Hour

// newest is the last moment of a plan after one time and not after another, zero when there is none.
func newest(plan cron.Schedule, after, until time.Time) time.Time {
	if oldest := until.Add(-rarest); after.Before(oldest) {
		after = oldest
	}
	var moment time.Time
	for next := plan.Next(after); !next.IsZero() && !next.After(until); next = plan.Next(next) {
		moment = next
	}
	return moment
}

// once runs a role, keeps how that ended, and answers who asked for it. Trouble is told when it begins and when it ends.
func (s *schedule) once(ctx context.Context, j job, scheduled time.Time) (agents.Report, error) {
	asked, err := s.asked(ctx, j.role)
	if err != nil {
		return agents.Report{}, err
	}
	after := context.WithoutCancel(ctx)
	limited, cancel := context.WithTimeout(ctx, j.limit)
	ended := s.watch(limited, j)
	report, failure := guard(limited, j.run)
	unstuck := ended()
	cancel()
	problem := ""
	if failure != nil {
		problem = failure.Error()
	}
	bookkeeping := []error{unstuck}
	if !scheduled.IsZero() {
		bookkeeping = append(bookkeeping, s.store.EndTick(after, j.role, scheduled, problem))
	}
	answer := report.Said
	if failure != nil {
		answer = "It did not work: " + problem
	}
	for _, r := range asked {
		if ctx.Err() != nil {
			break // the next life answers
		}
		bookkeeping = append(bookkeeping, s.store.Answer(after, r.ID, j.role+": "+answer))
	}
	what := j.role + " is failing"
	switch {
	case failure == nil:
		bookkeeping = append(bookkeeping, s.store.Settled(after, what))
	case ctx.Err() != nil: // told to stop: what that cut short is no trouble
		failure = nil
	default:
		bookkeeping = append(bookkeeping, s.store.Trouble(after, store.Problem{What: what, Reason: problem, Cure: "it tries again at its next tick; the others go on"}))
	}
	return report, errors.Join(append(bookkeeping, failure)...)
}

// stuckGrace is how long a role may take to end after its time is over.
const stuckGrace = time.Minute

// watch says of a role that does not end when its time is over that it is stuck: nothing can end it but a restart, and the
// others go on. The function it returns says that it has ended.
func (s *schedule) watch(limited context.Context, j job) (ended func() error) {
	what := j.role + " is stuck"
	over, told := make(chan struct{}), make(chan error, 1)
	go func() {
		select {
		case <-over:
			told <- nil
			return
		case <-limited.Done():
		}
		if !errors.Is(limited.Err(), context.DeadlineExceeded) {
			told <- nil // the daemon stops
			return
		}
		select {
		case <-over:
			told <- nil
		case <-time.After(stuckGrace):
			told <- s.store.Trouble(context.WithoutCancel(limited), store.Problem{What: what, Reason: fmt.Sprintf("it has not ended %s after its limit of %s", stuckGrace, j.limit),
				Cure: "restart the daemon if that lasts; the others go on"})
		}
	}()
	return func() error {
		close(over)
		return errors.Join(<-told, s.store.Settled(context.WithoutCancel(limited), what))
	}
}

// asked are the /run requests that this run will answer.
func (s *schedule) asked(ctx context.Context, role string) ([]store.Request, error) {
	requests, err := s.store.Asked(ctx, store.RequestRun)
	return slices.DeleteFunc(requests, func(r store.Request) bool { return r.Role != role }), err
}

// guard turns a panic of a role into its error.
func guard(ctx context.Context, run func(context.Context) (agents.Report, error)) (report agents.Report, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return run(ctx)
}
