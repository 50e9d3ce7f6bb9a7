// Package signin verifies bearer tokens (RFC 6750) issued by an OpenID Connect
// issuer. It keeps no sessions: every server verifies a token by itself.
package signin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/jellydator/ttlcache/v3"
	"golang.org/x/time/rate"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/recent"
)

// Options configure a [Verifier].
type Options struct {
	// Issuer is the issuer's URL, exactly as in its discovery document.
	Issuer string
	// Audience must be in a token's aud, or equal client_id in tokens without
	// aud, such as access tokens of Amazon Cognito.
	Audience string
	// Allow are the claims of which a token must have at least one. If empty,
	// every valid token is accepted.
	Allow []Claim
	// Now returns the time. If nil, time.Now is used.
	Now func() time.Time
	// Logger logs failures of the issuer.
	Logger *slog.Logger
}

// Person is the subject of a verified token.
type Person struct {
	// Subject is the issuer's stable identifier of the person.
	Subject string
	// Name is the display name: the first present of the claims name,
	// preferred_username and email, else Subject.
	Name string
	// Expires is the token's expiry with the allowed clock skew.
	Expires time.Time
}

// ErrUnavailable means that the token could not be verified because the issuer
// did not answer. The token may be valid.
var ErrUnavailable = errors.New("the issuer does not answer")

// ErrNotAllowed means that the token is valid but has none of the allowed claims.
var ErrNotAllowed = errors.New("the token has none of the allowed claims")

// InvalidError means that a token is invalid.
type InvalidError struct {
	Reason string // a clause; it does not repeat the token
}

func (e *InvalidError) Error() string { return "the token is not valid: " + e.Reason }

// leeway is the allowed clock skew between issuer and server.
const leeway = time.Minute

// remembered is how long a valid token is cached, and hence accepted after the
// issuer withdraws its key.
const remembered = time.Minute

// refused is how long an invalid token is cached.
const refused = 10 * time.Second

// patience is the timeout of a request to the issuer.
const patience = 5 * time.Second

// algorithms are the accepted signature algorithms: asymmetric ones, neither
// "none" nor HMAC.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
	oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// Verifier verifies tokens. It is safe for concurrent use.
type Verifier struct {
	opts   Options
	client *http.Client
	ready  atomic.Pointer[issuer]
	cache  *ttlcache.Cache[digest, verdict]
	// recent holds verdicts on valid tokens.
	recent *recent.Table[*ttlcache.Item[digest, verdict]]
	stop   context.CancelFunc
	done   chan struct{}

	reason   string         // for which discovery failed last
	keysAway rate.Sometimes // the log's lines about keys that cannot be fetched
}

// digest is the cache key of a token.
type digest [sha256.Size]byte

// verdict is a cached result.
type verdict struct {
	Person
	invalid *InvalidError
}

// longestRecalled is the maximum size of a token in recent, which bounds its
// memory to 4 MiB.
const longestRecalled = 4 << 10

// issuer is the result of discovery.
type issuer struct {
	verifier *oidc.IDTokenVerifier
	origins  []string
}

// New returns a verifier and discovers the issuer. If the issuer does not answer,
// the verifier retries in the background, and [Verifier.Verify] returns
// [ErrUnavailable] until discovery succeeds. The caller must call
// [Verifier.Close].
func New(ctx context.Context, opts Options) *Verifier {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	v := &Verifier{
		opts: opts,
		client: &http.Client{Timeout: patience, CheckRedirect: sameSecurity, Transport: &bounded{
			next: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute},
			// Each forged token makes go-oidc fetch the keys again. Concurrent
			// callers share one fetch.
			limit: rate.NewLimiter(1, 5),
		}},
		recent:   recent.New[*ttlcache.Item[digest, verdict]](1024),
		cache:    ttlcache.New(ttlcache.WithCapacity[digest, verdict](10_000), ttlcache.WithDisableTouchOnHit[digest, verdict]()),
		done:     make(chan struct{}),
		keysAway: rate.Sometimes{Interval: time.Minute},
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	v.stop = stop
	if v.discover(ctx) {
		close(v.done)
		return v
	}
	go func() {
		defer close(v.done)
		for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
			select {
			case <-time.After(pause):
			case <-background.Done():
				return
			}
			if v.discover(background) {
				return
			}
		}
	}()
	return v
}

// Close stops the retries and closes idle connections.
func (v *Verifier) Close() {
	v.stop()
	<-v.done
	v.client.CloseIdleConnections()
}

// discover reports whether discovery succeeded (OpenID Connect Discovery 1.0).
func (v *Verifier) discover(ctx context.Context) bool {
	found, err := v.ask(oidc.ClientContext(ctx, v.client))
	if err != nil {
		if reason := short(err.Error()); reason != v.reason {
			v.reason = reason
			v.opts.Logger.LogAttrs(ctx, slog.LevelError, "sign-in is unavailable", slog.String("issuer", v.opts.Issuer), slog.String("error", reason))
		}
		return false
	}
	v.ready.Store(found)
	v.opts.Logger.LogAttrs(ctx, slog.LevelInfo, "sign-in is available", slog.String("issuer", v.opts.Issuer))
	return true
}

func (v *Verifier) ask(ctx context.Context) (*issuer, error) {
	provider, err := oidc.NewProvider(ctx, v.opts.Issuer)
	if err != nil {
		return nil, err
	}
	var says struct {
		Keys          string `json:"jwks_uri"`
		Token         string `json:"token_endpoint"`
		UserInfo      string `json:"userinfo_endpoint"`
		Revocation    string `json:"revocation_endpoint"`
		Authorization string `json:"authorization_endpoint"`
	}
	if err := provider.Claims(&says); err != nil {
		return nil, err
	}
	if strings.HasPrefix(v.opts.Issuer, "https://") && !strings.HasPrefix(says.Keys, "https://") {
		return nil, fmt.Errorf("jwks_uri %q: expected https, as the issuer has", says.Keys)
	}
	found := &issuer{
		verifier: oidc.NewVerifier(v.opts.Issuer, oidc.NewRemoteKeySet(ctx, says.Keys), &oidc.Config{
			SkipClientIDCheck:    true, // check checks the audience
			SkipExpiryCheck:      true, // check applies the leeway to all times
			SupportedSigningAlgs: algorithms,
		}),
	}
	for _, address := range []string{v.opts.Issuer, says.Token, says.UserInfo, says.Revocation} {
		if origin := originOf(address); origin != "" && !slices.Contains(found.origins, origin) {
			found.origins = append(found.origins, origin)
		}
	}
	return found, nil
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Issuer is the issuer's URL.
func (v *Verifier) Issuer() string { return v.opts.Issuer }

// Origins returns the origins from which a page obtains tokens, for its
// Content-Security-Policy: the issuer's, and those of its endpoints once they
// are discovered.
func (v *Verifier) Origins() []string {
	if found := v.ready.Load(); found != nil {
		return found.origins
	}
	return []string{originOf(v.opts.Issuer)}
}

// Recall returns the subject of a token that [Verifier.Verify] would find in its
// cache and accept. It does not hash the token by SHA-256, which takes longer than
// the rest of a read, and does not retain it.
func (v *Verifier) Recall(token string) (Person, bool) {
	known, ok := v.recent.Get(token)
	if !ok || known.IsExpired() {
		return Person{}, false
	}
	person := known.Value().Person
	return person, v.opts.Now().Before(person.Expires)
}

// remember makes [Verifier.Recall] find a valid token. Only tokens of the issuer
// take the place of another one.
func (v *Verifier) remember(token string, item *ttlcache.Item[digest, verdict]) {
	if len(token) <= longestRecalled {
		v.recent.Put(token, item)
	}
}

// Verify returns the subject of the token. The error is an [*InvalidError],
// [ErrNotAllowed], one that wraps [ErrUnavailable], or that of ctx.
func (v *Verifier) Verify(ctx context.Context, token string) (Person, error) {
	sum := digest(sha256.Sum256([]byte(token)))
	if item := v.cache.Get(sum); item != nil {
		if known := item.Value(); known.invalid != nil {
			return Person{}, known.invalid
		} else if v.opts.Now().Before(known.Expires) {
			v.remember(token, item)
			return known.Person, nil
		}
	}
	found := v.ready.Load()
	if found == nil {
		return Person{}, fmt.Errorf("%w: it has not answered since this server started", ErrUnavailable)
	}
	verified, err := found.verifier.Verify(ctx, token)
	if err != nil {
		err = v.because(ctx, err)
		if invalid, ok := errors.AsType[*InvalidError](err); ok {
			v.cache.Set(sum, verdict{invalid: invalid}, refused)
		}
		return Person{}, err
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return Person{}, &InvalidError{"its claims are not JSON"}
	}
	if err := v.check(verified, claims); err != nil {
		return Person{}, err
	}
	person := Person{Subject: verified.Subject, Name: nameOf(claims, verified.Subject), Expires: verified.Expiry.Add(leeway)}
	v.remember(token, v.cache.Set(sum, verdict{Person: person}, remembered))
	return person, nil
}

// noKeys is the prefix of go-oidc's untyped error for keys that cannot be
// fetched.
const noKeys = "failed to verify signature: fetching keys "

// because converts an error of go-oidc to [ErrUnavailable] or [*InvalidError].
func (v *Verifier) because(ctx context.Context, err error) error {
	switch reason, away := strings.CutPrefix(err.Error(), noKeys); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case away:
		v.keysAway.Do(func() {
			v.opts.Logger.LogAttrs(ctx, slog.LevelWarn, "the issuer's keys cannot be fetched", slog.String("issuer", v.opts.Issuer), slog.String("error", short(reason)))
		})
		return fmt.Errorf("%w: its keys cannot be fetched", ErrUnavailable)
	}
	return &InvalidError{strings.TrimPrefix(err.Error(), "oidc: ")}
}

// short cuts what go-oidc adds to an error: the issuer's whole answer.
func short(reason string) string { return strings.ToValidUTF8(reason[:min(len(reason), 500)], "") }

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (v *Verifier) check(token *oidc.IDToken, claims map[string]any) error {
	audience := token.Audience
	if client, ok := claims["client_id"].(string); ok && len(audience) == 0 {
		audience = []string{client}
	}
	now := v.opts.Now()
	notBefore, err := dateOf(claims, "nbf")
	if err != nil {
		return err
	}
	// go-oidc also reads numbers in quotes, and dates that do not fit.
	if _, err := dateOf(claims, "exp"); err != nil {
		return err
	}
	switch {
	case token.Expiry.IsZero():
		return &InvalidError{"it has no exp"}
	case token.Expiry.Add(leeway).Before(now):
		return &InvalidError{fmt.Sprintf("it expired at %s, and this server's clock says %s", clock(token.Expiry), clock(now))}
	case now.Add(leeway).Before(notBefore):
		return &InvalidError{fmt.Sprintf("it is not valid before %s, and this server's clock says %s", clock(notBefore), clock(now))}
	case !slices.Contains(audience, v.opts.Audience):
		return &InvalidError{fmt.Sprintf("it is for the audience %q, and this server's is %q", audience, v.opts.Audience)}
	case token.Subject == "":
		return &InvalidError{"it has no sub"}
	}
	if len(v.opts.Allow) > 0 && !slices.ContainsFunc(v.opts.Allow, func(c Claim) bool { return c.in(claims) }) {
		return ErrNotAllowed
	}
	return nil
}

// lastDate is the end of the year 9999.
const lastDate = 253402300799

// dateOf returns a claim that is a date (NumericDate of RFC 7519), or the zero
// time if the token has none.
func dateOf(claims map[string]any, name string) (time.Time, error) {
	value, ok := claims[name]
	if !ok {
		return time.Time{}, nil
	}
	seconds, ok := value.(float64)
	if !ok || seconds < 0 || seconds > lastDate {
		return time.Time{}, &InvalidError{"its " + name + " is not a date"}
	}
	return time.Unix(int64(seconds), 0), nil
}

// maxName is the maximum length of a name, in code points.
const maxName = 100

func nameOf(claims map[string]any, subject string) string {
	name := subject
	for _, claim := range []string{"name", "preferred_username", "email"} {
		if text, ok := claims[claim].(string); ok && strings.TrimSpace(text) != "" {
			name = text
			break
		}
	}
	printable := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(name, "")), " "))
	return string(printable[:min(len(printable), maxName)])
}

// sameSecurity refuses redirects from https to http.
func sameSecurity(req *http.Request, via []*http.Request) error {
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errors.New("redirect from https to http")
	}
	if len(via) >= 10 {
		return errors.New("more than 10 redirects")
	}
	return nil
}

// maxAnswer is the maximum size of the issuer's answers.
const maxAnswer = 1 << 20

// bounded is a transport that limits the rate of requests and the size of
// answers.
type bounded struct {
	next  *http.Transport
	limit *rate.Limiter
}

// RoundTrip implements [http.RoundTripper].
func (b *bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := b.limit.Wait(req.Context()); err != nil {
		return nil, err
	}
	resp, err := b.next.RoundTrip(req)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}

// CloseIdleConnections lets [http.Client.CloseIdleConnections] work.
func (b *bounded) CloseIdleConnections() { b.next.CloseIdleConnections() }

// Claim is a claim of a token with its required value.
type Claim struct{ Name, Value string }

// ParseClaim parses name=value. A name with dots is the name of a claim or the
// path to a nested one: realm_access.roles. If the claim is a list, one element
// must equal the value. email=@example.com matches every verified address of
// that domain.
func ParseClaim(text string) (Claim, error) {
	name, value, found := strings.Cut(text, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !found || name == "" || value == "" {
		return Claim{}, errors.New("expected claim=value, such as groups=todo or email=@example.com")
	}
	return Claim{name, value}, nil
}

// in reports whether claims contain c.
func (c Claim) in(claims map[string]any) bool {
	value := lookUp(claims, c.Name)
	if c.Name == "email" {
		address, isText := value.(string)
		if verified := claims["email_verified"]; !isText || verified != true && verified != "true" {
			return false
		}
		if strings.HasPrefix(c.Value, "@") {
			at := strings.LastIndexByte(address, '@')
			return at > 0 && strings.EqualFold(address[at:], c.Value)
		}
		return strings.EqualFold(address, c.Value)
	}
	if elements, ok := value.([]any); ok {
		return slices.ContainsFunc(elements, c.is)
	}
	return c.is(value)
}

func (c Claim) is(value any) bool {
	switch value := value.(type) {
	case string:
		return value == c.Value
	case bool, float64:
		text, err := json.Marshal(value)
		return err == nil && string(text) == c.Value
	}
	return false
}

// lookUp returns the claim with the name, or the nested claim at the path.
func lookUp(claims map[string]any, name string) any {
	if value, ok := claims[name]; ok {
		return value
	}
	for i := range len(name) {
		if name[i] != '.' {
			continue
		}
		if inner, ok := claims[name[:i]].(map[string]any); ok {
			if value := lookUp(inner, name[i+1:]); value != nil {
				return value
			}
		}
	}
	return nil
}
