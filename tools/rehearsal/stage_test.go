//go:build rehearsal

package rehearsal

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/gchamon/devops-challenge/tools/internal/freeport"
	"github.com/gchamon/devops-challenge/tools/internal/server"
)

const (
	account    = "123456789012" // moto's
	another    = "222222222222" // production's
	localstack = "localstack/localstack:4.14.0"
	service    = "todo-api"
	lists      = "lists"
)

// surroundings is this process's environment without what would lead the AWS
// SDKs to a real account.
func surroundings() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "AWS_") && !strings.HasPrefix(variable, "AWS_CA_BUNDLE=")
	})
}

// stage is everything that the playbooks act on.
type stage struct {
	t          *testing.T // of the step
	ends       *testing.T // of the whole: what was started ends with it
	repository string     // the clone that is deployed
	logs       string     // where transcripts go
	dir        string
	network    string // of the engine
	region     string
	project    string
	moto       string // its address
	env        []string
	calls      string                     // where calls are noted, a file for each environment
	published  map[string]json.RawMessage // what Terraform publishes, by environment

	*place     // staging
	production *place

	refusePush       atomic.Bool
	denyInvalidation atomic.Bool
	pushes, uploads  gate // of images, and of the page
	runs             int
}

// gate holds requests back, so that a playbook stands still where it matters,
// no matter how fast the machine is.
type gate struct{ held atomic.Pointer[hold] }

type hold struct {
	reached chan struct{} // closed when the first request waits
	open    chan struct{}
	once    sync.Once
}

// shut holds requests from now on.
func (g *gate) shut() *hold {
	h := &hold{reached: make(chan struct{}), open: make(chan struct{})}
	g.held.Store(h)
	return h
}

// release lets every request pass.
func (g *gate) release() {
	if h := g.held.Swap(nil); h != nil {
		close(h.open)
	}
}

// pass waits at a gate that is shut, and reports whether the request may go on.
func (g *gate) pass(r *http.Request) bool {
	h := g.held.Load()
	if h == nil {
		return true
	}
	h.once.Do(func() { close(h.reached) })
	select {
	case <-h.open:
		return true
	case <-r.Context().Done():
		return false
	}
}

// wait returns when a request waits at the gate.
func (h *hold) wait(t *testing.T, r *run) {
	t.Helper()
	select {
	case <-h.reached:
	case p := <-r.done:
		t.Fatalf("the playbook ended, want it to wait at the gate:\n%s", p.output)
	}
}

// check ends the step if err is not nil.
func (s *stage) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// command runs a program, which must succeed, and returns its standard output.
func (s *stage) command(dir string, env []string, name string, args ...string) string {
	s.t.Helper()
	out, err := try(dir, env, name, args...)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func try(dir string, env []string, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(surroundings(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		return stdout.String() + stderr.String(), err
	}
	return stdout.String(), nil
}

// python runs a script of this directory, with input as JSON.
func (s *stage) python(input any, env []string, name string, args ...string) string {
	s.t.Helper()
	text, err := json.Marshal(input)
	s.check(err)
	cmd := exec.Command("python3", append([]string{name}, args...)...)
	cmd.Env, cmd.Stdin = append(surroundings(), env...), bytes.NewReader(text)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%s: %v: %s", name, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// request sends a request, which must have an answer with the status.
func (s *stage) request(client *http.Client, want int, method, address, body string, header ...string) server.Answer {
	s.t.Helper()
	a, err := server.Request(context.Background(), client, method, address, body, header...)
	if err != nil || a.Status != want {
		s.t.Fatalf("%s %s: got %d, %v and %s, want %d", method, address, a.Status, err, a.Body, want)
	}
	return a
}

// setUp builds the stage; what it starts ends with the test.
func setUp(t *testing.T) *stage {
	t.Helper()
	dir, err := os.MkdirTemp("", "rehearsal") //nolint:usetesting // short: sockets live in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &stage{t: t, ends: t, dir: dir, repository: filepath.Join(dir, "repository")}
	root := s.command(".", nil, "git", "rev-parse", "--show-toplevel")
	s.logs = filepath.Join(root, ".cache", "rehearsal")
	s.calls = filepath.Join(s.logs, "calls")
	s.check(os.RemoveAll(s.logs))
	s.check(os.MkdirAll(s.calls, 0o755))
	s.command(dir, nil, "git", "clone", "--quiet", "--no-hardlinks", root, s.repository)
	for key, value := range map[string]string{"user.name": "Rehearsal", "user.email": "rehearsal@localhost", "commit.gpgsign": "false"} {
		s.command(s.repository, nil, "git", "config", key, value)
	}
	// What tools/setup has installed for the repository serves the clone, too.
	packages := filepath.Join("apps", "web", "node_modules")
	s.check(os.CopyFS(filepath.Join(s.repository, packages), os.DirFS(filepath.Join(root, packages))))
	s.check(os.Mkdir(filepath.Join(s.repository, ".cache"), 0o755))
	s.check(os.Symlink(filepath.Join(root, ".cache", "bin"), filepath.Join(s.repository, ".cache", "bin")))
	s.readProject()

	recorder, err := filepath.Abs("recorder")
	s.check(err)
	s.network, s.published = filepath.Base(dir), map[string]json.RawMessage{}
	s.moto = s.startMoto()
	edge := s.startEdge()
	s.env = []string{
		"AWS_ENDPOINT_URL=http://" + s.moto, "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"AWS_ENDPOINT_URL_CLOUDFRONT=" + edge, "AWS_ENDPOINT_URL_S3=" + edge,
		"ANSIBLE_NOCOLOR=1", "ANSIBLE_FORCE_COLOR=0", "GOWORK=off", "PYTHONPATH=" + recorder,
	}
	s.startLists()
	s.place = s.startPlace("staging", account, true, "empty", "lost")
	s.env = append(s.env, "SSL_CERT_FILE="+filepath.Join(s.issuer.certificates, bundle), "SMOKE_CLIENT_SECRET=secret")
	s.writeInventory()
	return s
}

func (s *stage) readProject() {
	text, err := os.ReadFile(filepath.Join(s.repository, "infra", "terraform", "project.yaml"))
	s.check(err)
	var project struct{ Name, Region string }
	s.check(yaml.Unmarshal(text, &project))
	s.project, s.region = project.Name, project.Region
}

func (s *stage) startMoto() string {
	address := freeport.Address(s.t)
	host, port, _ := strings.Cut(address, ":")
	s.serve(server.Command{
		Name: "moto", Addr: address, Ready: "/moto-api/data.json", Args: []string{"moto_server", "-H", host, "-p", port},
		Env: []string{"MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS=false"},
	})
	return address
}

// serve starts a server, which ends with the test.
func (s *stage) serve(c server.Command) {
	s.t.Helper()
	c.Env, c.Log = append(surroundings(), c.Env...), filepath.Join(s.logs, c.Name+".log")
	server.Start(s.ends, c)
}

// startEdge passes the requests for CloudFront and S3 on to moto. It denies
// invalidations when it is told to, for moto checks no permissions, and holds
// uploads of the page at their gate.
func (s *stage) startEdge() string {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.moto})
	edge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.denyInvalidation.Load() && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/invalidation") {
			w.Header().Set("Content-Type", "text/xml")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<ErrorResponse xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Error><Type>Sender</Type><Code>AccessDenied</Code>`+
				`<Message>User is not authorized to perform: cloudfront:CreateInvalidation</Message></Error><RequestId>0</RequestId></ErrorResponse>`)
			return
		}
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "-website-") && !s.uploads.pass(r) {
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	s.ends.Cleanup(edge.Close)
	return edge.URL
}

// startLists starts the S3 that the tasks keep their lists in.
func (s *stage) startLists() {
	name := s.network
	s.command(".", nil, "docker", "network", "create", name)
	s.ends.Cleanup(func() { s.command(".", nil, "docker", "network", "rm", name) })
	image := cmp.Or(os.Getenv("LOCALSTACK_IMAGE"), localstack)
	id := s.command(".", nil, "docker", "run", "--detach", "--network", name, "--network-alias", lists, "--env", "SERVICES=s3",
		"--publish", "127.0.0.1::4566", image)
	s.ends.Cleanup(func() { s.command(".", nil, "docker", "rm", "--force", "--volumes", id) })
	address := "http://" + strings.Split(s.command(".", nil, "docker", "port", id, "4566"), "\n")[0]
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(3 * time.Minute); ; <-tick.C {
		a, err := server.Request(context.Background(), http.DefaultClient, http.MethodGet, address+"/_localstack/health", "")
		if err == nil && a.Status == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("LocalStack: got %d and %v after three minutes", a.Status, err)
		}
	}
	s.request(http.DefaultClient, http.StatusOK, http.MethodPut, address+"/"+lists, "")
}

// writeInventory names the environments of the stage, with shorter pauses than
// a cloud needs. "other" is in an account that the credentials are not of.
func (s *stage) writeInventory() {
	hosts := map[string]any{}
	for name, id := range map[string]string{"staging": account, "empty": account, "lost": account, "other": "999999999999", "production": another} {
		hosts[name] = map[string]any{"account_id": id}
	}
	staging := s.issuer.inventory()
	staging["account_id"] = account
	hosts["staging"] = staging
	text, err := yaml.Marshal(map[string]any{"all": map[string]any{"hosts": hosts, "vars": map[string]any{
		"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}",
		"backend_service_poll_seconds": 1, "smoke_delay_seconds": 1, "smoke_tries": 60,
	}}})
	s.check(err)
	s.check(os.WriteFile(filepath.Join(s.dir, "inventory.yml"), text, 0o600))
}

// played is how a playbook ended.
type played struct {
	output  string
	code    int
	changed int
	seconds float64
}

var recap = regexp.MustCompile(`(?m)^\S+\s+: ok=\d+\s+changed=(\d+)`)

// run is a playbook under way.
type run struct {
	cancel context.CancelFunc
	done   chan played
}

// start starts a playbook. Extra words are its own, variables of the process
// come first, as in AWS_ACCESS_KEY_ID=.
func (s *stage) start(playbook string, words ...string) *run {
	s.t.Helper()
	s.runs++
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	cmd := exec.CommandContext(ctx, "ansible-playbook", "-i", filepath.Join(s.dir, "inventory.yml"), playbook)
	cmd.Dir = filepath.Join(s.repository, "infra", "ansible")
	place, environment := s.place, "staging"
	if slices.Contains(words, "in:production") {
		place = s.production
	}
	cmd.Env = slices.Concat(surroundings(), s.env, place.keys)
	for _, word := range words {
		switch {
		case regexp.MustCompile(`^[A-Z_]+=`).MatchString(word):
			cmd.Env = append(cmd.Env, word)
		case strings.HasPrefix(word, "in:"):
			environment = strings.TrimPrefix(word, "in:")
		default:
			cmd.Args = append(cmd.Args, word)
		}
	}
	cmd.Args = append(cmd.Args, "-e", "environment="+environment)
	cmd.Env = append(cmd.Env, "RECORD_CALLS="+filepath.Join(s.calls, environment))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	file, err := os.Create(filepath.Join(s.logs, fmt.Sprintf("%02d-%s", s.runs, strings.TrimSuffix(playbook, ".yml")+".log")))
	s.check(err)
	fmt.Fprintln(file, "$", strings.Join(cmd.Args, " "))
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	began := time.Now()
	s.check(cmd.Start())
	r := &run{cancel: cancel, done: make(chan played, 1)}
	var output strings.Builder
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		defer file.Close()
		scanner := bufio.NewScanner(reader)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			line := scanner.Text()
			fmt.Fprintf(file, "%5.1f %s\n", time.Since(began).Seconds(), line)
			output.WriteString(line + "\n")
		}
	}()
	go func() {
		defer cancel()
		err := cmd.Wait()
		writer.Close()
		<-copied
		p := played{output: output.String(), seconds: time.Since(began).Seconds()}
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			p.code = exit.ExitCode()
		}
		for _, match := range recap.FindAllStringSubmatch(p.output, -1) {
			n, _ := strconv.Atoi(match[1])
			p.changed += n
		}
		r.done <- p
	}()
	return r
}

func (s *stage) play(playbook string, words ...string) played {
	s.t.Helper()
	return <-s.start(playbook, words...).done
}

// kill ends the playbook as a power cut does.
func (r *run) kill() played {
	r.cancel()
	return <-r.done
}

// commit makes a release, whose page has the title and whose program the fault if it
// is not "", and returns its revision.
func (s *stage) commit(message, title, fault string) string {
	s.t.Helper()
	page := filepath.Join(s.repository, "apps", "web", "index.html")
	text, err := os.ReadFile(page)
	s.check(err)
	s.check(os.WriteFile(page, pageTitle.ReplaceAll(text, []byte("<title>"+title+"</title>")), 0o644))
	file := filepath.Join(s.repository, "services", "todo-api", "cmd", "todo-api", "fault.go")
	if fault == "" {
		s.check(os.RemoveAll(file))
	} else {
		s.check(os.WriteFile(file, []byte(fault), 0o644))
	}
	s.command(s.repository, nil, "git", "add", "--all")
	s.command(s.repository, nil, "git", "commit", "--quiet", "--message", message)
	return s.command(s.repository, nil, "git", "rev-parse", "HEAD")
}

var pageTitle = regexp.MustCompile(`<title>[^<]*</title>`)

// serving is what answers: the release of each API task that answers, by its
// own account and by the engine's, and the page.
func (s *stage) serving(p *place) (releases, images map[string]bool, page string) {
	s.t.Helper()
	releases, images = map[string]bool{}, map[string]bool{}
	for range 6 {
		var live struct{ Release string }
		s.check(json.Unmarshal(s.request(http.DefaultClient, http.StatusOK, http.MethodGet, p.site+"/livez", "").Body, &live))
		releases[live.Release] = true
	}
	running, err := p.standin.Images(context.Background())
	s.check(err)
	for _, image := range running {
		_, digest, _ := strings.Cut(image, "@")
		images[digest] = true
	}
	return releases, images, string(s.request(http.DefaultClient, http.StatusOK, http.MethodGet, p.site+"/", "").Body)
}

// digest is that of the image which the clone has built for a revision.
func (s *stage) digest(revision string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.repository, ".cache", "releases", revision, "image", "image.json"))
	s.check(err)
	var d struct{ Digest string }
	s.check(json.Unmarshal(text, &d))
	return d.Digest
}

// load sends requests until it is stopped, at most 20,000, 20 a second.
type load struct {
	sent, failed atomic.Int64
	stop         func()
}

func (s *stage) load() *load {
	token := s.issuer.token(s)
	file, err := os.OpenFile(filepath.Join(s.logs, "load.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	s.check(err)
	ctx, cancel := context.WithCancel(context.Background())
	client := &http.Client{Timeout: 30 * time.Second}
	l := &load{}
	var all sync.WaitGroup
	l.stop = func() {
		cancel()
		all.Wait()
		file.Close()
	}
	all.Go(func() {
		tick := time.NewTicker(time.Second / 20)
		defer tick.Stop()
		for n := range 20_000 {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			all.Go(func() {
				if err := s.use(client, token, n); err != nil {
					l.failed.Add(1)
					fmt.Fprintln(file, time.Now().Format("15:04:05.000"), err)
				}
				l.sent.Add(1)
			})
		}
	})
	return l
}

// use sends the n-th request of a load: for a page, or to read or write a list.
func (s *stage) use(client *http.Client, token string, n int) error {
	method, address, want, body := http.MethodGet, s.site+"/api/lists/load/todos", http.StatusOK, ""
	switch {
	case n%20 == 0:
		address = s.site + "/"
	case n%10 == 1:
		method, want, body = http.MethodPost, http.StatusCreated, fmt.Sprintf(`{"title":"request %d"}`, n)
	case n%500 == 2:
		method, want = http.MethodDelete, http.StatusNoContent
	}
	a, err := server.Request(context.Background(), client, method, address, body, "Authorization", "Bearer "+token)
	if err != nil || a.Status != want {
		return fmt.Errorf("%s %s: %d, %w: %s", method, address, a.Status, err, a.Body)
	}
	return nil
}
