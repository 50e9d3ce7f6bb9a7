package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// placed is an error at a place, a JSON Pointer, in a document.
type placed struct {
	path string
	err  error
}

func (p *placed) Error() string { return p.path + ": " + p.err.Error() }
func (p *placed) Unwrap() error { return p.err }

// at returns err at the place name, or below name if err already has a place.
func at(name string, err error) error {
	name = "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	if p, ok := errors.AsType[*placed](err); ok {
		return &placed{name + p.path, p.err}
	}
	return &placed{name, err}
}

var errTwice = errors.New("duplicate key")

// syntax names the place of an error that jsontext returned: the byte, and for
// a duplicate key the member.
func syntax(err error) error {
	var s *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return errors.New("not JSON: it is empty")
	case !errors.As(err, &s):
		return fmt.Errorf("not JSON: %w", err)
	case errors.Is(err, jsontext.ErrDuplicateName):
		return &placed{string(s.JSONPointer), errTwice}
	}
	return fmt.Errorf("not JSON at byte %d: %w", s.ByteOffset, s.Err)
}

// newDecoder reads data without a copy: the values that it returns are parts of
// data.
func newDecoder(data []byte, uniqueKeys bool) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(!uniqueKeys))
}

// end returns an error unless nothing follows the value that d has read.
func end(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		if err == nil {
			return fmt.Errorf("not JSON at byte %d: more than one value", d.InputOffset())
		}
		return syntax(err)
	}
	return nil
}

// checkUnique returns an error unless data is one JSON value in valid UTF-8 in
// which no object has a key twice.
func checkUnique(data []byte) error {
	d := newDecoder(data, true)
	if _, err := d.ReadValue(); err != nil {
		return syntax(err)
	}
	return end(d)
}

// membersOf returns the members of the object at data, or nil if data is JSON of
// another type. It does not refuse duplicate keys in nested objects: their codec
// does.
func membersOf(data []byte) (map[string][]byte, error) {
	d := newDecoder(data, false)
	if d.PeekKind() != '{' {
		if _, err := d.ReadValue(); err != nil {
			return nil, syntax(err)
		}
		return nil, end(d)
	}
	members := make(map[string][]byte, 7)
	var twice error
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != '}' {
		var token jsontext.Token
		if token, err = d.ReadToken(); err != nil {
			break
		}
		name := token.String()
		if members[name] != nil && twice == nil {
			twice = at(name, errTwice)
		}
		members[name], err = d.ReadValue()
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	if err != nil {
		return nil, syntax(err)
	}
	if err := end(d); err != nil {
		return nil, err
	}
	return members, twice
}

// unquote returns the text of a JSON string.
func unquote(raw []byte) (string, error) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", fmt.Errorf("expected a string, got %s", short(raw))
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	return string(text), err
}

// short quotes the beginning of raw for a message.
func short(raw []byte) string {
	if len(raw) > 40 {
		return fmt.Sprintf("%q...", raw[:40])
	}
	return fmt.Sprintf("%q", raw)
}
