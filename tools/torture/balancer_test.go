//go:build torture

package torture

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gchamon/devops-challenge/tools/internal/freeport"
	"github.com/gchamon/devops-challenge/tools/internal/server"
	"github.com/gchamon/devops-challenge/tools/internal/siege"
)

// startBalancer starts HAProxy in front of two servers. Like an Application Load
// Balancer, it checks /readyz, here ten times a second, removes a server after two
// failures, adds it again after one success, and does not retry requests.
func startBalancer(t *testing.T, servers [2]string) *server.Server {
	t.Helper()
	address := freeport.Address(t)
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, fmt.Appendf(nil, `defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout check 2s
  retries 0
listen api
  bind %s
  balance roundrobin
  option httpchk GET /readyz
  stats uri /balancer
  default-server check inter 100ms fall 2 rise 1
  server first %s
  server second %s
`, address, servers[0], servers[1]), 0o644); err != nil {
		t.Fatal(err)
	}
	return server.Start(t, server.Command{Name: "haproxy", Args: []string{"haproxy", "-db", "-f", file}, Addr: address})
}

// inRotation waits until the balancer uses both servers.
func inRotation(t *testing.T, balancer *server.Server) {
	t.Helper()
	eventually(t, "both servers are in rotation", func() bool {
		states, _ := siege.Request("GET", balancer.URL+"/balancer;csv", "")
		return bytes.Count(states.Body, []byte(",UP,")) == 3 // with the line of their sum
	})
}
