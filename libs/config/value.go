package config

import (
	"encoding"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const redacted = "[redacted]"

// kind says what a source wrote, before it is known what was wanted.
type kind string

const (
	// plain is text from the command line, the environment or a secret file,
	// which have no types of their own.
	plain   kind = "plain"
	str     kind = "the string"
	integer kind = "the integer"
	float   kind = "the number"
	boolean kind = "the boolean"
	date    kind = "the date"
	null    kind = "null"
	list    kind = "a list"
	section kind = "a section"
)

// any names the kind without a value: "a string".
func (k kind) any() string {
	if k == integer {
		return "an integer"
	}
	return strings.Replace(string(k), "the ", "a ", 1)
}

// node is a value as a source wrote it, or the tree of a whole file.
type node struct {
	kind    kind
	line    int
	text    string  // of a scalar
	items   []node  // of a list
	entries []entry // of a section, in the order of the file
}

type entry struct {
	name string
	line int
	node node
}

// show renders a value for a message. A section is never shown in full: it
// stands where a value was expected, so nobody knows which parts are secret.
func (n node) show() string {
	switch n.kind {
	case null, list, section:
		return string(n.kind)
	case plain:
		if n.text == "" {
			return "an empty value"
		}
		return quote(n.text)
	case str:
		return string(n.kind) + " " + quote(n.text)
	default:
		return string(n.kind) + " " + clip(n.text)
	}
}

func quote(text string) string { return strconv.Quote(clip(maskPassword(text))) }

func clip(text string) string {
	const most = 100
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}

// maskPassword hides the password of a URL in text. Where text is no URL, it
// takes everything up to the last @, because a password that breaks the syntax
// must not show either.
func maskPassword(text string) string {
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		if _, has := u.User.Password(); has {
			return u.Redacted()
		}
		return text
	}
	return regexp.MustCompile(`(?s)(://[^:/?#@\s]*):.*@`).ReplaceAllString(text, "$1:xxxxx@")
}

// mismatch is a value that is not of the type.
type mismatch struct {
	typ     reflect.Type // of the value, or of the list's element
	node    node
	element int   // of a list, from 1; 0 when it is not about one
	reason  error // what the type's own UnmarshalText said, or nil
}

// parse converts what a source wrote to type t.
func parse(t reflect.Type, n node) (reflect.Value, *mismatch) {
	if !isList(t) {
		return parseScalar(t, n)
	}
	items := n.items
	switch n.kind {
	case list:
	case plain:
		items = nil
		if n.text != "" {
			for text := range strings.SplitSeq(n.text, ",") {
				items = append(items, node{kind: plain, text: strings.TrimSpace(text)})
			}
		}
	default:
		return reflect.Value{}, &mismatch{typ: t, node: n}
	}
	out := reflect.MakeSlice(t, 0, len(items))
	for i, item := range items {
		v, wrong := parseScalar(t.Elem(), item)
		if wrong == nil && item.kind == plain && item.text == "" {
			wrong = &mismatch{typ: t.Elem(), node: item}
		}
		if wrong != nil {
			wrong.element = i + 1
			return reflect.Value{}, wrong
		}
		out = reflect.Append(out, v)
	}
	return out, nil
}

func parseScalar(t reflect.Type, n node) (reflect.Value, *mismatch) {
	wrong := &mismatch{typ: t, node: n}
	v := reflect.New(t).Elem()
	if n.kind == null || n.kind == list || n.kind == section {
		return v, wrong
	}
	is := func(kinds ...kind) bool { return n.kind == plain || slices.Contains(kinds, n.kind) }
	switch {
	case isURL(t):
		u, err := url.Parse(n.text)
		// The error is not passed on: it repeats the URL, password and all.
		if err != nil || !u.IsAbs() || !is(str) {
			return v, wrong
		}
		if t.Kind() == reflect.Pointer {
			return reflect.ValueOf(u), nil
		}
		return reflect.ValueOf(*u), nil
	case isDuration(t):
		d, err := time.ParseDuration(n.text)
		if err != nil {
			return v, wrong
		}
		return reflect.ValueOf(d), nil
	case readsText(t):
		target := v.Addr()
		if t.Kind() == reflect.Pointer {
			v.Set(reflect.New(t.Elem()))
			target = v
		}
		if reader, ok := reflect.TypeAssert[encoding.TextUnmarshaler](target); ok {
			wrong.reason = reader.UnmarshalText([]byte(n.text))
		}
		if wrong.reason != nil {
			return v, wrong
		}
		return v, nil
	}
	switch t.Kind() {
	case reflect.String:
		if !is(str) {
			return v, wrong
		}
		v.SetString(n.text)
	case reflect.Bool:
		b, err := strconv.ParseBool(n.text)
		if err != nil || !is(boolean) {
			return v, wrong
		}
		v.SetBool(b)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(n.text, t.Bits())
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || !is(float, integer) {
			return v, wrong
		}
		v.SetFloat(f)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(n.text, 10, t.Bits())
		if err != nil || !is(integer) {
			return v, wrong
		}
		v.SetUint(u)
	default: // the signed integers: describe lets nothing else through
		i, err := strconv.ParseInt(n.text, 10, t.Bits())
		if err != nil || !is(integer) {
			return v, wrong
		}
		v.SetInt(i)
	}
	return v, nil
}

// detail says what s expects and what it got instead.
func (m mismatch) detail(s setting) string {
	expected := s.expect
	if expected == "" {
		expected = typeWords(m.typ)
	}
	if m.element > 0 {
		expected += fmt.Sprintf(" as element %d", m.element)
	}
	got := m.node.show()
	switch {
	case s.secret && m.node.kind == plain:
		return "expected " + expected + ", got " + redacted
	case s.secret:
		return "expected " + expected + ", got " + m.node.kind.any() + ", " + redacted
	}
	if m.reason != nil {
		got += " (" + clip(maskPassword(m.reason.Error())) + ")"
	}
	return "expected " + expected + ", got " + got
}

func typeWords(t reflect.Type) string {
	switch {
	case isList(t):
		return "a list, each element " + typeWords(t.Elem())
	case isDuration(t):
		return "a duration with a unit, such as 1m30s"
	case t == reflect.TypeFor[ByteSize]():
		return "a size, such as 512KiB or 1MiB"
	case isURL(t):
		return "an absolute URL, such as https://example.org"
	case readsText(t):
		return "a valid " + strings.TrimPrefix(t.String(), "*")
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("an integer from 0 to %d", uint64(math.MaxUint64)>>(64-t.Bits()))
	default: // the signed integers
	}
	if t.Bits() == 64 {
		return "an integer"
	}
	limit := int64(1) << (t.Bits() - 1)
	return fmt.Sprintf("an integer from %d to %d", -limit, limit-1)
}

// display renders the value of s for people, in the form that a flag or a
// variable takes; "" when there is none.
func display(s setting, v reflect.Value) string {
	if text := displayValue(v); text == "" || !s.secret {
		return text
	}
	return redacted
}

func displayValue(v reflect.Value) string {
	if v.Kind() != reflect.Slice || !isList(v.Type()) {
		return displayScalar(v)
	}
	texts := make([]string, v.Len())
	for i := range texts {
		texts[i] = displayScalar(v.Index(i))
	}
	return strings.Join(texts, ",")
}

func displayScalar(v reflect.Value) string {
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return ""
	}
	switch value := v.Interface().(type) {
	case url.URL:
		return value.Redacted()
	case *url.URL:
		return value.Redacted()
	case encoding.TextMarshaler:
		if text, err := value.MarshalText(); err == nil {
			return maskPassword(string(text))
		}
	}
	return maskPassword(fmt.Sprint(v.Interface()))
}
