package web

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFiles(t *testing.T) {
	placeholder := &fstest.MapFile{Data: []byte("how to build it")}
	page := &fstest.MapFile{Data: []byte("the page")}
	for _, test := range []struct {
		name  string
		dist  fstest.MapFS
		built bool
		want  string
	}{
		{"never built", fstest.MapFS{"dist/placeholder/index.html": placeholder}, false, "how to build it"},
		{"built", fstest.MapFS{"dist/placeholder/index.html": placeholder, "dist/page/index.html": page}, true, "the page"},
		{
			"build broken off before index.html",
			fstest.MapFS{"dist/placeholder/index.html": placeholder, "dist/page/assets/a.js": page},
			false, "how to build it",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := built(test.dist); got != test.built {
				t.Errorf("built: got %v, want %v", got, test.built)
			}
			got, err := fs.ReadFile(files(test.dist), "index.html")
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("index.html: got %q, want %q", got, test.want)
			}
		})
	}
}

func TestEmbedded(t *testing.T) {
	index, err := fs.ReadFile(Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	want := "npm run build"
	if Built() {
		want = `<div id="app"`
	}
	if !strings.Contains(string(index), want) {
		t.Errorf("index.html with Built() == %v: got %q, want it to contain %q", Built(), index, want)
	}
	if strings.Contains(string(index), "<style") || strings.Contains(string(index), "style=") {
		t.Errorf("index.html has inline style, which the Content-Security-Policy forbids: %s", index)
	}
}
