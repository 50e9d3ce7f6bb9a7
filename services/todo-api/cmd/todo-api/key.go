package main

import (
	"fmt"
	"io"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/listkey"
)

// printKey prints the keys and the name of a private list: of the list that the
// key in operands opens, or of a new list if operands is empty. The edit key
// cannot be derived from a read key, and is then not printed.
func printKey(w io.Writer, operands []string) error {
	key := listkey.New()
	if len(operands) > 0 {
		var err error
		if key, err = listkey.Parse(operands[0]); err != nil {
			return &usageError{fmt.Errorf("key: %w", err)}
		}
	}
	if read := key.ReadKey(); read != key {
		if _, err := fmt.Fprintln(w, "edit", key.Text()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "read %s\nname %s\n", key.ReadKey().Text(), key.ID())
	return err
}
