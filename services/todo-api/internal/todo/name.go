package todo

import (
	"fmt"
	"unicode/utf8"
)

// MaxNameLength is the maximum length of a name, in code points.
const MaxNameLength = 128

// Name is the name of a list: 1 to [MaxNameLength] code points of valid UTF-8
// without control characters, slashes and backslashes, and neither "." nor
// "..". Names that differ in case or in their Unicode form are two names.
type Name string

// ParseName returns s as a name, or a [*InvalidError] if s is not valid.
func ParseName(s string) (Name, error) {
	refuse := func(format string, args ...any) (Name, error) {
		return "", &InvalidError{Problems: []Problem{{Detail: "a list's name " + fmt.Sprintf(format, args...)}}}
	}
	switch {
	case s == "":
		return refuse("has at least one character")
	case s == "." || s == "..":
		return refuse("is not %q", s)
	case !utf8.ValidString(s):
		return refuse("is valid UTF-8")
	}
	length := 0
	for _, r := range s {
		if length++; length > MaxNameLength {
			return refuse("has at most %d code points", MaxNameLength)
		}
		if r == '/' || r == '\\' {
			return refuse("has no %q", r)
		}
		if isControl(r) {
			return refuse("has no control characters such as %U", r)
		}
	}
	return Name(s), nil
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }
