package config

import (
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// Args reads flags: --name=value, --name value, and --name alone for a bool. Of
// a repeated flag the last counts; those of a list add up. What is not a flag,
// and all that follows "--", goes to operands in order; with nil operands it is
// a problem.
func Args(arguments []string, operands *[]string) Source {
	return func(l *loader) error {
		if l.args != nil {
			return errors.New("config: Args is passed twice")
		}
		l.args = &args{arguments, operands}
		return nil
	}
}

type args struct {
	arguments []string
	operands  *[]string
}

// texts is a flag's values, unparsed. It is a pflag.Value that takes anything,
// so that pflag judges names and this package judges values.
type texts struct{ values []string }

func (t *texts) Set(value string) error { t.values = append(t.values, value); return nil }
func (t *texts) String() string         { return "" }
func (t *texts) Type() string           { return "" }

// collect gives the flags' values to l, or returns a helpError.
func (a *args) collect(l *loader) error {
	known := []string{"--help"}
	for _, s := range l.settings {
		if !s.secret {
			known = append(known, s.flag())
		}
	}
	if l.file != nil {
		known = append(known, "--config")
	}
	arguments := slices.DeleteFunc(slices.Clone(a.arguments), func(argument string) bool {
		// pflag lets the flags of go test pass, which is not asked for here.
		return strings.HasPrefix(argument, "-test.")
	})
	if len(arguments) < len(a.arguments) {
		l.problem("-test.", "", "unknown flag, the nearest known is "+nearest("-test.", known))
	}
	var unknown []string
	misspelled := false
	// pflag stops at the first error. Each one is noted, made harmless, and
	// everything is parsed again, until there are none.
	for {
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		flags.SetOutput(io.Discard)
		flags.Usage = func() {}
		given := map[string]*texts{}
		define := func(name string, valueOptional bool) {
			given[name] = &texts{}
			flag := flags.VarPF(given[name], name, "", "")
			if valueOptional {
				flag.NoOptDefVal = "true"
			}
		}
		for _, s := range l.settings {
			define(s.flagName(), s.typ.Kind() == reflect.Bool)
		}
		if l.file != nil {
			define("config", false)
		}
		for _, name := range unknown {
			define(name, true)
		}

		err := flags.Parse(arguments)
		var notExist *pflag.NotExistError
		var noValue *pflag.ValueRequiredError
		var badSyntax *pflag.InvalidSyntaxError
		switch {
		case err == nil:
			a.take(l, given, flags.Args(), misspelled)
			return nil
		case errors.Is(err, pflag.ErrHelp):
			return helpError{l.help()}
		case errors.As(err, &notExist) && notExist.GetSpecifiedShortnames() == "":
			name := notExist.GetSpecifiedName()
			unknown, misspelled = append(unknown, name), true
			l.problem("--"+clip(name), "", "unknown flag, the nearest known is "+nearest("--"+name, known))
		case errors.As(err, &notExist):
			argument := "-" + notExist.GetSpecifiedShortnames()
			name, _, _ := strings.Cut(argument, "=")
			first, _ := utf8.DecodeRuneInString(argument[1:]) // a value may follow
			l.problem("-"+string(first), "", "unknown flag, the nearest known is "+nearest("-"+name, known))
			arguments, misspelled = without(arguments, argument), true
		case errors.As(err, &noValue):
			name := noValue.GetSpecifiedName()
			l.problem("--"+name, "", "expected a value after it, got none")
			arguments = arguments[:len(arguments)-1]
		case errors.As(err, &badSyntax):
			argument := badSyntax.GetSpecifiedFlag()
			name, _, _ := strings.Cut(argument, "=")
			l.problem(clip(name), "", "unknown flag, the nearest known is "+nearest(name, known))
			arguments, misspelled = without(arguments, argument), true
		default:
			return err
		}
	}
}

// without returns arguments without the first that equals argument.
func without(arguments []string, argument string) []string {
	i := slices.Index(arguments, argument)
	return slices.Delete(slices.Clone(arguments), i, i+1)
}

func (a *args) take(l *loader, given map[string]*texts, operands []string, misspelled bool) {
	for _, s := range l.settings {
		values := given[s.flagName()].values
		switch {
		case len(values) == 0:
		case s.secret:
			l.wrong[s.key] = true
			detail := "a secret is not taken from the command line, which every user of the machine can read"
			if l.env != nil {
				detail += "; set " + strings.Join(l.env.variables(s), " or ")
			}
			l.problem(s.flag(), s.key, detail)
		case isList(s.typ):
			l.take(fromArgs, s, s.flag(), node{kind: plain, text: strings.Join(values, ",")})
		default:
			l.take(fromArgs, s, s.flag(), node{kind: plain, text: values[len(values)-1]})
		}
	}
	if config := given["config"]; l.file != nil && len(config.values) > 0 {
		l.configFile, l.namedBy = config.values[len(config.values)-1], "--config"
	}
	switch {
	case a.operands != nil:
		*a.operands = operands
	case misspelled:
		// They may be the values of flags that are unknown, secrets even.
	default:
		for _, operand := range operands {
			l.problem(quote(operand), "", "unexpected argument, flags begin with --")
		}
	}
}
