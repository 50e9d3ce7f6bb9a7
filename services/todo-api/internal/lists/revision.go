package lists

import "slices"

// Revision identifies the content of a list. It is an entity tag without quotes,
// and the id of an event.
type Revision string

// RevisionOf returns the revision of a snapshot. Revisions never repeat, even if
// the store is restored from a backup.
func RevisionOf(s Snapshot) Revision { return Revision(s.Tag()) }

// Condition is the set of revisions in If-Match or If-None-Match. The zero
// Condition is empty.
type Condition struct {
	// Any matches every revision of a list that exists.
	Any       bool
	Revisions []Revision
}

// Has reports whether the condition matches revision r.
func (c *Condition) Has(r Revision, exists bool) bool {
	if c.Any && exists {
		return true
	}
	return slices.Contains(c.Revisions, r)
}

// Conditions are the preconditions of a write. A nil Condition always holds.
type Conditions struct {
	// Match must match the list's revision, NoneMatch must not.
	Match, NoneMatch *Condition
}

func (c Conditions) hold(r Revision, exists bool) bool {
	return (c.Match == nil || c.Match.Has(r, exists)) && (c.NoneMatch == nil || !c.NoneMatch.Has(r, exists))
}

// ConditionError means that the conditions do not hold at the list's revision.
type ConditionError struct{ At Revision }

// Error implements the error interface.
func (e *ConditionError) Error() string { return "the list is at revision " + string(e.At) }
