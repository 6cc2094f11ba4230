package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

// Workflow is a workflow to be started by hand, as staging is.
type Workflow struct {
	File   string            // name in .github/workflows
	Ref    string            // branch or tag it runs on
	Inputs map[string]string // as declared in the file; ten at most
}

// WorkflowRun is one run of a workflow.
type WorkflowRun struct {
	ID         int64
	File       string // of its workflow, in .github/workflows; listings leave it out
	Name       string
	Title      string // as the workflow's run-name makes it
	Event      string
	Actor      string
	State      CheckState
	HeadSHA    string
	HeadBranch string
	Attempt    int
	URL        string
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Dispatch starts a workflow and returns which run that is; 0 where the server does not say, as an Enterprise server before
// 3.21 does not: then WorkflowRuns finds it, in time.
func (c *Client) Dispatch(ctx context.Context, w Workflow) (run int64, err error) {
	run, err = c.dispatch(ctx, w, true)
	var refused *Refused
	if errors.As(err, &refused) && (refused.Status == http.StatusBadRequest || refused.Status == http.StatusUnprocessableEntity) {
		// Such a server refuses the wish to be told. Whatever else it refuses it refuses again.
		run, err = c.dispatch(ctx, w, false)
	}
	if err != nil {
		return 0, fmt.Errorf("dispatch workflow %s on %s: %w", w.File, w.Ref, err)
	}
	return run, nil
}

// dispatchWish is the body of a dispatch.
type dispatchWish struct {
	Ref    string            `json:"ref"`
	Inputs map[string]string `json:"inputs,omitempty"`
	Told   bool              `json:"return_run_details,omitempty"`
}

func (c *Client) dispatch(ctx context.Context, w Workflow, told bool) (int64, error) {
	return write(ctx, c, restBudget, func(ctx context.Context) (int64, *github.Response, error) {
		var made struct {
			Run int64 `json:"workflow_run_id"`
		}
		req, err := c.rest.NewRequest("POST", fmt.Sprintf("repos/%s/%s/actions/workflows/%s/dispatches", c.owner, c.repo, url.PathEscape(w.File)), dispatchWish{w.Ref, w.Inputs, told})
		if err != nil {
			return 0, nil, err
		}
		resp, err := c.rest.Do(ctx, req, &made)
		return made.Run, resp, err
	})
}

// WorkflowRuns returns the dispatched runs of a workflow created at since or later, to the second, newest first.
func (c *Client) WorkflowRuns(ctx context.Context, file string, since time.Time) ([]WorkflowRun, error) {
	list, err := pages(ctx, c, func(ctx context.Context, page github.ListOptions) ([]*github.WorkflowRun, *github.Response, error) {
		runs, resp, err := c.rest.Actions.ListWorkflowRunsByFileName(ctx, c.owner, c.repo, file, &github.ListWorkflowRunsOptions{
			Event: "workflow_dispatch", Created: ">=" + since.UTC().Format(time.RFC3339), ListOptions: page})
		if err != nil {
			return nil, resp, err
		}
		return runs.WorkflowRuns, resp, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list runs of workflow %s: %w", file, err)
	}
	runs := make([]WorkflowRun, len(list))
	for i, run := range list {
		runs[i] = runOf(run)
	}
	return runs, nil
}

// WorkflowRun returns one run.
func (c *Client) WorkflowRun(ctx context.Context, id int64) (WorkflowRun, error) {
	// go-github leaves the workflow's file out.
	type told struct {
		github.WorkflowRun
		Path string `json:"path"`
	}
	run, _, err := read(ctx, c, restBudget, func(ctx context.Context) (told, *github.Response, error) {
		var run told
		req, err := c.rest.NewRequest("GET", fmt.Sprintf("repos/%s/%s/actions/runs/%d", c.owner, c.repo, id), nil)
		if err != nil {
			return run, nil, err
		}
		resp, err := c.rest.Do(ctx, req, &run)
		return run, resp, err
	})
	if err != nil {
		return WorkflowRun{}, fmt.Errorf("read workflow run %d: %w", id, err)
	}
	out := runOf(&run.WorkflowRun)
	out.File = fileOf(run.Path)
	return out, nil
}

// RerunFailed asks for failed checks once more: of an Actions run all its failed jobs together, since GitHub starts one
// attempt at a time, and each check run of another app by itself. ErrBusy while a run has jobs that have not ended, and
// ErrNotFound for a commit status, which cannot be asked for.
func (c *Client) RerunFailed(ctx context.Context, checks ...Check) error {
	asked := map[int64]bool{}
	for _, check := range checks {
		if check.RunID == 0 {
			return fmt.Errorf("rerun %s: a commit status cannot be asked for: %w", check.Name, ErrNotFound)
		}
		if check.WorkflowRunID != 0 && asked[check.WorkflowRunID] {
			continue
		}
		asked[check.WorkflowRunID] = true
		err := writeOnly(ctx, c, func(ctx context.Context) (*github.Response, error) {
			if check.WorkflowRunID != 0 {
				return c.rest.Actions.RerunFailedJobsByID(ctx, c.owner, c.repo, check.WorkflowRunID)
			}
			return c.rest.Checks.ReRequestCheckRun(ctx, c.owner, c.repo, check.RunID)
		})
		var refused *Refused
		if errors.As(err, &refused) && strings.Contains(strings.ToLower(refused.Message), "already running") {
			err = fmt.Errorf("%w: %w", ErrBusy, err)
		}
		if err != nil {
			return fmt.Errorf("rerun %s: %w", check.Name, err)
		}
	}
	return nil
}

// JobLog returns the last maxBytes of an Actions job's log. It lies on another host, at an address that is a credential
// by itself: it is fetched without ours. ErrNotFound when the check is no Actions job, or its log is gone.
func (c *Client) JobLog(ctx context.Context, check Check, maxBytes int) ([]byte, error) {
	if check.JobID == 0 {
		return nil, fmt.Errorf("read log of %s: it is no Actions job: %w", check.Name, ErrNotFound)
	}
	end, _, err := read(ctx, c, restBudget, func(ctx context.Context) ([]byte, *github.Response, error) {
		address, err := c.logAddress(ctx, check.JobID)
		if err != nil {
			return nil, nil, err
		}
		end, err := c.fetchEnd(ctx, address, maxBytes)
		return end, nil, err
	})
	if err != nil {
		return nil, fmt.Errorf("read log of %s: %w", check.Name, err)
	}
	return end, nil
}

// logAddress asks GitHub where the log lies; it answers with a redirect, which is not followed.
func (c *Client) logAddress(ctx context.Context, jobID int64) (string, error) {
	req, err := c.rest.NewRequest("GET", fmt.Sprintf("repos/%s/%s/actions/jobs/%d/logs", c.owner, c.repo, jobID), nil)
	if err != nil {
		return "", err
	}
	resp, err := c.still.Do(req.WithContext(ctx))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusFound {
		address, err := resp.Location()
		if err != nil {
			return "", fmt.Errorf("log's address: %w", err)
		}
		return address.String(), nil
	}
	if err := github.CheckResponse(resp); err != nil {
		return "", err
	}
	return "", fmt.Errorf("log's address: status %d instead of a redirect", resp.StatusCode)
}

// fetchEnd reads an address of another host. What that host refuses is a log that cannot be had, no matter of our rights.
func (c *Client) fetchEnd(ctx context.Context, address string, maxBytes int) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("log's address is malformed")
	}
	req.Header.Set("User-Agent", userAgent)
	resp, err := c.nowhere.Do(req)
	if err != nil {
		return nil, withoutAddress(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode >= 500:
		return nil, fmt.Errorf("log's host: status %d", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("log's host: status %d: %w", resp.StatusCode, ErrNotFound)
	}
	return readEnd(resp.Body, maxBytes)
}

// fileOf is a workflow's file; a path may name, behind an @, the commit that it is of.
func fileOf(workflow string) string {
	name, _, _ := strings.Cut(workflow, "@")
	return path.Base(name)
}

func runOf(run *github.WorkflowRun) WorkflowRun {
	return WorkflowRun{
		ID: run.GetID(), Name: run.GetName(), Title: run.GetDisplayTitle(), Event: run.GetEvent(), Actor: run.GetActor().GetLogin(),
		State: runState(run.GetStatus(), run.GetConclusion()), HeadSHA: run.GetHeadSHA(), HeadBranch: run.GetHeadBranch(),
		Attempt: run.GetRunAttempt(), URL: run.GetHTMLURL(), CreatedAt: run.GetCreatedAt().Time, UpdatedAt: run.GetUpdatedAt().Time,
	}
}
