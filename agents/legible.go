package agents

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"lightsout/agents/engine"
)

// telling are the arguments of tools that say what a call is about, in the words of the six coding CLIs, the telling ones
// first.
var telling = []string{"command", "cmd", "file_path", "filePath", "path", "absolute_path", "pattern", "query", "url", "description", "prompt"}

// maxDoing bounds what is said of a call, in characters: it stands in a line of a card.
const maxDoing = 90

// Doing says in a few words what a session is at. dir is its worktree, which nobody needs to read again and again.
func Doing(p engine.Progress, dir string) string {
	text := p.Text
	if p.Tool != "" {
		text = p.Tool + " " + about(text)
	}
	text = strings.ReplaceAll(text, dir+string(filepath.Separator), "")
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxDoing {
		text = string(runes[:maxDoing-1]) + "…"
	}
	return text
}

// about is what a call is about: of its arguments, the one that says so.
func about(arguments string) string {
	var fields map[string]any
	if json.Unmarshal([]byte(arguments), &fields) != nil {
		return loose(arguments)
	}
	for _, name := range telling {
		switch v := fields[name].(type) {
		case string:
			return v
		case []any: // a command as words; a shell's last is the script
			if len(v) > 0 {
				return fmt.Sprint(v[len(v)-1])
			}
		}
	}
	return ""
}

// loose finds the same in arguments that were cut and are no JSON any more.
func loose(arguments string) string {
	if !strings.HasPrefix(arguments, "{") {
		return arguments
	}
	for _, name := range telling {
		if _, after, ok := strings.Cut(arguments, `"`+name+`":`); ok {
			value, _, _ := strings.Cut(strings.TrimLeft(after, ` "[`), `",`)
			return strings.TrimRight(value, `"}`)
		}
	}
	return ""
}

// legible turns the JSON of calls and results into what a person would write down: the text alone, or one line for each
// field. Other text stays as it is.
func legible(text string) string {
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return text
	}
	return spell(value)
}

func spell(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []any:
		var parts []string
		for _, one := range v {
			parts = append(parts, spell(one))
		}
		return strings.Join(parts, "\n")
	case map[string]any:
		if text, ok := v["text"].(string); ok {
			return text
		}
		if len(v) == 1 {
			for _, one := range v {
				return spell(one)
			}
		}
		var lines []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			lines = append(lines, name+": "+spell(v[name]))
		}
		return strings.Join(lines, "\n")
	case nil:
		return ""
	}
	return fmt.Sprint(value)
}
