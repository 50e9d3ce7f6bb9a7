package ecsstandin

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Label is on every container that a stand-in starts; its value is the
// stand-in's [Config.Name].
const Label = "ecsstandin"

// Engine runs containers with the docker command.
type Engine struct {
	// Network is what containers join; the engine's default when empty.
	Network string
	// ConfigDir holds the config.json with which images are pulled; the
	// user's own when empty. On EC2 that is the instance's execution role.
	ConfigDir string
}

func (e Engine) docker(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", args...)
	if e.ConfigDir != "" {
		cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+e.ConfigDir)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if text := strings.TrimSpace(stderr.String()); text != "" {
			return "", fmt.Errorf("%s", strings.TrimPrefix(text, "Error response from daemon: "))
		}
		return "", fmt.Errorf("docker %s: %w", args[0], err)
	}
	return strings.TrimSpace(stdout.String()), nil
}

// pull makes sure that the engine has the image: from its registry, or, when
// that fails, as it was pulled before.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html (ECS_IMAGE_PULL_BEHAVIOR)
func (e Engine) pull(ctx context.Context, image string) error {
	_, failure := e.docker(ctx, "pull", "--quiet", image)
	if failure == nil {
		return nil
	}
	if _, err := e.docker(ctx, "image", "inspect", "--format", "{{.Id}}", image); err == nil {
		return nil
	}
	return failure
}

// run starts a container with the label that the ECS agent gives it, and returns
// its id and the host's port for its mapped port, 0 if it maps none.
func (e Engine) run(ctx context.Context, owner, name, arn string, c containerSpec, environment map[string]string) (string, int, error) {
	args := []string{"create", "--name", name, "--label", Label + "=" + owner, "--label", "com.amazonaws.ecs.task-arn=" + arn}
	if e.Network != "" {
		args = append(args, "--network", e.Network)
	}
	id, err := e.docker(ctx, append(args, c.runArguments(environment)...)...)
	if err != nil {
		return "", 0, err
	}
	if _, err := e.docker(ctx, "start", id); err != nil {
		return id, 0, err
	}
	port, err := e.port(ctx, id)
	return id, port, err
}

func (e Engine) port(ctx context.Context, id string) (int, error) {
	text, err := e.docker(ctx, "inspect", "--format", `{{range .NetworkSettings.Ports}}{{range .}}{{.HostPort}} {{end}}{{end}}`, id)
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return 0, nil
	}
	return strconv.Atoi(fields[0])
}

// wait returns the exit code once the container has ended.
func (e Engine) wait(ctx context.Context, id string) (int, error) {
	text, err := e.docker(ctx, "wait", id)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// stop ends the container: SIGTERM, and SIGKILL after timeout seconds.
func (e Engine) stop(id string, timeout int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(timeout+30)*time.Second)
	defer cancel()
	_, _ = e.docker(ctx, "stop", "--time", strconv.Itoa(timeout), id) // one that has ended is as good
}

func (e Engine) remove(id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, _ = e.docker(ctx, "rm", "--force", "--volumes", id)
}

// lastWords is the end of what the container printed.
func (e Engine) lastWords(id string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, _ := exec.CommandContext(ctx, "docker", "logs", "--tail", "5", id).CombinedOutput()
	return strings.TrimSpace(string(out))
}
