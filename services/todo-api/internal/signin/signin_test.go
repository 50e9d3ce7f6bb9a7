package signin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/signin/signintest"
)

// verifier returns a verifier of the issuer's tokens for the audience todo.
func verifier(t *testing.T, i *signintest.Issuer, change func(*Options)) *Verifier {
	t.Helper()
	opts := Options{Issuer: i.URL, Audience: "todo", Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&opts)
	}
	v := New(t.Context(), opts)
	t.Cleanup(v.Close)
	return v
}

func TestVerify(t *testing.T) {
	i, foreign := signintest.New(t), signintest.New(t)
	retired := i.Token(nil)
	i.Rotate("second")
	now := time.Now()
	v := verifier(t, i, func(o *Options) { o.Now = func() time.Time { return now } })
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	token := func(claim string, value any) string { return i.Token(map[string]any{claim: value}) }
	whole := i.Token(nil)
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(i.Claims(nil)) + "."
	changed := strings.Split(whole, ".")
	changed[1] = base64.RawURLEncoding.EncodeToString(i.Claims(map[string]any{"sub": "eve"}))
	for name, test := range map[string]struct {
		token string
		want  string // part of the reason; "" if the token is valid
	}{
		"valid":                 {whole, ""},
		"one of many audiences": {token("aud", []string{"x", "todo"}), ""},
		"client_id without aud": {i.Token(map[string]any{"aud": nil, "client_id": "todo"}), ""},
		"expired half a minute": {token("exp", at(-30*time.Second)), ""},
		"from half a minute on": {token("nbf", at(30*time.Second)), ""},
		"empty":                 {"", "malformed"},
		"no JWT":                {"abc", "malformed"},
		"cut":                   {whole[:len(whole)-3], "signature"},
		"changed":               {strings.Join(changed, "."), "signature"},
		"expired":               {token("exp", at(-10*time.Minute)), "it expired at 20"},
		"not yet":               {token("nbf", at(10*time.Minute)), "this server's clock says 20"},
		"no expiry":             {token("exp", nil), "no exp"},
		"exp in quotes":         {token("exp", fmt.Sprint(at(time.Hour))), "exp is not a date"},
		"exp with a fraction":   {token("exp", float64(at(time.Hour))+0.5), ""},
		"exp far in the future": {token("exp", 253402300799), ""},
		"exp beyond dates":      {token("exp", 1e300), "exp is not a date"},
		"negative exp":          {token("exp", -1), "exp is not a date"},
		"exp of another type":   {token("exp", true), "claims"},
		"nbf in quotes":         {token("nbf", fmt.Sprint(at(10*time.Minute))), "nbf is not a date"},
		"nbf beyond dates":      {token("nbf", 1e300), "nbf is not a date"},
		"clock 10 minutes back": {i.Token(map[string]any{"iat": at(10 * time.Minute), "nbf": at(10 * time.Minute)}), "this server's clock says 20"},
		"another audience":      {token("aud", "mail"), `the audience ["mail"]`},
		"no audience":           {token("aud", nil), "audience"},
		"audience and client":   {i.Token(map[string]any{"aud": "mail", "client_id": "todo"}), "audience"},
		"no subject":            {token("sub", ""), "no sub"},
		"another issuer":        {foreign.Token(nil), "signature"},
		"another issuer's name": {token("iss", foreign.URL), "different provider"},
		"a retired key":         {retired, "signature"},
		"alg none":              {none, "algorithm"},
		"critical header":       {i.SignWith(new(jose.SignerOptions).WithCritical("x").WithHeader("x", 1), nil), "signature"},
		"path for a key ID":     {i.SignWith(new(jose.SignerOptions).WithHeader("kid", "../../../../etc/passwd"), nil), "signature"},
		"key of its own":        {i.SignWith(&jose.SignerOptions{EmbedJWK: true}, foreign), "signature"},
		"keys at a URL":         {i.SignWith(new(jose.SignerOptions).WithHeader("jku", foreign.URL+"/jwks"), foreign), "signature"},
		"HMAC by the public":    {i.Sign(jose.HS256, i.PublicKey(), nil), "algorithm"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := v.Recall(test.token); ok {
				t.Errorf("recalled %+v before it was verified", got)
			}
			for range 2 { // the second result is cached
				got, err := v.Verify(t.Context(), test.token)
				if test.want == "" {
					if err != nil || got.Subject != "ann" || got.Name != "Ann" {
						t.Errorf("got %+v, %v, want Ann", got, err)
					}
					continue
				}
				var invalid *InvalidError
				if !errors.As(err, &invalid) || !strings.Contains(invalid.Reason, test.want) || got != (Person{}) {
					t.Errorf("got %+v, %v, want an InvalidError with %q", got, err, test.want)
				}
				if test.token != "" && strings.Contains(fmt.Sprint(err), test.token) {
					t.Errorf("the error repeats the token: %v", err)
				}
			}
			if got, ok := v.Recall(test.token); ok != (test.want == "") || ok && got.Subject != "ann" {
				t.Errorf("recalled %+v, %v", got, ok)
			}
		})
	}
}

func TestAllow(t *testing.T) {
	i := signintest.New(t)
	for text, test := range map[string]struct {
		change map[string]any
		want   error
	}{
		"groups=todo":                   {nil, nil},
		"groups=tod":                    {nil, ErrNotAllowed},
		"realm_access.roles=todo":       {nil, nil},
		"realm_access.roles=admin":      {nil, ErrNotAllowed},
		"https://example.com/team=todo": {nil, nil},
		"paid=true":                     {nil, nil},
		"missing=todo":                  {nil, ErrNotAllowed},
		"groups=nobody,sub=ann":         {nil, nil},
		"email=@example.com":            {nil, nil},
		"email=@EXAMPLE.com":            {nil, nil},
		"email=@ample.com":              {nil, ErrNotAllowed},
		"email=ann@example.com":         {nil, nil},
		"email=@example.org":            {nil, ErrNotAllowed},
		"email=@example.com ":           {map[string]any{"email_verified": false}, ErrNotAllowed},
		" email=@example.com":           {map[string]any{"email_verified": nil}, ErrNotAllowed},
	} {
		t.Run(text, func(t *testing.T) {
			var allow []Claim
			for part := range strings.SplitSeq(text, ",") {
				claim, err := ParseClaim(part)
				if err != nil {
					t.Fatal(err)
				}
				allow = append(allow, claim)
			}
			v := verifier(t, i, func(o *Options) { o.Allow = allow })
			if _, err := v.Verify(t.Context(), i.Token(test.change)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	for _, text := range []string{"", "groups", "groups=", "=todo", " = "} {
		if claim, err := ParseClaim(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, claim)
		}
	}
}

func TestNameOfAPerson(t *testing.T) {
	for want, claims := range map[string]map[string]any{
		"Ann":                    {"name": "Ann", "email": "ann@example.com"},
		"ann":                    {"name": " \t", "preferred_username": "ann", "email": "ann@example.com"},
		"ann@example.com":        {"name": 7, "email": "ann@example.com"},
		"subject":                {},
		"Ann Lee":                {"name": " Ann \n Lee\u00a0"},
		strings.Repeat("é", 100): {"name": strings.Repeat("é", 101)},
	} {
		if got := nameOf(claims, "subject"); got != want {
			t.Errorf("%v: got %q, want %q", claims, got, want)
		}
	}
}

// A cached token is valid until it expires, and no longer.
func TestCachedTokensExpire(t *testing.T) {
	i := signintest.New(t)
	now := time.Now()
	v := verifier(t, i, func(o *Options) { o.Now = func() time.Time { return now } })
	token := i.Token(map[string]any{"exp": now.Unix()})
	person, err := v.Verify(t.Context(), token)
	if want := time.Unix(now.Unix(), 0).Add(leeway); err != nil || !person.Expires.Equal(want) {
		t.Fatalf("got %+v, %v, want it to expire at %s", person, err, want)
	}
	now = person.Expires.Add(-time.Second)
	if got, ok := v.Recall(token); !ok || got != person {
		t.Errorf("before it expires: recalled %+v, %v, want %+v", got, ok, person)
	}
	now = person.Expires.Add(time.Second)
	if got, ok := v.Recall(token); ok {
		t.Errorf("after it expired: recalled %+v", got)
	}
	var invalid *InvalidError
	if _, err := v.Verify(t.Context(), token); !errors.As(err, &invalid) {
		t.Errorf("got %v, want an InvalidError", err)
	}
}

// docs/security.md says how long a verdict holds: the key of a valid token may be
// withdrawn meanwhile, that of an invalid one published.
func TestVerdictsAreKeptShortly(t *testing.T) {
	i, foreign := signintest.New(t), signintest.New(t)
	v := verifier(t, i, nil)
	for token, want := range map[string]time.Duration{i.Token(nil): time.Minute, foreign.Token(nil): 10 * time.Second} {
		_, _ = v.Verify(t.Context(), token)
		if item := v.cache.Get(sha256.Sum256([]byte(token))); item == nil || item.TTL() != want {
			t.Errorf("got the verdict %+v, want it kept for %s", item, want)
		} else if known, _ := v.recent.Get(token); want == time.Minute && known != item {
			t.Error("a token is recalled for another time than its verdict is kept")
		}
	}
}

// Long tokens are verified but not recalled.
func TestLongTokensAreNotRecalled(t *testing.T) {
	i := signintest.New(t)
	v := verifier(t, i, nil)
	for size, want := range map[int]bool{1 << 10: true, longestRecalled: false} {
		token := i.Token(map[string]any{"padding": strings.Repeat("x", size)})
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
		if _, ok := v.Recall(token); ok != want {
			t.Errorf("%d bytes: recalled %v, want %v", len(token), ok, want)
		}
	}
}

// A request that ends while its token is verified says nothing of the token.
func TestEndedRequestIsNoVerdict(t *testing.T) {
	i := signintest.New(t)
	v := verifier(t, i, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	token := i.Token(nil)
	if _, err := v.Verify(ctx, token); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("the next request: got %v, want nil", err)
	}
}

// The keys of an issuer over https come over https.
func TestKeysOverHTTPAreRefused(t *testing.T) {
	i := signintest.New(t)
	keys := i.URL + "/jwks"
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, "https://"+r.Host, keys)
	}))
	defer secure.Close()
	v := &Verifier{opts: Options{Issuer: secure.URL}}
	ask := func() error {
		_, err := v.ask(oidc.ClientContext(t.Context(), secure.Client()))
		return err
	}
	if err := ask(); err == nil || !strings.Contains(err.Error(), "expected https") {
		t.Errorf("keys at %s: got %v, want a refusal", keys, err)
	}
	keys = secure.URL + "/jwks"
	if err := ask(); err != nil {
		t.Errorf("keys at %s: got %v, want nil", keys, err)
	}
}

func TestKeysOfTheIssuer(t *testing.T) {
	i := signintest.New(t)
	v := verifier(t, i, nil)
	verify := func(token string) error {
		_, err := v.Verify(t.Context(), token)
		return err
	}
	if err := verify(i.Token(nil)); err != nil {
		t.Errorf("the first key: %v", err)
	}
	// rotated verifies a token of the issuer's next key. For an instant after go-oidc has
	// fetched keys it answers with those, and refuses a token of a newer key.
	rotated := func(key string) (token string, err error) {
		i.Rotate(key)
		for n := range 100 {
			token = i.Token(map[string]any{"jti": strconv.Itoa(n)}) // a refusal is cached
			if err = verify(token); err == nil || errors.Is(err, ErrUnavailable) {
				break
			}
		}
		return token, err
	}
	cached, err := rotated("second")
	if err != nil {
		t.Errorf("a new key: %v", err)
	}
	known, err := rotated("third")
	if err != nil {
		t.Errorf("another new key: %v", err)
	}
	if err := verify(cached); err != nil {
		t.Errorf("a cached token of a retired key: %v", err)
	}
	i.Down.Store(true)
	if _, err := rotated("fourth"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a new key while the issuer is away: got %v, want ErrUnavailable", err)
	}
	if err := verify(known); err != nil {
		t.Errorf("a known key while the issuer is away: %v", err)
	}
	if got := v.Origins(); !slices.Equal(got, []string{i.URL}) {
		t.Errorf("origins: got %q, want %s", got, i.URL)
	}
}

// An issuer that does not answer is one line of the log, whatever the number of
// requests.
func TestAnAbsentIssuerIsLoggedOnce(t *testing.T) {
	i := signintest.New(t)
	var log bytes.Buffer
	v := verifier(t, i, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	i.Down.Store(true)
	for n := range 2 {
		if _, err := v.Verify(t.Context(), i.Token(map[string]any{"sub": fmt.Sprint(n)})); !errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	}
	for range 2 {
		if v.discover(t.Context()) {
			t.Error("got an issuer that is away")
		}
	}
	for _, line := range []string{"keys cannot be fetched", "sign-in is unavailable"} {
		if got := strings.Count(log.String(), line); got != 1 {
			t.Errorf("got %d lines %q, want 1: %s", got, line, &log)
		}
	}
}

// Forged tokens cause few requests to the issuer, and do not keep out tokens
// whose key is known.
func TestForgedTokensAskTheIssuerRarely(t *testing.T) {
	i, forger := signintest.New(t), signintest.New(t)
	v := verifier(t, i, nil)
	transport, ok := v.client.Transport.(*bounded)
	if !ok {
		t.Fatalf("got the transport %T", v.client.Transport)
	}
	transport.limit.SetLimit(0) // the burst alone is left
	if _, err := v.Verify(t.Context(), i.Token(nil)); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for n := range 20 {
		forger.Rotate(fmt.Sprint(n))
		_, err := v.Verify(t.Context(), forger.Token(map[string]any{"iss": i.URL}))
		var invalid *InvalidError
		switch {
		case errors.As(err, &invalid):
			refused++
		case !errors.Is(err, ErrUnavailable):
			t.Errorf("got %v, want the token refused", err)
		}
	}
	if _, err := v.Verify(t.Context(), i.Token(map[string]any{"sub": "ben"})); err != nil {
		t.Errorf("a token whose key is known: %v", err)
	}
	if asked := i.KeyRequests.Load(); asked > 5 || refused == 0 {
		t.Errorf("the issuer was asked for its keys %d times, want at most 5; %d tokens were refused", asked, refused)
	}
}

// The answers of an issuer are bounded in size and time. While they cannot be used, tokens
// get ErrUnavailable.
func TestAnswersOfTheIssuer(t *testing.T) {
	for name, test := range map[string]struct {
		keys func(w http.ResponseWriter, i *signintest.Issuer)
		want error // nil if the token is valid
	}{
		"duplicate key ID": {func(w http.ResponseWriter, i *signintest.Issuer) {
			other := signintest.New(t)
			fmt.Fprintf(w, `{"keys":[%s,%s]}`, other.PublicKey(), i.PublicKey())
		}, nil},
		"unknown types of keys": {func(w http.ResponseWriter, i *signintest.Issuer) {
			fmt.Fprintf(w, `{"keys":[{"kty":"new","kid":"x"},%s]}`, i.PublicKey())
		}, nil},
		"10 MB": {func(w http.ResponseWriter, i *signintest.Issuer) {
			fmt.Fprintf(w, `{"keys":[%s]%s}`, i.PublicKey(), strings.Repeat(" ", 10<<20))
		}, ErrUnavailable},
		"not JSON":  {func(w http.ResponseWriter, _ *signintest.Issuer) { fmt.Fprint(w, strings.Repeat("<p>", 10_000)) }, ErrUnavailable},
		"cut off":   {func(w http.ResponseWriter, _ *signintest.Issuer) { panic(http.ErrAbortHandler) }, ErrUnavailable},
		"no keys":   {func(w http.ResponseWriter, _ *signintest.Issuer) { fmt.Fprint(w, `{"keys":[]}`) }, &InvalidError{}},
		"no member": {func(w http.ResponseWriter, _ *signintest.Issuer) { fmt.Fprint(w, `{}`) }, &InvalidError{}},
	} {
		t.Run(name, func(t *testing.T) {
			i := signintest.New(t)
			i.Keys = func(w http.ResponseWriter) { test.keys(w, i) }
			var log bytes.Buffer
			v := verifier(t, i, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			_, err := v.Verify(t.Context(), i.Token(nil))
			if invalid, ok := errors.AsType[*InvalidError](err); ok && strings.Contains(invalid.Reason, "signature") {
				err = &InvalidError{}
			}
			if !errors.Is(err, test.want) && fmt.Sprintf("%T", err) != fmt.Sprintf("%T", test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if log.Len() > 2000 {
				t.Errorf("got a log of %d bytes, want it short", log.Len())
			}
		})
	}
}

func TestRedirectsOfTheIssuer(t *testing.T) {
	at := func(address string) *http.Request {
		req, err := http.NewRequest(http.MethodGet, address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		return req
	}
	for _, test := range []struct {
		from, to string
		ok       bool
	}{
		{"https://a.example", "https://b.example", true},
		{"http://localhost", "http://localhost/x", true},
		{"http://localhost", "https://a.example", true},
		{"https://a.example", "http://a.example", false},
	} {
		if err := sameSecurity(at(test.to), []*http.Request{at(test.from)}); (err == nil) != test.ok {
			t.Errorf("from %s to %s: got %v, want it followed %t", test.from, test.to, err, test.ok)
		}
	}
	i := signintest.New(t)
	moved := httptest.NewServer(http.RedirectHandler(i.URL+"/.well-known/openid-configuration", http.StatusFound))
	defer moved.Close()
	// The document names another issuer than the setting does.
	var log bytes.Buffer
	v := verifier(t, i, func(o *Options) { o.Issuer, o.Logger = moved.URL, slog.New(slog.NewTextHandler(&log, nil)) })
	if _, err := v.Verify(t.Context(), i.Token(nil)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	v.Close()
	if !strings.Contains(log.String(), i.URL) || !strings.Contains(log.String(), moved.URL) {
		t.Errorf("got the log %s, want both issuers", &log)
	}
}
