package azblobstore_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/azblobstore"
	"github.com/gchamon/devops-challenge/libs/storage/storagetest"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

func Example() {
	var stores storageurl.Mux
	stores.Handle("azblob", azblobstore.OpenURL)
	_, err := stores.Open(context.Background(), "azblob://lists/prefix?region=europe")
	fmt.Println(err)
	// Output:
	// store "azblob://lists/prefix": unknown parameter "region": expected one of account, endpoint
}

// The account that every Azurite has, with its published key
// (https://learn.microsoft.com/azure/storage/common/storage-connect-azurite).
const (
	account = "devstoreaccount1"
	key     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// azurite starts Azurite and returns the connection string of its account.
// tools/setup/azurite installs it.
func azurite(t *testing.T) (connection string) {
	t.Helper()
	// Its newest API version is older than the SDK's.
	program := exec.CommandContext(t.Context(), "azurite-blob", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent")
	program.Dir = t.TempDir()
	program.Stderr = os.Stderr
	program.Cancel = func() error { return program.Process.Signal(os.Interrupt) }
	program.WaitDelay = 10 * time.Second
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatalf("%v: expected azurite-blob on PATH; make test ONLY=libs/storage/azblobstore installs it", err)
	}
	said := bufio.NewScanner(stdout)
	var lines strings.Builder
	for connection == "" && said.Scan() {
		lines.WriteString(said.Text() + "\n")
		if _, at, ok := strings.Cut(said.Text(), "successfully listens on "); ok {
			connection = fmt.Sprintf("AccountName=%s;AccountKey=%s;BlobEndpoint=%s/%[1]s;", account, key, at)
		}
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, stdout)
	}()
	t.Cleanup(func() { // the test's context has ended
		<-drained
		_ = program.Wait()
	})
	if connection == "" {
		t.Fatalf("Azurite ended before it listened: %s", &lines)
	}
	return connection
}

// newContainer creates a container.
func newContainer(tb testing.TB, connection, name string) {
	tb.Helper()
	client, err := container.NewClientFromConnectionString(connection, name, nil)
	if err == nil {
		_, err = client.Create(tb.Context(), nil)
	}
	if err != nil {
		tb.Fatalf("container %s: got %v, want nil", name, err)
	}
}

func TestAzurite(t *testing.T) {
	connection := azurite(t)
	t.Setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
	var containers atomic.Int32
	type opened struct {
		*azblobstore.Store
		url string
	}
	open := func(tb testing.TB, raw string) storage.Store {
		tb.Helper()
		var stores storageurl.Mux
		// On a busy machine Azurite takes more than 5 s when many ask at once.
		stores.Handle("azblob", azblobstore.Options{Timeout: time.Minute}.OpenURL)
		s, err := stores.Open(tb.Context(), raw)
		if err != nil {
			tb.Fatalf("Open: got %v, want nil", err)
		}
		return opened{s.(*azblobstore.Store), raw}
	}
	again := func(tb testing.TB, s storage.Store) storage.Store { return open(tb, s.(opened).url) }
	storagetest.Run(t, storagetest.Harness{
		Name:    "Azurite 3.37.0",
		Writers: 16, Increments: 40,
		Open: func(tb testing.TB) storage.Store {
			name := fmt.Sprintf("container-%d", containers.Add(1))
			newContainer(tb, connection, name)
			return open(tb, "azblob://"+name+"/lists")
		},
		Second: again,
		Reopen: again,
	})

	// A container that does not exist is a store that does not answer, not one
	// without documents.
	t.Run("NoContainer", func(t *testing.T) {
		s := open(t, "azblob://none").(opened).Store
		for op, call := range storagetest.Operations(s, "0x7") {
			if err := call(t.Context()); !errors.Is(err, storage.ErrUnavailable) {
				t.Errorf("%s: got %v, want %v", op, err, storage.ErrUnavailable)
			}
		}
	})

	// Blobs of others below the prefix are not documents.
	t.Run("OtherBlobs", func(t *testing.T) {
		newContainer(t, connection, "others")
		client, err := container.NewClientFromConnectionString(connection, "others", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"lists/a/b.json", "lists/a.txt", "lists/~/!.json", "lists2/c.json", "d.json"} {
			if _, err := client.NewBlockBlobClient(name).UploadBuffer(t.Context(), []byte("{}"), nil); err != nil {
				t.Fatal(err)
			}
		}
		s := open(t, "azblob://others/lists")
		if _, err := s.Create(t.Context(), "mine", []byte("{}")); err != nil {
			t.Fatal(err)
		}
		var got []string
		for key, err := range s.(storage.Lister).Keys(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, key)
		}
		if len(got) != 1 || got[0] != "mine" {
			t.Errorf("got %q, want [mine]", got)
		}
	})
}

// newStore returns a store on the server at url.
func newStore(tb testing.TB, url string, options azblobstore.Options) *azblobstore.Store {
	tb.Helper()
	client, err := container.NewClientWithNoCredential(url+"/"+account+"/lists", &container.ClientOptions{
		ClientOptions: policy.ClientOptions{Retry: policy.RetryOptions{MaxRetries: 1, RetryDelay: time.Millisecond}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	s, err := azblobstore.New(client, options)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func failure(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("X-Ms-Error-Code", code)
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>told to</Message></Error>`, code)
	}
}

func page(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html></html>")
	}
}

// listing answers every request with the same page.
func listing(next string, names ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		_, _ = io.WriteString(w, `<?xml version="1.0"?><EnumerationResults ServiceEndpoint="x" ContainerName="lists"><Blobs>`)
		for _, name := range names {
			_, _ = fmt.Fprintf(w, `<Blob><Name>%s</Name><Properties></Properties></Blob>`, name)
		}
		_, _ = fmt.Fprintf(w, `</Blobs><NextMarker>%s</NextMarker></EnumerationResults>`, next)
	}
}

// TestKeysOverSeveralPages: no page of a listing is left out, and a failing one
// is not the end.
func TestKeysOverSeveralPages(t *testing.T) {
	t.Parallel()
	var failing atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		at := strings.TrimSpace(q.Get("prefix") + " " + q.Get("marker"))
		if failing.Load() && at == "p/ three" {
			failure(403, "AuthorizationPermissionMismatch")(w, r)
			return
		}
		page := map[string]struct {
			names []string
			next  string
		}{
			"p/":        {[]string{"p/b.json", "p/b.txt"}, "two"},
			"p/ two":    {nil, "three"}, // a page may be empty
			"p/ three":  {[]string{"p/a.json"}, ""},
			"p/~/":      {[]string{"p/~/YS9i.json"}, "more"},
			"p/~/ more": {[]string{"p/~/YS9j.json"}, ""},
		}[at]
		listing(page.next, page.names...)(w, r)
	}))
	t.Cleanup(server.Close)
	s := newStore(t, server.URL, azblobstore.Options{Prefix: "p"})
	storagetest.Pages(t, s, []string{"a", "a/b", "a/c", "b"}, func() { failing.Store(true) })
}

// TestAnswers is the table of what each answer means to each operation. The codes
// are those of https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes.
func TestAnswers(t *testing.T) {
	const (
		writes = "create replace delete"
		reads  = "get keys check"
		all    = writes + " " + reads
	)
	open := func(tb testing.TB, url string) storage.Store {
		return newStore(tb, url, azblobstore.Options{Timeout: 500 * time.Millisecond})
	}
	storagetest.Answers(t, "0x7", []storagetest.Answer{
		{Name: "412", Handler: failure(412, "ConditionNotMet"), Ops: writes, Want: storage.ErrConflict},
		{Name: "412 to a read", Handler: failure(412, "ConditionNotMet"), Ops: reads, Want: storage.ErrUnavailable},
		{Name: "412 of a proxy", Handler: page(412), Ops: all, Want: storage.ErrUnavailable},
		{Name: "412 of a lease", Handler: failure(412, "LeaseIdMissing"), Ops: writes, Want: storage.ErrRefused},
		{Name: "409 exists", Handler: failure(409, "BlobAlreadyExists"), Ops: "create", Want: storage.ErrConflict},
		{Name: "409 exists", Handler: failure(409, "BlobAlreadyExists"), Ops: "replace delete", Want: storage.ErrUnavailable},
		{Name: "409 container", Handler: failure(409, "ContainerBeingDeleted"), Ops: all, Want: storage.ErrUnavailable},
		{Name: "409 snapshots", Handler: failure(409, "SnapshotsPresent"), Ops: "delete", Want: storage.ErrRefused},
		{Name: "409 immutable", Handler: failure(409, "BlobImmutableDueToPolicy"), Ops: writes, Want: storage.ErrRefused},
		{Name: "409 other type of blob", Handler: failure(409, "InvalidBlobType"), Ops: "create replace", Want: storage.ErrRefused},
		{Name: "304 to a read without a condition", Handler: failure(304, "ConditionNotMet"), Ops: "get", Want: storage.ErrUnavailable},
		{Name: "404 of the blob", Handler: failure(404, "BlobNotFound"), Ops: "get", Want: storage.ErrNotFound},
		{Name: "404 of the blob", Handler: failure(404, "BlobNotFound"), Ops: "replace delete", Want: storage.ErrConflict},
		{Name: "404 of the blob", Handler: failure(404, "BlobNotFound"), Ops: "create keys check", Want: storage.ErrUnavailable},
		{Name: "404 of the container", Handler: failure(404, "ContainerNotFound"), Ops: all, Want: storage.ErrUnavailable},
		{Name: "404 of a proxy", Handler: page(404), Ops: all, Want: storage.ErrUnavailable},
		{Name: "400", Handler: failure(400, "InvalidHeaderValue"), Ops: all, Want: storage.ErrRefused},
		{Name: "400 of a proxy", Handler: page(400), Ops: all, Want: storage.ErrUnavailable},
		{Name: "401", Handler: failure(401, "NoAuthenticationInformation"), Ops: all, Want: storage.ErrUnavailable},
		{Name: "403", Handler: failure(403, "AuthorizationPermissionMismatch"), Ops: all, Want: storage.ErrRefused},
		{Name: "403 signature", Handler: failure(403, "AuthenticationFailed"), Ops: all, Want: storage.ErrUnavailable},
		{Name: "403 account", Handler: failure(403, "AccountIsDisabled"), Ops: all, Want: storage.ErrUnavailable},
		{Name: "413", Handler: failure(413, "RequestBodyTooLarge"), Ops: writes, Want: storage.ErrRefused},
		{Name: "413 of a proxy", Handler: page(413), Ops: writes, Want: storage.ErrRefused},
		{Name: "429", Handler: page(429), Ops: all, Want: storage.ErrUnavailable},
		{Name: "500", Handler: failure(500, "InternalError"), Ops: all, Want: storage.ErrUnavailable},
		{Name: "503", Handler: failure(503, "ServerBusy"), Ops: all, Want: storage.ErrUnavailable},
		{Name: "200 without an ETag", Handler: page(200), Ops: "get", Want: storage.ErrUnavailable},
		{Name: "200 that is not a listing", Handler: page(200), Ops: "keys check", Want: storage.ErrUnavailable},
		{Name: "listing whose token comes again", Handler: listing("again", "a.txt"), Ops: "keys", Want: storage.ErrUnavailable, Requests: 2},
		{Name: "listing of another prefix", Handler: listing("", "a.json"), Ops: "keys", Want: storage.ErrUnavailable, Requests: 2},
		{Name: "listing with a key twice", Handler: listing("", "~/YS9i.json", "~/YS9i.json"), Ops: "keys", Want: storage.ErrUnavailable, Requests: 2},
		{Name: "201 without an ETag", Handler: page(201), Ops: "create replace", Want: storage.ErrUnavailable},
		{Name: "hang", Handler: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, Ops: all, Want: storage.ErrUnavailable},
		{Name: "cut short", Handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Header().Set("ETag", `"0x7"`)
			_, _ = io.WriteString(w, "half")
		}, Ops: reads, Want: storage.ErrUnavailable},
	}, open)
}

// TestConditionsSent: what an emulator may not look at is on the wire.
func TestConditionsSent(t *testing.T) {
	var seen http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen = r.Header
		failure(304, "ConditionNotMet")(w, r)
	}))
	t.Cleanup(server.Close)
	s := newStore(t, server.URL, azblobstore.Options{})
	if doc, changed, err := s.GetIfChanged(t.Context(), "key", "0x7"); changed || err != nil || doc.Body != nil {
		t.Errorf("GetIfChanged: got %v, %t and %v, want an unchanged document", doc, changed, err)
	}
	if got := seen.Get("If-None-Match"); got != `"0x7"` {
		t.Errorf("get: got If-None-Match %q, want \"0x7\" in quotes", got)
	}
	for op, want := range map[string][2]string{"create": {"", "*"}, "replace": {`"0x7"`, ""}, "delete": {`"0x7"`, ""}} {
		_ = storagetest.Operations(s, "0x7")[op](t.Context())
		if got := [2]string{seen.Get("If-Match"), seen.Get("If-None-Match")}; got != want {
			t.Errorf("%s: got If-Match and If-None-Match %q, want %q", op, got, want)
		}
		if got := seen.Get("X-Ms-Content-Crc64"); op != "delete" && got == "" {
			t.Errorf("%s: got no checksum of the body", op)
		}
		seen = nil
	}
	// Sent on, these would be no condition, or one that every blob meets.
	for _, version := range []storage.Version{"", "*", `0x7", "0x8`} {
		_, _, _ = s.GetIfChanged(t.Context(), "key", version)
		if got := seen.Get("If-None-Match"); got != "" {
			t.Errorf("GetIfChanged at %q: got If-None-Match %q, want none", version, got)
		}
		seen = nil
		if _, err := s.Replace(t.Context(), "key", nil, version); !errors.Is(err, storage.ErrConflict) || seen != nil {
			t.Errorf("Replace at %q: got %v and headers %v, want %v without a request", version, err, seen, storage.ErrConflict)
		}
	}
}

func TestOpenURLRefuses(t *testing.T) {
	const noAccount = "no account: expected the parameter account, or the variable AZURE_STORAGE_ACCOUNT or AZURE_STORAGE_CONNECTION_STRING"
	connection := "AccountName=lists;AccountKey=" + base64.StdEncoding.EncodeToString([]byte("secret"))
	for _, c := range []struct{ raw, account, connection, want string }{
		{"azblob:///prefix", "lists", "", `container "": expected azblob://CONTAINER or azblob://CONTAINER/PREFIX`},
		{"azblob://box?region=r", "lists", "", `unknown parameter "region": expected one of account, endpoint`},
		{"azblob://box?account=a&account=b", "", "", `parameter "account" is given 2 times`},
		{"azblob://id@c", "lists", "", "URL has user information: credentials do not belong in it"},
		{"azblob://box:80", "lists", "", `host "box:80" has a port: expected none`},
		{"azblob://box#x", "lists", "", `URL has the fragment "x": write # as %23`},
		{"azblob://box", "", "", noAccount},
		{"azblob://box?account=", "", "", noAccount},
		{"azblob://box?account=evil.example/", "", "", `account "evil.example/": expected 3 to 24 lower-case letters and digits`},
		{"azblob://box", "A", "", `account "A": expected 3 to 24 lower-case letters and digits`},
		{"azblob://C_", "lists", "", `container "C_": expected 3 to 63 lower-case letters, digits and single hyphens`},
		{"azblob://box?endpoint=lists", "", "", `endpoint "lists": expected an address such as https://lists.blob.core.usgovcloudapi.net`},
		{"azblob://box?endpoint=http://lists", "", "", `endpoint "http://lists": expected an address such as https://lists.blob.core.usgovcloudapi.net`},
		{"azblob://box?endpoint=http://lists/%3Fsig=s", "", "", "endpoint has user information, a query or a fragment: credentials do not belong in it"},
		{"azblob://box?endpoint=id:s@lists", "", "", "endpoint has user information, a query or a fragment: credentials do not belong in it"},
		{"azblob://box?endpoint=https://id:s/s@lists", "", "", "endpoint has user information, a query or a fragment: credentials do not belong in it"},
		{"azblob://box?endpoint=https://lists/%3Fsig=s", "", "", "endpoint has user information, a query or a fragment: credentials do not belong in it"},
		{"azblob://box?account=lists", "", connection, "URL has parameters: expected none, because AZURE_STORAGE_CONNECTION_STRING names the account"},
		{"azblob://box", "", "AccountKey=secret", "AZURE_STORAGE_CONNECTION_STRING: expected NAME=VALUE pairs with AccountName and AccountKey, or BlobEndpoint and SharedAccessSignature"},
		{"azblob://box", "", "AccountName=a;AccountKey=not base64", "AZURE_STORAGE_CONNECTION_STRING: expected NAME=VALUE pairs with AccountName and AccountKey, or BlobEndpoint and SharedAccessSignature"},
		{"azblob://box/a/../b", "lists", "", `prefix "a/../b": segments must not be empty, "." or ".."`},
		{"azblob://box/a%0Ab", "lists", "", `prefix "a\nb": line breaks are not allowed`},
		{"azblob://box/" + strings.Repeat("p", 301), "lists", "", "prefix has 301 bytes, at most 300 are allowed"},
	} {
		t.Setenv("AZURE_STORAGE_ACCOUNT", c.account)
		t.Setenv("AZURE_STORAGE_CONNECTION_STRING", c.connection)
		u, err := url.Parse(c.raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := azblobstore.OpenURL(t.Context(), u); fmt.Sprint(err) != c.want {
			t.Errorf("%.50s: got %v, want %s", c.raw, err, c.want)
		}
	}
	t.Setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
	if _, err := (azblobstore.Options{Timeout: -1}).OpenURL(t.Context(), &url.URL{Scheme: "azblob", Host: "lists"}); err == nil {
		t.Error("negative timeout: got nil, want an error")
	}
}
