package lists

import (
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/gchamon/devops-challenge/libs/storage/memstore"
	"github.com/gchamon/devops-challenge/services/todo-api/internal/todo"
)

// The first call of any kind finds a v1 list with a decomposed name, as a Mac
// writes it, under its composed name.
func TestFindsNamesFromAMac(t *testing.T) {
	passport := []byte(`[{"id":1,"title":"passport","completed":false}]`)
	for _, name := range []string{"Férias de verão", "プログラム", "한국어", "Ångström"} {
		composed, decomposed := todo.Name(norm.NFC.String(name)), norm.NFD.String(name)
		for first, want := range map[string]string{"read": "passport", "watch": "passport", "write": "passport,more"} {
			store := memstore.New()
			if _, err := store.Create(t.Context(), decomposed, passport); err != nil {
				t.Fatal(err)
			}
			s := newService(t, store)
			switch first {
			case "watch":
				watch, err := s.Watch(t.Context(), composed)
				if err != nil {
					t.Fatal(err)
				}
				if snap := <-watch; titles(snap.Doc.List()) != want {
					t.Errorf("%s, watched: got %q, want %q", name, titles(snap.Doc.List()), want)
				}
			case "write":
				if _, err := s.Apply(t.Context(), composed, Conditions{}, Write{Op: todo.Create{Title: "more"}}); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if snap, err := s.Read(t.Context(), composed); err != nil || titles(snap.Doc.List()) != want {
					t.Errorf("%s, %s first: got %q, %v, want %q", name, first, titles(snap.Doc.List()), err, want)
				}
			}
			if doc, err := store.Get(t.Context(), decomposed); err != nil || string(doc.Body) != string(passport) {
				t.Errorf("%s: the v1 document is %s, %v, want it as it was", name, doc.Body, err)
			}
		}

		// An erased list does not reappear from its original.
		store := memstore.New()
		if _, err := store.Create(t.Context(), decomposed, passport); err != nil {
			t.Fatal(err)
		}
		erased := newService(t, store)
		if err := erased.Erase(t.Context(), composed, Conditions{}); err != nil {
			t.Fatal(err)
		}
		if snap, err := erased.Read(t.Context(), composed); err != nil || snap.Exists {
			t.Errorf("%s: erased, got %q, %v", name, titles(snap.Doc.List()), err)
		}

		// Lists that this program wrote have exact names.
		s := newService(t, memstore.New())
		if _, err := s.Apply(t.Context(), todo.Name(decomposed), Conditions{}, Write{Op: todo.Create{Title: "other"}}); err != nil {
			t.Fatal(err)
		}
		if snap, err := s.Read(t.Context(), composed); err != nil || snap.Exists {
			t.Errorf("%s: got %q, %v, want a list that was never written", name, titles(snap.Doc.List()), err)
		}
	}
}
