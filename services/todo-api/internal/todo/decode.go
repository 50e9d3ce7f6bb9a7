package todo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxDepth = 4
	// maxProblems is the maximum number of reported problems of an input.
	maxProblems = 10
	// MaxOperations is the maximum number of operations of a batch.
	MaxOperations = 200
)

// Operation is one operation of a batch.
type Operation struct {
	// ID identifies the operation; the client chooses it.
	ID string
	// Op is the operation itself. A [Create] may lack its UID.
	Op Op
}

// DecodeState decodes a list in the v1 form. All functions here return a
// [*InvalidError] for invalid input.
func DecodeState(body []byte) ([]Entry, error) {
	if entries, ok := plainEntries(body); ok {
		return entries, nil
	}
	return decodeEntries(body)
}

// decodeEntries decodes a list in the v1 form, however it is written.
func decodeEntries(body []byte) ([]Entry, error) {
	d := newDecoder(body)
	var entries []Entry
	d.array(func(i int) {
		e := d.entry()
		if i < MaxItems {
			entries = append(entries, e)
		} else if i == MaxItems {
			d.problem("a list has at most %d items", MaxItems)
		}
	})
	return entries, d.end()
}

// plainEntries decodes a list in the form of [List.AppendState], without escapes,
// a few times as fast as a decoder. ok is false if the list has another form or is
// invalid.
func plainEntries(body []byte) (entries []Entry, ok bool) {
	rest := body
	skip := func(text string) bool {
		found := len(rest) >= len(text) && string(rest[:len(text)]) == text
		if found {
			rest = rest[len(text):]
		}
		return found
	}
	upTo := func(end byte) []byte {
		value := rest[:max(bytes.IndexByte(rest, end), 0)]
		rest = rest[len(value):]
		return value
	}
	if !jsontext.Value(body).IsValid() || !skip("[") {
		return nil, false
	}
	for !skip("]") {
		if len(entries) == MaxItems || len(entries) > 0 && !skip(",") || !skip(`{"id":`) {
			return nil, false
		}
		if entries == nil {
			entries = make([]Entry, 0, min(bytes.Count(body, []byte("{")), MaxItems))
		}
		id, err := strconv.ParseInt(string(upTo(',')), 10, 64)
		if err != nil || max(id, -id) > MaxNumber || !skip(`,"title":"`) {
			return nil, false
		}
		title := upTo('"')
		if bytes.IndexByte(title, '\\') >= 0 || len(title) > MaxTitleLength || !skip(`","completed":`) {
			return nil, false
		}
		e := Entry{ID: id, Title: string(title), Completed: skip("true")}
		if !e.Completed && !skip("false") || !skip("}") {
			return nil, false
		}
		entries = append(entries, e)
	}
	return entries, true // at most white space follows: the JSON is valid
}

// DecodeV1 decodes a list that v1 stored. It derives the UID of an item from its
// ID and its position among the items with that ID, so that all readers find the
// same UIDs before the list is written again.
func DecodeV1(body []byte) (List, error) {
	entries, err := DecodeState(body)
	if err != nil {
		return List{}, err
	}
	items := make([]Item, len(entries))
	seen := make(map[int64]int, len(entries))
	for i, e := range entries {
		items[i] = Item{
			UID:       fmt.Sprintf("v1_%d_%d", e.ID, seen[e.ID]),
			ID:        e.ID,
			Title:     e.Title,
			Completed: e.Completed,
			Order:     float64(i + 1),
		}
		seen[e.ID]++
	}
	return NewList(items), nil
}

// DecodeItems decodes the JSON of [AppendItems].
func DecodeItems(body []byte) ([]Item, error) {
	d := newDecoder(body)
	items := d.items()
	return items, d.end()
}

// decoder decodes one JSON value strictly. It records invalid values and
// continues; a syntax error ends it.
type decoder struct {
	d        *jsontext.Decoder
	body     []byte
	maxDepth int // of objects and arrays
	problems []Problem
	broken   bool
}

func (d *decoder) items() (items []Item) {
	seen := make(map[string]bool)
	d.array(func(i int) {
		var it Item
		d.object("an item", []string{"uid", "id", "title", "completed", "order"}, 5, refuseOthers, func(name string) {
			switch name {
			case "uid":
				it.UID = d.uid()
				if seen[it.UID] {
					d.problem("duplicate uid")
				}
				seen[it.UID] = true
			case "id":
				it.ID = d.integer()
			case "title":
				it.Title = d.rawTitle()
			case "completed":
				it.Completed = d.boolean()
			case "order":
				it.Order = d.number()
			}
		})
		if i < MaxItems {
			items = append(items, it)
		} else if i == MaxItems {
			d.problem("a list has at most %d items", MaxItems)
		}
	})
	return items
}

// DecodeCreate decodes a request that creates an item. The UID is "" if the
// server is to choose it.
func DecodeCreate(body []byte) (Create, error) {
	d := newDecoder(body)
	op := d.create()
	return op, d.end()
}

// DecodeUpdate decodes a request that changes the item with the UID.
func DecodeUpdate(uid string, body []byte) (Update, error) {
	d := newDecoder(body)
	op := Update{UID: uid}
	op.Change, op.Was = d.change(true)
	return op, d.end()
}

// DecodeCompleteAll decodes a request that completes all items.
func DecodeCompleteAll(body []byte) (CompleteAll, error) {
	d := newDecoder(body)
	var op CompleteAll
	d.object("an object with completed", []string{"completed", "ids"}, 1, refuseOthers, func(name string) {
		if name == "ids" {
			op.IDs = d.uids()
		} else {
			op.Completed = d.boolean()
		}
	})
	return op, d.end()
}

// DecodeRestore decodes a request that restores a revision.
func DecodeRestore(body []byte) (Restore, error) {
	d := newDecoder(body)
	var op Restore
	d.object("an object with revision", []string{"revision"}, 1, refuseOthers, func(string) {
		op.Revision = d.revision()
	})
	return op, d.end()
}

// DecodeSetTitle decodes a request that sets the list's title.
func DecodeSetTitle(body []byte) (SetTitle, error) {
	d := newDecoder(body)
	var op SetTitle
	d.object("an object with title", []string{"title", "was"}, 1, refuseOthers, func(name string) {
		if name == "was" {
			op.Was = new(d.listTitle())
		} else {
			op.Title = d.listTitle()
		}
	})
	return op, d.end()
}

// DecodeList decodes the JSON of [List.AppendList].
func DecodeList(body []byte) (List, error) {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		items, err := DecodeItems(body)
		return NewList(items), err
	}
	d := newDecoder(body)
	d.maxDepth++ // for the items of a removal
	var l List
	d.object("a list", []string{"items", "title", "removed"}, 1, refuseOthers, func(name string) {
		switch name {
		case "items":
			l = l.with(d.items())
			l.size = l.Size()
		case "title":
			l.Title = d.listTitle()
		case "removed":
			l.Removed = d.removals()
		}
	})
	return l, d.end()
}

// DecodeBatch decodes a request with many operations.
func DecodeBatch(body []byte) ([]Operation, error) {
	d := newDecoder(body)
	var ops []Operation
	d.object("an object with operations", []string{"operations"}, 1, refuseOthers, func(string) {
		n := 0
		d.array(func(i int) {
			n++
			op := d.operation()
			if i < MaxOperations {
				ops = append(ops, op)
			} else if i == MaxOperations {
				d.problem("a batch has at most %d operations", MaxOperations)
			}
		})
		if n == 0 {
			d.problem("expected at least one operation")
		}
	})
	return ops, d.end()
}

// ValidOperationID reports whether s is a valid operation ID: 1 to 128 visible
// ASCII characters.
func ValidOperationID(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return true
}

type others bool

const (
	refuseOthers others = false
	ignoreOthers others = true
)

func newDecoder(body []byte) *decoder {
	// It decodes the body of a bytes.Buffer where it is, without a copy.
	return &decoder{d: jsontext.NewDecoder(bytes.NewBuffer(body)), body: body, maxDepth: maxDepth}
}

func (d *decoder) problem(format string, args ...any) {
	d.problemAt(string(d.d.StackPointer()), format, args...)
}

func (d *decoder) problemAt(pointer, format string, args ...any) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, Problem{Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
	}
}

// end checks that the input ends, and returns the problems as an error.
func (d *decoder) end() error {
	if !d.broken {
		switch _, err := d.d.ReadToken(); {
		case errors.Is(err, io.EOF):
		case err == nil:
			d.problemAt("", "expected nothing after the JSON value, at byte %d", d.d.InputOffset())
		default:
			d.syntax(err)
		}
	}
	if len(d.problems) > 0 {
		return &InvalidError{Problems: d.problems}
	}
	return nil
}

func (d *decoder) syntax(err error) {
	if d.broken {
		return
	}
	d.broken = true
	detail := "not valid JSON"
	pointer := string(d.d.StackPointer())
	var at *jsontext.SyntacticError
	switch {
	case errors.As(err, &at):
		pointer = string(at.JSONPointer)
		detail = fmt.Sprintf("not valid JSON: %v, at byte %d", at.Err, at.ByteOffset)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			detail = fmt.Sprintf("not valid JSON: it ends within a value, at byte %d", at.ByteOffset)
		}
	case errors.Is(err, io.EOF):
		detail = "not valid JSON: it is empty"
	case errors.Is(err, io.ErrUnexpectedEOF):
		detail = fmt.Sprintf("not valid JSON: it ends within a value, at byte %d", len(d.body))
	}
	// A syntax error is always reported.
	if len(d.problems) == maxProblems {
		d.problems = d.problems[:maxProblems-1]
	}
	d.problemAt(pointer, "%s", detail)
}

// token reads the next token; ok is false after a syntax error.
func (d *decoder) token() (tok jsontext.Token, ok bool) {
	if d.broken {
		return tok, false
	}
	tok, err := d.d.ReadToken()
	if err != nil {
		d.syntax(err)
		return tok, false
	}
	if k := tok.Kind(); (k == '{' || k == '[') && d.d.StackDepth() > d.maxDepth {
		d.broken = true
		d.problem("expected at most %d levels of objects and arrays", d.maxDepth)
		return tok, false
	}
	return tok, true
}

// skip skips the rest of the value that begins with tok.
func (d *decoder) skip(tok jsontext.Token) {
	if k := tok.Kind(); k != '{' && k != '[' {
		return
	}
	for depth := d.d.StackDepth(); d.d.StackDepth() >= depth; {
		if _, ok := d.token(); !ok {
			return
		}
	}
}

// expect reads the next token and records a problem if its kind differs.
func (d *decoder) expect(kind jsontext.Kind, what string) (jsontext.Token, bool) {
	tok, ok := d.token()
	if !ok {
		return tok, false
	}
	if k := tok.Kind(); k != kind {
		d.problem("expected %s, got %s", what, kindName(k))
		d.skip(tok)
		return tok, false
	}
	return tok, true
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	default:
		return "an array"
	}
}

func (d *decoder) array(element func(i int)) {
	if _, ok := d.expect('[', "an array"); !ok {
		return
	}
	for i := 0; !d.broken && d.d.PeekKind() != ']'; i++ {
		element(i)
	}
	d.token()
}

// object decodes the members of an object; what describes it in messages. The
// first required names are required.
func (d *decoder) object(what string, names []string, required int, other others, member func(name string)) {
	if _, ok := d.expect('{', what); !ok {
		return
	}
	var seen uint // bit i is set if names[i] was read
	for !d.broken && d.d.PeekKind() != '}' {
		i, ok := d.name(names)
		if !ok {
			return
		}
		if i >= 0 {
			seen |= 1 << i
			member(names[i])
			continue
		}
		if other == refuseOthers {
			d.problem("unknown member of %s, expected one of %s", what, strings.Join(names, ", "))
		}
		if tok, ok := d.token(); ok {
			d.skip(tok)
		}
	}
	d.token()
	for i, name := range names[:required] {
		if seen&(1<<i) == 0 && !d.broken {
			d.problem("expected a member %s", name)
		}
	}
}

// name reads the name of a member and returns its index in names, or -1.
func (d *decoder) name(names []string) (index int, ok bool) {
	if d.d.PeekKind() != '"' {
		d.token() // a syntax error
	}
	if d.broken {
		return -1, false
	}
	// Unlike a token's string, a raw value takes no memory.
	raw, err := d.d.ReadValue()
	if err != nil {
		d.syntax(err)
		return -1, false
	}
	for i, name := range names {
		if string(raw[1:len(raw)-1]) == name {
			return i, true
		}
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // ReadValue has checked it
	return slices.Index(names, string(text)), true
}

func (d *decoder) boolean() bool {
	tok, ok := d.token()
	if !ok {
		return false
	}
	if k := tok.Kind(); k != 't' && k != 'f' {
		d.problem("expected true or false, got %s", kindName(k))
		d.skip(tok)
		return false
	}
	return tok.Bool()
}

func (d *decoder) text(what string) (string, bool) {
	tok, ok := d.expect('"', what)
	if !ok {
		return "", false
	}
	return tok.String(), true
}

func (d *decoder) rawTitle() string {
	s, _ := d.text("a string")
	if titleTooLong(s) {
		d.problem("a title has at most %d code points", MaxTitleLength)
	}
	return s
}

func (d *decoder) title() string {
	s, ok := d.text("a string")
	switch {
	case ok && trimTitle(s) == "":
		d.problem("expected a title that is not empty")
	case titleTooLong(s):
		d.problem("a title has at most %d code points", MaxTitleLength)
	}
	return s
}

func (d *decoder) listTitle() string {
	s, ok := d.text("a string")
	if ok && utf8.RuneCountInString(trimTitle(s)) > MaxListTitleLength {
		d.problem("a list's title has at most %d code points", MaxListTitleLength)
	}
	return s
}

func (d *decoder) uid() string {
	const what = "1 to 64 letters, digits, - and _ of ASCII"
	s, ok := d.text(what)
	if ok && !ValidUID(s) {
		d.problem("expected %s", what)
	}
	return s
}

func (d *decoder) number() float64 {
	const what = "a number between -(2^53-1) and 2^53-1"
	tok, ok := d.expect('0', what)
	if !ok {
		return 0
	}
	f, err := tok.Float()
	if err != nil || math.Abs(f) > MaxNumber {
		d.problem("expected %s", what)
		return 0
	}
	return f
}

func (d *decoder) integer() int64 {
	const what = "an integer between -(2^53-1) and 2^53-1"
	tok, ok := d.expect('0', what)
	if !ok {
		return 0
	}
	f, err := tok.Float()
	if err != nil || math.Abs(f) > MaxNumber || f != math.Trunc(f) {
		d.problem("expected %s", what)
		return 0
	}
	return int64(f)
}

func (d *decoder) revision() uint64 {
	n := d.integer()
	if n < 0 {
		d.problem("expected a revision, a non-negative integer")
		return 0
	}
	return uint64(n)
}

func (d *decoder) entry() Entry {
	var e Entry
	d.object("an item", []string{"id", "title", "completed"}, 3, ignoreOthers, func(name string) {
		switch name {
		case "id":
			e.ID = d.integer()
		case "title":
			e.Title = d.rawTitle()
		case "completed":
			e.Completed = d.boolean()
		}
	})
	return e
}

func (d *decoder) create() Create {
	var op Create
	d.object("a new item", []string{"title", "completed", "order", "id"}, 1, refuseOthers, func(name string) {
		switch name {
		case "title":
			op.Title = d.title()
		case "completed":
			op.Completed = d.boolean()
		case "order":
			op.Order = new(d.number())
		case "id":
			op.UID = d.uid()
		}
	})
	return op
}

// change decodes a change; withWas allows the member was.
func (d *decoder) change(withWas bool) (c Change, was *Was) {
	names := []string{"title", "completed", "order", "was"}
	if !withWas {
		names = names[:3]
	}
	members := 0
	d.object("a change", names, 0, refuseOthers, func(name string) {
		members++
		switch name {
		case "title":
			c.Title = new(d.title())
		case "completed":
			c.Completed = new(d.boolean())
		case "order":
			c.Order = new(d.number())
		case "was":
			members--
			was = d.was()
		}
	})
	if members == 0 && len(d.problems) == 0 {
		d.problem("expected at least one of title, completed and order")
	}
	return c, was
}

// was decodes an item as the client last read it. An item that v1 stored may have
// leading or trailing white space in its title.
func (d *decoder) was() *Was {
	w := new(Was)
	d.object("what was shown", []string{"title", "completed"}, 0, refuseOthers, func(name string) {
		if name == "title" {
			w.Title = new(d.rawTitle())
		} else {
			w.Completed = new(d.boolean())
		}
	})
	return w
}

// uids decodes an array of UIDs. The result is never nil.
func (d *decoder) uids() []string {
	uids := []string{}
	d.array(func(i int) {
		uid := d.uid()
		if i < MaxItems {
			uids = append(uids, uid)
		} else if i == MaxItems {
			d.problem("expected at most %d ids", MaxItems)
		}
	})
	return uids
}

// operation decodes one operation of a batch. The allowed members depend on its
// type, which need not be the first member.
func (d *decoder) operation() Operation {
	var (
		op        Operation
		typ       string
		todo      Create
		uid       string
		change    Change
		completed bool
		revision  uint64
		was       *Was
		ids       []string
		listTitle string
		wasTitle  *string
	)
	var present []string
	pointer := ""
	problems := len(d.problems)
	d.object("an operation", []string{"id", "type", "todo", "todoId", "change", "completed", "revision", "was", "ids", "title"}, 2, refuseOthers, func(name string) {
		pointer = strings.TrimSuffix(string(d.d.StackPointer()), "/"+name)
		present = append(present, name)
		switch name {
		case "id":
			const what = "1 to 128 visible characters of ASCII"
			s, ok := d.text(what)
			if ok && !ValidOperationID(s) {
				d.problem("expected %s", what)
			}
			op.ID = s
		case "type":
			typ, _ = d.text("a string")
		case "todo":
			todo = d.create()
		case "todoId":
			uid = d.uid()
		case "change":
			change, _ = d.change(false)
		case "completed":
			completed = d.boolean()
		case "revision":
			revision = d.revision()
		case "was":
			if d.d.PeekKind() == '"' {
				wasTitle = new(d.listTitle())
			} else {
				was = d.was()
			}
		case "ids":
			ids = d.uids()
		case "title":
			listTitle = d.listTitle()
		}
	})
	if d.broken || len(d.problems) > problems {
		return op
	}

	members, optional := []string{"id", "type"}, ""
	switch typ {
	case "create":
		op.Op, members = todo, append(members, "todo")
	case "update":
		op.Op, members, optional = Update{uid, change, was}, append(members, "todoId", "change"), "was"
	case "delete":
		op.Op, members = Delete{uid}, append(members, "todoId")
	case "completeAll":
		op.Op, members, optional = CompleteAll{completed, ids}, append(members, "completed"), "ids"
	case "clearCompleted":
		op.Op, optional = ClearCompleted{ids}, "ids"
	case "clear":
		op.Op = Clear{}
	case "setTitle":
		op.Op, members, optional = SetTitle{listTitle, wasTitle}, append(members, "title"), "was"
	case "restore":
		op.Op, members = Restore{Revision: revision}, append(members, "revision")
	default:
		d.problemAt(pointer+"/type", "expected create, update, delete, completeAll, clearCompleted, clear, setTitle or restore")
		return op
	}
	if typ == "setTitle" && was != nil || typ == "update" && wasTitle != nil {
		d.problemAt(pointer+"/was", "expected a string for setTitle, an object for update")
	}
	for _, name := range members {
		if !slices.Contains(present, name) {
			d.problemAt(pointer, "expected a member %s in an operation of type %s", name, typ)
		}
	}
	for _, name := range present {
		if name != optional && !slices.Contains(members, name) {
			d.problemAt(pointer+"/"+name, "unknown member of an operation of type %s", typ)
		}
	}
	return op
}
