package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// bucket answers as S3 does for what keydeposit asks, and can be told to fail.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	puts    []http.Header
	// fault, when set, sees each request and may answer it; landed says that
	// the request took effect before.
	fault func(w http.ResponseWriter, r *http.Request, landed bool) bool
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault != nil && b.fault(w, r, false) {
		return
	}
	body, there := b.objects[r.URL.Path]
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		if !there {
			refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		if r.Method == http.MethodGet {
			w.Write(body)
		}
	case http.MethodPut:
		b.puts = append(b.puts, r.Header)
		if there && r.Header.Get("If-None-Match") == "*" {
			refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
			return
		}
		sent, _ := io.ReadAll(r.Body)
		b.objects[r.URL.Path] = decodeChunks(sent, r.Header)
		if b.fault != nil && b.fault(w, r, true) {
			return
		}
		w.Header().Set("ETag", `"1"`)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// decodeChunks undoes aws-chunked, the encoding of bodies with a trailing
// checksum.
func decodeChunks(sent []byte, header http.Header) []byte {
	if !strings.Contains(header.Get("Content-Encoding"), "aws-chunked") {
		return sent
	}
	var body []byte
	for {
		line, rest, _ := bytes.Cut(sent, []byte("\r\n"))
		var size int
		fmt.Sscanf(string(line), "%x", &size)
		if size == 0 {
			return body
		}
		body = append(body, rest[:size]...)
		sent = rest[size+2:]
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>as the test wants it</Message></Error>", code)
}

func newBucket(t *testing.T) *bucket {
	t.Helper()
	b := &bucket{objects: map[string][]byte{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_S3": server.URL, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	return b
}

const (
	private = "/keys/ops.pem"
	public  = "/keys/ops.pem.pub"
)

func deposits(t *testing.T, more ...string) (string, error) {
	t.Helper()
	var output bytes.Buffer
	err := run(context.Background(), append([]string{"-bucket", "keys", "-key", "ops.pem", "-comment", "ops", "-kms-key-id", "arn:aws:kms:us-east-1:1:key/k"}, more...), &output, &output)
	return output.String(), err
}

// wantPair checks that both halves are there and belong together, and that no
// text given holds the private one.
func wantPair(t *testing.T, b *bucket, texts ...string) {
	t.Helper()
	raw, err := ssh.ParseRawPrivateKey(b.objects[private])
	if err != nil {
		t.Fatalf("private half: %v", err)
	}
	key, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		t.Fatalf("private half: got %T, want ed25519", raw)
	}
	got, comment, _, _, err := ssh.ParseAuthorizedKey(b.objects[public])
	if err != nil {
		t.Fatalf("public half: %v", err)
	}
	want, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Marshal(), want.Marshal()) {
		t.Error("the public half belongs to another private half")
	}
	if comment != "ops" {
		t.Errorf("comment: got %q, want ops", comment)
	}
	lines := strings.Split(strings.TrimSpace(string(b.objects[private])), "\n")
	for _, text := range texts {
		for _, line := range lines[1 : len(lines)-1] {
			if strings.Contains(text, line) {
				t.Fatal("the output holds a line of the private half")
			}
		}
	}
}

func TestMakesAPairOnce(t *testing.T) {
	b := newBucket(t)
	output, err := deposits(t)
	if err != nil {
		t.Fatal(err)
	}
	wantPair(t, b, output)
	if !strings.HasPrefix(output, "made SHA256:") {
		t.Errorf("output: got %q, want it to begin with made SHA256:", output)
	}
	if len(b.puts) != 2 {
		t.Fatalf("got %d writes, want 2", len(b.puts))
	}
	for _, header := range b.puts {
		for name, want := range map[string]string{
			"If-None-Match":                               "*",
			"X-Amz-Server-Side-Encryption":                "aws:kms",
			"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": "arn:aws:kms:us-east-1:1:key/k",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	}
	// Terraform reads the body of text alone.
	if got := b.puts[1].Get("Content-Type"); got != "text/plain" {
		t.Errorf("Content-Type of the public half: got %q, want text/plain", got)
	}

	before := [2]string{string(b.objects[private]), string(b.objects[public])}
	again, err := deposits(t)
	if err != nil {
		t.Fatal(err)
	}
	if after := [2]string{string(b.objects[private]), string(b.objects[public])}; after != before {
		t.Error("a second run changed the pair")
	}
	if got, want := again, "found"+strings.TrimPrefix(output, "made"); got != want {
		t.Errorf("second run: got %q, want %q", got, want)
	}
	if len(b.puts) != 2 {
		t.Errorf("a second run wrote: got %d writes, want 2", len(b.puts))
	}
}

func TestCompletesWhatWasInterrupted(t *testing.T) {
	put := func(r *http.Request, path string) bool { return r.Method == http.MethodPut && r.URL.Path == path }
	for _, test := range []struct {
		name  string
		first func(w http.ResponseWriter, r *http.Request, landed bool) bool
	}{
		{"before the private half", func(w http.ResponseWriter, r *http.Request, landed bool) bool {
			if put(r, private) && !landed {
				refuse(w, http.StatusForbidden, "AccessDenied")
				return true
			}
			return false
		}},
		{"between the halves", func(w http.ResponseWriter, r *http.Request, landed bool) bool {
			if put(r, public) && !landed {
				refuse(w, http.StatusForbidden, "AccessDenied")
				return true
			}
			return false
		}},
		{"after the private half landed, unanswered", func(w http.ResponseWriter, r *http.Request, landed bool) bool {
			if put(r, private) && landed || put(r, public) && !landed {
				refuse(w, http.StatusForbidden, "AccessDenied")
				return true
			}
			return false
		}},
		{"after the public half landed, unanswered", func(w http.ResponseWriter, r *http.Request, landed bool) bool {
			if put(r, public) && landed {
				refuse(w, http.StatusForbidden, "AccessDenied")
				return true
			}
			return false
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBucket(t)
			b.fault = test.first
			output, err := deposits(t)
			if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
				t.Fatalf("first run: got %v, want AccessDenied", err)
			}
			b.fault = nil
			again, err2 := deposits(t)
			if err2 != nil {
				t.Fatalf("second run: %v", err2)
			}
			wantPair(t, b, output, again, err.Error())
		})
	}
}

// A lost answer makes the SDK ask again, which meets the first one's success.
func TestLostAnswer(t *testing.T) {
	b := newBucket(t)
	lost := map[string]bool{}
	b.fault = func(w http.ResponseWriter, r *http.Request, landed bool) bool {
		if !landed || lost[r.URL.Path] {
			return false
		}
		lost[r.URL.Path] = true
		refuse(w, http.StatusInternalServerError, "InternalError")
		return true
	}
	output, err := deposits(t)
	if err != nil {
		t.Fatal(err)
	}
	if len(lost) != 2 {
		t.Fatalf("lost %d answers, want 2", len(lost))
	}
	wantPair(t, b, output)
}

func TestConflictIsAskedAgain(t *testing.T) {
	b := newBucket(t)
	conflicts := 0
	b.fault = func(w http.ResponseWriter, r *http.Request, _ bool) bool {
		if r.Method != http.MethodPut || conflicts == 1 {
			return false
		}
		conflicts++
		refuse(w, http.StatusConflict, "ConditionalRequestConflict")
		return true
	}
	output, err := deposits(t)
	if err != nil {
		t.Fatal(err)
	}
	wantPair(t, b, output)
}

func TestManyAtOnce(t *testing.T) {
	b := newBucket(t)
	const runs = 16
	var all sync.WaitGroup
	outputs, errs := make([]string, runs), make([]error, runs)
	for i := range runs {
		all.Go(func() { outputs[i], errs[i] = deposits(t) })
	}
	all.Wait()
	fingerprints := map[string]bool{}
	for i := range runs {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		fingerprints[strings.Fields(outputs[i])[1]] = true
	}
	if len(fingerprints) != 1 {
		t.Errorf("got %d different keys, want 1", len(fingerprints))
	}
	wantPair(t, b, outputs...)
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name  string
		setup func(*bucket)
		args  []string
		want  string
	}{
		{name: "public half alone", want: "a public half whose private half is gone", setup: func(b *bucket) {
			b.objects[public] = []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH4Nq9mC9kJ0rBa3mW5mB9a3cZ0cXzI0w0qSgT2uJ0Vd ops\n")
		}},
		{name: "something else in the private half's place", want: "is not an ed25519 private key", setup: func(b *bucket) { b.objects[private] = []byte("hunter2") }},
		{name: "no such bucket", want: "NoSuchBucket", setup: func(b *bucket) {
			b.fault = func(w http.ResponseWriter, _ *http.Request, _ bool) bool {
				refuse(w, http.StatusNotFound, "NoSuchBucket")
				return true
			}
		}},
		{name: "not allowed", want: "cannot read s3://keys/ops.pem.pub", setup: func(b *bucket) {
			b.fault = func(w http.ResponseWriter, _ *http.Request, _ bool) bool {
				refuse(w, http.StatusForbidden, "AccessDenied")
				return true
			}
		}},
		{name: "no bucket named", args: []string{"-bucket", ""}, want: "-bucket is missing"},
		{name: "key is a folder", args: []string{"-key", "ops/"}, want: `-key is "ops/"`},
		{name: "key begins with a slash", args: []string{"-key", "/ops"}, want: `-key is "/ops"`},
		{name: "comment of two lines", args: []string{"-comment", "a\nb"}, want: "want one line"},
		{name: "stray argument", args: []string{"now"}, want: `unexpected argument "now"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBucket(t)
			if test.setup != nil {
				test.setup(b)
			}
			_, err := deposits(t, test.args...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want an error with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes the object: %v", err)
			}
			if len(b.puts) > 0 && test.setup == nil {
				t.Errorf("got %d writes, want none", len(b.puts))
			}
		})
	}
}
