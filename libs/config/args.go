package config

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// Args reads flags: --name=value, --name value, and for a boolean --name alone
// or --no-name. If a flag is repeated, the last one wins. A list is one flag with
// commas between the elements, or a flag repeated for each element, which may
// then contain commas. Arguments that are not flags, and all arguments after "--",
// are stored in operands in order; if operands is nil, they are problems.
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

// collect gives the flags' values to l, or returns a helpError. pflag judges the
// names. It stops at its first error, so it gets one argument at a time, with its
// value.
func (a *args) collect(l *loader) error {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	given := map[string][]string{} // unparsed, by the flag's name
	keep := func(name string) func(string) error {
		return func(value string) error { given[name] = append(given[name], value); return nil }
	}
	known, inFile := []string{"--help"}, map[string]bool{}
	for _, s := range l.settings {
		name := s.flagName()
		switch {
		case s.fileOnly:
			inFile[s.flag()] = true
			continue
		case s.isBool():
			flags.BoolFunc(name, "", keep(name))
			flags.BoolFunc("no-"+name, "", func(value string) error {
				if yes, err := strconv.ParseBool(value); err == nil {
					value = strconv.FormatBool(!yes)
				}
				return keep(name)(value)
			})
		default:
			flags.Func(name, "", keep(name))
		}
		if !s.secret {
			known = append(known, s.flag())
		}
	}
	if l.file != nil {
		flags.Func("config", "", keep("config"))
		known = append(known, "--config")
	}

	var operands []string
	misspelled := false
	for rest := a.arguments; len(rest) > 0; {
		argument, _, _ := strings.Cut(rest[0], "=")
		if argument == "--" && rest[0] == argument {
			operands = append(operands, rest[1:]...)
			break
		}
		unknown := func(shown, name string) {
			misspelled = true
			hint := near(name, known)
			if inFile[name] {
				hint = onlyInFile
			}
			l.problem(clip(shown), "", "unknown flag"+hint)
		}
		count := 1
		var noValue *pflag.ValueRequiredError
		err := flags.Parse(rest[:count])
		if errors.As(err, &noValue) && len(rest) > 1 {
			count = 2
			err = flags.Parse(rest[:count])
		}
		var notExist *pflag.NotExistError
		switch {
		case strings.HasPrefix(argument, "-test."): // pflag lets the flags of go test pass
			unknown("-test.", "")
		case err == nil:
			operands = append(operands, flags.Args()...)
		case errors.Is(err, pflag.ErrHelp):
			return helpError{l.help()}
		case errors.As(err, &noValue):
			l.problem(argument, "", "expected a value after it, got none")
		case errors.As(err, &notExist) && notExist.GetSpecifiedShortnames() != "":
			first, _ := utf8.DecodeRuneInString(rest[0][1:]) // a value may follow
			unknown("-"+string(first), "-"+argument)
		default: // unknown, or of bad syntax such as --=value
			unknown(argument, argument)
		}
		rest = rest[count:]
	}
	a.take(l, given, operands, misspelled)
	return nil
}

func (a *args) take(l *loader, given map[string][]string, operands []string, misspelled bool) {
	for _, s := range l.settings {
		values := given[s.flagName()]
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
			l.take(l.viper.Set, s, s.flag(), elements)
		default:
			l.take(l.viper.Set, s, s.flag(), text(values[len(values)-1]))
		}
	}
	if paths := given["config"]; l.file != nil && len(paths) > 0 {
		l.configFile, l.namedBy = paths[len(paths)-1], "--config"
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
