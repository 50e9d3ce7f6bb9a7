package azblobstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/storageurl"
)

// https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftstorage
var (
	accountName   = regexp.MustCompile(`^[a-z0-9]{3,24}$`)
	containerName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// OpenURL is [Options.OpenURL] of the zero Options.
func OpenURL(ctx context.Context, u *url.URL) (storage.Store, error) {
	return Options{}.OpenURL(ctx, u)
}

// OpenURL opens azblob://CONTAINER/PREFIX with the other settings as in o; it is
// a [storageurl.Opener]. Parameters:
//
//	account   the storage account; if empty, AZURE_STORAGE_ACCOUNT
//	endpoint  the address of the account's blob service, for clouds other than
//	          the public one; if empty, https://ACCOUNT.blob.core.windows.net
//
// Credentials are those of azidentity's DefaultAzureCredential
// (https://learn.microsoft.com/azure/developer/go/sdk/authentication/credential-chains).
// AZURE_STORAGE_CONNECTION_STRING, if set, names account, endpoint and credentials
// instead, of an emulator as well; the URL may not have parameters then.
//
// It sends no request; call [Store.Check] to find out whether the container
// answers.
func (o Options) OpenURL(_ context.Context, u *url.URL) (storage.Store, error) {
	values, err := storageurl.Parameters(u, "account", "endpoint")
	if err != nil {
		return nil, err
	}
	switch {
	case u.Host == "":
		return nil, fmt.Errorf("container %q: expected azblob://CONTAINER or azblob://CONTAINER/PREFIX", u.Host)
	case !containerName.MatchString(u.Host) || len(u.Host) < 3 || len(u.Host) > 63:
		return nil, fmt.Errorf("container %q: expected 3 to 63 lower-case letters, digits and single hyphens", u.Host)
	}
	o.Prefix = strings.Trim(u.Path, "/")
	client, err := clientOf(u.Host, values)
	if err != nil {
		return nil, err
	}
	return New(client, o)
}

func clientOf(name string, values url.Values) (*container.Client, error) {
	if connection := os.Getenv("AZURE_STORAGE_CONNECTION_STRING"); connection != "" {
		if len(values) > 0 {
			return nil, errors.New("URL has parameters: expected none, because AZURE_STORAGE_CONNECTION_STRING names the account")
		}
		client, err := container.NewClientFromConnectionString(connection, name, nil)
		if err != nil { // err may repeat the key
			return nil, errors.New("AZURE_STORAGE_CONNECTION_STRING: expected NAME=VALUE pairs with AccountName and AccountKey, or BlobEndpoint and SharedAccessSignature")
		}
		return client, nil
	}
	account := cmp.Or(values.Get("account"), os.Getenv("AZURE_STORAGE_ACCOUNT"))
	endpoint := values.Get("endpoint")
	if endpoint == "" {
		if account == "" {
			return nil, errors.New("no account: expected the parameter account, or the variable AZURE_STORAGE_ACCOUNT or AZURE_STORAGE_CONNECTION_STRING")
		}
		if !accountName.MatchString(account) {
			return nil, fmt.Errorf("account %q: expected 3 to 24 lower-case letters and digits", account)
		}
		endpoint = "https://" + account + ".blob.core.windows.net"
	}
	at, err := storageurl.Endpoint(endpoint, "https://lists.blob.core.usgovcloudapi.net", "https")
	if err != nil {
		return nil, err
	}
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, fmt.Errorf("%w: Azure credentials: %w", storage.ErrUnavailable, err)
	}
	return container.NewClient(at.JoinPath(name).String(), credential, nil)
}
