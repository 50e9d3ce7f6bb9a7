package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	modmodule "golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// proxy is a folder in the layout that GOPROXY=file://... reads: the module
// proxy protocol as files (https://go.dev/ref/mod#goproxy-protocol).
type proxy struct{ dir string }

// add packs a module at a revision exactly as the module proxy does, from what
// git has committed, and lays it out under version.
func (p proxy) add(ctx context.Context, ws *workspace, m module, revision, version string) error {
	mv := modmodule.Version{Path: m.Path, Version: version}
	if err := modmodule.Check(mv.Path, mv.Version); err != nil {
		return err
	}
	escaped, err := modmodule.EscapePath(m.Path)
	if err != nil {
		return err
	}
	dir := filepath.Join(p.dir, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var packed bytes.Buffer
	if err := modzip.CreateFromVCS(&packed, mv, ws.root, revision, m.Dir); err != nil {
		return fmt.Errorf("%s: pack: %w", m.Dir, err)
	}
	gomod, err := ws.git(ctx, "show", revision+":"+m.Dir+"/go.mod")
	if err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{version, time.Unix(0, 0).UTC()})
	if err != nil {
		return err
	}
	for name, body := range map[string][]byte{
		version + ".zip":  packed.Bytes(),
		version + ".mod":  []byte(gomod),
		version + ".info": info,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			return err
		}
	}
	list := filepath.Join(dir, "list")
	known, err := os.ReadFile(list)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	lines := append(strings.Fields(string(known)), version)
	slices.Sort(lines)
	return os.WriteFile(list, []byte(strings.Join(slices.Compact(lines), "\n")+"\n"), 0o644)
}

// zipFile is the path of a module's zip.
func (p proxy) zipFile(m module, version string) string {
	return filepath.Join(p.dir, filepath.FromSlash(m.Path), "@v", version+".zip")
}

// unpack extracts a module's zip into dir, without the "path@version/" that
// the format puts before every name.
func (p proxy) unpack(m module, version, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	r, err := zip.OpenReader(p.zipFile(m, version))
	if err != nil {
		return err
	}
	defer r.Close()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range r.File {
		name, ok := strings.CutPrefix(f.Name, m.Path+"@"+version+"/")
		if !ok {
			return fmt.Errorf("%s: %q lies outside the module", m.Dir, f.Name)
		}
		if err := extract(root, f, filepath.FromSlash(name)); err != nil {
			return err
		}
	}
	return nil
}

func extract(root *os.Root, f *zip.File, name string) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// forget removes what a module cache holds of this repository's modules, whose
// versions are not final while they are being checked.
func (ws *workspace) forget(cache string) error {
	escaped, err := modmodule.EscapePath(ws.prefix)
	if err != nil {
		return err
	}
	for _, dir := range []string{filepath.Join(cache, "cache", "download", filepath.FromSlash(escaped)), filepath.Join(cache, filepath.FromSlash(escaped))} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				return os.Chmod(path, 0o755) //nolint:gosec // the module cache is read-only, which keeps it from being removed
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}
