package lists

import (
	"context"
	"errors"
	"log/slog"

	"golang.org/x/text/unicode/norm"

	"github.com/gchamon/devops-challenge/libs/storage"
	"github.com/gchamon/devops-challenge/libs/storage/ledger"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// compose copies a list in the v1 form from the decomposed form (NFD) of a name,
// as a Mac writes file names, to the composed form (NFC), as browsers send it. It
// does nothing if the service has written either list since.
func (s *Service) compose(ctx context.Context, name todo.Name) error {
	key := string(name)
	decomposed := decompose(key)
	if decomposed == "" {
		return nil
	}
	if bytes, _ := s.ledger.Size(key); bytes > 0 {
		return nil
	}
	if snap, err := s.ledger.Read(ctx, key); err != nil || snap.Exists {
		return err
	}
	old, err := s.ledger.Read(ctx, decomposed)
	if err != nil || !old.Exists || old.Revision > 0 {
		return err
	}
	errThere := errors.New("the list was written meanwhile")
	_, err = s.ledger.Update(ctx, key, ledger.Op[*Document]{
		Apply: func(state ledger.State[*Document]) (ledger.Change[*Document], error) {
			if state.Exists {
				return ledger.Change[*Document]{}, errThere
			}
			return ledger.Change[*Document]{Doc: &Document{list: old.Doc.List()}}, nil
		},
	})
	if errors.Is(err, errThere) {
		return nil
	}
	if err == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "copied a v1 list from the decomposed Unicode form of its name (NFD), as on a Mac, to the composed form",
			slog.String("list", key))
	}
	return err
}

// decompose returns the decomposed form of a composed name, or "" if the forms
// are equal.
func decompose(key string) string {
	decomposed := norm.NFD.String(key)
	if decomposed == key || !norm.NFC.IsNormalString(key) || storage.CheckKey(decomposed) != nil {
		return ""
	}
	return decomposed
}

// eraseDecomposed deletes the original of a list that compose copied.
func (s *Service) eraseDecomposed(ctx context.Context, name todo.Name) error {
	decomposed := decompose(string(name))
	if decomposed == "" {
		return nil
	}
	errNotOurs := errors.New("the list is not a copy's original")
	err := s.ledger.Forget(ctx, decomposed, func(snap Snapshot) error {
		if snap.Revision > 0 {
			return errNotOurs
		}
		return nil
	})
	if errors.Is(err, errNotOurs) {
		return nil
	}
	return err
}
