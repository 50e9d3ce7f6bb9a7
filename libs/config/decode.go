package config

import (
	"cmp"
	"encoding"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-viper/mapstructure/v2"
)

const redacted = "[redacted]"

// text is a value from the command line, the environment or a secret file,
// which have no types of their own. A list of texts is a list already split.
type text string

// emptyElement is an empty element of a list that was written as text.
type emptyElement struct{}

// unsuitable is the error of a value that is not of the type. Its reason is what
// the type's own UnmarshalText says, or nil.
type unsuitable struct{ reason error }

func (unsuitable) Error() string { return "unsuitable" }

// decoding decodes one value of a source and collects its problems.
type decoding struct {
	*loader
	found []found
}

type found struct {
	at          *node
	key, detail string
}

// decode stores n in the value that target points to, and reports whether
// everything in it fits. mapstructure walks structs, maps and lists; the hook judges
// each node.
func (l *loader) decode(source string, n *node, target reflect.Value) bool {
	d := &decoding{loader: l}
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: target.Interface(), TagName: "key", Squash: true, DecodeHook: d.judge,
		MatchName: func(key, field string) bool { return key == field },
	})
	if err == nil {
		err = decoder.Decode(n)
	}
	if err != nil && d.found == nil { // from a type that mapstructure does not know
		_ = d.refuse(n, nil)
	}
	// Fields are decoded in the order of the struct.
	slices.SortStableFunc(d.found, func(a, b found) int {
		return cmp.Or(a.at.line-b.at.line, a.at.order-b.at.order)
	})
	for _, f := range d.found {
		l.problem(at(source, f.at.line), f.key, f.detail)
	}
	return d.found == nil
}

// judge is the hook of mapstructure. It returns the parts of a section or a list,
// which mapstructure decodes next, or a value that fits the target exactly.
func (d *decoding) judge(from, to reflect.Value) (any, error) {
	n, ok := reflect.TypeAssert[*node](from)
	if !ok { // the key of a map, or what judge returned for a pointer
		return from.Interface(), nil
	}
	s := n.setting
	if n.line > 0 {
		d.lines[n.key()] = n.line
	}
	_, isMap := n.value.(map[string]any)
	if kind := reflect.TypeOf(n.value); s.isSection() && kind != nil && kind.Kind() == reflect.Map && !isMap {
		isMap = true // with a key that is not text, and others
		_ = d.refuse(n, nil)
	}
	switch {
	case s.isSection() && n.value == nil && !isIndex(n.part): // "http:" with nothing below
	case isMap && (s.isSection() || to.Kind() == reflect.Map):
		return d.section(n), nil
	case isList(s.typ):
		elements, err := elementsOf(n.value)
		if err != nil {
			return nil, d.refuse(n, err)
		}
		for _, element := range elements {
			n.add(n.index(), 0, 0).value = element
		}
		for _, child := range n.children {
			child.setting = s.elem
		}
		return n.children, nil
	default:
		value, err := convert(n.value, to.Type())
		if err != nil {
			return nil, d.refuse(n, err)
		}
		return value, nil
	}
	return map[string]*node{}, nil
}

// section returns the children of n, a section or a map, that are known.
func (d *decoding) section(n *node) map[string]*node {
	known := map[string]*node{}
	for _, child := range n.children {
		if child.setting = n.setting.elem; child.setting == nil {
			child.setting = n.setting.child(child.part)
		}
		key := child.key()
		switch first, twice := known[child.part]; {
		case child.setting == nil:
			shown := key
			if child.part == "" || strings.Contains(child.part, ".") { // not a path
				shown = join(n.key(), strconv.Quote(child.part))
			}
			hint := near(regexp.MustCompile(`\[\d+\]`).ReplaceAllString(key, ""), d.known)
			d.found = append(d.found, found{child, "", "unknown key " + clip(shown) + hint})
		case !isTransferable(child.part):
			_ = d.refuse(child, unsuitable{textError{}})
		case twice:
			d.wrong[key] = true
			d.found = append(d.found, found{child, clip(key), fmt.Sprintf("set twice, first in line %d", first.line)})
		default:
			known[child.part] = child
		}
	}
	return known
}

// refuse reports the value of n. A setting that is wrong in one part is not used at
// all.
func (d *decoding) refuse(n *node, err error) error {
	for above := n; above != nil; above = above.parent {
		d.wrong[above.key()] = true
	}
	var why unsuitable
	errors.As(err, &why)
	at, element := n, 0
	if n.parent != nil && isIndex(n.part) && !n.setting.isSection() {
		at, element = n.parent, elementOf(n.part) // said in words
	}
	d.found = append(d.found, found{n, at.key(), n.setting.detail(n.value, why.reason, element)})
	return err
}

// textError reports a text that some sources cannot contain: a variable ends at a
// NUL, and JSON is UTF-8.
type textError struct{}

func (textError) Error() string { return "not UTF-8, or with a NUL" }

func isTransferable(text string) bool {
	return utf8.ValidString(text) && !strings.Contains(text, "\x00")
}

// convert returns raw, a single value, as one that fits t exactly. Unlike
// mapstructure, it does not convert numbers to text, text to numbers, or 1.5 to 1.
func convert(raw any, t reflect.Type) (any, error) {
	shown, scalar := scalarText(raw)
	_, isText := raw.(text)
	_, isString := raw.(string)
	_, isNumber := raw.(json.Number)
	switch {
	case !scalar || !isScalar(t):
		return nil, unsuitable{}
	case !isTransferable(shown):
		return nil, unsuitable{textError{}}
	case isURL(t):
		u, err := url.Parse(shown)
		// The error is dropped: it repeats the URL with its password.
		if err != nil || !u.IsAbs() || !isText && !isString {
			return nil, unsuitable{}
		}
		return u, nil
	case isDuration(t):
		d, err := time.ParseDuration(shown)
		if err != nil {
			return nil, unsuitable{}
		}
		return d, nil
	case readsText(t):
		v := reflect.New(t)
		if t.Kind() == reflect.Pointer {
			v.Elem().Set(reflect.New(t.Elem()))
			v = v.Elem()
		}
		if reader, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v); ok {
			if err := reader.UnmarshalText([]byte(shown)); err != nil {
				return nil, unsuitable{err}
			}
		}
		if t.Kind() == reflect.Pointer {
			return v.Interface(), nil
		}
		return v.Elem().Interface(), nil
	}
	var value any
	var err error
	from := reflect.ValueOf(raw)
	fits := isText || isNumber || from.CanInt() || from.CanUint() // an integer
	switch t.Kind() {
	case reflect.String:
		value, fits = shown, isText || isString
	case reflect.Bool:
		value, err = strconv.ParseBool(shown)
		fits = isText || from.Kind() == reflect.Bool
	case reflect.Float32, reflect.Float64:
		var f float64
		f, err = strconv.ParseFloat(shown, t.Bits())
		value, fits = f, (fits || from.CanFloat()) && !math.IsNaN(f) && !math.IsInf(f, 0)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		value, err = strconv.ParseUint(shown, 10, t.Bits())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		value, err = strconv.ParseInt(shown, 10, t.Bits())
	default: // isScalar knows no other
	}
	if err != nil || !fits {
		return nil, unsuitable{}
	}
	return value, nil
}

// elementsOf returns the elements of a list, or none for a list of a file, whose
// elements are nodes. A text is split at its commas; an element in double quotes may
// contain commas, as in CSV.
func elementsOf(value any) ([]any, error) {
	if elements, isList := value.([]any); isList {
		return elements, nil
	}
	source, isText := value.(text)
	list := string(source)
	switch {
	case !isText:
		return nil, unsuitable{}
	case !isTransferable(list):
		return nil, unsuitable{textError{}}
	case list == "":
		return nil, nil
	}
	// With LazyQuotes, a quote that is not closed takes the rest of the list, and
	// this last element with it. No text has a NUL.
	const last = "\x00"
	// LazyQuotes lets a quote stand inside an element, but takes a space behind
	// a closing quote for a part of the element.
	list = regexp.MustCompile(`"\s+(,|$)`).ReplaceAllString(list, `"$1`)
	reader := csv.NewReader(strings.NewReader(list + "," + last))
	reader.TrimLeadingSpace, reader.LazyQuotes = true, true
	records, err := reader.ReadAll()
	if err != nil || len(records) > 1 {
		return nil, unsuitable{errors.New("elements are on one line, separated by commas")}
	}
	n := len(records[0]) - 1
	if records[0][n] != last {
		return nil, unsuitable{errors.New("a double quote is not closed")}
	}
	elements := make([]any, n)
	for i, element := range records[0][:n] {
		elements[i] = listElement(strings.TrimSpace(element))
	}
	return elements, nil
}

func listElement(element string) any {
	if element == "" {
		return emptyElement{}
	}
	return text(element)
}

// scalarText returns the text of a single value, and false for a list, a
// section and null.
func scalarText(raw any) (string, bool) {
	switch raw := raw.(type) {
	case nil, emptyElement:
		return "", false
	case float64:
		shown := strconv.FormatFloat(raw, 'g', -1, 64)
		if raw == math.Trunc(raw) && !strings.ContainsAny(shown, "eI") {
			shown += ".0" // not to be taken for an integer
		}
		return shown, true
	case time.Time: // of TOML, with a zone
		return raw.Format(time.RFC3339Nano), true
	case fmt.Stringer: // TOML's local dates and times, json.Number
		return raw.String(), true
	}
	switch reflect.TypeOf(raw).Kind() {
	case reflect.Map, reflect.Slice, reflect.Struct:
		return "", false
	default:
		return fmt.Sprint(raw), true
	}
}

// kindOf says what raw is, without its value: "a string".
func kindOf(raw any) string {
	switch raw := raw.(type) {
	case nil:
		return "null"
	case string, text:
		return "a string"
	case date:
		return "a date"
	case json.Number:
		if strings.ContainsAny(raw.String(), ".eE") {
			return "a number"
		}
		return "an integer"
	case map[any]any:
		return "a section with a key that is not text: quote it"
	}
	switch t := reflect.TypeOf(raw); t.Kind() {
	case reflect.Bool:
		return "a boolean"
	case reflect.Float64:
		return "a number"
	case reflect.Struct:
		return "a date"
	case reflect.Slice:
		return "a list"
	case reflect.Map:
		return "a section"
	default:
		return "an integer"
	}
}

// show renders a value for a message. The content of a section is not shown,
// because parts of it may be secret.
func show(raw any) string {
	value, scalar := scalarText(raw)
	_, noun, _ := strings.Cut(kindOf(raw), " ")
	switch _, isText := raw.(text); {
	case raw == emptyElement{} || isText && value == "":
		return "an empty value"
	case isText:
		return quote(value)
	case !scalar:
		return kindOf(raw)
	case noun == "string":
		return "the string " + quote(value)
	default:
		return "the " + noun + " " + clip(value)
	}
}

func quote(value string) string { return strconv.Quote(clip(maskPassword(value))) }

func clip(value string) string {
	const most = 100
	if runes := []rune(value); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return value
}

// maskPassword hides the password of a URL in value. If value is not a URL, it
// hides everything up to the last @, because a password that breaks the syntax
// must not show either.
func maskPassword(value string) string {
	if u, err := url.Parse(value); err == nil && u.Host != "" {
		if _, has := u.User.Password(); has {
			return u.Redacted()
		}
		return value
	}
	return regexp.MustCompile(`(?s)(://[^:/?#@\s]*):.*@`).ReplaceAllString(value, "$1:xxxxx@")
}

// detail returns the expectation and the value found of s, or of the element with the
// given number if that is not 0.
func (s *setting) detail(raw any, reason error, element int) string {
	expected := s.expect
	if expected == "" {
		expected = typeWords(s.typ)
	}
	if element > 0 {
		expected += fmt.Sprintf(" as element %d", element)
	}
	_, isText := raw.(text)
	got := show(raw)
	switch {
	case s.isSection():
		return "expected a section, got " + kindOf(raw)
	case s.secret && (isText || raw == emptyElement{}):
		got = redacted
	case s.secret:
		got = kindOf(raw) + ", " + redacted
	}
	if reason != nil && (!s.secret || errors.Is(reason, textError{})) { // any other may repeat the value
		got += " (" + clip(maskPassword(reason.Error())) + ")"
	}
	return "expected " + expected + ", got " + got
}

func typeWords(t reflect.Type) string {
	switch {
	case isDuration(t):
		return "a duration with a unit, such as 1m30s"
	case t == reflect.TypeFor[ByteSize]():
		return "a size, such as 512KiB or 1MiB"
	case isURL(t):
		return "an absolute URL, such as https://example.org"
	case t == reflect.TypeFor[time.Time]():
		return "a time, such as 2026-01-31T12:00:00Z"
	case readsText(t):
		return "a valid " + strings.TrimPrefix(t.String(), "*")
	}
	switch t.Kind() {
	case reflect.Slice:
		return "a list, each element " + typeWords(t.Elem())
	case reflect.Map:
		return "a section, each value " + typeWords(t.Elem())
	case reflect.Struct:
		return "a section"
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
// variable takes; "" when the value is empty.
func display(s *setting, v reflect.Value) string {
	switch value := displayValue(v); {
	case s.fileOnly && v.Len() > 0:
		return fmt.Sprintf("%d in the configuration file", v.Len())
	case s.fileOnly || s.isSection():
		return ""
	case s.secret && value != "":
		return redacted
	default:
		return value
	}
}

func displayValue(v reflect.Value) string {
	if v.Kind() != reflect.Slice || isScalar(v.Type()) {
		return displayScalar(v)
	}
	texts := make([]string, v.Len())
	for i := range texts {
		if texts[i] = displayScalar(v.Index(i)); strings.Contains(texts[i], ",") {
			texts[i] = `"` + texts[i] + `"`
		}
	}
	return strings.Join(texts, ",")
}

func displayScalar(v reflect.Value) string {
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return ""
	}
	switch value := v.Interface().(type) {
	case time.Time:
		if value.IsZero() {
			return ""
		}
		return value.Format(time.RFC3339Nano)
	case url.URL:
		return value.Redacted()
	case *url.URL:
		return value.Redacted()
	case Secret:
		return string(value)
	case encoding.TextMarshaler:
		if text, err := value.MarshalText(); err == nil {
			return maskPassword(string(text))
		}
	}
	return maskPassword(fmt.Sprint(v.Interface()))
}
