package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/listkey"
)

// issuer is an OpenID Connect issuer that signs whatever a test wants signed. A
// real one is in the browser's tests.
type issuer struct {
	t    testing.TB
	url  string
	key  atomic.Pointer[jose.JSONWebKey]
	down atomic.Bool
	asks atomic.Int64 // for keys
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{t: t}
	i.rotate("first")
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := map[string]any{
		"issuer": i.url, "jwks_uri": i.url + "/jwks", "token_endpoint": i.url + "/token", "authorization_endpoint": i.url + "/auth",
		// What it says of algorithms must not matter.
		"id_token_signing_alg_values_supported": []string{"none", "HS256", "ES256"},
	}
	switch {
	case i.down.Load():
		http.Error(w, "down for the night", http.StatusBadGateway)
		return
	case r.URL.Path == "/jwks":
		i.asks.Add(1)
		answer = map[string]any{"keys": []any{i.key.Load().Public()}}
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		i.t.Error(err)
	}
}

// rotate replaces the key.
func (i *issuer) rotate(id string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.key.Store(&jose.JSONWebKey{Key: private, KeyID: id, Algorithm: "ES256", Use: "sig"})
}

// token signs claims, those of a valid token where change does not say
// otherwise; nil leaves a claim out.
func (i *issuer) token(change map[string]any) string {
	i.t.Helper()
	return i.signed(jose.ES256, i.key.Load(), change)
}

func (i *issuer) signed(algorithm jose.SignatureAlgorithm, key any, change map[string]any) string {
	i.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	jws, err := signer.Sign(i.claims(change))
	if err != nil {
		i.t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

func (i *issuer) claims(change map[string]any) []byte {
	claims := map[string]any{
		"iss": i.url, "aud": "todo", "sub": "ann", "name": "Ann", "iat": at(-time.Minute), "exp": at(time.Hour),
		"email": "ann@example.com", "email_verified": true, "groups": []string{"staff", "todo"},
		"realm_access": map[string]any{"roles": []string{"todo"}}, "https://example.com/team": "todo", "paid": true,
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	text, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

// at is a time from now, as tokens have it.
func at(d time.Duration) int64 { return time.Now().Add(d).Unix() }

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// startSignIn runs the program with the issuer.
func startSignIn(t *testing.T, i *issuer, environ ...string) *program {
	t.Helper()
	return start(t, append([]string{"TODO_STORE=mem:", "TODO_OIDC_ISSUER=" + i.url, "TODO_OIDC_AUDIENCE=todo"}, environ...)...)
}

// Every route of the contract with every kind of token, alone and with the
// key of a private list.
func TestEveryRouteWantsAToken(t *testing.T) {
	i, foreign := newIssuer(t), newIssuer(t)
	retired := i.token(nil)
	i.rotate("second")
	p := startSignIn(t, i, "TODO_OIDC_ALLOW=groups=todo")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(i.claims(nil)) + "."
	public, err := json.Marshal(i.key.Load().Public())
	if err != nil {
		t.Fatal(err)
	}
	whole := i.token(nil)
	for name, test := range map[string]struct {
		header []string
		status int
		slug   string
		says   string // by the challenge or the body
	}{
		"a token":               {bearer(whole), 0, "", ""},
		"lower-case scheme":     {[]string{"Authorization", "bearer " + whole}, 0, "", ""},
		"one of many audiences": {bearer(i.token(map[string]any{"aud": []string{"x", "todo"}})), 0, "", ""},
		"client_id without aud": {bearer(i.token(map[string]any{"aud": nil, "client_id": "todo"})), 0, "", ""},
		"expired half a minute": {bearer(i.token(map[string]any{"exp": at(-30 * time.Second)})), 0, "", ""},
		"from half a minute on": {bearer(i.token(map[string]any{"nbf": at(30 * time.Second)})), 0, "", ""},
		"none":                  {nil, 401, "sign-in-required", `Bearer realm="todo"`},
		"another scheme":        {[]string{"Authorization", "Basic YTpi"}, 401, "sign-in-required", `Bearer realm="todo"`},
		"empty":                 {[]string{"Authorization", "Bearer "}, 400, "invalid-request", `error="invalid_request"`},
		"two in one line":       {bearer(whole + " " + whole), 400, "invalid-request", `error="invalid_request"`},
		"no JWT":                {bearer("abc"), 401, "invalid-token", `error="invalid_token"`},
		"cut":                   {bearer(whole[:len(whole)-3]), 401, "invalid-token", `error="invalid_token"`},
		"expired":               {bearer(i.token(map[string]any{"exp": at(-10 * time.Minute)})), 401, "invalid-token", "expired at 20"},
		"not yet":               {bearer(i.token(map[string]any{"nbf": at(10 * time.Minute)})), 401, "invalid-token", "this server's clock says 20"},
		"no expiry":             {bearer(i.token(map[string]any{"exp": nil})), 401, "invalid-token", "no exp"},
		"another audience":      {bearer(i.token(map[string]any{"aud": "mail"})), 401, "invalid-token", "audience"},
		"no audience":           {bearer(i.token(map[string]any{"aud": nil})), 401, "invalid-token", "audience"},
		"audience and client":   {bearer(i.token(map[string]any{"aud": "mail", "client_id": "todo"})), 401, "invalid-token", "audience"},
		"nobody":                {bearer(i.token(map[string]any{"sub": ""})), 401, "invalid-token", "sub"},
		"another issuer":        {bearer(foreign.token(nil)), 401, "invalid-token", "signature"},
		"another issuer's name": {bearer(i.token(map[string]any{"iss": foreign.url})), 401, "invalid-token", "different provider"},
		"a key that was":        {bearer(retired), 401, "invalid-token", "signature"},
		"alg none":              {bearer(none), 401, "invalid-token", "algorithm"},
		"HMAC by the public":    {bearer(i.signed(jose.HS256, public, nil)), 401, "invalid-token", "algorithm"},
		"not let in":            {bearer(i.token(map[string]any{"groups": []string{"staff"}})), 403, "not-allowed", "lets some people in"},
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
	if asks := i.asks.Load(); asks > 20 {
		t.Errorf("the issuer was asked for its keys %d times; tokens that nobody signed must not make it busy", asks)
	}
}

// A signed-in person still needs the key of a private list.
func TestATokenIsNoKey(t *testing.T) {
	i := newIssuer(t)
	p := startSignIn(t, i)
	own := listkey.New()
	if got := p.Expect(403, "GET", "/api/lists/"+own.ID(), "", bearer(i.token(nil))...).Problem(t); !strings.HasSuffix(got.Type, "key-required") {
		t.Errorf("got %s, want key-required", got.Type)
	}
}

func TestClaimsThatLetIn(t *testing.T) {
	i := newIssuer(t)
	for allow, test := range map[string]struct {
		change map[string]any
		want   int
	}{
		"groups=todo":                   {nil, 200},
		"groups=tod":                    {nil, 403},
		"realm_access.roles=todo":       {nil, 200},
		"realm_access.roles=admin":      {nil, 403},
		"https://example.com/team=todo": {nil, 200},
		"paid=true":                     {nil, 200},
		"missing=todo":                  {nil, 403},
		"groups=nobody,sub=ann":         {nil, 200},
		"email=@example.com":            {nil, 200},
		"email=@EXAMPLE.com":            {nil, 200},
		"email=@ample.com":              {nil, 403},
		"email=ann@example.com":         {nil, 200},
		"email=@example.org":            {nil, 403},
		"email=@example.com ":           {map[string]any{"email_verified": false}, 403},
		" email=@example.com":           {map[string]any{"email_verified": nil}, 403},
	} {
		t.Run(allow, func(t *testing.T) {
			p := startSignIn(t, i, "TODO_OIDC_ALLOW="+allow)
			p.Expect(test.want, "GET", "/api/lists/x", "", bearer(i.token(test.change))...)
		})
	}
}

// An issuer that is down at the start, or that changes its keys, is waited for.
func TestAnIssuerThatComesLater(t *testing.T) {
	i := newIssuer(t)
	i.down.Store(true)
	p := startSignIn(t, i)
	p.Expect(200, "GET", "/readyz", "")
	refused := p.Expect(503, "GET", "/api/lists/x", "", bearer(i.token(nil))...)
	if got := refused.Problem(t); !strings.HasSuffix(got.Type, "sign-in-away") || !strings.Contains(got.Detail, "issuer") || refused.Header.Get("Retry-After") == "" {
		t.Errorf("got %s, want the reason and Retry-After", refused.Body)
	}
	p.Expect(401, "GET", "/api/lists/x", "") // what has no token need not wait
	if !strings.Contains(p.log.String(), "502 Bad Gateway") {
		t.Error("the log does not say why nobody can sign in")
	}
	i.down.Store(false)
	eventually(t, "the issuer is heard of", func() bool { return p.Send("GET", "/api/lists/x", "", bearer(i.token(nil))...).StatusCode == 200 })

	i.rotate("second")
	fresh := bearer(i.token(nil))
	p.Expect(200, "GET", "/api/lists/x", "", fresh...)
	i.rotate("third")
	i.down.Store(true)
	p.Expect(503, "GET", "/api/lists/x", "", bearer(i.token(nil))...)
	p.Expect(200, "GET", "/api/lists/x", "", fresh...) // judged before
}

// Tokens that nobody signed ask the issuer for keys a few times at most, and do
// not keep out those whose key is known.
func TestForgedTokensDoNotReachTheIssuer(t *testing.T) {
	i, forger := newIssuer(t), newIssuer(t)
	p := startSignIn(t, i)
	p.Expect(200, "GET", "/api/lists/x", "", bearer(i.token(nil))...)
	var group sync.WaitGroup
	for n := range 100 {
		forger.rotate(fmt.Sprint(n))
		header := bearer(forger.token(map[string]any{"iss": i.url}))
		group.Go(func() {
			if got, err := p.Try("GET", "/api/lists/x", "", header...); err != nil || got.StatusCode != 401 {
				t.Errorf("got %d %s, %v, want 401", got.StatusCode, got.Body, err)
			}
		})
	}
	group.Wait()
	p.Expect(200, "GET", "/api/lists/x", "", bearer(i.token(map[string]any{"sub": "ben"}))...)
	if asks := i.asks.Load(); asks > 10 {
		t.Errorf("the issuer was asked for its keys %d times, want a few", asks)
	}
}

func TestAStreamEndsWithItsToken(t *testing.T) {
	i := newIssuer(t)
	p := startSignIn(t, i)
	// It is believed for the minute that clocks may differ by.
	token := i.token(map[string]any{"exp": at(2*time.Second - time.Minute)})
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

// Limits count people, wherever they are.
func TestLimitsCountPeople(t *testing.T) {
	i := newIssuer(t)
	p := startSignIn(t, i, "TODO_RATE_LIMIT=3")
	ann, ben := bearer(i.token(nil)), bearer(i.token(map[string]any{"sub": "ben"}))
	for range 3 {
		p.Expect(200, "GET", "/api/lists/x", "", ann...)
	}
	p.Expect(429, "GET", "/api/lists/x", "", ann...)
	p.Expect(200, "GET", "/api/lists/x", "", ben...)
}

// The history says who removed what, unless the operator does not want that.
func TestWhoRemovedWhat(t *testing.T) {
	i := newIssuer(t)
	for setting, want := range map[string][]string{"true": {"Ann", "Ben", "carl", "Ann"}, "false": {"", "", "", ""}} {
		t.Run(setting, func(t *testing.T) {
			p := startSignIn(t, i, "TODO_STORE=file://"+t.TempDir(), "TODO_HISTORY_NAMES="+setting)
			ann := bearer(i.token(nil))
			ben := bearer(i.token(map[string]any{"sub": "ben", "name": nil, "preferred_username": "Ben"}))
			carl := bearer(i.token(map[string]any{"sub": "carl", "name": " ", "email": nil}))
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

// Without an issuer the header means nothing here: a proxy in front may set it.
func TestTokensAreIgnoredWithoutAnIssuer(t *testing.T) {
	p := start(t, "TODO_STORE=mem:")
	p.Expect(200, "GET", "/api/lists/x", "", "Authorization", "Basic YTpi")
	p.Expect(200, "GET", "/api/lists/x", "", bearer("abc")...)
}

// What is wrong with a token is not logged with it.
func TestTheLogHasNoTokens(t *testing.T) {
	i := newIssuer(t)
	p := startSignIn(t, i, "TODO_LOG_LEVEL=debug")
	for _, token := range []string{i.token(nil), i.token(map[string]any{"aud": "mail"}), i.token(nil) + "x"} {
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
	i := newIssuer(t)
	p := startSignIn(t, i, "TODO_OIDC_CLIENT_ID=page", "TODO_CORS_ORIGINS=https://elsewhere.example")
	preflight := p.Expect(204, "OPTIONS", "/api/lists/x", "", "Origin", "https://elsewhere.example", "Access-Control-Request-Headers", "authorization")
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
	if got := page.Header.Get("Content-Security-Policy"); !strings.Contains(got, "connect-src 'self' "+i.url+";") {
		t.Errorf("Content-Security-Policy: got %s, want the issuer in connect-src", got)
	}
	var config struct {
		SignIn struct{ Issuer, ClientID, Audience, Scope string }
	}
	p.Expect(200, "GET", "/config.json", "").Into(t, &config)
	if config.SignIn.Issuer != i.url || config.SignIn.ClientID != "page" || config.SignIn.Audience != "todo" || !strings.Contains(config.SignIn.Scope, "openid") {
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
