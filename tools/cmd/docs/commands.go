package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/yuin/goldmark/ast"
)

// startTime bounds how long a background command may take to answer, stopTime
// how long it may take to end.
const (
	startTime = 5 * time.Minute
	stopTime  = 30 * time.Second
)

// block is one fenced block of commands.
type block struct {
	document  string
	line      int
	script    string
	url       string // background=
	coveredBy string
	needs     string
}

var attribute = regexp.MustCompile(`^([a-z-]+)=(?:"([^"]*)"|(\S+))\s*`)

// blocks returns the blocks marked sh, and an error for each that says what
// this command does not know.
func (d document) blocks() ([]block, error) {
	var found []block
	var problems []error
	d.walk(func(n ast.Node) {
		fenced, ok := n.(*ast.FencedCodeBlock)
		if !ok {
			return
		}
		if fenced.Info == nil {
			problems = append(problems, fmt.Errorf("%s:%d: a block without a language, expected sh for commands, else what it is, such as text", d.Name, d.lineOf(n)))
			return
		}
		language, rest, _ := strings.Cut(string(fenced.Info.Segment.Value(d.source)), " ")
		switch language {
		case "bash", "shell", "console", "zsh":
			problems = append(problems, fmt.Errorf("%s:%d: a block of commands is marked %s, expected sh", d.Name, d.lineOf(n), language))
			return
		case "sh":
		default:
			return
		}
		b := block{document: d.Name, line: d.lineOf(n)}
		for i := range fenced.Lines().Len() {
			line := fenced.Lines().At(i)
			b.script += string(line.Value(d.source))
		}
		for rest = strings.TrimSpace(rest); rest != ""; {
			m := attribute.FindStringSubmatch(rest)
			if m == nil {
				problems = append(problems, fmt.Errorf("%s:%d: %q, expected name=value", d.Name, b.line, rest))
				return
			}
			value := m[2] + m[3]
			switch m[1] {
			case "background":
				b.url = value
			case "covered-by":
				b.coveredBy = value
			case "needs":
				b.needs = value
			default:
				problems = append(problems, fmt.Errorf("%s:%d: unknown %s, expected background, covered-by or needs", d.Name, b.line, m[1]))
			}
			rest = rest[len(m[0]):]
		}
		found = append(found, b)
	})
	return found, errors.Join(problems...)
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.document, b.line) }

// runCommands executes the blocks of every document, each document's in their
// order.
func runCommands(ctx context.Context, out io.Writer, root, only string) error {
	names, err := tracked(ctx, root, "*.md")
	if err != nil {
		return err
	}
	clone, err := cloneOf(ctx, root)
	if err != nil {
		return err
	}
	defer os.RemoveAll(filepath.Dir(clone))
	var problems []error
	var person []block
	ran, covered := 0, 0
	for _, name := range names {
		if only != "" && name != only {
			continue
		}
		d, err := openDocument(root, name)
		if err != nil {
			return err
		}
		blocks, err := d.blocks()
		problems = append(problems, err)
		stop := func() {}
		for _, b := range blocks {
			var err error
			switch {
			case b.needs != "":
				person = append(person, b)
				continue
			case b.coveredBy != "":
				err = covers(root, b)
				covered++
			case b.url != "":
				var one func()
				one, err = background(ctx, clone, b)
				before := stop
				stop = func() { one(); before() }
				ran++
			default:
				err = foreground(ctx, clone, b)
				ran++
			}
			state := "ok"
			if err != nil {
				state = "FAILED"
				problems = append(problems, fmt.Errorf("%s: %w", b, err))
			}
			first, _, _ := strings.Cut(strings.TrimSpace(b.script), "\n")
			fmt.Fprintf(out, "%-6s %s: %s\n", state, b, first)
		}
		stop()
	}
	for _, b := range person {
		fmt.Fprintf(out, "person %s: needs %s\n", b, b.needs)
	}
	err = errors.Join(problems...)
	failed := 0
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint,nolintlint // the join of this function alone is counted
		failed = len(joined.Unwrap())
	}
	fmt.Fprintf(out, "%d blocks ran, %d are covered elsewhere, %d are for a person: %d problems\n", ran, covered, len(person), failed)
	return err
}

// cloneOf clones the last commit, with this repository's tool cache, so that
// nothing is downloaded twice.
func cloneOf(ctx context.Context, root string) (string, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "docs-")
	if err != nil {
		return "", err
	}
	clone := filepath.Join(dir, "clone")
	if out, err := exec.CommandContext(ctx, "git", "clone", "--quiet", "--no-hardlinks", abs, clone).CombinedOutput(); err != nil {
		return "", fmt.Errorf("git clone: %w\n%s", err, out)
	}
	cache := filepath.Join(abs, ".cache")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	return clone, os.Symlink(cache, filepath.Join(clone, ".cache"))
}

func (b block) command(ctx context.Context, clone string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", b.script)
	cmd.Dir = filepath.Join(clone, filepath.FromSlash(path.Dir(b.document)))
	// A group of its own, so that what it starts ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopTime
	return cmd
}

func foreground(ctx context.Context, clone string, b block) error {
	out, err := b.command(ctx, clone).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, tail(out))
	}
	return nil
}

// background starts the block and returns, when its URL answers, what ends it.
func background(ctx context.Context, clone string, b block) (stop func(), err error) {
	running, cancel := context.WithCancel(ctx)
	cmd := b.command(running, clone)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		cancel()
		return func() {}, err
	}
	var exit error
	ended := make(chan struct{})
	go func() {
		exit = cmd.Wait()
		close(ended)
	}()
	stop = func() {
		cancel()
		<-ended
	}
	deadline := time.NewTimer(startTime)
	defer deadline.Stop()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-ended:
			cancel()
			return func() {}, fmt.Errorf("ended before %s answered: %w\n%s", b.url, exit, tail(out.Bytes()))
		case <-deadline.C:
			return stop, fmt.Errorf("%s did not answer 200 within %s", b.url, startTime)
		case <-again.C:
			if answers(running, b.url) {
				return stop, nil
			}
		}
	}
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // nothing was read from it
	return resp.StatusCode == http.StatusOK
}

// covers checks that the file that is said to run the block's commands has
// each of them.
func covers(root string, b block) error {
	body, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(b.coveredBy)))
	if err != nil {
		return err
	}
	var problems []error
	for line := range strings.SplitSeq(strings.TrimSpace(b.script), "\n") {
		line, _, _ = strings.Cut(line, " #")
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(string(body), line) {
			problems = append(problems, fmt.Errorf("%s does not run %q", b.coveredBy, line))
		}
	}
	return errors.Join(problems...)
}

func tail(out []byte) []byte {
	const most = 4000
	return bytes.TrimSpace(out[max(0, len(out)-most):])
}
