// Keydeposit makes an SSH key pair and puts it into an S3 bucket, so that
// Terraform can use the public half without ever holding the private one.
//
//	keydeposit -bucket NAME -key PATH.pem [-kms-key-id ARN] [-comment TEXT] [-region REGION]
//
// The private half (ed25519, OpenSSH format) becomes the object PATH.pem, the
// public half PATH.pem.pub. Nothing is ever overwritten: a pair that is there
// stays, a run that was interrupted is completed by the next, and of several
// runs at once one makes the pair and the others find it. Neither output nor
// errors hold key material other than the public half's fingerprint.
//
// Credentials, and AWS_ENDPOINT_URL_S3 for another server, are found as every
// AWS SDK does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// timeLimit is for the whole run: a handful of small requests and their
// retries.
const timeLimit = 2 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "keydeposit:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("keydeposit", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var d deposit
	flags.StringVar(&d.bucket, "bucket", "", "`name` of the bucket")
	flags.StringVar(&d.key, "key", "", "`path` of the private half in the bucket; the public half is beside it, with .pub")
	flags.StringVar(&d.kmsKeyID, "kms-key-id", "", "`id` or ARN of the KMS key that encrypts the pair (default as the bucket does)")
	flags.StringVar(&d.comment, "comment", "", "`text` at the end of the public half")
	region := flags.String("region", "", "AWS `region` of the bucket (default as the AWS SDK finds it)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q: everything is said by flags", flags.Arg(0))
	case d.bucket == "":
		return errors.New("-bucket is missing: the name of the bucket that gets the pair")
	case d.key == "" || strings.HasPrefix(d.key, "/") || strings.HasSuffix(d.key, "/"):
		return fmt.Errorf("-key is %q: want the private half's path in the bucket, such as ops-v1.pem", d.key)
	case strings.ContainsAny(d.comment, "\r\n"):
		return fmt.Errorf("-comment is %q: want one line", d.comment)
	}

	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	settings, err := config.LoadDefaultConfig(ctx, config.WithRegion(*region))
	if err != nil {
		return fmt.Errorf("AWS configuration: %w", err)
	}
	d.client = s3.NewFromConfig(settings)

	result, err := d.ensure(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s %s in s3://%s/%s\n", result.done, result.fingerprint, d.bucket, d.key)
	return nil
}
