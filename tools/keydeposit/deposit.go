package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"golang.org/x/crypto/ssh"
)

// A deposit is the place of one key pair.
//
// The private half is written first and is the truth: whoever finds it without
// its public half derives and writes that. So whatever a run is interrupted
// at, the next one completes, and who finds the public half may rely on the
// private one being there.
type deposit struct {
	client   *s3.Client
	bucket   string
	key      string
	kmsKeyID string
	comment  string
}

type outcome struct {
	done        string // "made", "completed" or "found"
	fingerprint string
}

var errTaken = errors.New("an object of that name is there")

func (d *deposit) ensure(ctx context.Context) (outcome, error) {
	public, err := d.get(ctx, d.publicKey())
	if err == nil {
		return d.found(ctx, public)
	}
	if !missing(err) {
		return outcome{}, err
	}

	done := "made"
	private, line, err := d.generate()
	if err != nil {
		return outcome{}, err
	}
	if err := d.create(ctx, d.key, "application/x-pem-file", private); errors.Is(err, errTaken) {
		// Another run's, an interrupted one's, or ours whose answer was lost.
		done = "completed"
		if line, err = d.derive(ctx); err != nil {
			return outcome{}, err
		}
	} else if err != nil {
		return outcome{}, err
	}

	if err := d.create(ctx, d.publicKey(), "text/plain", line); errors.Is(err, errTaken) {
		there, err := d.get(ctx, d.publicKey())
		if err != nil {
			return outcome{}, err
		}
		if !sameKey(there, line) {
			return outcome{}, fmt.Errorf("s3://%s/%s is not the public half of %s: move both away, or use another -key", d.bucket, d.publicKey(), d.key)
		}
	} else if err != nil {
		return outcome{}, err
	}
	return d.outcome(done, line)
}

// found checks a pair that was there before, without reading the private half.
func (d *deposit) found(ctx context.Context, public []byte) (outcome, error) {
	_, err := d.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &d.bucket, Key: &d.key})
	if missing(err) {
		return outcome{}, fmt.Errorf("s3://%s has %s but not %s: a public half whose private half is gone is of no use; restore it, or use another -key",
			d.bucket, d.publicKey(), d.key)
	}
	if err != nil {
		return outcome{}, d.explain("look for", d.key, err)
	}
	return d.outcome("found", public)
}

func (d *deposit) outcome(done string, public []byte) (outcome, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey(public)
	if err != nil {
		return outcome{}, fmt.Errorf("s3://%s/%s is not an OpenSSH public key", d.bucket, d.publicKey())
	}
	return outcome{done, ssh.FingerprintSHA256(key)}, nil
}

func (d *deposit) publicKey() string { return d.key + ".pub" }

func (d *deposit) generate() (private, public []byte, err error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, d.comment)
	if err != nil {
		return nil, nil, err
	}
	public, err = d.authorize(key)
	return pem.EncodeToMemory(block), public, err
}

// derive reads the private half that is there and returns its public half.
func (d *deposit) derive(ctx context.Context) ([]byte, error) {
	body, err := d.get(ctx, d.key)
	if err != nil {
		return nil, err
	}
	raw, err := ssh.ParseRawPrivateKey(body)
	key, ok := raw.(*ed25519.PrivateKey)
	if err != nil || !ok {
		// The parser's error may quote what it read.
		return nil, fmt.Errorf("s3://%s/%s is not an ed25519 private key without a passphrase: move it away, or use another -key", d.bucket, d.key)
	}
	return d.authorize(*key)
}

// authorize returns the public half as a line of authorized_keys.
func (d *deposit) authorize(key ed25519.PrivateKey) ([]byte, error) {
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	line := bytes.TrimSpace(ssh.MarshalAuthorizedKey(public))
	if d.comment != "" {
		line = append(append(line, ' '), d.comment...)
	}
	return append(line, '\n'), nil
}

func sameKey(a, b []byte) bool {
	x, _, _, _, errX := ssh.ParseAuthorizedKey(a)
	y, _, _, _, errY := ssh.ParseAuthorizedKey(b)
	return errX == nil && errY == nil && bytes.Equal(x.Marshal(), y.Marshal())
}

func (d *deposit) get(ctx context.Context, key string) ([]byte, error) {
	answer, err := d.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &d.bucket, Key: &key})
	if err != nil {
		return nil, d.explain("read", key, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	if err != nil {
		return nil, d.explain("read", key, err)
	}
	return body, nil
}

// create writes an object that must not be there yet, else errTaken. A retry
// that meets its own success says errTaken as well, and callers read then.
func (d *deposit) create(ctx context.Context, key, contentType string, body []byte) error {
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		input := &s3.PutObjectInput{
			Bucket:      &d.bucket,
			Key:         &key,
			Body:        bytes.NewReader(body),
			ContentType: &contentType,
			IfNoneMatch: aws.String("*"),
		}
		if d.kmsKeyID != "" {
			input.ServerSideEncryption = types.ServerSideEncryptionAwsKms
			input.SSEKMSKeyId = &d.kmsKeyID
		}
		_, err := d.client.PutObject(ctx, input)
		var answer smithy.APIError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &answer) && answer.ErrorCode() == "PreconditionFailed":
			return errTaken
		// Another writer of the same name is under way; S3 asks to come again.
		case errors.As(err, &answer) && answer.ErrorCode() == "ConditionalRequestConflict" && pause < 10*time.Second:
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return d.explain("write", key, ctx.Err())
			}
		default:
			return d.explain("write", key, err)
		}
	}
}

func (d *deposit) explain(verb, key string, err error) error {
	return fmt.Errorf("cannot %s s3://%s/%s: %w", verb, d.bucket, key, err)
}

// missing reports whether the object is not there. A bucket that is not there
// is another thing: nothing can be made in it.
func missing(err error) bool {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return false
	}
	return answer.ErrorCode() == "NoSuchKey" || answer.ErrorCode() == "NotFound"
}
