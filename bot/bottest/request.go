package bottest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxUpload is what a bot may send in one file (Bot API documentation: 50 MB for documents), in bytes.
const maxUpload = 50 << 20

// params are the parameters of one call, however they were encoded.
type params struct {
	method  string
	values  map[string]string
	uploads map[string]upload
	used    map[string]bool // looked at by the method: the rest is unknown to it
	s       *Server
}

type upload struct {
	name  string
	bytes []byte
}

var (
	errTooLarge = errors.New("file too large")              // answered with 413
	errGone     = errors.New("client left before its body") // not answered
)

// readParams reads the parameters from the query and from a multipart, urlencoded or JSON body.
func readParams(r *http.Request, s *Server, method string) (*params, error) {
	p := &params{method: method, values: map[string]string{}, uploads: map[string]upload{}, used: map[string]bool{}, s: s}
	p.addValues(r.URL.Query())
	// The body is read to its end before anything else: net/http notices a client that left only after that.
	body, err := io.ReadAll(io.LimitReader(r.Body, maxUpload+1<<20+1))
	if err != nil {
		return nil, errGone
	}
	if len(body) > maxUpload+1<<20 {
		return nil, errTooLarge
	}
	if len(body) == 0 { // the library announces multipart and sends nothing for a call without parameters
		return p, nil
	}
	kind, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, fmt.Errorf("content type: %w", err)
	}
	switch kind {
	case "multipart/form-data":
		return p, p.readMultipart(multipart.NewReader(bytes.NewReader(body), options["boundary"]))
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, fmt.Errorf("form: %w", err)
		}
		p.addValues(form)
		return p, nil
	case "application/json":
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(body, &fields); err != nil {
			return nil, fmt.Errorf("object: %w", err)
		}
		for name, raw := range fields {
			var text string
			if json.Unmarshal(raw, &text) == nil {
				p.values[name] = text
			} else {
				p.values[name] = string(raw)
			}
		}
		return p, nil
	}
	return nil, fmt.Errorf("content type %s", kind)
}

func (p *params) addValues(v url.Values) {
	for name, list := range v {
		p.values[name] = list[len(list)-1]
	}
}

func (p *params) readMultipart(form *multipart.Reader) error {
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("multipart: %w", err)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return fmt.Errorf("multipart field %s: %w", part.FormName(), err)
		}
		if part.FileName() == "" {
			p.values[part.FormName()] = string(data)
			continue
		}
		if len(data) > maxUpload {
			return errTooLarge
		}
		p.uploads[part.FormName()] = upload{name: part.FileName(), bytes: data}
	}
}

// has tells whether a parameter was given and is not empty.
func (p *params) has(name string) bool {
	p.used[name] = true
	return p.values[name] != ""
}

func (p *params) string(name string) string {
	p.used[name] = true
	return p.values[name]
}

// text is a string that people will read.
func (p *params) text(name string) (string, *apiError) {
	v := p.string(name)
	if !utf8.ValidString(v) {
		return "", badRequest("strings must be encoded in UTF-8")
	}
	return v, nil
}

// integer is a parameter as a number; one that is no number counts as absent, and is noted.
func (p *params) integer(name string) (int64, bool) {
	v := p.string(name)
	if v == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		p.s.note("%s: %s is %q, not a number", p.method, name, v)
		return 0, false
	}
	return n, true
}

func (p *params) flag(name string) bool {
	switch v := p.string(name); strings.ToLower(v) {
	case "true", "1":
		return true
	case "", "false", "0":
		return false
	default:
		p.s.note("%s: %s is %q, neither true nor false", p.method, name, v)
		return false
	}
}

// json decodes a JSON-serialized parameter into v; fields that v does not have are an error of the bot and noted.
func (p *params) json(name string, v any) error {
	raw := p.string(name)
	if raw == "" {
		return nil
	}
	strict := json.NewDecoder(strings.NewReader(raw))
	strict.DisallowUnknownFields()
	err := strict.Decode(v)
	if err == nil {
		return nil
	}
	if lenient := json.Unmarshal([]byte(raw), v); lenient != nil {
		return lenient
	}
	p.s.note("%s: %s: %v", p.method, name, err)
	return nil
}

// ignore marks parameters that are right and change nothing here.
func (p *params) ignore(names ...string) {
	for _, name := range names {
		p.used[name] = true
	}
}

// noteUnknown records the parameters that the method never looked at; the lock is held.
func (p *params) noteUnknown() {
	for name := range p.values {
		if !p.used[name] {
			p.s.note("%s: unknown parameter %s", p.method, name)
		}
	}
	for name := range p.uploads {
		if !p.used[name] {
			p.s.note("%s: unknown file %s", p.method, name)
		}
	}
}
