package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/config"
)

// The tables of both READMEs, the service's and the repository's, are made of
// the settings. UPDATE=1 writes them anew.
func TestREADME(t *testing.T) {
	var table bytes.Buffer
	if err := config.Markdown(&table, defaults(), sources(nil, nil, nil)...); err != nil {
		t.Fatal(err)
	}
	between := regexp.MustCompile(`(?s)(<!-- settings -->\n).*(<!-- /settings -->)`)
	for _, path := range []string{"../../README.md", "../../../../README.md"} {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) && path != "../../README.md" {
			continue // the module alone, without the repository
		}
		if err != nil {
			t.Fatal(err)
		}
		if !between.Match(text) {
			t.Fatalf("%s has no place for the settings", path)
		}
		want := between.ReplaceAll(text, []byte("${1}"+strings.ReplaceAll(table.String(), "$", "$$")+"${2}"))
		if bytes.Equal(text, want) {
			continue
		}
		if os.Getenv("UPDATE") == "" {
			t.Fatalf("%s does not have the settings as they are; make generate writes them", path)
		}
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConfigPrintsSourcesAndHidesNothingNeeded(t *testing.T) {
	var out bytes.Buffer
	err := run(context.Background(), []string{"config", "--listen=:9"}, []string{"STORAGE_BUCKET=lists", "TODO_CORS_ORIGINS=*", "STORAGE_OTHER=x"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"s3://lists", "STORAGE_BUCKET", "--listen", "TODO_CORS_ORIGINS"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %s, want %q in it", &out, want)
		}
	}
}
