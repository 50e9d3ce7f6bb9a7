//go:build rehearsal

package rehearsal

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// row is a line of the closing table.
type row struct {
	step, expected, seen string
	seconds              float64
	ok                   bool
}

type script struct {
	*stage
	rows []row
}

// step runs one step as a test of its own; the story ends with the first that
// fails, because the next ones begin where it should have ended.
func (s *script) step(name, expected string, do func(t *testing.T) (seen string)) {
	began := time.Now()
	seen := "failed"
	ok := s.t.Run(name, func(t *testing.T) {
		outer := s.t
		s.t = t
		defer func() { s.t = outer }()
		seen = do(t)
	})
	s.rows = append(s.rows, row{name, expected, seen, time.Since(began).Seconds(), ok})
	if !ok {
		s.t.FailNow()
	}
}

func (s *script) table() {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "step\texpected\tseen\tseconds")
	total := 0.0
	for _, r := range s.rows {
		mark := ""
		if !r.ok {
			mark = "FAILED: "
		}
		fmt.Fprintf(w, "%s\t%s\t%s%s\t%.0f\n", r.step, r.expected, mark, r.seen, r.seconds)
		total += r.seconds
	}
	fmt.Fprintf(w, "%d steps\t\t\t%.0f\n", len(s.rows), total)
	w.Flush()
	if err := os.WriteFile(filepath.Join(s.logs, "table.txt"), []byte(text.String()), 0o644); err != nil {
		s.t.Error(err)
	}
	fmt.Print("\n", text.String())
}

// good fails unless the playbook ended well.
func good(t *testing.T, p played) {
	t.Helper()
	if p.code != 0 {
		t.Fatalf("the playbook ended with %d:\n%s", p.code, p.output)
	}
}

// refused fails unless the playbook failed and said each of the texts.
func refused(t *testing.T, p played, texts ...string) {
	t.Helper()
	if p.code == 0 {
		t.Fatalf("the playbook succeeded, want a failure that says %q:\n%s", texts, p.output)
	}
	said := strings.Join(strings.Fields(p.output), " ")
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Fatalf("the playbook failed, want it to say %q:\n%s", text, p.output)
		}
	}
}

// unchanged fails unless the playbook ended well and changed nothing.
func unchanged(t *testing.T, p played) {
	t.Helper()
	good(t, p)
	if p.changed != 0 {
		t.Fatalf("the playbook changed %d things, want none:\n%s", p.changed, p.output)
	}
}

// serves fails unless one release answers at staging, in image and page.
func (s *script) serves(digest, page string) string { return s.at(s.place, digest, page) }

func (s *script) at(p *place, digest, page string) string {
	s.t.Helper()
	releases, images, served := s.serving(p)
	if len(releases) != 1 || !releases[digest] {
		s.t.Fatalf("got answers of %v, want of %s alone", releases, digest)
	}
	if len(images) != 1 || !images[digest] {
		s.t.Fatalf("the engine runs %v, want %s alone", images, digest)
	}
	if !strings.Contains(served, "<title>"+page) {
		s.t.Fatalf("got the page %q, want the one titled %q", served, page)
	}
	return digest[:14] + " and page " + page
}

const broken = `package main

import (
	"fmt"
	"os"
)

func init() {
	fmt.Println("broken on purpose")
	os.Exit(7)
}
`

const unready = `package main

import "net/http"

func init() {
	_ = http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
}
`

func TestRehearsal(t *testing.T) {
	began := time.Now()
	s := &script{stage: setUp(t)}
	s.rows = append(s.rows, row{"set up", "everything answers", "moto, registry, lists, ECS, site", time.Since(began).Seconds(), true})
	t.Cleanup(s.table)

	// What is wrong before anything can change.
	s.step("no environment", "refused", func(t *testing.T) string {
		refused(t, s.play("deploy.yml", "in:nowhere"), "There is no environment nowhere", "empty, lost, other, production, staging")
		return "the environments there are"
	})
	s.step("no credentials", "refused", func(t *testing.T) string {
		refused(t, s.play("status.yml", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="), "does not take these credentials, or there are none", "Unable to locate credentials")
		return "how to log in"
	})
	s.step("wrong account", "refused", func(t *testing.T) string {
		refused(t, s.play("status.yml", "in:other"), "These credentials are of the account "+account, "other is in 999999999999")
		return "both accounts"
	})
	s.step("bucket missing", "refused", func(t *testing.T) string {
		refused(t, s.play("status.yml", "in:lost"), "todo-no-such-bucket")
		return "its name"
	})
	s.step("dirty tree", "refused", func(t *testing.T) string {
		path := filepath.Join(s.repository, "README.dirty")
		s.check(os.WriteFile(path, []byte("x"), 0o644))
		defer os.Remove(path)
		refused(t, s.play("deploy.yml"), "The work tree has 1 changes that no commit holds", "README.dirty")
		return "the file"
	})
	s.step("rollback without a healthy release", "refused", func(t *testing.T) string {
		refused(t, s.play("rollback.yml", "in:empty"), "Cannot roll empty back: there is no healthy release to go back to")
		return "the reason, and the lock is free"
	})

	a := s.commit("release A", "A", "")
	s.step("deploy A", "A serves", func(t *testing.T) string {
		good(t, s.play("deploy.yml"))
		return s.serves(s.digest(a), "A")
	})
	s.step("image", "reproducible, below 25 MB", s.reproducible)
	s.step("use it in a browser", "two devices agree", s.drive)
	s.step("use it without signing in", "refused", s.strangers)
	s.step("deploy A again", "0 changed", func(t *testing.T) string {
		unchanged(t, s.play("deploy.yml"))
		return "0 changed"
	})

	b := s.commit("release B", "B", "")
	s.step("check B", "says what would change, changes nothing", func(t *testing.T) string {
		p := s.play("deploy.yml", "--check", "--diff")
		good(t, p)
		if p.changed == 0 || !strings.Contains(p.output, s.digest(b)) {
			t.Fatalf("got %d changes foreseen, want some and the new digest:\n%s", p.changed, p.output)
		}
		s.serves(s.digest(a), "A")
		return fmt.Sprintf("%d foreseen, A serves", p.changed)
	})
	s.step("registry refuses B", "refused, A serves", func(t *testing.T) string {
		s.refusePush.Store(true)
		defer s.refusePush.Store(false)
		refused(t, s.play("deploy.yml"), "refuses these credentials", "serves, as before")
		return s.serves(s.digest(a), "A")
	})

	users := s.load()
	defer users.stop()
	s.step("deploy B under load", "B serves", func(t *testing.T) string {
		gate := s.pushes.shut()
		defer s.pushes.release()
		first := s.start("deploy.yml")
		gate.wait(t, first)
		second := s.play("deploy.yml")
		s.pushes.release()
		refused(t, second, "holds the lock since", "deployment of "+b)
		s.rows = append(s.rows, row{"deploy B twice at once", "the second refused", "who holds the lock", second.seconds, true})
		good(t, <-first.done)
		return s.serves(s.digest(b), "B")
	})
	s.step("requests during it", "0 failed", func(t *testing.T) string { return s.stopped(t, users) })

	s.commit("release C, whose image does not start", "C", broken)
	users = s.load()
	defer users.stop()
	s.step("deploy C, which does not start", "fails with a reason, B serves", func(t *testing.T) string {
		p := s.play("deploy.yml")
		refused(t, p, "ECS gave the deployment up", "deployment failed: tasks failed to start", "left with 7", "serves, as before")
		if strings.Contains(p.output, `left with 7\n`) {
			t.Errorf("want a line a task:\n%s", p.output)
		}
		return s.serves(s.digest(b), "B")
	})
	s.step("requests during it ", "0 failed", func(t *testing.T) string { return s.stopped(t, users) })
	s.commit("release D, which is never ready", "D", unready)
	s.step("deploy D, whose health is never green", "fails with a reason, B serves", func(t *testing.T) string {
		refused(t, s.play("deploy.yml"), "ECS gave the deployment up", "failed ELB health checks", "serves, as before")
		return s.serves(s.digest(b), "B")
	})
	s.step("status", "tells the story", func(t *testing.T) string {
		p := s.play("status.yml")
		unchanged(t, p)
		for _, want := range []string{"image " + s.digest(b) + " of commit " + b, "of commit " + b + " - release r", "lock free", "deploy failed", "deploy healthy"} {
			if !strings.Contains(strings.Join(strings.Fields(p.output), " "), want) {
				t.Fatalf("want %q in\n%s", want, p.output)
			}
		}
		return "B, and how C and D failed"
	})

	s.step("roll back", "A serves", func(t *testing.T) string {
		good(t, s.play("rollback.yml"))
		return s.serves(s.digest(a), "A")
	})
	s.step("roll back again", "0 changed", func(t *testing.T) string {
		unchanged(t, s.play("rollback.yml"))
		return s.serves(s.digest(a), "A")
	})

	e := s.commit("release E", "E", "")
	s.step("invalidation of E denied", "fails with a reason, A serves", func(t *testing.T) string {
		s.denyInvalidation.Store(true)
		defer s.denyInvalidation.Store(false)
		refused(t, s.play("deploy.yml"), "AccessDenied")
		return s.serves(s.digest(a), "A")
	})
	s.step("deploy of E cut between image and page", "image E, page A", func(t *testing.T) string {
		gate := s.uploads.shut()
		defer s.uploads.release()
		r := s.start("deploy.yml")
		gate.wait(t, r)
		r.kill()
		return s.serves(s.digest(e), "A")
	})
	s.step("deploy E again", "completed, the dead lock taken over", func(t *testing.T) string {
		p := s.play("deploy.yml")
		good(t, p)
		if !strings.Contains(p.output, "its process is gone") {
			t.Fatalf("want it to say that it took the lock over:\n%s", p.output)
		}
		return s.serves(s.digest(e), "E")
	})
	s.step("status ", "interrupted, then healthy", func(t *testing.T) string {
		p := s.play("status.yml")
		unchanged(t, p)
		if !strings.Contains(p.output, "interrupted") {
			t.Fatalf("want an interrupted release in\n%s", p.output)
		}
		return "both"
	})
	s.step("run a command", "its end tells how it went", func(t *testing.T) string {
		refused(t, s.play("run.yml", "-e", "command=nonsense"), "ended with 2")
		return "2"
	})
	s.step("read the log", "empty: containers log to the engine", func(t *testing.T) string {
		p := s.play("logs.yml")
		unchanged(t, p)
		if want := "Nothing was logged in the last 15 minutes."; !strings.Contains(p.output, want) {
			t.Fatalf("want %q in\n%s", want, p.output)
		}
		return "empty"
	})

	s.step("promote E to another account", "the same image, with what came with it", func(t *testing.T) string { return s.promote(t, e) })
	s.step("judge every call by the deploy role", "all allowed", s.judge)
}

// promote brings a release from staging to production, which is in an account
// of its own, with a registry of its own. Nothing that was built is left, and
// neither account's credentials open the other's registry or buckets.
func (s *script) promote(t *testing.T, revision string) string {
	digest := s.digest(revision)
	built := filepath.Join(s.repository, ".cache", "releases")
	s.check(os.Rename(built, built+".away"))
	s.production = s.startPlace("production", another, false)
	refused(t, s.play("deploy.yml", "in:production", "-e", "release="+revision[:12]), "No release "+revision[:12]+" was fetched")
	good(t, s.play("fetch.yml"))
	refused(t, s.play("deploy.yml", slices.Concat(s.keys, []string{"in:production", "-e", "release=" + revision[:12]})...), "are of the account "+account, "production is in "+another)
	good(t, s.play("deploy.yml", "in:production", "-e", "release="+revision[:12]))
	if got := s.digest(revision); got != digest {
		t.Errorf("fetched %s, want %s, which staging runs", got, digest)
	}
	seen := s.at(s.production, digest, "E")

	// Pulling refuses an image without its provenance.
	env := slices.Concat(s.env, s.production.keys, []string{"AWS_DEFAULT_REGION=" + s.region})
	pulled := filepath.Join(s.dir, "production-image")
	s.command(s.repository, env, "tools/image", "pull", "-from", s.production.image+"@"+digest, "-out", pulled)
	s.contents(t, filepath.Join(pulled, "oci"), digest, revision)
	_, err := try(s.repository, env, "tools/image", "pull", "-from", s.image+"@"+digest, "-out", pulled)
	if err == nil {
		t.Error("production's credentials pull from staging's registry, want a refusal")
	}
	bill := "production/sbom/" + strings.ReplaceAll(digest, ":", "-") + ".cdx.json"
	s.command(s.repository, env, "aws", "s3api", "head-object", "--bucket", s.production.releases, "--key", bill)
	p := s.play("status.yml", "in:production")
	if unchanged(t, p); !strings.Contains(p.output, "as verified in staging") {
		t.Errorf("want where it was verified in\n%s", p.output)
	}
	s.check(os.RemoveAll(built))
	s.check(os.Rename(built+".away", built))
	return seen + " in " + another
}

// judge fails unless the deploy role of each environment allows what the
// playbooks called there.
func (s *script) judge(*testing.T) string {
	return s.python(map[string]any{"project": s.project, "published": s.published}, nil, "judge.py", s.calls)
}

func (s *script) stopped(t *testing.T, l *load) string {
	l.stop()
	sent, failed := l.sent.Load(), l.failed.Load()
	if sent == 0 || failed > 0 {
		t.Fatalf("got %d of %d requests failed, want none; see load.log", failed, sent)
	}
	return fmt.Sprintf("%d sent, %d failed", sent, failed)
}

// reproducible builds A's image again, in another clone, and checks what is in it.
func (s *script) reproducible(t *testing.T) string {
	revision := s.command(s.repository, nil, "git", "rev-parse", "HEAD")
	clone, again := filepath.Join(s.dir, "clone"), filepath.Join(s.dir, "Built again")
	s.command(s.dir, nil, "git", "clone", "--quiet", s.repository, clone)
	out := s.command(clone, nil, filepath.Join(s.repository, "tools", "image"), "build", "-out", again)
	var d struct {
		Digest      string
		Bytes       int64
		PulledBytes int64 `json:"pulled_bytes"`
	}
	s.check(json.Unmarshal([]byte(out), &d))
	if want := s.digest(revision); d.Digest != want {
		t.Errorf("two builds of one commit: got %s and %s", d.Digest, want)
	}
	if d.Bytes >= 25_000_000 {
		t.Errorf("got an image of %d bytes, want fewer than 25 MB", d.Bytes)
	}
	s.contents(t, filepath.Join(again, "oci"), d.Digest, revision)
	text, err := os.ReadFile(filepath.Join(again, "sbom.cdx.json"))
	s.check(err)
	var bill struct {
		Format     string `json:"bomFormat"`
		Components []struct{ Name string }
	}
	s.check(json.Unmarshal(text, &bill))
	// The last is where the roots of certification authorities come from: the image has no files of its own.
	for _, want := range []string{"std", "github.com/gofiber/fiber/v2", "golang.org/x/crypto/x509roots/fallback"} {
		if !slices.ContainsFunc(bill.Components, func(c struct{ Name string }) bool { return c.Name == want }) {
			t.Errorf("want %s in the bill of materials (%s, %d components)", want, bill.Format, len(bill.Components))
		}
	}
	return fmt.Sprintf("one digest, %.1f MB, %.1f MB to pull, %d components", float64(d.Bytes)/1e6, float64(d.PulledBytes)/1e6, len(bill.Components))
}

// contents fails unless the image in the layout is the program alone, for both
// platforms, run by a user without rights.
func (s *script) contents(t *testing.T, dir, digest, revision string) {
	hash, err := v1.NewHash(digest)
	s.check(err)
	root, err := layout.ImageIndexFromPath(dir)
	s.check(err)
	index, err := root.ImageIndex(hash)
	s.check(err)
	manifest, err := index.IndexManifest()
	s.check(err)
	var platforms []string
	statements := 0
	for _, d := range manifest.Manifests {
		if d.Annotations["vnd.docker.reference.type"] == "attestation-manifest" {
			statements++
			continue
		}
		platforms = append(platforms, d.Platform.String())
		image, err := index.Image(d.Digest)
		s.check(err)
		config, err := image.ConfigFile()
		s.check(err)
		if got, want := config.Config.User, "65532:65532"; got != want {
			t.Errorf("%s: user: got %q, want %q", d.Platform, got, want)
		}
		if got := config.Config.Labels["org.opencontainers.image.revision"]; got != revision {
			t.Errorf("%s: revision: got %q, want %q", d.Platform, got, revision)
		}
		var files []string
		for r := tar.NewReader(mutate.Extract(image)); ; {
			header, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			s.check(err)
			if header.Typeflag != tar.TypeDir {
				files = append(files, path.Clean("/"+header.Name))
			}
		}
		if !slices.Equal(files, config.Config.Entrypoint) {
			t.Errorf("%s: files: got %q, want the entry point %q alone", d.Platform, files, config.Config.Entrypoint)
		}
	}
	if want := []string{"linux/amd64", "linux/arm64"}; !slices.Equal(platforms, want) || statements != len(want) {
		t.Errorf("got platforms %q and %d statements of provenance, want %q and one for each", platforms, statements, want)
	}
}

func (s *script) drive(*testing.T) string {
	return s.command(".", nil, "node", "drive.mjs", s.site, filepath.Join(s.repository, "apps", "web"), "rehearsal", os.Getenv("CHROMIUM"))
}

// strangers fails unless the API wants a token of the issuer, and takes one.
func (s *script) strangers(t *testing.T) string {
	token := s.issuer.token(s.stage)
	var seen []string
	for _, each := range []struct {
		who, authorization string
		want               int
	}{
		{"nobody", "", http.StatusUnauthorized},
		{"a forged token", "Bearer " + token[:len(token)-8] + "AAAAAAAA", http.StatusUnauthorized},
		{"the issuer's token", "Bearer " + token, http.StatusOK},
	} {
		var header []string
		if each.authorization != "" {
			header = []string{"Authorization", each.authorization}
		}
		a := s.request(http.DefaultClient, each.want, http.MethodGet, s.site+"/api/lists/strangers/todos", "", header...)
		challenge := a.Header.Get("WWW-Authenticate")
		if strings.HasPrefix(challenge, "Bearer ") != (each.want == http.StatusUnauthorized) {
			t.Errorf("%s: got WWW-Authenticate %q with %d", each.who, challenge, a.Status)
		}
		seen = append(seen, fmt.Sprintf("%s %d", each.who, a.Status))
	}
	return strings.Join(seen, ", ")
}
