package forge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/google/go-github/v60/github"
)

// CheckState is how a check stands. Only Success is green.
type CheckState string

const (
	Success        CheckState = "success"
	Failure        CheckState = "failure"
	Pending        CheckState = "pending" // asked for, queued, waiting or running
	Neutral        CheckState = "neutral"
	Skipped        CheckState = "skipped"
	Cancelled      CheckState = "cancelled"
	TimedOut       CheckState = "timed out"
	ActionRequired CheckState = "action required"
	Errored        CheckState = "error" // could not be run, and every state that we do not know
)

// maxAnnotations bounds what is read of one failed check: one page of GitHub's usual size, more than any prompt takes.
const maxAnnotations = 50

// Check is the latest word from one place under one name about one commit: a check run, or a commit status. Two workflows
// that both have a job of that name are two places.
type Check struct {
	Name          string
	State         CheckState
	SHA           string // the commit it is about
	URL           string
	Summary       string
	App           string // slug, as "github-actions"; "" for a commit status
	AppID         int64  // 0 for a commit status
	RunID         int64  // of the check run; 0 for a commit status
	JobID         int64  // of the Actions job, for its log; 0 when it is none
	WorkflowRunID int64  // of the Actions run; 0 when it is none
	Annotations   []Annotation
	CompletedAt   time.Time // zero while it runs
}

// Annotation is a remark of a failed check at a place.
type Annotation struct {
	Path    string
	Line    int
	Level   string // notice, warning, failure
	Message string
}

// Checks returns what is known of a commit, ordered by name and app: from each place the latest only. None is not green.
func (c *Client) Checks(ctx context.Context, sha string) ([]Check, error) {
	latest := "latest"
	runs, err := pages(ctx, c, func(ctx context.Context, page github.ListOptions) ([]*github.CheckRun, *github.Response, error) {
		list, resp, err := c.rest.Checks.ListCheckRunsForRef(ctx, c.owner, c.repo, sha,
			&github.ListCheckRunsOptions{Filter: &latest, ListOptions: page})
		if err != nil {
			return nil, resp, err
		}
		return list.CheckRuns, resp, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list check runs of %s: %w", sha, err)
	}
	about := sha
	statuses, err := pages(ctx, c, func(ctx context.Context, page github.ListOptions) ([]*github.RepoStatus, *github.Response, error) {
		combined, resp, err := c.rest.Repositories.GetCombinedStatus(ctx, c.owner, c.repo, sha, &page)
		if err != nil {
			return nil, resp, err
		}
		about = combined.GetSHA()
		return combined.Statuses, resp, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list commit statuses of %s: %w", sha, err)
	}
	var sources map[int64]string
	if ambiguous(runs) {
		if sources, err = c.sources(ctx, about); err != nil {
			return nil, fmt.Errorf("list workflow runs of %s: %w", sha, err)
		}
	}
	checks := latestChecks(runs, statuses, sources, about)
	for i := range checks {
		if failed(checks[i].State) && annotated(runs, checks[i].RunID) {
			if checks[i].Annotations, err = c.annotations(ctx, checks[i].RunID); err != nil {
				return nil, fmt.Errorf("list annotations of check %s: %w", checks[i].Name, err)
			}
		}
	}
	return checks, nil
}

// ambiguous tells that one name of one app comes from several check suites: a job of two workflows, or of one workflow
// that several events have started.
func ambiguous(runs []*github.CheckRun) bool {
	type key struct{ app, name string }
	suites := map[key]int64{}
	for _, run := range runs {
		k, suite := key{run.GetApp().GetSlug(), run.GetName()}, run.GetCheckSuite().GetID()
		if have, met := suites[k]; met && have != suite {
			return true
		}
		suites[k] = suite
	}
	return false
}

// sources says by check suite which workflow reports in it, and which event has started that. Where it may not be known,
// every suite is a place of its own, and the worst of them decides.
func (c *Client) sources(ctx context.Context, sha string) (map[int64]string, error) {
	runs, err := pages(ctx, c, func(ctx context.Context, page github.ListOptions) ([]*github.WorkflowRun, *github.Response, error) {
		list, resp, err := c.rest.Actions.ListRepositoryWorkflowRuns(ctx, c.owner, c.repo, &github.ListWorkflowRunsOptions{HeadSHA: sha, ListOptions: page})
		if err != nil {
			return nil, resp, err
		}
		return list.WorkflowRuns, resp, nil
	})
	var refused *Refused
	if errors.As(err, &refused) || errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	sources := map[int64]string{}
	for _, run := range runs {
		sources[run.GetCheckSuiteID()] = fmt.Sprintf("workflow %d on %s", run.GetWorkflowID(), run.GetEvent())
	}
	return sources, err
}

// latestChecks keeps of each app, name and source the newest: ids grow with time. GitHub's own filter works per suite, and
// each run of a workflow is a suite of its own, but for its repetitions.
func latestChecks(runs []*github.CheckRun, statuses []*github.RepoStatus, sources map[int64]string, sha string) []Check {
	type key struct{ app, name, source string }
	newest := map[key]Check{}
	for _, run := range runs {
		check, suite := checkOf(run), run.GetCheckSuite().GetID()
		k := key{check.App, check.Name, cmp.Or(sources[suite], fmt.Sprintf("suite %d", suite))}
		if have, ok := newest[k]; !ok || have.RunID < check.RunID {
			newest[k] = check
		}
	}
	statusID := map[string]int64{}
	for _, s := range statuses {
		if have, ok := statusID[s.GetContext()]; ok && have >= s.GetID() {
			continue
		}
		statusID[s.GetContext()] = s.GetID()
		check := Check{Name: s.GetContext(), State: statusState(s.GetState()), SHA: sha, URL: s.GetTargetURL(),
			Summary: s.GetDescription()}
		if check.State != Pending {
			check.CompletedAt = s.GetUpdatedAt().Time
		}
		newest[key{"", check.Name, ""}] = check
	}
	checks := make([]Check, 0, len(newest))
	for _, check := range newest {
		checks = append(checks, check)
	}
	slices.SortFunc(checks, func(a, b Check) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.App, b.App), cmp.Compare(a.RunID, b.RunID))
	})
	return checks
}

// jobAddress is where an Actions check run leads: https://HOST/OWNER/REPO/actions/runs/ID/job/ID.
var jobAddress = regexp.MustCompile(`/actions/runs/([0-9]+)/jobs?/([0-9]+)`)

func checkOf(run *github.CheckRun) Check {
	check := Check{
		Name: run.GetName(), State: runState(run.GetStatus(), run.GetConclusion()), SHA: run.GetHeadSHA(), URL: run.GetHTMLURL(),
		Summary: cmp.Or(run.GetOutput().GetSummary(), run.GetOutput().GetTitle()), App: run.GetApp().GetSlug(), AppID: run.GetApp().GetID(),
		RunID: run.GetID(), CompletedAt: run.GetCompletedAt().Time,
	}
	for _, address := range []string{run.GetDetailsURL(), run.GetHTMLURL()} {
		if m := jobAddress.FindStringSubmatch(address); m != nil {
			check.WorkflowRunID, _ = strconv.ParseInt(m[1], 10, 64) // digits; too many of them give the largest number, found nowhere
			check.JobID, _ = strconv.ParseInt(m[2], 10, 64)
			break
		}
	}
	return check
}

// runState maps GitHub's two words to ours. A new word of theirs is not green.
func runState(status, conclusion string) CheckState {
	if status != "completed" {
		return Pending
	}
	switch conclusion {
	case "success":
		return Success
	case "failure":
		return Failure
	case "neutral":
		return Neutral
	case "skipped":
		return Skipped
	case "cancelled":
		return Cancelled
	case "timed_out":
		return TimedOut
	case "action_required":
		return ActionRequired
	}
	return Errored // startup_failure, stale, …
}

func statusState(state string) CheckState {
	switch state {
	case "success":
		return Success
	case "failure":
		return Failure
	case "pending":
		return Pending
	}
	return Errored
}

func failed(s CheckState) bool {
	return s == Failure || s == TimedOut || s == ActionRequired || s == Errored
}

func annotated(runs []*github.CheckRun, id int64) bool {
	return slices.ContainsFunc(runs, func(r *github.CheckRun) bool {
		return r.GetID() == id && r.GetOutput().GetAnnotationsCount() > 0
	})
}

func (c *Client) annotations(ctx context.Context, runID int64) ([]Annotation, error) {
	list, _, err := read(ctx, c, restBudget, func(ctx context.Context) ([]*github.CheckRunAnnotation, *github.Response, error) {
		return c.rest.Checks.ListCheckRunAnnotations(ctx, c.owner, c.repo, runID, &github.ListOptions{PerPage: maxAnnotations})
	})
	if err != nil {
		return nil, err
	}
	annotations := make([]Annotation, len(list))
	for i, a := range list {
		annotations[i] = Annotation{Path: a.GetPath(), Line: a.GetStartLine(), Level: a.GetAnnotationLevel(), Message: a.GetMessage()}
	}
	return annotations, nil
}

// Required is a check that must be green before a merge.
type Required struct {
	Name  string
	AppID int64 // of the app whose word alone counts; 0 for any
}

// Is tells whether a check is the one required, and not one of that name by another app. Who reported a commit status
// is not known, so none stands for a check that an app is named for.
func (r Required) Is(c Check) bool { return r.Name == c.Name && (r.AppID == 0 || r.AppID == c.AppID) }

// RequiredChecks returns what must be green before a merge into the branch, ordered by name: what is configured, else what
// the branch's protection and the repository's rules ask for, which any reader may see. Empty when nobody asks for any.
func (c *Client) RequiredChecks(ctx context.Context, branch string) ([]Required, error) {
	if len(c.options.Required) > 0 {
		var configured []Required
		for _, name := range c.options.Required {
			configured = append(configured, Required{Name: name})
		}
		return configured, nil
	}
	required, err := c.protection(ctx, branch)
	if err != nil {
		return nil, fmt.Errorf("read protection of %s: %w", branch, err)
	}
	ruled, err := c.rules(ctx, branch)
	if err != nil {
		return nil, fmt.Errorf("read rules of %s: %w", branch, err)
	}
	required = append(required, ruled...)
	slices.SortFunc(required, func(a, b Required) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(b.AppID, a.AppID))
	})
	// Named without an app beside the same name with one, it is the same check: GitHub lists it in both ways.
	return slices.CompactFunc(required, func(a, b Required) bool { return a == b || a.Name == b.Name && (a.AppID == 0 || b.AppID == 0) }), nil
}
