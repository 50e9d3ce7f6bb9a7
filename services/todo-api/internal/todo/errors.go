package todo

import (
	"errors"
	"fmt"
)

// Errors of valid operations that cannot be applied to a list.
var (
	// ErrNotFound means that the list has no item with the operation's UID.
	ErrNotFound = errors.New("the list has no such item")
	// ErrExists means that the list has a different item with that UID.
	ErrExists = errors.New("the list has another item with this id")
	// ErrFull means that the list would exceed [MaxItems] or [MaxBytes].
	ErrFull = errors.New("the list is full")
	// ErrNoRevision means that the list keeps no items that the revision removed.
	ErrNoRevision = errors.New("no items that this revision removed are kept")
)

// ChangedError means that another client changed the item or title since this
// client last read it.
type ChangedError struct {
	// Item is the present item, or zero if the list's title changed.
	Item Item
	// Title is the present title of the list, if the title changed.
	Title string
}

// Error implements the error interface.
func (e *ChangedError) Error() string {
	if e.Item.UID == "" {
		return "the list's title was changed meanwhile"
	}
	return "the item was changed meanwhile"
}

// Problem is one error in an input.
type Problem struct {
	// Pointer is the JSON Pointer (RFC 6901) of the invalid value; "" is the
	// whole input.
	Pointer string
	// Detail states the expected value.
	Detail string
}

// InvalidError lists the errors in an input.
type InvalidError struct {
	// Problems are in the order of the input. There is at least one.
	Problems []Problem
}

// Error returns the first problem and the number of others.
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
