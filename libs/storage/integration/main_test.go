// Package integration runs the storage library on LocalStack, in a container
// that testcontainers starts once for all its tests.
package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage/integration/localstack"
)

func TestMain(m *testing.M) {
	code, err := localstack.Run(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// newBucket creates a bucket for one test and returns its store's URL.
func newBucket(tb testing.TB) string {
	tb.Helper()
	return localstack.StoreURL(localstack.NewBucket(tb), "lists", localstack.Endpoint)
}

// otherBucket returns the URL with the name of a bucket that does not exist.
func otherBucket(rawURL string) string {
	return strings.Replace(rawURL, "s3://", "s3://no-", 1)
}
