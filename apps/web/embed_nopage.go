//go:build nopage

package web

import "embed"

// With the build tag nopage a binary does not carry the page, whether it was built or not: for
// where the page is served from elsewhere, and a binary must depend on the commit alone.
//
//go:embed all:dist/placeholder
var dist embed.FS
