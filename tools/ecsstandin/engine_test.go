//go:build engine

package ecsstandin

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const testImage = "ecsstandin-test:server"

// TestMain makes the image that the tasks of these tests run.
func TestMain(m *testing.M) {
	if err := makeImage(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = exec.Command("docker", "rmi", testImage).Run()
	os.Exit(code)
}

func makeImage() error {
	dir, err := os.MkdirTemp("", "ecsstandin")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "server")
	build := exec.Command("go", "build", "-o", binary, "./testdata/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %s", err, out)
	}
	body, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "server", Mode: 0o755, Size: int64(len(body))}); err != nil {
		return err
	}
	if _, err := w.Write(body); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	load := exec.Command("docker", "import", "--change", `ENTRYPOINT ["/server"]`, "-", testImage)
	load.Stdin = &archive
	if out, err := load.CombinedOutput(); err != nil {
		return fmt.Errorf("docker import: %v: %s", err, out)
	}
	return nil
}

// cluster is a stand-in behind its API, with a load balancer before it.
type cluster struct {
	t      *testing.T
	config Config
	*Standin
	api   *httptest.Server
	front string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front := listener.Addr().String()
	listener.Close()
	dir, err := os.MkdirTemp("", "ecs") // a socket's path is short; t.TempDir's is not
	if err != nil {
		t.Fatal(err)
	}
	balancer, err := StartBalancer(dir, Front{Listen: front, Paths: []string{"/"}, Bucket: "127.0.0.1:1", Name: "none", Index: "index.html"})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, front: front, config: Config{
		Name: filepath.Base(dir), Account: "123456789012", Region: "eu-west-1", Cluster: "main",
		Balancer: balancer, StateFile: filepath.Join(dir, "state.json"), Log: t.Logf,
		// Below what Elastic Load Balancing allows, so that these tests are short.
		TargetGroup: TargetGroup{
			Arn: "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/app/1", Path: "/readyz",
			Interval: 200 * time.Millisecond, Timeout: 30 * time.Second, HealthyThreshold: 2, UnhealthyThreshold: 2,
			DeregistrationDelay: 30 * time.Second,
		},
	}}
	c.start()
	t.Cleanup(func() {
		c.api.Close()
		if err := c.Purge(); err != nil {
			t.Error(err)
		}
		if err := balancer.Close(); err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	return c
}

func (c *cluster) start() {
	c.t.Helper()
	standin, err := Start(c.config)
	if err != nil {
		c.t.Fatal(err)
	}
	c.Standin, c.api = standin, httptest.NewServer(standin)
}

type object = map[string]any

// do calls the API and returns the answer and the kind of its error.
func (c *cluster) do(action string, request object) (object, string) {
	c.t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, c.api.URL, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", target+action)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	var out object
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		c.t.Fatal(err)
	}
	kind, _ := out["__type"].(string)
	return out, kind
}

func (c *cluster) must(action string, request object) object {
	c.t.Helper()
	out, kind := c.do(action, request)
	if kind != "" {
		c.t.Fatalf("%s: %s: %v", action, kind, out["message"])
	}
	return out
}

// register makes a revision whose container has the environment.
func (c *cluster) register(environment ...string) string {
	c.t.Helper()
	list := []object{}
	for _, e := range environment {
		name, value, _ := strings.Cut(e, "=")
		list = append(list, object{"name": name, "value": value})
	}
	out := c.must("RegisterTaskDefinition", object{"family": "app", "networkMode": "bridge", "containerDefinitions": []object{{
		"name": "app", "image": testImage, "memory": 64, "essential": true, "user": "65532", "readonlyRootFilesystem": true, "stopTimeout": 5,
		"environment": list, "portMappings": []object{{"containerPort": 8080, "hostPort": 0}},
	}}})
	return out["taskDefinition"].(object)["taskDefinitionArn"].(string)
}

// create makes a service whose tasks have a minute to get ready, however slow
// the machine is.
func (c *cluster) create(definition string, desired int) {
	c.t.Helper()
	c.must("CreateService", object{
		"cluster": "main", "serviceName": "app", "taskDefinition": definition, "desiredCount": desired,
		"healthCheckGracePeriodSeconds": 60,
		"deploymentConfiguration": object{
			"minimumHealthyPercent": 100, "maximumPercent": 200,
			"deploymentCircuitBreaker": object{"enable": true, "rollback": true},
		},
		"loadBalancers": []object{{"targetGroupArn": c.config.TargetGroup.Arn, "containerName": "app", "containerPort": 8080}},
	})
}

// update deploys and returns the deployment's id.
func (c *cluster) update(definition string) string {
	c.t.Helper()
	return c.updateWithin(definition, 60)
}

// updateWithin deploys tasks that have some seconds to get ready.
func (c *cluster) updateWithin(definition string, grace int) string {
	c.t.Helper()
	out := c.must("UpdateService", object{
		"cluster": "main", "service": "app", "taskDefinition": definition, "healthCheckGracePeriodSeconds": grace,
	})
	return out["service"].(object)["deployments"].([]any)[0].(object)["id"].(string)
}

func (c *cluster) describe() object {
	c.t.Helper()
	return c.must("DescribeServices", object{"cluster": "main", "services": []string{"app"}})["services"].([]any)[0].(object)
}

func (c *cluster) events() []string {
	c.t.Helper()
	var messages []string
	for _, e := range c.describe()["events"].([]any) {
		messages = append(messages, e.(object)["message"].(string))
	}
	return messages
}

// until waits for a condition that the service's description meets.
func (c *cluster) until(what string, met func(service, primary object) bool) object {
	c.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		service := c.describe()
		if met(service, service["deployments"].([]any)[0].(object)) {
			return service
		}
		if time.Now().After(deadline) {
			text, _ := json.MarshalIndent(service, "", " ")
			c.t.Fatalf("not within 3 minutes: %s; the service is %s", what, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (c *cluster) steady() object {
	c.t.Helper()
	return c.until("steady", func(service, primary object) bool {
		return primary["rolloutState"] == "COMPLETED" && len(service["deployments"].([]any)) == 1
	})
}

func (c *cluster) get(path string) (int, string, error) {
	answer, err := http.Get("http://" + c.front + path)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body), err
}

func TestRollingUpdateLosesNoRequest(t *testing.T) {
	c := newCluster(t)
	c.create(c.register("RELEASE=a"), 2)
	c.steady()
	if _, got, _ := c.get("/api/user"); got != "65532" {
		t.Errorf("user in the container: got %q, want 65532", got)
	}

	// Requests from several clients until both new tasks serve, and one that
	// is under way when its task is told to leave.
	ctx, stop := context.WithCancel(t.Context())
	var sent, lost atomic.Int64
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil && sent.Load() < 100_000 {
				status, body, err := c.get("/api/release")
				sent.Add(1)
				if err != nil || status != http.StatusOK || body != "a" && body != "b" {
					lost.Add(1)
					t.Logf("lost: %d %q %v", status, body, err)
				}
			}
		})
	}
	slow := make(chan string, 1)
	go func() {
		_, body, err := c.get("/api/slow")
		slow <- fmt.Sprint(body, err)
	}()
	fewest := 2
	c.update(c.register("RELEASE=b"))
	c.until("the new release alone", func(service, primary object) bool {
		fewest = min(fewest, int(service["runningCount"].(float64)))
		return primary["rolloutState"] == "COMPLETED"
	})
	stop()
	clients.Wait()
	if lost.Load() > 0 || sent.Load() == 0 {
		t.Errorf("got %d of %d requests lost, want some sent and none lost", lost.Load(), sent.Load())
	}
	if fewest < 2 {
		t.Errorf("got %d tasks running at times, want never fewer than 2", fewest)
	}
	if got := <-slow; got != "whole<nil>" {
		t.Errorf("a request under way: got %q, want it whole", got)
	}
	for range 4 {
		if _, got, _ := c.get("/api/release"); got != "b" {
			t.Errorf("after the update: got release %q, want b", got)
		}
	}
	t.Logf("%d requests", sent.Load())
}

func TestCircuitBreakerRollsBack(t *testing.T) {
	for _, test := range []struct {
		name, environment, reason string
		exit                      any
		grace                     int
	}{
		{"the container ends", "EXIT=1", "Essential container in task exited", float64(3), 60},
		{"the health check fails", "UNREADY=1", "failed ELB health checks", nil, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCluster(t)
			c.create(c.register("RELEASE=a"), 2)
			c.steady()
			before := c.describe()["deployments"].([]any)[0].(object)["id"]

			failed := c.updateWithin(c.register("RELEASE=b", test.environment), test.grace)
			c.until("given up", func(_, primary object) bool { return primary["id"] != failed })
			c.must("UpdateService", object{"cluster": "main", "service": "app", "healthCheckGracePeriodSeconds": 60})
			c.until("rolled back", func(_, primary object) bool {
				return primary["id"] != failed && primary["rolloutState"] == "COMPLETED"
			})
			if _, got, _ := c.get("/api/release"); got != "a" {
				t.Errorf("got release %q, want a", got)
			}
			events := strings.Join(c.events(), "\n")
			for _, want := range []string{
				"(service app) (deployment " + failed + ") deployment failed: tasks failed to start.",
				"(service app) rolling back to deployment " + before.(string) + ".",
				"(service app) has reached a steady state.",
			} {
				if !strings.Contains(events, want) {
					t.Errorf("got events\n%s\nwant one that says %q", events, want)
				}
			}
			stopped := c.must("ListTasks", object{"cluster": "main", "serviceName": "app", "desiredStatus": "STOPPED"})["taskArns"]
			count := 0
			for _, v := range c.must("DescribeTasks", object{"cluster": "main", "tasks": stopped})["tasks"].([]any) {
				if task := v.(object); strings.Contains(task["stoppedReason"].(string), test.reason) {
					count++
					if got := task["containers"].([]any)[0].(object)["exitCode"]; test.exit != nil && got != test.exit {
						t.Errorf("exit code: got %v, want %v", got, test.exit)
					}
				}
			}
			// Two at a time, and 3 are the threshold.
			if count < 3 || count > 4 {
				t.Errorf("got %d tasks that failed because %q, want 3 or 4", count, test.reason)
			}
		})
	}
}

func TestImageThatCannotBePulled(t *testing.T) {
	c := newCluster(t)
	out := c.must("RegisterTaskDefinition", object{"family": "app", "containerDefinitions": []object{{
		"name": "app", "image": "127.0.0.1:1/none@sha256:" + strings.Repeat("0", 64), "memory": 64,
		"portMappings": []object{{"containerPort": 8080, "hostPort": 0}},
	}}})
	c.create(out["taskDefinition"].(object)["taskDefinitionArn"].(string), 1)
	c.until("failed", func(_, primary object) bool { return primary["rolloutState"] == "FAILED" })
	stopped := c.must("ListTasks", object{"cluster": "main", "desiredStatus": "STOPPED"})["taskArns"].([]any)
	if len(stopped) != 3 {
		t.Errorf("got %d stopped tasks, want 3 and no more: there is nothing to roll back to", len(stopped))
	}
	for _, v := range c.must("DescribeTasks", object{"cluster": "main", "tasks": stopped})["tasks"].([]any) {
		if got := v.(object)["stoppedReason"].(string); !strings.HasPrefix(got, "CannotPullContainerError: ") {
			t.Errorf("got reason %q, want a CannotPullContainerError", got)
		}
	}
}

func TestLostTaskIsReplaced(t *testing.T) {
	c := newCluster(t)
	c.create(c.register("RELEASE=a"), 2)
	c.steady()
	c.mu.Lock()
	victim := ""
	for _, task := range c.state.Tasks {
		victim = task.Container
	}
	c.mu.Unlock()
	if out, err := exec.Command("docker", "kill", victim).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c.until("one task has stopped", func(object, object) bool {
		return len(c.must("ListTasks", object{"cluster": "main", "desiredStatus": "STOPPED"})["taskArns"].([]any)) == 1
	})
	c.until("two tasks run", func(service, primary object) bool {
		return service["runningCount"] == float64(2) && primary["rolloutState"] == "COMPLETED"
	})
}

func TestStateIsKept(t *testing.T) {
	c := newCluster(t)
	arn := c.register("RELEASE=a")
	c.create(arn, 2)
	c.steady()
	tasks := c.must("ListTasks", object{"cluster": "main"})["taskArns"]
	c.api.Close()
	c.Close()

	c.start()
	if got := c.must("ListTasks", object{"cluster": "main"})["taskArns"]; !slices.Equal(got.([]any), tasks.([]any)) {
		t.Errorf("tasks after a restart: got %v, want %v", got, tasks)
	}
	// Nothing was asked for, so nothing is deployed.
	before := c.describe()["deployments"].([]any)[0].(object)["id"]
	if got := c.update(arn); got != before {
		t.Errorf("the same task definition again: got deployment %s, want %s to stay", got, before)
	}
	c.update(c.register("RELEASE=b"))
	c.steady()
	if _, got, _ := c.get("/api/release"); got != "b" {
		t.Errorf("got release %q, want b", got)
	}
}

func TestCallsThatAreRefused(t *testing.T) {
	c := newCluster(t)
	for _, test := range []struct {
		action  string
		request object
		want    string
	}{
		{"RunTask", object{}, "UnknownOperationException"},
		{"DescribeServices", object{"cluster": "other", "services": []string{"app"}}, "ClusterNotFoundException"},
		{"UpdateService", object{"cluster": "main", "service": "app"}, "ServiceNotFoundException"},
		{"UpdateService", object{"cluster": "main", "service": "app", "enableExecuteCommand": true}, "ClientException"},
		{"DescribeTaskDefinition", object{"taskDefinition": "app:7"}, "ClientException"},
		{"CreateService", object{"cluster": "main", "serviceName": "app", "taskDefinition": "app:7"}, "ClientException"},
		{"RegisterTaskDefinition", object{"family": "app"}, "ClientException"},
	} {
		if _, got := c.do(test.action, test.request); got != test.want {
			t.Errorf("%s %v: got %q, want %q", test.action, test.request, got, test.want)
		}
	}
}
