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
	// logDelay is how long lines are buffered: a system call per line would cost
	// as much as its request. Warnings and errors are written at once.
	logDelay = 200 * time.Millisecond
	// logBatch is the size of buffered lines that are written without that delay.
	logBatch = 64 << 10
	// logQueue is the maximum size of the buffered lines, for a stalled reader.
	logQueue = 1 << 20
	// logRetry is the pause after a failed write.
	logRetry = time.Second
	// logFlush is the maximum wait for the log at the start and the end.
	logFlush = time.Second
)

// logOutput is the log. A separate goroutine writes it, so that a stalled reader, a
// full disk or a closed pipe does not delay requests. Lines that do not fit are
// dropped; once writing works again, the log reports how many.
type logOutput struct {
	*slog.Logger
	lines   slog.Handler // writes records as they are, names included
	w       io.Writer
	render  func(*bytes.Buffer) *slog.Logger
	dropped atomic.Uint64

	mu      sync.Mutex
	pending []byte
	spare   []byte // the memory of lines that were written
	told    uint64 // the part of dropped that was reported

	wake, urgent, closing chan struct{}
	done                  chan struct{}
	flushed               chan chan struct{}
}

// newLog returns a log that writes to w. The caller must call close.
func newLog(w io.Writer, cfg settings, digest nameDigest) *logOutput {
	var level slog.Level
	// The settings are valid, so the level is.
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
	l.lines = handler(l)
	l.Logger = slog.New(&namelessHandler{&urgentHandler{l.lines, l}, digest})
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
	if len(l.pending) >= logBatch {
		poke(l.urgent)
	}
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

// write writes the queue and reports whether it succeeded.
func (l *logOutput) write() bool {
	l.mu.Lock()
	text := l.pending
	l.pending, l.spare = l.spare, nil
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
		if cap(text) <= 2*logBatch {
			l.mu.Lock()
			l.spare = text[:0]
			l.mu.Unlock()
		}
		return true
	}
	unwritten := bytes.Count(text[min(n, len(text)):], []byte("\n"))
	if lost > 0 { // the last line reports them
		unwritten--
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told -= lost
	l.dropped.Add(uint64(max(unwritten, 0)))
	poke(l.wake)
	return false
}

// flush writes the queue and waits up to logFlush.
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

// close writes the rest of the log. It gives up if the reader stalls.
func (l *logOutput) close() {
	close(l.closing)
	select {
	case <-l.done:
	case <-time.After(logFlush):
	}
}

// urgentHandler writes warnings and errors at once, so that a crash loses none.
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
