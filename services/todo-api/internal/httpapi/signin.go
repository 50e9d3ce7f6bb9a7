package httpapi

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/utils"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/signin"
)

// realm begins every challenge.
const realm = `Bearer realm="todo"`

// identify verifies the request's token, if any. Operations on lists refuse the
// request later if there is no valid one.
func (s *Server) identify(c *fiber.Ctx) error {
	r := current(c)
	r.person, r.unauthenticated = s.person(c)
	return c.Next()
}

// author returns the name to record in the list's history for the person who
// sent the request, or "" if names are not recorded.
func (s *Server) author(r *request) string {
	if s.opts.NamesInHistory {
		return r.person.Name
	}
	return ""
}

// person returns the owner of the request's token (RFC 6750). The error is the
// problem to answer.
func (s *Server) person(c *fiber.Ctx) (signin.Person, error) {
	lines := c.Request().Header.PeekAll(fiber.HeaderAuthorization)
	if len(lines) == 0 {
		return signin.Person{}, challenge(signInRequired.with("Header Authorization: expected Bearer and a token of %s.", s.opts.SignIn.Issuer()), "")
	}
	if token, ok := strings.CutPrefix(utils.UnsafeString(lines[0]), "Bearer "); ok && len(lines) == 1 {
		if person, ok := s.opts.SignIn.Recall(token); ok {
			return person, nil
		}
	}
	scheme, token, _ := strings.Cut(string(lines[0]), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") {
		return signin.Person{}, challenge(signInRequired.with("Header Authorization: expected the scheme Bearer and a token of %s.", s.opts.SignIn.Issuer()), "")
	}
	if len(lines) > 1 || token == "" || strings.Trim(token, tokenCharacters) != "" {
		return signin.Person{}, challenge(invalidRequest.with("Header Authorization: expected one line, with Bearer and one token."), "invalid_request")
	}
	person, err := s.opts.SignIn.Verify(c.UserContext(), token)
	var invalid *signin.InvalidError
	switch {
	case err == nil:
		return person, nil
	case errors.As(err, &invalid):
		return signin.Person{}, challenge(invalidToken.with("Sign in again: %s.", invalid.Reason), "invalid_token")
	case errors.Is(err, signin.ErrNotAllowed):
		return signin.Person{}, notAllowed.with("Access is restricted, and no claim of the token grants it.")
	}
	p := signInAway.retryable("The token cannot be verified: %s. Nothing was changed; try again later.", err)
	p.log = err
	return signin.Person{}, p
}

// tokenCharacters are those of b64token (RFC 6750, 2.1).
const tokenCharacters = unreserved + "+/="

// challenge adds the WWW-Authenticate challenge (RFC 6750, 3). code is "" for a
// request without a token, whose challenge has no error attributes.
func challenge(p *problem, code string) *problem {
	p.challenge = realm
	if code != "" {
		p.challenge += `, error="` + code + `", error_description="` + quotable(p.Detail) + `"`
	}
	return p
}

// quotable returns text with only the characters that error_description allows.
func quotable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case r < 0x20 || r > 0x7e:
			return '?'
		}
		return r
	}, text)
}
