package storage_test

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/gchamon/devops-challenge/libs/storage"

// foreign is what each package may pull in from outside the standard library
// and this module, directly or not, by the beginning of its path. Importers of
// a package get that and no more.
var foreign = map[string][]string{
	"":                   nil,
	"/memstore":          nil,
	"/diskstore":         {"golang.org/x/sys/"},
	"/faultstore":        nil,
	"/storagetest":       nil,
	"/storageurl":        nil,
	"/ledger":            {"github.com/go-json-experiment/json"},
	"/internal/durable":  nil,
	"/internal/killtest": nil,
	"/objectname":        nil,
	"/boltstore":         {"go.etcd.io/bbolt", "golang.org/x/sys/"},
	"/s3store":           {"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"},
}

// TestImports lists what every package of the module depends on.
func TestImports(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Deps", "./...").Output()
	if err != nil {
		t.Fatalf("go list: got %v, want nil", err)
	}
	seen := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); seen++ {
		var p struct {
			ImportPath string
			Deps       []string
		}
		if err := decoder.Decode(&p); err != nil {
			t.Fatalf("go list: got %v, want JSON", err)
		}
		allowed, known := foreign[strings.TrimPrefix(p.ImportPath, module)]
		if !known {
			t.Errorf("%s: is not in this test's list", p.ImportPath)
		}
		for _, dep := range p.Deps {
			domain, _, _ := strings.Cut(dep, "/")
			standard := !strings.Contains(domain, ".") || strings.HasPrefix(dep, "vendor/")
			ours := dep == module || strings.HasPrefix(dep, module+"/")
			if standard || ours || slices.ContainsFunc(allowed, func(prefix string) bool { return strings.HasPrefix(dep, prefix) }) {
				continue
			}
			t.Errorf("%s: imports %s", p.ImportPath, dep)
		}
		if p.ImportPath == module && slices.Contains(p.Deps, "net/http") {
			t.Errorf("%s: imports net/http", p.ImportPath)
		}
	}
	if seen < len(foreign) {
		t.Errorf("go list: got %d packages, want %d", seen, len(foreign))
	}
}
