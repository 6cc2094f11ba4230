package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v60/github"
)

// What protects a branch is read by requests of our own: go-github's Branch leaves the protection out, which every reader
// may see there, and its rules refuse a listing that has one rule of a kind newer than itself.

// protection returns the checks that the branch's classic protection requires.
func (c *Client) protection(ctx context.Context, branch string) ([]Required, error) {
	var answer struct {
		Protection struct {
			RequiredStatusChecks struct {
				Contexts []string `json:"contexts"`
				Checks   []struct {
					Context string `json:"context"`
					AppID   int64  `json:"app_id"` // null or -1 for any
				} `json:"checks"`
			} `json:"required_status_checks"`
		} `json:"protection"`
	}
	if _, err := c.get(ctx, "branches/"+url.PathEscape(branch), &answer); err != nil {
		return nil, err
	}
	var required []Required
	for _, name := range answer.Protection.RequiredStatusChecks.Contexts {
		required = append(required, Required{Name: name})
	}
	for _, check := range answer.Protection.RequiredStatusChecks.Checks {
		required = append(required, Required{Name: check.Context, AppID: max(check.AppID, 0)})
	}
	return required, nil
}

// noRules tells the answers that mean that nothing is ruled: of servers older than rulesets, which have no such address,
// and of a private repository whose plan has none. Every other refusal leaves open what is required, and is an error.
func noRules(err error) bool {
	var refused *Refused
	return errors.Is(err, ErrNotFound) ||
		errors.As(err, &refused) && refused.Status == http.StatusForbidden && strings.HasPrefix(refused.Message, "Upgrade to GitHub")
}

// rules returns the checks that rulesets require.
func (c *Client) rules(ctx context.Context, branch string) ([]Required, error) {
	type rule struct {
		Type       string          `json:"type"`
		Parameters json.RawMessage `json:"parameters"`
	}
	list, err := pages(ctx, c, func(ctx context.Context, page github.ListOptions) ([]rule, *github.Response, error) {
		var rules []rule
		path := fmt.Sprintf("rules/branches/%s?per_page=%d&page=%d", url.PathEscape(branch), page.PerPage, page.Page)
		resp, err := c.ask(ctx, path, &rules)
		return rules, resp, err
	})
	if noRules(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var required []Required
	for _, r := range list {
		if r.Type != "required_status_checks" {
			continue
		}
		var parameters struct {
			Required []struct {
				Context string `json:"context"`
				AppID   int64  `json:"integration_id"`
			} `json:"required_status_checks"`
		}
		if err := json.Unmarshal(r.Parameters, &parameters); err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.Type, err)
		}
		for _, check := range parameters.Required {
			required = append(required, Required{Name: check.Context, AppID: max(check.AppID, 0)})
		}
	}
	return required, nil
}

// get reads one address below the repository's.
func (c *Client) get(ctx context.Context, path string, into any) (*github.Response, error) {
	_, resp, err := read(ctx, c, restBudget, func(ctx context.Context) (struct{}, *github.Response, error) {
		resp, err := c.ask(ctx, path, into)
		return struct{}{}, resp, err
	})
	return resp, err
}

// ask is one request of get, in the shape of go-github's methods.
func (c *Client) ask(ctx context.Context, path string, into any) (*github.Response, error) {
	req, err := c.rest.NewRequest("GET", strings.Join([]string{"repos", c.owner, c.repo, path}, "/"), nil)
	if err != nil {
		return nil, err
	}
	return c.rest.Do(ctx, req, into)
}
