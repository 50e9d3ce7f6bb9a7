//go:build !nopage

package web

import "embed"

// dist/page is what `npm run build` writes and is not committed; dist/placeholder is, so that the
// pattern matches, and the module compiles, where the page was never built. `all:` because the
// build may name a file with a leading underscore or dot.
//
//go:embed all:dist
var dist embed.FS
