package main

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	module  = "services/todo-api" // below the repository's root
	program = "./cmd/todo-api"    // below the module
	binary  = "todo-api"
	source  = "https://github.com/gchamon/devops-challenge"

	// The user of the distroless images: no root, and no account of any host.
	user = "65532:65532"

	descriptionFile = "image.json"
	sbomFile        = "sbom.cdx.json"
	layoutFolder    = "oci"
)

var platforms = []string{"linux/amd64", "linux/arm64"}

// description is what there is to know of a built image. It is written beside
// the image and printed.
type description struct {
	// Digest is that of the image's manifest, by which it is deployed.
	Digest string `json:"digest"`
	// Revision is the commit, followed by "-dirty" when the tree held more.
	Revision string `json:"revision"`
	// Version is what the Go command makes of the nearest tag and the commit.
	Version string `json:"version"`
	// Created is the time of the commit.
	Created  time.Time `json:"created"`
	Platform string    `json:"platform"`
	Page     bool      `json:"page"`
	// Bytes is the size of the binary; PulledBytes what a machine downloads.
	Bytes       int64  `json:"bytes"`
	PulledBytes int64  `json:"pulled_bytes"`
	Go          string `json:"go"`
}

type build struct {
	dir      string
	platform string
	page     bool
	root     string
}

func (b build) run(ctx context.Context, stderr io.Writer) (description, error) {
	if !slices.Contains(platforms, b.platform) {
		return description{}, fmt.Errorf("platform %q: expected one of %s", b.platform, strings.Join(platforms, ", "))
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return description{}, err
	}
	dir, err := filepath.Abs(b.dir)
	if err != nil {
		return description{}, err
	}
	path := filepath.Join(dir, binary)
	root, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return description{}, fmt.Errorf("start it inside of the repository: git rev-parse --show-toplevel: %w", err)
	}
	b.root = strings.TrimSpace(string(root))
	if err := b.compile(ctx, path, stderr); err != nil {
		return description{}, err
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return description{}, err
	}
	d, err := describe(info)
	if err != nil {
		return description{}, err
	}
	d.Platform, d.Page = b.platform, b.page
	body, err := os.ReadFile(path)
	if err != nil {
		return description{}, err
	}
	d.Bytes = int64(len(body))

	image, err := assemble(body, d)
	if err != nil {
		return description{}, err
	}
	digest, err := image.Digest()
	if err != nil {
		return description{}, err
	}
	d.Digest = digest.String()
	if d.PulledBytes, err = pulledBytes(image); err != nil {
		return description{}, err
	}

	if err := b.billOfMaterials(ctx, path, filepath.Join(dir, sbomFile), d.Version, stderr); err != nil {
		return description{}, err
	}
	oci := filepath.Join(dir, layoutFolder)
	if err := os.RemoveAll(oci); err != nil {
		return description{}, err
	}
	index, err := layout.Write(oci, empty.Index)
	if err != nil {
		return description{}, err
	}
	if err := index.AppendImage(image); err != nil {
		return description{}, err
	}
	// Last, because a folder that has it counts as built.
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return description{}, err
	}
	return d, os.WriteFile(filepath.Join(dir, descriptionFile), append(text, '\n'), 0o644)
}

func (b build) compile(ctx context.Context, path string, stderr io.Writer) error {
	tags := "nopage"
	if b.page {
		tags = ""
	}
	goos, goarch, _ := strings.Cut(b.platform, "/")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=true", "-tags="+tags,
		"-ldflags=-s -w -buildid=", "-o", path, program)
	cmd.Dir = filepath.Join(b.root, module)
	cmd.Stderr = stderr
	// Without the workspace, whose other modules could raise the versions of
	// what the program is built from.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0",
		"GOOS="+goos, "GOARCH="+goarch, "GOAMD64=v1", "GOARM64=v8.0")
	return named(cmd)
}

// billOfMaterials lists what the linker recorded in the binary at path. It has
// no serial number and no time, so that it is as reproducible as the image.
func (b build) billOfMaterials(ctx context.Context, path, out, version string, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, "go", "tool", "cyclonedx-gomod", "bin", "-json", "-std", "-noserial", "-notimestamp",
		"-version", version, "-output", out, path)
	cmd.Dir = filepath.Join(b.root, "tools")
	cmd.Stderr = stderr
	return named(cmd)
}

func named(cmd *exec.Cmd) error {
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return nil
}

func describe(info *debug.BuildInfo) (description, error) {
	setting := func(key string) string {
		for _, s := range info.Settings {
			if s.Key == key {
				return s.Value
			}
		}
		return ""
	}
	d := description{Revision: setting("vcs.revision"), Version: info.Main.Version, Go: info.GoVersion}
	if d.Revision == "" {
		return d, errors.New("the binary carries no commit: it was built outside of a Git work tree, or without git")
	}
	if setting("vcs.modified") == "true" {
		d.Revision += "-dirty"
	}
	created, err := time.Parse(time.RFC3339, setting("vcs.time"))
	if err != nil {
		return d, fmt.Errorf("the commit's time in the binary: %w", err)
	}
	d.Created = created.UTC()
	return d, nil
}

// assemble makes the image: one layer with one file that nobody may write.
func assemble(body []byte, d description) (v1.Image, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg,
		Name:     binary,
		Mode:     0o555,
		Size:     int64(len(body)),
		ModTime:  d.Created,
		Format:   tar.FormatUSTAR,
	}); err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	image, err = mutate.Append(image, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: d.Created}, CreatedBy: "tools/cmd/image"},
	})
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, _ = strings.Cut(d.Platform, "/")
	config.Created = v1.Time{Time: d.Created}
	config.Config = v1.Config{
		User:         user,
		Entrypoint:   []string{"/" + binary},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		Env:          []string{"TODO_LISTEN=:8080", "TODO_PAGE=" + strconv.FormatBool(d.Page)},
		WorkingDir:   "/",
		// https://github.com/opencontainers/image-spec/blob/main/annotations.md
		Labels: map[string]string{
			"org.opencontainers.image.created":  d.Created.Format(time.RFC3339),
			"org.opencontainers.image.licenses": "MIT",
			"org.opencontainers.image.revision": d.Revision,
			"org.opencontainers.image.source":   source,
			"org.opencontainers.image.title":    binary,
			"org.opencontainers.image.version":  d.Version,
		},
	}
	return mutate.ConfigFile(image, config)
}

func pulledBytes(image v1.Image) (int64, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return 0, err
	}
	total := manifest.Config.Size
	for _, layer := range manifest.Layers {
		total += layer.Size
	}
	return total, nil
}
