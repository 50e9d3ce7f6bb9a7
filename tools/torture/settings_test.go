//go:build torture

package torture

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"
)

// settings are what the variables of the environment choose.
type settings struct {
	operations int
	lists      int
	clients    int // of each instance
	cycles     int
	restarts   int
	away       time.Duration
	seed       uint64
	ablation   string
}

// The ablations that are done here; libs/storage does the others.
const (
	noIfMatch         = "if-match"
	conflictAsSuccess = "conflict-as-success"
	noMemory          = "memory"
)

var chosen settings

func readSettings() (s settings, err error) {
	s = settings{operations: 5_000, lists: 10, clients: 16, cycles: 9, restarts: 3, away: 4 * time.Second, seed: rand.Uint64() >> 1}
	if os.Getenv("TORTURE_LONG") != "" {
		s.operations, s.lists, s.clients, s.cycles, s.restarts, s.away = 1_000_000, 100, 64, 1000, 20, time.Minute
	}
	for name, to := range map[string]*int{
		"TORTURE_OPERATIONS": &s.operations, "TORTURE_LISTS": &s.lists, "TORTURE_CLIENTS": &s.clients,
		"TORTURE_CYCLES": &s.cycles, "TORTURE_RESTARTS": &s.restarts,
	} {
		if text := os.Getenv(name); text != "" {
			if *to, err = strconv.Atoi(text); err != nil || *to < 1 {
				return s, fmt.Errorf("%s: got %q, expected a whole number above 0", name, text)
			}
		}
	}
	if text := os.Getenv("TORTURE_AWAY"); text != "" {
		if s.away, err = time.ParseDuration(text); err != nil || s.away <= 0 {
			return s, fmt.Errorf("TORTURE_AWAY: got %q, expected a duration such as 60s", text)
		}
	}
	if text := os.Getenv("TORTURE_SEED"); text != "" {
		if s.seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			return s, fmt.Errorf("TORTURE_SEED: got %q, expected a whole number", text)
		}
	}
	switch s.ablation = os.Getenv("TORTURE_ABLATION"); s.ablation {
	case "", noIfMatch, conflictAsSuccess, noMemory, "fsync", "yield":
	default:
		return s, fmt.Errorf("TORTURE_ABLATION: got %q, expected if-match, conflict-as-success, memory, fsync or yield", s.ablation)
	}
	return s, nil
}
