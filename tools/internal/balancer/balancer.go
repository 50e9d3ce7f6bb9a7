// Package balancer runs HAProxy instead of an Application Load Balancer and
// CloudFront.
package balancer

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"github.com/gchamon/devops-challenge/tools/internal/server"
)

// Balancer is one address, below which some paths go to targets and all others to a
// bucket. It checks the targets and sends requests to the healthy ones.
type Balancer struct {
	URL   string
	Group TargetGroup

	socket string
	used   atomic.Int64 // slots so far
}

// Front says what a [Balancer] serves.
type Front struct {
	// Listen is the address, HOST:PORT.
	Listen string
	// Paths are the path prefixes that are sent to the targets.
	Paths []string
	TargetGroup
	// Bucket is the address HOST:PORT of an S3 endpoint and Name that of the
	// bucket on it; the path / is Index. If Bucket is empty, only Paths are served.
	Bucket, Name, Index string
	// Authorization is what the bucket is asked with, as CloudFront's origin
	// access control signs its requests.
	Authorization string
	// Headers are added to every answer that comes from the bucket.
	Headers map[string]string
}

// TargetGroup is how the balancer checks targets. Elastic Load Balancing
// allows intervals from 5 s and thresholds from 2.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
type TargetGroup struct {
	Arn                                  string
	Path                                 string
	Interval, Timeout                    time.Duration
	HealthyThreshold, UnhealthyThreshold int
	// DeregistrationDelay is how long a leaving target may finish what it serves.
	DeregistrationDelay time.Duration
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
{{- if .Bucket}}
  default_backend bucket
{{- end}}
backend service
  balance roundrobin
  timeout check {{.Timeout.Milliseconds}}ms
  option httpchk
  http-check send meth GET uri {{.Path}} hdr User-Agent ELB-HealthChecker/2.0
  http-check expect status 200
  default-server check inter {{.Interval.Milliseconds}}ms rise {{.HealthyThreshold}} fall {{.UnhealthyThreshold}}
  server-template task 1-{{.Slots}} 127.0.0.1:1 disabled
{{- if .Bucket}}
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
{{- end}}
`))

// Start starts a balancer without targets, which ends with the test.
func Start(tb testing.TB, front Front) *Balancer {
	tb.Helper()
	dir, err := os.MkdirTemp("", "haproxy") //nolint:usetesting // a socket's path is short; TempDir's is not
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	b := &Balancer{URL: "http://" + front.Listen, Group: front.TargetGroup, socket: filepath.Join(dir, "haproxy.sock")}
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

// Register checks the address from now on, sends requests to it while it is healthy,
// and returns the slot that names the target.
func (b *Balancer) Register(address string) (int, error) {
	slot := int(b.used.Add(1)-1)%slots + 1
	host, port, err := net.SplitHostPort(address)
	for _, what := range []string{
		"addr " + host + " port " + port, "state drain",
		"health down", // a target is healthy otherwise until its first check
		"state ready",
	} {
		err = errors.Join(err, b.set(slot, what))
	}
	return slot, err
}

// Drain stops sending requests to the target. Requests in progress continue.
func (b *Balancer) Drain(slot int) error { return b.set(slot, "state drain") }

// Remove closes the remaining connections of the target.
func (b *Balancer) Remove(slot int) error {
	if err := b.set(slot, "state maint"); err != nil {
		return err
	}
	_, err := b.say(fmt.Sprintf("shutdown sessions server service/task%d", slot))
	return err
}

// A Target is the state of a target.
type Target struct {
	Healthy bool
	Active  int // requests in progress
}

// Targets returns the state of all targets by slot.
func (b *Balancer) Targets() (map[int]Target, error) {
	answer, err := b.say("show stat service 4 -1") // servers alone
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(answer, "# "))).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("haproxy: show stat: %w: %s", err, answer)
	}
	name, status, sessions := slices.Index(rows[0], "svname"), slices.Index(rows[0], "status"), slices.Index(rows[0], "scur")
	targets := make(map[int]Target, slots)
	for _, row := range rows[1:] {
		slot, err := strconv.Atoi(strings.TrimPrefix(row[name], "task"))
		if err != nil {
			return nil, err
		}
		active, err := strconv.Atoi(row[sessions])
		if err != nil {
			return nil, err
		}
		targets[slot] = Target{strings.HasPrefix(row[status], "UP"), active}
	}
	return targets, nil
}
