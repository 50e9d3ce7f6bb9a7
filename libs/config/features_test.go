package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/libs/config"
)

type common struct {
	Verbose bool `key:"verbose" help:"log more"`
}

type rich struct {
	common
	Since   time.Time     `key:"since"`
	Token   config.Secret `key:"token" validate:"omitempty,min=8"`
	Page    bool          `key:"page"`
	Names   []string      `key:"names" validate:"dive,min=2"`
	Servers []struct {
		Host string        `key:"host" validate:"required"`
		Port uint16        `key:"port"`
		Key  config.Secret `key:"key"`
	} `key:"servers" validate:"dive"`
	Labels map[string]string `key:"labels"`
	Hosts  map[string]struct {
		Port uint16 `key:"port"`
	} `key:"hosts"`
}

func TestRichTypesFromFiles(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"c.yaml": "verbose: true\nsince: 2026-11-25T10:00:00Z\nnames: [\"a,b\", cd]\nservers:\n  - host: a\n    port: 1\n  - {host: b, key: hunter22}\nlabels: {Team: x, a.b: y}\n",
		"c.toml": "verbose = true\nsince = 2026-11-25T10:00:00Z\nnames = [\"a,b\", \"cd\"]\n[[servers]]\nhost = \"a\"\nport = 1\n[[servers]]\nhost = \"b\"\nkey = \"hunter22\"\n[labels]\nTeam = \"x\"\n\"a.b\" = \"y\"\n",
		"c.json": `{"verbose": true, "since": "2026-11-25T10:00:00Z", "names": ["a,b", "cd"], "servers": [{"host": "a", "port": 1}, {"host": "b", "key": "hunter22"}], "labels": {"Team": "x", "a.b": "y"}}`,
	} {
		got, err := config.Load(rich{}, config.File(write(t, name, text)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !got.Verbose || !got.Since.Equal(time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)) ||
			!reflect.DeepEqual(got.Names, []string{"a,b", "cd"}) || len(got.Servers) != 2 || got.Servers[0].Port != 1 ||
			string(got.Servers[1].Key) != "hunter22" || !reflect.DeepEqual(got.Labels, map[string]string{"Team": "x", "a.b": "y"}) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// Problems inside lists of sections and maps name the element and its line.
func TestRichTypesRefuse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"c.yaml", "servers:\n  - host: a\n    port: x\n  - port: 2\n    prot: 3\nlabels: {a: 1}\nsince: yesterday\n", "configuration: 4 problems\n" +
			"  FILE:3: servers[0].port: expected an integer from 0 to 65535, got the string \"x\"\n" +
			"  FILE:5: unknown key servers[1].prot, the nearest known is servers.port\n" +
			"  FILE:6: labels.a: expected a string, got the integer 1\n" +
			"  FILE:7: since: expected a time, such as 2026-01-31T12:00:00Z, got the string \"yesterday\" (parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"yesterday\" as \"2006\")"},
		{"c.toml", "[[servers]]\nhost = \"a\"\n[[servers]]\nhost = 1\n", "configuration: FILE:4: servers[1].host: expected a string, got the integer 1"},
		{"c.json", "{\"servers\": [\n{\"host\": \"\"},\n{\"host\": \"b\", \"key\": 12345}]}", "configuration: FILE:3: servers[1].key: expected a string, got an integer, [redacted]"},
		{"c.yaml", "servers:\n  - host: \"\"\nnames: [ab, c]\n", "configuration: 2 problems\n  FILE:3: names: expected at least 2 characters as element 2, got \"c\"\n" +
			"  FILE:2: servers[0].host: expected a value, got none; set servers[0].host in the configuration file"},
		{"c.yaml", "servers:\n  - host: a\n  - port: 2\n", "configuration: FILE:3: servers[1].host: expected a value, got none; set servers[1].host in the configuration file"},
		{"c.yaml", "labels: {\"a]\": 1}\n", "configuration: FILE:1: labels.a]: expected a string, got the integer 1"},
		{"c.yaml", "labels:\n  <<: {a: b}\n", "configuration: FILE:2: expected a plain key"},
		{"c.yaml", "labels: {~: a}\n", "configuration: FILE:1: expected a plain key"},
		{"c.yaml", "token: abcdefgh\npage: true\npage: true\npage: true\n", "configuration: 2 problems\n  FILE:3: page: set twice, first in line 2\n  FILE:4: page: set twice, first in line 2"},
		{"c.json", `{"servers": [{"host": "a", "[port": 1}]}`, "configuration: FILE:1: unknown key servers[0][port, the nearest known is servers.port"},
		{"c.toml", strings.Repeat("a.", 40000) + "b = 1", "configuration: FILE:1: nested deeper than 32"},
		{"c.yaml", "labels: {404: a}\n", "configuration: FILE:1: labels: expected a section, each value a string, got a section with a key that is not text: quote it"},
		{"c.yaml", "hosts: {\"[::1]:80\": {port: x}, \"[0]\": {port: 1}}\n", "configuration: FILE:1: hosts[::1]:80.port: expected an integer from 0 to 65535, got the string \"x\""},
		{"c.yaml", "servers: {host: a}\n", "configuration: FILE:1: servers: expected a list, each element a section, got a section"},
		{"c.yaml", "hosts: {a: 3, b: [1]}\n", "configuration: 2 problems\n  FILE:1: hosts.a: expected a section, got an integer\n  FILE:1: hosts.b: expected a section, got a list"},
		{"c.yaml", "servers: [a, null]\n", "configuration: 2 problems\n  FILE:1: servers[0]: expected a section, got a string\n  FILE:1: servers[1]: expected a section, got null"},
	} {
		path := write(t, test.name, test.text)
		_, err := config.Load(rich{}, config.File(path))
		if want := strings.ReplaceAll(test.want, "FILE", path); err == nil || err.Error() != want {
			t.Errorf("%s %q: got\n%v\nwant\n%s", test.name, test.text, err, want)
		}
	}
}

// YAML's codec decodes nothing below duplicate keys; required settings were
// reported as missing then.
func TestDuplicateKeysHideNothing(t *testing.T) {
	t.Parallel()
	type settings struct {
		Store string `key:"store" validate:"required"`
		Page  bool   `key:"page"`
	}
	path := write(t, "c.yaml", "store: a\npage: x\n"+strings.Repeat("page: true\n", 20_000))
	_, err := config.Load(settings{}, config.File(path))
	var problems *config.Error
	if !errors.As(err, &problems) || len(problems.Problems) != 20_001 {
		t.Fatalf("got %.200v, want the value and each duplicate", err)
	}
	if got, want := problems.Problems[0].Detail, `expected true or false, got the string "x"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A setting with parts has no flag and no variable; the error says so.
func TestRichTypesElsewhere(t *testing.T) {
	t.Parallel()
	const only = ": this setting has parts of its own, and is set in the configuration file only"
	_, err := config.Load(rich{}, config.Args([]string{"--labels=a=1", "--label=a"}, nil), config.Env("T_", []string{"T_SERVERS=a", "T_SERVER=b"}))
	want := "configuration: 4 problems\n  --labels: unknown flag" + only + "\n  --label: unknown flag\n" +
		"  T_SERVER: unknown variable\n  T_SERVERS: unknown variable" + only
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args, env []string
		want      []string
	}{
		{[]string{"--names=aa,bb"}, nil, []string{"aa", "bb"}},
		{[]string{"--names=aa,bb", "--names=cc"}, nil, []string{"aa,bb", "cc"}},
		{[]string{`--names="aa,bb",cc`}, nil, []string{"aa,bb", "cc"}},
		{nil, []string{`T_NAMES="aa,bb" , cc`}, []string{"aa,bb", "cc"}},
		{[]string{"--names="}, nil, nil},
	} {
		got, err := config.Load(rich{}, config.Args(test.args, nil), config.Env("T_", test.env))
		if err != nil || strings.Join(got.Names, "|") != strings.Join(test.want, "|") {
			t.Errorf("%q %q: got %q, %v; want %q", test.args, test.env, got.Names, err, test.want)
		}
	}
	_, err := config.Load(rich{}, config.Env("T_", []string{"T_NAMES=aa\nbb"}))
	if want := `configuration: T_NAMES: names: expected a list, each element a string, got "aa\nbb" (elements are on one line, separated by commas)`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = config.Load(rich{}, config.Args([]string{"--names=aa", "--names="}, nil))
	if want := "configuration: --names: names: expected a string as element 2, got an empty value"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNegatedFlag(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]bool{
		"": true, "--page": true, "--no-page": false, "--no-page=false": true, "--page --no-page": false, "--no-page --page": true, "--page=false": false,
	} {
		got, err := config.Load(rich{Page: true}, config.Args(strings.Fields(args), nil))
		if err != nil || got.Page != want {
			t.Errorf("%q: got %v, %v; want %v", args, got.Page, err, want)
		}
	}
	_, err := config.Load(rich{}, config.Args([]string{"--no-page=maybe"}, nil))
	if want := `configuration: --page: page: expected true or false, got "maybe"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestOperandsAfterTheFlags(t *testing.T) {
	t.Parallel()
	var operands []string
	_, err := config.Load(rich{}, config.Args([]string{"--page", "--", "-test.v", "--page=x", "--", "-h"}, &operands))
	if want := "-test.v|--page=x|--|-h"; err != nil || strings.Join(operands, "|") != want {
		t.Errorf("got %q, %v; want %s", operands, err, want)
	}
}

func TestOneFileForSeveralPrograms(t *testing.T) {
	t.Parallel()
	path := write(t, "c.yaml", "serve:\n  page: true\n  labels: {a: b}\nimport:\n  other: 1\nversion: 3\n")
	got, err := config.Load(rich{}, config.File(path, config.Section("serve")))
	if err != nil || !got.Page || got.Labels["a"] != "b" {
		t.Errorf("got %+v, %v; want the keys below serve", got, err)
	}
	if _, err := config.Load(rich{}, config.File(path, config.Section("absent"))); err != nil {
		t.Errorf("got %v for a section that the file does not have, want no error", err)
	}
	for section, want := range map[string]string{
		"import":  "configuration: " + path + ":5: unknown key other",
		"version": "configuration: " + path + ":6: version: expected a section, got an integer",
	} {
		if _, err := config.Load(rich{}, config.File(path, config.Section(section))); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", section, err, want)
		}
	}
	twice := write(t, "twice.yaml", "serve:\n  page: true\nserve:\n  page: 1\n")
	_, err = config.Load(rich{}, config.File(twice, config.Section("serve")))
	if want := "configuration: " + twice + ":3: serve: set twice, first in line 1"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	type needy struct {
		Store string `key:"store" validate:"required"`
	}
	_, err = config.Load(needy{}, config.File(path, config.Section("serving")))
	if want := "configuration: default: store: expected a value, got none; set serving.store in the configuration file"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	flat := write(t, "c.toml", "page = true\nversion = 3\n[import]\nother = 1\n")
	if got, err := config.Load(rich{}, config.File(flat, config.IgnoreKeys("version", "import"))); err != nil || !got.Page {
		t.Errorf("got %+v, %v; want the ignored keys to pass", got, err)
	}
}

func TestSecretRedactsItself(t *testing.T) {
	t.Parallel()
	s, err := config.Load(rich{}, config.Env("T_", []string{"T_TOKEN=hunter22"}))
	if err != nil || string(s.Token) != "hunter22" {
		t.Fatalf("got %q, %v", string(s.Token), err)
	}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("loaded", "settings", s, "token", s.Token)
	fmt.Fprintf(&out, "%v %+v %#v %s %q %x %d", s, s, s, s.Token, s.Token, s.Token, s.Token)
	if err := json.NewEncoder(&out).Encode(s); err != nil {
		t.Fatal(err)
	}
	if err := config.Effective(&out, rich{}, config.Env("T_", []string{"T_TOKEN=hunter22"})); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter22") || strings.Contains(out.String(), "68756e746572") {
		t.Errorf("got the secret in %s", out.String())
	}
	_, err = config.Load(rich{}, config.Args([]string{"--token=hunter22"}, nil), config.Env("T_", []string{"T_TOKEN=hunter2"}))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want two refusals without the value", err)
	}
}

func TestJSONSchema(t *testing.T) {
	t.Parallel()
	type s struct {
		common
		Level   string        `key:"level" help:"minimum level" validate:"oneof=debug info"`
		Wait    time.Duration `key:"wait"`
		Token   config.Secret `key:"token"`
		Servers []struct {
			Port uint16 `key:"port"`
		} `key:"servers"`
	}
	var out bytes.Buffer
	if err := config.JSONSchema(&out, s{Level: "info", Wait: time.Second, Token: "hunter22"}); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": false,
		"properties": map[string]any{
			"verbose": map[string]any{"type": "boolean", "description": "log more"},
			"level":   map[string]any{"type": "string", "description": "minimum level", "enum": []any{"debug", "info"}, "default": "info"},
			"wait":    map[string]any{"anyOf": []any{map[string]any{"type": "string", "pattern": `^[-+]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`}, map[string]any{"const": 0.0}}, "default": "1s"},
			"token":   map[string]any{"type": "string"},
			"servers": map[string]any{"type": "array", "items": map[string]any{
				"type": "object", "additionalProperties": false, "properties": map[string]any{"port": map[string]any{"type": "integer", "minimum": 0.0, "maximum": 65535.0}},
			}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s\nwant %v", out.String(), want)
	}
}

// Choices in quotes have spaces.
func TestChoicesWithSpaces(t *testing.T) {
	t.Parallel()
	type s struct {
		Level string   `key:"level" validate:"omitempty,oneof='not much' all"`
		Ports []string `key:"ports" validate:"dive,oneof='a b' c"`
	}
	if _, err := config.Load(s{}, config.Args([]string{"--level=not much", "--ports=a b,c"}, nil)); err != nil {
		t.Error(err)
	}
	_, err := config.Load(s{}, config.Args([]string{"--level=much", "--ports=a"}, nil))
	want := "configuration: 2 problems\n  --level: level: expected one of not much, all, got \"much\"\n" +
		"  --ports: ports: expected one of a b, c as element 1, got \"a\""
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var out bytes.Buffer
	if err := config.JSONSchema(&out, s{}); err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]struct{ Enum []string }
	}
	if err := json.Unmarshal(out.Bytes(), &schema); err != nil {
		t.Fatal(err)
	}
	if got, want := schema.Properties["level"].Enum, []string{"not much", "all", ""}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q: the rule allows an empty value", got, want)
	}
}

// What is below a list or a map that is secret is secret, too.
// Lists and maps of Secret are secret without a tag.
func TestCollectionsOfSecrets(t *testing.T) {
	t.Parallel()
	type s struct {
		List  []config.Secret            `key:"list" validate:"dive,max=9"`
		Map   map[string]config.Secret   `key:"map" validate:"dive,max=9"`
		Lists map[string][]config.Secret `key:"lists"`
	}
	const hidden = "4711"
	defaults := s{List: []config.Secret{hidden}, Map: map[string]config.Secret{"a": hidden}, Lists: map[string][]config.Secret{"a": {hidden}}}
	var texts []string
	for _, file := range []string{
		"list: [4711a]\nmap: {a: 4711a}\nlists: {a: [4711a]}",
		"list: [4711]\nmap: {a: 4711}\nlists: {a: [4711]}",
		"list: [4711abcdef]\nmap: {a: 4711abcdef}",
	} {
		var out bytes.Buffer
		err := config.Effective(&out, s{}, config.File(write(t, "c.yaml", file)))
		texts = append(texts, out.String(), fmt.Sprint(err))
	}
	var out bytes.Buffer
	args := config.Args([]string{"--list=4711"}, nil)
	_, flag := config.Load(s{}, args)
	texts = append(texts, fmt.Sprint(flag), fmt.Sprint(config.Help(&out, defaults, args), config.Markdown(&out, defaults, args), config.JSONSchema(&out, defaults)), out.String())
	for _, text := range texts {
		if strings.Contains(text, hidden) {
			t.Errorf("got %s\nwant no %s in it", text, hidden)
		}
	}
	if want := "configuration: --list: list: a secret is not taken from the command line, which every user of the machine can read"; fmt.Sprint(flag) != want {
		t.Errorf("got %v, want %s", flag, want)
	}
}

func TestSecretLists(t *testing.T) {
	t.Parallel()
	type s struct {
		Pins  []int64           `key:"pins" secret:"true"`
		Keys  map[string]string `key:"keys" secret:"true"`
		Users []struct {
			Pin int64 `key:"pin"`
		} `key:"users" secret:"true"`
	}
	path := write(t, "c.yaml", "pins: [1, hunter2]\nkeys: {a: 72227}\nusers: [{pin: hunter2}]\n")
	_, err := config.Load(s{}, config.File(path), config.Env("T_", []string{"T_PINS=1,hunter2"}))
	want := strings.ReplaceAll(`configuration: 4 problems
  T_PINS: pins: expected an integer as element 2, got [redacted]
  FILE:1: pins: expected an integer as element 2, got a string, [redacted]
  FILE:2: keys.a: expected a string, got an integer, [redacted]
  FILE:3: users[0].pin: expected an integer, got a string, [redacted]`, "FILE", path)
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	var none config.Secret
	if none.String() != "" {
		t.Errorf("got %q for an empty secret, want nothing", none)
	}
}

// The message about a rule that a list of sections or a map breaks shows its size,
// because parts of it may be secret.
func TestRulesOfWholes(t *testing.T) {
	t.Parallel()
	type part struct {
		Key string `key:"key" secret:"true"`
	}
	type s struct {
		List  []part          `key:"list" validate:"max=1"`
		Map   map[string]part `key:"map" validate:"max=1"`
		Empty map[string]int  `key:"empty" validate:"min=1"`
	}
	path := write(t, "c.yaml", "list: [{key: hunter2}, {key: hunter2}]\nmap: {a: {key: hunter2}, b: {}}\n")
	_, err := config.Load(s{}, config.File(path))
	want := strings.ReplaceAll("configuration: 3 problems\n  FILE:1: list: expected at most 1 element, got 2 in the configuration file\n"+
		"  FILE:2: map: expected at most 1 element, got 2 in the configuration file\n"+
		"  default: empty: expected at least 1 element, got none; set empty in the configuration file", "FILE", path)
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// A hint is near: for a short name nothing is, but another case of its letters.
func TestHintsAreNear(t *testing.T) {
	t.Parallel()
	type s struct {
		F int `key:"f"`
		B int `key:"b"`
	}
	for flag, want := range map[string]string{
		"--x=1": "configuration: --x: unknown flag",
		"--B=1": "configuration: --B: unknown flag, the nearest known is --b",
	} {
		if _, err := config.Load(s{}, config.Args([]string{flag}, nil)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// With a step that reads the file again for each key, these take more than a minute.
func TestLargeFilesNameTheLine(t *testing.T) {
	t.Parallel()
	const most = 20_000
	for name, text := range map[string]string{
		"tables.toml": strings.Repeat("[[list]]\nsize = 1\n", most) + "[[list]]\nsize = \"x\"\n",
		"lists.toml":  strings.Repeat("\n", 2*most+1) + "list = " + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000),
		"list.yaml":   "list:\n\n" + strings.Repeat("- size:\n    1\n", most) + "- size: x\n",
		"list.json":   "{\"list\": [\n" + strings.Repeat("{\n\"size\": 1},\n", most) + "{\"size\": \"x\"}]}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			type sized struct {
				Size int `key:"size"`
			}
			path := write(t, name, text)
			_, err := config.Load(struct {
				List []sized `key:"list"`
			}{}, config.File(path))
			want := regexp.MustCompile(`^configuration: ` + regexp.QuoteMeta(path) + `:4000[23]: list\[(0|20000)\]`)
			if err == nil || !want.MatchString(err.Error()) {
				t.Errorf("got %v, want a problem with the line", err)
			}
		})
	}
}
