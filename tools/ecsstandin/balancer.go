package ecsstandin

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/gchamon/devops-challenge/tools/internal/server"
)

// Balancer is an HAProxy that replaces the load balancer and CloudFront: one
// address, below which some paths go to the service's tasks and
// all others to a bucket.
type Balancer struct {
	socket string

	mu   sync.Mutex
	next int
}

// Front says what a [Balancer] serves.
type Front struct {
	// Listen is the address, HOST:PORT.
	Listen string
	// Paths are the path prefixes that are sent to the tasks.
	Paths []string
	// Bucket is the address HOST:PORT of an S3 endpoint and Name that of the
	// bucket on it; the path / is Index.
	Bucket, Name, Index string
	// Authorization is what the bucket is asked with, as CloudFront's origin
	// access control signs its requests.
	Authorization string
	// Headers are added to every answer that comes from the bucket.
	Headers map[string]string
}

// As many targets as can be registered at a time.
const slots = 64

// Idle connections live 60 s, and a request that no target can take is
// answered 503 at once, as an Application Load Balancer does it; nothing is
// tried twice, so that a lost request shows.
var haproxy = template.Must(template.New("haproxy.cfg").Parse(`global
  stats socket {{.Socket}} mode 600 level admin
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
  retries 0
  option forwardfor
frontend front
  bind {{.Listen}}
  http-request set-header X-Forwarded-Proto http
{{- range .Paths}}
  use_backend service if { path_beg {{.}} }
{{- end}}
  default_backend bucket
backend service
  balance roundrobin
  server-template task 1-{{.Slots}} 127.0.0.1:1 disabled
backend bucket
  http-request set-path /{{.Name}}/{{.Index}} if { path / }
  http-request set-path /{{.Name}}%[path] if !{ path_beg /{{.Name}}/ }
  http-request set-header Host {{.Bucket}}
{{- if .Authorization}}
  http-request set-header Authorization "{{.Authorization}}"
{{- end}}
{{- range $name, $value := .Headers}}
  http-response set-header {{$name}} "{{$value}}"
{{- end}}
  server bucket {{.Bucket}}
`))

// StartBalancer starts an HAProxy that keeps its socket in dir, whose path must
// be short, and ends with the test. It has no targets at first.
func StartBalancer(tb testing.TB, dir string, front Front) *Balancer {
	tb.Helper()
	b := &Balancer{socket: filepath.Join(dir, "haproxy.sock")}
	var text strings.Builder
	if err := haproxy.Execute(&text, struct {
		Front
		Socket string
		Slots  int
	}{front, b.socket, slots}); err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
	server.Start(tb, server.Command{Name: "haproxy", Args: []string{"haproxy", "-db", "-f", path}, Addr: front.Listen})
	return b
}

// say sends one command to HAProxy's runtime interface.
// https://docs.haproxy.org/2.6/management.html#9.3
func (b *Balancer) say(command string) (string, error) {
	connection, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(context.Background(), "unix", b.socket)
	if err != nil {
		return "", err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(connection, command); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(connection)
	return strings.TrimSpace(string(answer)), err
}

func (b *Balancer) set(slot int, what string) error {
	answer, err := b.say(fmt.Sprintf("set server service/task%d %s", slot, what))
	if err != nil {
		return err
	}
	// An address that changes is confirmed in words, anything else in silence.
	if answer != "" && !strings.Contains(answer, "changed from") && !strings.Contains(answer, "no need to change") {
		return fmt.Errorf("haproxy: set server service/task%d %s: %s", slot, what, answer)
	}
	return nil
}

// register sends requests to the port from now on and returns the slot that
// names the target.
func (b *Balancer) register(port int) (int, error) {
	b.mu.Lock()
	b.next = b.next%slots + 1
	slot := b.next
	b.mu.Unlock()
	if err := b.set(slot, "addr 127.0.0.1 port "+strconv.Itoa(port)); err != nil {
		return 0, err
	}
	return slot, b.set(slot, "state ready")
}

// resume sends requests to a target again that was drained.
func (b *Balancer) resume(slot int) error { return b.set(slot, "state ready") }

// drain sends no more requests to the target; those under way go on.
func (b *Balancer) drain(slot int) error { return b.set(slot, "state drain") }

// remove cuts what is left of the target's connections.
func (b *Balancer) remove(slot int) error {
	if err := b.set(slot, "state maint"); err != nil {
		return err
	}
	_, err := b.say(fmt.Sprintf("shutdown sessions server service/task%d", slot))
	return err
}

// active is the number of requests that the target has under way.
func (b *Balancer) active(slot int) (int, error) {
	answer, err := b.say("show stat")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(answer) {
		// pxname,svname,qcur,qmax,scur,...
		if fields := strings.Split(line, ","); len(fields) > 4 && fields[0] == "service" && fields[1] == "task"+strconv.Itoa(slot) {
			return strconv.Atoi(fields[4])
		}
	}
	return 0, fmt.Errorf("haproxy knows no server service/task%d", slot)
}
