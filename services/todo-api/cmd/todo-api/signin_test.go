package main

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/listkey"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/signin/signintest"
)

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// startSignIn runs the program with the issuer.
func startSignIn(t *testing.T, i *signintest.Issuer, environ ...string) *program {
	t.Helper()
	return start(t, append([]string{"TODO_STORE=mem:", "TODO_OIDC_ISSUER=" + i.URL, "TODO_OIDC_AUDIENCE=todo"}, environ...)...)
}

// Every route of the contract, with and without the key of a private list.
func TestEveryRouteWantsAToken(t *testing.T) {
	i := signintest.New(t)
	p := startSignIn(t, i, "TODO_OIDC_ALLOW=groups=todo")
	whole := i.Token(nil)
	p.Expect(200, "GET", "/api/lists/plain", "", bearer(whole)...) // its verdict is kept
	for name, test := range map[string]struct {
		header []string
		status int
		slug   string
		says   string // by the challenge or the body
	}{
		"a token":            {bearer(whole), 0, "", ""},
		"lower-case scheme":  {[]string{"Authorization", "bearer " + whole}, 0, "", ""},
		"none":               {nil, 401, "sign-in-required", `Bearer realm="todo"`},
		"another scheme":     {[]string{"Authorization", "Basic YTpi"}, 401, "sign-in-required", `Bearer realm="todo"`},
		"empty":              {[]string{"Authorization", "Bearer "}, 400, "invalid-request", `error="invalid_request"`},
		"two in one line":    {bearer(whole + " " + whole), 400, "invalid-request", `error="invalid_request"`},
		"two lines":          {append(bearer(whole), "Authorization", "Bearer "+whole), 400, "invalid-request", `error="invalid_request"`},
		"another line first": {[]string{"Authorization", "Basic YTpi", "Authorization", "Bearer " + whole}, 401, "sign-in-required", `Bearer realm="todo"`},
		"not a token":        {bearer(whole + "%20"), 400, "invalid-request", `error="invalid_request"`},
		"another audience":   {bearer(i.Token(map[string]any{"aud": "mail"})), 401, "invalid-token", "audience"},
		"cut":                {bearer(whole[:len(whole)-3]), 401, "invalid-token", `error="invalid_token"`},
		"expired":            {bearer(i.Token(map[string]any{"exp": signintest.At(-10 * time.Minute)})), 401, "invalid-token", "expired at 20"},
		"not let in":         {bearer(i.Token(map[string]any{"groups": []string{"staff"}})), 403, "not-allowed", "no claim of the token grants it"},
	} {
		t.Run(name, func(t *testing.T) {
			own := listkey.New()
			for method, template := range listRoutes {
				for list, key := range map[string]string{"plain": "", own.ID(): own.Text()} {
					header := append([]string{"Todo-Key", key, "Accept", ""}, test.header...)
					got := p.Send(method, strings.NewReplacer("{name}", list, "{id}", "item").Replace(template), writeBodies[strings.ToLower(method)+" "+template], header...)
					if test.status == 0 {
						if got.StatusCode == http.StatusUnauthorized || got.StatusCode == http.StatusForbidden {
							t.Errorf("%s %s of %s: got %d, want it answered", method, template, list, got.StatusCode)
						}
						continue
					}
					challenge := got.Header.Get("WWW-Authenticate")
					if got.StatusCode != test.status || !strings.Contains(challenge+string(got.Body), test.says) && method != http.MethodHead {
						t.Errorf("%s %s of %s: got %d, %q and %s, want %d and %s", method, template, list, got.StatusCode, challenge, got.Body, test.status, test.says)
					}
					if (test.status == http.StatusUnauthorized) != strings.HasPrefix(challenge, `Bearer realm="todo"`) && test.status != http.StatusBadRequest {
						t.Errorf("%s %s of %s: got the challenge %q with %d", method, template, list, challenge, test.status)
					}
					if method != http.MethodHead && !strings.HasSuffix(got.Problem(t).Type, "#problem-"+test.slug) {
						t.Errorf("%s %s of %s: got %s, want %s", method, template, list, got.Body, test.slug)
					}
					if strings.Contains(challenge+string(got.Body), "eyJ") {
						t.Errorf("%s %s of %s: the answer repeats the token: %q %s", method, template, list, challenge, got.Body)
					}
				}
			}
		})
	}
	for _, path := range []string{"/livez", "/readyz", "/api/openapi.yaml", "/api/docs"} {
		p.Expect(200, "GET", path, "")
	}
}

// A signed-in person still needs the key of a private list.
func TestATokenIsNoKey(t *testing.T) {
	i := signintest.New(t)
	p := startSignIn(t, i)
	own := listkey.New()
	if got := p.Expect(403, "GET", "/api/lists/"+own.ID(), "", bearer(i.Token(nil))...).Problem(t); !strings.HasSuffix(got.Type, "key-required") {
		t.Errorf("got %s, want key-required", got.Type)
	}
}

// The program starts without its issuer and waits for it.
func TestAnIssuerThatComesLater(t *testing.T) {
	i := signintest.New(t)
	i.Down.Store(true)
	p := startSignIn(t, i)
	p.Expect(200, "GET", "/readyz", "")
	refused := p.Expect(503, "GET", "/api/lists/x", "", bearer(i.Token(nil))...)
	if got := refused.Problem(t); !strings.HasSuffix(got.Type, "sign-in-away") || !strings.Contains(got.Detail, "issuer") || refused.Header.Get("Retry-After") == "" {
		t.Errorf("got %s, want the reason and Retry-After", refused.Body)
	}
	p.Expect(401, "GET", "/api/lists/x", "") // what has no token need not wait
	if !strings.Contains(p.log.String(), "502 Bad Gateway") {
		t.Error("the log does not say why nobody can sign in")
	}
	i.Down.Store(false)
	eventually(t, "the issuer is heard of", func() bool { return p.Send("GET", "/api/lists/x", "", bearer(i.Token(nil))...).StatusCode == 200 })
}

func TestAStreamEndsWithItsToken(t *testing.T) {
	i := signintest.New(t)
	p := startSignIn(t, i)
	// The allowed clock skew is a minute.
	token := i.Token(map[string]any{"exp": signintest.At(2*time.Second - time.Minute)})
	req, err := http.NewRequest(http.MethodGet, p.URL+"/api/lists/x/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := p.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := 0
	for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
		lines++
	}
	if lines == 0 {
		t.Error("the stream ended without an event")
	}
	p.Expect(401, "GET", "/api/lists/x", "", bearer(token)...)
}

// Limits count people, whatever their address is.
func TestLimitsCountPeople(t *testing.T) {
	i := signintest.New(t)
	p := startSignIn(t, i, "TODO_RATE_LIMIT=3")
	ann, ben := bearer(i.Token(nil)), bearer(i.Token(map[string]any{"sub": "ben"}))
	for range 3 {
		p.Expect(200, "GET", "/api/lists/x", "", ann...)
	}
	p.Expect(429, "GET", "/api/lists/x", "", ann...)
	p.Expect(200, "GET", "/api/lists/x", "", ben...)
}

// The history names the person who removed an item, unless the operator turns names off.
func TestWhoRemovedWhat(t *testing.T) {
	i := signintest.New(t)
	for setting, want := range map[string][]string{"true": {"Ann", "Ben", "carl", "Ann"}, "false": {"", "", "", ""}} {
		t.Run(setting, func(t *testing.T) {
			p := startSignIn(t, i, "TODO_STORE=file://"+t.TempDir(), "TODO_HISTORY_NAMES="+setting)
			ann := bearer(i.Token(nil))
			ben := bearer(i.Token(map[string]any{"sub": "ben", "name": nil, "preferred_username": "Ben"}))
			carl := bearer(i.Token(map[string]any{"sub": "carl", "name": " ", "email": nil}))
			var items [2]todoBody
			for n := range items {
				p.Expect(201, "POST", "/api/lists/x/todos", `{"title":"bread"}`, ann...).Into(t, &items[n])
			}
			p.Expect(204, "DELETE", "/api/lists/x/todos/"+items[0].ID, "", ann...)
			p.Expect(200, "POST", "/api/lists/x/batch", `{"operations":[{"id":"a","type":"delete","todoId":"`+items[1].ID+`"}]}`, ben...)
			p.Expect(201, "POST", "/api/lists/x/todos", `{"title":"butter"}`, ann...)
			p.Expect(204, "DELETE", "/api/lists/x/todos", "", carl...)
			p.Expect(201, "POST", "/api/lists/x/todos", `{"title":"tea"}`, ann...)
			p.Expect(200, "PUT", "/api/state/x", `[]`, ann...)
			var history struct{ Entries []struct{ By string } }
			p.Expect(200, "GET", "/api/lists/x/history", "", ann...).Into(t, &history)
			var got []string
			for _, entry := range slices.Backward(history.Entries) {
				got = append(got, entry.By)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// Without an issuer, Authorization is ignored: a proxy in front may set it.
func TestTokensAreIgnoredWithoutAnIssuer(t *testing.T) {
	p := start(t, "TODO_STORE=mem:")
	p.Expect(200, "GET", "/api/lists/x", "", "Authorization", "Basic YTpi")
	p.Expect(200, "GET", "/api/lists/x", "", bearer("abc")...)
}

// The log has neither tokens nor names.
func TestTheLogHasNoTokens(t *testing.T) {
	i := signintest.New(t)
	p := startSignIn(t, i, "TODO_LOG_LEVEL=debug")
	for _, token := range []string{i.Token(nil), i.Token(map[string]any{"aud": "mail"}), i.Token(nil) + "x"} {
		p.Send("GET", "/api/lists/x", "", bearer(token)...)
		p.Send("GET", "/api/lists/x?access_token="+token, "")
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(p.log.String(), "eyJ") || strings.Contains(p.log.String(), "Ann") {
		t.Errorf("the log has a token, or a name:\n%s", p.log)
	}
}

func TestThePageLearnsWhereToSignIn(t *testing.T) {
	i := signintest.New(t)
	p := startSignIn(t, i, "TODO_OIDC_CLIENT_ID=page", "TODO_CORS_ORIGINS=https://elsewhere.example")
	preflight := p.Expect(204, "OPTIONS", "/api/lists/x", "", "Origin", "https://elsewhere.example", "Access-Control-Request-Method", "GET",
		"Access-Control-Request-Headers", "authorization")
	if got := preflight.Header.Get("Access-Control-Allow-Headers"); !strings.Contains(got, "Authorization") {
		t.Errorf("Access-Control-Allow-Headers: got %s, want Authorization among them", got)
	}
	refused := p.Expect(401, "GET", "/api/lists/x", "", "Origin", "https://elsewhere.example")
	if got := refused.Header.Get("Access-Control-Expose-Headers"); !strings.Contains(got, "WWW-Authenticate") {
		t.Errorf("Access-Control-Expose-Headers: got %s, want WWW-Authenticate among them", got)
	}
	page := p.Send("GET", "/", "")
	if page.StatusCode == http.StatusNotFound {
		return // built without the page; the browser's tests have it
	}
	if got := page.Header.Get("Content-Security-Policy"); !strings.Contains(got, "connect-src 'self' "+i.URL+";") {
		t.Errorf("Content-Security-Policy: got %s, want the issuer in connect-src", got)
	}
	var config struct {
		SignIn struct{ Issuer, ClientID, Audience, Scope string }
	}
	p.Expect(200, "GET", "/config.json", "").Into(t, &config)
	if config.SignIn.Issuer != i.URL || config.SignIn.ClientID != "page" || config.SignIn.Audience != "todo" || !strings.Contains(config.SignIn.Scope, "openid") {
		t.Errorf("config.json: got %+v", config.SignIn)
	}
}

func TestHalfADoorIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		environ []string
		says    string
	}{
		"audience missing":     {[]string{"TODO_OIDC_ISSUER=https://login.example.com"}, "TODO_OIDC_AUDIENCE: expected the audience"},
		"issuer missing":       {[]string{"TODO_OIDC_AUDIENCE=todo"}, "expected TODO_OIDC_ISSUER beside it"},
		"client without":       {[]string{"TODO_OIDC_CLIENT_ID=page"}, "expected TODO_OIDC_ISSUER beside it"},
		"claims without":       {[]string{"TODO_OIDC_ALLOW=groups=todo"}, "expected TODO_OIDC_ISSUER beside it"},
		"http":                 {[]string{"TODO_OIDC_ISSUER=http://login.example.com", "TODO_OIDC_AUDIENCE=todo"}, "TODO_OIDC_ISSUER: expected an address of https"},
		"no address":           {[]string{"TODO_OIDC_ISSUER=login.example.com", "TODO_OIDC_AUDIENCE=todo"}, "TODO_OIDC_ISSUER: expected an address of https"},
		"query":                {[]string{"TODO_OIDC_ISSUER=https://login.example.com/?a=b", "TODO_OIDC_AUDIENCE=todo"}, "without a query"},
		"no claim":             {[]string{"TODO_OIDC_ISSUER=https://login.example.com", "TODO_OIDC_AUDIENCE=todo", "TODO_OIDC_ALLOW=todo"}, "TODO_OIDC_ALLOW: expected claim=value"},
		"claim of nothing":     {[]string{"TODO_OIDC_ISSUER=https://login.example.com", "TODO_OIDC_AUDIENCE=todo", "TODO_OIDC_ALLOW=groups="}, "TODO_OIDC_ALLOW: expected claim=value"},
		"scope without openid": {[]string{"TODO_OIDC_ISSUER=https://login.example.com", "TODO_OIDC_AUDIENCE=todo", "TODO_OIDC_SCOPE=email"}, "TODO_OIDC_SCOPE: expected scopes"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), nil, append(test.environ, "TODO_STORE=mem:"), new(strings.Builder))
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}
