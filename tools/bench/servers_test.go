//go:build linux

package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/procfs"

	"github.com/gchamon/devops-challenge/tools/internal/freeport"
	"github.com/gchamon/devops-challenge/tools/internal/server"
)

// process is a server with readable CPU time and memory.
type process struct{ *server.Server }

// group makes a server the leader of a process group, so that its children can be
// found, and lets it end with this program, even if this program is killed.
var group = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

func (b *bench) start(c server.Command) *process {
	b.Helper()
	c.Attr = group
	return &process{server.Start(b, c)}
}

// each calls visit for every process in the server's group: the server and its
// children.
func (p *process) each(visit func(proc procfs.Proc) error) error {
	all, err := procfs.AllProcs()
	if err != nil {
		return err
	}
	found := false
	for _, proc := range all {
		s, err := proc.Stat()
		if err != nil || s.PGRP != p.PID || s.State == "Z" {
			continue // in another group, or ended
		}
		found = true
		if err := visit(proc); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("the server has ended: %s", p.Log())
	}
	return nil
}

// cpu returns the CPU time, user and system, that the server and its children have
// used so far.
func (p *process) cpu() (time.Duration, error) {
	var sum float64
	err := p.each(func(proc procfs.Proc) error {
		s, err := proc.Stat()
		sum += s.CPUTime()
		return err
	})
	return time.Duration(sum * float64(time.Second)), err
}

// memory returns the memory of the server and its children in MB. Shared memory
// counts once (proportional set size).
func (p *process) memory() (float64, error) {
	var sum float64
	err := p.each(func(proc procfs.Proc) error {
		m, err := proc.ProcSMapsRollup()
		sum += float64(m.Pss) / 1e6
		return err
	})
	return sum, err
}

// status returns the kernel's counters of the server itself, in bytes. RssAnon is the
// memory in use without the pages of the program's file, which the kernel can drop
// and read again; VmHWM is the peak of the resident memory.
func (p *process) status() (procfs.ProcStatus, error) {
	proc, err := procfs.NewProc(p.PID)
	if err != nil {
		return procfs.ProcStatus{}, err
	}
	return proc.NewStatus()
}

// apiCommand serves a store with the API and its default settings, which include
// the access log. env is added to its environment.
func (b *bench) apiCommand(store string, env ...string) server.Command {
	addr := freeport.Address(b)
	return server.Command{
		Name: "todo-api", Args: []string{b.api}, Addr: addr, Ready: "/readyz", Quiet: true, Attr: group,
		Env: append(append([]string{"TODO_LISTEN=" + addr, "TODO_STORE=" + store}, awsEnv...), env...),
	}
}

func (b *bench) startAPI(store string, env ...string) *process {
	b.Helper()
	return b.start(b.apiCommand(store, env...))
}

// predecessorCommand runs the predecessor with three workers; env names the store.
func (b *bench) predecessorCommand(env ...string) server.Command {
	addr := freeport.Address(b)
	return server.Command{
		Name: "the predecessor", Addr: addr, Ready: "/api/state/never-written", Quiet: true, Attr: group,
		Dir: filepath.Join(b.root, "tools", "bench", "predecessor"),
		Env: append(append([]string{"PYTHONPYCACHEPREFIX=" + filepath.Join(b.cache, "pyc")}, awsEnv...), env...),
		Args: []string{
			filepath.Join(b.cache, "venv", "bin", "gunicorn"), "--workers", "3", "--bind", addr,
			"--worker-tmp-dir", b.TempDir(), "--no-control-socket", "app:app",
		},
	}
}

// startNginx serves the files of dir. It has an access log, as by default in the
// distribution, which goes to /dev/null, like the API's.
func (b *bench) startNginx(dir string) *process {
	addr, home, user := freeport.Address(b), b.TempDir(), ""
	if os.Getuid() == 0 {
		user = "user root;\n" // other users may not be able to read the directory
	}
	file := filepath.Join(home, "nginx.conf")
	b.check(os.WriteFile(file, fmt.Appendf(nil, `%sdaemon off;
pid %[2]s/pid;
error_log %[2]s/error.log;
worker_processes auto;
events { worker_connections 1024; }
http {
  types { application/json json; }
  access_log /dev/null;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_body_temp_path %[2]s;
  proxy_temp_path %[2]s;
  fastcgi_temp_path %[2]s;
  uwsgi_temp_path %[2]s;
  scgi_temp_path %[2]s;
  server { listen %[3]s; root %[4]s; }
}
`, user, home, addr, dir), 0o644))
	return b.start(server.Command{
		Name: "nginx", Args: []string{b.nginx, "-e", filepath.Join(home, "error.log"), "-p", home, "-c", file}, Addr: addr, Ready: "/" + listName(0) + ".json",
	})
}

// startPocketBase starts PocketBase on an empty directory; synchronous is SQLite's
// pragma, "NORMAL" as PocketBase has it or "FULL", which syncs every commit.
func (b *bench) startPocketBase(synchronous string) *process {
	addr, dir := freeport.Address(b), b.TempDir()
	return b.start(server.Command{
		Name: "PocketBase", Args: []string{filepath.Join(b.cache, "pocketbase"), "serve", "--http", addr, "--dir", dir},
		Env: []string{"POCKETBASE_SYNCHRONOUS=" + synchronous}, Addr: addr, Ready: "/api/health",
	})
}

const pocketBaseRecords = "/api/collections/lists/records"

func pocketBaseBody(todos []byte) []byte { return fmt.Appendf(nil, `{"todos":%s}`, todos) }

// A list has 20 items, about 1.5 KB in the form of /api/state.
const listItems = 20

// list returns a list of n items in the form of v1's page.
func list(n int) []byte {
	body := fmt.Appendf(nil, `[{"id":1,"title":"%s","completed":true}`, stamp)
	for i := 1; i < n; i++ {
		body = fmt.Appendf(body, `,{"id":%d,"title":"item %02d of a list as people write them","completed":%t}`, i+1, i, i%3 == 0)
	}
	return append(body, ']')
}

// listName returns the name of list n. Stores do not escape it in file names.
func listName(n int) string { return fmt.Sprintf("list-%06d", n) }

// names returns the names of lists 0 to n-1, formatted.
func names(n int, format string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(format, listName(i))
	}
	return all
}

// statePaths returns the paths of lists 0 to n-1 in the predecessor's form.
func statePaths(n int) []string { return names(n, "/api/state/%s") }

// seeded returns a directory with lists in files of v1.
func (b *bench) seeded(lists, items int) string {
	b.Helper()
	dir, body := b.TempDir(), list(items)
	for _, name := range names(lists, "%s.json") {
		b.check(os.WriteFile(filepath.Join(dir, name), body, 0o644))
	}
	return dir
}

// call sends JSON to a server, decodes the answer unless into is nil, and
// returns the header of the answer.
func (b *bench) call(p *process, method, path string, body []byte, into any) http.Header {
	b.Helper()
	a, err := server.Request(b.ctx, http.DefaultClient, method, p.URL+path, string(body))
	b.check(err)
	if a.Status >= http.StatusMultipleChoices {
		b.Fatalf("%s %s answers %d", method, path, a.Status)
	}
	if into != nil {
		b.check(json.Unmarshal(a.Body, into))
	}
	return a.Header
}

// fill creates a list through the API and returns the IDs of its items.
func (b *bench) fill(p *process, name string, body []byte) []string {
	b.Helper()
	b.call(p, http.MethodPut, "/api/state/"+name, body, nil)
	var todos []struct{ ID string }
	b.call(p, http.MethodGet, "/api/lists/"+name+"/todos", nil, &todos)
	ids := make([]string, len(todos))
	for i, todo := range todos {
		ids[i] = todo.ID
	}
	if want := bytes.Count(body, []byte(`"id"`)); len(ids) != want {
		b.Fatalf("list %s has %d items, want %d", name, len(ids), want)
	}
	return ids
}

// putAll replaces lists 0 to n-1, so that all contestants begin with the same
// lists.
func (b *bench) putAll(p *process, n int) {
	b.Helper()
	body := list(listItems)
	var all sync.WaitGroup
	errs := make(chan error, n)
	for w := range 16 {
		all.Go(func() {
			c := b.client(p, nil)
			defer c.close()
			for number := w; number < n; number += 16 {
				c.next = func() []byte { return request(http.MethodPut, p.Addr, "/api/state/"+listName(number), body) }
				if ok, err := c.send(b.ctx); err != nil || !ok {
					errs <- fmt.Errorf("PUT of list %d was not answered well (%w)", number, err)
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	b.check(<-errs)
}

// contestant is a server with clients.
type contestant struct {
	name    string
	server  *process // for CPU time; may be nil
	clients func() []client
	// count is a counter that the row reads before and after each turn, or nil.
	count func() float64
}

const connections = 64

// client returns a client of p that sends the requests that next returns.
func (b *bench) client(p *process, next func() []byte) *httpClient {
	return &httpClient{addr: p.Addr, next: next, stamps: &b.stamps}
}

// times64 returns a function that makes a client for each connection.
func times64(one func(i int) client) func() []client {
	return func() []client {
		all := make([]client, connections)
		for i := range all {
			all[i] = one(i)
		}
		return all
	}
}

// send returns clients that send random ones of the requests.
func (b *bench) send(p *process, requests [][]byte) func() []client {
	return times64(func(int) client { return b.client(p, func() []byte { return requests[rand.IntN(len(requests))] }) })
}

// requests returns a request for each path.
func (p *process) requests(method string, paths []string, body []byte) [][]byte {
	all := make([][]byte, len(paths))
	for i, path := range paths {
		all[i] = request(method, p.Addr, path, body)
	}
	return all
}

// reads returns clients that each read random paths.
func (b *bench) reads(p *process, paths []string) func() []client {
	return b.send(p, p.requests(http.MethodGet, paths, nil))
}

// readsOwn returns clients that each read one path.
func (b *bench) readsOwn(p *process, paths []string) func() []client {
	return times64(func(i int) client { return b.client(p, p.fixed(http.MethodGet, paths[i%len(paths)], nil)) })
}

// writes returns clients that replace random lists.
func (b *bench) writes(p *process, paths []string) func() []client {
	return b.send(p, p.requests(http.MethodPut, paths, list(listItems)))
}

// mixed returns clients that send nine reads for each write.
func (b *bench) mixed(p *process, paths []string) func() []client {
	read, write := p.requests(http.MethodGet, paths, nil), p.requests(http.MethodPut, paths, list(listItems))
	return times64(func(int) client {
		return b.client(p, func() []byte {
			if rand.IntN(10) == 0 {
				return write[rand.IntN(len(write))]
			}
			return read[rand.IntN(len(read))]
		})
	})
}

// fixed repeats one request.
func (p *process) fixed(method, path string, body []byte) func() []byte {
	message := request(method, p.Addr, path, body)
	return func() []byte { return message }
}

// reader reads a list.
func (b *bench) reader(p *process, list string) client {
	return b.client(p, p.fixed(http.MethodGet, "/api/lists/"+list+"/todos", nil))
}

// editor renames an item.
func (b *bench) editor(p *process, list, id string) client {
	return b.client(p, p.fixed(http.MethodPatch, "/api/lists/"+list+"/todos/"+id, []byte(`{"title":"`+stamp+`"}`)))
}

// edits returns clients of the API, one for each connection to each server. Each
// renames an item of its own; all items are in one list.
func (b *bench) edits(servers []*process, list string, ids []string) func() []client {
	return func() (all []client) {
		for _, p := range servers {
			for i := range connections {
				all = append(all, b.editor(p, list, ids[i%len(ids)]))
			}
		}
		return all
	}
}
