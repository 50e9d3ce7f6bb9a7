package s3store_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/s3store"
)

// A server that ignores conditions is refused by the first check.
func TestCheckProbesConditions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		put     int
		busy    int // that many writes are answered 503 first
		noProbe bool
		ok      bool
	}{
		"precondition failed":         {put: 412, ok: true},
		"no such object":              {put: 404, ok: true},
		"carried out":                 {put: 200},
		"carried out, with probe=off": {put: 200, noProbe: true, ok: true},
		"unavailable":                 {put: 500},
		"unavailable at first":        {put: 412, busy: 2, ok: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var puts int
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status, code := 404, "NoSuchKey"
				if r.Method == http.MethodPut {
					puts++
					status = test.put
					if puts <= test.busy {
						status, code = 503, "SlowDown"
					} else if status == 412 {
						code = "PreconditionFailed"
					}
				}
				if r.Method == http.MethodDelete {
					status, code = 503, "SlowDown" // which must not look like an outage
				}
				if status == 200 {
					w.Header().Set("ETag", `"1"`)
					return
				}
				w.WriteHeader(status)
				_, _ = w.Write([]byte("<Error><Code>" + code + "</Code></Error>"))
			}))
			t.Cleanup(server.Close)
			client := s3.New(s3.Options{
				BaseEndpoint: aws.String(server.URL), Region: "us-east-1", UsePathStyle: true,
				Credentials: credentials.NewStaticCredentialsProvider("x", "x", ""),
			})
			store, err := s3store.New(client, "bucket", s3store.Options{NoProbe: test.noProbe})
			if err != nil {
				t.Fatal(err)
			}
			first := store.Check(context.Background())
			err = store.Check(context.Background())
			switch {
			case (first == nil) != (err == nil):
				t.Errorf("the first check: got %v, the second %v", first, err)
			case test.ok && err != nil, !test.ok && err == nil:
				t.Errorf("got %v, want success: %v", err, test.ok)
			case test.put == 200 && !test.ok && (!errors.Is(err, storage.ErrRefused) || errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "ignores If-Match")):
				t.Errorf("got %v, want ErrRefused that names the condition", err)
			case test.ok && !test.noProbe && puts != test.busy+1:
				t.Errorf("got %d probes in two checks, want %d", puts, test.busy+1)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for want, options := range map[string]s3store.Options{
		"AttemptTimeout -1s": {AttemptTimeout: -time.Second},
		"CallTimeout -1s":    {CallTimeout: -time.Second},
		"ReadAttempts -1":    {ReadAttempts: -1},
	} {
		if _, err := s3store.New(s3.New(s3.Options{}), "bucket", options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
