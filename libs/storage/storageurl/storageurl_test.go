package storageurl_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/boltstore"
	"github.com/gchamon/devops-challenge/libs/storage/diskstore"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/libs/storage/s3store"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

func Example() {
	var stores storageurl.Mux
	stores.Handle("mem", memstore.OpenURL)
	stores.Handle("file", diskstore.OpenURL)

	ctx := context.Background()
	store, err := stores.Open(ctx, "mem:")
	if err != nil {
		fmt.Println(err)
		return
	}
	version, err := store.Create(ctx, "shopping", []byte(`["bread"]`))
	fmt.Println(version, err)
	_, err = stores.Open(ctx, "s3://bucket")
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// store URL has the unknown scheme "s3": expected one of file:, mem:
}

func mux() *storageurl.Mux {
	var stores storageurl.Mux
	stores.Handle("mem", memstore.OpenURL)
	stores.Handle("file", diskstore.OpenURL)
	stores.Handle("bolt", boltstore.OpenURL)
	stores.Handle("s3", s3store.OpenURL)
	return &stores
}

func TestOpen(t *testing.T) {
	t.Chdir(t.TempDir())
	dir := t.TempDir()
	for raw, file := range map[string]string{
		"mem:":                            "",
		"MEM:":                            "",
		"file://./data":                   "data/key.json",
		"file://../" + filepath.Base(dir): "../" + filepath.Base(dir) + "/key.json",
		"file://" + dir + "/a/b":          dir + "/a/b/key.json",
		"file://./with%20space/100%25":    "with space/100%/key.json",
		"file://./with space too":         "with space too/key.json",
		"bolt://./todo.db":                "todo.db",
		"bolt://" + dir + "/c/todo.db":    dir + "/c/todo.db",
	} {
		if strings.HasPrefix(raw, "file://../") {
			t.Chdir(filepath.Join(filepath.Dir(dir), filepath.Base(mustGetwd(t))))
		}
		store, err := mux().Open(t.Context(), raw)
		if err != nil {
			t.Errorf("%s: got %v, want nil", raw, err)
			continue
		}
		if _, err := store.Create(t.Context(), "key", []byte("body")); err != nil {
			t.Errorf("%s: Create: got %v, want nil", raw, err)
		}
		if closer, ok := store.(io.Closer); ok {
			if err := closer.Close(); err != nil {
				t.Errorf("%s: Close: got %v, want nil", raw, err)
			}
		}
		if file != "" {
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: got %v, want the file %s", raw, err, file)
			}
		}
	}
}

func mustGetwd(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOpenErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	schemes := "expected one of bolt:, file:, mem:, s3:"
	paths := "expected file:///an/absolute/path or file://./a/relative/one"
	for raw, want := range map[string]string{
		"":                         "store URL has no scheme: " + schemes,
		"data":                     "store URL has no scheme: " + schemes,
		"/var/lib/todo":            "store URL has no scheme: " + schemes,
		"gs://bucket":              `store URL has the unknown scheme "gs": ` + schemes,
		":":                        "store URL: missing protocol scheme",
		"file://%zz":               `store URL: invalid URL escape "%zz"`,
		"mem:x":                    `store "mem:x": unexpected "x": expected mem: alone`,
		"mem://x/y":                `store "mem://x/y": unexpected "x/y": expected mem: alone`,
		"mem:?size=1":              `store "mem:": unknown parameter "size": expected none`,
		"file:data":                `store "file:data": path "data" without slashes: ` + paths,
		"file://data":              `store "file://data": host "data": ` + paths,
		"file://":                  `store "file:": no path: ` + paths,
		"file:///x?sync=no":        `store "file:///x": unknown parameter "sync": expected none`,
		"file:///x#y":              `store "file:///x": URL has the fragment "y": write # as %23`,
		"file://./x?%zz":           `store "file://./x": query: invalid URL escape "%zz"`,
		"bolt://todo.db":           `store "bolt://todo.db": host "todo.db": expected bolt:///an/absolute/path or bolt://./a/relative/one`,
		"bolt://./x?batch=1":       `store "bolt://./x": unknown parameter "batch": expected none`,
		"s3://b?region=x&a=1":      `store "s3://b": unknown parameter "a": expected one of region, endpoint, path_style, checksums, probe`,
		"s3://b?region=x&region=y": `store "s3://b": parameter "region" is given 2 times`,
		"s3://id:secret@b":         "store URL has a password: expected it in a file, a variable or wherever the driver looks for credentials",
		"s3://id@b":                `store "s3://b": URL has user information: credentials do not belong in it`,
		"s3://b:9000":              `store "s3://b:9000": host "b:9000" has a port: expected none`,
		"file:id:secret@b":         "store URL has a password: expected it in a file, a variable or wherever the driver looks for credentials",
		"s3://id:sec ret@b":        "store URL: it cannot be parsed",
		"s3://id:secret@b:port":    "store URL: it cannot be parsed",
		"s3://id:sec/ret@b":        "store URL: it cannot be parsed",
		"s3://id:123/ret@b":        "store URL has a password: expected it in a file, a variable or wherever the driver looks for credentials",
		"s3://id:123?ret@b":        "store URL has a password: expected it in a file, a variable or wherever the driver looks for credentials",
		"s3://id:123#ret@b":        "store URL has a password: expected it in a file, a variable or wherever the driver looks for credentials",
		"s3://b?region=x&endpoint=http://id:secret@host":     `store "s3://b": endpoint has user information, a query or a fragment: credentials do not belong in it`,
		"s3://b?region=x&endpoint=id:secret@host":            `store "s3://b": endpoint has user information, a query or a fragment: credentials do not belong in it`,
		"s3://b?region=x&endpoint=http://id:sec/ret@host":    `store "s3://b": endpoint has user information, a query or a fragment: credentials do not belong in it`,
		"s3://b?region=x&endpoint=host:9000/%3Fsig%3Dsecret": `store "s3://b": endpoint has user information, a query or a fragment: credentials do not belong in it`,
	} {
		store, err := mux().Open(t.Context(), raw)
		if got := fmt.Sprint(err); got != want {
			t.Errorf("%q: got %s, want %s", raw, got, want)
		}
		if store != nil {
			t.Errorf("%q: got a store, want none", raw)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("working directory: got %v and %v, want it untouched", entries, err)
	}
}

// TestOpenHandsOn: ports, users and fragments are the opener's business.
func TestOpenHandsOn(t *testing.T) {
	var got *url.URL
	var stores storageurl.Mux
	for _, scheme := range []string{"redis", "postgres"} {
		stores.Handle(scheme, func(_ context.Context, u *url.URL) (storage.Store, error) {
			got = u
			return memstore.New(), nil
		})
	}
	for _, raw := range []string{
		"redis://localhost:6379/0", "redis://[::1]:6379/0", "postgres://db:5432/app?sslmode=require", "postgres://db:5432/app?user=me@example.org", "postgres://app@db/app#lists",
	} {
		if _, err := stores.Open(t.Context(), raw); err != nil || got.String() != raw {
			t.Errorf("%s: got %v and %v, want it handed to the opener", raw, got, err)
		}
	}
}

// TestOpenUnavailable: the error distinguishes a store that cannot be opened now from
// a URL that is never valid.
func TestOpenUnavailable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"file", "bolt"} {
		_, err := mux().Open(t.Context(), scheme+"://"+file+"/below")
		if !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: got %v, want %v that names %s", scheme, err, storage.ErrUnavailable, file)
		}
	}
}

// TestHandleRefuses: an opener that could never be called is a fault of the
// program.
func TestHandleRefuses(t *testing.T) {
	for _, scheme := range []string{"", "S3", "s3:", "s3://", "3s", "s 3"} {
		wantPanic(t, scheme, func() { mux().Handle(scheme, memstore.OpenURL) })
	}
	wantPanic(t, "no opener", func() { mux().Handle("mem", nil) })
	mux().Handle("a+b-c.9", memstore.OpenURL)
}

func wantPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if cause := recover(); cause == nil {
			t.Errorf("%q: got no panic", name)
		}
	}()
	f()
}

func TestHandleReplaces(t *testing.T) {
	stores := mux()
	want := errors.New("the new one")
	stores.Handle("mem", func(context.Context, *url.URL) (storage.Store, error) { return nil, want })
	if _, err := stores.Open(t.Context(), "mem:"); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}
