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

// size is that of bin/todo-api and of the image that tools/cmd/image makes of
// the same sources, the page in both.
func size(ctx context.Context, b *bench) ([]figure, error) {
	info, err := os.Stat(b.api)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(b.work, "image")
	cmd := exec.CommandContext(ctx, "go", "run", "./cmd/image", "build", "-page", "-out", out)
	cmd.Dir = filepath.Join(b.root, "tools")
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
	return []figure{
		{"binary, with the page", megas, []float64{float64(info.Size()) / 1e6}, atMost(25)},
		{"image, as it is downloaded", megas, []float64{image.PulledBytes / 1e6}, atMost(25)},
	}, nil
}
