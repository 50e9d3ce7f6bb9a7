package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

var built = description{
	Revision: strings.Repeat("a", 40),
	Version:  "v1.2.3",
	Created:  time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	Platform: "linux/arm64",
	Go:       "go1.26.8",
}

func TestImageDependsOnNothingButItsInput(t *testing.T) {
	var digests []string
	for _, body := range []string{"program", "program", "another"} {
		image, err := assemble([]byte(body), built)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest.String())
	}
	if digests[0] != digests[1] {
		t.Errorf("two builds of one input: got %s and %s, want one digest", digests[0], digests[1])
	}
	if digests[0] == digests[2] {
		t.Errorf("another input: got the same digest %s", digests[2])
	}
}

func TestImageConfiguration(t *testing.T) {
	image, err := assemble([]byte("program"), built)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := config.Config.User, "65532:65532"; got != want {
		t.Errorf("user: got %q, want %q", got, want)
	}
	if got, want := config.Config.Entrypoint, []string{"/todo-api"}; !slices.Equal(got, want) {
		t.Errorf("entrypoint: got %q, want %q", got, want)
	}
	if got, want := config.Architecture, "arm64"; got != want {
		t.Errorf("architecture: got %q, want %q", got, want)
	}
	if got := config.Created.Time; !got.Equal(built.Created) {
		t.Errorf("created: got %s, want the commit's time %s", got, built.Created)
	}
	for label, want := range map[string]string{
		"org.opencontainers.image.revision": built.Revision,
		"org.opencontainers.image.version":  "v1.2.3",
		"org.opencontainers.image.source":   "https://github.com/gchamon/devops-challenge",
		"org.opencontainers.image.created":  "2026-01-02T03:04:05Z",
	} {
		if got := config.Config.Labels[label]; got != want {
			t.Errorf("label %s: got %q, want %q", label, got, want)
		}
	}
	if got := len(config.RootFS.DiffIDs); got != 1 {
		t.Errorf("layers: got %d, want 1", got)
	}
}

func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	repository, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/todo-api")
	if err != nil {
		t.Fatal(err)
	}
	send := func(body string, d description) (pushed, error) {
		t.Helper()
		image, err := assemble([]byte(body), d)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		d.Digest = digest.String()
		return push{}.send(t.Context(), image, d, repository, authn.Anonymous)
	}

	first, err := send("program", built)
	if err != nil || !first.Pushed {
		t.Fatalf("first push: got pushed %t, error %v, want true and none", first.Pushed, err)
	}
	deployed, err := name.ParseReference(first.Image)
	if err != nil {
		t.Fatal(err)
	}
	if there, err := remote.Head(deployed); err != nil || there.Digest.String() != first.Digest {
		t.Errorf("%s: got %v, %v, want it in the registry", first.Image, there, err)
	}
	again, err := send("program", built)
	if err != nil || again.Pushed || again.Image != first.Image {
		t.Errorf("second push: got %+v, error %v, want nothing pushed and the same image", again, err)
	}
	if _, err := send("another", built); err == nil || !strings.Contains(err.Error(), "one commit must give one image") {
		t.Errorf("another image of the same commit: got error %v, want a refusal to move the tag", err)
	}

	dirty := built
	dirty.Revision += "-dirty"
	for _, body := range []string{"attempt 1", "attempt 2"} {
		if got, err := send(body, dirty); err != nil || !got.Pushed {
			t.Errorf("uncommitted work %q: got pushed %t, error %v, want true and none", body, got.Pushed, err)
		}
	}
}

func TestPushRefusedByTheRegistry(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/manifests/") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if r.URL.Path == "/v2/" {
			return
		}
		http.Error(w, `{"errors":[{"code":"DENIED","message":"no"}]}`, http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	repository, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/todo-api")
	if err != nil {
		t.Fatal(err)
	}
	image, err := assemble([]byte("program"), built)
	if err != nil {
		t.Fatal(err)
	}
	_, err = push{}.send(t.Context(), image, built, repository, authn.Anonymous)
	if err == nil || !strings.Contains(err.Error(), "refuses these credentials") || !strings.Contains(err.Error(), repository.Name()) {
		t.Errorf("got error %v, want one that names the repository and the refusal", err)
	}
}

func TestUsage(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", "expected 'image build"},
		{"bake", `unknown command "bake"`},
		{"build", "image build needs -out"},
		{"push -from x", "image push needs -repository"},
		{"build -out x y", `unexpected argument "y"`},
		{"build -out " + t.TempDir() + " -platform plan9/386", "expected one of linux/amd64, linux/arm64"},
		{"push -from " + t.TempDir() + " -repository localhost:1/x", "holds no built image"},
	} {
		var sink strings.Builder
		err := run(t.Context(), strings.Fields(test.args), &sink, &sink)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("image %s: got error %v, want one with %q", test.args, err, test.want)
		}
	}
}
