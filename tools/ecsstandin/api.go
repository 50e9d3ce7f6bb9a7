package ecsstandin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// apiError is an error as the ECS API reports it.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html
type apiError struct{ kind, message string }

func (e apiError) Error() string { return e.kind + ": " + e.message }

func refuse(kind, format string, args ...any) error {
	return apiError{kind, fmt.Sprintf(format, args...)}
}

const target = "AmazonEC2ContainerServiceV20141113."

// ServeHTTP answers the calls of Amazon ECS, which are POST requests with the
// action in the header X-Amz-Target and JSON both ways. Signatures are not
// checked. Unknown actions are answered with an UnknownOperationException.
func (s *Standin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := s.answer(w, r)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err != nil {
		status, kind := http.StatusInternalServerError, "ServerException"
		if refusal, ok := errors.AsType[apiError](err); ok {
			status, kind = http.StatusBadRequest, refusal.kind
			err = errors.New(refusal.message)
		}
		w.WriteHeader(status)
		text, _ = json.Marshal(map[string]string{"__type": kind, "message": err.Error()}) // strings always encode
	}
	_, _ = w.Write(text) // the caller has gone
}

func (s *Standin) answer(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	action, _ := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	call := actions[action]
	if call == nil {
		return nil, refuse("UnknownOperationException", "the stand-in does not do %q, expected X-Amz-Target: %sACTION", action, target)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer, err := call(s, body)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer) // with the lock: it shares memory with the state
}

// actions are those that are answered. They are called with the lock held.
var actions = map[string]func(s *Standin, body []byte) (any, error){
	"RegisterTaskDefinition": (*Standin).registerTaskDefinition,
	"DescribeTaskDefinition": handle((*Standin).describeTaskDefinition),
	"CreateService":          handle((*Standin).createService),
	"UpdateService":          handle((*Standin).updateService),
	"DescribeServices":       handle((*Standin).describeServices),
	"RunTask":                handle((*Standin).runTask),
	"ListTasks":              handle((*Standin).listTasks),
	"DescribeTasks":          handle((*Standin).describeTasks),
}

// handle decodes a request, refuses one for another cluster, and answers it.
func handle[T any](answer func(*Standin, T) (any, error)) func(*Standin, []byte) (any, error) {
	return func(s *Standin, body []byte) (any, error) {
		var request T
		if err := read(body, &request); err != nil {
			return nil, err
		}
		if in, ok := any(request).(interface{ cluster() string }); ok && base(in.cluster()) != s.config.Cluster {
			return nil, refuse("ClusterNotFoundException", "Cluster not found.")
		}
		return answer(s, request)
	}
}

// read decodes JSON; a field that the stand-in would ignore is refused.
func read(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return refuse("ClientException", "%s; the stand-in does not know that field", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// inCluster is part of the requests that name their cluster.
type inCluster struct {
	Cluster string `json:"cluster"`
}

func (c inCluster) cluster() string { return c.Cluster }

// base is the name at the end of an ARN, or the name itself.
func base(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// list describes what find knows of the names; what it does not know is a failure.
func (s *Standin) list(key, kind string, names []string, find func(name string) any) map[string]any {
	found, failures := []any{}, []any{}
	for _, name := range names {
		if item := find(base(name)); item != nil {
			found = append(found, item)
		} else {
			failures = append(failures, map[string]string{"arn": s.arn(kind, name), "reason": "MISSING"})
		}
	}
	return map[string]any{key: found, "failures": failures}
}

func (s *Standin) registerTaskDefinition(body []byte) (any, error) {
	spec, err := parseTask(body)
	if err != nil {
		return nil, refuse("ClientException", "%v", err)
	}
	d := &taskDefinition{spec: spec, revision: len(s.definitions[spec.Family]) + 1}
	d.arn = s.arn("task-definition", fmt.Sprintf("%s:%d", spec.Family, d.revision))
	if err := json.Unmarshal(body, &d.raw); err != nil {
		return nil, err
	}
	delete(d.raw, "tags")
	s.definitions[spec.Family] = append(s.definitions[spec.Family], d)
	return map[string]any{"taskDefinition": d.describe(), "tags": spec.Tags}, nil
}

func (s *Standin) describeTaskDefinition(request struct {
	TaskDefinition string   `json:"taskDefinition"`
	Include        []string `json:"include"`
},
) (any, error) {
	d := s.definition(request.TaskDefinition)
	if d == nil {
		return nil, refuse("ClientException", "Unable to describe task definition.")
	}
	answer := map[string]any{"taskDefinition": d.describe()}
	if slices.Contains(request.Include, "TAGS") {
		answer["tags"] = d.spec.Tags
	}
	return answer, nil
}

func (s *Standin) createService(request struct {
	inCluster
	Name           string          `json:"serviceName"`
	TaskDefinition string          `json:"taskDefinition"`
	Desired        int             `json:"desiredCount"`
	Grace          int             `json:"healthCheckGracePeriodSeconds"`
	Configuration  json.RawMessage `json:"deploymentConfiguration"`
	LoadBalancers  []loadBalancer  `json:"loadBalancers"`
},
) (any, error) {
	d := s.definition(request.TaskDefinition)
	switch {
	case s.services[request.Name] != nil:
		return nil, refuse("InvalidParameterException", "Creation of service was not idempotent.")
	case d == nil:
		return nil, refuse("ClientException", "TaskDefinition not found.")
	case len(request.LoadBalancers) > 1:
		return nil, refuse("InvalidParameterException", "%d load balancers: the stand-in has one", len(request.LoadBalancers))
	case len(request.LoadBalancers) == 1 && (s.config.Balancer == nil || request.LoadBalancers[0].TargetGroup != s.config.Balancer.Group.Arn):
		return nil, refuse("InvalidParameterException", "The target group %s does not exist.", request.LoadBalancers[0].TargetGroup)
	}
	v := &service{
		Arn: s.arn("service", s.config.Cluster+"/"+request.Name), Name: request.Name, Status: "ACTIVE", Cluster: s.arn("cluster", s.config.Cluster),
		Desired: request.Desired, Grace: request.Grace, LaunchType: "EC2", Strategy: "REPLICA", Created: now(),
		LoadBalancers: slices.Concat([]loadBalancer{}, request.LoadBalancers), Events: []event{},
		// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
		Configuration: configuration{Maximum: 200, Minimum: 100},
	}
	if request.Configuration != nil {
		if err := read(request.Configuration, &v.Configuration); err != nil {
			return nil, err
		}
	}
	s.services[v.Name] = v
	s.deploy(v, d.arn, "")
	return map[string]any{"service": s.describe(v)}, nil
}

func (s *Standin) updateService(request struct {
	inCluster
	Service        string          `json:"service"`
	TaskDefinition string          `json:"taskDefinition"`
	Desired        *int            `json:"desiredCount"`
	Grace          *int            `json:"healthCheckGracePeriodSeconds"`
	Force          bool            `json:"forceNewDeployment"`
	Configuration  json.RawMessage `json:"deploymentConfiguration"`
},
) (any, error) {
	v := s.services[base(request.Service)]
	if v == nil {
		return nil, refuse("ServiceNotFoundException", "Service not found.")
	}
	definition := v.Deployments[0].Definition
	if request.TaskDefinition != "" {
		d := s.definition(request.TaskDefinition)
		if d == nil {
			return nil, refuse("ClientException", "TaskDefinition not found.")
		}
		definition = d.arn
	}
	if request.Configuration != nil { // what it leaves out stays
		if err := read(request.Configuration, &v.Configuration); err != nil {
			return nil, err
		}
	}
	if request.Desired != nil {
		v.Desired = *request.Desired
	}
	if request.Grace != nil {
		v.Grace = *request.Grace
	}
	if request.Force || definition != v.Deployments[0].Definition {
		s.deploy(v, definition, "")
	}
	s.changed()
	return map[string]any{"service": s.describe(v)}, nil
}

func (s *Standin) describeServices(request struct {
	inCluster
	Services []string `json:"services"`
},
) (any, error) {
	return s.list("services", "service", request.Services, func(name string) any {
		if v := s.services[name]; v != nil {
			return s.describe(v)
		}
		return nil
	}), nil
}

// describe counts the service's tasks and returns it as the API does.
func (s *Standin) describe(v *service) *service {
	v.TaskDefinition, v.Running, v.Pending = v.Deployments[0].Definition, 0, 0
	for i, d := range v.Deployments {
		d.Status, d.Desired, d.Running, d.Pending, d.LaunchType = "ACTIVE", 0, 0, 0, "EC2"
		if i == 0 {
			d.Status, d.Desired = "PRIMARY", v.Desired
		}
		for _, t := range s.tasksOf(v) {
			if t.Deployment == d.ID && t.Status == "RUNNING" {
				d.Running++
			} else if t.Deployment == d.ID && t.Status == "PENDING" {
				d.Pending++
			}
		}
		v.Running, v.Pending = v.Running+d.Running, v.Pending+d.Pending
	}
	return v
}

func (s *Standin) runTask(request struct {
	inCluster
	TaskDefinition string          `json:"taskDefinition"`
	Count          int             `json:"count"`
	StartedBy      string          `json:"startedBy"`
	ClientToken    string          `json:"clientToken"`
	LaunchType     string          `json:"launchType"`
	Strategy       json.RawMessage `json:"capacityProviderStrategy"`
	Overrides      struct {
		Containers []struct {
			Name    string   `json:"name"`
			Command []string `json:"command"`
		} `json:"containerOverrides"`
	} `json:"overrides"`
},
) (any, error) {
	d := s.definition(request.TaskDefinition)
	switch {
	case d == nil:
		return nil, refuse("ClientException", "TaskDefinition not found.")
	case request.Count > 1:
		return nil, refuse("InvalidParameterException", "count %d: the stand-in runs one task at a time", request.Count)
	}
	t, c := s.newTask(d)
	t.Group, t.Deployment = "family:"+d.spec.Family, request.StartedBy
	for _, o := range request.Overrides.Containers {
		if o.Name != c.Name {
			return nil, refuse("InvalidParameterException", "Override for container named %s is not a container in the TaskDefinition.", o.Name)
		}
		c.Command = o.Command
	}
	// No service: nothing balances, counts or replaces it.
	s.start(&service{Name: "none", Deployments: []*deployment{{}}}, t, c)
	t.Containers[0].Status = t.Status
	return map[string]any{"tasks": []*task{t}, "failures": []any{}}, nil
}

func (s *Standin) listTasks(request struct {
	inCluster
	ServiceName   string `json:"serviceName"`
	DesiredStatus string `json:"desiredStatus"`
	MaxResults    int    `json:"maxResults"`
},
) (any, error) {
	tasks := slices.SortedFunc(maps.Values(s.tasks), func(a, b *task) int { return b.Created.Compare(a.Created.Time) })
	arns := []string{}
	for _, t := range tasks {
		// "Only tasks with a desired status of RUNNING are listed by default."
		if t.leaving() == (request.DesiredStatus == "STOPPED") && (request.ServiceName == "" || t.service == request.ServiceName) {
			arns = append(arns, t.Arn)
		}
	}
	if request.MaxResults > 0 && len(arns) > request.MaxResults {
		arns = arns[:request.MaxResults]
	}
	return map[string]any{"taskArns": arns}, nil
}

func (s *Standin) describeTasks(request struct {
	inCluster
	Tasks []string `json:"tasks"`
},
) (any, error) {
	return s.list("tasks", "task", request.Tasks, func(id string) any {
		if t := s.tasks[id]; t != nil {
			t.Containers[0].Status = t.Status
			return t
		}
		return nil
	}), nil
}
