package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/faultstore"
	"github.com/gchamon/devops-challenge/libs/storage/memstore"
)

// Logs and traces contain no names of lists.
func TestNamesAreNotLogged(t *testing.T) {
	var mu sync.Mutex
	var traced bytes.Buffer
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.Copy(&traced, r.Body)
	}))
	defer collector.Close()
	for _, name := range []string{"Zk3Jq0a8Rz2dV1m5Xw9HtA", "Einkauf für Zoë", "Qx b?c=%41z", "日本語の名前"} {
		dir := t.TempDir()
		segment := url.PathEscape(name)
		for _, environ := range [][]string{{"TODO_STORE=file://" + dir}, {"TODO_STORE=file://" + dir, "TODO_LOG_LEVEL=debug"}} {
			p := start(t, append(environ, "TODO_OTLP_ENDPOINT="+collector.URL, "TODO_CORS_ORIGINS=*")...)
			for _, r := range [][3]string{
				{"PUT", "/api/state/" + segment, "[]"},
				{"GET", "/api/state/" + segment, ""},
				{"GET", "/api/state/" + segment + "/nothing", ""},
				{"GET", "/api/state/" + segment + "?x=" + segment, ""},
				{"GET", "/" + segment, ""},
				{"GET", "/?list=" + segment, ""},
				{"GET", "/api/list/" + segment, ""},
				{"GET", "/api/lists/" + segment + "/todos/x", ""},
				{"POST", "/api/lists/" + segment + "/todos", `{"title":"x"}`},
				{"TRACE", "/api/lists/" + segment + "/todos", ""},
				{"OPTIONS", "/api/lists/" + segment + "/todos", ""},
			} {
				req, err := http.NewRequest(r[0], p.URL+r[1], strings.NewReader(r[2]))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", "application/json")
				if strings.Contains(r[1], "/api/lists/"+name) {
					req.Header.Set("X-Request-Id", "page-"+name)
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			}
			// Errors about damage and of the disk contain the key.
			files, err := filepath.Glob(filepath.Join(dir, "*.json"))
			if err != nil || len(files) != 1 {
				t.Fatalf("got %v, %v, want the list's file", files, err)
			}
			if err := os.WriteFile(files[0], []byte("damaged"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := p.stop(); err != nil {
				t.Fatal(err)
			}
			logged := p.log.String()
			p = start(t, environ...)
			p.Send("GET", "/api/state/"+segment, "")
			if err := p.stop(); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(files[0]); err != nil {
				t.Fatal(err)
			}
			logged += p.log.String()
			for _, form := range []string{name, segment, url.QueryEscape(name), strings.TrimSuffix(filepath.Base(files[0]), ".json")} {
				if strings.Contains(logged, form) {
					t.Errorf("%v: the log has the name, as %q:\n%s", environ, form, logged)
				}
				mu.Lock()
				if strings.Contains(traced.String(), form) {
					t.Errorf("the traces have the name, as %q", form)
				}
				mu.Unlock()
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if traced.Len() == 0 {
		t.Error("nothing was traced")
	}
}

// Names in errors of the store are hidden, too.
func TestNamesInErrorsAreNotLogged(t *testing.T) {
	faults := faultstore.New(unowned{memstore.New()}, nil)
	p := startOn(t, shared(faults), "TODO_REQUEST_TIMEOUT=1s")
	faults.SetPlan(func(faultstore.Call) faultstore.Fault {
		return faultstore.Fault{Kind: faultstore.FailBefore, Err: &fs.PathError{Op: "open", Path: "/data/secretname.json", Err: errors.New("too many secretname files")}}
	})
	p.Expect(503, "GET", "/api/state/secretname", "")
	eventually(t, "the log has the cause", func() bool { return strings.Contains(p.log.String(), "too many") })
	if strings.Contains(p.log.String(), "secretname") {
		t.Errorf("the log has the name:\n%s", p.log)
	}
}

func TestNameDigest(t *testing.T) {
	const key = "0123456789abcdef"
	digest := digestBy([]byte(key))
	var out bytes.Buffer
	if err := run(context.Background(), []string{"name-digest", "groceries"}, []string{"TODO_NAME_DIGEST_KEY=" + key}, &out); err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(out.String()); got != digest.of("groceries") {
		t.Errorf("got %q, want %q", got, digest.of("groceries"))
	}
	if err := run(context.Background(), []string{"name-digest", "groceries"}, nil, &out); err == nil || !strings.Contains(err.Error(), "TODO_NAME_DIGEST_KEY") {
		t.Errorf("without a key: got %v, want an error that names the setting", err)
	}
	a := digest.of("a")
	for text, want := range map[string]string{
		"open /data/a.json: a failure": "open /data/" + a + ".json: " + a + " failure",
		"all a":                        "all " + a,
		`"a"`:                          `"` + a + `"`,
		"data":                         "data",
	} {
		if got := digest.scrub(text, "a"); got != want {
			t.Errorf("scrub(%q): got %q, want %q", text, got, want)
		}
	}
	err := errors.Join(&storage.Error{Op: "get", Key: "one", Err: storage.ErrUnavailable}, &storage.Error{Op: "get", Key: "two", Err: storage.ErrConflict})
	if got := namesIn(err); len(got) != 2 {
		t.Errorf("names in %v: got %q, want both", err, got)
	}
}
