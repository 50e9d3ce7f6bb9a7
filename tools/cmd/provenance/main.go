// Provenance adds provenance to a container image, and checks it.
//
//	provenance add LAYOUT SOURCE COMMIT PAGE GOVERSION
//	    adds to the one image of an OCI layout, for each of its platforms, a
//	    SLSA provenance as an in-toto statement, and prints the image's digest
//	provenance check IMAGE
//	    fails unless an image in a registry, named by digest, has a statement
//	    for each of its platforms; prints the commit that they agree on
//
// The statements are manifests in the image's index, as BuildKit keeps them
// (https://docs.docker.com/build/metadata/attestations/attestation-storage/): a
// copy of the index has them, too, and its digest covers them. They hold no time,
// so one commit still gives one digest. They are not signed: they are as
// trustworthy as the digest.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	predicateType  = "https://slsa.dev/provenance/v1"
	statementMedia = types.MediaType("application/vnd.in-toto+json")
	ofType         = "vnd.docker.reference.type"
	ofDigest       = "vnd.docker.reference.digest"
	attestation    = "attestation-manifest"
)

// commit is a commit, with the suffix -dirty if the work tree had changes.
var commit = regexp.MustCompile(`^[0-9a-f]{40}(-dirty)?$`)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) (err error) {
	var out string
	switch {
	case len(args) == 6 && args[0] == "add":
		out, err = add(args[1], build{source: args[2], commit: args[3], page: args[4], goVersion: args[5]})
	case len(args) == 2 && args[0] == "check":
		out, err = check(args[1])
	default:
		return errors.New("usage: provenance add|check ARGUMENTS; see the package's documentation")
	}
	if err == nil {
		_, err = fmt.Fprintln(stdout, out)
	}
	return err
}

// build describes the sources of an image.
type build struct{ source, commit, page, goVersion string }

// statement returns the provenance of an image for one platform, as JSON with sorted
// keys.
func (b build) statement(image v1.Descriptor) ([]byte, error) {
	type object = map[string]any
	repository, tool := "git+"+b.source, b.source+"/blob/"+b.commit[:40]+"/tools/image"
	text, err := json.Marshal(object{
		"_type": intoto.StatementTypeUri, "predicateType": predicateType,
		"subject": []object{{"name": "todo-api", "digest": object{image.Digest.Algorithm: image.Digest.Hex}}},
		"predicate": object{
			"buildDefinition": object{
				"buildType": tool,
				"externalParameters": object{
					"source": repository + "@" + b.commit, "page": b.page, "platform": image.Platform.String(), "go": b.goVersion,
				},
				"resolvedDependencies": []object{{"uri": repository, "digest": object{"gitCommit": b.commit[:40]}}},
			},
			"runDetails": object{"builder": object{"id": tool}},
		},
	})
	if err != nil {
		return nil, err
	}
	_, _, err = parse(text)
	return text, err
}

// parse returns a valid statement and its predicate.
func parse(text []byte) (*intoto.Statement, *slsa.Provenance, error) {
	var s intoto.Statement
	if err := protojson.Unmarshal(text, &s); err != nil {
		return nil, nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, nil, err
	}
	predicate, err := protojson.Marshal(s.Predicate)
	if err != nil {
		return nil, nil, err
	}
	var provenance slsa.Provenance
	if err := protojson.Unmarshal(predicate, &provenance); err != nil {
		return nil, nil, err
	}
	return &s, &provenance, provenance.Validate()
}

func add(dir string, b build) (string, error) {
	if !commit.MatchString(b.commit) {
		return "", fmt.Errorf("provenance: commit is %q, expected 40 hexadecimal digits", b.commit)
	}
	root, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return "", fmt.Errorf("provenance: %w", err)
	}
	manifest, err := root.IndexManifest()
	if err != nil {
		return "", fmt.Errorf("provenance: %w", err)
	}
	if len(manifest.Manifests) != 1 {
		return "", fmt.Errorf("provenance: %s holds %d images, expected one", dir, len(manifest.Manifests))
	}
	before := manifest.Manifests[0].Digest
	index, err := root.ImageIndex(before)
	if err != nil {
		return "", fmt.Errorf("provenance: %w", err)
	}
	if manifest, err = index.IndexManifest(); err != nil {
		return "", fmt.Errorf("provenance: %w", err)
	}
	for _, image := range manifest.Manifests {
		text, err := b.statement(image)
		if err != nil {
			return "", fmt.Errorf("provenance: %w", err)
		}
		attached, err := mutate.ConfigFile(mutate.MediaType(empty.Image, types.OCIManifestSchema1), &v1.ConfigFile{
			OS: "unknown", Architecture: "unknown", RootFS: v1.RootFS{Type: "layers"},
		})
		if err != nil {
			return "", fmt.Errorf("provenance: %w", err)
		}
		if attached, err = mutate.Append(mutate.ConfigMediaType(attached, types.OCIConfigJSON), mutate.Addendum{
			Layer: static.NewLayer(text, statementMedia), Annotations: map[string]string{"in-toto.io/predicate-type": predicateType},
		}); err != nil {
			return "", fmt.Errorf("provenance: %w", err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: attached, Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
			Annotations: map[string]string{ofType: attestation, ofDigest: image.Digest.String()},
		}})
	}
	path := layout.Path(dir)
	if err := errors.Join(path.ReplaceIndex(index, match.Digests(before)), path.RemoveBlob(before)); err != nil {
		return "", fmt.Errorf("provenance: %w", err)
	}
	digest, err := index.Digest()
	return digest.String(), err
}

func check(image string) (string, error) {
	reference, err := name.NewDigest(image)
	if err != nil {
		return "", fmt.Errorf("provenance: %w", err)
	}
	index, err := remote.Index(reference, remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return "", err // names the registry's reason
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return "", fmt.Errorf("provenance: %w", err)
	}
	statements := map[string]v1.Hash{} // manifests of statements by the digest of their subject
	for _, d := range manifest.Manifests {
		if d.Annotations[ofType] == attestation {
			statements[d.Annotations[ofDigest]] = d.Digest
		}
	}
	agreed := ""
	for _, d := range manifest.Manifests {
		if d.Annotations[ofType] == attestation {
			continue
		}
		at, ok := statements[d.Digest.String()]
		if !ok {
			return "", fmt.Errorf("provenance: %s has none for %s: it was built before images had one, or not by tools/image", image, d.Platform)
		}
		of, err := checkOne(index, at, d)
		if err != nil {
			return "", fmt.Errorf("provenance: %s for %s: %w", image, d.Platform, err)
		}
		if agreed != "" && of != agreed {
			return "", fmt.Errorf("provenance: %s was built from %s and, for %s, from %s: expected one commit", image, agreed, d.Platform, of)
		}
		agreed = of
	}
	if agreed == "" {
		return "", fmt.Errorf("provenance: %s holds no image", image)
	}
	return agreed, nil
}

// checkOne returns the commit that an image was built from. It fails if the image's
// label and the statement in the manifest differ.
func checkOne(index v1.ImageIndex, at v1.Hash, of v1.Descriptor) (string, error) {
	attached, err := index.Image(at)
	if err != nil {
		return "", err
	}
	layers, err := attached.Layers()
	if err != nil || len(layers) != 1 {
		return "", fmt.Errorf("%d statements, expected one (%w)", len(layers), err)
	}
	content, err := layers[0].Compressed() // reading it checks its digest
	if err != nil {
		return "", err
	}
	defer content.Close()
	text, err := io.ReadAll(content)
	if err != nil {
		return "", err
	}
	s, provenance, err := parse(text)
	if err != nil {
		return "", err
	}
	if got := s.Subject[0].Digest[of.Digest.Algorithm]; s.PredicateType != predicateType || got != of.Digest.Hex {
		return "", fmt.Errorf("the statement is a %s about %s, expected a %s about %s", s.PredicateType, got, predicateType, of.Digest.Hex)
	}
	image, err := index.Image(of.Digest)
	if err != nil {
		return "", err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return "", err
	}
	label := config.Config.Labels["org.opencontainers.image.revision"]
	dependencies := provenance.BuildDefinition.ResolvedDependencies
	if len(dependencies) != 1 || !commit.MatchString(label) || dependencies[0].Digest["gitCommit"] != label[:40] {
		return "", fmt.Errorf("the label says that it was built from %q, the provenance from %v", label, dependencies)
	}
	return label, nil
}
