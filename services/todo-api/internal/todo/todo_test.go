package todo

import (
	"encoding/json"
	"errors"
	"go/build"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The package imports no HTTP, store or settings.
func TestImports(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{
		"bytes", "cmp", "encoding/binary", "errors", "fmt", "io", "math", "slices", "strconv", "strings", "time", "unicode", "unicode/utf8",
		"github.com/go-json-experiment/json/jsontext",
	}
	for _, path := range pkg.Imports {
		if !slices.Contains(allowed, path) {
			t.Errorf("imports %s; allowed are %v", path, allowed)
		}
	}
}

func TestParseName(t *testing.T) {
	for name, ok := range map[string]bool{
		"default": true, "São João 2020": true, "...": true, " ": true, "\u202e": true, strings.Repeat("😀", 128): true,
		"": false, ".": false, "..": false, "a/b": false, `a\b`: false, "a\x00": false, "\x1f": false, "\x7f": false, "\u0085": false,
		"\xff": false, "\xed\xa0\x80": false, strings.Repeat("a", 129): false,
	} {
		got, err := ParseName(name)
		var invalid *InvalidError
		switch {
		case ok && (err != nil || string(got) != name):
			t.Errorf("%q: got %q, %v, want it as it is", name, got, err)
		case !ok && (!errors.As(err, &invalid) || invalid.Problems[0].Detail == ""):
			t.Errorf("%q: got %v, want an InvalidError", name, err)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"default", "..", "a/b", "\xff", "é", "\u0000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := ParseName(s)
		if err != nil {
			return
		}
		n := utf8.RuneCountInString(s)
		if string(name) != s || n < 1 || n > MaxNameLength || !utf8.ValidString(s) || strings.ContainsAny(s, "/\\\x00\n") || s == "." || s == ".." {
			t.Errorf("%q is accepted as a name", s)
		}
	})
}

func list(items ...Item) List { return List{Items: items} }

func removed(l List, items ...Item) List {
	l.Removed = []Removal{{Revision: 7, Kind: "clear", Items: items}}
	return l
}

func uids(l List) string {
	var out []string
	for _, it := range l.Sorted() {
		out = append(out, it.UID)
	}
	return strings.Join(out, ",")
}

func TestOps(t *testing.T) {
	a := Item{UID: "a", ID: 1, Title: "A", Order: 1}
	b := Item{UID: "b", ID: 2, Title: "B", Order: 2, Completed: true}
	c := Item{UID: "c", ID: 3, Title: "C", Order: 3}
	order := func(f float64) *float64 { return &f }
	title := func(s string) *string { return &s }
	yes := true
	for name, test := range map[string]struct {
		list    List
		op      Op
		want    string // the uids, in order
		changed bool
		removed string
		err     error
	}{
		"create":                   {list(a, b), Create{UID: "c", Title: "C"}, "a,b,c", true, "", nil},
		"create in an order":       {list(a, b), Create{UID: "c", Title: "C", Order: order(1.5)}, "a,c,b", true, "", nil},
		"create behind equals":     {list(a, b), Create{UID: "c", Title: "C", Order: order(1)}, "a,c,b", true, "", nil},
		"create again":             {list(a, b), Create{UID: "a", Title: "A"}, "a,b", false, "", nil},
		"create another":           {list(a, b), Create{UID: "a", Title: "B"}, "", false, "", ErrExists},
		"update":                   {list(a, b), Update{UID: "a", Change: Change{Title: title("X"), Completed: &yes}}, "a,b", true, "", nil},
		"update order":             {list(a, b), Update{UID: "a", Change: Change{Order: order(9)}}, "b,a", true, "", nil},
		"update to the same":       {list(a, b), Update{UID: "b", Change: Change{Completed: &yes}}, "a,b", false, "", nil},
		"update none":              {list(a, b), Update{UID: "c", Change: Change{Completed: &yes}}, "", false, "", ErrNotFound},
		"update what was shown":    {list(a, b), Update{UID: "a", Change: Change{Title: title("X")}, Was: &Was{Title: title("A")}}, "a,b", true, "", nil},
		"update to what it is":     {list(a, b), Update{UID: "a", Change: Change{Title: title("A")}, Was: &Was{Title: title("old")}}, "a,b", false, "", nil},
		"update only the state":    {list(a, b), Update{UID: "a", Change: Change{Completed: &yes}, Was: &Was{Title: title("old")}}, "a,b", true, "", nil},
		"complete some":            {list(a, b, c), CompleteAll{true, []string{"a", "gone"}}, "a,b,c", true, "", nil},
		"complete none":            {list(a, b, c), CompleteAll{true, []string{}}, "a,b,c", false, "", nil},
		"clear some":               {list(a, b, c), ClearCompleted{[]string{"a", "b", "gone"}}, "a,c", true, "b", nil},
		"clear none":               {list(a, b, c), ClearCompleted{[]string{}}, "a,b,c", false, "", nil},
		"delete":                   {list(a, b), Delete{"a"}, "b", true, "a", nil},
		"delete none":              {list(a, b), Delete{"c"}, "", false, "", ErrNotFound},
		"complete all":             {list(a, b), CompleteAll{Completed: true}, "a,b", true, "", nil},
		"complete all again":       {list(b), CompleteAll{Completed: true}, "b", false, "", nil},
		"clear completed":          {list(a, b, c), ClearCompleted{}, "a,c", true, "b", nil},
		"clear completed again":    {list(a, c), ClearCompleted{}, "a,c", false, "", nil},
		"clear":                    {list(a, b), Clear{}, "", true, "a,b", nil},
		"clear again":              {list(), Clear{}, "", false, "", nil},
		"restore":                  {removed(list(c), a, b), Restore{7}, "a,b,c", true, "", nil},
		"restore what is there":    {removed(list(a, b), a), Restore{7}, "a,b", false, "", nil},
		"restore in another order": {removed(list(b, c, a), a, b), Restore{7}, "a,b,c", false, "", nil},
		"restore some of it":       {removed(list(a, c), a, b, c), Restore{7}, "a,b,c", true, "", nil},
		"restore a change":         {removed(list(Item{UID: "a", ID: 1, Title: "X", Order: 8}, b), a), Restore{7}, "a,b", true, "a", nil},
		"restore nothing":          {removed(list(a), b), Restore{8}, "", false, "", ErrNoRevision},
		"replace with the same":    {list(b, a), Replace{Entries: []Entry{{1, "A", false}, {2, "B", true}}}, "a,b", false, "", nil},
		"replace with nothing":     {list(a, b), Replace{}, "", true, "a,b", nil},
		"replace one":              {list(a, b), Replace{Entries: []Entry{{1, "A", false}, {9, "N", false}}, Seed: "s"}, "a,s-1", true, "b", nil},
		"replace a title":          {list(a, b), Replace{Entries: []Entry{{1, "A!", false}, {2, "B", true}}}, "a,b", true, "a", nil},
		"replace, new between":     {list(a, b), Replace{Entries: []Entry{{1, "A", false}, {9, "N", false}, {2, "B", true}}, Seed: "s"}, "a,s-1,b", true, "", nil},
		"replace, new first":       {list(a, b), Replace{Entries: []Entry{{9, "N", false}, {1, "A", false}, {2, "B", true}}, Seed: "s"}, "s-0,a,b", true, "", nil},
		"replace, turned":          {list(a, b), Replace{Entries: []Entry{{2, "B", true}, {1, "A", false}}}, "b,a", true, "a,b", nil},
	} {
		before := slices.Clone(test.list.Items)
		effect, err := test.op.Apply(test.list)
		if !errors.Is(err, test.err) {
			t.Errorf("%s: got the error %v, want %v", name, err, test.err)
			continue
		}
		if !slices.Equal(test.list.Items, before) {
			t.Errorf("%s: changed the list that it was given: %v, was %v", name, test.list.Items, before)
		}
		if err != nil {
			continue
		}
		if got := uids(effect.List); got != test.want || effect.Changed != test.changed {
			t.Errorf("%s: got %s, changed %t, want %s, %t", name, got, effect.Changed, test.want, test.changed)
		}
		if got := uids(List{Items: effect.Removed}); got != test.removed {
			t.Errorf("%s: removed: got %s, want %s", name, got, test.removed)
		}
	}
}

// Laws of random operations on random lists: the old list is not modified, UIDs
// stay unique, decoding inverts encoding, replacing a list by itself changes
// nothing, and Restore brings back removed items.
func TestLaws(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	titles := []string{"a", "b\u2028", "c\"\\", "", " \x00x\n\x7f😀 "}
	for round := range 1000 {
		var l List
		for step := range 12 {
			seed := "s" + strings.Repeat("x", step)
			var op Op
			switch rnd.IntN(6) {
			case 0:
				op = Create{UID: seed + "-n", Title: titles[rnd.IntN(3)], Completed: rnd.IntN(2) == 0}
			case 1:
				f := float64(rnd.IntN(7) - 3)
				op = Create{UID: seed + "-o", Title: "o", Order: &f}
			case 2:
				if len(l.Items) == 0 {
					continue
				}
				op = Delete{l.Items[rnd.IntN(len(l.Items))].UID}
			case 3:
				op = ClearCompleted{}
			default:
				entries := make([]Entry, 0, 8)
				for _, it := range l.Sorted() {
					if rnd.IntN(5) > 0 {
						entries = append(entries, Entry{it.ID, it.Title, it.Completed})
					}
				}
				for range rnd.IntN(4) {
					e := Entry{int64(rnd.IntN(5)), titles[rnd.IntN(len(titles))], rnd.IntN(2) == 0}
					entries = slices.Insert(entries, rnd.IntN(len(entries)+1), e)
				}
				if rnd.IntN(6) == 0 {
					rnd.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
				}
				op = Replace{Entries: entries, Seed: seed}
			}
			before := slices.Clone(l.Items)
			effect, err := op.Apply(l)
			if err != nil {
				t.Fatalf("round %d: %#v: %v", round, op, err)
			}
			if !slices.Equal(before, l.Items) {
				t.Fatalf("round %d: %#v changed its input", round, op)
			}
			if r, ok := op.(Replace); ok {
				got := make([]Entry, 0, len(r.Entries))
				for _, it := range effect.List.Sorted() {
					got = append(got, Entry{it.ID, it.Title, it.Completed})
				}
				if !slices.Equal(got, r.Entries) {
					t.Fatalf("round %d: replaced %v by %v: got %v", round, before, r.Entries, got)
				}
			}
			if got, want := effect.List.Size(), len(effect.List.AppendState(nil)); got != want {
				t.Fatalf("round %d: %#v: the size is %d, want %d", round, op, got, want)
			}
			restored, err := Restore{7}.Apply(removed(effect.List, effect.Removed...))
			if err != nil && len(effect.Removed) > 0 {
				t.Fatal(err)
			}
			if got, want := restored.List.Size(), len(restored.List.AppendState(nil)); got != want {
				t.Fatalf("round %d: restored: the size is %d, want %d", round, got, want)
			}
			for _, it := range effect.Removed {
				if got, ok := restored.List.Find(it.UID); !ok || got != it {
					t.Fatalf("round %d: %#v removed %v, which was not restored: %v", round, op, it, got)
				}
			}
			l = effect.List
			seen := make(map[string]bool)
			for _, it := range l.Items {
				if seen[it.UID] || !ValidUID(it.UID) {
					t.Fatalf("round %d: %#v made the UID %q, which is invalid or a duplicate: %v", round, op, it.UID, l.Items)
				}
				seen[it.UID] = true
			}
			items, err := DecodeItems(AppendItems(nil, l.Items))
			if err != nil || !slices.Equal(items, l.Items) {
				t.Fatalf("round %d: stored and read: got %v, %v, want %v", round, items, err, l.Items)
			}
			entries, err := DecodeState(l.AppendState(nil))
			if err != nil {
				t.Fatal(err)
			}
			if echo, err := (Replace{Entries: entries, Seed: "echo"}).Apply(l); err != nil || echo.Changed {
				t.Fatalf("round %d: the echo of %v changed it to %v, %v", round, l.Items, echo.List, err)
			}
		}
	}
}

// The UIDs of items that v1 wrote are the same for all readers, also after one of
// the items was changed.
func TestUIDsOfV1(t *testing.T) {
	l, err := DecodeV1([]byte(`[{"id":3,"title":"a","completed":false},{"id":-1,"title":"b","completed":true},{"id":3,"title":"c","completed":false}]`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := uids(l), "v1_3_0,v1_-1_0,v1_3_1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, it := range l.Items {
		if !ValidUID(it.UID) {
			t.Errorf("%q is not a valid UID", it.UID)
		}
	}
}

func TestChangedMeanwhile(t *testing.T) {
	a := Item{UID: "a", ID: 1, Title: "theirs", Order: 1}
	shown, mine := "shown", "mine"
	_, err := Update{UID: "a", Change: Change{Title: &mine}, Was: &Was{Title: &shown}}.Apply(list(a))
	var changed *ChangedError
	if !errors.As(err, &changed) || changed.Item != a {
		t.Errorf("got %v, want a ChangedError with %v", err, a)
	}
	_, err = SetTitle{Title: mine, Was: &shown}.Apply(List{Title: "theirs"})
	if !errors.As(err, &changed) || changed.Title != "theirs" {
		t.Errorf("got %v, want a ChangedError with the title", err)
	}
}

func TestTitlesAreTrimmed(t *testing.T) {
	const title = " \n\ufeffmilk\u2028"
	was := " shown "
	before := List{Title: "shown", Items: []Item{{UID: "a", ID: 1, Title: "bread", Order: 1}}}
	for want, op := range map[string]Op{
		"shown: bread, milk": Create{UID: "b", Title: title},
		"shown: milk":        Update{UID: "a", Change: Change{Title: new(title)}},
		"milk: bread":        SetTitle{Title: title, Was: &was},
	} {
		effect, err := op.Apply(before)
		if err != nil {
			t.Errorf("%s: got %v, want nil", op.Kind(), err)
		}
		var titles []string
		for _, it := range effect.List.Items {
			titles = append(titles, it.Title)
		}
		if got := effect.List.Title + ": " + strings.Join(titles, ", "); got != want {
			t.Errorf("%s: got %q, want %q", op.Kind(), got, want)
		}
		if again, err := op.Apply(effect.List); err != nil || again.Changed {
			t.Errorf("%s again: got %+v and %v, want no change", op.Kind(), again, err)
		}
		stored, err := DecodeList(effect.List.AppendList(nil))
		if err != nil || stored.Title != effect.List.Title || !slices.Equal(stored.Items, effect.List.Items) {
			t.Errorf("%s: stored as %+v, %v, want %+v", op.Kind(), stored, err, effect.List)
		}
	}
}

func TestNextID(t *testing.T) {
	for _, test := range []struct {
		ids  []int64
		want int64
	}{{nil, 1}, {[]int64{1, 7}, 8}, {[]int64{-5}, 1}, {[]int64{MaxNumber, 1, 2}, 3}} {
		var l List
		for _, id := range test.ids {
			l.Items = append(l.Items, Item{ID: id})
		}
		if got := l.nextID(); got != test.want {
			t.Errorf("%v: got %d, want %d", test.ids, got, test.want)
		}
	}
}

func TestFull(t *testing.T) {
	var l List
	for range MaxItems {
		effect, err := Create{UID: "u" + strings.Repeat("x", len(l.Items)%60) + string(rune('a'+len(l.Items)%26)), Title: "t"}.Apply(List{Items: l.Items[len(l.Items):]})
		if err != nil {
			t.Fatal(err)
		}
		l.Items = append(l.Items, effect.Item)
	}
	if _, err := (Create{UID: "one-more", Title: "t"}).Apply(l); !errors.Is(err, ErrFull) {
		t.Errorf("item %d: got %v, want %v", MaxItems+1, err, ErrFull)
	}
	big := list(Item{UID: "a", Title: strings.Repeat("x", MaxBytes+10)}, Item{UID: "b", Title: "b"})
	if _, err := (Create{UID: "c", Title: "c"}).Apply(big); !errors.Is(err, ErrFull) {
		t.Errorf("a list that is too large already: got %v, want %v", err, ErrFull)
	}
	shorter := "x"
	if _, err := (Update{UID: "b", Change: Change{Title: &shorter}}).Apply(big); err != nil {
		t.Errorf("a change that does not grow it: got %v, want nil", err)
	}
}

// The form of AppendState is decoded without a decoder.
func TestPlainEntries(t *testing.T) {
	want := []Entry{{1, "Café", true}, {2, "", false}, {-MaxNumber, strings.Repeat("x", MaxTitleLength), true}}
	l := list()
	for _, e := range want {
		l.Items = append(l.Items, Item{ID: e.ID, Title: e.Title, Completed: e.Completed})
	}
	if got, ok := plainEntries(l.AppendState(nil)); !ok || !slices.Equal(got, want) {
		t.Errorf("got %v, %t, want %v, true", got, ok, want)
	}
	l.Items = slices.Repeat(l.Items[:1], MaxItems+1)
	if _, err := DecodeState(l.AppendState(nil)); err == nil {
		t.Errorf("%d items were decoded", MaxItems+1)
	}
}

// Where the IDs ascend, match needs no table.
func TestMatchAscending(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 1000 {
		var items []Item
		var entries []Entry
		for id := range int64(8) {
			if rnd.IntN(3) > 0 {
				items = append(items, Item{ID: id})
			}
			if rnd.IntN(3) > 0 {
				entries = append(entries, Entry{ID: id, Title: "t"})
			}
		}
		got := match(items, entries)
		for i, e := range entries {
			if want := slices.IndexFunc(items, func(it Item) bool { return it.ID == e.ID }); got[i] != want {
				t.Fatalf("round %d: %v and %v: got %v", round, items, entries, got)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`[{"id":1,"title":"a","completed":false}]`, `[{"id":1,"id":2}]`, `{"title":" x "}`, `{"operations":[{"id":"1","type":"clear"}]}`,
		`[]`, `[{"id":-1,"title":"","completed":true},{"id":9007199254740991,"title":"é","completed":false}]`, `[{"id":-0,"title":"\\u0041","completed":true}]`,
		`[{"id":9007199254740992,"title":"a","completed":false}]`, `[{"id":1,"title":"a","completed":false},]`, `[{"id":1,"title":"\"","completed":false} ] `,
		`[{"id":1.0,"title":"a","completed":false}]`, "[{\"id\":1,\"title\":\"\xff\",\"completed\":false}]", `[{"id":1,"title":"a","completed":falsex}]`, `[[[[[`, "\xff", `{"order":1e308}`, `[{"uid":"a","id":1,"title":"x","completed":true,"order":-0.5}]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		refusals := 0
		check := func(err error) bool {
			if err == nil {
				if !json.Valid(body) {
					t.Errorf("%q was decoded and is not JSON", body)
				}
				return true
			}
			refusals++
			var invalid *InvalidError
			if !errors.As(err, &invalid) || len(invalid.Problems) == 0 || len(invalid.Problems) > maxProblems {
				t.Errorf("%q: got %v, want an InvalidError", body, err)
			}
			return false
		}
		if plain, ok := plainEntries(body); ok {
			if entries, err := decodeEntries(body); err != nil || !slices.Equal(plain, entries) || (plain == nil) != (entries == nil) {
				t.Errorf("%q: got %v, want %v, %v", body, plain, entries, err)
			}
		}
		if entries, err := DecodeState(body); check(err) {
			l, err := DecodeV1(body)
			if err != nil {
				t.Fatal(err)
			}
			again, err := DecodeState(l.AppendState(nil))
			if err != nil || !slices.Equal(again, entries) {
				t.Errorf("%q: got %v, then %v, %v", body, entries, again, err)
			}
		}
		if items, err := DecodeItems(body); check(err) {
			again, err := DecodeItems(AppendItems(nil, items))
			if err != nil || !slices.Equal(again, items) {
				t.Errorf("%q: got %v, then %v, %v", body, items, again, err)
			}
		}
		_, err := DecodeCreate(body)
		check(err)
		_, err = DecodeUpdate("a", body)
		check(err)
		_, err = DecodeCompleteAll(body)
		check(err)
		_, err = DecodeRestore(body)
		check(err)
		ops, err := DecodeBatch(body)
		if check(err) && (len(ops) == 0 || len(ops) > MaxOperations) {
			t.Errorf("%q: got %d operations", body, len(ops))
		}
		// A text is valid as at most one kind of body, except [] and
		// {"completed":...}, which are valid as two.
		if refusals < 5 {
			t.Errorf("%q: valid as %d kinds of body", body, 7-refusals)
		}
	})
}

func TestRendering(t *testing.T) {
	l := list(Item{UID: "b", ID: 2, Title: "</script>\u2028\"", Order: 1e21}, Item{UID: "a", ID: -1, Title: "é😀", Completed: true, Order: -0.25})
	var got []map[string]any
	if err := json.Unmarshal(l.Render().Append(nil, "http://h/"), &got); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{
		{"id": "a", "title": "é😀", "completed": true, "order": -0.25, "url": "http://h/a"},
		{"id": "b", "title": "</script>\u2028\"", "completed": false, "order": 1e21, "url": "http://h/b"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Names of members may have escapes, and must be strings.
func TestNamesOfMembers(t *testing.T) {
	if op, err := DecodeCreate([]byte(`{"titl\u0065":"a"}`)); err != nil || op.Title != "a" {
		t.Errorf("an escaped name: got %+v, %v, want the title a", op, err)
	}
	for body, want := range map[string]Problem{
		`{"title":"a","t\u0069tle":"b"}`: {"/title", `not valid JSON: duplicate object member name, at byte 13`},
		`{"title":"a",[rue:2}`:           {"", `not valid JSON: object member name must be a string, at byte 13`},
	} {
		_, err := DecodeCreate([]byte(body))
		if invalid, ok := errors.AsType[*InvalidError](err); !ok || invalid.Problems[0] != want {
			t.Errorf("%s: got %v, want %+v", body, err, want)
		}
	}
}

// isPlain tells each byte that JSON escapes, or that is not ASCII, from the
// others, wherever it stands.
func TestIsPlain(t *testing.T) {
	for length := range 18 {
		for at := range length {
			for c := range 256 {
				text := []byte("abcdefghijklmnopqr"[:length])
				text[at] = byte(c)
				quoted, err := jsontext.AppendQuote(nil, string(text))
				want := err == nil && c < 0x80 && string(quoted) == `"`+string(text)+`"`
				if got := isPlain(string(text)); got != want {
					t.Fatalf("%q: got %t, want %t", text, got, want)
				}
			}
		}
	}
}
