// Modzip implements the commands of tools/modules that need golang.org/x/mod.
//
//	modzip pack REPOSITORY REVISION DIR MODULE VERSION PROXY
//	    packs a module as the module proxy does, into a directory that
//	    GOPROXY=file://PROXY reads, and prints the path of the zip
//	modzip unpack ZIP MODULE VERSION DIR
//	modzip forget GOMODCACHE PREFIX
//	    deletes the modules below PREFIX from a module cache
//	modzip above VERSION < VERSIONS
//	    fails unless VERSION is a full semantic version above all VERSIONS;
//	    prints the highest of these
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/zip"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	switch {
	case len(args) == 7 && args[0] == "pack":
		return pack(stdout, args[1], args[2], args[3], module.Version{Path: args[4], Version: args[5]}, args[6])
	case len(args) == 5 && args[0] == "unpack":
		return zip.Unzip(args[4], module.Version{Path: args[2], Version: args[3]}, args[1])
	case len(args) == 3 && args[0] == "forget":
		return forget(args[1], args[2])
	case len(args) == 2 && args[0] == "above":
		return above(stdin, stdout, args[1])
	}
	return errors.New("usage: modzip pack|unpack|forget|above ARGUMENTS; see the package's documentation")
}

// pack writes the files of a module proxy
// (https://go.dev/ref/mod#goproxy-protocol).
func pack(stdout io.Writer, repository, revision, dir string, m module.Version, proxy string) error {
	if err := module.Check(m.Path, m.Version); err != nil {
		return err
	}
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	if err := zip.CreateFromVCS(&packed, m, repository, revision, dir); err != nil {
		return fmt.Errorf("%s: pack: %w", dir, err)
	}
	show := exec.CommandContext(context.Background(), "git", "show", revision+":"+dir+"/go.mod")
	show.Dir = repository
	gomod, err := show.Output()
	if err != nil {
		return err
	}
	to := filepath.Join(proxy, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for name, body := range map[string][]byte{
		m.Version + ".zip":  packed.Bytes(),
		m.Version + ".mod":  gomod,
		m.Version + ".info": fmt.Appendf(nil, `{"Version":%q,"Time":"1970-01-01T00:00:00Z"}`, m.Version),
		"list":              []byte(m.Version + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(to, name), body, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintln(stdout, filepath.Join(to, m.Version+".zip"))
	return nil
}

func forget(cache, prefix string) error {
	escaped, err := module.EscapePath(prefix)
	if err != nil {
		return err
	}
	return errors.Join(
		os.RemoveAll(filepath.Join(cache, "cache", "download", filepath.FromSlash(escaped))),
		os.RemoveAll(filepath.Join(cache, filepath.FromSlash(escaped))))
}

func above(stdin io.Reader, stdout io.Writer, version string) error {
	if semver.Canonical(version) != version || version == "" {
		return fmt.Errorf("version is %q, expected a full semantic version such as v0.2.0", version)
	}
	body, err := io.ReadAll(stdin)
	if err != nil {
		return err
	}
	known := slices.DeleteFunc(strings.Fields(string(body)), func(v string) bool { return !semver.IsValid(v) })
	if len(known) == 0 {
		return nil
	}
	semver.Sort(known)
	last := known[len(known)-1]
	fmt.Fprintln(stdout, last)
	if semver.Compare(version, last) <= 0 {
		return fmt.Errorf("version is %s, expected a version above %s, the last tag", version, last)
	}
	return nil
}
