package config

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// Args reads flags: --name=value, --name value, and for a boolean --name alone
// or --no-name. The last of a repeated flag counts. A list is one flag with
// commas between the elements, or a flag repeated for each element, which may
// then contain commas. Arguments that are not flags, and all that follow "--",
// go to operands in order; if operands is nil, they are problems.
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

// negated is --no-name, which takes no value but true and false.
type negated struct{ *texts }

func (n negated) Set(value string) error {
	if yes, err := strconv.ParseBool(value); err == nil {
		value = strconv.FormatBool(!yes)
	}
	return n.texts.Set(value)
}

// collect gives the flags' values to l, or returns a helpError.
func (a *args) collect(l *loader) error {
	known := []string{"--help"}
	for _, s := range l.settings {
		if !s.secret && !s.fileOnly {
			known = append(known, s.flag())
		}
	}
	if l.file != nil {
		known = append(known, "--config")
	}
	// pflag lets the flags of go test pass, which is not asked for here.
	ended := false
	arguments := slices.DeleteFunc(slices.Clone(a.arguments), func(argument string) bool {
		ended = ended || argument == "--"
		return !ended && strings.HasPrefix(argument, "-test.")
	})
	if len(arguments) < len(a.arguments) {
		l.problem("-test.", "", "unknown flag")
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
		define := func(name string, value pflag.Value, alone string) {
			flags.VarPF(value, name, "", "").NoOptDefVal = alone
		}
		for _, s := range l.settings {
			if s.fileOnly {
				continue
			}
			given[s.flagName()] = &texts{}
			alone := ""
			if names := s.flags(); len(names) > 1 {
				alone = "true"
				define(names[1], negated{given[s.flagName()]}, "true")
			}
			define(s.flagName(), given[s.flagName()], alone)
		}
		if l.file != nil {
			given["config"] = &texts{}
			define("config", given["config"], "")
		}
		for _, name := range unknown {
			define(name, &texts{}, "true")
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
			l.problem("--"+clip(name), "", "unknown flag"+near("--"+name, known))
		case errors.As(err, &notExist):
			argument := "-" + notExist.GetSpecifiedShortnames()
			name, _, _ := strings.Cut(argument, "=")
			first, _ := utf8.DecodeRuneInString(argument[1:]) // a value may follow
			l.problem("-"+string(first), "", "unknown flag"+near("-"+name, known))
			arguments, misspelled = without(arguments, argument), true
		case errors.As(err, &noValue):
			name := noValue.GetSpecifiedName()
			l.problem("--"+name, "", "expected a value after it, got none")
			arguments = arguments[:len(arguments)-1]
		case errors.As(err, &badSyntax):
			argument := badSyntax.GetSpecifiedFlag()
			name, _, _ := strings.Cut(argument, "=")
			l.problem(clip(name), "", "unknown flag"+near(name, known))
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
		if s.fileOnly {
			continue
		}
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
		case isList(s.typ) && len(values) > 1:
			elements := make([]any, len(values))
			for i, value := range values {
				elements[i] = listElement(value)
			}
			l.take(fromArgs, s, s.flag(), elements)
		default:
			l.take(fromArgs, s, s.flag(), text(values[len(values)-1]))
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
