package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/services/todo-api/internal/signin/signintest"
)

// runHelper runs the program in this test binary if a test requests it.
func runHelper() bool {
	if os.Getenv("BE_TODO_API") == "" {
		return false
	}
	os.Unsetenv("BE_TODO_API")
	main()
	return true
}

// process is the program in a process of its own.
type process struct {
	cmd    *exec.Cmd
	url    string
	stdout *logLines
	stderr *bytes.Buffer
}

func command(args []string, environ ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append([]string{"BE_TODO_API=1", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}, environ...)
	return cmd
}

func launch(t testing.TB, args []string, environ ...string) *process {
	t.Helper()
	return launchCommand(t, command(append(args, "--listen=127.0.0.1:0"), environ...))
}

func launchCommand(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, stdout: &logLines{address: make(chan string, 1)}, stderr: new(bytes.Buffer)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	ended := make(chan struct{})
	go func() {
		p.stdout.read(out)
		close(ended)
	}()
	select {
	case address := <-p.stdout.address:
		p.url = "http://" + address
	case <-ended:
		_ = p.cmd.Wait()
		t.Fatalf("the process ended: %s", p.stderr)
	}
	return p
}

// A start that cannot succeed ends at once with a one-line reason.
func TestRefusesToStart(t *testing.T) {
	dir := t.TempDir()
	held := launch(t, nil, "TODO_STORE=file://"+dir)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args    []string
		environ []string
		code    int
		want    string
	}{
		"a port in use":         {[]string{"--listen=" + busy.Addr().String()}, []string{"TODO_STORE=mem:"}, 1, "address already in use"},
		"a second process":      {nil, []string{"TODO_STORE=file://" + dir}, 1, "in use by process"},
		"a directory in a file": {nil, []string{"TODO_STORE=file://" + file + "/x"}, 1, "not a directory"},
		"a bucket not there":    {nil, []string{"STORAGE_BUCKET=none", "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y"}, 1, "store s3://none"},
		"an unknown scheme":     {nil, []string{"TODO_STORE=ftp://x"}, 1, "unknown scheme"},
		"a misspelled variable": {nil, []string{"TODO_LISTN=:1"}, 2, "TODO_LISTEN"},
		"an unknown flag":       {[]string{"--prot=1"}, nil, 2, "--prot"},
		"an unknown command":    {[]string{"serve"}, nil, 2, `unknown command "serve"`},
		"an invalid address":    {[]string{"--listen=nowhere"}, nil, 2, "expected host:port"},
		"an invalid origin":     {nil, []string{"TODO_CORS_ORIGINS=example"}, 2, "https://example.com"},
		"an invalid level":      {nil, []string{"TODO_LOG_LEVEL=loud"}, 2, "log_level"},
	} {
		cmd := command(append([]string{"--listen=127.0.0.1:0"}, test.args...)[boolToInt(len(test.args) > 0 && strings.HasPrefix(test.args[0], "--listen")):], test.environ...)
		out, err := cmd.CombinedOutput()
		code := cmd.ProcessState.ExitCode()
		if err == nil || code != test.code || !strings.Contains(string(out), test.want) || strings.Contains(string(out), "goroutine") {
			t.Errorf("%s: got exit code %d, %q, want %d and %q", name, code, out, test.code, test.want)
		}
	}
	if resp, err := http.Get(held.url + "/readyz"); err != nil || resp.StatusCode != 200 {
		t.Errorf("the first process: got %v, %v, want it ready all the same", resp, err)
	} else {
		resp.Body.Close()
	}
}

// A start that fails leaves nothing open: no file, no listener, and not the lock
// of its directory.
func TestFailedStartsLeaveNothingOpen(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // where /proc/self/fd counts
	}
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	// The garbage collector would close what was left open.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	dir := t.TempDir()
	store := "TODO_STORE=file://" + dir
	issuer := signintest.New(t)
	for name, environ := range map[string][]string{
		"port in use":                {store, "TODO_LISTEN=" + busy.Addr().String()},
		"port for operators in use":  {store, "TODO_LISTEN=127.0.0.1:0", "TODO_ADMIN_LISTEN=" + busy.Addr().String()},
		"address of another machine": {store, "TODO_LISTEN=192.0.2.1:80"},
		"port in use, with sign-in and traces": {
			store, "TODO_LISTEN=" + busy.Addr().String(), "TODO_OIDC_ISSUER=" + issuer.URL, "TODO_OIDC_AUDIENCE=todo", "TODO_OTLP_ENDPOINT=http://" + busy.Addr().String(),
		},
	} {
		before := open()
		for range 10 {
			if err := run(t.Context(), nil, environ, io.Discard); err == nil {
				t.Fatalf("%s: got no error", name)
			}
		}
		eventually(t, name+": what was opened is closed", func() bool { return open() < before+10 })
	}
	if err := start(t, store).stop(); err != nil {
		t.Errorf("a start afterwards: %v", err)
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// With the setting, the program waits for a store that another process has open.
func TestWaitsForTheStore(t *testing.T) {
	dir := t.TempDir()
	first := launch(t, nil, "TODO_STORE=file://"+dir)
	second := command([]string{"--listen=127.0.0.1:0"}, "TODO_STORE=file://"+dir, "TODO_STORE_WAIT=1m")
	lines := &logLines{address: make(chan string, 1)}
	out, err := second.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	go lines.read(out)
	eventually(t, "the second waits", func() bool { return strings.Contains(lines.String(), "does not answer yet") })
	if err := first.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lines.address:
	case <-time.After(20 * time.Second):
		t.Errorf("the second did not start: %s", lines)
	}
	_ = second.Process.Signal(os.Interrupt)
	if err := second.Wait(); err != nil {
		t.Errorf("after SIGINT: got %v, want exit code 0", err)
	}
	if err := first.cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: got %v, want exit code 0", err)
	}
}

// SIGHUP, which a terminal sends when it closes, ends the program as SIGTERM does,
// unless nohup started it.
func TestHangup(t *testing.T) {
	ignoring := command(nil, "TODO_STORE=mem:")
	ignoring.Args = []string{"sh", "-c", `trap "" HUP; exec "$0" --listen=127.0.0.1:0`, ignoring.Path}
	ignoring.Path = "/bin/sh"
	p := launchCommand(t, ignoring)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(p.url + "/livez")
	if err != nil {
		t.Fatalf("under nohup: got %v, want it to go on", err)
	}
	resp.Body.Close()
	ends := syscall.SIGHUP
	if signal.Ignored(ends) { // this test runs under nohup itself
		ends = syscall.SIGTERM
	}
	for p, sig := range map[*process]syscall.Signal{p: syscall.SIGTERM, launch(t, nil, "TODO_STORE=mem:"): ends} {
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the log tells of the end", func() bool { return strings.Contains(p.stdout.String(), `"stopped"`) })
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("%v: got %v, want exit code 0", sig, err)
		}
	}
}

func TestCommands(t *testing.T) {
	p := launch(t, nil, "TODO_STORE=mem:", "TODO_RELEASE=sha256:abc")
	listen := "--listen=" + strings.TrimPrefix(p.url, "http://")
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--help"}, 0, "TODO_CORS_ORIGINS"},
		{[]string{"-h"}, 0, "todo-api healthcheck"},
		{[]string{"version"}, 0, ""},
		{[]string{"config"}, 0, "file://./data"},
		{[]string{"healthcheck", listen}, 0, ""},
		{[]string{"export"}, 2, `expected export DIR, got ["export"]`},
		{[]string{"export", "a", "b"}, 2, "expected export DIR"},
		{[]string{"name-digest"}, 2, "expected name-digest NAME"},
		{[]string{"version", "x"}, 2, "expected version"},
		{[]string{"healthcheck", "--listen=127.0.0.1:1"}, 1, "refused"},
	} {
		cmd := command(test.args)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.Contains(string(out), test.want) {
			t.Errorf("%v: got exit code %d, %s, want %d and %q", test.args, code, out, test.code, test.want)
		}
	}
	resp, err := http.Get(p.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); !strings.Contains(string(body), `"sha256:abc"`) {
		t.Errorf("/readyz: got %s, want the release in it", body)
	}
}

// Killing the process loses no acknowledged write and tears no list.
func TestKill(t *testing.T) {
	cycles := 8
	if testing.Short() {
		cycles = 3
	}
	for _, store := range []string{"file://" + t.TempDir(), "bolt://" + filepath.Join(t.TempDir(), "todo.db")} {
		acknowledged := make(map[string]bool)
		unclear := make(map[string]bool)
		for cycle := range cycles {
			p := launch(t, nil, "TODO_STORE="+store, "TODO_ACCESS_LOG=false")
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
			var mu sync.Mutex
			var wg sync.WaitGroup
			ctx, cancel := context.WithCancel(context.Background())
			for i := range 8 {
				wg.Go(func() {
					for j := 0; ctx.Err() == nil; j++ {
						title := fmt.Sprintf("%d-%d-%d", cycle, i, j)
						resp, err := client.Post(fmt.Sprintf("%s/api/lists/l%d/todos", p.url, i%3), "application/json", strings.NewReader(fmt.Sprintf(`{"title":%q}`, title)))
						ok := err == nil && resp.StatusCode == http.StatusCreated
						if err == nil {
							resp.Body.Close()
						}
						mu.Lock()
						if ok {
							acknowledged[title] = true
						} else {
							unclear[title] = true
						}
						enough := len(acknowledged) > (cycle+1)*60
						mu.Unlock()
						if enough {
							cancel()
						}
						if !ok {
							return
						}
					}
				})
			}
			<-ctx.Done()
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
			wg.Wait()
			cancel()
			client.CloseIdleConnections()
		}
		after := start(t, "TODO_STORE="+store)
		seen := make(map[string]bool)
		for i := range 3 {
			for _, todo := range after.Todos(fmt.Sprintf("l%d", i)) {
				if seen[todo.Title] {
					t.Errorf("%s: %s is there twice", store, todo.Title)
				}
				seen[todo.Title] = true
				if !acknowledged[todo.Title] && !unclear[todo.Title] {
					t.Errorf("%s: %s was never sent", store, todo.Title)
				}
			}
		}
		for title := range acknowledged {
			if !seen[title] {
				t.Errorf("%s: %s was acknowledged and is lost", store, title)
			}
		}
	}
}
