//go:build rehearsal

package rehearsal

import (
	"bufio"
	"bytes"
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

func command(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	out, err := try(dir, env, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
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

// until waits for a condition, for three minutes at most.
func until(t *testing.T, what string, met func() error) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		err := met()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within 3 minutes: %s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func answers(client *http.Client, address string) error {
	answer, err := client.Get(address)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, answer.Status)
	}
	return nil
}

// setUp builds the stage; what it starts ends with the test.
func setUp(t *testing.T) *stage {
	t.Helper()
	root := command(t, ".", nil, "git", "rev-parse", "--show-toplevel")
	dir, err := os.MkdirTemp("", "rehearsal") //nolint:usetesting // short: sockets live in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &stage{t: t, ends: t, dir: dir, repository: filepath.Join(dir, "repository"), logs: filepath.Join(root, ".cache", "rehearsal")}
	if err := os.RemoveAll(s.logs); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(s.logs, 0o755); err != nil {
		t.Fatal(err)
	}
	command(t, dir, nil, "git", "clone", "--quiet", "--no-hardlinks", root, s.repository)
	for key, value := range map[string]string{"user.name": "Rehearsal", "user.email": "rehearsal@localhost", "commit.gpgsign": "false"} {
		command(t, s.repository, nil, "git", "config", key, value)
	}
	// What tools/setup/node has installed for the repository serves the clone, too.
	packages := filepath.Join("apps", "web", "node_modules")
	if err := os.CopyFS(filepath.Join(s.repository, packages), os.DirFS(filepath.Join(root, packages))); err != nil {
		t.Fatal(err)
	}
	s.readProject()

	recorder, err := filepath.Abs("recorder")
	if err != nil {
		t.Fatal(err)
	}
	s.calls = filepath.Join(s.logs, "calls")
	if err := os.Mkdir(s.calls, 0o755); err != nil {
		t.Fatal(err)
	}
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
	if err != nil {
		s.t.Fatal(err)
	}
	var project struct{ Name, Region string }
	if err := yaml.Unmarshal(text, &project); err != nil {
		s.t.Fatal(err)
	}
	s.project, s.region = project.Name, project.Region
}

func (s *stage) startMoto() string {
	address := freeport.Address(s.t)
	host, port, _ := strings.Cut(address, ":")
	cmd := exec.Command("moto_server", "-H", host, "-p", port)
	cmd.Env = append(surroundings(), "MOTO_S3_ALLOW_CROSSACCOUNT_ACCESS=false")
	s.serve("moto", cmd, func() error { return answers(http.DefaultClient, "http://"+address+"/moto-api/data.json") })
	return address
}

// serve starts a server, which ends with the test, and waits until it is ready.
func (s *stage) serve(name string, cmd *exec.Cmd, ready func() error) {
	s.t.Helper()
	file, err := os.Create(filepath.Join(s.logs, name+".log"))
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ends.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		file.Close()
	})
	until(s.t, name+" answers", ready)
}

// startEdge passes the requests for CloudFront and S3 on to moto. It denies
// invalidations when it is told to, for moto checks no permissions, and holds
// uploads of the page at their gate.
func (s *stage) startEdge() string {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.moto})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
	s.ends.Cleanup(server.Close)
	return server.URL
}

// startLists starts the S3 that the tasks keep their lists in.
func (s *stage) startLists() {
	name := s.network
	command(s.t, ".", nil, "docker", "network", "create", name)
	s.ends.Cleanup(func() { command(s.t, ".", nil, "docker", "network", "rm", name) })
	image := os.Getenv("LOCALSTACK_IMAGE")
	if image == "" {
		image = localstack
	}
	id := command(s.t, ".", nil, "docker", "run", "--detach", "--network", name, "--network-alias", lists, "--env", "SERVICES=s3",
		"--publish", "127.0.0.1::4566", image)
	s.ends.Cleanup(func() { command(s.t, ".", nil, "docker", "rm", "--force", "--volumes", id) })
	address := "http://" + strings.Split(command(s.t, ".", nil, "docker", "port", id, "4566"), "\n")[0]
	until(s.t, "LocalStack answers", func() error { return answers(http.DefaultClient, address+"/_localstack/health") })
	request, err := http.NewRequest(http.MethodPut, address+"/"+lists, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		s.t.Fatalf("create the bucket of the lists: %s", answer.Status)
	}
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
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "inventory.yml"), text, 0o600); err != nil {
		s.t.Fatal(err)
	}
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
	cmd  *exec.Cmd
	done chan played
}

// start starts a playbook. Extra words are its own, variables of the process
// come first, as in AWS_ACCESS_KEY_ID=.
func (s *stage) start(playbook string, words ...string) *run {
	s.t.Helper()
	s.runs++
	cmd := exec.Command("ansible-playbook", "-i", filepath.Join(s.dir, "inventory.yml"), playbook)
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
	file, err := os.Create(filepath.Join(s.logs, fmt.Sprintf("%02d-%s", s.runs, strings.TrimSuffix(playbook, ".yml")+".log")))
	if err != nil {
		s.t.Fatal(err)
	}
	fmt.Fprintln(file, "$", strings.Join(cmd.Args, " "))
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	began := time.Now()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	r := &run{cmd: cmd, done: make(chan played, 1)}
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
		watchdog := time.AfterFunc(30*time.Minute, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		err := cmd.Wait()
		watchdog.Stop()
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
	_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
	return <-r.done
}

// commit makes a release and returns its revision. Files map names to what
// becomes of their content.
func (s *stage) commit(message string, files map[string]func(string) string) string {
	s.t.Helper()
	for name, edit := range files {
		path := filepath.Join(s.repository, name)
		before, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			s.t.Fatal(err)
		}
		after := edit(string(before))
		if after == "" {
			err = os.Remove(path)
		} else {
			err = os.WriteFile(path, []byte(after), 0o644)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	command(s.t, s.repository, nil, "git", "add", "--all")
	command(s.t, s.repository, nil, "git", "commit", "--quiet", "--message", message)
	return command(s.t, s.repository, nil, "git", "rev-parse", "HEAD")
}

// serving is what answers: the release of each API task that answers, by its
// own account and by the engine's, and the page.
func (p *place) serving() (releases, images map[string]bool, page string, err error) {
	releases, images = map[string]bool{}, map[string]bool{}
	for range 6 {
		answer, err := http.Get(p.site + "/livez")
		if err != nil {
			return nil, nil, "", err
		}
		var live struct{ Release string }
		err = json.NewDecoder(answer.Body).Decode(&live)
		answer.Body.Close()
		if err != nil {
			return nil, nil, "", err
		}
		releases[live.Release] = true
	}
	running, err := p.standin.Images(context.Background())
	if err != nil {
		return nil, nil, "", err
	}
	for _, image := range running {
		_, digest, _ := strings.Cut(image, "@")
		images[digest] = true
	}
	answer, err := http.Get(p.site + "/")
	if err != nil {
		return nil, nil, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return releases, images, string(body), err
}

// digest is that of the image which the clone has built for a revision.
func (s *stage) digest(revision string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.repository, ".cache", "releases", revision, "image", "image.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var d struct{ Digest string }
	if err := json.Unmarshal(text, &d); err != nil {
		s.t.Fatal(err)
	}
	return d.Digest
}

// load sends requests until it is stopped, at most 20,000, 20 a second.
type load struct {
	token        string
	sent, failed atomic.Int64
	cancel       context.CancelFunc
	done         chan struct{}
}

func (s *stage) load() *load {
	ctx, cancel := context.WithCancel(context.Background())
	token, err := s.issuer.token()
	if err != nil {
		s.t.Fatal(err)
	}
	l := &load{token: token, cancel: cancel, done: make(chan struct{})}
	file, err := os.OpenFile(filepath.Join(s.logs, "load.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	requests := make(chan int)
	var workers atomic.Int64
	client := &http.Client{Timeout: 30 * time.Second}
	const clients = 4
	workers.Store(clients)
	for range clients {
		go func() {
			for n := range requests {
				if err := s.request(client, l.token, n); err != nil {
					l.failed.Add(1)
					fmt.Fprintln(file, time.Now().Format("15:04:05.000"), err)
				}
				l.sent.Add(1)
			}
			if workers.Add(-1) == 0 {
				file.Close()
				close(l.done)
			}
		}()
	}
	go func() {
		defer close(requests)
		tick := time.NewTicker(time.Second / 20)
		defer tick.Stop()
		for n := range 20_000 {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			requests <- n
		}
	}()
	return l
}

func (l *load) stop() (sent, failed int64) {
	l.cancel()
	<-l.done
	return l.sent.Load(), l.failed.Load()
}

// request is the n-th: a page, a read, or a write.
func (s *stage) request(client *http.Client, token string, n int) error {
	method, address, want := http.MethodGet, s.site+"/api/lists/load/todos", http.StatusOK
	var body io.Reader
	switch {
	case n%20 == 0:
		address = s.site + "/"
	case n%10 == 1:
		method, want = http.MethodPost, http.StatusCreated
		body = strings.NewReader(fmt.Sprintf(`{"title":"request %d"}`, n))
	case n%500 == 2:
		method, want = http.MethodDelete, http.StatusNoContent
	}
	request, err := http.NewRequest(method, address, body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, address, err)
	}
	if answer.StatusCode != want {
		return fmt.Errorf("%s %s: %s: %s", method, address, answer.Status, bytes.TrimSpace(text))
	}
	return nil
}
