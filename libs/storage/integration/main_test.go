// Package integration runs the storage library on LocalStack, in a container
// that testcontainers starts once for all its tests.
package integration

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/localstack"
)

// image is LOCALSTACK_IMAGE, or the last LocalStack that asks for no token.
// Those before 4.10 let two writers pass one If-Match
// (localstack/localstack#13294).
var image = cmp.Or(os.Getenv("LOCALSTACK_IMAGE"), "localstack/localstack:4.14.0")

// endpoint is the address of the container's S3.
var endpoint string

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"} {
		if err := os.Setenv(name, value); err != nil {
			return 0, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	container, err := localstack.Run(ctx, image, testcontainers.WithEnv(map[string]string{"SERVICES": "s3"}))
	defer func() {
		err = errors.Join(err, testcontainers.TerminateContainer(container, testcontainers.StopTimeout(0)))
	}()
	if err != nil {
		return 0, fmt.Errorf("start of %s: %w", image, err)
	}
	endpoint, err = container.PortEndpoint(ctx, "4566/tcp", "http")
	if err != nil {
		return 0, fmt.Errorf("address of %s: %w", image, err)
	}
	return m.Run(), nil
}

var buckets atomic.Int32

// newBucket creates a bucket of the test's own and returns its store's URL.
func newBucket(tb testing.TB) string {
	tb.Helper()
	client := s3.New(s3.Options{
		Region:       "us-east-1",
		BaseEndpoint: &endpoint,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	bucket := fmt.Sprintf("bucket-%d", buckets.Add(1))
	if _, err := client.CreateBucket(tb.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		tb.Fatalf("CreateBucket: got %v, want nil", err)
	}
	return "s3://" + bucket + "/lists?path_style=true&endpoint=" + url.QueryEscape(endpoint)
}

// otherBucket returns the URL with the name of a bucket that does not exist.
func otherBucket(rawURL string) string {
	return strings.Replace(rawURL, "s3://", "s3://no-", 1)
}
