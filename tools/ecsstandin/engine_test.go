//go:build engine

package ecsstandin

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gchamon/devops-challenge/tools/internal/balancer"
	"github.com/gchamon/devops-challenge/tools/internal/freeport"
	"github.com/gchamon/devops-challenge/tools/internal/server"
)

// Named by the process, as the tests of another clone may run beside these.
var testImage = fmt.Sprintf("ecsstandin-test-%d:server", os.Getpid())

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
	build := exec.Command("bash", "-euo", "pipefail", "-c", `CGO_ENABLED=0 GOOS=linux go build -o "$0/server" ./testdata/server
tar -C "$0" -c server | docker import --change 'ENTRYPOINT ["/server"]' - "$1"`, dir, testImage)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// cluster is one ECS cluster behind its API, and what its load balancer serves.
type cluster struct {
	t           *testing.T
	api         string // URL
	front, host string // URL of the load balancer, and its name if that is not in the URL
	targetGroup string
	ministack   bool
}

// judges runs a story on the stand-in and on ministack, which others wrote
// (tools/setup/ministack).
func judges(t *testing.T, story func(t *testing.T, c *cluster)) {
	t.Run("standin", func(t *testing.T) { story(t, newCluster(t)) })
	t.Run("ministack", func(t *testing.T) { story(t, newMinistack(t)) })
}

// want is what a story expects of the judge it runs on: what ECS does, or, where
// ministack 1.5.33 is known to be wrong, what ministack does.
func want[T any](c *cluster, ecs, ministack T) T {
	if c.ministack {
		return ministack
	}
	return ecs
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	// Below what Elastic Load Balancing allows, so that these tests are short.
	group := balancer.TargetGroup{
		Arn: "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/app/1", Path: "/readyz",
		Interval: 200 * time.Millisecond, Timeout: 30 * time.Second, HealthyThreshold: 2, UnhealthyThreshold: 2,
		DeregistrationDelay: 30 * time.Second,
	}
	front := balancer.Start(t, balancer.Front{Listen: freeport.Address(t), Paths: []string{"/"}, TargetGroup: group})
	config := Config{Name: front.URL, Account: "123456789012", Region: "eu-west-1", Cluster: "main", Log: t.Logf, Balancer: front}
	api := httptest.NewServer(Start(t, config))
	t.Cleanup(api.Close)
	return &cluster{t: t, api: api.URL, front: front.URL, targetGroup: group.Arn}
}

// newMinistack starts a ministack with a load balancer and a cluster.
func newMinistack(t *testing.T) *cluster {
	t.Helper()
	addr := freeport.Address(t)
	_, port, _ := net.SplitHostPort(addr)
	c := &cluster{t: t, api: "http://" + addr, front: "http://" + addr, ministack: true}
	t.Cleanup(func() { // when it has ended
		if out, err := exec.Command("sh", "-c", `docker ps -aq --filter "label=ministack.instance" --filter "ancestor=$0" | xargs -r docker rm -f`, testImage).CombinedOutput(); err != nil {
			t.Errorf("remove ministack's containers: %v: %s", err, out)
		}
	})
	server.Start(t, server.Command{
		Name: "ministack", Addr: addr, Ready: "/_ministack/health", Args: []string{"ministack"},
		Env: append(os.Environ(), "BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1", "GATEWAY_PORT="+port, "IOT_MTLS_ENABLED=0"),
	})
	elb := func(action string, values ...string) (out struct {
		TargetGroupArn  string `xml:"CreateTargetGroupResult>TargetGroups>member>TargetGroupArn"`
		LoadBalancerArn string `xml:"CreateLoadBalancerResult>LoadBalancers>member>LoadBalancerArn"`
		DNSName         string `xml:"CreateLoadBalancerResult>LoadBalancers>member>DNSName"`
	},
	) {
		form := url.Values{"Action": {action}, "Version": {"2015-12-01"}}
		for i := 0; i < len(values); i += 2 {
			form.Set(values[i], values[i+1])
		}
		a, err := server.Request(t.Context(), http.DefaultClient, http.MethodPost, c.api, form.Encode(), "Content-Type", "application/x-www-form-urlencoded",
			"Authorization", "AWS4-HMAC-SHA256 Credential=test/20261126/us-east-1/elasticloadbalancing/aws4_request")
		if err == nil && a.Status == http.StatusOK {
			err = xml.Unmarshal(a.Body, &out)
		}
		if err != nil || a.Status != http.StatusOK {
			t.Fatalf("%s: %d: %v: %s", action, a.Status, err, a.Body)
		}
		return out
	}
	c.targetGroup = elb("CreateTargetGroup", "Name", "app", "Protocol", "HTTP", "Port", "8080", "VpcId", "vpc-1",
		"TargetType", "instance", "HealthCheckPath", "/readyz").TargetGroupArn
	balancer := elb("CreateLoadBalancer", "Name", "app")
	elb("CreateListener", "LoadBalancerArn", balancer.LoadBalancerArn, "Protocol", "HTTP", "Port", "80",
		"DefaultActions.member.1.Type", "forward", "DefaultActions.member.1.TargetGroupArn", c.targetGroup)
	c.host = balancer.DNSName
	c.must("CreateCluster", object{"clusterName": "main"})
	return c
}

type object = map[string]any

// do calls the API and returns the answer and the kind of its error.
func (c *cluster) do(action string, request object) (object, string) {
	c.t.Helper()
	body, err := json.Marshal(request)
	if err != nil {
		c.t.Fatal(err)
	}
	a, err := server.Request(context.Background(), http.DefaultClient, http.MethodPost, c.api, string(body), "Content-Type", "application/x-amz-json-1.1", "X-Amz-Target", target+action)
	var out object
	if err == nil {
		err = json.Unmarshal(a.Body, &out)
	}
	if err != nil {
		c.t.Fatalf("%s: got %d and %v: %s", action, a.Status, err, a.Body)
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
		// With ECS's default of 2 shares a container starves on a busy machine.
		"name": "app", "image": testImage, "cpu": 1024, "memory": 64, "essential": true, "user": "65532", "readonlyRootFilesystem": true, "stopTimeout": 5,
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
		"loadBalancers": []object{{"targetGroupArn": c.targetGroup, "containerName": "app", "containerPort": 8080}},
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
	return primary(out["service"].(object))["id"].(string)
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

// primary is the deployment that the service is to run. ECS lists it first, ministack
// does not after a rollback.
func primary(service object) object {
	for _, d := range service["deployments"].([]any) {
		if d.(object)["status"] == "PRIMARY" {
			return d.(object)
		}
	}
	return nil
}

// until waits for a condition that the service's description meets.
func (c *cluster) until(what string, met func(service, primary object) bool) object {
	c.t.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for {
		service := c.describe()
		if met(service, primary(service)) {
			return service
		}
		if time.Now().After(deadline) {
			text, _ := json.MarshalIndent(service, "", " ")
			c.t.Fatalf("not within 5 minutes: %s; the service is %s", what, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (c *cluster) steady() object {
	c.t.Helper()
	return c.until("steady", func(service, primary object) bool {
		// ministack calls a new service COMPLETED before a task of it runs.
		return primary["rolloutState"] == "COMPLETED" && len(service["deployments"].([]any)) == 1 &&
			service["runningCount"] == service["desiredCount"]
	})
}

func (c *cluster) get(path string) (int, string, error) {
	a, err := server.Request(context.Background(), http.DefaultClient, http.MethodGet, c.front+path, "", "Host", c.host)
	return a.Status, string(a.Body), err
}

// stopped describes the tasks that have stopped.
func (c *cluster) stopped() (tasks []object) {
	c.t.Helper()
	arns := c.must("ListTasks", object{"cluster": "main", "desiredStatus": "STOPPED"})["taskArns"].([]any)
	if len(arns) == 0 {
		return nil
	}
	for _, task := range c.must("DescribeTasks", object{"cluster": "main", "tasks": arns})["tasks"].([]any) {
		tasks = append(tasks, task.(object))
	}
	return tasks
}

func TestRollingUpdateLosesNoRequest(t *testing.T) {
	judges(t, func(t *testing.T, c *cluster) {
		c.create(c.register("RELEASE=a"), 2)
		c.steady()
		for path, want := range map[string]string{
			"/api/user": want(c, "65532", "0"), // ministack runs containers as their image says
			"/api/root": want(c, "read-only", "written to"),
		} {
			if _, got, _ := c.get(path); !strings.Contains(got, want) {
				t.Errorf("%s: got %q, want %q in it", path, got, want)
			}
		}

		// Requests from several clients until both new tasks serve, and one that
		// is under way when its task is told to stop.
		ctx, stop := context.WithCancel(t.Context())
		var sent, lost atomic.Int64
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() {
				for ctx.Err() == nil && sent.Load() < 100_000 {
					status, body, err := c.get("/api/release")
					if c.ministack && status == http.StatusBadGateway && strings.Contains(body, "connect error") {
						continue // ministack sends requests to a task as soon as its container runs, before it listens
					}
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
			return primary["rolloutState"] == "COMPLETED" && len(service["deployments"].([]any)) == 1
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
	})
}

func TestCircuitBreakerRollsBack(t *testing.T) {
	for _, test := range []struct {
		name        string
		environment []string
		reason      string
		exit        any
		grace       int
		completes   bool // on ministack, which does not check targets
	}{
		{"the container ends at once", []string{"EXIT=0s"}, "Essential container", float64(3), 60, false},
		{"the container ends before it is healthy", []string{"EXIT=5s", "UNREADY=1"}, "Essential container", float64(3), 60, true},
		{"the health check fails", []string{"UNREADY=1"}, "failed ELB health checks", nil, 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			judges(t, func(t *testing.T, c *cluster) {
				first := c.register("RELEASE=a")
				c.create(first, 2)
				c.steady()
				before := primary(c.describe())["id"].(string)

				failed := c.updateWithin(c.register(append(test.environment, "RELEASE=b")...), test.grace)
				if want(c, false, test.completes) {
					c.until("completed", func(_, primary object) bool {
						return primary["id"] == failed && primary["rolloutState"] == "COMPLETED"
					})
					return
				}
				c.until("given up", func(_, primary object) bool { return primary["id"] != failed })
				c.must("UpdateService", object{"cluster": "main", "service": "app", "healthCheckGracePeriodSeconds": 60})
				c.until("rolled back", func(service, primary object) bool {
					return primary["id"] != failed && primary["rolloutState"] == "COMPLETED" && service["taskDefinition"] == first
				})
				if _, got, _ := c.get("/api/release"); got != "a" {
					t.Errorf("got release %q, want a", got)
				}
				events := strings.Join(c.events(), "\n")
				for _, want := range want(c, []string{
					"(service app) (deployment " + failed + ") deployment failed: tasks failed to start.",
					"(service app) rolling back to deployment " + before + ".",
					"(service app) has reached a steady state.",
				}, []string{
					"(service app) deployment failed: deployment circuit breaker was triggered.",
					"(service app) rolled back to the last completed deployment.",
				}) {
					if !strings.Contains(events, want) {
						t.Errorf("got events\n%s\nwant one that says %q", events, want)
					}
				}
				count := 0
				for _, task := range c.stopped() {
					if strings.Contains(task["stoppedReason"].(string), test.reason) {
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
		})
	}
}

func TestImageThatCannotBePulled(t *testing.T) {
	judges(t, func(t *testing.T, c *cluster) {
		out := c.must("RegisterTaskDefinition", object{"family": "app", "containerDefinitions": []object{{
			"name": "app", "image": "127.0.0.1:1/none@sha256:" + strings.Repeat("0", 64), "memory": 64,
			"portMappings": []object{{"containerPort": 8080, "hostPort": 0}},
		}}})
		c.create(out["taskDefinition"].(object)["taskDefinitionArn"].(string), 1)
		if c.ministack {
			// It calls any new service COMPLETED and does not count what fails to start.
			c.until("completed without a task", func(service, primary object) bool {
				return primary["rolloutState"] == "COMPLETED" && service["runningCount"] == float64(0) && len(c.stopped()) > 0
			})
			return
		}
		c.until("failed", func(_, primary object) bool { return primary["rolloutState"] == "FAILED" })
		stopped := c.stopped()
		if len(stopped) != 3 {
			t.Errorf("got %d stopped tasks, want 3 and no more: there is nothing to roll back to", len(stopped))
		}
		for _, task := range stopped {
			if got := task["stoppedReason"].(string); !strings.HasPrefix(got, "CannotPullContainerError: ") {
				t.Errorf("got reason %q, want a CannotPullContainerError", got)
			}
		}
	})
}

func TestLostTaskIsReplaced(t *testing.T) {
	judges(t, func(t *testing.T, c *cluster) {
		c.create(c.register("RELEASE=a"), 2)
		c.steady()
		victim := c.must("ListTasks", object{"cluster": "main"})["taskArns"].([]any)[0].(string)
		out, err := exec.Command("sh", "-c", `docker kill $(docker ps -q --filter "label=com.amazonaws.ecs.task-arn=$0")`, victim).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		c.until("the task has stopped", func(object, object) bool {
			stopped := c.stopped()
			return len(stopped) == 1 && stopped[0]["taskArn"] == victim
		})
		c.until("two tasks run", func(service, primary object) bool {
			return service["runningCount"] == float64(2) && primary["rolloutState"] == "COMPLETED"
		})
	})
}

func TestSameTaskDefinitionDeploysNothing(t *testing.T) {
	c := newCluster(t)
	arn := c.register("RELEASE=a")
	c.create(arn, 1)
	before := primary(c.steady())["id"]
	if got := c.update(arn); got != before {
		t.Errorf("got deployment %s, want %s to stay", got, before)
	}
}

func TestOneOffTask(t *testing.T) {
	judges(t, func(t *testing.T, c *cluster) {
		out := c.must("RunTask", object{"cluster": "main", "taskDefinition": c.register("EXIT=1ms"), "overrides": object{
			"containerOverrides": []object{{"name": "app", "command": []string{"once"}}},
		}})
		arn := out["tasks"].([]any)[0].(object)["taskArn"]
		for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
			task := c.must("DescribeTasks", object{"cluster": "main", "tasks": []any{arn}})["tasks"].([]any)[0].(object)
			if task["lastStatus"] == "STOPPED" {
				if code := task["containers"].([]any)[0].(object)["exitCode"]; code != float64(3) {
					t.Errorf("got exit code %v, want 3", code)
				}
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("not stopped after three minutes: %v", task)
			}
		}
	})
}

func TestCallsThatAreRefused(t *testing.T) {
	c := newCluster(t)
	for _, test := range []struct {
		action  string
		request object
		want    string
	}{
		{"StopTask", object{}, "UnknownOperationException"},
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
