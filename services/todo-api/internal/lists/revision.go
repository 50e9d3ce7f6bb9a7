package lists

import "slices"

// Revision names the content of a list, for comparison: as an entity tag
// without its quotes, and as the id of an event.
type Revision string

// RevisionOf returns the revision of a snapshot. It never comes back, also when
// the store's directory is put back from a backup.
func RevisionOf(s Snapshot) Revision { return Revision(s.Tag()) }

// Condition is a set of revisions: what a request names in If-Match or
// If-None-Match. The zero Condition has none.
type Condition struct {
	// Any stands for every revision of a list that was written before.
	Any       bool
	Revisions []Revision
}

// Has reports whether the condition names revision r of a list.
func (c *Condition) Has(r Revision, exists bool) bool {
	if c.Any && exists {
		return true
	}
	return slices.Contains(c.Revisions, r)
}

// Conditions are what must hold for a write. A nil Condition always holds.
type Conditions struct {
	// Match must have the list's revision, and NoneMatch must not.
	Match, NoneMatch *Condition
}

func (c Conditions) hold(r Revision, exists bool) bool {
	return (c.Match == nil || c.Match.Has(r, exists)) && (c.NoneMatch == nil || !c.NoneMatch.Has(r, exists))
}

// ConditionError refuses a write because the list is at another revision.
type ConditionError struct{ At Revision }

// Error names the revision.
func (e *ConditionError) Error() string { return "the list is at revision " + string(e.At) }
