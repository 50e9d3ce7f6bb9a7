package ecsstandin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
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
// checked. An action that the stand-in does not know is answered with an
// UnknownOperationException.
func (s *Standin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action, found := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	var answer any
	var err error
	if !found || r.Method != http.MethodPost {
		err = refuse("UnknownOperationException", "expected a POST with X-Amz-Target: %sACTION", target)
	} else {
		var body []byte
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20)); err == nil {
			answer, err = s.call(action, body)
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err != nil {
		status, kind := http.StatusInternalServerError, "ServerException"
		if refusal, ok := errors.AsType[apiError](err); ok {
			status, kind = http.StatusBadRequest, refusal.kind
			err = errors.New(refusal.message)
		}
		w.WriteHeader(status)
		answer = map[string]string{"__type": kind, "message": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(answer) // the caller has gone
}

func (s *Standin) call(action string, body []byte) (any, error) {
	actions := map[string]func([]byte) (any, error){
		"RegisterTaskDefinition": s.registerTaskDefinition,
		"DescribeTaskDefinition": s.describeTaskDefinition,
		"CreateService":          s.createService,
		"UpdateService":          s.updateService,
		"DescribeServices":       s.describeServices,
		"DescribeClusters":       s.describeClusters,
		"ListTasks":              s.listTasks,
		"DescribeTasks":          s.describeTasks,
	}
	do, known := actions[action]
	if !known {
		return nil, refuse("UnknownOperationException", "the stand-in does not do %s", action)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return do(body)
}

// read decodes a request; a field that the stand-in would ignore is refused.
func read[T any](body []byte) (T, error) {
	var request T
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return request, refuse("ClientException", "%s; the stand-in does not know that field", strings.TrimPrefix(err.Error(), "json: "))
	}
	return request, nil
}

func (s *Standin) checkCluster(name string) error {
	if name[strings.LastIndex(name, "/")+1:] != s.config.Cluster {
		return refuse("ClusterNotFoundException", "Cluster not found.")
	}
	return nil
}

func (s *Standin) service(cluster, name string) (*service, error) {
	if err := s.checkCluster(cluster); err != nil {
		return nil, err
	}
	v := s.state.Services[name[strings.LastIndex(name, "/")+1:]]
	if v == nil {
		return nil, refuse("ServiceNotFoundException", "Service not found.")
	}
	return v, nil
}

func (s *Standin) registerTaskDefinition(body []byte) (any, error) {
	spec, err := parseTask(body)
	if err != nil {
		return nil, refuse("ClientException", "%v", err)
	}
	d := &taskDefinition{Family: spec.Family, Revision: len(s.state.Definitions[spec.Family]) + 1}
	d.Arn = s.arn("task-definition", fmt.Sprintf("%s:%d", d.Family, d.Revision))
	if err := json.Unmarshal(body, &d.Raw); err != nil {
		return nil, err
	}
	d.Tags = d.Raw["tags"]
	delete(d.Raw, "tags")
	s.state.Definitions[d.Family] = append(s.state.Definitions[d.Family], d)
	s.changed()
	return map[string]any{"taskDefinition": d.describe(), "tags": d.Tags}, nil
}

func (s *Standin) describeTaskDefinition(body []byte) (any, error) {
	request, err := read[struct {
		TaskDefinition string   `json:"taskDefinition"`
		Include        []string `json:"include"`
	}](body)
	if err != nil {
		return nil, err
	}
	d := s.definition(request.TaskDefinition)
	if d == nil {
		return nil, refuse("ClientException", "Unable to describe task definition.")
	}
	answer := map[string]any{"taskDefinition": d.describe()}
	if slices.Contains(request.Include, "TAGS") {
		answer["tags"] = d.Tags
	}
	return answer, nil
}

type deploymentConfiguration struct {
	Maximum *int `json:"maximumPercent"`
	Minimum *int `json:"minimumHealthyPercent"`
	Breaker *struct {
		Enable   bool `json:"enable"`
		Rollback bool `json:"rollback"`
	} `json:"deploymentCircuitBreaker"`
}

func (c *deploymentConfiguration) apply(v *service) {
	if c == nil {
		return
	}
	if c.Maximum != nil {
		v.Maximum = *c.Maximum
	}
	if c.Minimum != nil {
		v.Minimum = *c.Minimum
	}
	if c.Breaker != nil {
		v.Breaker, v.Rollback = c.Breaker.Enable, c.Breaker.Rollback
	}
}

func (s *Standin) createService(body []byte) (any, error) {
	request, err := read[struct {
		Cluster        string                   `json:"cluster"`
		Name           string                   `json:"serviceName"`
		TaskDefinition string                   `json:"taskDefinition"`
		Desired        int                      `json:"desiredCount"`
		Grace          int                      `json:"healthCheckGracePeriodSeconds"`
		Configuration  *deploymentConfiguration `json:"deploymentConfiguration"`
		LoadBalancers  []struct {
			TargetGroup string `json:"targetGroupArn"`
			Container   string `json:"containerName"`
			Port        int    `json:"containerPort"`
		} `json:"loadBalancers"`
	}](body)
	if err != nil {
		return nil, err
	}
	if err := s.checkCluster(request.Cluster); err != nil {
		return nil, err
	}
	d := s.definition(request.TaskDefinition)
	switch {
	case s.state.Services[request.Name] != nil:
		return nil, refuse("InvalidParameterException", "Creation of service was not idempotent.")
	case d == nil:
		return nil, refuse("ClientException", "TaskDefinition not found.")
	case len(request.LoadBalancers) > 1:
		return nil, refuse("InvalidParameterException", "%d load balancers: the stand-in has one", len(request.LoadBalancers))
	}
	// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
	v := &service{
		Name: request.Name, Desired: request.Desired, Grace: request.Grace, Minimum: 100, Maximum: 200, Created: time.Now(),
	}
	request.Configuration.apply(v)
	if len(request.LoadBalancers) == 1 {
		lb := request.LoadBalancers[0]
		if s.config.Balancer == nil || lb.TargetGroup != s.config.TargetGroup.Arn {
			return nil, refuse("InvalidParameterException", "The target group %s does not exist.", lb.TargetGroup)
		}
		v.LoadBalanced, v.Container, v.Port = true, lb.Container, lb.Port
	}
	s.state.Services[v.Name] = v
	s.deploy(v, d.Arn, "")
	return map[string]any{"service": s.describe(v)}, nil
}

func (s *Standin) updateService(body []byte) (any, error) {
	request, err := read[struct {
		Cluster        string                   `json:"cluster"`
		Service        string                   `json:"service"`
		TaskDefinition string                   `json:"taskDefinition"`
		Desired        *int                     `json:"desiredCount"`
		Grace          *int                     `json:"healthCheckGracePeriodSeconds"`
		Force          bool                     `json:"forceNewDeployment"`
		Configuration  *deploymentConfiguration `json:"deploymentConfiguration"`
	}](body)
	if err != nil {
		return nil, err
	}
	v, err := s.service(request.Cluster, request.Service)
	if err != nil {
		return nil, err
	}
	definition := v.Deployments[0].Definition
	if request.TaskDefinition != "" {
		d := s.definition(request.TaskDefinition)
		if d == nil {
			return nil, refuse("ClientException", "TaskDefinition not found.")
		}
		definition = d.Arn
	}
	request.Configuration.apply(v)
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

func (s *Standin) describeServices(body []byte) (any, error) {
	request, err := read[struct {
		Cluster  string   `json:"cluster"`
		Services []string `json:"services"`
		Include  []string `json:"include"`
	}](body)
	if err != nil {
		return nil, err
	}
	if err := s.checkCluster(request.Cluster); err != nil {
		return nil, err
	}
	services, failures := []any{}, []any{}
	for _, name := range request.Services {
		if v, err := s.service(request.Cluster, name); err == nil {
			services = append(services, s.describe(v))
		} else {
			failures = append(failures, map[string]string{"arn": s.arn("service", s.config.Cluster+"/"+name), "reason": "MISSING"})
		}
	}
	return map[string]any{"services": services, "failures": failures}, nil
}

func (s *Standin) describeClusters(body []byte) (any, error) {
	request, err := read[struct {
		Clusters []string `json:"clusters"`
		Include  []string `json:"include"`
	}](body)
	if err != nil {
		return nil, err
	}
	clusters, failures := []any{}, []any{}
	for _, name := range request.Clusters {
		if s.checkCluster(name) != nil {
			failures = append(failures, map[string]string{"arn": s.arn("cluster", name), "reason": "MISSING"})
			continue
		}
		running := 0
		for _, t := range s.state.Tasks {
			if t.Status == "RUNNING" {
				running++
			}
		}
		clusters = append(clusters, map[string]any{
			"clusterArn": s.arn("cluster", s.config.Cluster), "clusterName": s.config.Cluster, "status": "ACTIVE",
			"activeServicesCount": len(s.state.Services), "runningTasksCount": running,
		})
	}
	return map[string]any{"clusters": clusters, "failures": failures}, nil
}

func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (s *Standin) describe(v *service) map[string]any {
	running, pending := 0, 0
	type counts struct{ running, pending int }
	of := map[string]counts{}
	for _, t := range s.tasksOf(v) {
		c := of[t.Deployment]
		switch t.Status {
		case "RUNNING":
			running++
			c.running++
		case "PENDING":
			pending++
			c.pending++
		}
		of[t.Deployment] = c
	}
	deployments := []any{}
	for i, d := range v.Deployments {
		status, desired := "ACTIVE", 0
		if i == 0 {
			status, desired = "PRIMARY", v.Desired
		}
		deployments = append(deployments, map[string]any{
			"id": d.ID, "status": status, "taskDefinition": d.Definition, "desiredCount": desired,
			"runningCount": of[d.ID].running, "pendingCount": of[d.ID].pending, "failedTasks": d.Failed,
			"rolloutState": d.State, "rolloutStateReason": d.Reason, "launchType": "EC2",
			"createdAt": epoch(d.Created), "updatedAt": epoch(d.Updated),
		})
	}
	events := []any{}
	for _, e := range v.Events {
		events = append(events, map[string]any{"id": e.ID, "createdAt": epoch(e.Created), "message": e.Message})
	}
	balancers := []any{}
	if v.LoadBalanced {
		balancers = append(balancers, map[string]any{
			"targetGroupArn": s.config.TargetGroup.Arn, "containerName": v.Container, "containerPort": v.Port,
		})
	}
	return map[string]any{
		"serviceArn": s.arn("service", s.config.Cluster+"/"+v.Name), "serviceName": v.Name, "status": "ACTIVE",
		"clusterArn": s.arn("cluster", s.config.Cluster), "createdAt": epoch(v.Created),
		"taskDefinition": v.Deployments[0].Definition,
		"desiredCount":   v.Desired, "runningCount": running, "pendingCount": pending,
		"launchType": "EC2", "schedulingStrategy": "REPLICA", "deploymentController": map[string]string{"type": "ECS"},
		"deploymentConfiguration": map[string]any{
			"maximumPercent": v.Maximum, "minimumHealthyPercent": v.Minimum,
			"deploymentCircuitBreaker": map[string]bool{"enable": v.Breaker, "rollback": v.Rollback},
		},
		"healthCheckGracePeriodSeconds": v.Grace, "loadBalancers": balancers, "deployments": deployments, "events": events,
		"serviceRegistries": []any{}, "placementConstraints": []any{}, "placementStrategy": []any{},
		"propagateTags": "NONE", "enableECSManagedTags": false, "enableExecuteCommand": false,
	}
}

func (s *Standin) listTasks(body []byte) (any, error) {
	request, err := read[struct {
		Cluster       string `json:"cluster"`
		ServiceName   string `json:"serviceName"`
		DesiredStatus string `json:"desiredStatus"`
		Family        string `json:"family"`
		MaxResults    int    `json:"maxResults"`
	}](body)
	if err != nil {
		return nil, err
	}
	if err := s.checkCluster(request.Cluster); err != nil {
		return nil, err
	}
	var tasks []*task
	for _, t := range s.state.Tasks {
		// "Only tasks with a desired status of RUNNING are listed by default."
		if t.Leaving != (request.DesiredStatus == "STOPPED") {
			continue
		}
		if request.ServiceName != "" && t.Service != request.ServiceName {
			continue
		}
		if request.Family != "" && s.definition(t.Definition).Family != request.Family {
			continue
		}
		tasks = append(tasks, t)
	}
	slices.SortFunc(tasks, func(a, b *task) int { return b.Created.Compare(a.Created) })
	if request.MaxResults > 0 && len(tasks) > request.MaxResults {
		tasks = tasks[:request.MaxResults]
	}
	arns := []string{}
	for _, t := range tasks {
		arns = append(arns, s.arn("task", s.config.Cluster+"/"+t.ID))
	}
	return map[string]any{"taskArns": arns}, nil
}

func (s *Standin) describeTasks(body []byte) (any, error) {
	request, err := read[struct {
		Cluster string   `json:"cluster"`
		Tasks   []string `json:"tasks"`
		Include []string `json:"include"`
	}](body)
	if err != nil {
		return nil, err
	}
	if err := s.checkCluster(request.Cluster); err != nil {
		return nil, err
	}
	tasks, failures := []any{}, []any{}
	for _, name := range request.Tasks {
		t := s.state.Tasks[name[strings.LastIndex(name, "/")+1:]]
		if t == nil {
			failures = append(failures, map[string]string{"arn": name, "reason": "MISSING"})
			continue
		}
		tasks = append(tasks, s.describeTask(t))
	}
	return map[string]any{"tasks": tasks, "failures": failures}, nil
}

func (s *Standin) describeTask(t *task) map[string]any {
	var spec taskSpec
	raw, _ := json.Marshal(s.definition(t.Definition).Raw)
	spec, _ = parseTask(raw) // it was accepted when it came
	container := map[string]any{"name": spec.Containers[0].Name, "image": spec.Containers[0].Image, "lastStatus": t.Status}
	if t.HostPort != 0 && len(spec.Containers[0].PortMappings) == 1 {
		container["networkBindings"] = []any{map[string]any{
			"bindIP": "127.0.0.1", "hostPort": t.HostPort, "containerPort": spec.Containers[0].PortMappings[0].ContainerPort, "protocol": "tcp",
		}}
	}
	if t.Exit != nil {
		container["exitCode"] = *t.Exit
	}
	desired, checked := "RUNNING", "UNKNOWN"
	if t.Leaving {
		desired = "STOPPED"
	}
	out := map[string]any{
		"taskArn": s.arn("task", s.config.Cluster+"/"+t.ID), "clusterArn": s.arn("cluster", s.config.Cluster),
		"taskDefinitionArn": t.Definition, "group": "service:" + t.Service, "startedBy": t.Deployment,
		"lastStatus": t.Status, "desiredStatus": desired, "healthStatus": checked, "launchType": "EC2",
		"containers": []any{container}, "createdAt": epoch(t.Created),
	}
	if !t.Started.IsZero() {
		out["startedAt"] = epoch(t.Started)
	}
	if t.Leaving {
		out["stopCode"], out["stoppedReason"] = t.StopCode, t.Reason
	}
	if t.Status == "STOPPED" {
		out["stoppedAt"] = epoch(t.Stopped)
	}
	return out
}
