package forge

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Thread is a conversation about a line of a pull request.
type Thread struct {
	ID       string // node id
	Resolved bool
	Outdated bool // the line has changed since
	Path     string
	Line     int // 0: about the whole file, or the line is gone
	Remarks  []Remark
}

// Remark is one comment in a thread.
type Remark struct {
	Author            string // as REST has it: with [bot] behind an app's
	AuthorAssociation string
	Ours              bool // by the token that reads it
	Body              string
	URL               string
	CreatedAt         time.Time
}

// Threads returns the conversations about lines of a pull request, oldest first, with the first fifty comments of each.
func (c *Client) Threads(ctx context.Context, number int) ([]Thread, error) {
	var threads []Thread
	for after := any(nil); ; {
		page, next, err := c.threadPage(ctx, number, after)
		if err != nil {
			return nil, fmt.Errorf("list review threads of pull request #%d: %w", number, err)
		}
		threads = append(threads, page...)
		if next == "" {
			return threads, nil
		}
		after = next
	}
}

func (c *Client) threadPage(ctx context.Context, number int, after any) (threads []Thread, next string, err error) {
	var data struct {
		Repository struct {
			PullRequest struct {
				ReviewThreads struct {
					PageInfo struct {
						HasNextPage bool   `json:"hasNextPage"`
						EndCursor   string `json:"endCursor"`
					} `json:"pageInfo"`
					Nodes []struct {
						ID         string `json:"id"`
						IsResolved bool   `json:"isResolved"`
						IsOutdated bool   `json:"isOutdated"`
						Path       string `json:"path"`
						Line       int    `json:"line"`
						Comments   struct {
							Nodes []remarkNode `json:"nodes"`
						} `json:"comments"`
					} `json:"nodes"`
				} `json:"reviewThreads"`
			} `json:"pullRequest"`
		} `json:"repository"`
	}
	err = c.query(ctx, graphCall{document: "review_threads", into: &data,
		variables: map[string]any{"owner": c.owner, "repo": c.repo, "pull": number, "after": after}})
	if err != nil {
		return nil, "", err
	}
	list := data.Repository.PullRequest.ReviewThreads
	for _, n := range list.Nodes {
		t := Thread{ID: n.ID, Resolved: n.IsResolved, Outdated: n.IsOutdated, Path: n.Path, Line: n.Line}
		for _, r := range n.Comments.Nodes {
			t.Remarks = append(t.Remarks, r.remark())
		}
		threads = append(threads, t)
	}
	if list.PageInfo.HasNextPage {
		next = list.PageInfo.EndCursor
	}
	return threads, next, nil
}

type remarkNode struct {
	Author struct { // null, and so empty, for somebody who has left GitHub
		Kind  string `json:"__typename"`
		Login string `json:"login"`
	} `json:"author"`
	AuthorAssociation string    `json:"authorAssociation"`
	ViewerDidAuthor   bool      `json:"viewerDidAuthor"`
	Body              string    `json:"body"`
	URL               string    `json:"url"`
	CreatedAt         time.Time `json:"createdAt"`
}

func (n remarkNode) remark() Remark {
	login := n.Author.Login
	if n.Author.Kind == "Bot" {
		login += "[bot]" // GraphQL leaves it out
	}
	return Remark{Author: login, AuthorAssociation: n.AuthorAssociation, Ours: n.ViewerDidAuthor, Body: n.Body, URL: n.URL, CreatedAt: n.CreatedAt}
}

// ReplyToThread says something in a thread and returns the address of what was said.
func (c *Client) ReplyToThread(ctx context.Context, thread, body string) (url string, err error) {
	var data struct {
		Reply struct {
			Comment struct {
				URL string `json:"url"`
			} `json:"comment"`
		} `json:"addPullRequestReviewThreadReply"`
	}
	err = c.mutate(ctx, graphCall{document: "reply_to_thread", into: &data, variables: map[string]any{"thread": thread, "body": body}})
	if err != nil {
		return "", fmt.Errorf("reply to review thread %s: %w", thread, err)
	}
	return data.Reply.Comment.URL, nil
}

// ResolveThread marks a thread as resolved. One that is resolved stays so.
func (c *Client) ResolveThread(ctx context.Context, thread string) error {
	var data struct {
		Resolve struct {
			Thread struct {
				IsResolved bool `json:"isResolved"`
			} `json:"thread"`
		} `json:"resolveReviewThread"`
	}
	err := c.mutate(ctx, graphCall{document: "resolve_thread", into: &data, variables: map[string]any{"thread": thread}})
	if err == nil && !data.Resolve.Thread.IsResolved {
		err = &Refused{Status: http.StatusUnprocessableEntity, Message: "it is not resolved after the change"}
	}
	if err != nil {
		return fmt.Errorf("resolve review thread %s: %w", thread, err)
	}
	return nil
}
