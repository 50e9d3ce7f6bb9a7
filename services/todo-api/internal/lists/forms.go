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

// compose makes a list of the v1 form that is stored under the decomposed form
// of a name (NFD), as files are that went through a Mac, the list of that name,
// which is composed (NFC), as browsers send it. A list that was written under
// either form since is left alone.
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
	errThere := errors.New("it was written meanwhile")
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
		s.log.LogAttrs(ctx, slog.LevelWarn, "a list of the v1 form was stored under the decomposed Unicode form of its name (NFD), as on a Mac; it was copied to the composed one",
			slog.String("list", key))
	}
	return err
}

// decompose returns the other form of a composed name, or "" if it has none.
func decompose(key string) string {
	decomposed := norm.NFD.String(key)
	if decomposed == key || !norm.NFC.IsNormalString(key) || storage.CheckKey(decomposed) != nil {
		return ""
	}
	return decomposed
}

// eraseDecomposed deletes the list that compose copied.
func (s *Service) eraseDecomposed(ctx context.Context, name todo.Name) error {
	decomposed := decompose(string(name))
	if decomposed == "" {
		return nil
	}
	errNotOurs := errors.New("it is a list of its own")
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
