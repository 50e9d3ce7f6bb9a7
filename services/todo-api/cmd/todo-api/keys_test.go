package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/contracttest"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/listkey"
)

// access is the expected result of a request: the last part of the problem's type,
// or "opens".
type access string

const (
	opens   access = ""
	invalid access = "invalid-request"
	without access = "key-required"
	wrong   access = "wrong-key"
	reading access = "reading-key"
	noPlain access = "keyed-lists-only"
)

// access sends a request about a list and returns its result.
func (p *program) access(method, template, list, item, query string, keys ...string) access {
	p.T.Helper()
	target := p.URL + strings.NewReplacer("{name}", list, "{id}", item).Replace(template) + query
	body := writeBodies[strings.ToLower(method)+" "+template]
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		p.T.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, key := range keys {
		req.Header.Add("Todo-Key", key)
	}
	resp, err := p.Client.Do(req)
	if err != nil {
		p.T.Fatal(err)
	}
	defer resp.Body.Close() // ends a stream
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusBadRequest:
	default:
		return opens
	}
	if method == http.MethodHead {
		return access(resp.Status)
	}
	var problem problemBody
	if err := json.NewDecoder(resp.Body).Decode(&problem); err != nil {
		p.T.Fatal(err)
	}
	_, slug, _ := strings.Cut(problem.Type, "#problem-")
	return access(slug)
}

// onHead returns the result as seen with HEAD.
func (a access) onHead() access {
	if a == invalid {
		return "400 Bad Request"
	} else if a != opens {
		return "403 Forbidden"
	}
	return opens
}

// listRoutes yields the method and the path of all operations on lists, including
// HEAD.
func listRoutes(yield func(method, template string) bool) {
	for _, at := range contracttest.Load().Paths {
		if !strings.Contains(at.Template, "{name}") {
			continue
		}
		for method := range at.Operations {
			if method != "parameters" && !yield(strings.ToUpper(method), at.Template) ||
				method == "get" && !yield(http.MethodHead, at.Template) {
				return
			}
		}
	}
}

// All routes of the contract with all kinds of keys.
func TestEveryRouteWantsTheKeyOfItsList(t *testing.T) {
	p := start(t, "TODO_STORE=mem:")
	plainItem := p.Create("plain", "kept")
	foreign := listkey.New()
	for name, test := range map[string]struct {
		keys                   func(own listkey.Key) []string
		query                  func(own listkey.Key) string
		reads, writes, onPlain access
	}{
		"no key":                 {nil, nil, without, without, opens},
		"edit key":               {func(own listkey.Key) []string { return []string{own.Text()} }, nil, opens, opens, wrong},
		"read key":               {func(own listkey.Key) []string { return []string{own.ReadKey().Text()} }, nil, opens, reading, wrong},
		"another's edit key":     {func(listkey.Key) []string { return []string{foreign.Text()} }, nil, wrong, wrong, wrong},
		"another's read key":     {func(listkey.Key) []string { return []string{foreign.ReadKey().Text()} }, nil, wrong, wrong, wrong},
		"name for a key":         {func(own listkey.Key) []string { return []string{own.ID()} }, nil, invalid, invalid, invalid},
		"short key":              {func(own listkey.Key) []string { return []string{own.Text()[1:]} }, nil, invalid, invalid, invalid},
		"long key":               {func(own listkey.Key) []string { return []string{own.ReadKey().Text() + "A"} }, nil, invalid, invalid, invalid},
		"padded key":             {func(own listkey.Key) []string { return []string{own.Text() + "=="} }, nil, invalid, invalid, invalid},
		"empty key":              {func(listkey.Key) []string { return []string{""} }, nil, invalid, invalid, invalid},
		"two keys":               {func(own listkey.Key) []string { return []string{own.Text(), own.Text()} }, nil, invalid, invalid, invalid},
		"key in the query":       {nil, func(own listkey.Key) string { return "?key=" + own.Text() }, invalid, invalid, invalid},
		"unnamed key in it":      {nil, func(own listkey.Key) string { return "?x=" + own.ReadKey().Text() }, invalid, invalid, invalid},
		"encoded name in it":     {nil, func(own listkey.Key) string { return "?%6B%65y=" + own.Text() }, invalid, invalid, invalid},
		"padded key in it":       {nil, func(own listkey.Key) string { return "?x=" + own.Text() + "%3D=" }, invalid, invalid, invalid},
		"space around key in it": {nil, func(own listkey.Key) string { return "?x=+" + own.ReadKey().Text() + "%20" }, invalid, invalid, invalid},
		"key as a name in it":    {nil, func(own listkey.Key) string { return "?" + own.Text() }, invalid, invalid, invalid},
		"also in the header":     {func(own listkey.Key) []string { return []string{own.Text()} }, func(listkey.Key) string { return "?Key=1" }, invalid, invalid, invalid},
		"header's name in it":    {nil, func(listkey.Key) string { return "?TODO-KEY=x" }, invalid, invalid, invalid},
		"access token in query":  {nil, func(listkey.Key) string { return "?access_token=x" }, invalid, invalid, invalid},
	} {
		t.Run(name, func(t *testing.T) {
			own := listkey.New()
			header := []string{"Todo-Key", own.Text()}
			var item todoBody
			p.Expect(201, "POST", "/api/lists/"+own.ID()+"/todos", `{"title":"kept"}`, header...).Into(t, &item)
			before := p.Expect(200, "GET", "/api/lists/"+own.ID(), "", header...).Body
			var keys []string
			if test.keys != nil {
				keys = test.keys(own)
			}
			query := ""
			if test.query != nil {
				query = test.query(own)
			}
			for method, template := range listRoutes {
				want, wantPlain := test.writes, test.onPlain
				if method == http.MethodGet || method == http.MethodHead {
					want = test.reads
				}
				if method == http.MethodHead {
					want, wantPlain = want.onHead(), wantPlain.onHead()
				}
				if got := p.access(method, template, own.ID(), item.ID, query, keys...); got != want {
					t.Errorf("%s %s: got %q, want %q", method, template, got, want)
				}
				if got := p.access(method, template, "%6B"+own.ID()[1:], item.ID, query, keys...); got != want {
					t.Errorf("%s %s with an encoded name: got %q, want %q", method, template, got, want)
				}
				if got := p.access(method, template, "plain", plainItem.ID, query, keys...); got != wantPlain {
					t.Errorf("%s %s of a plain list: got %q, want %q", method, template, got, wantPlain)
				}
			}
			if test.writes != opens {
				if after := p.Expect(200, "GET", "/api/lists/"+own.ID(), "", header...).Body; !bytes.Equal(before, after) {
					t.Errorf("refused requests changed the list: got %s, want %s", after, before)
				}
			}
		})
	}
}

// A cache between clients must not give one the answer to another one's key.
func TestAnswersVaryByKey(t *testing.T) {
	p := start(t, "TODO_STORE=mem:")
	own := listkey.New()
	for key, status := range map[string]int{own.Text(): 200, "": 403, listkey.New().Text(): 403} {
		got := p.Expect(status, "GET", "/api/lists/"+own.ID(), "", "Todo-Key", key)
		if vary := strings.Join(got.Header.Values("Vary"), ","); !strings.Contains(vary, "Todo-Key") {
			t.Errorf("%d: got Vary %q, want Todo-Key in it", status, vary)
		}
	}
}

func TestAServerOfPrivateListsOnly(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_PUBLIC_LISTS=false")
	own := listkey.New()
	for method, template := range listRoutes {
		want := noPlain
		if method == http.MethodHead {
			want = want.onHead()
		}
		for _, name := range []string{"plain", "K" + own.ID()[1:], own.ID()[:20]} {
			if got := p.access(method, template, name, "item", ""); got != want {
				t.Errorf("%s %s of %s: got %q, want %q", method, template, name, got, want)
			}
		}
		if got := p.access(method, template, own.ID(), "item", "", own.Text()); got != opens {
			t.Errorf("%s %s of a private list: got %q, want it answered", method, template, got)
		}
	}
}

// The log contains no keys and nothing from which one could be derived.
func TestTheLogHasNoKeys(t *testing.T) {
	p := start(t, "TODO_STORE=mem:", "TODO_LOG_LEVEL=debug")
	own := listkey.New()
	for method, template := range listRoutes {
		p.access(method, template, own.ID(), "item", "", own.Text())
		p.access(method, template, own.ID(), "item", "?key="+own.Text(), own.ReadKey().Text())
		p.access(method, template, own.Text(), "item", "")
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	for what, secret := range map[string]string{"edit key": own.Text(), "read key": own.ReadKey().Text(), "name": own.ID()} {
		if strings.Contains(p.log.String(), secret) {
			t.Errorf("the log has the %s", what)
		}
	}
}

func TestKeyCommand(t *testing.T) {
	keyCommand := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"key"}, args...), nil, &out)
		return out.String(), err
	}
	const (
		edit = "edit AAECAwQFBgcICQoLDA0ODw\n"
		rest = "read RDIjeNuLTxHwsdvcsuJwUZwdQZ-TCTXXnGuSvzCzNHg\nname k-7hxr4qsjck6lo2fip6h3fnmrcqqfmaja\n"
	)
	for arg, want := range map[string]string{edit[5:27]: edit + rest, rest[5:48]: rest} {
		if got, err := keyCommand(arg); err != nil || got != want {
			t.Errorf("key %s: got %s, %v, want %s", arg, got, err, want)
		}
	}
	first, _ := keyCommand()
	if second, err := keyCommand(); err != nil || first == second || !strings.HasPrefix(second, "edit ") {
		t.Errorf("key: got %s after %s, %v, want another key", second, first, err)
	}
	if _, err := keyCommand("short"); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("key short: got %v, want a refusal that does not repeat it", err)
	}
}
