package enginetest

import (
	"encoding/json"
	"fmt"
	"io"
)

// voice is how the scripted CLI speaks.
type voice interface {
	say(text string)
	tool(name, path string)
	result(text string)                  // what the tool called last gave back
	end(text string, code int)           // of its own accord
	refuse(word, text string) (code int) // because its provider would not serve it
	deny(tool string) (code int)         // because it was refused a permission
}

// plain is a CLI that prints lines and says how it went by its exit code.
type plain struct{ out, errors io.Writer }

func (v plain) say(text string)        { fmt.Fprintln(v.out, text) }
func (v plain) tool(name, path string) { fmt.Fprintln(v.out, name, path) }

func (v plain) result(text string) { fmt.Fprintln(v.out, text) }

func (v plain) end(text string, _ int) {
	if text != "" {
		v.say(text)
	}
}

func (v plain) refuse(_, text string) int {
	fmt.Fprintln(v.errors, text)
	return 1
}

func (v plain) deny(tool string) int {
	fmt.Fprintln(v.errors, "permission denied:", tool)
	return 1
}

// speaker is a CLI that speaks as claude does: one JSON event a line. Its usage
// figures are made up, and the same for every answer.
type speaker struct {
	out   *json.Encoder
	turns int
}

type object map[string]any

func newClaude(out io.Writer) *speaker {
	v := &speaker{out: json.NewEncoder(out)}
	v.event(object{"type": "system", "subtype": "init", "model": Word, "tools": []string{"Write"}})
	return v
}

// event cannot fail but by a closed pipe, which nobody is left to be told of.
func (v *speaker) event(e object) { _ = v.out.Encode(e) }

func (v *speaker) answer(e object, content ...object) {
	v.turns++
	e["type"] = "assistant"
	e["message"] = object{"id": fmt.Sprintf("msg_%d", v.turns), "role": "assistant", "content": content, "usage": usage(1)}
	v.event(e)
}

// usage is that of n answers.
func usage(n int) object {
	return object{"input_tokens": 10 * n, "cache_creation_input_tokens": 100 * n, "cache_read_input_tokens": 1000 * n, "output_tokens": 50 * n}
}

func (v *speaker) say(text string) { v.answer(object{}, object{"type": "text", "text": text}) }

func (v *speaker) tool(name, path string) {
	v.answer(object{}, object{"type": "tool_use", "id": fmt.Sprintf("toolu_%d", v.turns+1), "name": name, "input": object{"file_path": path}})
}

func (v *speaker) result(text string) {
	v.event(object{"type": "user", "message": object{"role": "user", "content": []object{{"type": "tool_result", "tool_use_id": fmt.Sprintf("toolu_%d", v.turns), "content": text}}}})
}

// over is the terminal event.
func (v *speaker) over(e object) {
	e["type"], e["num_turns"], e["total_cost_usd"], e["usage"] = "result", v.turns, 0.01*float64(v.turns), usage(v.turns)
	v.event(e)
}

func (v *speaker) end(text string, code int) {
	if code != 0 {
		v.over(object{"subtype": "error_during_execution", "is_error": true, "errors": []string{text}})
		return
	}
	v.say(text)
	v.over(object{"subtype": "success", "is_error": false, "result": text, "permission_denials": []object{}})
}

func (v *speaker) refuse(word, text string) int {
	v.answer(object{"error": word}, object{"type": "text", "text": text})
	v.over(object{"subtype": "success", "is_error": true, "result": text, "permission_denials": []object{}})
	return 1
}

func (v *speaker) deny(tool string) int {
	v.over(object{"subtype": "success", "is_error": false, "result": "I could not do it.", "permission_denials": []object{{"tool_name": tool}}})
	return 0
}
