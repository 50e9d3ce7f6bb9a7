// Package localstack starts LocalStack's S3 in a container for the tests of a
// package, or finds another server of S3 that S3_ENDPOINT names.
package localstack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/localstack"
)

// Image is LOCALSTACK_IMAGE, or 4.14.0: before 4.10 two writers could pass one
// If-Match (localstack/localstack#13294), and later releases ask for a token.
var Image = cmp.Or(os.Getenv("LOCALSTACK_IMAGE"), "localstack/localstack:4.14.0")

// Server says what the tests run on: S3_NAME, or the image.
var Server = cmp.Or(os.Getenv("S3_NAME"), Image)

// NoDelete is the reason for which the server cannot delete on condition:
// S3_NO_DELETE, or LocalStack's.
var NoDelete = os.Getenv("S3_NO_DELETE")

// Endpoint is the address of S3 while [Run] runs.
var Endpoint string

var buckets atomic.Int32

// Run starts [Image], calls tests and deletes the container. It sets the process's
// credentials and region to LocalStack's. With S3_ENDPOINT, it starts no container
// and keeps the credentials.
func Run(tests func() int) (code int, err error) {
	if Endpoint = os.Getenv("S3_ENDPOINT"); Endpoint != "" {
		return tests(), nil
	}
	NoDelete = "it answers 501 to a DELETE with If-Match"
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"} {
		if err := os.Setenv(name, value); err != nil {
			return 0, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	container, err := localstack.Run(ctx, Image, testcontainers.WithEnv(map[string]string{"SERVICES": "s3"}))
	defer func() {
		err = errors.Join(err, testcontainers.TerminateContainer(container, testcontainers.StopTimeout(0)))
	}()
	if err != nil {
		return 0, fmt.Errorf("start of %s: %w", Image, err)
	}
	if Endpoint, err = container.PortEndpoint(ctx, "4566/tcp", "http"); err != nil {
		return 0, fmt.Errorf("address of %s: %w", Image, err)
	}
	return tests(), nil
}

// NewBucket creates a bucket for one test and returns its name.
func NewBucket(tb testing.TB) string {
	tb.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := s3.New(s3.Options{
		HTTPClient:   &http.Client{Transport: transport},
		Region:       "us-east-1",
		BaseEndpoint: &Endpoint,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	})
	bucket := fmt.Sprintf("bucket-%d-%d", os.Getpid(), buckets.Add(1))
	if _, err := client.CreateBucket(tb.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		tb.Fatalf("CreateBucket: got %v, want nil", err)
	}
	return bucket
}

// StoreURL returns the URL of a store in the bucket, below prefix, at endpoint.
func StoreURL(bucket, prefix, endpoint string) string {
	return "s3://" + bucket + "/" + prefix + "?region=us-east-1&path_style=true&endpoint=" + url.QueryEscape(endpoint)
}
