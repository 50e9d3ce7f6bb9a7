package ecsstandin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
)

// taskDefinition is a registered revision.
type taskDefinition struct {
	arn      string
	revision int
	spec     taskSpec
	raw      map[string]json.RawMessage // as it was registered, for DescribeTaskDefinition
}

func (d taskDefinition) describe() map[string]any {
	out := map[string]any{
		"taskDefinitionArn": d.arn, "revision": d.revision, "status": "ACTIVE",
		"volumes": []any{}, "placementConstraints": []any{}, "compatibilities": []string{"EXTERNAL", "EC2"},
	}
	for key, value := range d.raw {
		out[key] = value
	}
	return out
}

// The fields that are obeyed, and those of which any value is fine because
// what they govern is left out; see the package's documentation.
type taskSpec struct {
	Family      string          `json:"family"`
	NetworkMode string          `json:"networkMode"`
	Containers  []containerSpec `json:"containerDefinitions"`
	Volumes     []struct {
		Name string `json:"name"`
		Host struct {
			SourcePath string `json:"sourcePath"`
		} `json:"host"`
	} `json:"volumes"`

	TaskRoleArn             json.RawMessage   `json:"taskRoleArn"`
	ExecutionRoleArn        json.RawMessage   `json:"executionRoleArn"`
	RequiresCompatibilities []string          `json:"requiresCompatibilities"`
	CPU                     json.RawMessage   `json:"cpu"`
	Tags                    json.RawMessage   `json:"tags"`
	PlacementConstraints    []json.RawMessage `json:"placementConstraints"`
}

type containerSpec struct {
	Name              string   `json:"name"`
	Image             string   `json:"image"`
	CPU               int      `json:"cpu"`
	Memory            int      `json:"memory"`
	MemoryReservation int      `json:"memoryReservation"`
	Essential         *bool    `json:"essential"`
	Command           []string `json:"command"`
	User              string   `json:"user"`
	ReadOnlyRoot      bool     `json:"readonlyRootFilesystem"`
	StopTimeout       *int     `json:"stopTimeout"`
	Privileged        bool     `json:"privileged"`
	Environment       []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"environment"`
	PortMappings []struct {
		ContainerPort int    `json:"containerPort"`
		HostPort      int    `json:"hostPort"`
		Protocol      string `json:"protocol"`
	} `json:"portMappings"`
	LinuxParameters struct {
		Capabilities struct {
			Add  []string `json:"add"`
			Drop []string `json:"drop"`
		} `json:"capabilities"`
		InitProcessEnabled bool `json:"initProcessEnabled"`
	} `json:"linuxParameters"`
	MountPoints []struct {
		SourceVolume  string `json:"sourceVolume"`
		ContainerPath string `json:"containerPath"`
		ReadOnly      bool   `json:"readOnly"`
	} `json:"mountPoints"`
	Ulimits []struct {
		Name string `json:"name"`
		Soft int    `json:"softLimit"`
		Hard int    `json:"hardLimit"`
	} `json:"ulimits"`

	LogConfiguration json.RawMessage `json:"logConfiguration"`
}

// parseTask returns what a task definition asks for, or an error that names
// what is missing, or is beyond this package.
func parseTask(raw []byte) (taskSpec, error) {
	var spec taskSpec
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&spec); err != nil {
		return spec, fmt.Errorf("task definition: %s; the stand-in does not know that field", strings.TrimPrefix(err.Error(), "json: "))
	}
	if spec.Family == "" {
		return spec, fmt.Errorf("task definition: family must be set")
	}
	if spec.NetworkMode != "" && spec.NetworkMode != "bridge" {
		return spec, fmt.Errorf("task definition %s: networkMode %q: the stand-in knows bridge only", spec.Family, spec.NetworkMode)
	}
	if len(spec.Containers) != 1 {
		return spec, fmt.Errorf("task definition %s: %d containers: the stand-in runs one", spec.Family, len(spec.Containers))
	}
	c := spec.Containers[0]
	place := fmt.Sprintf("task definition %s, container %q", spec.Family, c.Name)
	switch {
	case c.Name == "" || c.Image == "":
		return spec, fmt.Errorf("%s: name and image must be set", place)
	case c.Memory == 0 && c.MemoryReservation == 0:
		return spec, fmt.Errorf("%s: memory or memoryReservation must be set", place)
	case c.Essential != nil && !*c.Essential:
		return spec, fmt.Errorf("%s: a task needs an essential container", place)
	case c.Privileged:
		return spec, fmt.Errorf("%s: the stand-in runs nothing privileged", place)
	case len(c.PortMappings) > 1:
		return spec, fmt.Errorf("%s: %d port mappings: the stand-in publishes one", place, len(c.PortMappings))
	case len(c.PortMappings) == 1 && c.PortMappings[0].HostPort != 0:
		return spec, fmt.Errorf("%s: hostPort %d: two tasks of one service need a free port each, which is 0", place, c.PortMappings[0].HostPort)
	}
	if len(spec.PlacementConstraints) > 0 {
		return spec, fmt.Errorf("%s: the stand-in does not do placementConstraints", place)
	}
	paths := make(map[string]string)
	for _, v := range spec.Volumes {
		paths[v.Name] = v.Host.SourcePath
	}
	for i, m := range c.MountPoints {
		if paths[m.SourceVolume] == "" {
			return spec, fmt.Errorf("%s, mountPoints %d: sourceVolume %q: the stand-in mounts volumes with a sourcePath only", place, i, m.SourceVolume)
		}
		// docker run creates a named volume for a name.
		spec.Containers[0].MountPoints[i].SourceVolume = paths[m.SourceVolume]
	}
	return spec, nil
}

// runArguments are the flags of `docker run` for the container, its image and command.
func (c containerSpec) runArguments(environment map[string]string) []string {
	var args []string
	add := func(words ...string) { args = append(args, words...) }
	for name, value := range environment {
		add("--env", name+"="+value)
	}
	for _, e := range c.Environment {
		add("--env", e.Name+"="+e.Value)
	}
	for _, p := range c.PortMappings {
		add("--publish", "127.0.0.1::"+strconv.Itoa(p.ContainerPort))
	}
	if c.Memory > 0 {
		add("--memory", strconv.Itoa(c.Memory)+"m")
	}
	if c.MemoryReservation > 0 {
		add("--memory-reservation", strconv.Itoa(c.MemoryReservation)+"m")
	}
	// Linux gives no less than 2 shares; the agent does the same.
	add("--cpu-shares", strconv.Itoa(max(c.CPU, 2)))
	if c.ReadOnlyRoot {
		add("--read-only")
	}
	if c.User != "" {
		add("--user", c.User)
	}
	if c.LinuxParameters.InitProcessEnabled {
		add("--init")
	}
	for _, name := range c.LinuxParameters.Capabilities.Add {
		add("--cap-add", name)
	}
	for _, name := range c.LinuxParameters.Capabilities.Drop {
		add("--cap-drop", name)
	}
	for _, m := range c.MountPoints {
		mount := "type=bind,source=" + m.SourceVolume + ",target=" + m.ContainerPath
		if m.ReadOnly {
			mount += ",readonly"
		}
		add("--mount", mount)
	}
	for _, u := range c.Ulimits {
		soft, hard := u.Soft, u.Hard
		if u.Name == "nofile" {
			// An engine without the right to raise its own limit cannot give more.
			limit := openFiles()
			soft, hard = min(soft, limit), min(hard, limit)
		}
		add("--ulimit", fmt.Sprintf("%s=%d:%d", u.Name, soft, hard))
	}
	return append(append(args, c.Image), c.Command...)
}

// openFiles is the most files that a process of this machine may open.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxInt
	}
	return int(min(limit.Max, math.MaxInt32))
}

// stopTimeout is the time between SIGTERM and SIGKILL, in seconds.
func (c containerSpec) stopTimeout() int {
	if c.StopTimeout == nil {
		return 30
	}
	return *c.StopTimeout
}
