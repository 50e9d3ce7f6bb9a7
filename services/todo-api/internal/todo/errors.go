package todo

import (
	"errors"
	"fmt"
)

// Errors of valid operations that cannot be applied to the list.
var (
	// ErrNotFound: the list has no item of that name.
	ErrNotFound = errors.New("the list has no such item")
	// ErrExists: the list has another item of that name.
	ErrExists = errors.New("the list has another item with this id")
	// ErrFull: the list would have more than [MaxItems] items or more than
	// [MaxBytes] bytes.
	ErrFull = errors.New("the list is full")
	// ErrNoRevision: nothing that the revision took away is kept.
	ErrNoRevision = errors.New("nothing that this revision took away is kept")
)

// ChangedError refuses an operation because somebody else changed what it
// would change since the client last saw it.
type ChangedError struct {
	// Item is the item as it is, unless the list's title was changed.
	Item Item
	// Title is the list's title as it is, if that was changed.
	Title string
}

// Error says what was changed.
func (e *ChangedError) Error() string {
	if e.Item.UID == "" {
		return "the list's title was changed meanwhile"
	}
	return "the item was changed meanwhile"
}

// Problem is one thing that is wrong with an input.
type Problem struct {
	// Pointer is the JSON Pointer (RFC 6901) to the offending value, empty for
	// the whole input.
	Pointer string
	// Detail says what was expected there.
	Detail string
}

// InvalidError refuses an input that no list would accept.
type InvalidError struct {
	// Problems has at least one element, in the order of the input.
	Problems []Problem
}

// Error returns the first problem and how many others there are.
func (e *InvalidError) Error() string {
	p := e.Problems[0]
	text := p.Detail
	if p.Pointer != "" {
		text = p.Pointer + ": " + text
	}
	if more := len(e.Problems) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}
