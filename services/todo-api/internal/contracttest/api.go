package contracttest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// API sends requests to a running server. Its methods, except [API.Try], end
// the test if the request fails.
type API struct {
	T      testing.TB
	URL    string
	Client *http.Client
}

// Answer is a response whose body has been read.
type Answer struct {
	*http.Response
	// Body is the body. It is empty for event streams, which do not end.
	Body []byte
}

// Try sends a request to a path of the server, or to a URL. The media type is
// JSON if there is a body. header holds names and values in turn; a name that
// occurs twice is sent on two lines, and a header with the value "" is not sent.
func (a *API) Try(method, path, body string, header ...string) (Answer, error) {
	if !strings.HasPrefix(path, "http") {
		path = a.URL + path
	}
	req, err := http.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	lines := make(http.Header)
	for i := 0; i+1 < len(header); i += 2 {
		lines.Add(header[i], header[i+1])
	}
	maps.Copy(req.Header, lines)
	req.Host = cmp.Or(lines.Get("Host"), req.Host) // net/http ignores the header
	maps.DeleteFunc(req.Header, func(_ string, values []string) bool { return values[len(values)-1] == "" })
	resp, err := a.Client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return Answer{Response: resp}, nil
	}
	read, err := io.ReadAll(resp.Body)
	return Answer{Response: resp, Body: read}, err
}

// Send sends a request as [API.Try] does.
func (a *API) Send(method, path, body string, header ...string) Answer {
	a.T.Helper()
	got, err := a.Try(method, path, body, header...)
	if err != nil {
		a.T.Fatalf("%s %s: %v", method, path, err)
	}
	return got
}

// Expect sends a request and checks the status of the answer.
func (a *API) Expect(status int, method, path, body string, header ...string) Answer {
	a.T.Helper()
	got := a.Send(method, path, body, header...)
	if got.StatusCode != status {
		a.T.Fatalf("%s %s %.300s: got %d %.300s, want %d", method, path, body, got.StatusCode, got.Body, status)
	}
	return got
}

// Into decodes the body.
func (a Answer) Into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, v); err != nil {
		t.Fatalf("%.300s: %v", a.Body, err)
	}
}

// Problem decodes the body of an error.
func (a Answer) Problem(t testing.TB) (p Problem) {
	t.Helper()
	a.Into(t, &p)
	return p
}

// Problem is the body of an error (RFC 9457).
type Problem struct {
	Type, Code, Detail, Pointer, Cause, Instance string
	Status                                       int
	Errors                                       []struct{ Pointer, Detail string }
}

// Todo is an item in the form of Todo-Backend.
type Todo struct {
	ID        string  `json:"id"`
	Title     string  `json:"title"`
	Completed bool    `json:"completed"`
	Order     float64 `json:"order"`
	URL       string  `json:"url"`
}

// Todos returns the items of a list.
func (a *API) Todos(list string) (todos []Todo) {
	a.T.Helper()
	a.Expect(200, "GET", "/api/lists/"+list+"/todos", "").Into(a.T, &todos)
	return todos
}

// Create adds an item to a list.
func (a *API) Create(list, title string) (todo Todo) {
	a.T.Helper()
	a.Expect(201, "POST", "/api/lists/"+list+"/todos", fmt.Sprintf(`{"title":%q}`, title)).Into(a.T, &todo)
	return todo
}

// Titles returns the titles of items, separated by commas.
func Titles(todos []Todo) string {
	titles := make([]string, len(todos))
	for i, todo := range todos {
		titles[i] = todo.Title
	}
	return strings.Join(titles, ",")
}
