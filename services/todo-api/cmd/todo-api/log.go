package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// newLogger returns the log and what flushes it. Lines are collected for a
// moment, since a system call for each would cost as much as the request that
// it tells of; warnings and errors are written at once.
func newLogger(w io.Writer, cfg settings) (log *slog.Logger, flush func()) {
	var level slog.Level
	// The settings are valid: they name one of the levels.
	_ = level.UnmarshalText([]byte(cfg.LogLevel))
	out := &lineBuffer{w: bufio.NewWriterSize(w, 64<<10)}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewJSONHandler(out, options)
	if cfg.LogFormat == "text" {
		handler = slog.NewTextHandler(out, options)
	}
	return slog.New(&urgentHandler{handler, out}), out.flush
}

const logDelay = 200 * time.Millisecond

// lineBuffer is a buffer that is flushed soon after it is written to.
type lineBuffer struct {
	mu    sync.Mutex
	w     *bufio.Writer
	timer *time.Timer
}

func (b *lineBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.w.Buffered() == 0 {
		if b.timer == nil {
			b.timer = time.AfterFunc(logDelay, b.flush)
		} else {
			b.timer.Reset(logDelay)
		}
	}
	return b.w.Write(line)
}

func (b *lineBuffer) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	// Where the log cannot be written there is nowhere to say so.
	_ = b.w.Flush()
}

// urgentHandler flushes what must not be lost with the process.
type urgentHandler struct {
	slog.Handler
	out *lineBuffer
}

func (h *urgentHandler) Handle(ctx context.Context, record slog.Record) error {
	err := h.Handler.Handle(ctx, record)
	if record.Level >= slog.LevelWarn {
		h.out.flush()
	}
	return err
}

func (h *urgentHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &urgentHandler{h.Handler.WithAttrs(attrs), h.out}
}

func (h *urgentHandler) WithGroup(name string) slog.Handler {
	return &urgentHandler{h.Handler.WithGroup(name), h.out}
}
