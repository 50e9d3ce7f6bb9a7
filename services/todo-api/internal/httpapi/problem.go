package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// retryAfter is what a client is asked to wait, in seconds. The store is asked
// again each second while it is away.
const retryAfter = 2

// problem is an answer other than success (RFC 9457). It is an error, so that
// whatever finds one returns it.
type problem struct {
	Type     string         `json:"type"`
	Title    string         `json:"title"`
	Status   int            `json:"status"`
	Detail   string         `json:"detail"`
	Instance string         `json:"instance,omitempty"`
	Pointer  *string        `json:"pointer,omitempty"`
	Errors   []problemPlace `json:"errors,omitempty"`
	Cause    string         `json:"cause,omitempty"`
	// Code and Todo tell a client what it may offer to the user.
	Code string          `json:"code,omitempty"`
	Todo json.RawMessage `json:"todo,omitempty"`

	retry bool
	wait  time.Duration // before a repetition can succeed; 0: retryAfter
	allow string
	etag  string
	// changed is what Todo is made of, once the item's address is known.
	changed *todo.ChangedError
	// log is the reason that the client is not told.
	log error
}

type problemPlace struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

func (p *problem) Error() string { return p.Title + ": " + p.Detail }

func (p *problem) Unwrap() error { return p.log }

// problemKind is a type of problem; the page of the contract explains each.
type problemKind struct {
	slug   string
	status int
	title  string
}

func (k problemKind) with(format string, args ...any) *problem {
	return &problem{Type: "/api/docs#problem-" + k.slug, Title: k.title, Status: k.status, Detail: fmt.Sprintf(format, args...)}
}

// retryable is with for what may succeed later.
func (k problemKind) retryable(format string, args ...any) *problem {
	p := k.with(format, args...)
	p.retry = true
	return p
}

var (
	invalidRequest   = problemKind{"invalid-request", http.StatusBadRequest, "The request is not valid"}
	noSuchRoute      = problemKind{"no-such-route", http.StatusNotFound, "There is nothing at this address"}
	neverWritten     = problemKind{"never-written", http.StatusNotFound, "The list was never written"}
	noSuchItem       = problemKind{"no-such-item", http.StatusNotFound, "The list has no such item"}
	notKept          = problemKind{"not-kept", http.StatusNotFound, "The revision cannot be restored"}
	methodNotAllowed = problemKind{"method-not-allowed", http.StatusMethodNotAllowed, "The method is not allowed here"}
	notAcceptable    = problemKind{"not-acceptable", http.StatusNotAcceptable, "The answer's media type is not accepted"}
	requestTimeout   = problemKind{"request-timeout", http.StatusRequestTimeout, "The request took too long to arrive"}
	itemExists       = problemKind{"item-exists", http.StatusConflict, "The list has another item with this id"}
	changedMeanwhile = problemKind{"changed-meanwhile", http.StatusConflict, "It was changed meanwhile"}
	listFull         = problemKind{"list-full", http.StatusConflict, "The list is full"}
	conditionFailed  = problemKind{"condition-failed", http.StatusPreconditionFailed, "The list is at another revision"}
	tooLarge         = problemKind{"too-large", http.StatusRequestEntityTooLarge, "The body is too large"}
	unsupportedMedia = problemKind{"unsupported-media-type", http.StatusUnsupportedMediaType, "The body's media type is not supported"}
	keyReused        = problemKind{"key-reused", http.StatusUnprocessableEntity, "The Idempotency-Key was used for another request"}
	tooManyRequests  = problemKind{"too-many-requests", http.StatusTooManyRequests, "Too many requests"}
	headersTooLarge  = problemKind{"headers-too-large", http.StatusRequestHeaderFieldsTooLarge, "The request's headers are too large"}
	internal         = problemKind{"internal", http.StatusInternalServerError, "Something went wrong here"}
	damaged          = problemKind{"damaged", http.StatusInternalServerError, "The stored list cannot be read"}
	storeAway        = problemKind{"store-away", http.StatusServiceUnavailable, "The store does not answer"}
	outcomeUnknown   = problemKind{"outcome-unknown", http.StatusServiceUnavailable, "It is not known whether the write took effect"}
	overloaded       = problemKind{"overloaded", http.StatusServiceUnavailable, "Too much is waiting"}
	stopping         = problemKind{"stopping", http.StatusServiceUnavailable, "This server is about to stop"}
	problemKinds     = []problemKind{
		invalidRequest, noSuchRoute, neverWritten, noSuchItem, notKept, methodNotAllowed, notAcceptable, requestTimeout, itemExists,
		changedMeanwhile, listFull,
		conditionFailed, tooLarge, unsupportedMedia, keyReused, tooManyRequests, headersTooLarge, internal, damaged, storeAway, outcomeUnknown,
		overloaded, stopping, misdirected,
	}
)

// asProblem is the one place that says what an error is to a client.
func asProblem(err error) *problem {
	var (
		own       *problem
		invalid   *todo.InvalidError
		condition *lists.ConditionError
		changed   *todo.ChangedError
		inFiber   *fiber.Error
	)
	if errors.As(err, &own) {
		return own
	}
	p := internal.with("The log has the reason, under the request's id.")
	switch {
	case errors.Is(err, ledger.ErrDamaged): // before what it wraps
		p = damaged.with("It is damaged or of a newer format, and was left as it is. The log names it, under the request's id.")
	case errors.As(err, &invalid):
		p = invalidProblem(invalid)
	case errors.As(err, &condition):
		p = conditionFailed.with("It is at %s.", etag(condition.At))
		p.etag = etag(condition.At)
	case errors.As(err, &changed):
		p = changedMeanwhile.with("Its title is neither the one that the request was made for nor the new one.")
		p.Code, p.changed = "changed-meanwhile", changed
	case errors.Is(err, todo.ErrNotFound):
		p = noSuchItem.with("It may have been deleted.")
	case errors.Is(err, lists.ErrForgotten):
		p = noSuchItem.with("This request was carried out before, and the item was deleted since.")
	case errors.Is(err, todo.ErrNoRevision):
		p = notKept.with("Nothing that this revision took away is kept; the list's history says of which it is.")
	case errors.Is(err, todo.ErrExists):
		p = itemExists.with("Its title, state or order differ from those in the request.")
	case errors.Is(err, todo.ErrFull):
		p = listFull.with("A list has at most %d items and %d bytes.", todo.MaxItems, todo.MaxBytes)
	case errors.Is(err, ledger.ErrIDReused):
		p = keyReused.with("Choose a new key for a new request.")
	case errors.Is(err, ledger.ErrOverloaded):
		p = overloaded.with("Nothing was changed; try again later.")
	case errors.Is(err, ledger.ErrClosed):
		p = stopping.with("Nothing was changed; another server will answer.")
	case errors.Is(err, ledger.ErrOutcomeUnknown):
		p = outcomeUnknown.with("Repeat the request with the same Idempotency-Key to find out.")
	case errors.Is(err, storage.ErrRefused):
		p = storeAway.with("The store refused: the server's log has its reason. Nothing was changed.")
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		p = storeAway.with("Nothing was changed; try again later.")
	case errors.As(err, &inFiber):
		p = serverProblem(inFiber)
	}
	p.retry = p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests
	p.log = err
	return p
}

// withTodo returns the problem with the item that it is about, whose address is
// below base.
func (p *problem) withTodo(base string) *problem {
	if p.changed != nil && p.changed.Item.UID != "" {
		p.Todo = todo.RenderItem(p.changed.Item).Append(nil, base)
	}
	return p
}

func invalidProblem(err *todo.InvalidError) *problem {
	p := invalidRequest.with("%s", err.Error())
	p.Pointer = &err.Problems[0].Pointer
	if len(err.Problems) > 1 {
		for _, place := range err.Problems {
			p.Errors = append(p.Errors, problemPlace(place))
		}
	}
	return p
}

// serverProblem is for what fiber and fasthttp refuse before a route is asked.
func serverProblem(err *fiber.Error) *problem {
	switch err.Code {
	case http.StatusRequestEntityTooLarge:
		return tooLarge.with("A body has at most %d bytes.", maxBody)
	case http.StatusRequestHeaderFieldsTooLarge:
		return headersTooLarge.with("They have at most %d bytes.", maxHeaders)
	case http.StatusRequestTimeout:
		return requestTimeout.with("Send it again, faster.")
	case http.StatusNotFound:
		return noSuchRoute.with("The addresses that there are stand in /api/docs.")
	case http.StatusInternalServerError:
		return internal.with("The log has the reason.")
	}
	return invalidRequest.with("It is not HTTP as this server reads it.")
}

// at returns the problem of one request, with the address of its type where the
// server is found below path.
func (p *problem) at(path, requestID string) *problem {
	q := *p
	q.Type, q.Instance = path+p.Type, requestID
	return &q
}

// send writes the problem as the answer.
func (p *problem) send(c *fiber.Ctx) error {
	if p.retry {
		seconds := retryAfter
		if p.wait > 0 {
			seconds = int((p.wait + time.Second - 1) / time.Second)
		}
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds))
	}
	if p.allow != "" {
		c.Set(fiber.HeaderAllow, p.allow)
	}
	if p.etag != "" {
		c.Set(fiber.HeaderETag, p.etag)
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	if err := c.Status(p.Status).JSON(p); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/problem+json")
	return nil
}
