"""Runs modules and roles as the playbooks do, against moto."""

import contextlib
import importlib
import io
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.request
from unittest import mock

import boto3
import pytest
from ansible.module_utils import basic
import forks
from edge import Edge, Site, serving
from place import Place

HERE = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(HERE.parent))
import ansible_collections  # later: it is a namespace, which forgets what was added to it when sys.path changes
from freeport import free_port

ansible_collections.__path__.append(str(HERE / "collections/ansible_collections"))  # as Ansible's own finder does


def answers(address, server):
    """Waits until a process answers."""
    deadline = time.monotonic() + 300  # a busy machine has taken more than 60 s
    while True:
        try:
            return urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            if time.monotonic() > deadline or server.poll() is not None:
                raise
            time.sleep(0.05)


@contextlib.contextmanager
def emulated(words, ready, **variables):
    """The environment of a process whose AWS is an emulator of its own: PORT stands for its port in the words and variables that start it."""
    port = str(free_port())
    endpoint = f"http://127.0.0.1:{port}"
    started = {name: value.replace("PORT", port) for name, value in variables.items()}
    server = subprocess.Popen([str(word).replace("PORT", port) for word in words], env={**os.environ, **started}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        answers(endpoint + ready, server)
        yield {
            **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "ANSIBLE_CONFIG": str(HERE / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
        }
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def aws():
    """The environment of a process whose AWS is a moto of its own."""
    words = [sys.executable, pathlib.Path(__file__).with_name("emulator.py"), "-H", "127.0.0.1", "-p", "PORT"]
    with emulated(words, "/moto-api/data.json", MOTO_ECS_SERVICE_RUNNING="2") as environment:
        yield environment


@pytest.fixture(scope="session")
def ansible_playbook(aws, tmp_path_factory):
    """Runs ansible-playbook with words in an environment, it and its modules (with the connection `forked`) in forks: a new interpreter takes most of the time."""
    directory, tests = tmp_path_factory.mktemp("forks"), pathlib.Path(__file__).parent
    variables = {"MODULE_FORKS": str(directory / "modules"), "ANSIBLE_CONNECTION_PLUGINS": str(tests / "plugins/connection")}
    with contextlib.ExitStack() as servers:
        for kind in ("modules", "playbooks"):
            words = [sys.executable, tests / "forks.py", directory / kind, kind]
            server = servers.enter_context(subprocess.Popen(words, env={**aws, **variables}, cwd=HERE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True))
            servers.callback(server.terminate)
            assert server.stdout.readline() == "listening\n"

        def run(words, environment):
            words = ["ansible-playbook", *map(str, words)]
            script = f"import os; os.chdir({str(HERE)!r}); from ansible.cli.playbook import main; main({words!r})"
            return subprocess.CompletedProcess(words, *forks.run(directory / "playbooks", script, {**environment, **variables}))

        yield run


def clients(aws):
    endpoint = aws["AWS_ENDPOINT_URL"]  # not that of an edge, which a test may put there

    def make(service):
        return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")

    return make


@pytest.fixture(scope="session")
def client(aws):
    return clients(aws)


@pytest.fixture
def edge(aws):
    """An edge before moto; the environment's endpoint is it meanwhile."""
    moto = aws["AWS_ENDPOINT_URL"]
    made = Edge(moto)
    with serving(made.handler()) as address, mock.patch.dict(aws, AWS_ENDPOINT_URL=address):
        yield made


@contextlib.contextmanager
def placed(aws, ansible_playbook, directory):
    client = clients(aws)
    edge, site = Edge(aws["AWS_ENDPOINT_URL"]), Site(client)
    with serving(edge.handler()) as before_aws, serving(site.handler()) as address:
        made = Place(HERE, {**aws, "AWS_ENDPOINT_URL": before_aws}, ansible_playbook, client, site, directory)
        made.address, made.edge = address, edge
        yield made


@pytest.fixture(scope="module")
def place(aws, ansible_playbook, tmp_path_factory):
    """An environment that playbooks deploy to."""
    with placed(aws, ansible_playbook, tmp_path_factory.mktemp("place")) as made:
        yield made


@pytest.fixture(scope="session")
def api(tmp_path_factory):
    """Runs the real API in memory with settings, as a context that gives its address."""
    program = tmp_path_factory.mktemp("api") / "todo-api"
    subprocess.run(["go", "build", "-o", program, "./cmd/todo-api"], cwd=HERE.parent.parent / "services/todo-api", env={**os.environ, "GOWORK": "off"}, check=True)

    @contextlib.contextmanager
    def run(**settings):
        address = f"127.0.0.1:{free_port()}"
        env = {k: v for k, v in os.environ.items() if not k.startswith("TODO_")}
        server = subprocess.Popen([program], env={**env, "TODO_STORE": "mem:", "TODO_LISTEN": address, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            answers(f"http://{address}/readyz", server)
            yield f"http://{address}"
        finally:
            server.terminate()
            server.wait()

    return run


@pytest.fixture
def bucket(client, request):
    name = "test-" + "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[:50].strip("-")
    client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def module(aws):
    """Runs a module of the collection in this process, as Ansible's interpreter runs it in one of its own, and returns its result."""

    def run(name, check=False, **arguments):
        given = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check, "_ansible_diff": check}}
        out = io.StringIO()
        with (
            mock.patch.dict(os.environ, aws, clear=True), mock.patch.object(basic, "_ANSIBLE_ARGS", json.dumps(given).encode()),
            mock.patch.object(basic, "_ANSIBLE_PROFILE", "legacy"), contextlib.redirect_stdout(out), pytest.raises(SystemExit),
        ):
            importlib.import_module(f"ansible_collections.todo.deploy.plugins.modules.{name}").main()
        return {"failed": False, **json.loads(out.getvalue())}

    return run


@pytest.fixture
def play(aws, ansible_playbook, tmp_path):
    """Runs tasks on localhost and returns the process."""

    def run(tasks):
        path = tmp_path / "play.yml"
        path.write_text(json.dumps([{"hosts": "localhost", "connection": "forked", "gather_facts": False, "tasks": tasks}]))
        return ansible_playbook(["-i", "localhost,", path], aws)

    return run
