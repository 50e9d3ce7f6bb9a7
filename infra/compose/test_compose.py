"""Starts the workshop from a clone, its s3 and signin profiles too, and changes files in it."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import pytest

PORTS = ("TODO_API_PORT", "TODO_API_S3_PORT", "TODO_API_SIGNIN_PORT", "TODO_ISSUER_PORT", "TODO_S3_PORT", "TODO_WEB_PORT", "TODO_WEB_SIGNIN_PORT")
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "infra"))
from freeport import free_port


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
    directory = tmp_path_factory.mktemp("workshop") / "clone"
    run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(directory)])
    # What is tested is the file as it is, committed or not.
    shutil.copy(ROOT / "docker-compose.yml", directory)
    shutil.copytree(ROOT / "infra/compose", directory / "infra/compose", dirs_exist_ok=True)
    ports = {name: free_port() for name in PORTS}
    modules, built = run(["go", "env", "GOMODCACHE", "GOCACHE"]).splitlines()
    packages = directory.parent / "node_modules"
    shutil.copytree(ROOT / "apps/web/node_modules", packages, symlinks=True)
    shutil.copy(directory / "apps/web/package-lock.json", packages / ".fetched")
    environment = {
        **os.environ, **{k: str(v) for k, v in ports.items()},
        # What this machine has fetched of Go's and Node's registries, so that nothing is asked of them from inside, and what it has compiled.
        "TODO_GO_MODULES": modules, "TODO_GO_BUILD": built, "TODO_WEB_MODULES": str(packages), "TODO_UID": str(os.getuid()), "TODO_GID": str(os.getgid()),
        "COMPOSE_PROJECT_NAME": f"workshop{ports['TODO_API_PORT']}", "GOPROXY": "off",
    }

    def compose(*more):
        return run([*compose_command(), "--profile", "s3", "--profile", "signin", *more], cwd=directory, env=environment)

    for module in ("services/todo-api", "tools/air"):
        run(["go", "mod", "download"], cwd=directory / module, env={**os.environ, "GOWORK": "off"})
    try:
        yield directory, compose, ports
    finally:
        compose("down", "--volumes", "--timeout", "5")


@pytest.fixture
def developer():
    """Who calls compose: not root, with a home without caches, and the engine by its group. Its clone, its id, and the options of a process of it."""
    uid = os.getuid() or 1000
    with tempfile.TemporaryDirectory() as name:  # pytest's directories of root are closed to others
        clone, home = pathlib.Path(name, "clone"), pathlib.Path(name, "home")
        home.mkdir()
        run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)])
        shutil.copy(ROOT / "docker-compose.yml", clone)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TODO_", "GO", "npm_", "XDG_"))}
        environment.update(HOME=str(home), COMPOSE_PROJECT_NAME=f"defaults{free_port()}")
        options = {"cwd": clone, "env": environment}
        if os.getuid() == 0:
            run(["chown", "-R", f"{uid}:{uid}", name])
            options.update(user=uid, group=uid, extra_groups=[pathlib.Path("/var/run/docker.sock").stat().st_gid])
        elif uid != 1000:
            environment.update(TODO_UID=str(uid), TODO_GID=str(os.getgid()))
        yield clone, uid, options


def test_defaults_on_an_empty_engine(developer):
    """With none of the variables that the workshop above sets, and no volume yet, the developer can write wherever a container does, twice."""
    clone, uid, options = developer

    def compose(*more):
        return run([*compose_command(), *more], **options)

    project = ["--filter", f"label=com.docker.compose.project={options['env']['COMPOSE_PROJECT_NAME']}"]
    try:
        for _time in range(2):
            compose("run", "--rm", "volumes")
            compose("run", "--rm", "--no-deps", "api", "touch", "/var/cache/modules/written", "/var/cache/go/written", "/src/written")
            compose("run", "--rm", "--no-deps", "web", "touch", "/src/apps/web/node_modules/written")
        foreign = [str(f) for f in clone.rglob("*") if f.lstat().st_uid != uid]
        assert not foreign, f"these do not belong to the developer ({uid}): {foreign}"
        assert (clone / "apps/web/node_modules").is_dir()
        assert run(["docker", "volume", "ls", "--quiet", *project])
    finally:
        compose("down", "--volumes", "--timeout", "5")
    assert run(["docker", "volume", "ls", "--quiet", *project]) == run(["docker", "ps", "--all", "--quiet", *project]) == ""


def read(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def start(compose, *services):
    try:
        compose("up", "--detach", *services)
    except AssertionError as e:
        raise AssertionError(compose("logs", "--tail", "20")) from e


def test_page_and_apis(workshop):
    directory, compose, ports = workshop
    start(compose, "api", "api-s3", "web")
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
    files = [f for f in (directory / "data").rglob("*") if f.is_file()]
    assert files, "the list is a file of the directory"
    assert {f.stat().st_uid for f in files} == {os.getuid()}, "and belongs to the developer"


def test_people_sign_in(workshop):
    directory, compose, ports = workshop
    start(compose, "web-signin")
    page = f"http://localhost:{ports['TODO_WEB_SIGNIN_PORT']}"
    until("the page is served", lambda: "<title>" in read(page + "/"))
    for address in (page, f"http://127.0.0.1:{ports['TODO_API_SIGNIN_PORT']}"):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask("GET", address + "/api/lists/shared/todos")
    # Two people in a browser, each in a context of its own.
    run(["node", ROOT / "tools/rehearsal/drive.mjs", page, ROOT / "apps/web", "shared", os.environ.get("HEADLESS_SHELL", "")])
    assert (directory / "data/signin").is_dir(), "the lists are in a directory of their own"


def test_rebuild_on_save(workshop):
    directory, _compose, ports = workshop
    address = f"http://127.0.0.1:{ports['TODO_API_PORT']}"
    before = ask("GET", address + "/readyz")["release"]
    main = directory / "services/todo-api/cmd/todo-api/settings.go"
    text = main.read_text()
    marker = "Listen:          "
    assert marker in text
    main.write_text(text.replace(marker, 'Release: "saved",\n\t\t' + marker, 1))
    until("the saved program answers", lambda: ask("GET", address + "/readyz")["release"] == "saved")
    assert before != "saved"


def test_page_replaced_on_save(workshop):
    directory, _compose, ports = workshop
    page = f"http://127.0.0.1:{ports['TODO_WEB_PORT']}"
    assert "/@vite/client" in read(page + "/"), "a page that is told of changes"
    entry = directory / "apps/web/src/main.ts"
    entry.write_text(entry.read_text() + "\nconsole.log('saved')\n")
    until("the saved script is served", lambda: "console.log('saved')" in read(page + "/src/main.ts").replace('"', "'"))
