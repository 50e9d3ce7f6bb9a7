package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Op is one operation on a document of type T.
type Op[T any] struct {
	// ID identifies the operation, so that a repetition is answered and not
	// repeated. Empty: the ledger makes one, and the operation is settled
	// exactly once within this call but cannot be repeated by name.
	ID string
	// Payload is what the ID stands for, for example the request's bytes. The
	// same ID with another payload is refused with [ErrIDReused]. Only a
	// digest of it is kept.
	Payload []byte
	// Kind is a short word for the history, such as "replace" or "clear".
	Kind string
	// Apply is a pure function: it must not change what it is given, and is
	// called again, on a fresh state, when another writer was faster. An error
	// refuses this operation alone; those it shares a commit with are not
	// affected.
	Apply func(State[T]) (Change[T], error)
}

// State is what an operation is applied to.
type State[T any] struct {
	Doc T
	// Revision is the revision of Doc: 0 for a document that was never
	// written here. Operations of one commit see one another's effects in
	// order under the same Revision.
	Revision uint64
	// Nonce tells two documents of one revision apart.
	Nonce string
	// Exists is false when nothing was ever written under the key.
	Exists bool
	// Removed is what earlier revisions took away, oldest first.
	Removed []Removal
}

// Change is the effect of an operation.
type Change[T any] struct {
	Doc T
	// Result is the caller's answer, kept with the operation's ID so that a
	// repetition gets the same one while it is remembered. Keep it small.
	Result []byte
	// Removed, when not nil, is what this operation took away, as JSON, so
	// that a later one can bring it back.
	Removed json.RawMessage
	// Unchanged says that Doc is what was given and that nothing needs to be
	// written: the result is returned at the current revision.
	Unchanged bool
}

// Removal is what one revision took away.
type Removal struct {
	Revision uint64          `json:"rev"`
	At       time.Time       `json:"at"`
	Kind     string          `json:"kind"`
	Items    json.RawMessage `json:"items"`
}

// Receipt is the acknowledgement of an operation that landed.
type Receipt[T any] struct {
	// Revision is the one that the operation landed in, and Index its place
	// among the operations of that commit: together the order of all
	// operations on a key.
	Revision uint64
	Index    int
	Result   []byte
	// Replayed is true when the operation had landed before, by the same ID.
	Replayed bool
	// Snapshot is the document right after the commit, or, for a replayed
	// operation, as it is now.
	Snapshot Snapshot[T]
}

// Snapshot is a document at one revision. It is shared: do not change Doc.
type Snapshot[T any] struct {
	Doc      T
	Revision uint64
	Nonce    string
	Exists   bool
	Removed  []Removal
	// Age is zero for a linearizable answer. It is how long ago the snapshot
	// was last known to be current when the store is away.
	Age time.Duration
}

// The reasons for which the ledger itself refuses an operation.
var (
	// ErrIDReused: the operation's ID was used before for another payload.
	ErrIDReused = errors.New("operation id was used for another payload")
	// ErrOverloaded: too many operations wait, or too many keys are in use.
	// Nothing was applied; try again later.
	ErrOverloaded = errors.New("too many operations are waiting")
	// ErrDamaged: the stored document cannot be understood: not an envelope,
	// not valid for its codec, or of a newer format than this library knows.
	// It is never overwritten.
	ErrDamaged = errors.New("stored document is damaged or of a newer format")
	// ErrClosed: the ledger was closed.
	ErrClosed = errors.New("ledger is closed")
)

// Updater is what a service needs of a [Ledger]; it is declared here only to
// show the shape of the three calls.
type updater[T any] interface {
	Update(ctx context.Context, key string, op Op[T]) (Receipt[T], error)
	Read(ctx context.Context, key string) (Snapshot[T], error)
	Watch(ctx context.Context, key string) (<-chan Snapshot[T], error)
}
