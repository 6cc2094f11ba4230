package review

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

//go:embed schema/*.json
var schemaFiles embed.FS

// schema is the part of JSON Schema that the three answers need. What an answer has beyond it is passed over: a session
// that says more than it was asked has still answered.
type schema struct {
	Type       string             `json:"type"` // object, array, string or integer
	Required   []string           `json:"required"`
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
	Enum       []string           `json:"enum"`
	MinLength  int                `json:"minLength"`
	Minimum    int64              `json:"minimum"`
}

// loadSchema reads one of the embedded schemas.
func loadSchema(name string) (*schema, error) {
	content, err := schemaFiles.ReadFile("schema/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("load schema: %w", err)
	}
	var s schema
	if err := json.Unmarshal(content, &s); err != nil {
		return nil, fmt.Errorf("load schema %s: %w", name, err)
	}
	return &s, nil
}

// check says what the value lacks to be as the schema wants it. value comes from a json.Decoder that uses Number. The
// words are ours alone, down to the names: nothing of what a session wrote is in them, so they may go into a prompt.
func (s *schema) check(value any, at string) error {
	if at == "" {
		at = "the answer"
	}
	switch {
	case len(s.Enum) > 0:
		if text, ok := value.(string); !ok || !slices.Contains(s.Enum, text) {
			return fmt.Errorf("%s: want one of %q", at, s.Enum)
		}
	case s.Type == "object":
		return s.checkObject(value, at)
	case s.Type == "array":
		list, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%s: want a list", at)
		}
		for i, item := range list {
			if err := s.Items.check(item, at+"["+strconv.Itoa(i)+"]"); err != nil {
				return err
			}
		}
	case s.Type == "integer":
		number, ok := value.(json.Number)
		if n, err := strconv.ParseInt(string(number), 10, 32); !ok || err != nil || n < s.Minimum {
			return fmt.Errorf("%s: want a whole number that is not below %d", at, s.Minimum)
		}
	case s.Type == "string":
		if text, ok := value.(string); !ok || len(text) < s.MinLength {
			return fmt.Errorf("%s: want a text", at)
		}
	default:
		return errors.New("the schema names an unknown type")
	}
	return nil
}

func (s *schema) checkObject(value any, at string) error {
	object, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: want an object", at)
	}
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			return fmt.Errorf("%s: %q is missing", at, name)
		}
	}
	for _, name := range sortedKeys(s.Properties) {
		if v, ok := object[name]; ok {
			if err := s.Properties[name].check(v, at+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}
