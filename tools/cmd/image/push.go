package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// pushed is what push prints.
type pushed struct {
	Digest string `json:"digest"`
	// Image is the reference to deploy: by digest, never by tag.
	Image  string `json:"image"`
	Tag    string `json:"tag"`
	Pushed bool   `json:"pushed"`
}

type push struct {
	dir        string
	repository string
	dryRun     bool
}

func (p push) run(ctx context.Context) (pushed, error) {
	text, err := os.ReadFile(filepath.Join(p.dir, descriptionFile))
	if err != nil {
		return pushed{}, fmt.Errorf("%s holds no built image: %w", p.dir, err)
	}
	var d description
	if err := json.Unmarshal(text, &d); err != nil {
		return pushed{}, fmt.Errorf("%s: %w", filepath.Join(p.dir, descriptionFile), err)
	}
	digest, err := v1.NewHash(d.Digest)
	if err != nil {
		return pushed{}, err
	}
	oci, err := layout.FromPath(filepath.Join(p.dir, layoutFolder))
	if err != nil {
		return pushed{}, err
	}
	image, err := oci.Image(digest)
	if err != nil {
		return pushed{}, err
	}
	repository, err := name.NewRepository(p.repository)
	if err != nil {
		return pushed{}, err
	}
	auth, err := credentials(ctx)
	if err != nil {
		return pushed{}, err
	}
	return p.send(ctx, image, d, repository, auth)
}

func (p push) send(
	ctx context.Context, image v1.Image, d description, repository name.Repository, auth authn.Authenticator,
) (pushed, error) {
	digest, err := image.Digest()
	if err != nil {
		return pushed{}, err
	}
	tag := repository.Tag(d.Revision)
	result := pushed{Digest: d.Digest, Image: repository.Digest(d.Digest).String(), Tag: d.Revision}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuth(auth)}
	switch there, err := remote.Head(tag, options...); {
	case err == nil && there.Digest == digest:
		return result, nil
	case err == nil && !strings.HasSuffix(d.Revision, "-dirty"):
		return pushed{}, fmt.Errorf("%s is %s in the registry and %s here: one commit must give one image; "+
			"was it built with another version of Go than %s, or pushed by hand?", tag, there.Digest, digest, d.Go)
	case err == nil:
		// Uncommitted work has no name of its own; only its digest tells it apart.
		tag = repository.Tag(d.Revision + "-" + digest.Hex[:12])
		result.Tag = tag.TagStr()
		if there, err := remote.Head(tag, options...); err == nil && there.Digest == digest {
			return result, nil
		}
	case !notFound(err):
		return pushed{}, refused(repository.Name(), err)
	}
	result.Pushed = true
	if p.dryRun {
		return result, nil
	}
	if err := remote.Write(tag, image, options...); err != nil {
		return pushed{}, refused(repository.Name(), err)
	}
	return result, nil
}

func notFound(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}

func refused(repository string, err error) error {
	var answer *transport.Error
	if errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden) {
		return fmt.Errorf("the registry of %s refuses these credentials: %w", repository, err)
	}
	return fmt.Errorf("the registry of %s: %w", repository, err)
}

// credentials asks ECR for the short-lived password of the caller's registry.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
func credentials(ctx context.Context) (authn.Authenticator, error) {
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	answer, err := ecr.NewFromConfig(settings).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return nil, fmt.Errorf("no password for the image registry: %w", err)
	}
	if len(answer.AuthorizationData) == 0 || answer.AuthorizationData[0].AuthorizationToken == nil {
		return nil, errors.New("no password for the image registry: ECR answered without one")
	}
	pair, err := base64.StdEncoding.DecodeString(*answer.AuthorizationData[0].AuthorizationToken)
	user, password, found := strings.Cut(string(pair), ":")
	if err != nil || !found {
		return nil, errors.New("no password for the image registry: ECR's token is not the base64 of USER:PASSWORD")
	}
	return authn.FromConfig(authn.AuthConfig{Username: user, Password: password}), nil
}
