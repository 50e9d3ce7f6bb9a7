//go:build linux

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/s3store"
	"github.com/gchamon/devops-challenge/tools/internal/freeport"
	"github.com/gchamon/devops-challenge/tools/internal/server"
)

// The credentials of the S3 server that this package starts on loopback.
const (
	accessKey = "bench"
	secretKey = "bench-on-loopback"
	region    = "us-east-1"
)

var awsEnv = []string{
	"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
	"AWS_EC2_METADATA_DISABLED=true",
}

// objectDirectory returns the directory for the files of the S3 server: in memory,
// because the rows on S3 measure its clients, or disk if the memory file system
// does not support extended attributes.
func objectDirectory(disk string) string {
	const memory = "/dev/shm"
	dir, err := os.MkdirTemp(memory, "todo-bench-")
	if err != nil {
		return disk
	}
	defer os.Remove(dir)
	if syscall.Setxattr(dir, "user.bench", []byte("1"), 0) != nil {
		return disk
	}
	return memory
}

// buckets is an S3 server on loopback.
type buckets struct {
	*process
	s3 *s3.Client
}

// startBuckets starts versitygw on an empty directory. Without --keep-alive it
// would close the connection after each answer.
func (b *bench) startBuckets() *buckets {
	addr := freeport.Address(b)
	dir, err := os.MkdirTemp(b.objects, "todo-bench-")
	b.check(err)
	b.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			b.Error(err)
		}
	})
	p := b.start(server.Command{
		Name: "versitygw", Dir: dir, Addr: addr, Ready: "/health",
		Args: []string{
			b.versitygw(), "--access", accessKey, "--secret", secretKey, "--region", region, "--port", addr,
			"--health", "/health", "--keep-alive", "--quiet", "posix", dir,
		},
	})
	return &buckets{p, s3Client(p.URL)}
}

func s3Client(endpoint string) *s3.Client {
	return s3.New(s3.Options{
		Region: region, BaseEndpoint: &endpoint, UsePathStyle: true,
		HTTPClient:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}},
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	})
}

// bucket creates a bucket with lists in the objects of v1.
func (b *bench) bucket(s *buckets, name string, lists int) {
	b.Helper()
	_, err := s.s3.CreateBucket(b.ctx, &s3.CreateBucketInput{Bucket: &name})
	b.check(err)
	body := list(listItems)
	errs := make([]error, 16)
	var all sync.WaitGroup
	for w := range errs {
		all.Go(func() {
			for n := w; n < lists && errs[w] == nil; n += len(errs) {
				_, errs[w] = s.s3.PutObject(b.ctx, &s3.PutObjectInput{Bucket: &name, Key: aws.String(listName(n) + ".json"), Body: bytes.NewReader(body)})
			}
		})
	}
	all.Wait()
	b.check(errors.Join(errs...))
}

// storeURL returns the URL of a bucket for the API.
func storeURL(bucket, endpoint string) string {
	return "s3://" + bucket + "?" + url.Values{"region": {region}, "endpoint": {endpoint}, "path_style": {"true"}}.Encode()
}

// slowed returns the address of a proxy in front of an S3 server that adds a
// delay: half before it forwards the request, half before it forwards the
// response.
func (b *bench) slowed(to *buckets, put, get time.Duration) string {
	target, err := url.Parse(to.URL)
	b.check(err)
	delay := func(r *http.Request) {
		if r.Method == http.MethodPut {
			time.Sleep(put / 2)
		} else {
			time.Sleep(get / 2)
		}
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			delay(r.In)
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true},
		ModifyResponse: func(r *http.Response) error {
			delay(r.Request)
			return nil
		},
		ErrorLog: log.New(io.Discard, "", 0), // requests are aborted at the end of a turn
	}
	s := httptest.NewServer(proxy)
	b.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}

// naive works without a ledger: each request reads the list, changes it and writes
// it back on the condition that it is unchanged, and retries otherwise.
type naive struct {
	store  storage.Store
	key    string
	item   int
	stamps *atomic.Int64
}

// naives returns a naive client for each connection, all on one list, and a
// counter of their PUTs.
func (b *bench) naives(api *s3.Client, bucket, key string) (clients func() []client, puts func() float64) {
	var sent atomic.Int64
	store, err := s3store.New(api, bucket, s3store.Options{
		Observe: func(r s3store.Request) {
			if r.Op == "replace" {
				sent.Add(1)
			}
		},
		AttemptTimeout: answerTimeout, CallTimeout: answerTimeout,
	})
	b.check(err)
	return times64(func(i int) client { return &naive{store, key, i, &b.stamps} }), func() float64 { return float64(sent.Load()) }
}

func (n *naive) send(ctx context.Context) (bool, error) {
	for {
		doc, err := n.store.Get(ctx, n.key)
		if err != nil {
			return false, err
		}
		var items []struct {
			ID        int64  `json:"id"`
			Title     string `json:"title"`
			Completed bool   `json:"completed"`
		}
		if err := json.Unmarshal(doc.Body, &items); err != nil {
			return false, fmt.Errorf("list %s: %w", n.key, err)
		}
		items[n.item%len(items)].Title = fmt.Sprintf("%0*d", len(stamp), n.stamps.Add(1))
		body, err := json.Marshal(items)
		if err != nil {
			return false, err
		}
		_, err = n.store.Replace(ctx, n.key, body, doc.Version)
		if !errors.Is(err, storage.ErrConflict) {
			return err == nil, err
		}
	}
}

func (n *naive) close() {}
