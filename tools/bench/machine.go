package main

import (
	"context"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// machine is what a run was measured on and with.
type machine struct {
	cpu      string
	cores    int
	kernel   string
	system   string
	disk     string // the file system
	objects  string // the file system under the S3 server
	load     string // load average of the last minute, at the start
	commit   string
	versions []string
}

// describeMachine asks the machine; what it does not tell is left empty.
func describeMachine(ctx context.Context, b *bench) machine {
	m := machine{
		cores:  runtime.NumCPU(),
		cpu:    field("/proc/cpuinfo", `(?m)^model name\s*:\s*(.*)$`),
		kernel: field("/proc/sys/kernel/osrelease", `^(\S+)`),
		system: field("/etc/os-release", `(?m)^PRETTY_NAME="?(.*?)"?$`),
		load:   field("/proc/loadavg", `^(\S+)`),
	}
	output := func(name string, args ...string) string {
		out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	}
	m.disk, m.objects = output("findmnt", "-no", "FSTYPE", "-T", b.work), output("findmnt", "-no", "FSTYPE", "-T", b.store)
	m.commit = output("git", "-C", b.root, "describe", "--always", "--dirty", "--exclude=*")
	m.add("commit", m.commit)
	if info, err := buildinfo.ReadFile(b.api); err == nil {
		m.add("Go", strings.TrimPrefix(info.GoVersion, "go"))
	}
	nginx := output(b.nginx, "-v") // nginx version: nginx/1.22.1
	m.add("nginx", nginx[strings.LastIndexByte(nginx, '/')+1:])
	m.add("PocketBase", moduleVersion(filepath.Join(b.cache, "pocketbase"), "github.com/pocketbase/pocketbase"))
	m.add("versitygw", moduleVersion(b.versitygw, "github.com/versity/versitygw"))
	m.add("Python", strings.TrimPrefix(output(filepath.Join(b.cache, "venv", "bin", "python"), "-V"), "Python "))
	for _, name := range []string{"falcon", "gunicorn", "boto3"} {
		m.add(name, field(filepath.Join(b.root, "tools", "bench", "predecessor", "requirements.txt"), `(?m)^`+name+`==(\S+)`))
	}
	return m
}

func (m *machine) add(name, version string) {
	if version != "" {
		m.versions = append(m.versions, name+" "+version)
	}
}

// field is the first group of what the expression finds in a file.
func field(file, expression string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	found := regexp.MustCompile(expression).FindSubmatch(text)
	if found == nil {
		return ""
	}
	return strings.TrimSpace(string(found[1]))
}

// moduleVersion is the version at which a Go binary holds a module.
func moduleVersion(binary, module string) string {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return ""
	}
	if info.Main.Path == module {
		return info.Main.Version
	}
	for _, dep := range info.Deps {
		if dep.Path == module {
			return dep.Version
		}
	}
	return ""
}
