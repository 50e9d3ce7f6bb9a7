package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
)

// samples returns files of v1, the predecessor, by list. PREDECESSOR_SAMPLES names
// a directory with more.
func samples(t *testing.T) map[string]string {
	// A module's zip cannot hold two files whose names differ in case only.
	lists := map[string]string{"Default": `[{"id": 1, "title": "not the list default", "completed": false}]`}
	for _, dir := range []string{"testdata/predecessor", os.Getenv("PREDECESSOR_SAMPLES")} {
		if dir == "" {
			continue
		}
		files, err := fs.Glob(os.DirFS(dir), "*.json")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: got %d samples, %v", dir, len(files), err)
		}
		for _, name := range files {
			body, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			lists[strings.TrimSuffix(name, ".json")] = string(body)
		}
	}
	return lists
}

func sameJSON(t testing.TB, got, want string) bool {
	t.Helper()
	var g, w any
	for text, v := range map[string]*any{got: &g, want: &w} {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(v); err != nil {
			t.Fatalf("%s: %v", short(text), err)
		}
	}
	if got == want {
		return true
	}
	return reflect.DeepEqual(g, w)
}

func statePath(list string) string { return "/api/state/" + url.PathEscape(list) }

func TestStateComesBackAsItWasSaved(t *testing.T) {
	backends(t, func(t *testing.T, p *program) {
		lists := samples(t)
		for list, body := range lists {
			if a := p.Expect(200, "PUT", statePath(list), body); len(a.Body) > 0 {
				t.Errorf("%s: PUT: got the body %s, want none", list, a.Body)
			}
		}
		for list, body := range lists {
			if got := string(p.Expect(200, "GET", statePath(list), "").Body); !sameJSON(t, got, body) {
				t.Errorf("%s: got %s, want %s", list, short(got), short(body))
			}
		}
	})
}

// A directory of v1 opens in place. Reading does not change it; the first write of
// a list upgrades its file.
func TestPredecessorsDirectory(t *testing.T) {
	dir := t.TempDir()
	lists := samples(t)
	for list, body := range lists {
		if err := os.WriteFile(filepath.Join(dir, list+".json"), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, "TODO_STORE=file://"+dir)
	for list, body := range lists {
		a := p.Expect(200, "GET", statePath(list), "")
		if !sameJSON(t, string(a.Body), body) {
			t.Errorf("%s: got %s, want %s", list, short(string(a.Body)), short(body))
		}
		tag := a.Header.Get("ETag")
		if !strings.HasPrefix(tag, `"0-`) {
			t.Errorf("%s: ETag: got %s, want one of a list that only the predecessor wrote", list, tag)
		}
		// On load, the page of v1 saves the list that it has just read.
		if a := p.Expect(200, "PUT", statePath(list), body); a.Header.Get("ETag") != tag {
			t.Errorf("%s: an echo changed the revision from %s to %s", list, tag, a.Header.Get("ETag"))
		}
		if raw, err := os.ReadFile(filepath.Join(dir, list+".json")); err != nil || string(raw) != body {
			t.Errorf("%s: reading and echoing changed the file: %v", list, err)
		}
		p.Expect(412, "PUT", statePath(list), "[]", "If-Match", `"0"`)
		p.Expect(412, "PUT", statePath(list), "[]", "If-None-Match", "*")
		p.Expect(201, "POST", "/api/lists/"+url.PathEscape(list)+"/todos", `{"title":"new"}`, "If-Match", tag)
		if got := p.Todos(url.PathEscape(list)); got[len(got)-1].Title != "new" {
			t.Errorf("%s: last item: got %q, want %q", list, got[len(got)-1].Title, "new")
		}
	}
}

// A list that was never written is answered with 404 and a cause: only that tells
// the page of v1 that the list is empty.
func TestStateNeverWritten(t *testing.T) {
	backends(t, func(t *testing.T, p *program) {
		a := p.Expect(404, "GET", "/api/state/none", "")
		if problem := a.Problem(t); problem.Cause == "" {
			t.Errorf("got no cause in %s", a.Body)
		}
		if a.Header.Get("ETag") != `"0"` {
			t.Errorf("ETag: got %s, want %q", a.Header.Get("ETag"), `"0"`)
		}
		p.Expect(204, "DELETE", "/api/lists/none/todos", "")
		p.Expect(404, "GET", "/api/state/none", "")
		// A list that was saved empty exists.
		p.Expect(200, "PUT", "/api/state/none", "[]", "If-None-Match", "*")
		if a := p.Expect(200, "GET", "/api/state/none", ""); string(a.Body) != "[]" {
			t.Errorf("saved empty: got %s, want []", a.Body)
		}
		p.Expect(412, "PUT", "/api/state/none", "[]", "If-None-Match", "*")
	})
}

// The page of v1 overwrites a list whose first read failed; that can be undone.
func TestReplacementsCanBeRestored(t *testing.T) {
	backends(t, func(t *testing.T, p *program) {
		for _, title := range []string{"a", "b", "c"} {
			p.Create("l", title)
		}
		before := p.Todos("l")
		lost := p.Expect(200, "PUT", "/api/state/l", "[]").Header.Get("ETag")
		p.Create("l", "newer")
		a := p.Expect(200, "POST", "/api/lists/l/restore", fmt.Sprintf(`{"revision":%d}`, numberOf(t, lost)))
		var got []todoBody
		a.Into(t, &got)
		if contracttest.Titles(got) != "newer,a,b,c" && contracttest.Titles(got) != "a,newer,b,c" || len(got) != 4 {
			t.Errorf("got %s, want a, b, c and the newer one", contracttest.Titles(got))
		}
		for _, want := range before {
			found := false
			for _, g := range got {
				found = found || g == want
			}
			if !found {
				t.Errorf("%+v did not come back: %+v", want, got)
			}
		}
		var history struct {
			Revision int
			Entries  []struct {
				Revision int
				Kind     string
				Todos    []todoBody
			}
		}
		p.Expect(200, "GET", "/api/lists/l/history", "").Into(t, &history)
		if len(history.Entries) != 1 || history.Entries[0].Kind != "replace" || contracttest.Titles(history.Entries[0].Todos) != "a,b,c" {
			t.Errorf("history: got %+v, want the replacement of a, b and c", history)
		}
		p.Expect(404, "POST", "/api/lists/l/restore", `{"revision":1}`)
	})
}

func TestExport(t *testing.T) {
	store := "file://" + t.TempDir()
	p := start(t, "TODO_STORE="+store)
	lists := samples(t)
	for list, body := range lists {
		p.Expect(200, "PUT", statePath(list), body)
	}
	// Earlier states of a list are not exported.
	p.Expect(201, "POST", "/api/lists/default/todos", `{"title": "the last"}`)
	lists["default"] = string(p.Expect(200, "GET", statePath("default"), "").Body)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "new", "lists")
	var out strings.Builder
	environ := []string{"TODO_STORE=" + store}
	if err := run(t.Context(), []string{"export", dir}, environ, &out); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%d lists exported to %s, 0 failed\n", len(lists), dir); out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	for list, want := range lists {
		got, err := os.ReadFile(filepath.Join(dir, list+".json"))
		if err != nil {
			t.Error(err)
			continue
		}
		again := start(t, "TODO_STORE=mem:")
		again.Expect(200, "PUT", statePath(list), want)
		if shown := again.Expect(200, "GET", statePath(list), "").Body; !sameJSON(t, string(got), string(shown)) {
			t.Errorf("%s: got %s, want %s", list, short(string(got)), short(want))
		}
	}

	// The exported directory in the v1 form opens again.
	p = start(t, "TODO_STORE=file://"+dir)
	p.Expect(200, "GET", statePath("default"), "")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}

	if err := run(t.Context(), []string{"export", dir}, environ, &out); err == nil || !strings.Contains(err.Error(), "expected an empty directory") {
		t.Errorf("into a directory with lists: got %v, want a word on what was expected", err)
	}
}

// All valid names survive export and reading in place.
func TestExportTakesEveryName(t *testing.T) {
	names := []string{
		strings.Repeat("本", 90), strings.Repeat("本", 128), strings.Repeat("💡", 128), strings.Repeat("x", 128),
		norm.NFD.String("Férias"), "Casa", "casa", "con", "a:b*c?\"<>|", " ", "...", ".tmp-1", "~~", "~zz", "a.json", "%2e", strings.Repeat("~", 128),
	}
	data, dir := "file://"+t.TempDir(), t.TempDir()
	served := func(p *program) {
		t.Helper()
		for i, name := range names {
			if got := string(p.Expect(200, "GET", statePath(name), "").Body); !strings.Contains(got, fmt.Sprintf(`"title":"%d"`, i)) {
				t.Errorf("%q: got %s", name, got)
			}
		}
		if err := p.stop(); err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, "TODO_STORE="+data)
	for i, name := range names {
		p.Expect(200, "PUT", statePath(name), fmt.Sprintf(`[{"id":1,"title":"%d","completed":false}]`, i))
	}
	served(p)
	var out strings.Builder
	if err := run(t.Context(), []string{"export", dir}, []string{"TODO_STORE=" + data}, &out); err != nil {
		t.Fatal(err)
	}
	served(start(t, "TODO_STORE=file://"+dir))
	again := t.TempDir()
	if err := run(t.Context(), []string{"export", again}, []string{"TODO_STORE=file://" + dir}, &out); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%d lists exported to %s, 0 failed\n", len(names), again); !strings.HasSuffix(out.String(), want) {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestExportNamesDamagedLists(t *testing.T) {
	data := t.TempDir()
	for name, body := range map[string]string{"fine.json": `[]`, "damaged.json": `[{"id": 1`} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	var out strings.Builder
	err := run(t.Context(), []string{"export", dir}, []string{"TODO_STORE=file://" + data}, &out)
	if err == nil || !strings.Contains(err.Error(), `list "damaged"`) {
		t.Errorf("got %v, want the damaged list's name", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "fine.json")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "damaged.json")); err == nil {
		t.Error("the damaged list was exported")
	}
}
