//go:build torture

package torture

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/tools/internal/siege"
)

// TestHostileClients: no operation is lost, and none takes effect twice, while
// hostile clients use up the servers' descriptors, do not read their answers,
// do not send their bodies, and send the most expensive requests, and
// while the servers' logs are not read.
func TestHostileClients(t *testing.T) {
	rep := world{
		instances: 2, clients: 6, lists: 4, operations: chosen.operations / 5, seed: chosen.seed,
		weather: storm, progress: true, search: 30 * time.Second, kills: 2, hostile: true,
	}.run(t)
	t.Logf("\n%v", &rep)
	rep.judge(t)
	for n, a := range siege.Attacks {
		t.Logf("%s: %d times", a.Name, rep.siege.Acted[n].Load())
		if rep.siege.Acted[n].Load() == 0 {
			t.Errorf("%s: got none, want some", a.Name)
		}
	}
	if rep.siege.Refused.Load() == 0 {
		t.Error("got no 429 for the attackers, want some")
	}
}

// BenchmarkUnderAttack measures what another client sees meanwhile: each
// iteration is a write and a read of small lists on a disk. docs/security.md
// has its results. Each attack has a quiet row right before it. The attackers
// share the machine's processors with the server, as they would not on a
// network.
func BenchmarkUnderAttack(b *testing.B) {
	s := startServer(b, "file://"+b.TempDir(), nil, siege.Flags...)
	attacks := siege.New(b, func() []string { return []string{s.URL} }, 5*time.Second)
	for _, attack := range siege.Attacks {
		b.Run(attack.Name+"/quiet", func(b *testing.B) { measure(b, s.URL) })
		b.Run(attack.Name+"/attacked", func(b *testing.B) {
			end := attacks.Begin(1, attack.Name)
			defer end()
			measure(b, s.URL)
		})
	}
	if a, err := siege.Request("GET", s.URL+"/readyz", ""); err != nil || a.Status != http.StatusOK {
		b.Errorf("/readyz afterwards: got %d %s %v", a.Status, a.Body, err)
	}
}

func measure(b *testing.B, url string) {
	var took []time.Duration
	list := fmt.Sprintf("friends-%d", time.Now().UnixNano())
	for n := 0; b.Loop(); n++ {
		began := time.Now()
		from := fmt.Sprintf("203.0.113.%d", n%250)
		if a, err := siege.Request("POST", url+"/api/lists/"+list+"/todos", `{"title":"milk"}`, "X-Client", from); err != nil || a.Status != http.StatusCreated {
			b.Errorf("POST: got %d %v", a.Status, err)
		}
		if a, err := siege.Request("GET", url+"/api/lists/small/todos", "", "X-Client", from); err != nil || a.Status != http.StatusOK {
			b.Errorf("GET: got %d %v", a.Status, err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
