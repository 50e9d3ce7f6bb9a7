package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ByteSize is a number of bytes. Its text is a whole number with a unit, B,
// KiB, MiB, GiB or TiB (powers of 1024), kB, MB, GB or TB (powers of 1000), or
// without one for bytes: 512KiB. Fractions and negative sizes are errors.
type ByteSize int64

func byteUnits() map[string]ByteSize {
	return map[string]ByteSize{
		"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
		"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	}
}

// UnmarshalText sets b from text such as "1MiB" or "1048576".
func (b *ByteSize) UnmarshalText(text []byte) error {
	digits := strings.TrimRight(string(text), "BKMGTik")
	unit := string(text)[len(digits):]
	if unit == "" {
		unit = "B"
	}
	factor, known := byteUnits()[unit]
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil && digits != "" || !known || digits == "" {
		return fmt.Errorf("not a whole number with one of the units B, KiB, MiB, GiB, TiB, kB, MB, GB, TB")
	}
	if n > math.MaxInt64/uint64(factor) { //nolint:gosec // factor is positive
		return fmt.Errorf("more than %d bytes", int64(math.MaxInt64))
	}
	*b = ByteSize(n) * factor //nolint:gosec // not above MaxInt64, as just checked
	return nil
}

// String returns b as a whole number of the unit that makes it smallest.
// [ByteSize.UnmarshalText] reads it back.
func (b ByteSize) String() string {
	number, unit := b, "B"
	for name, bytes := range byteUnits() {
		if b%bytes == 0 && b/bytes < number {
			number, unit = b/bytes, name
		}
	}
	return strconv.FormatInt(int64(number), 10) + unit
}

// MarshalText returns [ByteSize.String].
func (b ByteSize) MarshalText() ([]byte, error) { return []byte(b.String()), nil }
