package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checkJSON returns an error that names the byte at which data stops being
// one valid JSON value in valid UTF-8.
func checkJSON(data []byte) error {
	if !json.Valid(data) {
		var raw json.RawMessage
		err := json.Unmarshal(data, &raw)
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return fmt.Errorf("not JSON at byte %d: %w", syntax.Offset, err)
		}
		return fmt.Errorf("not JSON: %w", err)
	}
	if !utf8.Valid(data) {
		for i := 0; i < len(data); {
			r, n := utf8.DecodeRune(data[i:])
			if r == utf8.RuneError && n == 1 {
				return fmt.Errorf("not UTF-8 at byte %d", i)
			}
			i += n
		}
	}
	return nil
}

// scanner walks JSON that checkJSON has accepted; it does not check again.
type scanner struct {
	data []byte
	pos  int
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// str returns the string at pos with its quotes.
func (s *scanner) str() []byte {
	start := s.pos
	for s.pos++; s.data[s.pos] != '"'; s.pos++ {
		if s.data[s.pos] == '\\' {
			s.pos++
		}
	}
	s.pos++
	return s.data[start:s.pos]
}

// value returns the value at pos.
func (s *scanner) value() []byte {
	start := s.pos
	switch s.data[s.pos] {
	case '"':
		s.str()
	case '{', '[':
		for depth := 0; ; {
			switch s.data[s.pos] {
			case '"':
				s.str()
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			s.pos++
			if depth == 0 {
				break
			}
		}
	default:
		for s.pos < len(s.data) {
			switch s.data[s.pos] {
			case ',', '}', ']', ' ', '\t', '\n', '\r':
				return s.data[start:s.pos]
			}
			s.pos++
		}
	}
	return s.data[start:s.pos]
}

// unquote returns the text of a JSON string.
func unquote(raw []byte) (string, error) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", fmt.Errorf("expected a string, got %s", short(raw))
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", err
	}
	return text, nil
}

// placed is an error at a place, a JSON Pointer, in a document.
type placed struct {
	path string
	err  error
}

func (p *placed) Error() string { return p.path + ": " + p.err.Error() }
func (p *placed) Unwrap() error { return p.err }

// at puts err, which may have a place already, below name.
func at(name string, err error) error {
	name = "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	if p := (*placed)(nil); errors.As(err, &p) {
		return &placed{name + p.path, p.err}
	}
	return &placed{name, err}
}

var errTwice = errors.New("the key is there twice")

// eachMember calls f with the members of the object at data, and refuses what
// is not an object or has a key twice. It puts f's error in its place.
func eachMember(data []byte, f func(name string, value []byte) error) error {
	s := scanner{data: data}
	s.space()
	if s.pos == len(data) || data[s.pos] != '{' {
		return fmt.Errorf("expected an object, got %s", short(data))
	}
	s.pos++
	seen := make(map[string]struct{}, 8)
	for {
		s.space()
		switch data[s.pos] {
		case '}':
			return nil
		case ',':
			s.pos++
			continue
		}
		name, err := unquote(s.str())
		if err != nil {
			return err
		}
		if _, ok := seen[name]; ok {
			return at(name, errTwice)
		}
		seen[name] = struct{}{}
		s.space()
		s.pos++ // the colon
		s.space()
		if err := f(name, s.value()); err != nil {
			return at(name, err)
		}
	}
}

// eachElement calls f with the elements of the array at data, and refuses what
// is not an array. It puts f's error in its place.
func eachElement(data []byte, f func(value []byte) error) error {
	s := scanner{data: data}
	s.space()
	if s.pos == len(data) || data[s.pos] != '[' {
		return fmt.Errorf("expected an array, got %s", short(data))
	}
	s.pos++
	for i := 0; ; {
		s.space()
		switch data[s.pos] {
		case ']':
			return nil
		case ',':
			s.pos++
			continue
		}
		if err := f(s.value()); err != nil {
			return at(strconv.Itoa(i), err)
		}
		i++
	}
}

// checkUnique refuses an object with a key twice anywhere in data. It passes
// over data once, however deep it is.
func checkUnique(data []byte) error {
	type level struct {
		seen  map[string]struct{} // nil in an array
		name  string
		index int
	}
	var levels []level
	s := scanner{data: data}
	for s.pos < len(data) {
		switch data[s.pos] {
		case '{':
			levels = append(levels, level{seen: make(map[string]struct{})})
			s.pos++
		case '[':
			levels = append(levels, level{})
			s.pos++
		case '}', ']':
			levels = levels[:len(levels)-1]
			s.pos++
		case ',':
			levels[len(levels)-1].index++
			s.pos++
		case '"':
			raw := s.str()
			s.space()
			if s.pos == len(data) || data[s.pos] != ':' {
				continue // a value
			}
			name, err := unquote(raw)
			if err != nil {
				return err
			}
			top := &levels[len(levels)-1]
			top.name = name
			if _, ok := top.seen[name]; ok {
				err = errTwice
				for _, l := range slices.Backward(levels) {
					if l.seen != nil {
						err = at(l.name, err)
					} else {
						err = at(strconv.Itoa(l.index), err)
					}
				}
				return err
			}
			top.seen[name] = struct{}{}
		default:
			s.pos++
		}
	}
	return nil
}

// short quotes the beginning of raw for a message.
func short(raw []byte) string {
	if len(raw) > 40 {
		return fmt.Sprintf("%q...", raw[:40])
	}
	return fmt.Sprintf("%q", raw)
}
