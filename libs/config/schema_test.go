package config_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/gchamon/devops-challenge/libs/config"
)

// An independent validator of JSON Schema accepts the good files and refuses the bad
// ones, except those with faults that a schema cannot express.
func TestJSONSchemaJudgesTheFiles(t *testing.T) {
	t.Parallel()
	schema := compiled(t, defaults())
	// Their text is at fault: the syntax, a duplicate key, or its meaning in YAML. rules.yaml breaks rules of the tag validate, and 1000.0
	// is an integer to JSON Schema.
	untold := []string{"alias.yaml", "rules.yaml", "octal.yaml", "tag.yaml", "core-tag.yaml", "float.toml", "merge.yaml", "documents.yaml", "twice.json", "twice.yaml"}
	files, err := filepath.Glob("testdata/*/*.*")
	if err != nil {
		t.Fatal(err)
	}
	judged := map[bool]int{}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		switch filepath.Ext(path) {
		case ".yaml":
			err = yaml.Unmarshal(data, &tree)
		case ".toml":
			err = toml.Unmarshal(data, &tree)
		case ".json":
			err = json.Unmarshal(data, &tree)
		default: // a message
			continue
		}
		good := filepath.Base(filepath.Dir(path)) == "good"
		var asJSON []byte
		if err == nil {
			asJSON, err = json.Marshal(tree)
		}
		if err != nil && !good || slices.Contains(untold, filepath.Base(path)) {
			continue
		}
		if err != nil {
			t.Fatal(path, err)
		}
		if string(asJSON) == "null" { // a file without keys
			asJSON = []byte("{}")
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(asJSON)))
		if err != nil {
			t.Fatal(path, err)
		}
		judged[good]++
		if err := schema.Validate(value); (err == nil) != good {
			t.Errorf("%s: got %v, want that it is valid to be %v", path, err, good)
		}
	}
	if judged[true] < 8 || judged[false] < 10 {
		t.Errorf("got %d good and %d bad files judged", judged[true], judged[false])
	}
}

// compiled returns the schema as an independent validator reads it.
func compiled[T any](t *testing.T, defaults T) *jsonschema.Schema {
	t.Helper()
	var text bytes.Buffer
	if err := config.JSONSchema(&text, defaults); err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(&text)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// What Load accepts for a type is what the schema allows. Left out are numbers like
// 1.0, which are integers to JSON Schema.
func TestJSONSchemaAgreesWithLoad(t *testing.T) {
	t.Parallel()
	type element struct {
		Port uint16 `key:"port"`
		Kind string `key:"kind" validate:"omitempty,oneof=x y"`
	}
	type settings struct {
		Text     string                     `key:"text"`
		Secret   config.Secret              `key:"password"`
		Kind     string                     `key:"kind" validate:"omitempty,oneof=x y"`
		Flag     bool                       `key:"flag"`
		Small    int8                       `key:"small"`
		Positive uint                       `key:"positive"`
		Number   float64                    `key:"number"`
		Wait     time.Duration              `key:"wait"`
		Size     config.ByteSize            `key:"size"`
		Since    time.Time                  `key:"since"`
		URL      *url.URL                   `key:"url"`
		Texts    []string                   `key:"texts"`
		Waits    []time.Duration            `key:"waits"`
		Sizes    map[string]config.ByteSize `key:"sizes"`
		Lists    map[string][]string        `key:"lists"`
		Servers  []element                  `key:"servers" validate:"dive"`
		Named    map[string]element         `key:"named" validate:"dive"`
		Section  struct {
			Inner element `key:"inner"`
		} `key:"section"`
	}
	schema := compiled(t, settings{})
	path := filepath.Join(t.TempDir(), "settings.json")
	accepted := 0
	for _, key := range []string{"text", "password", "kind", "flag", "small", "positive", "number", "wait", "size", "since", "url", "texts", "waits", "sizes", "lists", "servers", "named", "section", "unknown"} {
		for _, value := range []string{
			`null`, `true`, `0`, `1`, `-1`, `-128`, `-129`, `1.5`, `18446744073709551615`, `18446744073709551616`,
			`""`, `"x"`, `"z"`, `"0"`, `"1"`, `"-0"`, `"1m30s"`, `"+1.5h"`, `"1.s"`, `".5us"`, `".s"`, `"1µs"`, `"1 s"`, `"1S"`, `"1KiB"`, `"1kib"`, `"1.5KiB"`, `"-1B"`, `"2GB"`, `"KiB"`, `"https://example.org"`, `"2026-01-31T12:00:00Z"`, `"2026-01-31T12:00:00.5+01:00"`, `"2026-01-31"`, `"2026-13-31T12:00:00Z"`,
			`[]`, `[null]`, `["x"]`, `["1m", 0]`, `[1]`, `[[]]`, `[{}]`, `[{"port": 65535, "kind": "x"}]`, `[{"port": 65536}]`, `[{"kind": "z"}]`,
			`{}`, `{"a": null}`, `{"a": "x"}`, `{"a": "1KiB"}`, `{"a": 1}`, `{"a": ["x"]}`, `{"a": [1]}`, `{"a": {}}`, `{"a": {"port": 1}}`, `{"a": {"kind": "z"}}`, `{"a": {"port": null}}`, `{"inner": null}`, `{"inner": {"kind": "y"}}`, `{"inner": {"kind": "z"}}`, `{"inner": []}`,
		} {
			text := `{"` + key + `": ` + value + `}`
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			instance, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			_, loads := config.Load(settings{}, config.File(path))
			valid := schema.Validate(instance)
			if (loads == nil) != (valid == nil) {
				t.Errorf("%s: Load says %v, the schema %v", text, loads, valid)
			}
			if loads == nil {
				accepted++
			}
		}
	}
	if accepted < 60 {
		t.Errorf("got %d files accepted, want more", accepted)
	}
}
