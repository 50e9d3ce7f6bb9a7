package ecsstandin

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config says what a stand-in stands in for. Name, Account, Region, Cluster,
// Engine and StateFile must be set.
type Config struct {
	// Name tells this stand-in's containers from others'.
	Name string
	// Account, Region and Cluster name the one cluster that there is.
	Account, Region, Cluster string
	Engine                   Engine
	// Balancer and TargetGroup stand before the tasks of the services that
	// have a load balancer.
	Balancer    *Balancer
	TargetGroup TargetGroup
	// StateFile keeps services, task definitions and tasks; a stand-in that
	// finds one goes on where the last one ended.
	StateFile string
	// TaskEnvironment is added to every container's environment: the
	// credentials that a task gets of its role.
	TaskEnvironment map[string]string
	// Log is told what happens; nothing when nil.
	Log func(format string, args ...any)
}

// TargetGroup is how the load balancer checks tasks. Elastic Load Balancing
// allows intervals from 5 s and thresholds from 2.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
type TargetGroup struct {
	Arn                                  string
	Path                                 string
	Interval, Timeout                    time.Duration
	HealthyThreshold, UnhealthyThreshold int
	// DeregistrationDelay is how long a leaving task may finish what it serves.
	DeregistrationDelay time.Duration
}

// Standin is a running stand-in. Its methods may be called at any time and by
// several goroutines.
type Standin struct {
	config Config
	client *http.Client
	ctx    context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup
	wake   chan struct{}

	mu    sync.Mutex
	state state
}

type state struct {
	Definitions map[string][]*taskDefinition `json:"definitions"` // by family, revision 1 first
	Services    map[string]*service          `json:"services"`
	Tasks       map[string]*task             `json:"tasks"`
}

type service struct {
	Name         string        `json:"name"`
	Desired      int           `json:"desired"`
	Minimum      int           `json:"minimum_healthy_percent"`
	Maximum      int           `json:"maximum_percent"`
	Breaker      bool          `json:"breaker"`
	Rollback     bool          `json:"rollback"`
	Grace        int           `json:"grace_seconds"`
	LoadBalanced bool          `json:"load_balanced"`
	Container    string        `json:"container"`
	Port         int           `json:"port"`
	Created      time.Time     `json:"created"`
	Deployments  []*deployment `json:"deployments"` // newest first
	Events       []event       `json:"events"`      // newest first
	steady       bool
}

type deployment struct {
	ID         string    `json:"id"`
	Definition string    `json:"definition"`
	State      string    `json:"state"` // IN_PROGRESS, COMPLETED, FAILED
	Reason     string    `json:"reason"`
	Failed     int       `json:"failed"`
	Proven     bool      `json:"proven"` // a task of it has been healthy
	Created    time.Time `json:"created"`
	Updated    time.Time `json:"updated"`
	// Completed: it was COMPLETED once, so it can be rolled back to.
	Completed bool `json:"completed"`
	// Rollback: the circuit breaker made it.
	Rollback bool `json:"rollback"`
}

type event struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Message string    `json:"message"`
}

type task struct {
	ID         string    `json:"id"`
	Service    string    `json:"service"`
	Deployment string    `json:"deployment"`
	Definition string    `json:"definition"`
	Status     string    `json:"status"`
	Leaving    bool      `json:"leaving"` // its desired status is STOPPED
	StopCode   string    `json:"stop_code,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	Exit       *int      `json:"exit,omitempty"`
	Container  string    `json:"container,omitempty"`
	HostPort   int       `json:"host_port,omitempty"`
	Slot       int       `json:"slot,omitempty"` // in the balancer; 0 when not there
	Created    time.Time `json:"created"`
	Started    time.Time `json:"started,omitzero"`
	Stopped    time.Time `json:"stopped,omitzero"`

	health health
	leave  chan struct{} // closed when it is to stop
}

// Start returns a stand-in that takes up what its state file says, if there is
// one. Its containers outlive it: end them with [Standin.Purge].
func Start(config Config) (*Standin, error) {
	for field, value := range map[string]string{
		"Name": config.Name, "Account": config.Account, "Region": config.Region, "Cluster": config.Cluster, "StateFile": config.StateFile,
	} {
		if value == "" {
			return nil, fmt.Errorf("ecsstandin: Config.%s must be set", field)
		}
	}
	if config.Log == nil {
		config.Log = func(string, ...any) {}
	}
	s := &Standin{
		config: config,
		client: &http.Client{Timeout: config.TargetGroup.Timeout, Transport: &http.Transport{DisableKeepAlives: true}},
		wake:   make(chan struct{}, 1),
		state:  state{Definitions: map[string][]*taskDefinition{}, Services: map[string]*service{}, Tasks: map[string]*task{}},
	}
	text, err := os.ReadFile(config.StateFile)
	if err == nil {
		err = json.Unmarshal(text, &s.state)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("ecsstandin: state: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for _, t := range s.state.Tasks {
		if t.Status == "STOPPED" {
			continue
		}
		t.leave = make(chan struct{})
		if t.Leaving {
			close(t.leave)
		}
		s.wait.Go(func() { s.live(t, true) })
	}
	s.wait.Go(s.schedule)
	return s, nil
}

// Close stops the scheduling. Containers keep running.
func (s *Standin) Close() {
	s.cancel()
	s.wait.Wait()
}

// Purge closes the stand-in and removes every container it has started.
func (s *Standin) Purge() error {
	s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ids, err := s.config.Engine.docker(ctx, "ps", "--all", "--quiet", "--filter", "label="+Label+"="+s.config.Name)
	if err != nil {
		return err
	}
	for id := range strings.FieldsSeq(ids) {
		s.config.Engine.remove(id)
	}
	if err := os.Remove(s.config.StateFile); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// schedule looks at every service whenever something has changed, and often
// enough to see what only time changes.
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
		s.mu.Lock()
		for _, service := range s.state.Services {
			s.reconcile(service)
		}
		s.mu.Unlock()
	}
}

// changed wakes the scheduler and keeps the state. Call it with the lock held.
func (s *Standin) changed() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
	text, err := json.Marshal(s.state)
	if err == nil {
		temporary := s.config.StateFile + ".new"
		if err = os.WriteFile(temporary, text, 0o600); err == nil {
			err = os.Rename(temporary, s.config.StateFile)
		}
	}
	if err != nil {
		s.config.Log("state: %v", err)
	}
}

func (s *Standin) tell(v *service, format string, args ...any) {
	message := fmt.Sprintf("(service "+v.Name+") "+format, args...)
	v.Events = slices.Insert(v.Events, 0, event{ID: uuid(), Created: time.Now(), Message: message})
	v.Events = v.Events[:min(len(v.Events), 100)]
	s.config.Log("%s", message)
}

func (s *Standin) tasksOf(v *service) []*task {
	var tasks []*task
	for _, t := range s.state.Tasks {
		if t.Service == v.Name && t.Status != "STOPPED" {
			tasks = append(tasks, t)
		}
	}
	slices.SortFunc(tasks, func(a, b *task) int { return a.Created.Compare(b.Created) })
	return tasks
}

func (t *task) healthy(v *service) bool {
	return t.Status == "RUNNING" && !t.Leaving && (!v.LoadBalanced || t.health.state == "healthy")
}

func (t *task) failing(v *service) bool {
	return v.LoadBalanced && t.Status == "RUNNING" && t.health.state == "unhealthy" &&
		time.Since(t.Started) > time.Duration(v.Grace)*time.Second
}

// reconcile moves one service on by what can be decided now.
func (s *Standin) reconcile(v *service) {
	primary := v.Deployments[0]
	r := rollout{desired: v.Desired, minimumPercent: v.Minimum, maximumPercent: v.Maximum, frozen: primary.State == "FAILED"}
	tasks := s.tasksOf(v)
	healthy := 0
	for _, t := range tasks {
		p := placed{
			id: t.ID, primary: t.Deployment == primary.ID, leaving: t.Leaving,
			healthy: t.healthy(v), failing: t.failing(v),
		}
		if p.primary && p.healthy {
			healthy++
			// A healthy task ends the count of failures.
			// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
			primary.Proven, primary.Failed = true, 0
		}
		r.tasks = append(r.tasks, p)
	}
	d := decide(r)
	for range d.start {
		s.launch(v, primary)
	}
	for _, id := range d.stop {
		t := s.state.Tasks[id]
		if t.failing(v) {
			s.tell(v, "(port %d) is unhealthy in (target-group %s) due to (reason Health checks failed)", t.HostPort, s.config.TargetGroup.Arn)
			s.dismiss(t, "ServiceSchedulerInitiated", fmt.Sprintf("Task failed ELB health checks in (target-group %s)", s.config.TargetGroup.Arn))
			s.failed(v, t)
			continue
		}
		s.dismiss(t, "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment "+primary.ID+")")
	}

	steady := len(tasks) == v.Desired && healthy == v.Desired && d.start == 0 && len(d.stop) == 0
	if steady && !v.steady {
		if primary.State == "IN_PROGRESS" {
			primary.State, primary.Completed, primary.Updated = "COMPLETED", true, time.Now()
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
	t := &task{
		ID: strings.ReplaceAll(uuid(), "-", ""), Service: v.Name, Deployment: d.ID, Definition: d.Definition,
		Status: "PENDING", Created: time.Now(), leave: make(chan struct{}),
	}
	s.state.Tasks[t.ID] = t
	s.tell(v, "has started 1 tasks: (task %s).", t.ID)
	s.changed()
	s.wait.Go(func() { s.live(t, false) })
}

// dismiss tells a task to stop.
func (s *Standin) dismiss(t *task, code, reason string) {
	if t.Leaving {
		return
	}
	t.Leaving, t.StopCode, t.Reason = true, code, reason
	close(t.leave)
	s.changed()
}

// failed counts a task that never served against its deployment. Once one has,
// the count is no longer kept.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
func (s *Standin) failed(v *service, t *task) {
	primary := v.Deployments[0]
	if t.Deployment != primary.ID || primary.State != "IN_PROGRESS" || primary.Proven {
		return
	}
	primary.Failed++
	primary.Updated = time.Now()
	if !v.Breaker || primary.Failed < breakerThreshold(v.Desired) {
		return
	}
	primary.State, primary.Reason = "FAILED", "ECS deployment circuit breaker: tasks failed to start."
	s.tell(v, "(deployment %s) deployment failed: tasks failed to start.", primary.ID)
	// What was rolled back to is not rolled back again.
	if !v.Rollback || primary.Rollback {
		return
	}
	for _, earlier := range v.Deployments[1:] {
		if earlier.Completed {
			s.tell(v, "rolling back to deployment %s.", earlier.ID)
			s.deploy(v, earlier.Definition, "ECS deployment circuit breaker: rolling back to deploymentId "+earlier.ID+".")
			v.Deployments[0].Rollback = true
			return
		}
	}
}

// deploy makes a new deployment the service's primary one.
func (s *Standin) deploy(v *service, definition, reason string) {
	id := number(19)
	d := &deployment{
		ID: "ecs-svc/" + id, Definition: definition, State: "IN_PROGRESS", Reason: reason,
		Created: time.Now(), Updated: time.Now(),
	}
	if reason == "" {
		d.Reason = "ECS deployment " + d.ID + " in progress."
	}
	v.Deployments, v.steady = slices.Insert(v.Deployments, 0, d), false
	s.changed()
}

// live is one task's life. A task that is taken up again from the state file
// has its container already.
func (s *Standin) live(t *task, again bool) {
	s.mu.Lock()
	v := s.state.Services[t.Service]
	definition := s.definition(t.Definition)
	s.mu.Unlock()
	raw, _ := json.Marshal(definition.Raw) // it was JSON when it came
	spec, err := parseTask(raw)
	if err != nil {
		s.end(v, t, "TaskFailedToStart", err.Error(), nil)
		return
	}
	container := spec.Containers[0]

	if again {
		if t.Container == "" || !s.config.Engine.running(s.ctx, t.Container) {
			s.end(v, t, "EssentialContainerExited", "Essential container in task exited", nil)
			return
		}
	} else {
		if err := s.config.Engine.pull(s.ctx, container.Image); err != nil {
			s.end(v, t, "TaskFailedToStart", "CannotPullContainerError: "+err.Error(), nil)
			return
		}
		id, port, err := s.config.Engine.run(s.ctx, s.config.Name, "ecs-"+v.Name+"-"+t.ID[:12], s.arn("task", s.config.Cluster+"/"+t.ID), container, s.config.TaskEnvironment)
		s.mu.Lock()
		t.Container, t.HostPort = id, port
		s.mu.Unlock()
		if err != nil {
			s.end(v, t, "TaskFailedToStart", "CannotStartContainerError: "+err.Error(), nil)
			return
		}
		s.mu.Lock()
		t.Status, t.Started = "RUNNING", time.Now()
		s.changed()
		s.mu.Unlock()
	}

	exited := make(chan struct{})
	var code int
	s.wait.Go(func() {
		defer close(exited)
		var err error
		if code, err = s.config.Engine.wait(s.ctx, t.Container); err != nil {
			code = -1
		}
	})
	alive := s.serve(v, t, exited)
	switch {
	case s.ctx.Err() != nil:
		return // the container outlives the stand-in
	case !alive:
		s.leave(v, t, exited, 0)
		s.end(v, t, "EssentialContainerExited", "Essential container in task exited", &code)
		return
	}
	s.leave(v, t, exited, s.config.TargetGroup.DeregistrationDelay)
	s.status(t, "STOPPING")
	s.config.Engine.stop(t.Container, container.stopTimeout())
	<-exited
	s.end(v, t, "", "", &code)
}

func (s *Standin) status(t *task, status string) {
	s.mu.Lock()
	t.Status = status
	s.changed()
	s.mu.Unlock()
}

// serve checks the task's health and keeps it in the load balancer while it is
// healthy, until it is told to leave (true) or its container ends (false).
func (s *Standin) serve(v *service, t *task, exited <-chan struct{}) (alive bool) {
	group := s.config.TargetGroup
	if !v.LoadBalanced {
		select {
		case <-exited:
			return false
		case <-t.leave:
		case <-s.ctx.Done():
		}
		return true
	}
	s.mu.Lock()
	t.health.state = "initial"
	slot := t.Slot
	if slot == 0 {
		s.tell(v, "registered 1 targets in (target-group %s)", group.Arn)
	}
	s.mu.Unlock()
	// The first check at once: the interval is the time between two.
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-exited:
			return false
		case <-t.leave:
			return true
		case <-s.ctx.Done():
			return true
		case <-next.C:
			next.Reset(group.Interval)
		}
		after := t.health.after(s.check(t.HostPort), group)
		if after.state != t.health.state {
			var err error
			switch {
			case after.state == "healthy" && slot == 0:
				slot, err = s.config.Balancer.register(t.HostPort)
			case after.state == "healthy":
				err = s.config.Balancer.resume(slot)
			case slot != 0:
				// An unhealthy target gets no new requests.
				err = s.config.Balancer.drain(slot)
			}
			if err != nil {
				s.config.Log("task %s: %v", t.ID, err)
			}
		}
		s.mu.Lock()
		moved := after.state != t.health.state
		t.health, t.Slot = after, slot
		if moved {
			s.changed()
		}
		s.mu.Unlock()
	}
}

func (s *Standin) check(port int) bool {
	request, err := http.NewRequestWithContext(s.ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", port, s.config.TargetGroup.Path), http.NoBody)
	if err != nil {
		return false
	}
	request.Header.Set("User-Agent", "ELB-HealthChecker/2.0")
	answer, err := s.client.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode == http.StatusOK
}

// leave takes the task out of the load balancer: no new requests, and those
// under way have the delay to end.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
func (s *Standin) leave(v *service, t *task, exited <-chan struct{}, delay time.Duration) {
	s.mu.Lock()
	slot := t.Slot
	if slot == 0 {
		s.mu.Unlock()
		return
	}
	t.Status = "DEACTIVATING"
	s.tell(v, "has begun draining connections on 1 tasks.")
	s.tell(v, "deregistered 1 targets in (target-group %s)", s.config.TargetGroup.Arn)
	s.changed()
	s.mu.Unlock()
	b := s.config.Balancer
	if err := b.drain(slot); err != nil {
		s.config.Log("task %s: %v", t.ID, err)
	}
	over := time.NewTimer(delay)
	defer over.Stop()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for waiting := true; waiting; {
		if n, err := b.active(slot); err != nil || n == 0 {
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
	if err := b.remove(slot); err != nil {
		s.config.Log("task %s: %v", t.ID, err)
	}
}

// end records how the task stopped, unless it was told to, and removes its
// container.
func (s *Standin) end(v *service, t *task, code, reason string, exit *int) {
	s.mu.Lock()
	own := !t.Leaving
	s.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	if own {
		s.config.Log("task %s: %s", t.ID, reason)
	}
	if t.Container != "" {
		if own {
			s.config.Log("task %s: its last words: %s", t.ID, s.config.Engine.lastWords(t.Container))
		}
		s.config.Engine.remove(t.Container)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own = !t.Leaving
	if own {
		t.StopCode, t.Reason = code, reason
	}
	t.Status, t.Leaving, t.Stopped, t.Exit = "STOPPED", true, time.Now(), exit
	if own {
		s.failed(v, t)
	} else {
		s.tell(v, "has stopped 1 running tasks: (task %s).", t.ID)
	}
	s.changed()
}

func (s *Standin) arn(kind, name string) string {
	return fmt.Sprintf("arn:aws:ecs:%s:%s:%s/%s", s.config.Region, s.config.Account, kind, name)
}

// definition finds a task definition by family, family:revision or ARN.
func (s *Standin) definition(name string) *taskDefinition {
	name = name[strings.LastIndex(name, "/")+1:]
	family, revision, exact := strings.Cut(name, ":")
	list := s.state.Definitions[family]
	if !exact && len(list) > 0 {
		return list[len(list)-1]
	}
	for _, d := range list {
		if fmt.Sprint(d.Revision) == revision {
			return d
		}
	}
	return nil
}

func uuid() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, says its documentation
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

func number(digits int) string {
	top := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	n, err := rand.Int(rand.Reader, top)
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return fmt.Sprintf("%0*d", digits, n)
}

// Images returns the reference of the image that the container of each running task
// runs, by the engine's own account, with the tasks' ids as keys.
func (s *Standin) Images(ctx context.Context) (map[string]string, error) {
	s.mu.Lock()
	containers := map[string]string{}
	for _, t := range s.state.Tasks {
		if t.Status == "RUNNING" && !t.Leaving {
			containers[t.ID] = t.Container
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
