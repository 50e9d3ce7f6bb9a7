package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestTwoServersOneBucket starts the real program twice. The two share a bucket and
// nothing else, and both must list every todo that either acknowledged.
func TestTwoServersOneBucket(t *testing.T) {
	// Each server commits all waiting operations in one write. With several rounds,
	// the two conflict often, and not only when the list is created.
	const writers, rounds = 200, 5
	program := buildServer(t)
	bucket := newBucket(t)
	servers := []string{startServer(t, program, bucket), startServer(t, program, bucket)}

	// One connection per writer, so that all requests are concurrent.
	client := &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConnsPerHost: writers},
	}
	t.Cleanup(client.CloseIdleConnections)

	var group sync.WaitGroup
	start := make(chan struct{})
	failures := make(chan error, writers*rounds)
	for i := range writers {
		group.Go(func() {
			<-start
			for round := range rounds {
				if err := post(t.Context(), client, servers[i%len(servers)], title(i, round)); err != nil {
					failures <- err
				}
			}
		})
	}
	close(start)
	group.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}

	for _, server := range servers {
		got := list(t, client, server)
		slices.Sort(got)
		all, different := len(got), len(slices.Compact(got))
		if all != writers*rounds || different != writers*rounds {
			t.Errorf("%s has %d todos, %d different ones, want %d", server, all, different, writers*rounds)
		}
	}
}

func title(writer, round int) string { return fmt.Sprintf("todo %d of writer %d", round, writer) }

func post(ctx context.Context, client *http.Client, server, title string) error {
	body, err := json.Marshal(map[string]string{"title": title})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server+"/api/lists/shared/todos", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("POST %q to %s: got %s, want 201: %s", title, server, resp.Status, answer)
	}
	return nil
}

func list(t *testing.T, client *http.Client, server string) []string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+"/api/lists/shared/todos", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var items []struct{ Title string }
	if err := json.NewDecoder(resp.Body).Decode(&items); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET: got %s and %v, want 200 and a list", resp.Status, err)
	}
	titles := make([]string, len(items))
	for i, item := range items {
		titles[i] = item.Title
	}
	return titles
}

// buildServer builds the program as make build does, but with the race
// detector, which ends a process that meets a race with status 66.
func buildServer(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "todo-api")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-race", "-o", program, "./cmd/todo-api")
	cmd.Dir = filepath.Join("..", "..", "..", "services", "todo-api")
	if _, err := os.Stat(cmd.Dir); errors.Is(err, fs.ErrNotExist) {
		// As in a zip of this module. In the repository make test takes a
		// skipped test for a failed one.
		t.Skip("there is no program beside this module")
	}
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: got %v, want a program:\n%s", cmd.Args, err, out)
	}
	return program
}

// startServer starts the program on a free port, waits until it is ready, and
// at the end of the test asks it to stop, which it must do with status 0. It
// returns the program's address.
func startServer(t *testing.T, program, store string) string {
	t.Helper()
	reader, writer := io.Pipe()
	var log bytes.Buffer
	cmd := exec.Command(program, "--listen=127.0.0.1:0", "--store="+store, "--access-log=false")
	cmd.Dir = t.TempDir()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	address := make(chan string, 1)
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			log.WriteString(lines.Text() + "\n")
			var line struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
				address <- line.Address
			}
		}
	}()
	exited := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		writer.Close()
		<-logged
		exited <- err
	}()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		if err := <-exited; err != nil {
			t.Errorf("the program ended with %v, want status 0:\n%s", err, log.String())
		}
	})

	select {
	case a := <-address:
		return "http://" + strings.Replace(a, "[::]", "127.0.0.1", 1)
	case err := <-exited:
		exited <- err
		t.Fatalf("the program ended with %v before it listened", err)
	}
	return ""
}
