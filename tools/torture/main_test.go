//go:build torture

package torture

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/localstack"
	"go.uber.org/goleak"
)

// image is LOCALSTACK_IMAGE, or the last LocalStack that asks for no token.
// Those before 4.10 let two writers pass one If-Match
// (localstack/localstack#13294).
var image = cmp.Or(os.Getenv("LOCALSTACK_IMAGE"), "localstack/localstack:4.14.0")

var (
	// endpoint is the address of the container's S3.
	endpoint string
	// program is the API's binary.
	program string
)

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
	if chosen, err = readSettings(); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "torture-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program = filepath.Join(dir, "todo-api")
	if err := build(program); err != nil {
		return 0, err
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
	before := goleak.IgnoreCurrent()
	code = m.Run()
	return code, goleak.Find(before)
}

// build makes the program as it is released: without the race detector.
func build(to string) error {
	cmd := exec.Command("go", "build", "-o", to, "./cmd/todo-api")
	cmd.Dir = filepath.Join("..", "..", "services", "todo-api")
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w:\n%s", cmd.Args, err, out)
	}
	return nil
}

var buckets atomic.Int32

// newBucket creates a bucket of the test's own and returns its name.
func newBucket(t *testing.T) string {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := s3.New(s3.Options{
		HTTPClient:   &http.Client{Transport: transport},
		Region:       "us-east-1",
		BaseEndpoint: &endpoint,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	bucket := fmt.Sprintf("bucket-%d", buckets.Add(1))
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatalf("CreateBucket: got %v, want nil", err)
	}
	return bucket
}

const prefix = "lists"

// storeURL is the store in bucket as it is reached at address.
func storeURL(bucket, address string) string {
	return "s3://" + bucket + "/" + prefix + "?region=us-east-1&path_style=true&endpoint=" + url.QueryEscape(address)
}
