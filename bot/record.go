package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"lightsout/store"
)

// maxAnswer bounds what is read of one answer of the chat service, in bytes. A getUpdates answer has at most 100
// updates; a message is at most 4096 characters, with its entities some ten times that.
const maxAnswer = 32 << 20

// recorder is the transport under the library's client. The library confirms an update before its handler has run; so
// every update of a getUpdates answer is kept here, before the library sees that there is one.
type recorder struct {
	next   http.RoundTripper
	keep   func(context.Context, []store.Update) error
	polled func() // a getUpdates has been answered well
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusOK || !strings.HasSuffix(request.URL.Path, "/getUpdates") {
		return response, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("read updates: %w", err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("read updates: more than %d bytes", maxAnswer)
	}
	updates, slim, err := readUpdates(body)
	if err != nil {
		return nil, err
	}
	if err := r.keep(request.Context(), updates); err != nil {
		return nil, err
	}
	r.polled()
	response.Body = io.NopCloser(bytes.NewReader(slim))
	response.ContentLength = int64(len(slim))
	response.Header.Del("Content-Length")
	return response, nil
}

// readUpdates takes the updates out of a getUpdates answer. slim is the same answer with nothing but the ids in it: the
// library needs them to confirm, and an update that it could not decode would keep it from ever confirming anything.
func readUpdates(body []byte) (updates []store.Update, slim []byte, err error) {
	var answer struct {
		OK     bool              `json:"ok"`
		Result []json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, nil, fmt.Errorf("read updates: %w", err)
	}
	if !answer.OK {
		return nil, body, nil
	}
	type identity struct {
		ID int64 `json:"update_id"`
	}
	ids := []identity{}
	for _, raw := range answer.Result {
		var id identity
		if err := json.Unmarshal(raw, &id); err != nil {
			return nil, nil, fmt.Errorf("read updates: %w", err)
		}
		if id.ID <= 0 {
			return nil, nil, fmt.Errorf("read updates: update_id %d", id.ID)
		}
		ids = append(ids, id)
		updates = append(updates, store.Update{ID: id.ID, Body: string(raw)})
	}
	slim, err = json.Marshal(map[string]any{"ok": true, "result": ids})
	return updates, slim, err
}
