// Command server is what the stories run in containers. RELEASE is its answer,
// UNREADY makes its /readyz fail, EXIT=1.5s ends it 1.5 s after its start.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if after, err := time.ParseDuration(os.Getenv("EXIT")); err == nil {
		time.AfterFunc(after, func() {
			fmt.Println("exit after", after)
			os.Exit(3)
		})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if os.Getenv("UNREADY") != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/api/release", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getenv("RELEASE")) })
	mux.HandleFunc("/api/user", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getuid()) })
	mux.HandleFunc("/api/root", func(w http.ResponseWriter, _ *http.Request) {
		if err := os.WriteFile("/written", nil, 0o600); err != nil {
			fmt.Fprint(w, err)
			return
		}
		fmt.Fprint(w, "written to")
	})
	// Holds the request until the process is told to end, and a little longer.
	term, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	mux.HandleFunc("/api/slow", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		select {
		case <-term.Done():
			fmt.Fprint(w, "cut")
		case <-r.Context().Done():
		case <-time.After(1500 * time.Millisecond):
			fmt.Fprint(w, "whole")
		}
	})
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-term.Done()
		_ = server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Println(err)
		os.Exit(1)
	}
}
