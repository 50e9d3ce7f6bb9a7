package gcsstore

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	gcs "cloud.google.com/go/storage"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

// https://cloud.google.com/storage/docs/buckets#naming
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)

// OpenURL is [Options.OpenURL] of the zero Options.
func OpenURL(ctx context.Context, u *url.URL) (storage.Store, error) {
	return Options{}.OpenURL(ctx, u)
}

// OpenURL opens gs://BUCKET/PREFIX with the other settings as in o; it is a
// [storageurl.Opener]. Credentials come from Application Default Credentials
// (https://cloud.google.com/docs/authentication/application-default-credentials);
// STORAGE_EMULATOR_HOST sends all requests to an emulator, without credentials.
// The store is an [io.Closer]. There are no parameters.
//
// It sends no request to the bucket; call [Store.Check] to find out whether it
// answers.
func (o Options) OpenURL(ctx context.Context, u *url.URL) (storage.Store, error) {
	if _, err := storageurl.Parameters(u); err != nil {
		return nil, err
	}
	switch {
	case u.Host == "":
		return nil, fmt.Errorf("bucket %q: expected gs://BUCKET or gs://BUCKET/PREFIX", u.Host)
	case !bucketName.MatchString(u.Host):
		return nil, fmt.Errorf(`bucket %q: expected 3 to 222 lower-case letters, digits, "-", "_" and "."`, u.Host)
	}
	o.Prefix = strings.Trim(u.Path, "/")
	client, err := gcs.NewClient(ctx, gcs.WithJSONReads())
	if err != nil {
		return nil, fmt.Errorf("%w: Google Cloud credentials: %w", storage.ErrUnavailable, err)
	}
	store, err := New(client, u.Host, o)
	if err != nil {
		_ = client.Close()
		return nil, err
	}
	store.close = client.Close
	return store, nil
}
