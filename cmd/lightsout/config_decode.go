package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// document is a configuration file while it is read: where its keys stand, and what is wrong with them.
type document struct {
	file   string
	meta   toml.MetaData
	lines  map[string]int // key -> line, for every key that was found
	end    int            // the line behind the last one
	broken bool           // it is no TOML: nothing else can be said of it
	faults []configFault
	blamed map[string]bool // keys with a fault, or that a misspelt one was meant to be: one cause is told once
}

// decodeConfig reads a file into a configuration, key by key, so that one wrong value does not hide the next.
func decodeConfig(file string, text []byte, into *Config) *document {
	d := &document{file: file, lines: map[string]int{}, end: bytes.Count(text, []byte("\n")) + 1, blamed: map[string]bool{}}
	if !bytes.HasSuffix(text, []byte("\n")) && len(text) > 0 {
		d.end++
	}
	var top map[string]toml.Primitive
	var err error
	if d.meta, err = toml.Decode(string(text), &top); err != nil {
		d.syntax(err)
		return d
	}
	d.table(top, nil, reflect.ValueOf(into).Elem())
	return d
}

// quoted matches what a message of the TOML library repeats of the file.
var quoted = regexp.MustCompile(`"[^"]*"`)

// syntax tells why a file is no TOML.
func (d *document) syntax(err error) {
	d.broken = true
	fault := configFault{file: d.file, what: "is not TOML", cure: `write name = "text", name = 3, name = ["a", "b"], and [table] above the keys of a table`}
	var parse toml.ParseError
	if errors.As(err, &parse) {
		fault.line, fault.key = parse.Position.Line, parse.LastKey
		// What stands there may be a token that somebody pasted without quotes.
		fault.what = "is not TOML: " + quoted.ReplaceAllString(parse.Message, "what stands here")
		if strings.Contains(parse.Message, "already") {
			fault.cure = "keep one of the two"
		}
	}
	d.faults = append(d.faults, fault)
}

// fault notes what is wrong with a key, unless something is known to be wrong with it, or with the table it is in.
func (d *document) fault(key toml.Key, what, cure string) {
	for i := range key {
		if d.blamed[key[:i+1].String()] {
			return
		}
	}
	d.blamed[key.String()] = true
	d.faults = append(d.faults, configFault{file: d.file, line: d.lineOf(key), key: key.String(), what: what, cure: cure})
}

// blamedBelow tells whether something is known to be wrong with what is in a table.
func (d *document) blamedBelow(table toml.Key) bool {
	return slices.ContainsFunc(d.faults, func(f configFault) bool { return strings.HasPrefix(f.key, table.String()+".") })
}

// lineOf is where a key stands. One that is missing is to be written below the head of its table; keys outside all
// tables go to the top of the file, and a table that is missing to its end.
func (d *document) lineOf(key toml.Key) int {
	for k := key; len(k) > 0; k = k[:len(k)-1] {
		if line := d.lines[k.String()]; line > 0 {
			return line
		}
		first := 0 // of what is in it, for a table without a head of its own
		for name, line := range d.lines {
			if strings.HasPrefix(name, k.String()+".") && line > 0 && (first == 0 || line < first) {
				first = line
			}
		}
		if first > 0 {
			return first
		}
	}
	if len(key) == 1 {
		return 1
	}
	return d.end
}

// place takes a value as it is, and makes the library tell its line: errors of values that decode themselves have one.
type place struct{ raw any }

var errPlace = errors.New("seen")

// UnmarshalTOML implements toml.Unmarshaler.
func (p *place) UnmarshalTOML(raw any) error {
	p.raw = raw
	return errPlace
}

// look returns a value as TOML has it, and remembers where it stands.
func (d *document) look(p toml.Primitive, key toml.Key) any {
	var seen place
	var parse toml.ParseError
	if errors.As(d.meta.PrimitiveDecode(p, &seen), &parse) {
		d.lines[key.String()] = parse.Position.Line
	}
	return seen.raw
}

// table reads the keys of a table into the fields of a struct.
func (d *document) table(found map[string]toml.Primitive, at toml.Key, into reflect.Value) {
	known := keysOf(into.Type())
	for _, name := range slices.Sorted(maps.Keys(found)) {
		key := append(slices.Clone(at), name)
		raw := d.look(found[name], key)
		if index, ok := known[name]; ok {
			d.value(found[name], raw, key, into.Field(index))
		} else {
			d.unknown(key, known)
		}
	}
}

// value reads one value into a field.
func (d *document) value(p toml.Primitive, raw any, key toml.Key, into reflect.Value) {
	if text, ok := raw.(string); ok && into.Type() == homeFileType {
		into.Set(reflect.ValueOf(HomeFile{Content: text}))
		return
	}
	switch into.Kind() {
	case reflect.Struct, reflect.Map:
		var found map[string]toml.Primitive
		if _, ok := raw.(map[string]any); !ok || d.meta.PrimitiveDecode(p, &found) != nil {
			d.mistyped(key, raw, into.Type())
			return
		}
		if into.Kind() == reflect.Struct {
			d.table(found, key, into)
			return
		}
		into.Set(reflect.MakeMap(into.Type()))
		for _, name := range slices.Sorted(maps.Keys(found)) {
			below := append(slices.Clone(key), name)
			element := reflect.New(into.Type().Elem()).Elem()
			d.value(found[name], d.look(found[name], below), below, element)
			into.SetMapIndex(reflect.ValueOf(name), element)
		}
	case reflect.Slice:
		if word, ok := raw.(string); ok && into.Type() == oneOrMoreType {
			into.Set(reflect.ValueOf(oneOrMore{word}))
			return
		}
		list, ok := raw.([]any)
		made := reflect.MakeSlice(into.Type(), len(list), len(list))
		for i, one := range list {
			word, isText := one.(string)
			number, isWhole := one.(int64)
			switch element := made.Index(i); {
			case isText && element.Kind() == reflect.String:
				element.SetString(word)
			case isWhole && element.CanInt():
				element.SetInt(number)
			default:
				ok = false
			}
		}
		if !ok {
			d.mistyped(key, raw, into.Type())
			return
		}
		into.Set(made)
	default:
		d.scalar(raw, key, into)
	}
}

var (
	durationType  = reflect.TypeFor[time.Duration]()
	homeFileType  = reflect.TypeFor[HomeFile]()
	oneOrMoreType = reflect.TypeFor[oneOrMore]()
)

func (d *document) scalar(raw any, key toml.Key, into reflect.Value) {
	switch v := raw.(type) {
	case string:
		if into.Type() == durationType {
			if duration, err := time.ParseDuration(v); err == nil {
				into.SetInt(int64(duration))
				return
			}
		} else if into.Kind() == reflect.String {
			into.SetString(v)
			return
		}
	case int64:
		if into.CanInt() && into.Type() != durationType && !into.OverflowInt(v) {
			into.SetInt(v)
			return
		}
		if into.CanFloat() {
			into.SetFloat(float64(v))
			return
		}
	case float64:
		if into.CanFloat() {
			into.SetFloat(v)
			return
		}
	case bool:
		if into.Kind() == reflect.Bool {
			into.SetBool(v)
			return
		}
	}
	d.mistyped(key, raw, into.Type())
}

// mistyped tells of a value of the wrong kind. The value is not repeated: it may be a secret.
func (d *document) mistyped(key toml.Key, raw any, want reflect.Type) {
	name := key[len(key)-1]
	what, cure := "is "+kindOf(raw), ""
	switch {
	case want == reflect.TypeFor[Secret]():
		cure = fmt.Sprintf("say where the secret is: %s = { file = %q } or %s = { env = %q }", name, key[0]+"."+name, name, strings.ToUpper(key[0]+"_"+name))
	case want == durationType:
		cure = fmt.Sprintf("write a time in quotes, as in %s = \"30m\" or \"1h30m\"", name)
		if _, text := raw.(string); text {
			what = "is no length of time"
		}
	case want.Kind() == reflect.Struct && len(key) == 1, want.Kind() == reflect.Map && len(key) == 1:
		cure = fmt.Sprintf("write [%s] on a line of its own and its keys below", key)
	case want.Kind() == reflect.Struct, want.Kind() == reflect.Map:
		cure = fmt.Sprintf("write %s = { name = \"value\" }, or [%s] on a line of its own and its keys below", name, key)
	case want == reflect.TypeFor[[]int64]():
		cure = fmt.Sprintf("write a list of whole numbers, as in %s = [-1001234567890]", name)
	case want == oneOrMoreType:
		cure = fmt.Sprintf("write a text, as in %s = \"one\", or a list of texts, as in %s = [\"one\", \"two\"]", name, name)
	case want.Kind() == reflect.Slice:
		cure = fmt.Sprintf("write a list of texts, as in %s = [\"one\", \"two\"]", name)
	case want.Kind() == reflect.Bool:
		cure = fmt.Sprintf("write %s = true or %s = false", name, name)
	case want.Kind() == reflect.String:
		cure = fmt.Sprintf("write text in quotes, as in %s = \"text\"", name)
	case want.Kind() == reflect.Float64:
		cure = fmt.Sprintf("write a number without quotes, as in %s = 2.5", name)
	default:
		cure = fmt.Sprintf("write a whole number without quotes, as in %s = 3", name)
	}
	d.fault(key, what, cure)
}

func kindOf(raw any) string {
	switch raw.(type) {
	case string:
		return "a text"
	case int64:
		return "a number"
	case float64:
		return "a number with a fraction"
	case bool:
		return "true or false"
	case map[string]any:
		return "a table"
	case []map[string]any:
		return "a list of tables"
	case []any:
		return "a list"
	}
	return "a date or a time"
}

// unknown tells of a key that means nothing, and guesses which was meant.
func (d *document) unknown(key toml.Key, known map[string]int) {
	name, names := key[len(key)-1], slices.Sorted(maps.Keys(known))
	cure := "take it out; known here: " + strings.Join(names, ", ")
	near := nearest(name, names)
	meant := append(slices.Clone(key[:len(key)-1]), near)
	homes := tablesWith(name, reflect.TypeFor[Config](), nil)
	switch {
	case near != "":
		cure = fmt.Sprintf("did you mean %s?", near)
	case len(homes) > 0:
		cure = "it belongs under " + strings.Join(homes, " or ")
	}
	d.fault(key, "is no key that lightsout knows", cure)
	if near != "" && d.lines[meant.String()] == 0 {
		d.blamed[meant.String()] = true // that it is missing need not be said as well
	}
}

// keysOf are the keys of a table and the fields they are read into.
func keysOf(t reflect.Type) map[string]int {
	keys := map[string]int{}
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("toml"); name != "" {
			keys[name] = i
		}
	}
	return keys
}

// tablesWith are the heads of the tables that know a key.
func tablesWith(name string, t reflect.Type, at []string) []string {
	var heads []string
	keys := keysOf(t)
	if _, ok := keys[name]; ok && len(at) > 0 {
		heads = append(heads, "["+strings.Join(at, ".")+"]")
	}
	for _, below := range slices.Sorted(maps.Keys(keys)) {
		inner, path := t.Field(keys[below]).Type, append(slices.Clone(at), below)
		if inner.Kind() == reflect.Map {
			inner, path = inner.Elem(), append(path, "NAME")
		}
		if inner.Kind() == reflect.Struct {
			heads = append(heads, tablesWith(name, inner, path)...)
		}
	}
	return heads
}

// nearest is the one of names that word was probably meant to be; "" when none is near.
func nearest(word string, names []string) string {
	best, least := "", max(1, min(len(word), 12)/3)+1
	for _, name := range names {
		if far := distance(strings.ToLower(word), name); far < least {
			best, least = name, far
		}
	}
	return best
}

// distance is how many letters must be changed, put in, taken out or swapped with their neighbour to make b of a.
func distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, above, row = above, row, before
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(above[j]+change, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
