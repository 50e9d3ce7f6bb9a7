package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/gchamon/devops-challenge/libs/config"
)

// TestSettingsTable compares settings.md with the settings. make generate
// writes it, with UPDATE_SETTINGS=true.
func TestSettingsTable(t *testing.T) {
	const file = "../../settings.md"
	var table bytes.Buffer
	if err := config.Markdown(&table, defaults(), sources(nil, nil, nil)...); err != nil {
		t.Fatal(err)
	}
	want := "# Settings of todo-api\n\n" + table.String()
	if os.Getenv("UPDATE_SETTINGS") == "true" {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("settings.md: got %v and %d bytes, want these %d:\n%s", err, len(got), len(want), want)
	}
}
