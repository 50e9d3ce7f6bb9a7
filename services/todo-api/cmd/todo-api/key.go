package main

import (
	"fmt"
	"io"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/listkey"
)

// printKey prints what a private list is opened by: of the key in operands,
// or of a new list without one. A read key does not tell the edit key.
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
