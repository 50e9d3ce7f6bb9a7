package httpapi

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/listkey"
)

// keyHeader is the header with the key of a private list. Authorization has the
// token of the person who signed in.
const keyHeader = "Todo-Key"

// keyParameters are query parameters in which clients might put a secret.
var keyParameters = []string{"key", "token", "access_token", strings.ToLower(keyHeader)}

// authorize returns nil if the request's key allows its operation on its list,
// and otherwise the problem to answer. A private list needs its key; other
// lists are open unless KeyedListsOnly is set.
func (s *Server) authorize(c *fiber.Ctx, r *request) error {
	key, keyed, err := requestKeyOf(c)
	if err != nil {
		return err
	}
	if !listkey.IsID(string(r.list)) {
		switch {
		case keyed:
			return wrongKey.with("This list has no key, or the key is of another list.")
		case s.opts.KeyedListsOnly:
			return keyedListsOnly.with("It was started with TODO_PUBLIC_LISTS=false. Make a key, use the list name that is derived from it, and send the key in the header %s; see %s/api/docs.", keyHeader, s.path)
		}
		return nil
	}
	c.Vary(keyHeader)
	if !keyed {
		return keyRequired.with("Header %s: expected the list's edit key or read key.", keyHeader)
	}
	switch access := key.Opens(string(r.list)); {
	case access == listkey.None:
		return wrongKey.with("The key is of another list.")
	case access == listkey.Read && r.op.method != http.MethodGet:
		return readingKey.with("A reading key cannot change a list; send the list's edit key.")
	}
	return nil
}

// isKey reports whether text is a key, with or without padding and space around it.
func isKey(text []byte) bool {
	_, err := listkey.Parse(bytes.Trim(text, "= "))
	return err == nil
}

// requestKeyOf returns the key in the request's header; keyed is false if there is
// none. It refuses a key in the query, since URLs are logged.
func requestKeyOf(c *fiber.Ctx) (key listkey.Key, keyed bool, err error) {
	for name, value := range c.Context().QueryArgs().All() {
		if isKey(value) || isKey(name) || slices.Contains(keyParameters, strings.ToLower(string(name))) {
			return key, false, invalidRequest.with("A query parameter holds a key. Addresses are logged: send keys in the header %s, and make a new one if this one was in use.", keyHeader)
		}
	}
	lines := c.Request().Header.PeekAll(keyHeader)
	switch len(lines) {
	case 0:
		return key, false, nil
	case 1:
		if key, err = listkey.Parse(lines[0]); err != nil {
			return key, false, invalidRequest.with("Header %s: %s.", keyHeader, err)
		}
		return key, true, nil
	}
	return key, false, invalidRequest.with("Header %s: expected one line.", keyHeader)
}
