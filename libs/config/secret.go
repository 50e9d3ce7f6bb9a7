package config

import (
	"fmt"
	"log/slog"
)

// Secret is a string that fmt, log/slog and encoding/json write as
// [redacted], so that a struct with one in it can be logged. A field of this
// type is secret without the tag. string(s) is its value.
//
// IN AN UNEXPORTED FIELD OF A STRUCT THAT IS PRINTED, AND AS A KEY OF A MAP IN JSON,
// IT IS NOT REDACTED: packages fmt and encoding/json call no methods there.
type Secret string

// Format implements [fmt.Formatter] for every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// String returns "[redacted]", and "" for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns [Secret.String]: a secret is not written anywhere.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
