package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// size is that of bin/todo-api and of the image that tools/image builds from
// the same sources, both with the page.
func size(ctx context.Context, b *bench) ([]metric, error) {
	info, err := os.Stat(b.api)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(b.work, "image")
	cmd := exec.CommandContext(ctx, filepath.Join(b.root, "tools", "image"), "build", "-page", "-out", out)
	cmd.Dir = b.root
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("image build: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	var image struct {
		PulledBytes float64 `json:"pulled_bytes"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &image); err != nil {
		return nil, fmt.Errorf("image build: %w", err)
	}
	return []metric{
		{"binary, with the page", megas, []float64{float64(info.Size()) / 1e6}, atMost(25)},
		{"image, as it is downloaded", megas, []float64{image.PulledBytes / 1e6}, atMost(25)},
	}, nil
}
