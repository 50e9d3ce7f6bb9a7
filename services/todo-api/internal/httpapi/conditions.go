package httpapi

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/lists"
)

// etag is the entity tag of a list at revision r.
func etag(r lists.Revision) string { return `"` + string(r) + `"` }

// conditionsOf returns the request's If-Match and If-None-Match (RFC 9110,
// 13.1).
func conditionsOf(c *fiber.Ctx) lists.Conditions {
	return lists.Conditions{
		Match:     condition(c.Get(fiber.HeaderIfMatch), false),
		NoneMatch: condition(c.Get(fiber.HeaderIfNoneMatch), true),
	}
}

// condition reads a list of entity tags, or "*". A weak tag only counts where
// the comparison may be weak.
func condition(header string, weak bool) *lists.Condition {
	if header == "" {
		return nil
	}
	c := &lists.Condition{Any: strings.TrimSpace(header) == "*"}
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if after, ok := strings.CutPrefix(tag, "W/"); ok {
			if !weak {
				continue
			}
			tag = after
		}
		if len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
			c.Revisions = append(c.Revisions, lists.Revision(strings.Clone(tag[1:len(tag)-1])))
		}
	}
	return c
}
