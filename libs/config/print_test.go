package config_test

import (
	"strings"
	"testing"

	"github.com/gchamon/devops-challenge/libs/config"
)

type printedSettings struct {
	Listen string   `key:"listen" help:"address to listen on" placeholder:"host:port"`
	Store  string   `key:"store" help:"where the lists are kept"`
	Origin []string `key:"cors_origins" help:"origins that may call the API" expect:"a list of origins, or *"`
	S3     struct {
		Secret string `key:"secret" help:"secret access key | of the bucket" secret:"true"`
		Debug  bool   `key:"debug"`
	} `key:"s3"`
}

func printedDefaults() printedSettings {
	d := printedSettings{Listen: ":8080", Store: "https://u:hunter2@h:1/"}
	d.S3.Secret = "hunter2"
	return d
}

func printedSources(args, env []string) []config.Source {
	bucket := func(name string) string { return "s3://" + name }
	return []config.Source{
		config.Args(args, nil),
		config.Env("TODO_", env, config.Alias("STORAGE_BUCKET", "store", bucket)),
		config.File("testdata/good/printed.yaml"),
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	err := config.Help(&got, printedDefaults(), printedSources(nil, nil)...)
	_, asked := config.Load(printedDefaults(), printedSources([]string{"-h"}, []string{"TODO_CONFIG=/nowhere.yaml"})...)
	if asked == nil || asked.Error()+"\n" != got.String() {
		t.Errorf("got %v from Load, want what Help writes", asked)
	}
	const want = `  --config file, TODO_CONFIG
      configuration file: .yaml, .yml, .toml or .json
      default testdata/good/printed.yaml

  --listen host:port, TODO_LISTEN, key listen
      address to listen on
      default :8080

  --store text, TODO_STORE, STORAGE_BUCKET=NAME for s3://NAME, key store
      where the lists are kept
      default https://u:xxxxx@h:1/

  --cors-origins a,b,..., TODO_CORS_ORIGINS, key cors_origins
      origins that may call the API; a list of origins, or *

  TODO_S3_SECRET, TODO_S3_SECRET_FILE, key s3.secret
      secret access key | of the bucket
      default [redacted]

  --[no-]s3-debug, TODO_S3_DEBUG, key s3.debug
      default false
`
	if err != nil || got.String() != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got.String(), want)
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	err := config.Markdown(&got, printedDefaults(), printedSources(nil, nil)...)
	const want = "| Key | Flag | Variable | Default | Meaning |\n" +
		"| --- | --- | --- | --- | --- |\n" +
		"|  | `--config file` | `TODO_CONFIG` | `testdata/good/printed.yaml` | configuration file: .yaml, .yml, .toml or .json |\n" +
		"| `listen` | `--listen host:port` | `TODO_LISTEN` | `:8080` | address to listen on |\n" +
		"| `store` | `--store text` | `TODO_STORE`<br>`STORAGE_BUCKET=NAME for s3://NAME` | `https://u:xxxxx@h:1/` | where the lists are kept |\n" +
		"| `cors_origins` | `--cors-origins a,b,...` | `TODO_CORS_ORIGINS` |  | origins that may call the API; a list of origins, or * |\n" +
		"| `s3.secret` |  | `TODO_S3_SECRET`<br>`TODO_S3_SECRET_FILE` | `[redacted]` | secret access key \\| of the bucket |\n" +
		"| `s3.debug` | `--[no-]s3-debug` | `TODO_S3_DEBUG` | `false` |  |\n"
	if err != nil || got.String() != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got.String(), want)
	}
}

func TestMarkdownOffersWhatTheSourcesOffer(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	err := config.Markdown(&got, struct {
		A int `key:"a" help:"first"`
	}{1}, config.File(""))
	const want = "| Key | Default | Meaning |\n| --- | --- | --- |\n| `a` | `1` | first |\n"
	if err != nil || got.String() != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got.String(), want)
	}
}

func TestEffective(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	err := config.Effective(&got, printedDefaults(), printedSources(
		[]string{"--listen=:1"},
		[]string{"TODO_LISTEN=:2", "STORAGE_BUCKET=b", "TODO_STORE=x y://u:hunter2@h/", "TODO_S3_SECRET=hunter2", "TODO_S3_SECRET_FILE=testdata/good/printed.yaml"},
	)...)
	const want = `KEY           VALUE                SOURCE                        OVERRIDES
listen        :1                   --listen                      TODO_LISTEN, testdata/good/printed.yaml:1
store         "x y://u:xxxxx@h/"   TODO_STORE                    STORAGE_BUCKET
cors_origins  https://a.example,*  testdata/good/printed.yaml:2
s3.secret     [redacted]           TODO_S3_SECRET                TODO_S3_SECRET_FILE, testdata/good/printed.yaml:4
s3.debug      false                default
`
	if err != nil || got.String() != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got.String(), want)
	}
	got.Reset()
	if err := config.Effective(&got, printedDefaults(), config.Args([]string{"--x"}, nil)); err == nil || got.Len() > 0 {
		t.Errorf("got %v and %q, want the problem and nothing written", err, got.String())
	}
}
