// Package azblobstore keeps documents as block blobs in a container of Azure
// Blob Storage, by conditions on ETags
// (https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations).
// Any number of processes may share the container.
//
// # Blobs
//
// The document under a key is the blob PREFIX/KEY.json when the key is made of
// letters, digits, "-", "_", "." and "~" of ASCII, and PREFIX/~/BASE64URL(KEY).json
// otherwise.
//
// # Requests
//
// Create is a Put Blob with If-None-Match: *, Replace one with If-Match, Delete a
// Delete Blob with If-Match. The SDK's retries are off for these: a repeated
// request would get 412 for its own success, and report a conflict that did not
// happen.
// Reads are repeated by the SDK. The body travels with its CRC-64, which the
// service compares.
//
// The role that suffices is Storage Blob Data Contributor on the container.
//
// # Errors
//
// [storage.ErrConflict] is 412 ConditionNotMet, 409 BlobAlreadyExists in answer
// to Create, and 404 BlobNotFound in answer to Replace and Delete.
// [storage.ErrNotFound] is 404 BlobNotFound in answer to a read.
// [storage.ErrRefused] is a definite refusal: 403 with a code about permissions, 413,
// a blob that has a lease, snapshots or an immutability policy, and the like.
// Everything else is [storage.ErrUnavailable]: ContainerNotFound, AuthenticationFailed,
// other 4xx, 5xx, time-outs, pages of proxies, an answer cut short.
//
// # Versions
//
// A version is the blob's ETag without its quotes. The service gives every write
// a new ETag, also one of the same bytes.
package azblobstore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/objectname"
)

// Options are a store's settings. The zero value is ready to use.
type Options struct {
	// Prefix is put before the documents' names with a slash, without slashes
	// around it; empty for the container's root. At most 300 bytes.
	Prefix string
	// Timeout limits each call, with all requests that it sends: 5 s when zero.
	Timeout time.Duration
}

// Store is a [storage.Store] in a container. It is safe for concurrent use.
type Store struct {
	container *container.Client
	prefix    string
	timeout   time.Duration
}

var (
	_ storage.Store             = (*Store)(nil)
	_ storage.ConditionalGetter = (*Store)(nil)
	_ storage.Lister            = (*Store)(nil)
	_ storage.Checker           = (*Store)(nil)
)

// New returns a store in the client's container, which must exist; it sends no
// request.
func New(client *container.Client, options Options) (*Store, error) {
	prefix, err := objectname.Below(options.Prefix)
	if err != nil {
		return nil, err
	}
	if options.Timeout < 0 {
		return nil, fmt.Errorf("timeout %v: expected more than 0, or 0 for 5s", options.Timeout)
	}
	return &Store{client, prefix, cmp.Or(options.Timeout, 5*time.Second)}, nil
}

func (s *Store) blob(key string) *blockblob.Client {
	return s.container.NewBlockBlobClient(s.prefix + objectname.Of(key, objectname.Plain))
}

// Get implements [storage.Store].
func (s *Store) Get(ctx context.Context, key string) (storage.Document, error) {
	doc, _, err := s.GetIfChanged(ctx, key, "")
	return doc, err
}

// GetIfChanged implements [storage.ConditionalGetter] by If-None-Match.
func (s *Store) GetIfChanged(ctx context.Context, key string, known storage.Version) (doc storage.Document, changed bool, err error) {
	err = s.call(ctx, "get", key, func(ctx context.Context) error {
		options := &blob.DownloadStreamOptions{}
		if usable(known) {
			options.AccessConditions = conditions(blob.ModifiedAccessConditions{IfNoneMatch: etag(known)})
		}
		answer, err := s.blob(key).DownloadStream(ctx, options)
		switch {
		case err != nil:
			return err
		case answer.Body == nil && options.AccessConditions != nil: // the SDK's form of 304
			return nil
		case answer.Body == nil:
			return errors.New("304 to a request without a condition")
		}
		body, err := io.ReadAll(answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			return fmt.Errorf("reading the blob: %w", err)
		}
		version, err := versionOf(answer.ETag)
		if changed = err == nil && version != known; changed {
			doc = storage.Document{Body: body, Version: version}
		}
		return err
	})
	return doc, changed, err
}

// Create implements [storage.Store].
func (s *Store) Create(ctx context.Context, key string, body []byte) (storage.Version, error) {
	return s.put(ctx, "create", key, body, blob.ModifiedAccessConditions{IfNoneMatch: new(azcore.ETagAny)})
}

// Replace implements [storage.Store].
func (s *Store) Replace(ctx context.Context, key string, body []byte, version storage.Version) (storage.Version, error) {
	if err := checkVersion(ctx, "replace", key, version); err != nil {
		return "", err
	}
	return s.put(ctx, "replace", key, body, blob.ModifiedAccessConditions{IfMatch: etag(version)})
}

func (s *Store) put(ctx context.Context, op, key string, body []byte, condition blob.ModifiedAccessConditions) (version storage.Version, err error) {
	err = s.call(ctx, op, key, func(ctx context.Context) error {
		answer, err := s.blob(key).Upload(once(ctx), streaming.NopCloser(bytes.NewReader(body)), &blockblob.UploadOptions{
			AccessConditions:        conditions(condition),
			HTTPHeaders:             &blob.HTTPHeaders{BlobContentType: new("application/json")},
			TransactionalValidation: blob.TransferValidationTypeComputeCRC64(),
		})
		if err != nil {
			return err
		}
		version, err = versionOf(answer.ETag)
		return err
	})
	return version, err
}

// Delete implements [storage.Store].
func (s *Store) Delete(ctx context.Context, key string, version storage.Version) error {
	if err := checkVersion(ctx, "delete", key, version); err != nil {
		return err
	}
	return s.call(ctx, "delete", key, func(ctx context.Context) error {
		_, err := s.blob(key).Delete(once(ctx), &blob.DeleteOptions{
			AccessConditions: conditions(blob.ModifiedAccessConditions{IfMatch: etag(version)}),
		})
		return err
	})
}

// Keys implements [storage.Lister]. It lists the whole store before it yields
// the first key.
func (s *Store) Keys(ctx context.Context) iter.Seq2[string, error] {
	return storage.SortedKeys(ctx, func() ([]string, error) {
		return objectname.Keys(s.prefix, objectname.Plain, func(within, token string) (names []string, next string, err error) {
			options := &container.ListBlobsHierarchyOptions{Prefix: &within}
			if token != "" {
				options.Marker = &token
			}
			err = s.call(ctx, "keys", "", func(ctx context.Context) error {
				page, err := s.container.NewListBlobsHierarchyPager("/", options).NextPage(ctx)
				if err != nil {
					return err
				}
				if page.Segment == nil {
					return errors.New("the answer is not a listing")
				}
				for _, item := range page.Segment.BlobItems {
					if item != nil && item.Name != nil { // or else a name that XML cannot hold
						names = append(names, *item.Name)
					}
				}
				for _, directory := range page.Segment.BlobPrefixes {
					if directory != nil && directory.Name != nil {
						names = append(names, *directory.Name)
					}
				}
				if page.NextMarker != nil {
					next = *page.NextMarker
				}
				return nil
			})
			return names, next, err
		})
	})
}

// Check implements [storage.Checker] by listing at most one blob.
func (s *Store) Check(ctx context.Context) error {
	return s.call(ctx, "check", "", func(ctx context.Context) error {
		page, err := s.container.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: &s.prefix, MaxResults: new(int32(1))}).NextPage(ctx)
		if err == nil && page.Segment == nil {
			return errors.New("the answer is not a listing")
		}
		return err
	})
}

// call sends the requests of one operation and says what their failure means.
func (s *Store) call(ctx context.Context, op, key string, send func(context.Context) error) error {
	if err := storage.CheckCall(ctx, op, key); err != nil {
		return err
	}
	inOneLine := func(ctx context.Context) error {
		err := send(ctx)
		if answer := failure(err); answer.StatusCode != 0 {
			err = answerError{answer}
		}
		return err
	}
	return storage.Attempt(ctx, op, key, s.timeout, inOneLine, func(err error) error { return meaning(op, failure(err)) })
}

// meaning returns the sentinel for an answer.
func meaning(op string, answer *azcore.ResponseError) error {
	writing := op == "create" || op == "replace" || op == "delete"
	code := bloberror.Code(answer.ErrorCode)
	switch {
	case code == bloberror.BlobNotFound && op == "get":
		return storage.ErrNotFound
	case code == bloberror.BlobNotFound && (op == "replace" || op == "delete"),
		code == bloberror.BlobAlreadyExists && op == "create",
		code == bloberror.ConditionNotMet && answer.StatusCode == http.StatusPreconditionFailed && writing:
		return storage.ErrConflict
	case refusals[code], answer.StatusCode == http.StatusRequestEntityTooLarge:
		return storage.ErrRefused
	}
	return storage.ErrUnavailable
}

// refusals are the codes with which the service refuses a request: nothing was
// changed, and the same request will not succeed later
// (https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes).
// Codes about credentials and accounts are not included: they are not about the
// key, and are temporary.
var refusals = map[bloberror.Code]bool{
	bloberror.AuthorizationFailure:              true,
	bloberror.AuthorizationPermissionMismatch:   true,
	bloberror.AuthorizationProtocolMismatch:     true,
	bloberror.AuthorizationResourceTypeMismatch: true,
	bloberror.AuthorizationServiceMismatch:      true,
	bloberror.AuthorizationSourceIPMismatch:     true,
	bloberror.BlobArchived:                      true,
	bloberror.BlobImmutableDueToPolicy:          true,
	bloberror.ConditionHeadersNotSupported:      true,
	bloberror.InsufficientAccountPermissions:    true,
	bloberror.InvalidBlobType:                   true,
	bloberror.InvalidHeaderValue:                true,
	bloberror.InvalidInput:                      true,
	bloberror.InvalidResourceName:               true,
	bloberror.InvalidURI:                        true,
	bloberror.LeaseIDMissing:                    true,
	bloberror.OutOfRangeInput:                   true,
	bloberror.RequestURLFailedToParse:           true,
	bloberror.ResourceTypeMismatch:              true,
	bloberror.SnapshotsPresent:                  true,
	bloberror.UnauthorizedBlobOverwrite:         true,
	bloberror.UnsupportedHeader:                 true,
	bloberror.UnsupportedHTTPVerb:               true,
}

// failure returns the answer that err is about; its zero if there was none.
func failure(err error) *azcore.ResponseError {
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return answer
	}
	return &azcore.ResponseError{}
}

// answerError is an answer in one line; its own text has one for each header.
type answerError struct{ *azcore.ResponseError }

func (e answerError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the service answered %d %s", e.StatusCode, e.ErrorCode))
}

func (e answerError) Unwrap() error { return e.ResponseError }

// once turns off the SDK's retries.
func once(ctx context.Context) context.Context {
	return policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1})
}

func conditions(modified blob.ModifiedAccessConditions) *blob.AccessConditions {
	return &blob.AccessConditions{ModifiedAccessConditions: &modified}
}

// checkVersion answers for a version that no blob can have without asking the
// service. If sent, an empty version would be no condition, and "*" would match
// every blob.
func checkVersion(ctx context.Context, op, key string, version storage.Version) error {
	if err := storage.CheckCall(ctx, op, key); err != nil {
		return err
	}
	if !usable(version) {
		return &storage.Error{Op: op, Key: key, Err: storage.ErrConflict}
	}
	return nil
}

func usable(version storage.Version) bool {
	return version != "" && !strings.ContainsFunc(string(version), func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`*",\`, r)
	})
}

func etag(version storage.Version) *azcore.ETag { return new(azcore.ETag(`"` + version + `"`)) }

// versionOf returns the version of an answer's ETag. Without one the document
// could never be replaced.
func versionOf(etag *azcore.ETag) (storage.Version, error) {
	if etag == nil {
		return "", errors.New("the answer has no ETag")
	}
	version := storage.Version(strings.Trim(string(*etag), `"`))
	if !usable(version) {
		return "", fmt.Errorf("the answer has the unusable ETag %q", *etag)
	}
	return version, nil
}
