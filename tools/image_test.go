package tools_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

var ecr = authn.FromConfig(authn.AuthConfig{Username: "AWS", Password: "ecr-password"})

// imageRepository starts a registry that requires ECR's password and returns the
// HOST/NAME of a repository in it. Requests for which deny returns true are refused.
func imageRepository(t *testing.T, deny func(*http.Request) bool) string {
	t.Helper()
	images := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "AWS" || password != "ecr-password" {
			w.Header().Set("WWW-Authenticate", `Basic realm="ecr"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if deny != nil && deny(r) {
			http.Error(w, `{"errors":[{"code":"DENIED","message":"no"}]}`, http.StatusForbidden)
			return
		}
		images.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/todo-api"
}

// image runs tools/image. A stub replaces the AWS CLI; the rehearsal runs the real
// one.
func image(t *testing.T, args ...string) (out string, status int) {
	t.Helper()
	bin := t.TempDir()
	write(t, filepath.Join(bin, "aws"), "#!/bin/sh\n[ \"$*\" = 'ecr get-login-password' ] && echo \"${ECR_PASSWORD-ecr-password}\"\n", 0o755)
	return script(t, ".", []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir()}, "./image", args...)
}

type transferred struct {
	Digest, Image, Tag string
	Pushed             bool
}

func transfer(t *testing.T, args ...string) (got transferred) {
	t.Helper()
	out, status := image(t, args...)
	if err := json.Unmarshal([]byte(lastLine(out)), &got); err != nil || status != 0 {
		t.Fatalf("image %v: got status %d and %v: %s", args, status, err, out)
	}
	return got
}

// builtImage writes the output of build, for two platforms with random content.
func builtImage(t *testing.T, revision string) (dir, digest string) {
	t.Helper()
	dir = t.TempDir()
	var index v1.ImageIndex = empty.Index
	for _, platform := range []string{"amd64", "arm64"} {
		one, err := random.Image(100, 1)
		check(t, err)
		config, err := one.ConfigFile()
		check(t, err)
		config = config.DeepCopy()
		config.OS, config.Architecture = "linux", platform
		config.Config.Labels = map[string]string{"org.opencontainers.image.revision": revision}
		one, err = mutate.ConfigFile(one, config)
		check(t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: one, Descriptor: v1.Descriptor{Platform: config.Platform()}})
	}
	oci, err := layout.Write(filepath.Join(dir, "oci"), empty.Index)
	check(t, err)
	check(t, oci.AppendIndex(index))
	digest, status := script(t, ".", []string{"GOWORK=off"}, "go", "run", "./cmd/provenance", "add", string(oci), "https://example.com/todo", revision, "false", "go1.26.3")
	if status != 0 {
		t.Fatalf("provenance: got status %d: %s", status, digest)
	}
	digest = lastLine(digest)
	write(t, filepath.Join(dir, "image.json"), fmt.Sprintf(`{"digest":"%s","revision":"%s"}`, digest, revision), 0o644)
	return dir, digest
}

// manifests opens a built image and returns the manifests of its two platforms, then
// the provenance of each.
func manifests(t *testing.T, dir string) (v1.ImageIndex, []v1.Descriptor) {
	t.Helper()
	root, err := layout.ImageIndexFromPath(filepath.Join(dir, "oci"))
	check(t, err)
	manifest, err := root.IndexManifest()
	check(t, err)
	index, err := root.ImageIndex(manifest.Manifests[0].Digest)
	check(t, err)
	manifest, err = index.IndexManifest()
	check(t, err)
	if len(manifest.Manifests) != 4 {
		t.Fatalf("got %d manifests, want those of two platforms and of the provenance of each", len(manifest.Manifests))
	}
	return index, manifest.Manifests
}

func TestImagePush(t *testing.T) {
	repository := imageRepository(t, nil)
	commit := strings.Repeat("a", 40)
	dir, digest := builtImage(t, commit)

	if got := transfer(t, "push", "-from", dir, "-repository", repository, "-dry-run"); !got.Pushed {
		t.Errorf("dry run: got %+v, want it to say that it would push", got)
	}
	want := transferred{Digest: digest, Image: repository + "@" + digest, Tag: commit, Pushed: true}
	if got := transfer(t, "push", "-from", dir, "-repository", repository); got != want {
		t.Errorf("first push after a dry run: got %+v, want %+v", got, want)
	}
	want.Pushed = false
	if got := transfer(t, "push", "-from", dir, "-repository", repository); got != want {
		t.Errorf("second push: got %+v, want %+v", got, want)
	}

	other, _ := builtImage(t, commit)
	if out, status := image(t, "push", "-from", other, "-repository", repository); status != 1 || !strings.Contains(out, "one commit must give one image") {
		t.Errorf("another image of the same commit: got status %d, %s, want a refusal to move the tag", status, out)
	}
	for range 2 {
		dirty, digest := builtImage(t, commit+"-dirty")
		for _, pushed := range []bool{true, false} {
			if got := transfer(t, "push", "-from", dirty, "-repository", repository); got.Pushed != pushed || got.Digest != digest {
				t.Errorf("uncommitted work: got %+v, want %s, pushed %t", got, digest, pushed)
			}
		}
	}
}

func TestImageCopyKeepsTheDigest(t *testing.T) {
	staging, production := imageRepository(t, nil), imageRepository(t, nil)
	commit := strings.Repeat("b", 40)
	dir, digest := builtImage(t, commit)
	from := transfer(t, "push", "-from", dir, "-repository", staging).Image

	for _, pushed := range []bool{true, false} {
		want := transferred{Digest: digest, Image: production + "@" + digest, Tag: commit, Pushed: pushed}
		if got := transfer(t, "copy", "-from", from, "-repository", production); got != want {
			t.Errorf("copy: got %+v, want %+v", got, want)
		}
	}
	pulled := t.TempDir()
	if out, status := image(t, "pull", "-from", production+"@"+digest, "-out", pulled); status != 0 {
		t.Fatalf("pull of the copy: status %d: %s", status, out)
	}
	index, all := manifests(t, pulled)
	check(t, validate.Index(mutate.RemoveManifests(index, match.Digests(all[2].Digest, all[3].Digest))))

	gone := staging + "@sha256:" + strings.Repeat("0", 64)
	for _, args := range [][]string{{"copy", "-repository", production}, {"pull", "-out", t.TempDir()}} {
		out, status := image(t, append(args, "-from", gone)...)
		if want := "the registry of " + staging + " has no image sha256:000"; status != 1 || !strings.Contains(out, want) {
			t.Errorf("%s a digest that does not exist: got status %d, %s, want %q", args[0], status, out, want)
		}
	}
}

func TestImagePullThenPush(t *testing.T) {
	staging, production := imageRepository(t, nil), imageRepository(t, nil)
	commit := strings.Repeat("d", 40)
	dir, digest := builtImage(t, commit)
	from := transfer(t, "push", "-from", dir, "-repository", staging).Image

	pulled := t.TempDir()
	for range 2 { // the second replaces the first
		if out, status := image(t, "pull", "-from", from, "-out", pulled); status != 0 {
			t.Fatalf("pull: status %d: %s", status, out)
		}
	}
	want := transferred{Digest: digest, Image: production + "@" + digest, Tag: commit, Pushed: true}
	if got := transfer(t, "push", "-from", pulled, "-repository", production); got != want {
		t.Errorf("push of what was pulled: got %+v, want %+v", got, want)
	}
}

// Of two concurrent pulls into one directory, the second to finish keeps the first one's image.
func TestImagePulledTwiceAtOnce(t *testing.T) {
	var meet atomic.Bool
	var from string
	var first os.FileInfo
	pulled := t.TempDir()
	dir, _ := builtImage(t, strings.Repeat("d", 40))
	from = transfer(t, "push", "-from", dir, "-repository", imageRepository(t, func(r *http.Request) bool {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") && meet.CompareAndSwap(true, false) {
			if out, status := image(t, "pull", "-from", from, "-out", pulled); status != 0 {
				t.Errorf("the other pull: status %d: %s", status, out)
			}
			first, _ = os.Stat(filepath.Join(pulled, "image.json"))
		}
		return false
	})).Image
	meet.Store(true)
	if out, status := image(t, "pull", "-from", from, "-out", pulled); status != 0 || meet.Load() {
		t.Fatalf("pull: status %d: %s", status, out)
	}
	var names []string
	for _, dir := range []string{pulled, filepath.Join(pulled, "oci")} {
		entries, err := os.ReadDir(dir)
		check(t, err)
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
	}
	if got, want := strings.Join(names, " "), "image.json oci blobs index.json oci-layout"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if last, err := os.Stat(filepath.Join(pulled, "image.json")); err != nil || !os.SameFile(first, last) {
		t.Errorf("the image that was there was replaced (%v)", err)
	}
}

func TestImageProvenance(t *testing.T) {
	repository := imageRepository(t, nil)
	dir, _ := builtImage(t, strings.Repeat("e", 40))
	other, _ := builtImage(t, strings.Repeat("f", 40))
	index, own := manifests(t, dir)
	from, others := manifests(t, other)

	// The same image with its provenance removed, and with that of another commit.
	without := mutate.RemoveManifests(index, match.Digests(own[2].Digest, own[3].Digest))
	foreign := without
	for i, d := range others[2:] {
		statement, err := from.Image(d.Digest)
		check(t, err)
		config, err := statement.ConfigFile()
		check(t, err)
		if config.RootFS.Type != "layers" { // the image specification requires it
			t.Errorf("rootfs of a statement: got type %q, want layers", config.RootFS.Type)
		}
		d.Annotations["vnd.docker.reference.digest"] = own[i].Digest.String()
		foreign = mutate.AppendManifests(foreign, mutate.IndexAddendum{Add: statement, Descriptor: v1.Descriptor{Annotations: d.Annotations}})
	}
	for want, index := range map[string]v1.ImageIndex{
		"has none for linux/amd64: it was built before images had one, or not by tools/image": without,
		"expected a https://slsa.dev/provenance/v1 about":                                     foreign,
	} {
		digest, err := index.Digest()
		check(t, err)
		reference, err := name.NewDigest(repository + "@" + digest.String())
		check(t, err)
		check(t, remote.WriteIndex(reference, index, remote.WithAuth(ecr)))
		if out, status := image(t, "pull", "-from", reference.String(), "-out", t.TempDir()); status != 1 || !strings.Contains(out, want) {
			t.Errorf("got status %d, %s, want %q", status, out, want)
		}
	}
}

func TestImageRefusals(t *testing.T) {
	dir, _ := builtImage(t, strings.Repeat("c", 40))
	readOnly := imageRepository(t, func(r *http.Request) bool { return r.Method == http.MethodPost })
	closed := imageRepository(t, func(*http.Request) bool { return true })
	for _, test := range []struct{ args, want string }{
		{"", `command "": expected build, push, pull or copy`},
		{"bake", `command "bake"`},
		{"build", "build needs -out"},
		{"build -out", "-out has no value"},
		{"build -out x y", `unexpected argument "y"`},
		{"build -from x", `unexpected argument "-from"`},
		{"push -from x", "push needs -repository"},
		{"push -from " + t.TempDir() + " -repository localhost:1/x", "holds no built image"},
		{"push -from " + dir + " -repository localhost:1/x", "the registry of localhost:1/x: "},
		{"push -from " + dir + " -repository " + readOnly, "the registry of " + readOnly + " refuses these credentials"},
		{"push -from " + dir + " -repository " + closed, "the registry of " + closed + " refuses these credentials"},
		{"pull -from x", "pull needs -out"},
		{"pull -from x -out y", "expected HOST/NAME@sha256:"},
		{"copy -from " + readOnly + ":tag -repository " + closed, "expected HOST/NAME@sha256: and 64 hexadecimal digits"},
	} {
		if out, status := image(t, strings.Fields(test.args)...); status != 1 || !strings.Contains(out, test.want) {
			t.Errorf("image %s: got status %d, %s, want %q", test.args, status, out, test.want)
		}
	}

	t.Setenv("ECR_PASSWORD", "expired")
	open := imageRepository(t, nil)
	if out, _ := image(t, "push", "-from", dir, "-repository", open); !strings.Contains(out, open+" refuses these credentials") {
		t.Errorf("an expired password: got %s, want that %s refuses it", out, open)
	}
}
