// Package storageurl opens a [storage.Store] by its URL.
//
// A [Mux] opens only the schemes whose openers it was given, so a program links
// only the drivers that it names.
//
//	var stores storageurl.Mux
//	stores.Handle("mem", memstore.OpenURL)
//	stores.Handle("file", diskstore.OpenURL)
//	store, err := stores.Open(ctx, "file://./data")
package storageurl

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/gchamon/devops-challenge/libs/storage"
)

// Opener opens the store that a URL of its scheme names. A store that holds
// anything to be released is an [io.Closer].
type Opener func(ctx context.Context, u *url.URL) (storage.Store, error)

// Mux opens stores by the scheme of their URL. The zero Mux knows no scheme.
// It is not safe to call Handle while others call Open.
type Mux struct {
	openers map[string]Opener
}

// Handle makes open responsible for a scheme, in place of any before it. It
// panics if open is nil or scheme is not one that a URL can have in lower case.
func (m *Mux) Handle(scheme string, open Opener) {
	if u, err := url.Parse(scheme + ":x"); err != nil || u.Scheme != scheme || open == nil {
		panic(fmt.Sprintf("storageurl: Handle(%q): expected a scheme in lower case, such as s3, and an opener", scheme))
	}
	if m.openers == nil {
		m.openers = make(map[string]Opener)
	}
	m.openers[scheme] = open
}

// Schemes returns the known schemes in lexical order.
func (m *Mux) Schemes() []string {
	return slices.Sorted(maps.Keys(m.openers))
}

// Open opens the store at rawURL. For a URL that cannot be parsed, or that has an
// unknown scheme or a password, the error states the expectation. The scheme's
// opener accepts or refuses everything else: a port (redis://localhost:6379/0), a
// user name, a fragment. The store is an [io.Closer] if it has something to
// release. Errors repeat neither user information nor the query, which may contain
// a secret.
func (m *Mux) Open(ctx context.Context, rawURL string) (storage.Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err // parse itself repeats the whole URL
		}
		if strings.Contains(rawURL, "@") {
			err = errors.New("it cannot be parsed") // err may repeat a password
		}
		return nil, fmt.Errorf("store URL: %w", err)
	}
	open, ok := m.openers[u.Scheme]
	switch {
	case u.Scheme == "":
		return nil, fmt.Errorf("store URL has no scheme: expected one of %s", m.expected())
	case !ok:
		return nil, fmt.Errorf("store URL has the unknown scheme %q: expected one of %s", u.Scheme, m.expected())
	case hasPassword(u):
		return nil, errors.New("store URL has a password: expected it in a file, a variable or wherever the driver looks for credentials")
	}
	store, err := open(ctx, u)
	if err != nil {
		shown := url.URL{Scheme: u.Scheme, Opaque: u.Opaque, Host: u.Host, Path: u.Path}
		return nil, fmt.Errorf("store %q: %w", shown.String(), err)
	}
	return store, nil
}

// hasPassword reports whether u has a password, also one that url.Parse took for
// a port because of the first /, ? or # in it.
func hasPassword(u *url.URL) bool {
	behindPort := u.Path
	if behindPort == "" {
		behindPort = u.RawQuery + u.Fragment
	}
	_, set := u.User.Password()
	return set || strings.Contains(u.Opaque, "@") || u.Port() != "" && strings.Contains(behindPort, "@")
}

func (m *Mux) expected() string {
	schemes := m.Schemes()
	for i, scheme := range schemes {
		schemes[i] = scheme + ":"
	}
	return strings.Join(schemes, ", ")
}

// Parameters returns the query of a URL. It is an error if the query is malformed,
// has an unknown parameter or one twice, or if u has a user, a port or a fragment:
// openers for which these have a meaning read the URL themselves.
func Parameters(u *url.URL, known ...string) (url.Values, error) {
	switch {
	case u.User != nil:
		return nil, errors.New("URL has user information: credentials do not belong in it")
	case strings.Contains(u.Host, ":"):
		return nil, fmt.Errorf("host %q has a port: expected none", u.Host)
	case u.Fragment != "":
		return nil, fmt.Errorf("URL has the fragment %q: write # as %%23", u.Fragment)
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case !slices.Contains(known, name) && len(known) == 0:
			return nil, fmt.Errorf("unknown parameter %q: expected none", name)
		case !slices.Contains(known, name):
			return nil, fmt.Errorf("unknown parameter %q: expected one of %s", name, strings.Join(known, ", "))
		case len(values[name]) > 1:
			return nil, fmt.Errorf("parameter %q is given %d times", name, len(values[name]))
		}
	}
	return values, nil
}

// Endpoint returns the address of a server that a parameter names, of one of the
// schemes. User information, a query or a fragment is an error that does not
// repeat the address, because a secret may be in it.
func Endpoint(value, example string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(value)
	switch {
	case strings.ContainsAny(value, "@?#"):
		return nil, errors.New("endpoint has user information, a query or a fragment: credentials do not belong in it")
	case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme):
		return nil, fmt.Errorf("endpoint %q: expected an address such as %s", value, example)
	}
	return u, nil
}

// FilePath returns the path that a URL of a local file or directory names:
// absolute for file:///var/lib/todo, relative to the working directory for
// file://./data and file://../data. Percent-encoding is decoded.
func FilePath(u *url.URL) (string, error) {
	example := fmt.Sprintf("expected %s:///an/absolute/path or %s://./a/relative/one", u.Scheme, u.Scheme)
	switch {
	case u.Opaque != "":
		return "", fmt.Errorf("path %q without slashes: %s", u.Opaque, example)
	case u.Host == "." || u.Host == "..":
		return u.Host + u.Path, nil
	case u.Host != "":
		return "", fmt.Errorf("host %q: %s", u.Host, example)
	case u.Path == "":
		return "", fmt.Errorf("no path: %s", example)
	}
	return u.Path, nil
}

// NoPath returns an error if u has a host or a path.
func NoPath(u *url.URL) error {
	if rest := u.Opaque + u.Host + u.Path; rest != "" {
		return fmt.Errorf("unexpected %q: expected %s: alone", rest, u.Scheme)
	}
	return nil
}
