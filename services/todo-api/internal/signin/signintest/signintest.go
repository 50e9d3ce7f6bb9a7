// Package signintest provides an OpenID Connect issuer for tests.
package signintest

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is an OpenID Connect issuer that signs any claims. The browser's tests
// use a real one.
type Issuer struct {
	// URL is the issuer's URL.
	URL string
	// Down makes the issuer answer 502.
	Down atomic.Bool
	// KeyRequests counts the requests for the keys.
	KeyRequests atomic.Int64
	// Keys, if not nil, answers the requests for the keys.
	Keys func(w http.ResponseWriter)

	t   testing.TB
	key atomic.Pointer[jose.JSONWebKey]
}

// New starts an issuer that ends with the test.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{t: t}
	i.Rotate("first")
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// ServeHTTP answers discovery and requests for the keys.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := map[string]any{
		"issuer": i.URL, "jwks_uri": i.URL + "/jwks", "token_endpoint": i.URL + "/token", "authorization_endpoint": i.URL + "/auth",
		// A verifier must ignore these.
		"id_token_signing_alg_values_supported": []string{"none", "HS256", "ES256"},
	}
	switch {
	case i.Down.Load():
		http.Error(w, "down for the night", http.StatusBadGateway)
		return
	case r.URL.Path == "/jwks":
		i.KeyRequests.Add(1)
		if i.Keys != nil {
			i.Keys(w)
			return
		}
		answer = map[string]any{"keys": []any{i.key.Load().Public()}}
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		i.t.Error(err)
	}
}

// Rotate replaces the key by a new one with this id.
func (i *Issuer) Rotate(id string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.key.Store(&jose.JSONWebKey{Key: private, KeyID: id, Algorithm: "ES256", Use: "sig"})
}

// Token returns a token signed with the present key. change replaces claims of
// a valid token; the value nil deletes one.
func (i *Issuer) Token(change map[string]any) string {
	i.t.Helper()
	return i.Sign(jose.ES256, i.key.Load(), change)
}

// Sign returns a token signed with another algorithm or key.
func (i *Issuer) Sign(algorithm jose.SignatureAlgorithm, key any, change map[string]any) string {
	i.t.Helper()
	return i.sign(jose.SigningKey{Algorithm: algorithm, Key: key}, nil, change)
}

// SignWith returns a token with other headers, signed with the present key of
// signer, or of i if signer is nil.
func (i *Issuer) SignWith(opts *jose.SignerOptions, signer *Issuer) string {
	i.t.Helper()
	return i.sign(jose.SigningKey{Algorithm: jose.ES256, Key: cmp.Or(signer, i).key.Load().Key}, opts, nil)
}

func (i *Issuer) sign(key jose.SigningKey, opts *jose.SignerOptions, change map[string]any) string {
	i.t.Helper()
	signer, err := jose.NewSigner(key, opts)
	if err != nil {
		i.t.Fatal(err)
	}
	jws, err := signer.Sign(i.Claims(change))
	if err != nil {
		i.t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

// PublicKey returns the present public key as JSON.
func (i *Issuer) PublicKey() []byte {
	text, err := json.Marshal(i.key.Load().Public())
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

// Claims returns the claims of [Issuer.Token].
func (i *Issuer) Claims(change map[string]any) []byte {
	claims := map[string]any{
		"iss": i.URL, "aud": "todo", "sub": "ann", "name": "Ann", "iat": At(-time.Minute), "exp": At(time.Hour),
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

// At returns the time d from now in the form of a claim.
func At(d time.Duration) int64 { return time.Now().Add(d).Unix() }
