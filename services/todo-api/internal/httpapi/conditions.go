package httpapi

import (
	"bytes"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// etag is the entity tag of a list at revision r.
func etag(r lists.Revision) string { return `"` + string(r) + `"` }

// conditionsOf returns the request's If-Match and If-None-Match (RFC 9110,
// 13.1). Each may have several lines.
func conditionsOf(c *fiber.Ctx) (conditions lists.Conditions, err error) {
	if conditions.Match, err = condition(c, fiber.HeaderIfMatch, false); err == nil {
		conditions.NoneMatch, err = condition(c, fiber.HeaderIfNoneMatch, true)
	}
	return conditions, err
}

// condition parses a header of entity tags, or "*". Weak tags are ignored if the
// comparison must be strong.
func condition(c *fiber.Ctx, header string, weak bool) (*lists.Condition, error) {
	lines := c.Request().Header.PeekAll(header)
	if len(lines) == 0 {
		return nil, nil //nolint:nilnil // no condition
	}
	out := new(lists.Condition)
	text := strings.TrimSpace(string(bytes.Join(lines, []byte(","))))
	if text == "*" {
		out.Any = true
		return out, nil
	}
	for elements := 0; ; {
		text = strings.TrimLeft(text, " \t,")
		if text == "" && elements > 0 {
			return out, nil
		}
		rest, isWeak := strings.CutPrefix(text, "W/")
		tag, rest, ok := cutTag(rest)
		if !ok {
			return nil, invalidRequest.with(`Header %s: expected * or entity tags such as "17", separated by commas.`, header)
		}
		if !isWeak || weak {
			out.Revisions = append(out.Revisions, lists.Revision(tag))
		}
		text, elements = rest, elements+1
	}
}

// cutTag cuts an opaque tag (RFC 9110, 8.8.3) off the beginning of text.
func cutTag(text string) (tag, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		return "", "", false
	}
	tag, rest, ok = strings.Cut(text[1:], `"`)
	for i := range len(tag) {
		ok = ok && tag[i] > ' ' && tag[i] != 0x7f
	}
	rest = strings.TrimLeft(rest, " \t")
	return tag, rest, ok && (rest == "" || rest[0] == ',')
}

// idempotencyKey returns the request's Idempotency-Key, or "" if it has none.
func idempotencyKey(c *fiber.Ctx) (string, error) {
	lines := c.Request().Header.PeekAll("Idempotency-Key")
	if len(lines) == 0 {
		return "", nil
	}
	if len(lines) > 1 || !todo.ValidOperationID(string(lines[0])) {
		return "", invalidRequest.with("Header Idempotency-Key: expected one line of 1 to 128 visible characters of ASCII.")
	}
	return string(lines[0]), nil
}
