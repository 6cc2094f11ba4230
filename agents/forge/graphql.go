package forge

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

//go:embed query/*.graphql
var documents embed.FS

// graphAnswerBytes bounds one answer; a page of a hundred board items takes about 40 KB.
const graphAnswerBytes = 16 << 20

// graphCall is one document with its variables, and where its data goes.
type graphCall struct {
	document  string // name of a file in query/, without its ending
	variables map[string]any
	into      any
	// optional names a field whose subtree may be missing: errors below it leave the rest of the answer good.
	optional string
}

// query asks a document that changes nothing.
func (c *Client) query(ctx context.Context, g graphCall) error {
	_, _, err := read(ctx, c, graphQLBudget, func(ctx context.Context) (struct{}, *github.Response, error) {
		return struct{}{}, nil, c.post(ctx, g)
	})
	return err
}

// mutate asks a document that changes something.
func (c *Client) mutate(ctx context.Context, g graphCall) error {
	_, err := write(ctx, c, graphQLBudget, func(ctx context.Context) (struct{}, *github.Response, error) {
		return struct{}{}, nil, c.post(ctx, g)
	})
	return err
}

// post sends the document and reads data and errors, which may come together.
func (c *Client) post(ctx context.Context, g graphCall) error {
	document, err := documents.ReadFile("query/" + g.document + ".graphql")
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"query": string(document), "variables": g.variables})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.graphQL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := github.CheckResponse(resp); err != nil {
		return err
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, graphAnswerBytes))
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors graphErrors     `json:"errors"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("graphql answer: %w", err)
	}
	c.meter.spend(cost(answer.Data))
	return answer.Errors.settle(answer.Data, resp.Header, g, c.now())
}

// settle decides what data that comes with errors is worth. A limit always counts, whatever came before it was met.
func (e graphErrors) settle(data json.RawMessage, header http.Header, g graphCall, now time.Time) error {
	var grave graphErrors
	for _, fault := range e {
		switch {
		case fault.Type == "RATE_LIMITED" || fault.Type == "RATE_LIMIT":
			rate, _ := rateOf(header)
			return &RateLimited{Until: bounded(rate.Reset, now)}
		case strings.Contains(strings.ToLower(fault.Message), "secondary rate limit"):
			return &RateLimited{Until: resume(header, now), Secondary: true}
		case !fault.below(g.optional):
			grave = append(grave, fault)
		}
	}
	switch {
	case len(grave) > 0:
		return grave
	case len(data) == 0 || string(data) == "null":
		return fmt.Errorf("graphql answer has neither data nor errors")
	}
	if err := json.Unmarshal(data, g.into); err != nil {
		return fmt.Errorf("graphql data: %w", err)
	}
	return nil
}

// below reports whether the error's path leads through a field of that name.
func (e graphError) below(field string) bool {
	if field == "" {
		return false
	}
	for _, step := range e.Path {
		var name string
		if json.Unmarshal(step, &name) == nil && name == field {
			return true
		}
	}
	return false
}

// cost reads what GitHub charged. Mutations cannot ask; they cost one point.
func cost(data json.RawMessage) int {
	var charged struct {
		RateLimit struct {
			Cost int `json:"cost"`
		} `json:"rateLimit"`
	}
	if json.Unmarshal(data, &charged) != nil || charged.RateLimit.Cost == 0 {
		return 1
	}
	return charged.RateLimit.Cost
}
