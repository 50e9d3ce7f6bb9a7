package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/gchamon/devops-challenge/libs/config"
)

// An independent validator of JSON Schema accepts the good files and refuses the bad
// ones, except those with faults that a schema cannot express.
func TestJSONSchemaJudgesTheFiles(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	if err := config.JSONSchema(&text, defaults()); err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(&text)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
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
