package s3store_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/s3store"
)

// A server that ignores a condition is refused by the first check.
func TestCheckProbesConditions(t *testing.T) {
	t.Parallel()
	all := func(*http.Request, bool) bool { return true }
	for name, test := range map[string]struct {
		ignores func(r *http.Request, exists bool) bool // the condition of a write
		fails   int                                     // that many writes are answered 503 first
		noProbe bool
		want    string // in the error; none if it is empty
		puts    int    // in two checks
	}{
		"honours them":      {puts: 3},
		"busy at first":     {fails: 2, puts: 5},
		"busy":              {fails: 100, want: "SlowDown", puts: 6},
		"ignores them":      {ignores: all, want: "ignores If-None-Match", puts: 4},
		"let pass":          {ignores: all, noProbe: true},
		"ignores If-Match":  {ignores: func(r *http.Request, _ bool) bool { return r.Header.Get("If-Match") != "" }, want: "ignores If-Match", puts: 5},
		"ignores creations": {ignores: func(r *http.Request, _ bool) bool { return r.Header.Get("If-None-Match") != "" }, want: "ignores If-None-Match", puts: 4},
		"ignores If-Match on what exists": {
			ignores: func(r *http.Request, exists bool) bool { return exists && r.Header.Get("If-Match") != "" }, want: "ignores If-Match", puts: 5,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			puts, objects := 0, map[string]bool{}
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				exists := objects[r.URL.Path]
				holds := exists == (r.Header.Get("If-None-Match") == "") && r.Header.Get("If-Match") == ""
				switch {
				case r.Method == http.MethodGet:
					failure(404, "NoSuchKey")(w, r)
					return
				case r.Method != http.MethodPut || r.URL.Path != "/bucket/p/~/probe":
					t.Errorf("got %s %s, want writes of the probe alone", r.Method, r.URL.Path)
				}
				puts++
				switch {
				case puts <= test.fails:
					failure(503, "SlowDown")(w, r)
				case holds || test.ignores != nil && test.ignores(r, exists):
					objects[r.URL.Path] = true
					w.Header().Set("ETag", `"1"`)
				case exists:
					failure(412, "PreconditionFailed")(w, r)
				default:
					failure(404, "NoSuchKey")(w, r)
				}
			})
			store := s.store(t, s3store.Options{Prefix: "p", NoProbe: test.noProbe})
			for n := range 2 {
				err := store.Check(t.Context())
				if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("check %d: got %v, want %q", n, err, test.want)
				}
				if refused := strings.Contains(test.want, "ignores"); errors.Is(err, storage.ErrRefused) != refused || errors.Is(err, storage.ErrUnavailable) == (refused || err == nil) {
					t.Errorf("check %d: got %v, want a refusal of a server that ignores, and else an outage", n, err)
				}
			}
			if puts != test.puts {
				t.Errorf("got %d writes in two checks, want %d", puts, test.puts)
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
