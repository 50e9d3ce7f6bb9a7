package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/gchamon/devops-challenge/libs/config"
)

// Any file loads, or each problem is one printable line that begins with the file's
// name.
func FuzzFile(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*", "testdata/bad/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range files {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			for _, extension := range []string{".yaml", ".toml", ".json"} {
				if filepath.Ext(path) == extension {
					f.Add(extension, data)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, extension string, data []byte) {
		if extension != ".yaml" && extension != ".toml" && extension != ".json" {
			t.Skip()
		}
		path := filepath.Join(t.TempDir(), "c"+extension)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(defaults(), config.File(path))
		checkProblems(t, err, path)
	})
}

// For any command line and environment, Load returns, and reports problems in
// printable lines.
func FuzzFlagsAndVariables(f *testing.F) {
	f.Add("--listen=:1\n--http-debug\nconfig\n--", "TODO_STORE=mem:\nTODO_S3_SECRET_FILE=x\nTODO_=\n=")
	f.Add("--\n--help\n-h\n-=\n--=\n---\n-\n", "TODO_PROXIES=,\nTODO_HTTP_TIMEOUT=1\nSTORAGE_BUCKET=b")
	f.Add("--cors-origins\n--listen\n--http-port=-1", "TODO_PUBLIC_URL=a:b@c://d")
	f.Fuzz(func(t *testing.T, args, env string) {
		_, err := config.Load(defaults(), config.Args(strings.Split(args, "\n"), nil),
			config.Env("TODO_", strings.Split(env, "\n"), config.Alias("STORAGE_BUCKET", "store", nil)))
		if !errors.Is(err, config.ErrHelp) {
			checkProblems(t, err, "")
		}
	})
}

func checkProblems(t *testing.T, err error, source string) {
	t.Helper()
	if err == nil {
		return
	}
	var problems *config.Error
	if !errors.As(err, &problems) || len(problems.Problems) == 0 {
		t.Fatalf("got %v, want a *config.Error with problems", err)
	}
	for _, p := range problems.Problems {
		if !strings.HasPrefix(p.Source, source) && p.Source != "default" || p.Source == "" || p.Detail == "" {
			t.Errorf("got problem %+v, want its source %s and a detail", p, source)
		}
		for _, r := range p.String() {
			if !unicode.IsPrint(r) {
				t.Errorf("got %q with %U, want one printable line", p, r)
			}
		}
	}
}

// A secret at any place that can have one, rightly or by mistake, is in no message
// and no table.
func FuzzSecretStaysSecret(f *testing.F) {
	for _, secret := range []string{"", "hunter2", "a b", "p@ss:w/ord", "1", "*", "\"", "'", "#", "\n", "é", "]"} {
		f.Add(secret)
	}
	f.Fuzz(func(t *testing.T, noise string) {
		// The marks keep noise such as "s" from being found in every message.
		secret := "Zq" + strings.ReplaceAll(noise, "\x00", "") + "qZ"
		if len(noise) > 40 { // longer ones are cut in messages
			t.Skip()
		}
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		named := func(extension, format string) []config.Source {
			path := filepath.Join(t.TempDir(), "c"+extension)
			if err := os.WriteFile(path, fmt.Appendf(nil, format, quoted), 0o600); err != nil {
				t.Fatal(err)
			}
			return []config.Source{config.File(path)}
		}
		loads := [][]config.Source{
			{config.Env("TODO_", []string{"TODO_S3_SECRET=" + secret, "TODO_S3_PIN=" + secret, "TODO_S3_PART_SIZE=" + secret})},
			{config.Env("TODO_", []string{"TODO_S3_SECRET=" + secret})},
			{config.Env("TODO_", []string{"TODO_S3_SECRT=" + secret})},
			{config.Env("TODO_", []string{"TODO_S3_SECRET_FILE=" + secret})},
			{config.Args([]string{"--s3-secret=" + secret}, nil)},
			{config.Args([]string{"--s3-secret", secret}, nil)},
			{config.Args([]string{"--s3-secrt=" + secret}, nil)},
			{config.Args([]string{"--s3-secrt", secret}, nil)},
			{config.Args([]string{"-s3-secret", secret}, nil)},
			{config.Args([]string{"-p" + secret}, nil)},
			{config.Args([]string{"---s3-secret=" + secret}, nil)},
			{config.Args([]string{"---s3-secret", secret}, nil)},
		}
		for _, extension := range []string{".json", ".yaml"} {
			loads = append(loads,
				named(extension, `{"s3": {"secret": %s}}`), named(extension, `{"s3": {"pin": %s}}`),
				named(extension, `{"s3": {"secret": [%s]}}`), named(extension, `{"s3": {"secret": {"x": %s}}}`),
				named(extension, `{"s3": {"part_size": %s}}`), named(extension, `{"s3": %s}`), named(extension, `{"s3": {"secrt": %s}}`),
				named(extension, `{"s3": {"secret": 1, "secret": %s}}`))
		}
		loads = append(loads, named(".toml", "s3.secret = %s"), named(".toml", "s3.pin = %s"), named(".toml", "s3 = %s"), named(".toml", "x = [%s]"))
		type part struct {
			Key string   `key:"key" secret:"true" validate:"max=1"`
			All []string `key:"all" secret:"true" validate:"max=0"`
		}
		type wholes struct {
			List []part            `key:"list" validate:"max=1"`
			Map  map[string]part   `key:"map" validate:"max=1"`
			Keys map[string]string `key:"keys" secret:"true" validate:"max=1"`
		}
		plain := len(loads)
		for _, format := range []string{
			`{"list": [{"key": %[1]s}, {"key": %[1]s, "all": [%[1]s]}]}`, `{"map": {"a": {"key": %[1]s}, "b": {"all": [%[1]s]}}}`,
			`{"keys": {"a": %[1]s, "b": %[1]s}}`, `{"list": [%s]}`, `{"map": {"a": %s}}`, `{"map": {"a": {"key": [%s]}}}`, `{"keys": {"a": [%s]}}`,
		} {
			loads = append(loads, named(".json", format), named(".yaml", format))
		}
		for i, sources := range loads {
			var out strings.Builder
			var err error
			if i < plain {
				err = config.Effective(&out, defaults(), sources...)
			} else {
				err = config.Effective(&out, wholes{}, sources...)
			}
			if err != nil {
				out.WriteString(err.Error())
			}
			if strings.Contains(out.String(), secret) || strings.Contains(out.String(), strings.Trim(string(quoted), `"`)) {
				t.Errorf("load %d: got the secret %q in\n%s", i, secret, out.String())
			}
		}
	})
}

func FuzzByteSize(f *testing.F) {
	for _, text := range []string{"0", "1", "1B", "1KiB", "3MiB", "1024GiB", "9TB", "1kB", "9223372036854775807", "9223372036854775808", "8388608TiB", "-1", "1.5MiB", "1 MiB", "MiB", "1mib", "1Kib", "1KB", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got, again config.ByteSize
		if got.UnmarshalText([]byte(text)) != nil {
			return
		}
		if got < 0 {
			t.Fatalf("%q: got %d, want none below zero", text, int64(got))
		}
		if err := again.UnmarshalText([]byte(got.String())); err != nil || again != got {
			t.Errorf("%q: got %d back from %s (%v), want %d", text, int64(again), got, err, int64(got))
		}
	})
}

func TestByteSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.ByteSize{
		"0": 0, "7": 7, "7B": 7, "1KiB": 1 << 10, "2MiB": 2 << 20, "3GiB": 3 << 30, "4TiB": 4 << 40,
		"1kB": 1e3, "2MB": 2e6, "3GB": 3e9, "4TB": 4e12, "9223372036854775807": 1<<63 - 1,
	} {
		var got config.ByteSize
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", text, int64(got), err, int64(want))
		}
	}
	for _, text := range []string{"", "B", "-1", "+1", "1.5MiB", "1 MiB", "1mib", "1KB", "1K", "1BB", "8388608TiB", "9223372036854775808", "99999999999999999999"} {
		var got config.ByteSize
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %d, want an error", text, int64(got))
		}
	}
	for size, want := range map[config.ByteSize]string{0: "0B", 1: "1B", 1023: "1023B", 1 << 10: "1KiB", 1536: "1536B", 5 << 20: "5MiB", 1 << 50: "1024TiB", 16e6: "16MB", 1e3 << 10: "1000KiB", 3e15: "3000TB", 1500: "1500B"} {
		if got := size.String(); got != want {
			t.Errorf("%d: got %s, want %s", int64(size), got, want)
		}
	}
}
