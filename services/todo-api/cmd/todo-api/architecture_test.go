package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The path of a PUT in docs/architecture.md names ten functions, none twice,
// and each is declared in the package that its name says.
func TestPathOfAWriteNamesFunctions(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/architecture.md")
	if _, alone := os.Stat("../../../../go.work"); alone != nil {
		t.Skip("the module was unpacked alone, without the repository's documents")
	}
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "each called once:")
	section, _, _ = strings.Cut(section, "\n## ")
	names := regexp.MustCompile("(?m)^[0-9]+\\. `([a-z]+)\\.(?:\\(?\\*?([A-Za-z]+)\\)?\\.)?([A-Za-z]+)`").FindAllStringSubmatch(section, -1)
	if !found || len(names) != 10 {
		t.Fatalf("got %d functions, want 10", len(names))
	}
	seen := make(map[string]bool)
	for _, name := range names {
		pkg, receiver, function := name[1], name[2], name[3]
		if key := strings.Join(name[1:], "."); seen[key] {
			t.Errorf("%s is named twice", key)
		} else {
			seen[key] = true
		}
		declaration := `(?m)^func ` + function + `\(`
		if receiver != "" {
			// A method, or one of an interface.
			declaration = `(?m)^func \([a-z]* ?\*?` + receiver + `(\[T\])?\) ` + function + `\(|^type ` + receiver + ` interface \{(?s:.*?)\n\t` + function + `\(`
		}
		if !declared(t, pkg, regexp.MustCompile(declaration)) {
			t.Errorf("%s.%s.%s is not declared", pkg, receiver, function)
		}
	}
}

// declared reports whether a file of the package matches.
func declared(t *testing.T, pkg string, declaration *regexp.Regexp) bool {
	for _, pattern := range []string{"../../internal/" + pkg + "/*.go", "../../../../libs/" + pkg + "/*.go", "../../../../libs/storage/" + pkg + "/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") && declaration.Match(source) {
				return true
			}
		}
	}
	return false
}
