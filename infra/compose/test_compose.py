"""Starts the workshop from a clone, its s3 profile too, and changes files in it."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(words, **options):
    done = subprocess.run(words, capture_output=True, text=True, timeout=1500, **options)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def compose_command():
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    return ["docker", "compose"] if plugin else ["docker-compose"]


def ask(method, url, body=None):
    request = urllib.request.Request(url, method=method, data=body and json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or b"null")


def until(what, met, seconds=600):
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = met()
            if value:
                return value
            reason = value
        except (OSError, urllib.error.URLError, AssertionError) as e:
            reason = e
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}: {reason}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """The project's directory, how to call compose in it, and the ports."""
    folder = tmp_path_factory.mktemp("workshop") / "clone"
    run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)])
    # What is tested is the file as it is, committed or not.
    shutil.copy(ROOT / "docker-compose.yml", folder)
    shutil.copytree(ROOT / "infra/compose", folder / "infra/compose", dirs_exist_ok=True)
    ports = {name: free_port() for name in ("TODO_API_PORT", "TODO_API_S3_PORT", "TODO_S3_PORT", "TODO_WEB_PORT")}
    modules = run(["go", "env", "GOMODCACHE"])
    packages = folder.parent / "node_modules"
    shutil.copytree(ROOT / "apps/web/node_modules", packages, symlinks=True)
    shutil.copy(folder / "apps/web/package-lock.json", packages / ".fetched")
    environment = {
        **os.environ, **{k: str(v) for k, v in ports.items()},
        # What this machine has fetched of Go's and Node's registries, so that nothing is asked of them from inside.
        "TODO_GO_MODULES": modules, "TODO_WEB_MODULES": str(packages), "TODO_UID": str(os.getuid()), "TODO_GID": str(os.getgid()),
        "COMPOSE_PROJECT_NAME": f"workshop{ports['TODO_API_PORT']}", "GOPROXY": "off",
    }

    def compose(*more):
        return run([*compose_command(), "--profile", "s3", *more], cwd=folder, env=environment)

    for module in ("services/todo-api", "tools/air"):
        run(["go", "mod", "download"], cwd=folder / module, env={**os.environ, "GOWORK": "off"})
    try:
        yield folder, compose, ports
    finally:
        compose("down", "--volumes", "--timeout", "5")


def test_defaults_on_an_empty_engine(tmp_path):
    """With none of the variables that the workshop above sets, and no volume yet, the developer can write wherever a container does."""
    clone = tmp_path / "clone"
    run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)])
    shutil.copy(ROOT / "docker-compose.yml", clone)
    developer = os.getuid() or 1000
    if os.getuid() == 0:
        run(["chown", "-R", f"{developer}:{developer}", str(clone)])
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TODO_")}
    environment["COMPOSE_PROJECT_NAME"] = f"defaults{free_port()}"
    if developer != 1000:
        environment.update(TODO_UID=str(developer), TODO_GID=str(os.getgid()))

    def compose(*more):
        return run([*compose_command(), *more], cwd=clone, env=environment)

    try:
        compose("run", "--rm", "volumes")
        compose("run", "--rm", "--no-deps", "api", "touch", "/var/cache/modules/written", "/var/cache/go/written", "/src/written")
        compose("run", "--rm", "--no-deps", "web", "touch", "/src/apps/web/node_modules/written")
        foreign = [str(f) for f in clone.rglob("*") if f.lstat().st_uid != developer]
        assert not foreign, f"these do not belong to the developer ({developer}): {foreign}"
        assert (clone / "apps/web/node_modules").is_dir()
    finally:
        compose("down", "--volumes", "--timeout", "5")


def read(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def test_page_and_apis(workshop):
    folder, compose, ports = workshop
    try:
        compose("up", "--detach", "api", "api-s3", "web")
    except AssertionError as e:
        raise AssertionError(compose("logs", "--tail", "20")) from e
    disk, s3 = f"http://127.0.0.1:{ports['TODO_API_PORT']}", f"http://127.0.0.1:{ports['TODO_API_S3_PORT']}"
    until("the API on disk is ready", lambda: ask("GET", disk + "/readyz")["status"] == "ok")
    until("the API on S3 is ready", lambda: ask("GET", s3 + "/readyz")["status"] == "ok")
    for address in (disk, s3):
        todo = ask("POST", address + "/api/lists/home/todos", {"title": "at " + address})
        assert ask("GET", address + "/api/lists/home/todos")[0]["id"] == todo["id"]

    page = f"http://127.0.0.1:{ports['TODO_WEB_PORT']}"
    until("the page is served", lambda: "<title>" in read(page + "/"))
    there, here = ([todo["id"] for todo in ask("GET", address + "/api/lists/home/todos")] for address in (page, disk))
    assert there == here, "the page's API is the one on disk"

    with urllib.request.urlopen(f"http://127.0.0.1:{ports['TODO_S3_PORT']}/todo-lists", timeout=10) as answer:
        assert b"<Key>" in answer.read(), "the list is an object of the bucket"
    files = [f for f in (folder / "data").rglob("*") if f.is_file()]
    assert files, "the list is a file of the directory"
    assert {f.stat().st_uid for f in files} == {os.getuid()}, "and belongs to the developer"


def test_rebuild_on_save(workshop):
    folder, _compose, ports = workshop
    address = f"http://127.0.0.1:{ports['TODO_API_PORT']}"
    before = ask("GET", address + "/readyz")["release"]
    main = folder / "services/todo-api/cmd/todo-api/settings.go"
    text = main.read_text()
    marker = "Listen:          "
    assert marker in text
    main.write_text(text.replace(marker, 'Release: "saved",\n\t\t' + marker, 1))
    until("the saved program answers", lambda: ask("GET", address + "/readyz")["release"] == "saved")
    assert before != "saved"


def test_page_replaced_on_save(workshop):
    folder, _compose, ports = workshop
    page = f"http://127.0.0.1:{ports['TODO_WEB_PORT']}"
    assert "/@vite/client" in read(page + "/"), "a page that is told of changes"
    entry = folder / "apps/web/src/main.ts"
    entry.write_text(entry.read_text() + "\nconsole.log('saved')\n")
    until("the saved script is served", lambda: "console.log('saved')" in read(page + "/src/main.ts").replace('"', "'"))
