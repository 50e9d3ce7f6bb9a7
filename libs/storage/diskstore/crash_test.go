package diskstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gchamon/devops-challenge/libs/storage"
)

var longKey = strings.Repeat("🚀", 100)

// written is a directory with documents of an earlier run.
func written() map[string]string {
	long, _ := fileName(longKey[:200])
	return map[string]string{
		"~43asa.json":         "old Casa",
		"default.json":        "old default",
		long + documentSuffix: "old long",
		long + longKeySuffix:  longKey[:200],
	}
}

// gone stands for a key that holds nothing.
const gone = "(nothing)"

// history is what a run did to a store: per key the body that was last
// acknowledged, and the one that was under way when it ended.
type history struct {
	acknowledged, attempted map[string]string
}

// play runs the same operations on any disk until one fails, on plain keys,
// long ones, and ones that have documents already.
func play(ctx context.Context, d *disk) history {
	h := history{acknowledged: map[string]string{"Casa": "old Casa", "default": "old default", longKey[:200]: "old long"}, attempted: map[string]string{}}
	s, err := newStore(d)
	if err != nil {
		return h
	}
	for n, op := range []struct{ name, key string }{
		{"create", "a"},
		{"replace", "a"},
		{"create", longKey},
		{"replace", "Casa"},
		{"replace", "default"},
		{"create", "B"},
		{"delete", "a"},
		{"replace", longKey},
		{"replace", longKey[:200]},
		{"replace", "Casa"},
		{"replace", "Casa"}, // from here on in the file that was replaced before
		{"replace", "Casa"},
		{"replace", longKey},
		{"replace", longKey},
		{"delete", "Casa"},
		{"create", "a"},
		{"replace", "a"},
		{"replace", "a"},
		{"delete", longKey},
		{"create", "Casa"},
		{"delete", "default"},
		{"create", longKey},
		{"delete", longKey[:200]},
		{"replace", "B"},
		{"delete", "B"},
	} {
		body := fmt.Sprintf("%d %s %.20s", n, op.name, op.key)
		var at storage.Version
		if op.name != "create" {
			at = version([]byte(h.acknowledged[op.key]))
		}
		h.attempted[op.key] = body
		switch op.name {
		case "create":
			_, err = s.Create(ctx, op.key, []byte(body))
		case "replace":
			_, err = s.Replace(ctx, op.key, []byte(body), at)
		case "delete":
			body = gone
			h.attempted[op.key] = gone
			err = s.Delete(ctx, op.key, at)
		}
		if err != nil {
			return h
		}
		h.acknowledged[op.key] = body
		delete(h.attempted, op.key)
	}
	return h
}

// look opens what a power cut left and returns how it differs from what the
// history allows.
func (h history) look(ctx context.Context, d *disk) []string {
	var wrong []string
	s, err := newStore(d)
	if err != nil {
		return []string{fmt.Sprintf("open: %v", err)}
	}
	if temps := d.temps(); len(temps) > 0 {
		wrong = append(wrong, fmt.Sprintf("temporary files left: %q", temps))
	}
	var present []string
	for _, key := range []string{"a", "B", "Casa", "default", longKey, longKey[:200]} {
		got := gone
		doc, err := s.Get(ctx, key)
		switch {
		case err == nil:
			got = string(doc.Body)
			present = append(present, key)
		case !errors.Is(err, storage.ErrNotFound):
			wrong = append(wrong, fmt.Sprintf("%.20q: %v", key, err))
			continue
		}
		acknowledged, ok := h.acknowledged[key]
		if !ok {
			acknowledged = gone
		}
		if attempted, ok := h.attempted[key]; got != acknowledged && (!ok || got != attempted) {
			wrong = append(wrong, fmt.Sprintf("%.20q: got %q, want %q or %q", key, got, acknowledged, attempted))
		}
	}
	slices.Sort(present)
	keys, err := s.keys()
	slices.Sort(keys)
	if err != nil || !slices.Equal(keys, present) {
		wrong = append(wrong, fmt.Sprintf("keys: got %.30q and %v, want %.30q", keys, err, present))
	}
	return wrong
}

var errPowerCut = errors.New("power cut")

// cutEverywhere plays once for each step, cuts the power there, and looks at
// several of the states that the disk may be in then.
func cutEverywhere(ctx context.Context, configure func(*disk)) (cuts int, wrong []string) {
	whole := newDisk(written())
	configure(whole)
	play(ctx, whole)
	for n := 1; n <= len(whole.steps)+1; n++ {
		d := newDisk(written())
		configure(d)
		d.fault = func(at int, _ string) error {
			if at >= n {
				return errPowerCut
			}
			return nil
		}
		h := play(ctx, d)
		for seed := range uint64(40) {
			cuts++
			for _, w := range h.look(ctx, d.powerCut(rand.New(rand.NewPCG(seed, uint64(n))))) {
				wrong = append(wrong, fmt.Sprintf("power cut at step %d (%s), seed %d: %s", n, d.steps[min(n, len(d.steps))-1], seed, w))
			}
		}
	}
	return cuts, wrong
}

// TestPowerCut: at whichever step the power goes, what was acknowledged is
// there, what was under way is there or not, and nothing is torn. It fails with
// TORTURE_ABLATION=fsync, which drops the syncs of files.
func TestPowerCut(t *testing.T) {
	ablated := os.Getenv("TORTURE_ABLATION") == "fsync"
	cuts, wrong := cutEverywhere(t.Context(), func(d *disk) { d.dropFileSync = ablated })
	for _, w := range wrong[:min(len(wrong), 10)] {
		t.Error(w)
	}
	t.Logf("%d power cuts, %d wrong", cuts, len(wrong))
	if cuts < 1000 {
		t.Errorf("got %d power cuts, want at least 1000", cuts)
	}
}

// TestPowerCutFindsMissingSync: the test above can fail.
func TestPowerCutFindsMissingSync(t *testing.T) {
	for name, drop := range map[string]func(*disk){
		"file":      func(d *disk) { d.dropFileSync = true },
		"directory": func(d *disk) { d.dropDirectorySync = true },
	} {
		if _, wrong := cutEverywhere(t.Context(), drop); len(wrong) == 0 {
			t.Errorf("without syncs of the %s: got nothing wrong, want documents lost or torn", name)
		}
	}
}

// TestStepFails: an error at any single step of a write is reported; what was
// there stays, no temporary file does, and the store goes on.
func TestStepFails(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for _, key := range []string{"fresh", "Casa", "default", longKey} {
			for _, op := range []string{"create", "replace", "delete", "get"} {
				for n := 1; ; n++ {
					d := newDisk(written())
					s, err := newStore(d)
					if err != nil {
						t.Fatalf("newStore: got %v, want nil", err)
					}
					before := gone
					if doc, err := s.Get(t.Context(), key); err == nil {
						before = string(doc.Body)
					}
					if op != "create" && before == gone {
						before = "before"
						if _, err := s.Create(t.Context(), key, []byte(before)); err != nil {
							t.Fatalf("Create: got %v, want nil", err)
						}
					}
					if op == "create" && before != gone {
						break
					}
					if before != gone {
						// The file of the last body but one is overwritten.
						for _, body := range []string{"first", "a longer second", before} {
							doc, err := s.Get(t.Context(), key)
							if err == nil {
								_, err = s.Replace(t.Context(), key, []byte(body), doc.Version)
							}
							if err != nil {
								t.Fatalf("Replace: got %v, want nil", err)
							}
						}
					}
					spares := d.temps()
					d.steps = nil
					failed, previous := "", ""
					landed := false // and the replaced file is covered
					d.fault = func(at int, step string) error {
						if at != n {
							landed = landed || at < n && step == "sync directory" && strings.HasPrefix(previous, "exchange ")
							previous = step
							return nil
						}
						failed = step
						return cause
					}
					switch op {
					case "create":
						_, err = s.Create(t.Context(), key, []byte("after"))
					case "replace":
						_, err = s.Replace(t.Context(), key, []byte("after"), version([]byte(before)))
					case "delete":
						err = s.Delete(t.Context(), key, version([]byte(before)))
					case "get":
						_, err = s.Get(t.Context(), key)
					}
					if failed == "" {
						break // that was the last step
					}
					what := fmt.Sprintf("%s of %.10q, %v at step %d (%s)", op, key, cause, n, failed)
					// The document is gone by then; the file is swept by the next Open.
					harmless := landed || op == "delete" && strings.HasSuffix(failed, longKeySuffix) ||
						len(spares) > 0 && (failed == "overwrite "+spares[0] || failed == "remove "+spares[0])
					want := storage.ErrUnavailable
					if errors.Is(cause, syscall.ENOSPC) {
						want = storage.ErrRefused
					}
					// The sync after the rename of a long key's name comes before
					// the document is touched.
					if failed == "sync directory" && !strings.HasSuffix(previous, longKeySuffix) {
						want = storage.ErrNotDurable
					}
					if !harmless && (!errors.Is(err, want) || !errors.Is(err, cause)) {
						t.Errorf("%s: got %v, want %v around %v", what, err, want, cause)
					}
					refused := errors.Is(err, storage.ErrRefused)
					d.fault = nil
					if temps := d.temps(); len(temps) > 1 || len(temps) > len(spares) {
						t.Errorf("%s: temporary files left: %q, before there were %q", what, temps, spares)
					}
					if len(d.misuse) > 0 {
						t.Errorf("%s: %q", what, d.misuse)
					}
					doc, err := s.Get(t.Context(), key)
					got := string(doc.Body)
					if errors.Is(err, storage.ErrNotFound) {
						got = gone
					} else if err != nil {
						t.Errorf("%s: Get afterwards: got %v, want nil", what, err)
					}
					after := map[string]string{"create": "after", "replace": "after", "delete": gone, "get": before}[op]
					// Only after a sync of the directory is the outcome open.
					open := failed == "sync directory" || op == "delete" || harmless
					if got != before && (refused || !open || got != after) {
						t.Errorf("%s: afterwards got %q, want %q", what, got, before)
					}
					if got == gone {
						_, err = s.Create(t.Context(), key, []byte("again"))
					} else {
						_, err = s.Replace(t.Context(), key, []byte("again"), version([]byte(got)))
					}
					if err != nil {
						t.Errorf("%s: a write afterwards: got %v, want nil", what, err)
					}
				}
			}
		}
	}
}

// TestOpenFails: a directory that cannot be read is an error, never an empty one.
func TestOpenFails(t *testing.T) {
	files := written()
	files[".tmp-1"] = "left by a crash"
	for n := 1; ; n++ {
		d := newDisk(files)
		failed := false
		d.fault = func(at int, _ string) error {
			if at != n {
				return nil
			}
			failed = true
			return syscall.EIO
		}
		_, err := newStore(d)
		if !failed {
			break
		}
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("EIO at step %d (%s): got %v, want it", n, d.steps[n-1], err)
		}
	}
}

// TestCheckDecidesMissing: a file that is missing from a directory that is no
// longer there means nothing.
func TestCheckDecidesMissing(t *testing.T) {
	d := newDisk(nil)
	s, err := newStore(d)
	if err != nil {
		t.Fatalf("newStore: got %v, want nil", err)
	}
	d.fault = func(_ int, step string) error {
		if step == "check" {
			return syscall.ENOENT
		}
		return nil
	}
	_, get := s.Get(t.Context(), "key")
	_, create := s.Create(t.Context(), "key", nil)
	_, replace := s.Replace(t.Context(), "key", nil, "v")
	_, keys := s.keys()
	for op, err := range map[string]error{"get": get, "create": create, "replace": replace, "delete": s.Delete(t.Context(), "key", "v"), "keys": keys, "check": s.Check(t.Context())} {
		if !errors.Is(err, storage.ErrUnavailable) || errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: got %v, want %v", op, err, storage.ErrUnavailable)
		}
	}
}
