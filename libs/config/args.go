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

// collect gives the flags' values to l, or returns a helpError. pflag stops at its
// first error, so it gets one argument at a time, with its value.
func (a *args) collect(l *loader) error {
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	define := func(name string, value pflag.Value, alone string) {
		flags.VarPF(value, name, "", "").NoOptDefVal = alone
	}
	known, inFile := []string{"--help"}, map[string]bool{}
	given := map[string]*texts{"config": {}}
	for _, s := range l.settings {
		if s.fileOnly {
			inFile[s.flag()] = true
			continue
		}
		value, alone := &texts{}, ""
		given[s.flagName()] = value
		if names := s.flags(); len(names) > 1 {
			alone = "true"
			define(names[1], negated{value}, alone)
		}
		define(s.flagName(), value, alone)
		if !s.secret {
			known = append(known, s.flag())
		}
	}
	if l.file != nil {
		define("config", given["config"], "")
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
			l.take(l.viper.Set, s, s.flag(), elements)
		default:
			l.take(l.viper.Set, s, s.flag(), text(values[len(values)-1]))
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
