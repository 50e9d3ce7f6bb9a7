package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/s3store"
)

// The credentials of the S3 server that is started here, on loopback.
const (
	accessKey = "bench"
	secretKey = "bench-on-loopback" //nolint:gosec // of nothing that is worth a secret
	region    = "us-east-1"
)

var awsEnv = []string{
	"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
	"AWS_EC2_METADATA_DISABLED=true",
}

// bucketServer is an S3 server on loopback.
type bucketServer struct {
	*process
	s3 *s3.Client
}

// startBuckets starts versitygw on an empty directory. Without --keep-alive it
// would close the connection after each answer.
func (b *bench) startBuckets(ctx context.Context) (*bucketServer, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.store, "s3-")
	if err != nil {
		return nil, err
	}
	p, err := b.start(ctx, command{
		name: "versitygw", dir: dir, addr: addr, ready: "/health",
		args: []string{
			b.versitygw, "--access", accessKey, "--secret", secretKey, "--region", region, "--port", addr,
			"--health", "/health", "--keep-alive", "--quiet", "posix", dir,
		},
	})
	if err != nil {
		return nil, err
	}
	return &bucketServer{process: p, s3: s3Client("http://" + addr)}, nil
}

func s3Client(endpoint string) *s3.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	return s3.New(s3.Options{
		Region: region, BaseEndpoint: &endpoint, UsePathStyle: true,
		HTTPClient: &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}, nil
		}),
	})
}

// bucket makes a bucket with lists as the predecessor left them.
func (s *bucketServer) bucket(ctx context.Context, name string, lists int) error {
	if _, err := s.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
		return err
	}
	body := list(listItems)
	errs := make([]error, 16)
	var all sync.WaitGroup
	for w := range errs {
		all.Go(func() {
			for n := w; n < lists && errs[w] == nil; n += len(errs) {
				_, errs[w] = s.s3.PutObject(ctx, &s3.PutObjectInput{
					Bucket: &name, Key: aws.String(listName(n) + ".json"), Body: bytes.NewReader(body),
				})
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// storeURL is the URL of a bucket for the API.
func storeURL(bucket, endpoint string) string {
	return "s3://" + bucket + "?" + url.Values{"region": {region}, "endpoint": {endpoint}, "path_style": {"true"}}.Encode()
}

// slowProxy is a proxy in front of an S3 server that adds a delay: half before
// it forwards the request, half before it forwards the response.
type slowProxy struct {
	server *http.Server
	url    string
}

func (b *bench) startSlowProxy(ctx context.Context, to *bucketServer, put, get time.Duration) (*slowProxy, error) {
	target, err := url.Parse("http://" + to.addr)
	if err != nil {
		return nil, err
	}
	p := &slowProxy{}
	delay := func(r *http.Request) time.Duration {
		if r.Method == http.MethodPut {
			return put / 2
		}
		return get / 2
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // the signature covers it
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true},
		ModifyResponse: func(r *http.Response) error {
			time.Sleep(delay(r.Request))
			return nil
		},
		ErrorLog: b.quiet,
	}
	listener, err := b.listen(ctx)
	if err != nil {
		return nil, err
	}
	p.url = "http://" + listener.Addr().String()
	p.server = &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(delay(r))
		proxy.ServeHTTP(w, r)
	})}
	go func() {
		_ = p.server.Serve(listener) // until it is closed
	}()
	return p, nil
}

func (p *slowProxy) close() { p.server.Close() }

// naive is what one writes without a ledger: each request reads the list,
// changes it and writes it back on the condition that it is unchanged, and
// retries otherwise.
type naive struct {
	store storage.Store
	key   string
	item  int
	stamp func([]byte)
}

// naives returns as many of them as there are connections, on one list,
// and a counter of the PUTs they sent.
func (b *bench) naives(api *s3.Client, bucket, key string) (clients func() []client, puts func() (float64, error), err error) {
	var sent atomic.Int64
	store, err := s3store.New(api, bucket, s3store.Options{
		Observe: func(r s3store.Request) {
			if r.Op == "replace" {
				sent.Add(1)
			}
		},
		AttemptTimeout: answerTimeout, CallTimeout: answerTimeout,
	})
	if err != nil {
		return nil, nil, err
	}
	return func() []client {
			all := make([]client, connections)
			for i := range all {
				all[i] = &naive{store: store, key: key, item: i, stamp: b.stamp}
			}
			return all
		},
		func() (float64, error) { return float64(sent.Load()), nil }, nil
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
		title := []byte(stamp)
		n.stamp(title)
		items[n.item%len(items)].Title = string(title)
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
