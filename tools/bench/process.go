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
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
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
	env  []string // in addition to PATH and HOME
	args []string
	addr string
	// ready is a path that is answered with any of 200, 204 and 404 once the
	// server serves.
	ready string
	// quiet drops its standard output instead of keeping it in the log.
	quiet bool
}

// freeAddr returns an unused loopback address.
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
	// What is left of the group, if anything.
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

// each calls visit for the server and every process that it started, which
// are the processes of its group.
func (p *process) each(visit func(proc procfs.Proc) error) error {
	all, err := procfs.AllProcs()
	if err != nil {
		return err
	}
	found := false
	for _, proc := range all {
		s, err := proc.Stat()
		if err != nil || s.PGRP != p.cmd.Process.Pid || s.State == "Z" {
			continue // another's, or it has ended
		}
		found = true
		if err := visit(proc); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s has ended: %s", p.name, tail(p.log))
	}
	return nil
}

// cpu is the CPU time, user and system, that the server and what it started
// have used so far.
func (p *process) cpu() (time.Duration, error) {
	var sum float64
	err := p.each(func(proc procfs.Proc) error {
		s, err := proc.Stat()
		sum += s.CPUTime()
		return err
	})
	return time.Duration(sum * float64(time.Second)), err
}

// memory is the memory of the server and what it started, in bytes; memory
// that they share counts once (proportional set size).
func (p *process) memory() (float64, error) {
	var sum float64
	err := p.each(func(proc procfs.Proc) error {
		m, err := proc.ProcSMapsRollup()
		sum += float64(m.Pss)
		return err
	})
	return sum, err
}

// status is what the kernel says of the server itself: RssAnon is the memory
// that it has filled, without the pages of the program's file, which the kernel
// can drop and read again; VmHWM is the most that it ever held. Both in bytes.
func (p *process) status() (procfs.ProcStatus, error) {
	proc, err := procfs.NewProc(p.cmd.Process.Pid)
	if err != nil {
		return procfs.ProcStatus{}, err
	}
	return proc.NewStatus()
}
