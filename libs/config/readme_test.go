package config_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The program in the README is example/main.go, and prints what the README shows.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("example/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if block := "```go\n" + string(program) + "```\n"; !strings.Contains(string(readme), block) {
		t.Error("got another program in README.md, want example/main.go to the letter")
	}

	dir := t.TempDir()
	binary := filepath.Join(dir, "shop")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./example")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "shop.yaml"), []byte("lisen: :9000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args     []string
		env      []string
		dir      string
		wantCode int
	}{
		{[]string{"--listen=127.0.0.1:9000"}, []string{"SHOP_TOKEN=x"}, t.TempDir(), 0},
		{[]string{"--help"}, nil, t.TempDir(), 2},
		{[]string{"--listen=nowhere", "--tokn=hunter2"}, []string{"SHOP_PROT=1"}, dir, 2},
	} {
		run := exec.CommandContext(t.Context(), binary, test.args...)
		run.Dir, run.Env = test.dir, test.env
		out, err := run.CombinedOutput()
		code := 0
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		said := "$ " + strings.Join(append(slices.Clone(test.env), append([]string{"shop"}, test.args...)...), " ") + "\n" + string(out)
		if code != test.wantCode || !strings.Contains(string(readme), said) {
			t.Errorf("got exit status %d, want %d, and in README.md want\n%s", code, test.wantCode, said)
		}
	}
}

// Importers of this library build and audit what it imports.
func TestImports(t *testing.T) {
	t.Parallel()
	allowed := []string{
		"github.com/agnivade/levenshtein",
		"github.com/go-playground/validator/v10",
		"github.com/go-viper/mapstructure/v2",
		"github.com/pelletier/go-toml/v2",
		"github.com/pelletier/go-toml/v2/unstable",
		"github.com/spf13/pflag",
		"github.com/spf13/viper",
		"go.yaml.in/yaml/v3",
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	imported := map[string]bool{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Split(name, "/")[0], ".") {
				continue // the standard library
			}
			imported[name] = true
			if !slices.Contains(allowed, name) {
				t.Errorf("%s: got import %s, want one of %q", path, name, allowed)
			}
		}
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s: got a func init, want none", path)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR && v.Names[0].Name != "ErrHelp" {
						t.Errorf("%s: got variable %s of the package, want none but ErrHelp", path, v.Names[0].Name)
					}
				}
			}
		}
	}
	if len(imported) != len(allowed) {
		t.Errorf("got imports %v, want each of %q in use", imported, allowed)
	}

	list := exec.CommandContext(t.Context(), "go", "list", "-deps", ".")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.Lines(string(out)) {
		for _, heavy := range []string{"github.com/aws/", "github.com/gofiber/", "github.com/valyala/", "google.golang.org/", "libs/storage"} {
			if strings.Contains(name, heavy) {
				t.Errorf("got dependency %s, want none on %s", strings.TrimSpace(name), heavy)
			}
		}
	}
}
