package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
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

// eachMember calls f with the members of the object at data, and refuses what
// is not an object or has a key twice.
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
			return fmt.Errorf("/%s: the key is there twice", name)
		}
		seen[name] = struct{}{}
		s.space()
		s.pos++ // the colon
		s.space()
		if err := f(name, s.value()); err != nil {
			return err
		}
	}
}

// eachElement calls f with the elements of the array at data.
func eachElement(data []byte, f func(i int, value []byte) error) error {
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
		if err := f(i, s.value()); err != nil {
			return err
		}
		i++
	}
}

// checkUnique refuses an object with a key twice anywhere in data.
func checkUnique(data []byte) error {
	s := scanner{data: data}
	s.space()
	if s.pos == len(data) {
		return errors.New("it is empty")
	}
	switch data[s.pos] {
	case '{':
		return eachMember(data, func(name string, value []byte) error {
			if err := checkUnique(value); err != nil {
				return fmt.Errorf("/%s%w", name, err)
			}
			return nil
		})
	case '[':
		return eachElement(data, func(i int, value []byte) error {
			if err := checkUnique(value); err != nil {
				return fmt.Errorf("/%d%w", i, err)
			}
			return nil
		})
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
