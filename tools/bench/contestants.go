package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A list has 20 items, about 1.5 KB in the form of /api/state.
const listItems = 20

// stamp is where the first title of a list has a number that differs from
// write to write: some servers do not write what has not changed.
const stamp = "000000000000"

// list is a list of n items as the predecessor's page sends it.
func list(n int) []byte {
	var body bytes.Buffer
	body.WriteByte('[')
	for i := range n {
		title := stamp
		if i > 0 {
			title = fmt.Sprintf("item %02d of a list as people write them", i)
		}
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"id":%d,"title":"%s","completed":%t}`, i+1, title, i%3 == 0)
	}
	body.WriteByte(']')
	return body.Bytes()
}

// listName names list n. Every store keeps it as it is in file names.
func listName(n int) string { return fmt.Sprintf("list-%06d", n) }

// seedDirectory writes lists as files, as the predecessor left them.
func seedDirectory(dir string, lists, items int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	body := list(items)
	for n := range lists {
		if err := os.WriteFile(filepath.Join(dir, listName(n)+".json"), body, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// apiEnv is what the API needs to serve a store; everything else has its
// default, the access log included.
func apiEnv(addr, store string) []string {
	return append([]string{"TODO_LISTEN=" + addr, "TODO_STORE=" + store}, awsEnv...)
}

func (b *bench) apiCommand(ctx context.Context, name, store string) (command, error) {
	addr, err := freeAddr(ctx)
	return command{
		name: name, dir: b.work, env: apiEnv(addr, store), addr: addr,
		args: []string{b.api}, ready: "/readyz", quiet: true,
	}, err
}

func (b *bench) startAPI(ctx context.Context, name, store string) (*process, error) {
	c, err := b.apiCommand(ctx, name, store)
	if err != nil {
		return nil, err
	}
	return b.start(ctx, c)
}

// predecessorCommand is the predecessor with its three workers; env says where
// its lists are.
func (b *bench) predecessorCommand(ctx context.Context, name string, env ...string) (command, error) {
	addr, err := freeAddr(ctx)
	return command{
		name: name, dir: filepath.Join(b.root, "tools", "bench", "predecessor"),
		env: append(append([]string{"PYTHONPYCACHEPREFIX=" + filepath.Join(b.work, "pyc")}, awsEnv...), env...),
		args: []string{
			filepath.Join(b.cache, "venv", "bin", "gunicorn"), "--workers", "3", "--bind", addr,
			"--worker-tmp-dir", b.work, "--no-control-socket", "app:app",
		},
		addr: addr, ready: "/api/state/never-written", quiet: true,
	}, err
}

func (b *bench) startPredecessor(ctx context.Context, name string, env ...string) (*process, error) {
	c, err := b.predecessorCommand(ctx, name, env...)
	if err != nil {
		return nil, err
	}
	return b.start(ctx, c)
}

// startNginx serves dir as files, with an access log as it comes from the
// distribution, to /dev/null as the API's.
func (b *bench) startNginx(ctx context.Context, dir string) (*process, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	home := filepath.Join(b.work, "nginx")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n" // other users may not be able to read the directory
	}
	text := fmt.Sprintf(`%sdaemon off;
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
`, user, home, addr, dir)
	file := filepath.Join(home, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, err
	}
	return b.start(ctx, command{
		name: "nginx", dir: home, args: []string{b.nginx, "-e", filepath.Join(home, "error.log"), "-p", home, "-c", file},
		addr: addr, ready: "/" + listName(0) + ".json",
	})
}

// startPocketBase starts PocketBase on an empty directory; synchronous is SQLite's
// pragma, "NORMAL" as PocketBase has it or "FULL", which syncs every commit.
func (b *bench) startPocketBase(ctx context.Context, synchronous string) (*process, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.work, "pocketbase-")
	if err != nil {
		return nil, err
	}
	return b.start(ctx, command{
		name: "pocketbase-" + synchronous, dir: dir, env: []string{"POCKETBASE_SYNCHRONOUS=" + synchronous}, args: []string{filepath.Join(b.cache, "pocketbase"), "serve", "--http", addr, "--dir", dir},
		addr: addr, ready: "/api/health",
	})
}

const pocketBaseRecords = "/api/collections/lists/records"

// seedPocketBase creates lists and returns the paths of their records.
func seedPocketBase(ctx context.Context, p *process, lists int) ([]string, error) {
	var paths []string
	body := pocketBaseBody(list(listItems))
	for range lists {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.addr+pocketBaseRecords, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		var record struct {
			ID string `json:"id"`
		}
		err = json.NewDecoder(resp.Body).Decode(&record)
		resp.Body.Close()
		if err != nil || record.ID == "" {
			return nil, fmt.Errorf("PocketBase answers %s to a new record: %w", resp.Status, err)
		}
		paths = append(paths, pocketBaseRecords+"/"+record.ID)
	}
	return paths, nil
}

func pocketBaseBody(todos []byte) []byte { return fmt.Appendf(nil, `{"todos":%s}`, todos) }

// statePaths are the paths of lists 0 to n-1 in the predecessor's form.
func statePaths(n int) []string {
	paths := make([]string, n)
	for i := range paths {
		paths[i] = "/api/state/" + listName(i)
	}
	return paths
}

// contestant is one of those that take turns in a row.
type contestant struct {
	name    string
	server  *process // whose CPU time counts; may be nil
	clients func() []client
	// count, when set, is a counter of something that the row is about.
	count func() (float64, error)
}

const connections = 64

// reads are clients that read the paths, each at random.
func reads(p *process, paths []string) func() []client {
	heads := make([][]byte, len(paths))
	for i, path := range paths {
		heads[i] = request(http.MethodGet, p.addr, path, "", 0)
	}
	return func() []client {
		clients := make([]client, connections)
		for i := range clients {
			clients[i] = &httpClient{addr: p.addr, next: func() []byte { return heads[rand.IntN(len(heads))] }}
		}
		return clients
	}
}

// readsOwn are clients that read one path each.
func readsOwn(p *process, paths []string) func() []client {
	return func() []client {
		clients := make([]client, connections)
		for i := range clients {
			head := request(http.MethodGet, p.addr, paths[i%len(paths)], "", 0)
			clients[i] = &httpClient{addr: p.addr, next: func() []byte { return head }}
		}
		return clients
	}
}

// writes are clients that send body to a path at random, with another number
// in it each time.
func (b *bench) writes(p *process, method string, paths []string, body []byte) func() []client {
	messages := make([][]byte, len(paths))
	for i, path := range paths {
		messages[i] = append(request(method, p.addr, path, "application/json", len(body)), body...)
	}
	return func() []client {
		clients := make([]client, connections)
		for i := range clients {
			var buf []byte
			clients[i] = &httpClient{addr: p.addr, next: func() []byte {
				buf = append(buf[:0], messages[rand.IntN(len(messages))]...)
				b.stamp(buf)
				return buf
			}}
		}
		return clients
	}
}

// stamp puts a number that was never there before in the place of the stamp.
func (b *bench) stamp(message []byte) {
	at := bytes.Index(message, []byte(stamp))
	if at < 0 {
		return
	}
	digits := strconv.AppendInt(make([]byte, 0, len(stamp)), b.stamps.Add(1), 10)
	copy(message[at+len(stamp)-len(digits):], digits)
}

// mixed are clients of which nine requests in ten are reads.
func (b *bench) mixed(p *process, paths []string, body []byte) func() []client {
	read, write := reads(p, paths), b.writes(p, http.MethodPut, paths, body)
	return func() []client {
		clients := read()
		writers := write()
		for i := range clients {
			clients[i] = &mixedClient{read: clients[i], write: writers[i]}
		}
		return clients
	}
}

// mixedClient reads nine times in ten. It has a connection for each.
type mixedClient struct{ read, write client }

func (m *mixedClient) send(ctx context.Context) (bool, error) {
	if rand.IntN(10) == 0 {
		return m.write.send(ctx)
	}
	return m.read.send(ctx)
}

func (m *mixedClient) close() {
	m.read.close()
	m.write.close()
}

// edits are clients of the API, as many a server as there are connections,
// that each rename an item of their own, of one list.
func (b *bench) edits(servers []*process, path string, ids []string) func() []client {
	body := []byte(`{"title":"` + stamp + `"}`)
	return func() []client {
		clients := make([]client, connections*len(servers))
		for i := range clients {
			p := servers[i/connections]
			message := append(request(http.MethodPatch, p.addr, path+"/"+ids[i%len(ids)], "application/json", len(body)), body...)
			var buf []byte
			clients[i] = &httpClient{addr: p.addr, next: func() []byte {
				buf = append(buf[:0], message...)
				b.stamp(buf)
				return buf
			}}
		}
		return clients
	}
}

// fill makes a list of n items through the API and returns their ids.
func fill(ctx context.Context, p *process, name string, n int) ([]string, error) {
	return fillWith(ctx, p, name, list(n), n)
}

// call sends JSON to the API and decodes its answer into what is given, if that
// is not nil.
func (p *process) call(ctx context.Context, method, path string, body []byte, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+p.addr+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s answers %s", method, path, resp.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// fillWith makes a list of the n items of body in the same way.
func fillWith(ctx context.Context, p *process, name string, body []byte, n int) ([]string, error) {
	if err := p.call(ctx, http.MethodPut, "/api/state/"+name, body, nil); err != nil {
		return nil, err
	}
	var todos []struct {
		ID string `json:"id"`
	}
	if err := p.call(ctx, http.MethodGet, "/api/lists/"+name+"/todos", nil, &todos); err != nil {
		return nil, err
	}
	if len(todos) != n {
		return nil, fmt.Errorf("list %s has %d items, want %d", name, len(todos), n)
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = todos[i].ID
	}
	return ids, nil
}

// startMeteredAPI starts an API that also serves its metrics, at admin. It
// takes no commit from before 2026-11-29, which has no such setting.
func (b *bench) startMeteredAPI(ctx context.Context, name, store string) (api *process, admin string, err error) {
	c, err := b.apiCommand(ctx, name, store)
	if err != nil {
		return nil, "", err
	}
	if admin, err = freeAddr(ctx); err != nil {
		return nil, "", err
	}
	c.env = append(c.env, "TODO_ADMIN_LISTEN="+admin)
	api, err = b.start(ctx, c)
	return api, admin, err
}

// counter reads a counter of the /metrics at admin: the sum of the samples whose
// name and labels begin with prefix, of which there are none before the first
// event.
func counter(ctx context.Context, admin, prefix string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(resp.Body); err != nil {
		return 0, err
	}
	return sumSamples(text.String(), prefix)
}

func sumSamples(text, prefix string) (float64, error) {
	var sum float64
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, prefix) {
			continue
		}
		fields := strings.Fields(line)
		value, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			return 0, fmt.Errorf("metrics: %q: %w", strings.TrimSpace(line), err)
		}
		sum += value
	}
	return sum, nil
}
