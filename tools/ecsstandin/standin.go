package ecsstandin

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gchamon/devops-challenge/tools/internal/balancer"
)

// Config configures a stand-in. All fields up to Cluster, and Log, must be set.
type Config struct {
	// Name tells this stand-in's containers from others'.
	Name string
	// Account, Region and Cluster name the one cluster that there is.
	Account, Region, Cluster string
	Engine                   Engine
	// Balancer is in front of the tasks of services with a load balancer.
	Balancer *balancer.Balancer
	// TaskEnvironment is added to every container's environment: the
	// credentials that a task gets of its role.
	TaskEnvironment map[string]string
	Log             func(format string, args ...any) // is told what happens
}

// Standin is a running stand-in. Its methods may be called at any time and by
// several goroutines.
type Standin struct {
	config Config
	ctx    context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup
	wake   chan struct{}

	mu          sync.Mutex
	definitions map[string][]*taskDefinition // by family, revision 1 first
	services    map[string]*service          // by name
	tasks       map[string]*task             // by id
}

type service struct {
	Arn            string         `json:"serviceArn"`
	Name           string         `json:"serviceName"`
	Status         string         `json:"status"`
	Cluster        string         `json:"clusterArn"`
	TaskDefinition string         `json:"taskDefinition"` // of the primary deployment
	Desired        int            `json:"desiredCount"`
	Running        int            `json:"runningCount"`
	Pending        int            `json:"pendingCount"`
	LaunchType     string         `json:"launchType"`
	Strategy       string         `json:"schedulingStrategy"`
	Configuration  configuration  `json:"deploymentConfiguration"`
	Grace          int            `json:"healthCheckGracePeriodSeconds"`
	LoadBalancers  []loadBalancer `json:"loadBalancers"` // at most one
	Created        moment         `json:"createdAt"`
	Deployments    []*deployment  `json:"deployments"` // newest first
	Events         []event        `json:"events"`      // newest first
	steady         bool
}

type configuration struct {
	Maximum int `json:"maximumPercent"`
	Minimum int `json:"minimumHealthyPercent"`
	Breaker struct {
		Enable   bool `json:"enable"`
		Rollback bool `json:"rollback"`
	} `json:"deploymentCircuitBreaker"`
}

type loadBalancer struct {
	TargetGroup string `json:"targetGroupArn"`
	Container   string `json:"containerName"`
	Port        int    `json:"containerPort"`
}

type deployment struct {
	ID         string `json:"id"`
	Status     string `json:"status"` // PRIMARY, ACTIVE
	Definition string `json:"taskDefinition"`
	Desired    int    `json:"desiredCount"`
	Running    int    `json:"runningCount"`
	Pending    int    `json:"pendingCount"`
	Failed     int    `json:"failedTasks"`
	State      string `json:"rolloutState"` // IN_PROGRESS, COMPLETED, FAILED
	Reason     string `json:"rolloutStateReason"`
	LaunchType string `json:"launchType"`
	Created    moment `json:"createdAt"`
	Updated    moment `json:"updatedAt"`
	proven     bool   // a task of it has been healthy
	completed  bool   // it was COMPLETED once, so it can be rolled back to
	rollback   bool   // the circuit breaker made it
}

type event struct {
	ID      string `json:"id"`
	Created moment `json:"createdAt"`
	Message string `json:"message"`
}

type task struct {
	Arn        string       `json:"taskArn"`
	Cluster    string       `json:"clusterArn"`
	Definition string       `json:"taskDefinitionArn"`
	Group      string       `json:"group"`
	Deployment string       `json:"startedBy"`
	Status     string       `json:"lastStatus"`
	Desired    string       `json:"desiredStatus"` // RUNNING, or STOPPED for one that is to stop
	LaunchType string       `json:"launchType"`
	Containers []*container `json:"containers"` // one
	StopCode   string       `json:"stopCode,omitempty"`
	Reason     string       `json:"stoppedReason,omitempty"`
	Created    moment       `json:"createdAt"`
	Started    moment       `json:"startedAt,omitzero"`
	Stopped    moment       `json:"stoppedAt,omitzero"`

	id, service string
	container   string // its id in the engine
	hostPort    int
	slot        int           // in the balancer; 0 when not there
	serving     bool          // the balancer finds it healthy
	leave       chan struct{} // closed when it is to stop
}

type container struct {
	Name     string    `json:"name"`
	Image    string    `json:"image"`
	Status   string    `json:"lastStatus"`
	Exit     *int      `json:"exitCode,omitempty"`
	Bindings []binding `json:"networkBindings,omitempty"`
}

type binding struct {
	IP            string `json:"bindIP"`
	HostPort      int    `json:"hostPort"`
	ContainerPort int    `json:"containerPort"`
	Protocol      string `json:"protocol"`
}

// moment is a time that JSON shows as seconds since 1970, as the API does.
type moment struct{ time.Time }

func now() moment { return moment{time.Now()} }

func (m moment) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(m.UnixMilli()) / 1000)
}

func (t *task) leaving() bool { return t.Desired == "STOPPED" }

// Start returns a stand-in with an empty cluster. At the end of the test it ends
// and removes every container that it has started.
func Start(tb testing.TB, config Config) *Standin {
	s := &Standin{
		config: config,
		wake:   make(chan struct{}, 1), definitions: map[string][]*taskDefinition{}, services: map[string]*service{}, tasks: map[string]*task{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wait.Go(s.schedule)
	tb.Cleanup(func() {
		s.cancel()
		s.wait.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		ids, err := s.config.Engine.docker(ctx, "ps", "--all", "--quiet", "--filter", "label="+Label+"="+s.config.Name)
		if err != nil {
			tb.Error(err)
		}
		for id := range strings.FieldsSeq(ids) {
			s.config.Engine.remove(id)
		}
	})
	return s
}

// schedule reconciles every service after each change, and four times a second for
// what only depends on time.
func (s *Standin) schedule() {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		case <-s.wake:
		}
		var targets map[int]balancer.Target
		if s.config.Balancer != nil {
			var err error
			if targets, err = s.config.Balancer.Targets(); err != nil {
				s.config.Log("%v", err)
				continue
			}
		}
		s.mu.Lock()
		for _, t := range s.tasks {
			t.serving = targets[t.slot].Healthy
		}
		for _, service := range s.services {
			s.reconcile(service)
		}
		s.mu.Unlock()
	}
}

// changed wakes the scheduler.
func (s *Standin) changed() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Standin) tell(v *service, format string, args ...any) {
	message := fmt.Sprintf("(service "+v.Name+") "+format, args...)
	v.Events = slices.Insert(v.Events, 0, event{ID: uuid.NewString(), Created: now(), Message: message})
	v.Events = v.Events[:min(len(v.Events), 100)]
	s.config.Log("%s", message)
}

func (s *Standin) tasksOf(v *service) []*task {
	var tasks []*task
	for _, t := range s.tasks {
		if t.service == v.Name && t.Status != "STOPPED" {
			tasks = append(tasks, t)
		}
	}
	slices.SortFunc(tasks, func(a, b *task) int { return a.Created.Compare(b.Created.Time) })
	return tasks
}

func (t *task) healthy(v *service) bool {
	return t.Status == "RUNNING" && !t.leaving() && (len(v.LoadBalancers) == 0 || t.serving)
}

// failing reports whether the task is unhealthy after the time that it has to get
// healthy.
func (s *Standin) failing(v *service, t *task) bool {
	if len(v.LoadBalancers) == 0 || t.Status != "RUNNING" || t.serving {
		return false
	}
	group := s.config.Balancer.Group
	return time.Since(t.Started.Time) > max(time.Duration(v.Grace)*time.Second, time.Duration(group.UnhealthyThreshold)*group.Interval)
}

// reconcile takes the next steps of a service that its state allows.
func (s *Standin) reconcile(v *service) {
	primary := v.Deployments[0]
	r := rollout{desired: v.Desired, minimumPercent: v.Configuration.Minimum, maximumPercent: v.Configuration.Maximum, frozen: primary.State == "FAILED"}
	tasks := s.tasksOf(v)
	healthy := 0
	for _, t := range tasks {
		p := placed{
			id: t.id, primary: t.Deployment == primary.ID, leaving: t.leaving(),
			healthy: t.healthy(v), failing: s.failing(v, t),
		}
		if p.primary && p.healthy {
			healthy++
			// A healthy task ends the count of failures.
			// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
			primary.proven, primary.Failed = true, 0
		}
		r.tasks = append(r.tasks, p)
	}
	d := decide(r)
	for range d.start {
		s.launch(v, primary)
	}
	for _, id := range d.stop {
		t := s.tasks[id]
		if s.failing(v, t) {
			s.tell(v, "(port %d) is unhealthy in (target-group %s) due to (reason Health checks failed)", t.hostPort, s.config.Balancer.Group.Arn)
			s.dismiss(t, "ServiceSchedulerInitiated", fmt.Sprintf("Task failed ELB health checks in (target-group %s)", s.config.Balancer.Group.Arn))
			s.failed(v, t)
			continue
		}
		s.dismiss(t, "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment "+primary.ID+")")
	}

	steady := len(tasks) == v.Desired && healthy == v.Desired && d.start == 0 && len(d.stop) == 0
	if steady && !v.steady {
		if primary.State == "IN_PROGRESS" {
			primary.State, primary.completed, primary.Updated = "COMPLETED", true, now()
			primary.Reason = "ECS deployment " + primary.ID + " completed."
			s.tell(v, "(deployment %s) deployment completed.", primary.ID)
		}
		// What has no tasks left is no longer listed, but the last completed
		// one before it stays known for a rollback.
		v.Deployments = v.Deployments[:1]
		s.tell(v, "has reached a steady state.")
		defer s.changed()
	}
	v.steady = steady
}

// launch starts a task of the deployment.
func (s *Standin) launch(v *service, d *deployment) {
	t, c := s.newTask(s.definition(d.Definition))
	t.Group, t.Deployment, t.service = "service:"+v.Name, d.ID, v.Name
	s.tell(v, "has started 1 tasks: (task %s).", t.id)
	s.start(v, t, c)
}

// newTask returns a task of the definition, and what its container is to run.
func (s *Standin) newTask(d *taskDefinition) (*task, containerSpec) {
	id, c := strings.ReplaceAll(uuid.NewString(), "-", ""), d.spec.Containers[0]
	return &task{
		id: id, Arn: s.arn("task", s.config.Cluster+"/"+id), Cluster: s.arn("cluster", s.config.Cluster), Definition: d.arn, Status: "PENDING",
		Desired: "RUNNING", LaunchType: "EC2", Containers: []*container{{Name: c.Name, Image: c.Image}}, Created: now(), leave: make(chan struct{}),
	}, c
}

// start begins a task's life. Call it with the lock held.
func (s *Standin) start(v *service, t *task, c containerSpec) {
	s.tasks[t.id] = t
	s.changed()
	s.wait.Go(func() { s.live(v, t, c) })
}

// dismiss tells a task to stop.
func (s *Standin) dismiss(t *task, code, reason string) {
	if t.leaving() {
		return
	}
	t.Desired, t.StopCode, t.Reason = "STOPPED", code, reason
	close(t.leave)
	s.changed()
}

// failed counts a task that never served against its deployment. Once one has,
// the count is no longer kept.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
func (s *Standin) failed(v *service, t *task) {
	primary := v.Deployments[0]
	if t.Deployment != primary.ID || primary.State != "IN_PROGRESS" || primary.proven {
		return
	}
	primary.Failed++
	primary.Updated = now()
	if !v.Configuration.Breaker.Enable || primary.Failed < breakerThreshold(v.Desired) {
		return
	}
	primary.State, primary.Reason = "FAILED", "ECS deployment circuit breaker: tasks failed to start."
	s.tell(v, "(deployment %s) deployment failed: tasks failed to start.", primary.ID)
	// What was rolled back to is not rolled back again.
	if !v.Configuration.Breaker.Rollback || primary.rollback {
		return
	}
	for _, earlier := range v.Deployments[1:] {
		if earlier.completed {
			s.tell(v, "rolling back to deployment %s.", earlier.ID)
			s.deploy(v, earlier.Definition, "ECS deployment circuit breaker: rolling back to deploymentId "+earlier.ID+".")
			v.Deployments[0].rollback = true
			return
		}
	}
}

// deploy makes a new deployment the service's primary one.
func (s *Standin) deploy(v *service, definition, reason string) {
	d := &deployment{
		ID: fmt.Sprintf("ecs-svc/%019d", rand.Int64()), Definition: definition, State: "IN_PROGRESS", Reason: reason,
		Created: now(), Updated: now(),
	}
	if reason == "" {
		d.Reason = "ECS deployment " + d.ID + " in progress."
	}
	v.Deployments, v.steady = slices.Insert(v.Deployments, 0, d), false
	s.changed()
}

// live is one task's life.
func (s *Standin) live(v *service, t *task, c containerSpec) {
	if err := s.config.Engine.pull(s.ctx, c.Image); err != nil {
		s.end(v, t, "TaskFailedToStart", "CannotPullContainerError: "+err.Error(), nil)
		return
	}
	id, port, err := s.config.Engine.run(s.ctx, s.config.Name, "ecs-"+v.Name+"-"+t.id[:12], t.Arn, c, s.config.TaskEnvironment)
	s.mu.Lock()
	t.container, t.hostPort = id, port
	if port != 0 {
		t.Containers[0].Bindings = []binding{{"127.0.0.1", port, c.PortMappings[0].ContainerPort, "tcp"}}
	}
	if err == nil {
		t.Status, t.Started = "RUNNING", now()
		s.changed()
	}
	s.mu.Unlock()
	if err != nil {
		s.end(v, t, "TaskFailedToStart", "CannotStartContainerError: "+err.Error(), nil)
		return
	}

	exited := make(chan struct{})
	var code int
	s.wait.Go(func() {
		defer close(exited)
		var err error
		if code, err = s.config.Engine.wait(s.ctx, t.container); err != nil {
			code = -1
		}
	})
	if len(v.LoadBalancers) > 0 {
		slot, err := s.config.Balancer.Register(fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			s.config.Log("task %s: %v", t.id, err)
		}
		s.mu.Lock()
		t.slot = slot
		s.tell(v, "registered 1 targets in (target-group %s)", s.config.Balancer.Group.Arn)
		s.mu.Unlock()
	}
	select {
	case <-s.ctx.Done():
		return // the end of the test removes the container
	case <-exited:
		s.leave(v, t, exited)
		s.end(v, t, "EssentialContainerExited", "Essential container in task exited", &code)
	case <-t.leave:
		s.leave(v, t, exited)
		s.mu.Lock()
		t.Status = "STOPPING"
		s.mu.Unlock()
		s.config.Engine.stop(t.container, c.stopTimeout())
		<-exited
		s.end(v, t, "", "", &code)
	}
}

// leave takes the task out of the load balancer: no new requests, and those
// under way have the delay to end.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
func (s *Standin) leave(v *service, t *task, exited <-chan struct{}) {
	s.mu.Lock()
	slot := t.slot
	if slot == 0 {
		s.mu.Unlock()
		return
	}
	t.Status = "DEACTIVATING"
	s.tell(v, "has begun draining connections on 1 tasks.")
	s.tell(v, "deregistered 1 targets in (target-group %s)", s.config.Balancer.Group.Arn)
	s.changed()
	s.mu.Unlock()
	b := s.config.Balancer
	if err := b.Drain(slot); err != nil {
		s.config.Log("task %s: %v", t.id, err)
	}
	over := time.NewTimer(b.Group.DeregistrationDelay)
	defer over.Stop()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for waiting := true; waiting; {
		if targets, err := b.Targets(); err != nil || targets[slot].Active == 0 {
			break
		}
		select {
		case <-poll.C:
		case <-over.C:
			waiting = false
		case <-exited:
			waiting = false
		case <-s.ctx.Done():
			return
		}
	}
	if err := b.Remove(slot); err != nil {
		s.config.Log("task %s: %v", t.id, err)
	}
}

// end records how the task stopped, unless it was told to, and removes its
// container.
func (s *Standin) end(v *service, t *task, code, reason string, exit *int) {
	if s.ctx.Err() != nil {
		return
	}
	words := ""
	if t.container != "" {
		words = s.config.Engine.lastWords(t.container)
		s.config.Engine.remove(t.container)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own := !t.leaving()
	t.Status, t.Desired, t.Stopped, t.Containers[0].Exit = "STOPPED", "STOPPED", now(), exit
	if own {
		t.StopCode, t.Reason = code, reason
		s.config.Log("task %s: %s; the end of its output: %s", t.id, reason, words)
		s.failed(v, t)
	} else {
		s.tell(v, "has stopped 1 running tasks: (task %s).", t.id)
	}
	s.changed()
}

func (s *Standin) arn(kind, name string) string {
	return fmt.Sprintf("arn:aws:ecs:%s:%s:%s/%s", s.config.Region, s.config.Account, kind, name)
}

// definition finds a task definition by family, family:revision or ARN.
func (s *Standin) definition(name string) *taskDefinition {
	family, revision, exact := strings.Cut(base(name), ":")
	list := s.definitions[family]
	if !exact && len(list) > 0 {
		return list[len(list)-1]
	}
	for _, d := range list {
		if strconv.Itoa(d.revision) == revision {
			return d
		}
	}
	return nil
}

// Images returns the reference of the image that the container of each running task
// runs, by the engine's own account, with the tasks' ids as keys.
func (s *Standin) Images(ctx context.Context) (map[string]string, error) {
	s.mu.Lock()
	containers := map[string]string{}
	for _, t := range s.tasks {
		if t.Status == "RUNNING" && !t.leaving() {
			containers[t.id] = t.container
		}
	}
	s.mu.Unlock()
	images := map[string]string{}
	for id, container := range containers {
		image, err := s.config.Engine.docker(ctx, "inspect", "--format", "{{.Config.Image}}", container)
		if err != nil {
			return nil, err
		}
		images[id] = image
	}
	return images, nil
}
