// Package config loads a program's settings into a plain struct from flags,
// environment variables, mounted secrets, a configuration file and defaults,
// and tells everything that is wrong with them at once.
//
// # The struct
//
// Every exported field is a setting or a section of settings and carries a
// key tag; `key:"-"` leaves a field alone. A renamed Go field therefore never
// renames a setting.
//
//	type Settings struct {
//		Listen string   `key:"listen" help:"address to listen on" validate:"hostport"`
//		S3     struct {
//			Secret string `key:"secret" help:"secret access key" secret:"true"`
//		} `key:"s3"`
//	}
//
// The key of a nested field is the path to it, s3.secret. From the key follow
// the flag --s3-secret, the variable TODO_S3_SECRET (with the prefix TODO_) and
// the place in the file, secret below s3. A key's part is [a-z][a-z0-9_]*.
//
//	key          the part of the key that this field adds
//	help         one sentence for the help text and the reference
//	placeholder  what stands for the value in the help text: --listen host:port
//	expect       what a valid value is, in place of the words derived from the
//	             type and the rules: "expected <expect>, got ..."
//	secret       "true" keeps the value out of every output; such a setting has
//	             no flag, because other users of the machine can read those, and
//	             can be mounted as a file named by TODO_S3_SECRET_FILE
//	validate     rules of github.com/go-playground/validator/v10, and hostport:
//	             what a server can listen on (host may be empty, port may be 0)
//
// A field is a string, a bool, an integer, a float, a [time.Duration], a
// [ByteSize], a [net/url.URL] or a pointer to one (absolute), anything with
// UnmarshalText, a slice of these, or a struct of such fields.
//
// # Precedence
//
// Flag, environment variable, secret file (NAME_FILE), configuration file,
// default: the first that has a value for a key wins, in whatever order the
// sources are passed. A value that is overridden is checked all the same, so
// that removing the override never reveals an error.
//
// An empty variable is the same as none, NAME_FILE included. An empty value is
// set by a flag (--name=) or in the file. A file's null is refused.
//
// # Values
//
// On the command line and in the environment a list is separated by commas,
// spaces around an element do not count, and an empty element is an error; a
// list's flag may be repeated. In a file a list is a list, a string is a
// string and a number is a number: 8080 is not taken for "8080", nor the other
// way around. Durations and sizes are text with a unit: 1m30s, 512KiB.
//
// Nothing here keeps state between calls; every function may be called by
// several goroutines at once.
package config

import (
	"errors"
	"io"
)

// ErrHelp is returned by [Load] when the arguments contain --help or -h.
// Nothing else has been looked at then; [Help] writes the text.
var ErrHelp = errors.New("config: help requested")

// Load returns defaults with every value replaced that a source sets. Each of
// [Args], [Env] and [File] may be passed once.
//
// When anything is wrong it returns an [*Error] with every problem found, and
// the zero T. Any other error but [ErrHelp] is a fault of the program: a struct
// that cannot be described, or a source passed twice. A validate tag that
// names no rule panics, as validator does.
func Load[T any](defaults T, sources ...Source) (T, error) {
	var zero T
	return zero, errors.New("config: under construction")
}

// Help writes each setting with its flag, variable, default and meaning. The
// sources decide what is offered: without [Args] no flags are shown.
func Help[T any](w io.Writer, defaults T, sources ...Source) error {
	return errors.New("config: under construction")
}

// Markdown writes the same reference as [Help] as a table in Markdown.
func Markdown[T any](w io.Writer, defaults T, sources ...Source) error {
	return errors.New("config: under construction")
}

// Effective loads as [Load] does and writes each setting's value, the source
// it came from and the sources it overrides. Secrets are redacted.
func Effective[T any](w io.Writer, defaults T, sources ...Source) error {
	return errors.New("config: under construction")
}

// Source is a place that settings come from: [Args], [Env] or [File].
type Source interface{ isSource() }

// Args reads flags: --name=value, --name value, and --name alone for a bool.
// What is not a flag goes to operands, in order; with nil operands it is a
// problem.
func Args(args []string, operands *[]string) Source { return argsSource{} }

// Env reads the variables of environ ("NAME=value", as from [os.Environ]; the
// last one of a name counts) that begin with prefix, such as "TODO_".
//
// A variable with the prefix that is no setting is refused, because it is most
// often a misspelled one. Excepted are those that Kubernetes and Docker set for
// a service whose name begins like the prefix (TODO_SERVICE_HOST,
// TODO_PORT_80_TCP, ...), and those named by [Ignore].
func Env(prefix string, environ []string, options ...EnvOption) Source { return envSource{} }

// EnvOption is [Alias] or [Ignore].
type EnvOption interface{ isEnvOption() }

// Alias lets a variable, whatever its prefix, set key; convert turns its value
// into one of key's, nil leaves it as it is. The key's own variable wins over
// an alias, and an earlier alias over a later one.
func Alias(variable, key string, convert func(value string) string) EnvOption { return alias{} }

// Ignore lets variables pass that have the prefix and belong to something
// else. A name may end in * to stand for every name that begins like it.
func Ignore(names ...string) EnvOption { return ignore{} }

// File reads a configuration file named by --config or, when that is absent,
// by the variable CONFIG with the prefix. When neither names one, path is read
// if it exists; "" stands for no such default.
//
// The format follows from the extension: .yaml, .yml, .toml or .json.
func File(path string) Source { return fileSource{} }

// Error is everything that is wrong with a configuration.
type Error struct {
	// Problems has at least one element: flags first, then variables, files,
	// and values that are of the right type but not valid.
	Problems []Problem
}

// Problem is one thing that is wrong. Its text never contains a secret.
type Problem struct {
	// Key is the setting's key, or what stood in the place of one. It is empty
	// when the problem is not about one key, as when a file cannot be read.
	Key string
	// Source says where: "todo.yaml:3", "TODO_LISTEN", "--listen", "default".
	Source string
	// Detail says what was expected and what was found.
	Detail string
}

func (e *Error) Error() string { return "" }

// ByteSize is a number of bytes. Its text is a whole number with a unit, B,
// KiB, MiB, GiB or TiB (powers of 1024), kB, MB, GB or TB (powers of 1000), or
// without one for bytes. It is never negative.
type ByteSize int64

type (
	argsSource struct{}
	envSource  struct{}
	fileSource struct{}
	alias      struct{}
	ignore     struct{}
)

func (argsSource) isSource() {}
func (envSource) isSource()  {}
func (fileSource) isSource() {}
func (alias) isEnvOption()   {}
func (ignore) isEnvOption()  {}
