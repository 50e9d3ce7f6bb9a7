package s3store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/s3store"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

// oneObject answers as a bucket does that holds at most one object: enough for
// Example to run anywhere. The conformance suite runs on real servers.
func oneObject() *httptest.Server {
	var mu sync.Mutex
	var body []byte
	var writes int
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		etag := fmt.Sprintf("%q", fmt.Sprint("etag-", writes))
		match := r.Header.Get("If-Match")
		switch {
		case r.Method == http.MethodGet && writes == 0:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
		case r.Method == http.MethodGet:
			w.Header().Set("ETag", etag)
			_, _ = w.Write(body)
		case match != "" && match != etag, match == "" && writes > 0:
			w.WriteHeader(http.StatusPreconditionFailed)
			fmt.Fprint(w, "<Error><Code>PreconditionFailed</Code></Error>")
		default:
			body, _ = io.ReadAll(r.Body)
			writes++
			w.Header().Set("ETag", fmt.Sprintf("%q", fmt.Sprint("etag-", writes)))
		}
	}))
}

// On AWS the client is s3.NewFromConfig(cfg), with cfg from the SDK's package
// config.
func Example() {
	server := oneObject()
	defer server.Close()
	client := s3.New(s3.Options{
		Region:       "us-east-1",
		BaseEndpoint: &server.URL,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider("id", "secret", ""),
		// This server speaks HTTP without trailing checksums.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	})
	store, err := s3store.New(client, "lists", s3store.Options{Prefix: "todo"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	version, err := store.Create(ctx, "shopping", []byte(`["bread"]`))
	fmt.Println(version, err)
	version, err = store.Replace(ctx, "shopping", []byte(`[]`), version)
	fmt.Println(version, err)
	_, err = store.Replace(ctx, "shopping", []byte(`["milk"]`), "etag-1")
	fmt.Println(errors.Is(err, storage.ErrConflict))
	doc, err := store.Get(ctx, "shopping")
	fmt.Printf("%s %s %v\n", doc.Body, doc.Version, err)
	// Output:
	// etag-1 <nil>
	// etag-2 <nil>
	// true
	// [] etag-2 <nil>
}

// A URL says where the bucket is; credentials come from the SDK's usual places.
func ExampleOpenURL() {
	var stores storageurl.Mux
	stores.Handle("s3", s3store.OpenURL)
	ctx := context.Background()
	store, err := stores.Open(ctx, "s3://lists/todo?region=eu-central-1")
	fmt.Printf("%T %v\n", store, err)
	_, err = stores.Open(ctx, "s3://lists/todo?region=eu-central-1&path_style=maybe")
	fmt.Println(err)
	// Output:
	// *s3store.Store <nil>
	// store "s3://lists/todo": path_style "maybe": expected true or false
}
