package config

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// near returns a hint at the candidate that name most likely misspells, the
// first of several, and "" when none is near: at most two letters differ, a
// quarter of a long name, and half of its last part.
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
	return ", the nearest known is " + best
}
