package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/config"
)

// The README's table is made of the settings. UPDATE=1 writes it anew.
func TestREADME(t *testing.T) {
	const path = "../../README.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := config.Markdown(&table, defaults(), sources(nil, nil, nil)...); err != nil {
		t.Fatal(err)
	}
	between := regexp.MustCompile(`(?s)(<!-- settings -->\n).*(<!-- /settings -->)`)
	want := between.ReplaceAll(text, []byte("${1}"+strings.ReplaceAll(table.String(), "$", "$$")+"${2}"))
	if !between.Match(text) {
		t.Fatal("README.md has no place for the settings")
	}
	if bytes.Equal(text, want) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatal("README.md does not have the settings as they are; UPDATE=1 go test -run TestREADME writes them")
	}
	if err := os.WriteFile(path, want, 0o644); err != nil {
		t.Fatal(err)
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
