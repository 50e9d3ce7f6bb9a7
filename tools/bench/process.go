package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a server that was started here.
type process struct {
	name string
	addr string // HOST:PORT
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  string        // the file with what it said
	once sync.Once     // of its end
}

// command is how to start a server.
type command struct {
	name string
	dir  string   // working directory
	env  []string // besides PATH and HOME
	args []string
	addr string
	// ready is a path that is answered with any of 200, 204 and 404 once the
	// server serves.
	ready string
	// quiet drops its standard output instead of keeping it in the log.
	quiet bool
}

// freeAddr is an address of loopback at which nobody listens.
func freeAddr(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// spawn starts a server and does not wait for it to serve.
func (b *bench) spawn(ctx context.Context, c command) (*process, error) {
	log, err := os.OpenFile(filepath.Join(b.work, c.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.work}, c.env...)
	cmd.Stderr = log
	if !c.quiet {
		cmd.Stdout = log
	}
	// A group of its own, so that what it started can be ended with it, and
	// an end with this program, however that ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	p := &process{name: c.name, addr: c.addr, cmd: cmd, done: make(chan struct{}), log: log.Name()}
	go func() {
		// Its end is expected, whatever the status.
		_ = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// start starts a server and waits until it serves.
func (b *bench) start(ctx context.Context, c command) (*process, error) {
	p, err := b.spawn(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := p.await(ctx, c.ready, 30*time.Second, 20*time.Millisecond, http.StatusOK, http.StatusNoContent, http.StatusNotFound); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// await asks for path until the answer has one of the statuses.
func (p *process) await(ctx context.Context, path string, limit, pause time.Duration, statuses ...int) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	last := errors.New("no answer")
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.addr+path, http.NoBody)
		if err != nil {
			return err
		}
		resp, err := transport.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
			if slices.Contains(statuses, resp.StatusCode) {
				return nil
			}
			err = fmt.Errorf("GET %s answers %s", path, resp.Status)
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %v: %w; see %s", p.name, limit, last, p.log)
		case <-p.done:
			return fmt.Errorf("%s has ended: %s", p.name, tail(p.log))
		case <-time.After(pause):
		}
	}
}

// stop ends the server and what it started, and returns when it has ended.
func (p *process) stop() {
	p.once.Do(p.end)
}

func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	// The group is ours, so nobody else is met; it is gone when all went well.
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

func tail(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(text[max(0, len(text)-500):]))
}

// clockTick is the unit of times in /proc, which is 1/100 s on every Linux
// that Go runs on (USER_HZ).
const clockTick = 10 * time.Millisecond

// stat is what /proc/PID/stat tells of a process.
type stat struct {
	parent int
	cpu    time.Duration // user and system
}

// parseStat reads /proc/PID/stat as proc(5) describes it. The name of the
// program stands in parentheses and may hold anything.
func parseStat(text string) (stat, error) {
	end := strings.LastIndexByte(text, ')')
	fields := strings.Fields(text[end+1:])
	if end < 0 || len(fields) < 13 {
		return stat{}, fmt.Errorf("stat %q: expected the fields of proc(5)", text)
	}
	// The first of these fields is the third of the line.
	parent, err := strconv.Atoi(fields[4-3])
	if err != nil {
		return stat{}, fmt.Errorf("stat: parent: %w", err)
	}
	var ticks int64
	for _, field := range fields[14-3 : 16-3] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("stat: time: %w", err)
		}
		ticks += n
	}
	return stat{parent: parent, cpu: time.Duration(ticks) * clockTick}, nil
}

// tree returns the process and all that descend from it.
func (p *process) tree() (map[int]stat, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	all := make(map[int]stat)
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		s, err := parseStat(string(text))
		if err != nil {
			return nil, err
		}
		all[pid] = s
	}
	root := p.cmd.Process.Pid
	tree := make(map[int]stat)
	for pid, s := range all {
		for at, ok := pid, true; ok; at, ok = all[at].parent, all[at].parent > 0 {
			if at == root {
				tree[pid] = s
				break
			}
		}
	}
	if len(tree) == 0 {
		return nil, fmt.Errorf("%s has ended: %s", p.name, tail(p.log))
	}
	return tree, nil
}

// cpu is the CPU time that the server and what it started have taken so far.
func (p *process) cpu() (time.Duration, error) {
	tree, err := p.tree()
	var sum time.Duration
	for _, s := range tree {
		sum += s.cpu
	}
	return sum, err
}

// memory is what the server and what it started hold of the machine's memory,
// in bytes; what processes share counts once (proportional set size).
func (p *process) memory() (float64, error) {
	tree, err := p.tree()
	if err != nil {
		return 0, err
	}
	var sum float64
	for pid := range tree {
		n, err := procKilobytes(pid, "smaps_rollup", "Pss:")
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// own is the memory that the server itself has filled, in bytes. The rest of
// it is the program's file, which the kernel can drop and read again.
func (p *process) own() (float64, error) {
	return procKilobytes(p.cmd.Process.Pid, "status", "RssAnon:")
}

// peak is the most memory that the server itself ever held, in bytes.
func (p *process) peak() (float64, error) {
	return procKilobytes(p.cmd.Process.Pid, "status", "VmHWM:")
}

// procKilobytes reads a line such as "Pss:  123 kB", in bytes.
func procKilobytes(pid int, file, key string) (float64, error) {
	name := "/proc/" + strconv.Itoa(pid) + "/" + file
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, key)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
		return n * 1024, err
	}
	return 0, fmt.Errorf("%s has no %s", name, key)
}
