package httpapi

import (
	"strconv"
	"strings"
)

// revision is a list's revision as ETag and event ids name it, without quotes.
type revision string

// revisionOf names the revision of a document that is read, or is about to be
// changed. One that only the predecessor wrote has no number of its own, so
// that its content tells it from others.
func revisionOf(doc *document, number uint64, exists bool) revision {
	if number == 0 && exists && doc != nil {
		return revision("0-" + doc.digest)
	}
	return revision(strconv.FormatUint(number, 10))
}

func snapshotRevision(s snapshot) revision { return revisionOf(s.Doc, s.Revision, s.Exists) }

func (r revision) etag() string { return `"` + string(r) + `"` }

// conditions are a request's If-Match and If-None-Match (RFC 9110, 13.1).
type conditions struct {
	match, noneMatch string
}

// hold reports whether a write may change a list at revision r.
func (c conditions) hold(r revision, exists bool) bool {
	if c.match != "" && !matches(c.match, r, exists, false) {
		return false
	}
	return c.noneMatch == "" || !matches(c.noneMatch, r, exists, true)
}

// notModified reports whether a read is answered by 304.
func (c conditions) notModified(r revision, exists bool) bool {
	return c.noneMatch != "" && matches(c.noneMatch, r, exists, true)
}

// matches reports whether a list of entity tags, or "*", has r. A weak tag
// only counts where the comparison may be weak.
func matches(header string, r revision, exists, weak bool) bool {
	if strings.TrimSpace(header) == "*" {
		return exists
	}
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if after, ok := strings.CutPrefix(tag, "W/"); ok {
			if !weak {
				continue
			}
			tag = after
		}
		if len(tag) == len(r)+2 && tag[0] == '"' && tag[len(tag)-1] == '"' && tag[1:len(tag)-1] == string(r) {
			return true
		}
	}
	return false
}
