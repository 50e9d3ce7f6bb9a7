// Package web holds the built page, so that a server can carry it in its own binary.
package web

import "io/fs"

// Files returns the page: index.html at its root, with the files that it loads. If the page was not
// built before the binary, the only file is an index.html that says how to build it.
//
// File names below assets/ have a hash of their content and may be cached forever; all others must
// be revalidated at each use. config.json, unless a server replaces it, names the API on the page's
// origin.
func Files() fs.FS {
	return files(dist)
}

// Built reports whether Files is the page and not its placeholder.
func Built() bool {
	return built(dist)
}

func files(dist fs.FS) fs.FS {
	dir := "dist/placeholder"
	if built(dist) {
		dir = "dist/page"
	}
	page, err := fs.Sub(dist, dir)
	if err != nil {
		panic(err) // the paths above are constant and valid
	}
	return page
}

func built(dist fs.FS) bool {
	_, err := fs.Stat(dist, "dist/page/index.html")
	return err == nil
}
