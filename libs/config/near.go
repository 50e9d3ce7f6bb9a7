package config

import "github.com/agnivade/levenshtein"

// near returns a hint at the candidate that name most likely misspells, the
// first of several, and "" when none is near.
func near(name string, candidates []string) string {
	best, least := "", min(len(name), max(2, len(name)/4)+1)
	for _, candidate := range candidates {
		if d := levenshtein.ComputeDistance(clip(name), candidate); d < least {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return ", the nearest known is " + best
}
