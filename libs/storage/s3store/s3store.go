// Package s3store keeps documents as objects in an S3 bucket, by conditional
// writes (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
// Any number of processes may share the bucket.
//
// # Objects
//
// The document under a key is the object PREFIX/KEY.json, the key as it is, so
// a bucket of such objects that another program wrote opens in place. Keys with a
// slash, and those with U+FFFE or U+FFFF, which S3's XML cannot hold, are
// PREFIX/~/BASE64URL(KEY).json.
//
// # Requests
//
// Create is a PUT with If-None-Match: *, Replace one with If-Match, Delete a
// DELETE with If-Match. The SDK's retries are off for these: a repetition
// meets its own success as 412 and would report a conflict that never was.
// Reads are repeated up to [Options].ReadAttempts times within one call.
//
// # Errors
//
// [storage.ErrConflict] is 412, 404 NoSuchKey in answer to If-Match, and 409
// ConditionalRequestConflict, which S3 answers when two conditional writes
// meet. [storage.ErrNotFound] is 404 NoSuchKey in answer to a read.
// [storage.ErrRefused] means that nothing was changed: AccessDenied,
// EntityTooLarge, KeyTooLongError, InvalidRequest, NotImplemented and the like. All
// other errors are [storage.ErrUnavailable]: other 404s (NoSuchBucket, a proxy's
// page), other 409s, missing or expired credentials, timeouts, other 5xx, truncated
// answers. Without s3:ListBucket, S3 answers 403 for a missing object, so grant it.
//
// # Versions
//
// A version is the object's ETag without its quotes. For single-part uploads
// that is a digest of the body, so writing a body back (A, B, A) brings its
// version back, too.
package s3store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/objectname"
)

// Options are a store's settings. The zero value is ready to use.
type Options struct {
	// Prefix is the directory of the documents within the bucket, without
	// slashes around it; empty for the bucket's root.
	Prefix string
	// AttemptTimeout is the timeout of each request, including reading the answer.
	// If 0, it is 2 s. A write is one request.
	AttemptTimeout time.Duration
	// CallTimeout is the timeout of a call with all its attempts. If 0, it is 10 s.
	CallTimeout time.Duration
	// ReadAttempts is the maximum number of attempts of a read. If 0, it is 3.
	ReadAttempts int
	// NoProbe makes [Store.Check] pass a server that ignores conditions. ON SUCH A
	// SERVER WRITERS OVERWRITE ONE ANOTHER.
	NoProbe bool
	// Observe, if not nil, is called after each request, concurrently.
	Observe func(Request)
}

// Request describes one request to S3.
type Request struct {
	// Op is "get", "create", "replace", "delete", "keys" or "check".
	Op string
	// Outcome is "ok", "not_modified", "not_found", "conflict", "refused", "unavailable"
	// or "cancelled".
	Outcome string
	// Duration is the time until the answer was read.
	Duration time.Duration
}

// Store is a [storage.Store] in a bucket.
type Store struct {
	client  *s3.Client
	bucket  string
	prefix  string
	options Options
	once    func(*s3.Options)
	retries aws.Retryer
	// honours is true after the server has refused both conditions of the probe.
	honours atomic.Bool
}

var (
	_ storage.Store             = (*Store)(nil)
	_ storage.ConditionalGetter = (*Store)(nil)
	_ storage.Lister            = (*Store)(nil)
	_ storage.Checker           = (*Store)(nil)
)

// New returns a store in the bucket, which must exist. It sends no request. The
// store does not use the client's retries. The client's HTTP client should keep as
// many idle connections per host as calls are made concurrently; [OpenURL] creates
// such a client.
func New(client *s3.Client, bucket string, options Options) (*Store, error) {
	prefix, err := objectname.Below(options.Prefix)
	if err != nil {
		return nil, err
	}
	switch {
	case bucket == "":
		return nil, errors.New("no bucket is named")
	case options.AttemptTimeout < 0, options.CallTimeout < 0, options.ReadAttempts < 0:
		return nil, fmt.Errorf("AttemptTimeout %v, CallTimeout %v, ReadAttempts %d: expected more than 0, or 0 for the default", options.AttemptTimeout, options.CallTimeout, options.ReadAttempts)
	}
	options.AttemptTimeout = cmp.Or(options.AttemptTimeout, 2*time.Second)
	options.CallTimeout = cmp.Or(options.CallTimeout, 10*time.Second)
	options.ReadAttempts = cmp.Or(options.ReadAttempts, 3)
	return &Store{
		client:  client,
		bucket:  bucket,
		prefix:  prefix,
		options: options,
		once:    once(&endpoint{EndpointResolverV2: client.Options().EndpointResolverV2}),
		retries: retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = 250 * time.Millisecond }),
	}, nil
}

// plain reports whether the object's name contains the key as it is. A key with a
// slash is encoded, because segments like ".." are refused or resolved, and so is a
// key with a character that XML 1.0 cannot represent, because S3 answers in XML.
func plain(key string) bool { return !strings.ContainsAny(key, "/\ufffe\uffff") }

func (s *Store) object(key string) *string {
	return aws.String(s.prefix + objectname.Of(key, plain))
}

// Get implements [storage.Store].
func (s *Store) Get(ctx context.Context, key string) (storage.Document, error) {
	doc, _, err := s.GetIfChanged(ctx, key, "")
	return doc, err
}

// GetIfChanged implements [storage.ConditionalGetter] by If-None-Match.
func (s *Store) GetIfChanged(ctx context.Context, key string, known storage.Version) (storage.Document, bool, error) {
	if err := storage.CheckCall(ctx, "get", key); err != nil {
		return storage.Document{}, false, err
	}
	in := &s3.GetObjectInput{Bucket: &s.bucket, Key: s.object(key)}
	if sendable(known) {
		in.IfNoneMatch = aws.String(etag(known))
	}
	var doc storage.Document
	err := s.read(ctx, "get", key, func(ctx context.Context) error {
		var err error
		doc, err = s.get(ctx, in)
		return err
	})
	switch {
	case errors.Is(err, errNotModified) && in.IfNoneMatch == nil:
		return storage.Document{}, false, unavailable("get", key, err)
	case errors.Is(err, errNotModified),
		err == nil && known != "" && doc.Version == known: // a server that ignores the condition
		return storage.Document{}, false, nil
	case err != nil:
		return storage.Document{}, false, err
	}
	return doc, true, nil
}

func (s *Store) get(ctx context.Context, in *s3.GetObjectInput) (storage.Document, error) {
	out, err := s.client.GetObject(ctx, in, s.once)
	if err != nil {
		return storage.Document{}, err
	}
	body, err := io.ReadAll(out.Body)
	if err := errors.Join(err, out.Body.Close()); err != nil {
		return storage.Document{}, fmt.Errorf("reading the object: %w", err)
	}
	version, err := versionOf(out.ETag)
	return storage.Document{Body: body, Version: version}, err
}

// Create implements [storage.Store].
func (s *Store) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	if err := storage.CheckCall(ctx, "create", key); err != nil {
		return "", err
	}
	return s.put(ctx, "create", key, s.object(key), body, ifNone)
}

func ifNone(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }

func ifAt(version storage.Version) func(*s3.PutObjectInput) {
	return func(in *s3.PutObjectInput) { in.IfMatch = aws.String(etag(version)) }
}

// Replace implements [storage.Store].
func (s *Store) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	if err := checkVersion(ctx, "replace", key, version); err != nil {
		return "", err
	}
	return s.put(ctx, "replace", key, s.object(key), body, ifAt(version))
}

func (s *Store) put(ctx context.Context, op, key string, object *string, body []byte, condition func(*s3.PutObjectInput)) (version storage.Version, err error) {
	in := &s3.PutObjectInput{
		Bucket:      &s.bucket,
		Key:         object,
		Body:        bytes.NewReader(body),
		ContentType: aws.String("application/json"),
	}
	condition(in)
	err = s.attempt(ctx, s.options.AttemptTimeout, op, key, func(ctx context.Context) error {
		out, err := s.client.PutObject(ctx, in, s.once)
		if err != nil {
			return err
		}
		version, err = versionOf(out.ETag)
		return err
	})
	return version, err
}

// Delete implements [storage.Store]. Servers that cannot delete on condition
// answer 501; that is [storage.ErrRefused].
func (s *Store) Delete(ctx context.Context, key string, version storage.Version) error {
	if err := checkVersion(ctx, "delete", key, version); err != nil {
		return err
	}
	return s.attempt(ctx, s.options.AttemptTimeout, "delete", key, func(ctx context.Context) error {
		_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{
			Bucket:  &s.bucket,
			Key:     s.object(key),
			IfMatch: aws.String(etag(version)),
		}, s.once)
		if status(err) == http.StatusNotImplemented {
			return fmt.Errorf("this server cannot delete on condition: %w", err)
		}
		return err
	})
}

// Keys implements [storage.Lister]. It lists the whole store before it yields
// the first key.
func (s *Store) Keys(ctx context.Context) iter.Seq2[string, error] {
	return storage.SortedKeys(ctx, func() ([]string, error) { return s.keys(ctx) })
}

func (s *Store) keys(ctx context.Context) ([]string, error) {
	return objectname.Keys(s.prefix, plain, func(within, token string) (names []string, next string, err error) {
		in := &s3.ListObjectsV2Input{
			Bucket:    &s.bucket,
			Prefix:    &within,
			Delimiter: aws.String("/"),
			// XML 1.0 cannot represent every key.
			EncodingType: types.EncodingTypeUrl,
		}
		if token != "" {
			in.ContinuationToken = &token
		}
		err = s.read(ctx, "keys", "", func(ctx context.Context) error {
			out, err := s.client.ListObjectsV2(ctx, in, s.once)
			if err == nil {
				names, next, err = listed(out)
			}
			return err
		})
		return names, next, err
	})
}

// listed returns the names of a page and the token of the next page.
func listed(page *s3.ListObjectsV2Output) (names []string, next string, err error) {
	for _, object := range page.Contents {
		names = append(names, aws.ToString(object.Key))
	}
	for _, directory := range page.CommonPrefixes {
		names = append(names, aws.ToString(directory.Prefix))
	}
	for i := range names {
		if page.EncodingType != types.EncodingTypeUrl {
			break
		}
		if names[i], err = url.QueryUnescape(names[i]); err != nil {
			return nil, "", fmt.Errorf("object name in the listing: %w", err)
		}
	}
	if !aws.ToBool(page.IsTruncated) {
		return names, "", nil
	}
	if next = aws.ToString(page.NextContinuationToken); next == "" {
		return nil, "", errors.New("the listing is truncated and has no continuation token")
	}
	return names, next, nil
}

// Check implements [storage.Checker] by reading an object that does not exist. S3
// answers "no such key" only if the bucket exists, the credentials are valid, and
// they permit reading and listing.
//
// The first check that the server answers also writes the object ~/probe, which is
// not a document and is not deleted, and writes it again on two conditions that do not hold. If
// the server performs one of these writes, all checks fail with
// [storage.ErrRefused], because two writers on such a server overwrite each other.
func (s *Store) Check(ctx context.Context) error {
	if err := storage.CheckCall(ctx, "check", ""); err != nil {
		return err
	}
	in := &s3.GetObjectInput{Bucket: &s.bucket, Key: aws.String(s.prefix + objectname.Encoded + "check")}
	err := s.read(ctx, "check", "", func(ctx context.Context) error {
		_, err := s.get(ctx, in)
		return err
	})
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if s.options.NoProbe || s.honours.Load() {
		return nil
	}
	return s.probe(ctx)
}

// probe tests both conditions on an object that exists: some servers evaluate only
// one of them, or If-Match only if the object does not exist.
func (s *Store) probe(ctx context.Context) error {
	write := func(op string, condition func(*s3.PutObjectInput)) error {
		return s.repeat(ctx, func(time.Duration) error {
			_, err := s.put(ctx, op, "", aws.String(s.prefix+objectname.Encoded+"probe"), []byte("{}"), condition)
			return err
		})
	}
	ignored := "If-None-Match"
	err := write("create", ifNone)
	if err == nil { // now it exists
		err = write("create", ifNone)
	}
	if errors.Is(err, storage.ErrConflict) {
		ignored = "If-Match"
		err = write("replace", ifAt("0123456789abcdef0123456789abcdef"))
	}
	switch {
	case errors.Is(err, storage.ErrConflict):
		s.honours.Store(true)
		return nil
	case err == nil:
		err = fmt.Errorf("%w: the server ignores %s: it carried out a write whose condition does not hold; expected 412 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html)", storage.ErrRefused, ignored)
	}
	return &storage.Error{Op: "check", Err: err}
}

func (s *Store) read(ctx context.Context, op, key string, request func(context.Context) error) error {
	return s.repeat(ctx, func(limit time.Duration) error { return s.attempt(ctx, limit, op, key, request) })
}

// repeat calls attempt until it succeeds, cannot succeed, or was called
// ReadAttempts times, with pauses in between. limit is the time left for an attempt.
func (s *Store) repeat(ctx context.Context, attempt func(limit time.Duration) error) error {
	end := time.Now().Add(s.options.CallTimeout)
	for n := 1; ; n++ {
		err := attempt(min(s.options.AttemptTimeout, time.Until(end)))
		if n == s.options.ReadAttempts || !s.worthRepeating(err) {
			return err
		}
		delay, _ := s.retries.RetryDelay(n, err)
		if delay >= time.Until(end) {
			return err
		}
		wait := time.NewTimer(delay)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}

func (s *Store) worthRepeating(err error) bool {
	return errors.Is(err, storage.ErrUnavailable) &&
		(errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) || s.retries.IsErrorRetryable(err))
}

// attempt sends one request and converts its error.
func (s *Store) attempt(ctx context.Context, limit time.Duration, op, key string, request func(context.Context) error) error {
	start := time.Now()
	err := storage.Attempt(ctx, op, key, limit, request, func(err error) error { return meaning(op, err) })
	if s.options.Observe != nil {
		s.options.Observe(Request{Op: op, Outcome: outcome(err), Duration: time.Since(start)})
	}
	return err
}

var errNotModified = errors.New("not modified")

// meaning returns the sentinel error for an answer, or errNotModified.
func meaning(op string, err error) error {
	code := ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
	}
	reading := op == "get" || op == "check"
	switch status := status(err); {
	case status == http.StatusNotModified && reading:
		return errNotModified
	case status == http.StatusNotFound && code == "NoSuchKey" && reading:
		return storage.ErrNotFound
	case status == http.StatusPreconditionFailed && !reading && op != "keys",
		status == http.StatusNotFound && code == "NoSuchKey" && (op == "replace" || op == "delete"),
		status == http.StatusConflict && code == "ConditionalRequestConflict":
		return storage.ErrConflict
	case refusals[code], status == http.StatusRequestEntityTooLarge:
		return storage.ErrRefused
	}
	return storage.ErrUnavailable
}

// refusals are the error codes with which S3 refuses a request: nothing was changed,
// and the same request will not succeed later. Codes about credentials and clocks
// are not among them: they do not depend on the key, and they pass.
var refusals = map[string]bool{
	"AccessDenied":       true,
	"AllAccessDisabled":  true,
	"EntityTooLarge":     true,
	"InvalidArgument":    true,
	"InvalidObjectState": true,
	"InvalidRequest":     true,
	"KeyTooLongError":    true,
	"MethodNotAllowed":   true,
	"NotImplemented":     true,
	"QuotaExceeded":      true,
	// MinIO's codes for a name that is too long for its file system, a full bucket and
	// a full disk.
	"XMinioInvalidObjectName":        true,
	"XMinioAdminBucketQuotaExceeded": true,
	"XMinioStorageFull":              true,
}

func unavailable(op, key string, err error) error {
	return &storage.Error{Op: op, Key: key, Err: fmt.Errorf("%w: %w", storage.ErrUnavailable, err)}
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, errNotModified):
		return "not_modified"
	case errors.Is(err, storage.ErrNotFound):
		return "not_found"
	case errors.Is(err, storage.ErrConflict):
		return "conflict"
	case errors.Is(err, storage.ErrRefused):
		return "refused"
	case errors.Is(err, storage.ErrUnavailable):
		return "unavailable"
	}
	return "cancelled"
}

// status returns the HTTP status of an error, or 0.
func status(err error) int {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil {
		return answer.HTTPStatusCode()
	}
	return 0
}

// once returns the options of each request: no retries by the SDK, and an endpoint that
// is resolved once.
func once(at *endpoint) func(*s3.Options) {
	return func(o *s3.Options) {
		o.Retryer = aws.NopRetryer{}
		// Objects of other writers may have no checksum.
		o.DisableLogOutputChecksumValidationSkipped = true
		o.EndpointResolverV2 = at
	}
}

// endpoint resolves the endpoint of one client and bucket once; all objects have the
// same endpoint. The SDK resolves it for each request, in a function that makes the
// stack of each new goroutine grow several times.
type endpoint struct {
	s3.EndpointResolverV2
	known atomic.Pointer[smithyendpoints.Endpoint]
}

// ResolveEndpoint implements [s3.EndpointResolverV2].
func (e *endpoint) ResolveEndpoint(ctx context.Context, p s3.EndpointParameters) (smithyendpoints.Endpoint, error) {
	known := e.known.Load()
	if known == nil {
		at, err := e.EndpointResolverV2.ResolveEndpoint(ctx, p)
		if err != nil {
			return at, err
		}
		known = &at
		e.known.Store(known)
	}
	// The SDK modifies the properties, so each request needs a copy.
	at := *known
	at.Headers, at.Properties = known.Headers.Clone(), smithy.Properties{}
	at.Properties.SetAll(&known.Properties)
	options, _ := smithyauth.GetAuthOptions(&at.Properties)
	copies := make([]*smithyauth.Option, len(options))
	for i, o := range options {
		copies[i] = &smithyauth.Option{SchemeID: o.SchemeID}
		copies[i].IdentityProperties.SetAll(&o.IdentityProperties)
		copies[i].SignerProperties.SetAll(&o.SignerProperties)
	}
	if options != nil {
		smithyauth.SetAuthOptions(&at.Properties, copies)
	}
	return at, nil
}

// checkVersion refuses a version that no object can have. The server would take an
// empty version for no condition, and "*" for a condition that every object meets.
func checkVersion(ctx context.Context, op, key string, version storage.Version) error {
	if err := storage.CheckCall(ctx, op, key); err != nil {
		return err
	}
	if !sendable(version) {
		return &storage.Error{Op: op, Key: key, Err: storage.ErrConflict}
	}
	return nil
}

func sendable(version storage.Version) bool {
	return version != "" && !strings.ContainsFunc(string(version), func(r rune) bool {
		return r <= ' ' || r >= 0x7f || r == '*' || r == '"' || r == ',' || r == '\\'
	})
}

func etag(version storage.Version) string { return `"` + string(version) + `"` }

// versionOf returns the version in an answer's ETag. It fails for an answer without an
// ETag, whose document could never be replaced.
func versionOf(etag *string) (storage.Version, error) {
	version := storage.Version(strings.Trim(aws.ToString(etag), `"`))
	if !sendable(version) {
		return "", fmt.Errorf("the answer has the unusable ETag %q", aws.ToString(etag))
	}
	return version, nil
}
