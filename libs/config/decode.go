package config

import (
	"encoding"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"regexp"
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

// fault is a value of the wrong type at a place below the decoded value: ""
// is the value itself, [1] the second element of a list.
type fault struct {
	name   string
	reason error // what the type's own UnmarshalText says, or nil
}

// unsuitable is the error of a value that is not of the type.
type unsuitable struct{ reason error }

func (unsuitable) Error() string { return "unsuitable" }

// decode stores raw, as a source wrote it, in the value that target points to,
// and returns everything that does not fit. mapstructure walks structs, maps
// and lists; convert decides what each single value may be.
func decode(target, raw any) (faults []fault) {
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: target, TagName: "key", Squash: true, ZeroFields: true,
		MatchName:  func(key, field string) bool { return key == field },
		DecodeHook: convert,
	})
	if err != nil {
		return []fault{{reason: err}}
	}
	err = decoder.Decode(raw)
	if faults = faultsOf(err); err != nil && faults == nil {
		faults = []fault{{}}
	}
	return faults
}

// faultsOf returns the innermost of mapstructure's errors that name a place.
func faultsOf(err error) (faults []fault) {
	switch err := err.(type) { //nolint:errorlint // this walks the tree
	case interface{ Unwrap() []error }:
		for _, one := range err.Unwrap() {
			faults = append(faults, faultsOf(one)...)
		}
	case interface{ Unwrap() error }:
		faults = faultsOf(err.Unwrap())
	}
	if at, ok := err.(*mapstructure.DecodeError); ok && faults == nil { //nolint:errorlint // likewise
		var why unsuitable
		errors.As(at, &why)
		faults = []fault{{at.Name(), why.reason}}
	}
	return faults
}

// textError reports a text that some sources cannot contain: a variable ends at a
// NUL, and JSON is UTF-8.
type textError struct{}

func (textError) Error() string { return "not UTF-8, or with a NUL" }

// convert is the hook of mapstructure: it returns a value that fits the target
// exactly, or an unsuitable error. Unlike mapstructure, it does not convert
// numbers to text, text to numbers, or 1.5 to 1.
func convert(from, to reflect.Value) (any, error) {
	raw, t := from.Interface(), to.Type()
	if from.Kind() == reflect.String && (!utf8.ValidString(from.String()) || strings.Contains(from.String(), "\x00")) {
		return nil, unsuitable{textError{}}
	}
	if from.Type() == t && !from.CanFloat() || reflect.PointerTo(from.Type()) == t || from.Type() == reflect.PointerTo(t) {
		return raw, nil
	}
	shown, scalar := scalarText(raw)
	_, isText := raw.(text)
	_, isString := raw.(string)
	_, isNumber := raw.(json.Number)
	switch {
	case !scalar && (isScalar(t) || raw == emptyElement{}):
		return nil, unsuitable{}
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
	case reflect.Slice:
		if isText {
			return splitList(shown)
		}
		return raw, nil
	default: // a section or a map
		return raw, nil
	}
	if err != nil || !fits {
		return nil, unsuitable{}
	}
	return value, nil
}

// splitList splits the text of a list at its commas. An element in double
// quotes may contain commas, as in CSV.
func splitList(list string) (any, error) {
	if list == "" {
		return []any{}, nil
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
	case json.Delim:
		return map[json.Delim]string{'{': "a section", '[': "a list"}[raw]
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
