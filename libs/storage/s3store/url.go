package s3store

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

// OpenURL is [Options.OpenURL] of the zero Options.
func OpenURL(ctx context.Context, u *url.URL) (storage.Store, error) {
	return Options{}.OpenURL(ctx, u)
}

// OpenURL opens s3://BUCKET/PREFIX with the other settings from o; it is a
// [storageurl.Opener]. Credentials and omitted parameters come from the SDK's
// default sources (environment, shared files, the role of the task or instance).
// Parameters:
//
//	region      the bucket's region
//	endpoint    the http or https address of a server other than AWS's
//	path_style  true puts the bucket into the path instead of the host name
//	checksums   when_supported (the SDK's default) or when_required, for
//	            servers that do not know the newer checksum headers
//	probe       off lets [Store.Check] pass a server that ignores conditions
//
// It sends no request to S3; call [Store.Check] to check that the bucket answers.
func (o Options) OpenURL(ctx context.Context, u *url.URL) (storage.Store, error) {
	values, err := storageurl.Parameters(u, "region", "endpoint", "path_style", "checksums", "probe")
	if err != nil {
		return nil, err
	}
	if u.Host == "" {
		return nil, fmt.Errorf("bucket %q: expected s3://BUCKET or s3://BUCKET/PREFIX", u.Host)
	}
	o.Prefix = strings.Trim(u.Path, "/")

	load := []func(*config.LoadOptions) error{config.WithHTTPClient(httpClient())}
	if region := values.Get("region"); region != "" {
		load = append(load, config.WithRegion(region))
	}
	var set []func(*s3.Options)
	if endpoint := values.Get("endpoint"); endpoint != "" {
		if _, err := storageurl.Endpoint(endpoint, "http://localhost:4566", "http", "https"); err != nil {
			return nil, err
		}
		set = append(set, func(o *s3.Options) { o.BaseEndpoint = &endpoint })
	}
	if value := values.Get("path_style"); value != "" {
		style, err := strconv.ParseBool(value)
		if err != nil {
			return nil, fmt.Errorf("path_style %q: expected true or false", value)
		}
		set = append(set, func(o *s3.Options) { o.UsePathStyle = style })
	}
	switch value := values.Get("checksums"); value {
	case "":
	case "when_supported":
		load = append(load,
			config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenSupported),
			config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenSupported))
	case "when_required":
		load = append(load,
			config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired),
			config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired))
	default:
		return nil, fmt.Errorf("checksums %q: expected when_supported or when_required", value)
	}

	switch value := values.Get("probe"); value {
	case "":
	case "off":
		o.NoProbe = true
	default:
		return nil, fmt.Errorf("probe %q: expected off, or no such parameter", value)
	}

	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, fmt.Errorf("no region: expected the parameter region or the variable AWS_REGION")
	}
	return New(s3.NewFromConfig(cfg, set...), u.Host, o)
}

// httpClient keeps connections open: with the usual 2 a host most calls would
// begin with a handshake.
func httpClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns = 256
		t.MaxIdleConnsPerHost = 256
	})
}
