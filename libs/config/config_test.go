package config_test

import (
	"cmp"
	"errors"
	"flag"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/config"
)

var update = flag.Bool("update", false, "write the messages of testdata/bad as they are now; read the diff")

// settings has a field of every kind.
type settings struct {
	Listen  string         `key:"listen" help:"address to listen on" placeholder:"host:port" validate:"hostport"`
	Store   string         `key:"store" help:"where the lists are kept" validate:"required"`
	Origins []string       `key:"cors_origins" help:"origins that may call the API" validate:"dive,min=1,max=40"`
	Level   slog.Level     `key:"log_level" help:"least level that is logged" expect:"debug, info, warn or error"`
	Public  *url.URL       `key:"public_url" help:"address that clients use"`
	Proxies []netip.Prefix `key:"proxies" help:"networks of trusted proxies"`
	HTTP    struct {
		Body    config.ByteSize `key:"max_body" help:"largest request body" validate:"min=1,max=1048576"`
		Timeout time.Duration   `key:"timeout" help:"longest time for a request" validate:"min=1ms"`
		Port    uint16          `key:"port" help:"port of the metrics"`
		Retries int8            `key:"retries" help:"further attempts"`
		Ratio   float64         `key:"ratio" help:"share of the requests that are traced"`
		Debug   bool            `key:"debug" help:"log every request"`
	} `key:"http"`
	S3 struct {
		Region string          `key:"region" help:"region of the bucket"`
		Secret string          `key:"secret" help:"secret access key" secret:"true" validate:"omitempty,min=8"`
		Pin    int64           `key:"pin" help:"number of the key" secret:"true"`
		Size   config.ByteSize `key:"part_size" help:"size of a part" secret:"true"`
	} `key:"s3"`
	Internal int `key:"-"`
}

func defaults() settings {
	s := settings{Listen: ":8080", Store: "file://./data", Internal: 7}
	s.HTTP.Body = 1 << 20
	s.HTTP.Timeout = 10 * time.Second
	return s
}

// write makes a file with text and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	type s struct {
		Store  string `key:"store"`
		Secret string `key:"secret" secret:"true"`
	}
	file := write(t, "c.yaml", "store: file\nsecret: file\n")
	mounted := write(t, "secret", "mounted\n")
	for _, test := range []struct {
		name string
		args []string
		env  []string
		file string
		want s
	}{
		{"default", nil, nil, "", s{"default", "default"}},
		{"file over default", nil, nil, file, s{"file", "file"}},
		{"mounted secret over file", nil, []string{"T_SECRET_FILE=" + mounted}, file, s{"file", "mounted"}},
		{
			"variable over mounted secret and file", nil,
			[]string{"T_SECRET_FILE=" + mounted, "T_SECRET=variable", "T_STORE=variable"},
			file,
			s{"variable", "variable"},
		},
		{"variable over alias", nil, []string{"T_STORE=variable", "BUCKET=alias", "OLDER=older"}, file, s{"variable", "file"}},
		{"earlier alias over later", nil, []string{"BUCKET=alias", "OLDER=older"}, file, s{"s3://alias", "file"}},
		{"alias over file", nil, []string{"OLDER=older"}, file, s{"older", "file"}},
		{
			"flag over everything",
			[]string{"--store=flag"},
			[]string{"T_STORE=variable", "BUCKET=alias", "T_SECRET=variable"},
			file,
			s{"flag", "variable"},
		},
		{"an empty variable counts as unset", nil, []string{"T_STORE=", "BUCKET=", "T_SECRET=", "T_SECRET_FILE=", "T_UNKNOWN=", "T_CONFIG="}, file, s{"file", "file"}},
		{"the last variable of a name counts", nil, []string{"T_STORE=first", "T_STORE=last"}, "", s{"last", "default"}},
		{"an empty flag is a value", []string{"--store="}, []string{"T_STORE=variable"}, file, s{"", "file"}},
		{"the last flag counts", []string{"--store=first", "--store", "last"}, nil, "", s{"last", "default"}},
		{"--config over the variable", []string{"--config", file}, []string{"T_CONFIG=/nowhere.yaml"}, "", s{"file", "file"}},
		{"the last --config counts", []string{"--config=/nowhere.yaml", "--config", file}, nil, "", s{"file", "file"}},
		{"the variable over the default path", nil, []string{"T_CONFIG=" + file}, "/nowhere.yaml", s{"file", "file"}},
		{"a default path that is not there", nil, nil, "/nowhere.yaml", s{"default", "default"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			bucket := func(name string) string { return "s3://" + name }
			// The order of the sources must not matter.
			got, err := config.Load(s{"default", "default"}, config.File(test.file), config.Args(test.args, nil),
				config.Env("T_", test.env, config.Alias("BUCKET", "store", bucket), config.Alias("OLDER", "store", nil)))
			if err != nil || got != test.want {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

func everything() settings {
	want := defaults()
	want.Listen = "[::1]:0"
	want.Store = "s3://b?region=eu-west-1"
	want.Origins = []string{"https://a.example", "*"}
	want.Level = slog.LevelWarn
	want.Public = &url.URL{Scheme: "https", Host: "todo.example", Path: "/x"}
	want.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	want.HTTP.Body = 512 << 10
	want.HTTP.Timeout = 90 * time.Second
	want.HTTP.Port = 65535
	want.HTTP.Retries = -128
	want.HTTP.Ratio = 0.25
	want.HTTP.Debug = true
	want.S3.Region = "eu-west-1"
	want.S3.Secret = "p=a,s s#w"
	want.S3.Pin = 1234
	want.S3.Size = 5e6
	return want
}

func TestEverySourceReadsEveryKind(t *testing.T) {
	t.Parallel()
	flags := []string{
		"--listen", "[::1]:0", "--store=s3://b?region=eu-west-1", "--cors-origins=https://a.example", "--cors-origins=*",
		"--log-level=warn", "--public-url=https://todo.example/x", "--proxies", "10.0.0.0/8", "--http-max-body=512KiB",
		"--http-timeout=1m30s", "--http-port=65535", "--http-retries", "-128", "--http-ratio=0.25", "--http-debug", "--s3-region=eu-west-1",
	}
	secrets := []string{"TODO_S3_SECRET=p=a,s s#w", "TODO_S3_PIN=1234", "TODO_S3_PART_SIZE=5MB"}
	variables := append([]string{
		"TODO_LISTEN=[::1]:0", "TODO_STORE=s3://b?region=eu-west-1", "TODO_CORS_ORIGINS=https://a.example , *", "TODO_LOG_LEVEL=warn",
		"TODO_PUBLIC_URL=https://todo.example/x", "TODO_PROXIES=10.0.0.0/8", "TODO_HTTP_MAX_BODY=512KiB", "TODO_HTTP_TIMEOUT=1m30s",
		"TODO_HTTP_PORT=65535", "TODO_HTTP_RETRIES=-128", "TODO_HTTP_RATIO=0.25", "TODO_HTTP_DEBUG=true", "TODO_S3_REGION=eu-west-1",
	}, secrets...)
	mounted := []string{
		"TODO_S3_SECRET_FILE=" + write(t, "secret", "\ufeffp=a,s s#w\r\n"),
		"TODO_S3_PIN_FILE=" + write(t, "pin", "1234"),
		"TODO_S3_PART_SIZE_FILE=" + write(t, "size", "5MB\n"),
	}
	for name, sources := range map[string][]config.Source{
		"flags":          {config.Args(flags, nil), config.Env("TODO_", secrets)},
		"variables":      {config.Env("TODO_", variables)},
		"secret files":   {config.Args(flags, nil), config.Env("TODO_", mounted)},
		"all.yaml":       {config.File("testdata/good/all.yaml")},
		"all.toml":       {config.File("testdata/good/all.toml")},
		"all.json":       {config.File("testdata/good/all.json")},
		"numbers.yaml":   {config.File("testdata/good/numbers.yaml"), config.Args(flags, nil), config.Env("TODO_", secrets)},
		"bom-crlf.yaml":  {config.File("testdata/good/bom-crlf.yaml"), config.Args(flags, nil), config.Env("TODO_", secrets)},
		"comments.yaml":  {config.File("testdata/good/comments.yaml"), config.Args(flags, nil), config.Env("TODO_", secrets)},
		"sections.yaml":  {config.File("testdata/good/sections.yaml"), config.Args(flags, nil), config.Env("TODO_", secrets)},
		"empty.toml":     {config.File("testdata/good/empty.toml"), config.Args(flags, nil), config.Env("TODO_", secrets)},
		"JSON by env":    {config.File(""), config.Env("TODO_", []string{"TODO_CONFIG=testdata/good/all.json"})},
		"a flag's -- ok": {config.Args(append(flags, "--"), nil), config.Env("TODO_", secrets)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := config.Load(defaults(), sources...)
			if want := everything(); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, want)
			}
		})
	}
}

// Each file of testdata/bad has beside it, as NAME.want, the message that it
// must give.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*")
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, path := range files {
		if strings.HasSuffix(path, ".want") {
			continue
		}
		tested++
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			loaded, err := config.Load(defaults(), config.Args([]string{"--config", path}, nil), config.File(""))
			var problems *config.Error
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, %v; want a *config.Error", loaded, err)
			}
			if !reflect.DeepEqual(loaded, settings{}) {
				t.Errorf("got %+v with the error, want the zero value", loaded)
			}
			if *update {
				if err := os.WriteFile(path+".want", []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(path + ".want")
			if readErr != nil {
				t.Fatal(readErr)
			}
			// encoding/json has other words with GOEXPERIMENT=jsonv2.
			got := strings.ReplaceAll(err.Error()+"\n", "in string\n", "in string literal\n")
			if got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
	if tested < 20 {
		t.Errorf("got %d bad files, want those of the directory", tested)
	}
}

type tree struct {
	Below map[string]tree `key:"below"`
}

func TestBadFlagsAndVariables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty, large := write(t, "empty", "\n"), write(t, "large", strings.Repeat("x", 64<<10+1))
	for _, test := range []struct {
		name string
		args []string
		env  []string
		want []string
	}{
		{"unknown flag", []string{"--lisen", ":1"}, nil, []string{"--lisen: unknown flag, the nearest known is --listen"}},
		{"unknown flag with a value", []string{"--lisen=:1"}, nil, []string{"--lisen: unknown flag, the nearest known is --listen"}},
		{"one dash", []string{"-listen", ":1"}, nil, []string{"-l: unknown flag, the nearest known is --listen"}},
		{"a flag of go test", []string{"-test.v"}, nil, []string{"-test.: unknown flag"}},
		{"nothing but signs", []string{"-=hunter2", "-é"}, nil, []string{"-=: unknown flag", "-é: unknown flag"}},
		{"three dashes", []string{"---listen=:1"}, nil, []string{"---listen: unknown flag, the nearest known is --listen"}},
		{"no value", []string{"--listen"}, nil, []string{"--listen: expected a value after it, got none"}},
		{"operand", []string{"serve"}, nil, []string{`"serve": unexpected argument, flags begin with --`}},
		{"wrong types", []string{"--http-debug=yes", "--http-port=65536", "--http-retries=-129", "--http-ratio=NaN", "--log-level=loud", "--http-max-body=1.5MiB", "--http-timeout=10", "--public-url=/x", "--proxies=10.0.0.0/8,10.0.0.1"}, nil, []string{
			`--log-level: log_level: expected debug, info, warn or error, got "loud" (slog: level string "loud": unknown name)`,
			`--public-url: public_url: expected an absolute URL, such as https://example.org, got "/x"`,
			`--proxies: proxies: expected a valid netip.Prefix as element 2, got "10.0.0.1" (netip.ParsePrefix("10.0.0.1"): no '/')`,
			`--http-max-body: http.max_body: expected a size, such as 512KiB or 1MiB, got "1.5MiB" (not a whole number with one of the units B, KiB, MiB, GiB, TiB, kB, MB, GB, TB)`,
			`--http-timeout: http.timeout: expected a duration with a unit, such as 1m30s, got "10"`,
			`--http-port: http.port: expected an integer from 0 to 65535, got "65536"`,
			`--http-retries: http.retries: expected an integer from -128 to 127, got "-129"`,
			`--http-ratio: http.ratio: expected a number, got "NaN"`,
			`--http-debug: http.debug: expected true or false, got "yes"`,
		}},
		{"broken rules", []string{"--store=", "--cors-origins=a," + strings.Repeat("b", 41), "--http-timeout=1us"}, []string{"TODO_LISTEN=nowhere", "TODO_HTTP_MAX_BODY=1MiB1"}, []string{
			`TODO_HTTP_MAX_BODY: http.max_body: expected a size, such as 512KiB or 1MiB, got "1MiB1" (not a whole number with one of the units B, KiB, MiB, GiB, TiB, kB, MB, GB, TB)`,
			`TODO_LISTEN: listen: expected host:port, such as 127.0.0.1:8080 or :8080, got "nowhere"`,
			`--store: store: expected a value, got none; set --store or TODO_STORE or store in the configuration file`,
			`--cors-origins: cors_origins: expected at most 40 characters as element 2, got "` + strings.Repeat("b", 41) + `"`,
			`--http-timeout: http.timeout: expected at least 1ms, got "1µs"`,
		}},
		{"a size above the limit", nil, []string{"TODO_HTTP_MAX_BODY=2MiB"}, []string{`TODO_HTTP_MAX_BODY: http.max_body: expected at most 1MiB, got "2MiB"`}},
		{"a quote that is not closed", nil, []string{`TODO_CORS_ORIGINS="a,b`}, []string{`TODO_CORS_ORIGINS: cors_origins: expected a list, each element a string, got "\"a,b" (a double quote is not closed)`}},
		{"a letter that looks like another", []string{"--l\u0456sten=:1"}, nil, []string{"--l\u0456sten: unknown flag, the nearest known is --listen, without U+0456"}},
		{"an empty element", nil, []string{"TODO_CORS_ORIGINS=a,,b"}, []string{"TODO_CORS_ORIGINS: cors_origins: expected a string as element 2, got an empty value"}},
		{"unknown variables", nil, []string{"TODO_LISEN=:1", "TODO_STORE_FILE=x", "TODO_S3_SECRT=hunter2"}, []string{
			"TODO_LISEN: unknown variable, the nearest known is TODO_LISTEN",
			"TODO_S3_SECRT: unknown variable, the nearest known is TODO_S3_SECRET",
			"TODO_STORE_FILE: unknown variable: only a secret is read from a file; set TODO_STORE",
		}},
		{"an overridden value of the wrong type", []string{"--http-debug=false"}, []string{"TODO_HTTP_DEBUG=maybe"}, []string{
			`TODO_HTTP_DEBUG: http.debug: expected true or false, got "maybe"`,
		}},
		{"an alias", nil, []string{"STORAGE_LISTEN=nowhere"}, []string{
			`STORAGE_LISTEN: listen: expected host:port, such as 127.0.0.1:8080 or :8080, got "nowhere"`,
		}},
		{"secrets", []string{"--s3-secret=hunter2"}, []string{"TODO_S3_SECRET=hunter2", "TODO_S3_PIN=hunter2"}, []string{
			"--s3-secret: s3.secret: a secret is not taken from the command line, which every user of the machine can read; set TODO_S3_SECRET or TODO_S3_SECRET_FILE",
			"TODO_S3_PIN: s3.pin: expected an integer, got [redacted]",
			"TODO_S3_SECRET: s3.secret: expected at least 8 characters, got [redacted]",
		}},
		{"secret files", nil, []string{"TODO_S3_SECRET_FILE=hunter2", "TODO_S3_PIN_FILE=" + empty, "TODO_S3_PART_SIZE_FILE=" + large}, []string{
			"TODO_S3_SECRET_FILE: s3.secret: expected the name of a readable file: no such file or directory",
			"TODO_S3_PIN_FILE: s3.pin: expected a file with the value, got an empty one",
			"TODO_S3_PART_SIZE_FILE: s3.part_size: expected the name of a readable file: it is larger than 64KiB",
		}},
		{"an overridden secret file that is not there", nil, []string{"TODO_S3_SECRET=long enough", "TODO_S3_SECRET_FILE=" + dir}, []string{
			"TODO_S3_SECRET_FILE: s3.secret: expected the name of a readable file: is a directory",
		}},
		{"no such configuration file", []string{"--config=nowhere.yaml"}, nil, []string{
			`--config: cannot read the configuration file "nowhere.yaml": no such file or directory`,
		}},
		{"no such configuration file by variable", nil, []string{"TODO_CONFIG=nowhere.yaml"}, []string{
			`TODO_CONFIG: cannot read the configuration file "nowhere.yaml": no such file or directory`,
		}},
		{"an unnamed configuration file", []string{"--config="}, nil, []string{
			`--config: cannot read the configuration file "": no such file or directory`,
		}},
		{"a password in a URL", []string{"--public-url=postgres://u:hun/ter2@h/db"}, []string{"TODO_LISTEN=https://u:hunter2@h/"}, []string{
			`--public-url: public_url: expected an absolute URL, such as https://example.org, got "postgres://u:xxxxx@h/db"`,
			`TODO_LISTEN: listen: expected host:port, such as 127.0.0.1:8080 or :8080, got "https://u:xxxxx@h/"`,
		}},
		{"everything at once", []string{"--a=hunter2", "hunter2", "-b", "--=hunter2", "--c", "--listen=1"}, []string{"TODO_A=1"}, []string{
			"--a: unknown flag",
			"-b: unknown flag",
			"--: unknown flag",
			"--c: unknown flag",
			"TODO_A: unknown variable",
			`--listen: listen: expected host:port, such as 127.0.0.1:8080 or :8080, got "1"`,
		}},
		{"names that are not near", []string{"--b=1", "--listne=1", "--http-x"}, []string{"TODO_X=1", "TODO_STROE=1"}, []string{
			"--b: unknown flag",
			"--listne: unknown flag, the nearest known is --listen",
			"--http-x: unknown flag",
			"TODO_STROE: unknown variable, the nearest known is TODO_STORE",
			"TODO_X: unknown variable",
		}},
		{"control characters", []string{"--\x1b[31m\n"}, nil, []string{`--\x1b[31m\n: unknown flag`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(defaults(), config.Args(test.args, nil), config.File(""),
				config.Env("TODO_", test.env, config.Alias("STORAGE_LISTEN", "listen", nil)))
			var problems *config.Error
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want a *config.Error", err)
			}
			var got []string
			for _, p := range problems.Problems {
				got = append(got, p.String())
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(test.want, "\n\t"))
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got the secret in %q", err)
			}
		})
	}
}

func TestVariablesOfOthersPass(t *testing.T) {
	t.Parallel()
	environ := []string{
		"TODO_SERVICE_HOST=10.0.0.1", "TODO_SERVICE_PORT=80", "TODO_SERVICE_PORT_HTTP=80", "TODO_PORT=tcp://10.0.0.1:80",
		"TODO_PORT_80_TCP=tcp://10.0.0.1:80", "TODO_PORT_80_TCP_PROTO=tcp", "TODO_PORT_80_TCP_PORT=80", "TODO_PORT_80_TCP_ADDR=10.0.0.1",
		"TODO_API_PORT=udp://10.0.0.1:80", "TODO_E2E_BROWSER=x", "TODO_TOKEN=x", "TODOLIST=x", "PATH=x", "=C:=x", "todo_listen=x",
	}
	got, err := config.Load(defaults(), config.Env("TODO_", environ, config.Ignore("TODO_E2E_*", "TODO_TOKEN")))
	if err != nil || !reflect.DeepEqual(got, defaults()) {
		t.Errorf("got %+v, %v; want the defaults", got, err)
	}
	for _, variable := range []string{"TODO_PORT=80", "TODO_E2E=x", "TODO_TOKENS=x", "TODO_CONFIG=x.yaml"} {
		if _, err := config.Load(defaults(), config.Env("TODO_", []string{variable}, config.Ignore("TODO_E2E_*", "TODO_TOKEN"))); err == nil {
			t.Errorf("%s: got no error, want it refused", variable)
		}
	}
}

func TestOperands(t *testing.T) {
	t.Parallel()
	var operands []string
	got, err := config.Load(defaults(), config.Args([]string{"config", "--http-debug", "x", "--store", "mem:", "--", "--listen"}, &operands))
	if want := []string{"config", "x", "--listen"}; err != nil || !reflect.DeepEqual(operands, want) {
		t.Errorf("got operands %q, %v; want %q", operands, err, want)
	}
	if !got.HTTP.Debug || got.Store != "mem:" {
		t.Errorf("got %+v, want the flags between the operands", got)
	}
}

func TestHelpIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"-h"}, {"--unknown", "config", "--help", "--listen"}} {
		if _, err := config.Load(defaults(), config.Args(args, nil)); !errors.Is(err, config.ErrHelp) {
			t.Errorf("%q: got %v, want ErrHelp", args, err)
		}
	}
	if _, err := config.Load(defaults(), config.Args([]string{"--", "--help"}, new([]string))); err != nil {
		t.Errorf("got %v for an operand --help, want none", err)
	}
}

// Rules between fields say nothing while one of them is malformed.
func TestRulesBetweenFields(t *testing.T) {
	t.Parallel()
	type s struct {
		Min  int64  `key:"min"`
		Max  int64  `key:"max" validate:"gtefield=Min"`
		Name string `key:"name" validate:"required_with=User"`
		User string `key:"user"`
	}
	_, err := config.Load(s{}, config.Env("T_", []string{"T_MIN=9", "T_MAX=8", "T_USER=u"}))
	const want = "configuration: 2 problems\n" +
		"  T_MAX: max: expected what the rule gtefield=Min allows, got \"8\"\n" +
		"  default: name: expected what the rule required_with=User allows, got none; set T_NAME"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	_, err = config.Load(s{}, config.Env("T_", []string{"T_MIN=nine", "T_MAX=-1", "T_USER=u"}))
	if want := `configuration: T_MIN: min: expected an integer, got "nine"`; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestFaultsOfTheProgram(t *testing.T) {
	t.Parallel()
	env := config.Env("T_", nil)
	twice := func(s config.Source) []config.Source { return []config.Source{s, s} }
	for _, test := range []struct {
		want string
		load func() error
	}{
		{"config: settings are a struct, not int", fault(1)},
		{`config: field A has no key tag (key:"-" leaves it alone)`, fault(struct{ A int }{})},
		{`config: field A: key "A" is not [a-z][a-z0-9_]*`, fault(struct {
			A int `key:"A"`
		}{})},
		{"config: field a has a key but is not exported", fault(struct {
			a int `key:"a"`
		}{})},
		{"config: field A: type map[int]string cannot be a setting", fault(struct {
			A map[int]string `key:"a"`
		}{})},
		{"config: field Below: type config_test.tree contains itself", fault(tree{})},
		{"config: field A.B: type [][]string cannot be a setting", fault(struct {
			A struct {
				B [][]string `key:"b"`
			} `key:"a"`
		}{})},
		{`config: field A: validate:"dive" is needed for the rules of its elements`, fault(struct {
			A []struct {
				B string `key:"b" validate:"required"`
			} `key:"a" validate:"max=3"`
		}{})},
		{`config: field A: validate:"dive" is needed for the rules of its elements`, fault(struct {
			A map[string]struct {
				B struct {
					C string `key:"c" validate:"required"`
				} `key:"b"`
			} `key:"a"`
		}{})},
		{`config: field A: secret is true or false, not "yes"`, fault(struct {
			A string `key:"a" secret:"yes"`
		}{})},
		{"config: field A: mark the secret fields of the section, not the section", fault(struct {
			A struct{} `key:"a" secret:"true"`
		}{})},
		{"config: --a-b belongs to both a_b and a.b", fault(struct {
			AB int `key:"a_b"`
			A  struct {
				B int `key:"b"`
			} `key:"a"`
		}{})},
		{"config: T_A_FILE belongs to both a and a_file", fault(struct {
			A    string `key:"a" secret:"true"`
			File string `key:"a_file"`
		}{}, env)},
		{"config: --config belongs to both the configuration file and config", fault(struct {
			A string `key:"config"`
		}{}, config.File(""))},
		{"config: --help belongs to both the help text and help", fault(struct {
			A string `key:"help"`
		}{})},
		{"config: Env is passed twice", fault(struct{}{}, twice(env)...)},
		{"config: Args is passed twice", fault(struct{}{}, twice(config.Args(nil, nil))...)},
		{"config: File is passed twice", fault(struct{}{}, twice(config.File(""))...)},
		{`config: prefix "todo" is not upper case with _ at its end, such as TODO_`, fault(struct{}{}, config.Env("todo", nil))},
		{"config: alias X: there is no key b", fault(struct{}{}, config.Env("T_", nil, config.Alias("X", "b", nil)))},
		{"config: alias X: a is set in the configuration file only", fault(struct {
			A map[string]string `key:"a"`
		}{}, config.Env("T_", nil, config.Alias("X", "a", nil)))},
		{`config: alias "X=Y" for a: expected the name of a variable`, fault(struct {
			A string `key:"a"`
		}{}, config.Env("T_", nil, config.Alias("X=Y", "a", nil)))},
		{`config: alias "" for a: expected the name of a variable`, fault(struct {
			A string `key:"a"`
		}{}, config.Env("T_", nil, config.Alias("", "a", nil)))},
		{"config: key a belongs to both A and B", fault(struct {
			A map[string]string `key:"a"`
			B map[string]string `key:"a"`
		}{})},
		{"config: key a belongs to both A and B", fault(struct {
			A string   `key:"a"`
			B struct{} `key:"a"`
		}{})},
		{"config: key l.a belongs to both L.A and L.B", fault(struct {
			L []struct {
				A string `key:"a"`
				B string `key:"a"`
			} `key:"l"`
		}{})},
		{"config: Section is passed twice", fault(struct{}{}, config.File("", config.Section("a"), config.Section("b")))},
		{"config: Section: expected the name of a section", fault(struct{}{}, config.File("", config.Section("")))},
		{"config: IgnoreKeys: a is a key of this program", fault(struct {
			A string `key:"a"`
		}{}, config.File("", config.IgnoreKeys("b", "a")))},
	} {
		err := test.load()
		if err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
		if problems := (*config.Error)(nil); errors.As(err, &problems) {
			t.Errorf("%v: got a *config.Error, want one that no operator is told to fix", err)
		}
	}
}

func fault[T any](defaults T, sources ...config.Source) func() error {
	return func() error { _, err := config.Load(defaults, sources...); return err }
}

func TestDefaultsAreNotWritten(t *testing.T) {
	t.Parallel()
	d := everything()
	if _, err := config.Load(d, config.Env("TODO_", []string{"TODO_PUBLIC_URL=https://other.example/", "TODO_CORS_ORIGINS=x,y", "TODO_PROXIES=::/0"})); err != nil {
		t.Fatal(err)
	}
	if want := everything(); !reflect.DeepEqual(d, want) {
		t.Errorf("got defaults %+v\nwant %+v", d, want)
	}
}

// A text that is not UTF-8, or has a NUL in it, cannot be meant, whatever source it
// is in and whatever it is for.
func TestTextIsText(t *testing.T) {
	t.Parallel()
	type s struct {
		Name   string            `key:"name"`
		Names  []string          `key:"names"`
		Labels map[string]string `key:"labels"`
		Key    config.Secret     `key:"key"`
	}
	const why = " (not UTF-8, or with a NUL)"
	for _, test := range []struct {
		name, file, text string
		args, env        []string
		want             []string
	}{
		{name: "flags", args: []string{"--name=a\x00b", "--names=a,\xff"}, want: []string{
			`--name: name: expected a string, got "a\x00b"` + why, `--names: names: expected a list, each element a string, got "a,\xff"` + why,
		}},
		{name: "variables", env: []string{"T_NAME=\xff", "T_KEY=hunter2\x00"}, want: []string{
			`T_NAME: name: expected a string, got "\xff"` + why, "T_KEY: key: expected a string, got [redacted]" + why,
		}},
		{name: "a secret file in another encoding", env: []string{"T_KEY_FILE=" + write(t, "k", "hunter2\xff\n")}, want: []string{
			"T_KEY_FILE: key: expected a string, got [redacted]" + why,
		}},
		{name: "a secret file with a NUL", env: []string{"T_KEY_FILE=" + write(t, "k", "\x00hunter2")}, want: []string{
			"T_KEY_FILE: key: expected a string, got [redacted]" + why,
		}},
		{file: "nul.yaml", text: "name: \"a\\0b\"\nnames: [\"\\x00\"]\nlabels:\n  a: \"\\0\"\nkey: \"hunter2\\0\"\n", want: []string{
			`FILE:1: name: expected a string, got the string "a\x00b"` + why, `FILE:2: names: expected a string as element 1, got the string "\x00"` + why,
			`FILE:4: labels.a: expected a string, got the string "\x00"` + why, "FILE:5: key: expected a string, got a string, [redacted]" + why,
		}},
		{file: "nul.toml", text: "name = \"a\\u0000b\"\n", want: []string{`FILE:1: name: expected a string, got the string "a\x00b"` + why}},
		{file: "nul.json", text: "{\n\"name\": \"a\\u0000b\",\n\"labels\": {\"a\\u0000\": \"b\"}}", want: []string{
			`FILE:2: name: expected a string, got the string "a\x00b"` + why, `FILE:3: labels.a\x00: expected a string, got the string "b"` + why,
		}},
		{file: "half.yaml", text: "key: x\nname: \"\\ud800\"\n", want: []string{"FILE:2: not valid YAML: found invalid Unicode character escape code"}},
		{file: "half.toml", text: "\nname = \"\\ud800\"\n", want: []string{"FILE:2: not valid TOML: escape sequence is not a valid unicode code point"}},
		{file: "half.json", text: "{\n\"name\": \"\\\\ud800\",\n\"names\": [\"\\ud83d\\ude00\",\n\"x\\ud800\"]}", want: []string{"FILE:4: not valid JSON: half of a surrogate pair in a string"}},
		{file: "low.json", text: `{"name": "\ude00"}`, want: []string{"FILE:1: not valid JSON: half of a surrogate pair in a string"}},
		{file: "key.json", text: "{\n\"\\uD800\": 1}", want: []string{"FILE:2: not valid JSON: half of a surrogate pair in a string"}},
		{file: "two.json", text: `{"name": "\ud83d\ud83d\ude00"}`, want: []string{"FILE:1: not valid JSON: half of a surrogate pair in a string"}},
	} {
		t.Run(test.name+test.file, func(t *testing.T) {
			t.Parallel()
			path := write(t, cmp.Or(test.file, "empty.yaml"), test.text)
			_, err := config.Load(s{}, config.Args(test.args, nil), config.Env("T_", test.env), config.File(path))
			var problems *config.Error
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want a *config.Error", err)
			}
			var got []string
			for _, p := range problems.Problems {
				got = append(got, strings.ReplaceAll(p.String(), path, "FILE"))
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(test.want, "\n\t"))
			}
		})
	}
}

// A time is written the same in every source: RFC 3339, with a zone.
func TestTimesAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	type s struct {
		Since time.Time         `key:"since"`
		Day   day               `key:"day"`
		Texts map[string]string `key:"texts"`
	}
	sources := func(text string) map[string][]config.Source {
		return map[string][]config.Source{
			"flag":            {config.Args([]string{"--since=" + text}, nil)},
			"variable":        {config.Env("T_", []string{"T_SINCE=" + text})},
			"YAML":            {config.File(write(t, "c.yaml", "since: "+text+"\n"))},
			"text in YAML":    {config.File(write(t, "c.yaml", "since: '"+text+"'\n"))},
			"TOML":            {config.File(write(t, "c.toml", "since = "+text+"\n"))},
			"text in TOML":    {config.File(write(t, "c.toml", "since = '"+text+"'\n"))},
			"JSON":            {config.File(write(t, "c.json", `{"since": "`+text+`"}`))},
			"a list in YAML":  {config.File(write(t, "c.yaml", "s: {since: "+text+"}\n"), config.Section("s"))},
			"a table in TOML": {config.File(write(t, "c.toml", "[s]\nsince = "+text+"\n"), config.Section("s"))},
		}
	}
	for _, text := range []string{"2026-01-31T00:00:00Z", "2026-01-31T12:00:00.5+01:00"} {
		want, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		for name, sources := range sources(text) {
			if got, err := config.Load(s{}, sources...); err != nil || !got.Since.Equal(want) {
				t.Errorf("%s %s: got %v, %v, want %v", name, text, got.Since, err, want)
			}
		}
	}
	for _, text := range []string{"2026-01-31", "2026-01-31T12:00:00"} {
		for name, sources := range sources(text) {
			if got, err := config.Load(s{}, sources...); err == nil || !strings.Contains(err.Error(), "expected a time, such as 2026-01-31T12:00:00Z, got ") {
				t.Errorf("%s %s: got %v, %v, want it refused", name, text, got.Since, err)
			}
		}
	}
	// A type of one's own reads the same text from all of them, too.
	for name, text := range map[string]string{"c.yaml": "day: 2026-01-31\n", "c.toml": "day = 2026-01-31\n", "c.json": `{"day": "2026-01-31"}`} {
		if got, err := config.Load(s{}, config.File(write(t, name, text))); err != nil || got.Day != "2026-01-31" {
			t.Errorf("%s: got %q, %v", name, got.Day, err)
		}
	}
	path := write(t, "c.yaml", "texts: {a: 2026-01-31}\n")
	if _, err := config.Load(s{}, config.File(path)); err == nil || !strings.HasSuffix(err.Error(), ":1: texts.a: expected a string, got the date 2026-01-31") {
		t.Errorf("got %v, want a date refused as a text", err)
	}
}

type day string

func (d *day) UnmarshalText(text []byte) error {
	_, err := time.Parse(time.DateOnly, string(text))
	*d = day(text)
	return err
}
