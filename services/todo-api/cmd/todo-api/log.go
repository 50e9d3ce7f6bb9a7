package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// logDelay collects lines, since a system call for each would cost as much
	// as the request that it tells of. Warnings and errors do not wait.
	logDelay = 200 * time.Millisecond
	// logQueue bounds the lines that wait for a reader that stalls.
	logQueue = 1 << 20
	// logRetry is the pause after a write that failed.
	logRetry = time.Second
	// logFlush bounds the wait for the log at the start and the end.
	logFlush = time.Second
)

// logOutput is the log. A goroutine of its own writes it, so that a reader that
// stalls, a full disk or a closed pipe delays no request: lines that do not fit
// are dropped and counted, and a line tells of them when writing works again.
type logOutput struct {
	*slog.Logger
	w       io.Writer
	render  func(*bytes.Buffer) *slog.Logger
	dropped atomic.Uint64

	mu      sync.Mutex
	pending []byte
	told    uint64 // of dropped

	wake, urgent, closing chan struct{}
	done                  chan struct{}
	flushed               chan chan struct{}
}

// newLog returns the log on w. Call its close at the end.
func newLog(w io.Writer, cfg settings, digest nameDigest) *logOutput {
	var level slog.Level
	// The settings are valid: they name one of the levels.
	_ = level.UnmarshalText([]byte(cfg.LogLevel))
	handler := func(w io.Writer) slog.Handler {
		options := &slog.HandlerOptions{Level: level}
		if cfg.LogFormat == "text" {
			return slog.NewTextHandler(w, options)
		}
		return slog.NewJSONHandler(w, options)
	}
	l := &logOutput{
		w:       w,
		render:  func(b *bytes.Buffer) *slog.Logger { return slog.New(handler(b)) },
		wake:    make(chan struct{}, 1),
		urgent:  make(chan struct{}, 1),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		flushed: make(chan chan struct{}),
	}
	l.Logger = slog.New(&namelessHandler{&urgentHandler{handler(l), l}, digest})
	go l.run()
	return l
}

// Write queues a line, or drops it. It never blocks and never fails.
func (l *logOutput) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending)+len(line) > logQueue {
		l.dropped.Add(1)
		return len(line), nil
	}
	l.pending = append(l.pending, line...)
	poke(l.wake)
	return len(line), nil
}

func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (l *logOutput) run() {
	defer close(l.done)
	delay := time.NewTimer(logDelay)
	defer delay.Stop()
	for {
		var answer chan struct{}
		last := false
		select {
		case <-l.wake:
			delay.Reset(logDelay)
			select {
			case <-delay.C:
			case <-l.urgent:
			case answer = <-l.flushed:
			case <-l.closing:
				last = true
			}
		case <-l.urgent:
		case answer = <-l.flushed:
		case <-l.closing:
			last = true
		}
		ok := l.write()
		if answer != nil {
			close(answer)
		}
		if last {
			return
		}
		if !ok {
			select {
			case <-time.After(logRetry):
			case <-l.closing:
			}
		}
	}
}

// write writes what is queued and reports whether that worked.
func (l *logOutput) write() bool {
	l.mu.Lock()
	text := l.pending
	l.pending = nil
	lost := l.dropped.Load() - l.told
	l.told += lost
	l.mu.Unlock()
	if lost > 0 {
		var line bytes.Buffer
		l.render(&line).LogAttrs(context.Background(), slog.LevelWarn, "log lines were dropped because the log could not be written",
			slog.Uint64("lines", lost))
		text = append(text, line.Bytes()...)
	}
	if len(text) == 0 {
		return true
	}
	n, err := l.w.Write(text)
	if err == nil {
		return true
	}
	unwritten := bytes.Count(text[min(n, len(text)):], []byte("\n"))
	if lost > 0 { // the line about them is the last
		unwritten--
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told -= lost
	l.dropped.Add(uint64(max(unwritten, 0)))
	poke(l.wake)
	return false
}

// flush writes what is queued, and waits a moment for it.
func (l *logOutput) flush() {
	timeout := time.NewTimer(logFlush)
	defer timeout.Stop()
	answer := make(chan struct{})
	select {
	case l.flushed <- answer:
	case <-timeout.C:
		return
	}
	select {
	case <-answer:
	case <-timeout.C:
	}
}

// close writes the rest of the log. A reader that stalls loses it.
func (l *logOutput) close() {
	close(l.closing)
	select {
	case <-l.done:
	case <-time.After(logFlush):
	}
}

// urgentHandler writes at once what should not be lost with the process.
type urgentHandler struct {
	slog.Handler
	out *logOutput
}

func (h *urgentHandler) Handle(ctx context.Context, record slog.Record) error {
	err := h.Handler.Handle(ctx, record)
	if record.Level >= slog.LevelWarn {
		poke(h.out.urgent)
	}
	return err
}

func (h *urgentHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &urgentHandler{h.Handler.WithAttrs(attrs), h.out}
}

func (h *urgentHandler) WithGroup(name string) slog.Handler {
	return &urgentHandler{h.Handler.WithGroup(name), h.out}
}
