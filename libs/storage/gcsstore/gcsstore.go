// Package gcsstore keeps documents as objects in a Google Cloud Storage bucket,
// by preconditions on generations
// (https://cloud.google.com/storage/docs/request-preconditions). Any number of
// processes may share the bucket.
//
// # Objects
//
// The document under a key is the object PREFIX/KEY.json when the key is made of
// letters, digits, "-", "_", "." and "~" of ASCII, and PREFIX/~/BASE64URL(KEY).json
// otherwise. Objects are written with Cache-Control: no-store, because Cloud
// Storage lets caches keep a public object for an hour
// (https://cloud.google.com/storage/docs/caching), which would be a stale read.
//
// # Requests
//
// Create is an upload with ifGenerationMatch=0, Replace and Delete have
// ifGenerationMatch=VERSION. The SDK's retries are off for these: a repeated
// request would get 412 for its own success, and report a conflict that did not
// happen.
// Reads are repeated by the SDK. A read that is answered 404 is followed by a
// listing of one object, which distinguishes a missing object from a missing bucket.
//
// The roles that suffice are Storage Object User (roles/storage.objectUser) on
// the bucket; the permissions are storage.objects.get, list, create and delete
// (an upload over an object needs delete as well).
//
// # Errors
//
// [storage.ErrConflict] is 412, and 404 in answer to Delete. [storage.ErrRefused]
// is a definite refusal: 400, 403 unless it is about a rate, 405, 411, 413, 501. Everything
// else is [storage.ErrUnavailable]: a missing bucket, 401, 429, other 5xx,
// time-outs, an answer cut short.
//
// # Versions
//
// A version is the object's generation in decimal. Generations of an object name
// are never used twice, so the same bytes written again have a new version.
package gcsstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	gcs "cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/objectname"
)

// Options are a store's settings. The zero value is ready to use.
type Options struct {
	// Prefix is put before the documents' names with a slash, without slashes
	// around it; empty for the bucket's root. At most 300 bytes.
	Prefix string
	// Timeout limits each call, with all requests that it sends: 5 s when zero.
	Timeout time.Duration
}

// Store is a [storage.Store] in a bucket. It is safe for concurrent use.
type Store struct {
	bucket *gcs.BucketHandle
	// close releases the client that OpenURL made.
	close   func() error
	prefix  string
	timeout time.Duration
}

var (
	_ storage.Store             = (*Store)(nil)
	_ storage.ConditionalGetter = (*Store)(nil)
	_ storage.Lister            = (*Store)(nil)
	_ storage.Checker           = (*Store)(nil)
	_ io.Closer                 = (*Store)(nil)
)

// New returns a store in the bucket, which must exist; it sends no request. A
// client made with [gcs.WithJSONReads] reads an unchanged document without its
// body; others read it whole, because the XML API's reader drops the condition.
// The caller closes the client.
func New(client *gcs.Client, bucket string, options Options) (*Store, error) {
	prefix, err := objectname.Below(options.Prefix)
	if err != nil {
		return nil, err
	}
	switch {
	case bucket == "":
		return nil, errors.New("no bucket is named")
	case options.Timeout < 0:
		return nil, fmt.Errorf("timeout %v: expected more than 0, or 0 for 5s", options.Timeout)
	}
	return &Store{
		bucket:  client.Bucket(bucket),
		close:   func() error { return nil },
		prefix:  prefix,
		timeout: cmp.Or(options.Timeout, 5*time.Second),
	}, nil
}

// Close releases the connections of a store that [OpenURL] opened.
func (s *Store) Close() error { return s.close() }

func (s *Store) object(key string) *gcs.ObjectHandle {
	return s.bucket.Object(s.prefix + objectname.Of(key, objectname.Plain))
}

// Get implements [storage.Store].
func (s *Store) Get(ctx context.Context, key string) (storage.Document, error) {
	doc, _, err := s.GetIfChanged(ctx, key, "")
	return doc, err
}

// GetIfChanged implements [storage.ConditionalGetter] by ifGenerationNotMatch.
func (s *Store) GetIfChanged(ctx context.Context, key string, known storage.Version) (doc storage.Document, changed bool, err error) {
	err = s.call(ctx, "get", key, func(ctx context.Context) error {
		object := s.object(key)
		if generation, ok := generationOf(known); ok {
			object = object.If(gcs.Conditions{GenerationNotMatch: generation})
		}
		reader, err := object.NewReader(ctx)
		if status(err) == http.StatusNotModified && known != "" {
			return nil
		}
		if err != nil {
			return err
		}
		body, err := io.ReadAll(reader)
		if err := errors.Join(err, reader.Close()); err != nil {
			return fmt.Errorf("reading the object: %w", err)
		}
		version, err := versionOf(reader.Attrs.Generation)
		if changed = err == nil && version != known; changed {
			doc = storage.Document{Body: body, Version: version}
		}
		return err
	})
	return doc, changed, err
}

// Create implements [storage.Store].
func (s *Store) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	return s.put(ctx, "create", key, body, gcs.Conditions{DoesNotExist: true})
}

// Replace implements [storage.Store].
func (s *Store) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	condition, err := at(ctx, "replace", key, version)
	if err != nil {
		return "", err
	}
	return s.put(ctx, "replace", key, body, condition)
}

func (s *Store) put(ctx context.Context, op, key string, body []byte, condition gcs.Conditions) (version storage.Version, err error) {
	err = s.call(ctx, op, key, func(ctx context.Context) error {
		w := s.object(key).If(condition).NewWriter(ctx)
		w.ChunkSize = 0 // one request, which the client cannot repeat
		w.ContentType = "application/json"
		w.CacheControl = "no-store"
		w.CRC32C, w.SendCRC32C = crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)), true
		_, err := w.Write(body)
		// Write only reports that the upload ended; Close has the reason.
		if closed := w.Close(); closed != nil || err != nil {
			return cmp.Or(closed, err)
		}
		version, err = versionOf(w.Attrs().Generation)
		return err
	})
	return version, err
}

// Delete implements [storage.Store].
func (s *Store) Delete(ctx context.Context, key string, version storage.Version) error {
	condition, err := at(ctx, "delete", key, version)
	if err != nil {
		return err
	}
	return s.call(ctx, "delete", key, func(ctx context.Context) error {
		return s.object(key).If(condition).Retryer(gcs.WithPolicy(gcs.RetryNever)).Delete(ctx)
	})
}

// Keys implements [storage.Lister]. It lists the whole store before it yields
// the first key.
func (s *Store) Keys(ctx context.Context) iter.Seq2[string, error] {
	return storage.SortedKeys(ctx, func() ([]string, error) {
		return objectname.Keys(s.prefix, objectname.Plain, func(within, token string) (names []string, next string, err error) {
			query := &gcs.Query{Prefix: within, Delimiter: "/"}
			if err := query.SetAttrSelection([]string{"Name"}); err != nil {
				return nil, "", err
			}
			var page []*gcs.ObjectAttrs
			err = s.call(ctx, "keys", "", func(ctx context.Context) (err error) {
				next, err = iterator.NewPager(s.bucket.Objects(ctx, query), 1000, token).NextPage(&page)
				return err
			})
			for _, object := range page {
				names = append(names, cmp.Or(object.Name, object.Prefix))
			}
			return names, next, err
		})
	})
}

// Check implements [storage.Checker] by listing at most one object.
func (s *Store) Check(ctx context.Context) error {
	return s.call(ctx, "check", "", s.peek)
}

// peek returns nil if the bucket answers a listing.
func (s *Store) peek(ctx context.Context) error {
	objects := s.bucket.Objects(ctx, &gcs.Query{Prefix: s.prefix})
	objects.PageInfo().MaxSize = 1
	if _, err := objects.Next(); err != nil && !errors.Is(err, iterator.Done) {
		return err
	}
	return nil
}

// errMissing is 404 for an object, not for its bucket.
var errMissing = errors.New("no such object")

// call sends the requests of one operation and says what their failure means.
func (s *Store) call(ctx context.Context, op, key string, send func(context.Context) error) error {
	if err := storage.CheckCall(ctx, op, key); err != nil {
		return err
	}
	about := func(ctx context.Context) error {
		err := send(ctx)
		missing := status(err) == http.StatusNotFound || errors.Is(err, gcs.ErrObjectNotExist)
		if missing && (op == "get" || op == "delete") {
			// A missing bucket is 404, too.
			if err = s.peek(ctx); err == nil {
				err = errMissing
			}
		}
		return err
	}
	return storage.Attempt(ctx, op, key, s.timeout, about, func(err error) error {
		writing := op == "create" || op == "replace" || op == "delete"
		switch {
		case errors.Is(err, errMissing) && op == "get":
			return storage.ErrNotFound
		case errors.Is(err, errMissing), status(err) == http.StatusPreconditionFailed && writing:
			return storage.ErrConflict
		case refused(err):
			return storage.ErrRefused
		}
		return storage.ErrUnavailable
	})
}

// refused reports whether the answer is a refusal that is not temporary.
func refused(err error) bool {
	answer, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return false
	}
	switch answer.Code {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusLengthRequired, http.StatusRequestEntityTooLarge, http.StatusNotImplemented:
		return true
	case http.StatusForbidden:
		// https://cloud.google.com/storage/docs/json_api/v1/status-codes#403-forbidden
		for _, item := range answer.Errors {
			if strings.HasSuffix(strings.ToLower(item.Reason), "ratelimitexceeded") {
				return false
			}
		}
		return true
	}
	return false
}

// status returns the HTTP status of an answer that is an error, or 0.
func status(err error) int {
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		return answer.Code
	}
	return 0
}

// at returns the condition that the object is at version. A version that no
// object can have is a conflict without a request: generation 0 would mean "does
// not exist".
func at(ctx context.Context, op, key string, version storage.Version) (gcs.Conditions, error) {
	if err := storage.CheckCall(ctx, op, key); err != nil {
		return gcs.Conditions{}, err
	}
	generation, ok := generationOf(version)
	if !ok {
		return gcs.Conditions{}, &storage.Error{Op: op, Key: key, Err: storage.ErrConflict}
	}
	return gcs.Conditions{GenerationMatch: generation}, nil
}

func generationOf(version storage.Version) (generation int64, ok bool) {
	generation, err := strconv.ParseInt(string(version), 10, 64)
	return generation, err == nil && generation > 0 && strconv.FormatInt(generation, 10) == string(version)
}

// versionOf returns the version of an answer's generation. Without one the
// document could never be replaced.
func versionOf(generation int64) (storage.Version, error) {
	if generation <= 0 {
		return "", fmt.Errorf("the answer has the unusable generation %d", generation)
	}
	return storage.Version(strconv.FormatInt(generation, 10)), nil
}
