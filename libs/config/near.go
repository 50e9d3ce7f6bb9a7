package config

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// near returns a hint at the candidate closest to name, or "" if none is close
// enough: at most two letters may differ, or a quarter of a long name, but never
// more than half of the name's last part.
func near(name string, candidates []string) string {
	last := name[strings.LastIndexAny(name, ".-_")+1:]
	best, least := "", 1+min(len(last)/2, max(2, len(name)/4))
	for _, candidate := range candidates {
		if d := levenshtein.ComputeDistance(strings.ToLower(clip(name)), strings.ToLower(candidate)); d < least {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	for _, r := range name {
		if r >= utf8.RuneSelf { // it may look like a letter of best
			return fmt.Sprintf(", the nearest known is %s, without %U", best, r)
		}
	}
	return ", the nearest known is " + best
}
