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

// retryAfter is the default Retry-After in seconds. A store that does not answer is
// probed once a second.
const retryAfter = 2

// problem is the body of an error answer (RFC 9457). It implements error, so
// that handlers return it.
type problem struct {
	Type     string         `json:"type"`
	Title    string         `json:"title"`
	Status   int            `json:"status"`
	Detail   string         `json:"detail"`
	Instance string         `json:"instance,omitempty"`
	Pointer  *string        `json:"pointer,omitempty"`
	Errors   []problemPlace `json:"errors,omitempty"`
	Cause    string         `json:"cause,omitempty"`
	// Code and Todo are for clients that let the user choose.
	Code string          `json:"code,omitempty"`
	Todo json.RawMessage `json:"todo,omitempty"`

	retry bool
	wait  time.Duration // until a retry can succeed; 0 means retryAfter
	allow string
	etag  string
	// challenge is the WWW-Authenticate challenge (RFC 6750, 3).
	challenge string
	// changed is the item for Todo, before its URL is known.
	changed *todo.ChangedError
	// log is the reason; only the log shows it.
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

// retryable is like with, for requests that may succeed later.
func (k problemKind) retryable(format string, args ...any) *problem {
	p := k.with(format, args...)
	p.retry = true
	return p
}

var (
	invalidRequest   = problemKind{"invalid-request", http.StatusBadRequest, "The request is not valid"}
	keyRequired      = problemKind{"key-required", http.StatusForbidden, "The list is private"}
	wrongKey         = problemKind{"wrong-key", http.StatusForbidden, "The key does not open this list"}
	readingKey       = problemKind{"reading-key", http.StatusForbidden, "The key opens the list for reading only"}
	signInRequired   = problemKind{"sign-in-required", http.StatusUnauthorized, "Sign in first"}
	invalidToken     = problemKind{"invalid-token", http.StatusUnauthorized, "The token is not valid"}
	notAllowed       = problemKind{"not-allowed", http.StatusForbidden, "You are signed in but have no access"}
	signInAway       = problemKind{"sign-in-away", http.StatusServiceUnavailable, "Sign-in is not available"}
	keyedListsOnly   = problemKind{"keyed-lists-only", http.StatusForbidden, "This server has private lists only"}
	noSuchRoute      = problemKind{"no-such-route", http.StatusNotFound, "No such route"}
	neverWritten     = problemKind{"never-written", http.StatusNotFound, "The list was never written"}
	noSuchItem       = problemKind{"no-such-item", http.StatusNotFound, "The list has no such item"}
	notKept          = problemKind{"not-kept", http.StatusNotFound, "The revision cannot be restored"}
	methodNotAllowed = problemKind{"method-not-allowed", http.StatusMethodNotAllowed, "The method is not allowed here"}
	notAcceptable    = problemKind{"not-acceptable", http.StatusNotAcceptable, "The answer's media type is not accepted"}
	requestTimeout   = problemKind{"request-timeout", http.StatusRequestTimeout, "The request took too long to arrive"}
	itemExists       = problemKind{"item-exists", http.StatusConflict, "The list has another item with this id"}
	changedMeanwhile = problemKind{"changed-meanwhile", http.StatusConflict, "It has changed in the meantime"}
	listFull         = problemKind{"list-full", http.StatusConflict, "The list is full"}
	conditionFailed  = problemKind{"condition-failed", http.StatusPreconditionFailed, "A condition of the request does not hold"}
	tooLarge         = problemKind{"too-large", http.StatusRequestEntityTooLarge, "The body is too large"}
	unsupportedMedia = problemKind{"unsupported-media-type", http.StatusUnsupportedMediaType, "The body's media type is not supported"}
	keyReused        = problemKind{"key-reused", http.StatusUnprocessableEntity, "The Idempotency-Key was used for another request"}
	tooManyRequests  = problemKind{"too-many-requests", http.StatusTooManyRequests, "Too many requests"}
	headersTooLarge  = problemKind{"headers-too-large", http.StatusRequestHeaderFieldsTooLarge, "The request's headers are too large"}
	internal         = problemKind{"internal", http.StatusInternalServerError, "Internal error"}
	damaged          = problemKind{"damaged", http.StatusInternalServerError, "The stored list cannot be read"}
	storeAway        = problemKind{"store-away", http.StatusServiceUnavailable, "The store does not answer"}
	outcomeUnknown   = problemKind{"outcome-unknown", http.StatusServiceUnavailable, "It is not known whether the write took effect"}
	overloaded       = problemKind{"overloaded", http.StatusServiceUnavailable, "The server is overloaded"}
	stopping         = problemKind{"stopping", http.StatusServiceUnavailable, "This server is about to stop"}

	versionNotSupported = problemKind{"version-not-supported", http.StatusHTTPVersionNotSupported, "The HTTP version is not supported"}

	problemKinds = []problemKind{
		invalidRequest, noSuchRoute, neverWritten, noSuchItem, notKept, methodNotAllowed, notAcceptable, requestTimeout, itemExists,
		changedMeanwhile, listFull,
		conditionFailed, tooLarge, unsupportedMedia, keyReused, tooManyRequests, headersTooLarge, internal, damaged, storeAway, outcomeUnknown,
		overloaded, stopping, misdirected, keyRequired, wrongKey, readingKey, keyedListsOnly,
		signInRequired, invalidToken, notAllowed, signInAway, versionNotSupported,
	}
)

// asProblem maps an error to the problem that the client sees. No other function
// does so.
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
	p := internal.with("The server's log has the reason, with this request's id.")
	switch {
	case errors.Is(err, ledger.ErrDamaged): // before what it wraps
		p = damaged.with("The stored list is damaged or has a newer format. It was not changed. The server's log has the reason.")
	case errors.As(err, &invalid):
		p = invalidProblem(invalid)
	case errors.As(err, &condition):
		p = conditionFailed.with("The list's revision is %s.", etag(condition.At))
		p.etag = etag(condition.At)
	case errors.As(err, &changed):
		subject := "item"
		if changed.Item.UID == "" {
			subject = "list"
		}
		p = changedMeanwhile.with("The %s's title is neither the one that the client had nor the new one.", subject)
		p.Code, p.changed = "changed-meanwhile", changed
	case errors.Is(err, todo.ErrNotFound):
		p = noSuchItem.with("The item may have been deleted.")
	case errors.Is(err, lists.ErrForgotten):
		p = noSuchItem.with("This request was carried out before, and the item was deleted since.")
	case errors.Is(err, todo.ErrNoRevision):
		p = notKept.with("The list keeps no items that this revision removed. Its history has the revisions that can be restored.")
	case errors.Is(err, todo.ErrExists):
		p = itemExists.with("The item's title, state or order differ from those in the request.")
	case errors.Is(err, todo.ErrFull):
		p = listFull.with("A list may have at most %d items and %d bytes.", todo.MaxItems, todo.MaxBytes)
	case errors.Is(err, ledger.ErrIDReused):
		p = keyReused.with("Choose a new key for a new request.")
	case errors.Is(err, ledger.ErrOverloaded):
		p = overloaded.with("Nothing was changed; try again later.")
	case errors.Is(err, ledger.ErrClosed):
		p = stopping.with("Nothing was changed; another server will answer.")
	case errors.Is(err, ledger.ErrOutcomeUnknown):
		p = outcomeUnknown.with("Repeat the request with the same Idempotency-Key to find out.")
	case errors.Is(err, storage.ErrRefused):
		p = storeAway.with("The store refused it; see the server's log for the reason. Nothing was changed.")
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		p = storeAway.with("Nothing was changed; try again later.")
	case errors.As(err, &inFiber):
		p = serverProblem(inFiber)
	}
	p.retry = p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests
	p.log = err
	return p
}

// withTodo returns the problem with its item, whose URL begins with base.
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

// serverProblem maps errors of fiber and fasthttp, before a route is found.
func serverProblem(err *fiber.Error) *problem {
	switch err.Code {
	case http.StatusRequestEntityTooLarge:
		return tooLarge.with("A body may have at most %d bytes.", maxBody)
	case http.StatusRequestHeaderFieldsTooLarge:
		return headersTooLarge.with("The request line and headers may have at most %d bytes.", maxHeaders)
	case http.StatusRequestTimeout:
		return requestTimeout.with("Send it again over a faster connection.")
	case http.StatusNotFound:
		return noSuchRoute.with("See /api/docs for the routes.")
	case http.StatusInternalServerError:
		return internal.with("The server's log has the reason.")
	}
	return invalidRequest.with("The message is not valid HTTP.")
}

// at returns the problem of one request to a server whose public URL has the
// path.
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
	if p.challenge != "" {
		c.Set(fiber.HeaderWWWAuthenticate, p.challenge)
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	if err := c.Status(p.Status).JSON(p); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/problem+json")
	return nil
}
