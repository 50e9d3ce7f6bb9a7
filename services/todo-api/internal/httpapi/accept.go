package httpapi

import (
	"mime"
	"strconv"
	"strings"
)

// accepts reports whether the lines of an Accept or Accept-Encoding header accept one
// of the media types or encodings (RFC 9110, 12.5). The most specific range decides; a
// weight of 0 refuses. Only the parameter charset matters: answers are in UTF-8. Invalid
// ranges are ignored; an empty header accepts everything.
func accepts(lines [][]byte, offered []string) bool {
	if len(lines) == 0 || len(lines) == 1 && string(lines[0]) == "*/*" {
		return true
	}
	const none = -1
	weights, precise := make([]float64, len(offered)), make([]int, len(offered))
	for i := range precise {
		precise[i] = none
	}
	empty := true
	for _, line := range lines {
		for _, element := range splitList(string(line)) {
			empty = empty && element == ""
			mediaRange, parameters, err := mime.ParseMediaType(element)
			if err != nil || !isUTF8(parameters["charset"]) {
				continue
			}
			weight := 1.0
			if q, ok := parameters["q"]; ok {
				if weight, err = strconv.ParseFloat(q, 64); err != nil || !(weight >= 0 && weight <= 1) {
					continue
				}
			}
			for i, mediaType := range offered {
				at := none
				kind, _, _ := strings.Cut(mediaType, "/")
				switch mediaRange {
				case mediaType:
					at = 2
				case kind + "/*":
					at = 1
				case "*/*", "*":
					at = 0
				}
				if at > precise[i] || at == precise[i] && at != none && weight > weights[i] {
					weights[i], precise[i] = weight, at
				}
			}
		}
	}
	for _, weight := range weights {
		if weight > 0 {
			return true
		}
	}
	return empty
}

// isUTF8 reports whether a charset is UTF-8, the default.
func isUTF8(charset string) bool {
	return charset == "" || charset == "*" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// splitList returns the elements of a list (RFC 9110, 5.6.1). Commas within quotes
// do not separate elements.
func splitList(line string) []string {
	var elements []string
	quoted, from := false, 0
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			elements = append(elements, strings.TrimSpace(line[from:i]))
			from = i + 1
		}
	}
	return append(elements, strings.TrimSpace(line[from:]))
}
