package agents

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lightsout/store"
)

const (
	// hookTime bounds one request to staging: a receiver says that it has understood, and works afterwards.
	hookTime = 15 * time.Second
	// hookBody bounds what is read of an answer, in bytes: a state and a few words.
	hookBody = 64 << 10
)

// Signature is the value of the header X-Hub-Signature-256 over a body, as GitHub's own webhooks have it.
func Signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// hook is what a webhook is told of a merge. Receivers depend on it: fields are added, never changed.
type hook struct {
	Event       string    `json:"event"` // merged
	Repository  string    `json:"repository"`
	Branch      string    `json:"branch"`
	SHA         string    `json:"sha"`
	PullRequest int       `json:"pull_request"`
	Ticket      int       `json:"ticket"`
	Title       string    `json:"title"`
	URL         string    `json:"url"`
	ApprovedBy  string    `json:"approved_by"`
	MergedAt    time.Time `json:"merged_at"`
}

// What a webhook can answer, beside an address to follow.
const (
	hookDone  = "done"  // it is deployed
	hookTaken = "taken" // it will be, and nobody says when
)

// hookRefused is an answer after which asking again is no use.
type hookRefused struct{ status int }

func (e *hookRefused) Error() string {
	return fmt.Sprintf("the webhook refused it: status %d", e.status)
}

// callWebhook tells the configured webhook of a merge, once: a repetition after a lost answer carries the same key and
// the same body, by which the receiver knows it. It returns what to follow.
func (m *Merger) callWebhook(ctx context.Context, p store.Pull) (string, error) {
	body, err := json.Marshal(hook{Event: "merged", Repository: m.Store.Repo(), Branch: m.Settings.Base, SHA: p.MergedSHA, PullRequest: p.Number, Ticket: p.Ticket,
		Title: p.Title, URL: p.URL, ApprovedBy: p.MergedBy, MergedAt: p.MergedAt.UTC()})
	if err != nil {
		return "", err
	}
	return m.once(ctx, deed{key: stagingKey(p), kind: "start staging", detail: "webhook",
		find: func(context.Context) (string, bool, error) { return "", false, nil }, // it cannot be asked; the key makes asking again harmless
		do: func(ctx context.Context) (string, error) {
			return m.Settings.Staging.post(ctx, "merged", m.Store.Repo()+"@"+p.MergedSHA, body)
		}})
}

// post sends one signed event and returns what the receiver says to follow: hookDone, hookTaken or an address of its own
// host. *hookRefused when asking again is no use; every other error may be over at the next try.
func (s Staging) post(ctx context.Context, event, key string, body []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Webhook, bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("the webhook's address: %w", withoutAddress(err))
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Hub-Signature-256", Signature(s.Secret, body))
	request.Header.Set("X-Lightsout-Event", event)
	request.Header.Set("Idempotency-Key", key)
	answer, err := s.client(noRedirects).Do(request)
	if err != nil {
		return "", fmt.Errorf("the webhook does not answer: %w", withoutAddress(err))
	}
	defer answer.Body.Close()
	switch code := answer.StatusCode; {
	case code == http.StatusAccepted:
		return s.location(answer)
	case code >= 200 && code < 300:
		return hookDone, nil
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests:
		return "", fmt.Errorf("the webhook answers with status %d", code)
	default:
		return "", &hookRefused{code}
	}
}

// Answers tells whether somebody listens where the webhook is. Any answer will do: what takes webhooks may know no other
// question.
func (s Staging) Answers(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, s.Webhook, nil)
	if err != nil {
		return withoutAddress(err)
	}
	answer, err := s.client(noRedirects).Do(request)
	if err != nil {
		return withoutAddress(err)
	}
	return answer.Body.Close()
}

// location is where an accepted deployment can be followed. An address of another host is none that we were told to ask.
func (s Staging) location(answer *http.Response) (string, error) {
	if answer.Header.Get("Location") == "" {
		return hookTaken, nil
	}
	place, err := answer.Location()
	if err != nil || !sameHost(place, answer.Request.URL) {
		return hookTaken, nil
	}
	return place.String(), nil
}

// deployment is how a deployment stands, as the address to follow tells it.
type deployment struct {
	State  string `json:"state"`  // success, failure or error; everything else is under way
	Reason string `json:"reason"` // of a failure
	URL    string `json:"url"`    // for people
}

// ask looks at a deployment that a webhook has accepted. What cannot be understood is under way: its limit ends it.
func (s Staging) ask(ctx context.Context, address string) (deployment, error) {
	body, status, err := s.get(ctx, address)
	var d deployment
	switch {
	case err != nil:
		return d, err
	case status != http.StatusOK:
		return d, fmt.Errorf("status %d", status)
	case json.Unmarshal(body, &d) != nil:
		return d, errors.New("it does not answer in JSON")
	}
	return d, nil
}

// get reads one address, following redirects within its host alone.
func (s Staging) get(ctx context.Context, address string) (body []byte, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, withoutAddress(err)
	}
	request.Header.Set("Accept", "application/json, text/plain, */*")
	answer, err := s.client(sameHostRedirects).Do(request)
	if err != nil {
		return nil, 0, withoutAddress(err)
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(io.LimitReader(answer.Body, hookBody))
	return body, answer.StatusCode, err
}

// client is the configured client with rules of its own for redirects.
func (s Staging) client(redirects func(*http.Request, []*http.Request) error) *http.Client {
	c := http.Client{CheckRedirect: redirects}
	if s.HTTP != nil {
		c.Transport = s.HTTP.Transport
	}
	return &c
}

// noRedirects hands a redirect back as the answer: what was signed for one address is not sent to another.
func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// maxRedirects is more than a health page has a reason for.
const maxRedirects = 3

func sameHostRedirects(next *http.Request, before []*http.Request) error {
	if len(before) > maxRedirects {
		return errors.New("it redirects without an end")
	}
	if !sameHost(next.URL, before[0].URL) {
		return errors.New("it redirects to another host")
	}
	return nil
}

func sameHost(a, b *url.URL) bool { return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host) }

// withoutAddress takes the address out of an error of net/http: it may hold a secret.
func withoutAddress(err error) error {
	var address *url.Error
	if errors.As(err, &address) {
		return address.Err
	}
	return err
}
