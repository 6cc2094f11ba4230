package agents

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"lightsout/store"
)

// commitName matches what can be a commit's name, shortened as git does it or whole.
var commitName = regexp.MustCompile(`\b[0-9a-f]{7,40}\b`)

// Shown asks the health address which commits it names: with a field, the one that stands there in its JSON; without,
// every word of the page that can be one. The error says, for a person, why it names none.
func (s Staging) Shown(ctx context.Context) ([]string, error) {
	body, status, err := s.get(ctx, s.Health)
	switch {
	case err != nil:
		return nil, fmt.Errorf("it does not answer: %w", err)
	case status != http.StatusOK:
		return nil, fmt.Errorf("it answers with status %d", status)
	}
	text := string(body)
	if s.HealthField != "" {
		if text, err = field(body, s.HealthField); err != nil {
			return nil, err
		}
	}
	commits := commitName.FindAllString(strings.ToLower(text), -1)
	if len(commits) == 0 {
		return nil, errors.New("it names no commit")
	}
	return commits, nil
}

// field reads a text out of JSON by the names that lead to it, with dots between them.
func field(body []byte, path string) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // a commit may look like one
	var value any
	if err := decoder.Decode(&value); err != nil {
		return "", errors.New("it does not answer in JSON")
	}
	for name := range strings.SplitSeq(path, ".") {
		object, is := value.(map[string]any)
		if !is || object[name] == nil {
			return "", fmt.Errorf("its answer has no %s", path)
		}
		value = object[name]
	}
	switch value := value.(type) {
	case string:
		return value, nil
	case json.Number:
		return value.String(), nil
	}
	return "", fmt.Errorf("%s is no text in its answer", path)
}

// healthy tells whether staging runs a merged commit, or a later one that holds it, and if not, what it shows.
func (m *Merger) healthy(ctx context.Context, sha string) (bool, string) {
	shown, err := m.Settings.Staging.Shown(ctx)
	if err != nil {
		return false, err.Error()
	}
	for _, commit := range shown {
		if strings.HasPrefix(sha, commit) {
			return true, ""
		}
	}
	for _, commit := range shown {
		later, err := m.Mirror.Resolve(ctx, commit)
		if err != nil {
			continue // no commit that is known here
		}
		if holds, err := m.Mirror.IsAncestor(ctx, sha, later); err == nil && holds {
			return true, ""
		}
	}
	return false, fmt.Sprintf("it shows %.7s", shown[0])
}

// checkHealth looks whether what was deployed is up, until it is or its time is over.
func (m *Merger) checkHealth(ctx context.Context, p store.Pull) error {
	ok, said := m.healthy(ctx, p.MergedSHA)
	limit := m.Settings.Staging.HealthLimit
	switch {
	case ok:
		return m.staged(ctx, p, stagingUp, &store.Event{Kind: store.Staged, Data: map[string]string{"sha": p.MergedSHA}})
	case m.Store.Now().Sub(p.StagingAt) > limit:
		return m.fail(ctx, p, m.Settings.Staging.Health, fmt.Sprintf("unhealthy: after %s %s", limit, said))
	}
	return nil
}
