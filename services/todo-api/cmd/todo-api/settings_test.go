package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/config"
)

// TestREADME compares the README's table with the settings. UPDATE=1 writes it.
func TestREADME(t *testing.T) {
	const path = "../../README.md"
	var table bytes.Buffer
	if err := config.Markdown(&table, defaults(), sources(nil, nil, nil)...); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	between := regexp.MustCompile(`(?s)(<!-- settings -->\n).*(<!-- /settings -->)`)
	if !between.Match(text) {
		t.Fatalf("%s has no place for the settings", path)
	}
	want := between.ReplaceAll(text, []byte("${1}"+strings.ReplaceAll(table.String(), "$", "$$")+"${2}"))
	if bytes.Equal(text, want) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("%s does not have the settings as they are; make generate writes them", path)
	}
	if err := os.WriteFile(path, want, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestConfigPrintsSourcesAndHidesNothingNeeded(t *testing.T) {
	var out bytes.Buffer
	err := run(context.Background(), []string{"config", "--listen=:9"}, []string{"STORAGE_BUCKET=lists", "TODO_CORS_ORIGINS=*", "STORAGE_OTHER=x"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"s3://lists", "STORAGE_BUCKET", "--listen", "TODO_CORS_ORIGINS"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %s, want %q in it", &out, want)
		}
	}
}

// An invalid setting is refused with its variable, its value and the expected
// value.
func TestInvalidSettings(t *testing.T) {
	for _, setting := range []string{
		"TODO_CORS_ORIGINS=https://a.example/path", "TODO_CORS_ORIGINS=https://*.example", "TODO_CORS_ORIGINS=ftp://a.example",
		"TODO_CORS_ORIGINS=https://a.example?x", "TODO_CORS_ORIGINS=a.example", "TODO_CORS_ORIGINS=//a.example", "TODO_CORS_ORIGINS=https://u@a.example",
		"TODO_CORS_ORIGINS=https://", "TODO_CORS_ORIGINS=null",
		"TODO_CORS_ORIGINS=https://a.example:99999", "TODO_CORS_ORIGINS=https://a.example:", "TODO_CORS_ORIGINS=https://a.example:0443",
		"TODO_CORS_ORIGINS=https://a.example#", "TODO_CORS_ORIGINS=https://münchen.example", "TODO_CORS_ORIGINS=https://a..example",
		"TODO_PUBLIC_URL=https://todo.example:0", "TODO_PUBLIC_URL=https://todo.example:99999", "TODO_PUBLIC_URL=https://todo..example",
		"TODO_PUBLIC_URL=https://256.1.1.1", "TODO_PUBLIC_URL=https://1.2.3", "TODO_PUBLIC_URL=https://todo.0x1f.", "TODO_PUBLIC_URL=https://[::1", "TODO_PUBLIC_URL=https://[fe80::1%25eth0]",
		"TODO_PUBLIC_URL=https://u:p@todo.example", "TODO_PUBLIC_URL=https://todo.example#x", "TODO_PUBLIC_URL=https://todo.example?",
		"TODO_PUBLIC_URL=https://" + strings.Repeat("a", 64) + ".example", "TODO_PUBLIC_URL=https://" + strings.Repeat("todo.", 52) + "example",
		"TODO_PUBLIC_URL=https://münchen.example", "TODO_OIDC_ISSUER=https://1.2.3", "TODO_CORS_ORIGINS=https://1.2.3", "TODO_OTLP_ENDPOINT=http://1.2.3:4318",
		"TODO_PUBLIC_URL=https://-todo-", "TODO_PUBLIC_URL=https://todo.example/..", "TODO_PUBLIC_URL=https://todo.example//",
		"TODO_OTLP_ENDPOINT=http://localhost:99999", "TODO_OIDC_SCOPE=openid",
		"TODO_PUBLIC_URL=todo.example", "TODO_PUBLIC_URL=ftp://todo.example", "TODO_PUBLIC_URL=https://todo.example?x=1", "TODO_PUBLIC_URL=/todo",
		`TODO_PUBLIC_URL="https://todo.example"`, "TODO_PUBLIC_URL=https://",
		"TODO_OTLP_ENDPOINT=localhost:4318", "TODO_OTLP_ENDPOINT=grpc://localhost:4317",
		"TODO_CLIENT_ADDRESS_HEADER=X Forwarded For", "TODO_CLIENT_ADDRESS_HEADER=X-Forwarded-For:",
		"TODO_CLIENT_ADDRESS_HEADER=host", "TODO_CLIENT_ADDRESS_HEADER=Cookie",
		"TODO_CLIENT_ADDRESS_HEADER=TE", "TODO_CLIENT_ADDRESS_HEADER=expect", "TODO_CLIENT_ADDRESS_HEADER=If-Range", "TODO_CLIENT_ADDRESS_HEADER=accept-language",
		"TODO_CLIENT_ADDRESS_HEADER=X-Forwarded-Port", "TODO_CLIENT_ADDRESS_HEADER=Sec-Fetch-Site", "TODO_CLIENT_ADDRESS_HEADER=Proxy-Connection",
		"TODO_CLIENT_ADDRESS_HEADER=Content-Encoding", "TODO_CLIENT_ADDRESS_HEADER=x-request-id", "TODO_CLIENT_ADDRESS_HEADER=Via",
		`TODO_STORE="file:///data"`, "TODO_STORE='mem:'",
		"TODO_LISTEN=8080", "TODO_LISTEN=http://localhost:8080", `TODO_LISTEN=":8080"`, "TODO_LISTEN=localhost:99999",
		"TODO_ALLOWED_HOSTS=https://a.example", "TODO_ALLOWED_HOSTS=a.example:80", "TODO_ALLOWED_HOSTS=*.example",
		"TODO_NAME_DIGEST_KEY=short",
		"TODO_MAX_LISTS=9223372036854775807", "TODO_MAX_STREAMS=9223372036854775807", "TODO_MAX_CLIENT_STREAMS=9223372036854775807", "TODO_RATE_LIMIT=9223372036854775807",
		"TODO_HINTS=localhost:6379", "TODO_HINTS=http://localhost:6379", "TODO_HINTS=redis://", "TODO_HINTS=redis://localhost/7", "TODO_HINTS=redis://localhost?db=7",
	} {
		variable, _, _ := strings.Cut(setting, "=")
		var out bytes.Buffer
		err := run(context.Background(), []string{"config"}, []string{setting}, &out)
		if err == nil || !strings.Contains(err.Error(), variable) || !strings.Contains(err.Error(), "expected") {
			t.Errorf("%s: got %v, want an error that names the variable and what is expected", setting, err)
		}
	}
}

// No setting takes garbage in silence: as a variable and as a flag, each refuses
// it with its name, the value unless that is a secret, and what is expected.
func TestGarbageInEverySetting(t *testing.T) {
	var table bytes.Buffer
	if err := config.Markdown(&table, defaults(), sources(nil, nil, nil)...); err != nil {
		t.Fatal(err)
	}
	variable, flag := regexp.MustCompile("TODO_[A-Z_]+"), regexp.MustCompile("--[a-z-]+")
	anyText := []string{"TODO_RELEASE"}
	secret := []string{"TODO_HINTS", "TODO_NAME_DIGEST_KEY"}
	rows := 0
	for line := range strings.Lines(table.String()) {
		name := variable.FindString(line)
		if name == "" || slices.Contains(anyText, name) {
			continue
		}
		rows++
		// A flag without a value turns a boolean on.
		forms := []string{name}
		if cells := strings.Split(line, "|"); !strings.Contains(cells[2], "[no-]") {
			if found := flag.FindString(cells[2]); found != "" {
				forms = append(forms, found)
			}
		}
		for _, form := range forms {
			refused := 0
			for _, value := range []string{"garbage !", "-1", "99999999999999999999", `"true"`, "http:", "5 minutes", "{}"} {
				args, environ := []string{"--listen=127.0.0.1:0"}, []string{form + "=" + value}
				if form != name {
					args, environ = append(args, form+"="+value), nil
				}
				if name == "TODO_LISTEN" {
					args = args[1:]
				}
				if name != "TODO_STORE" {
					environ = append(environ, "TODO_STORE=mem:")
				}
				ctx, cancel := context.WithCancel(t.Context())
				if name == "TODO_STORE" {
					cancel = func() {} // nothing is accepted
				}
				cancel() // what is accepted ends at once
				err := run(ctx, args, environ, io.Discard)
				if err == nil || errors.Is(err, context.Canceled) {
					continue
				}
				refused++
				text := err.Error()
				if !strings.Contains(text, form) && !strings.Contains(text, name) {
					t.Errorf("%s=%s: got %q, want its name", form, value, text)
				}
				if quoted := strconv.Quote(value); !slices.Contains(secret, name) && !strings.Contains(text, value) && !strings.Contains(text, quoted[1:len(quoted)-1]) {
					t.Errorf("%s=%s: got %q, want the value", form, value, text)
				}
				if !strings.Contains(text, "expected") && !strings.Contains(text, "cannot read") {
					t.Errorf("%s=%s: got %q, want what is expected", form, value, text)
				}
			}
			if refused < 3 {
				t.Errorf("%s: got %d refusals, want at least 3", form, refused)
			}
		}
	}
	if rows < 39 {
		t.Errorf("got %d settings, want all of the table", rows)
	}
}

func TestHeadersOfProxies(t *testing.T) {
	for _, header := range []string{
		"CloudFront-Viewer-Address", "X-Forwarded-For", "x-forwarded-for", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP",
		"X-Envoy-External-Address", "X-Azure-ClientIP", "Fly-Client-IP", "X-Peer",
	} {
		if err := run(context.Background(), []string{"config"}, []string{"TODO_CLIENT_ADDRESS_HEADER=" + header}, io.Discard); err != nil {
			t.Errorf("%s: got %v, want it accepted", header, err)
		}
	}
}

// A public address begins the links as it is written, and its host is answered on
// loopback in any spelling.
func TestPublicAddresses(t *testing.T) {
	for setting, want := range map[string]struct{ base, host string }{
		"https://todo.example":             {"https://todo.example", "TODO.example"},
		"https://todo.example/":            {"https://todo.example", "todo.example."},
		"HTTPS://TODO.Example:8443/Lists/": {"https://TODO.Example:8443/Lists", "todo.example:8443"},
		"http://todo.example.":             {"http://todo.example.", "todo.example"},
		"http://[2001:db8:0::2]":           {"http://[2001:db8:0::2]", "[2001:db8::2]"},
		"http://xn--mnchen-3ya.example":    {"http://xn--mnchen-3ya.example", "xn--mnchen-3ya.example"},
		"http://[2001:DB8::1]:8080/todo":   {"http://[2001:DB8::1]:8080/todo", "[2001:db8::1]:8080"},
		"http://192.0.2.1":                 {"http://192.0.2.1", "192.0.2.1"},
		"http://todo_api:8080":             {"http://todo_api:8080", "todo_api:8080"},
		"https://todo.example/a%20list":    {"https://todo.example/a%20list", "todo.example"},
	} {
		p := start(t, "TODO_STORE=mem:", "TODO_PUBLIC_URL="+setting)
		if got, want := p.Expect(201, "POST", "/api/lists/l/todos", `{"title":"x"}`, "Host", want.host).Header.Get("Location"), want.base+"/api/lists/l/todos/"; !strings.HasPrefix(got, want) {
			t.Errorf("%s: got the link %s, want it below %s", setting, got, want)
		}
	}
}

// Origins are compared in the form that browsers send.
func TestOriginsAsBrowsersWriteThem(t *testing.T) {
	for setting, origin := range map[string]string{
		"https://A.Example": "https://a.example", "https://a.example:443/": "https://a.example", "http://a.example:80": "http://a.example",
		"https://a.example:8443": "https://a.example:8443", "HTTP://[::1]:5173": "http://[::1]:5173",
	} {
		p := start(t, "TODO_STORE=mem:", "TODO_CORS_ORIGINS="+setting)
		if got := p.Expect(200, "GET", "/api/lists/l/todos", "", "Origin", origin).Header.Get("Access-Control-Allow-Origin"); got != origin {
			t.Errorf("%s: a page of %s: got %q", setting, origin, got)
		}
	}
}
