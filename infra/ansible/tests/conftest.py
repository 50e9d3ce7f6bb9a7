"""Runs modules and roles as the playbooks do, against moto."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
import pytest

HERE = pathlib.Path(__file__).resolve().parent.parent


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="session")
def aws():
    """The environment of a process whose AWS is a moto of its own."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(["moto_server", "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{endpoint}/moto-api/data.json", timeout=5).close()
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise
                time.sleep(0.05)
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


@pytest.fixture
def client(aws):
    def make(service):
        return boto3.client(
            service, endpoint_url=aws["AWS_ENDPOINT_URL"], region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )

    return make


@pytest.fixture
def bucket(client, request):
    name = "test-" + "".join(c if c.isalnum() else "-" for c in request.node.name.lower()).strip("-")[:50]
    client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def module(aws):
    """Runs a module of the collection and returns its result."""

    def run(name, check=False, **arguments):
        words = [os.path.join(os.path.dirname(sys.executable), "ansible"), "localhost", "-c", "local", "-i", "localhost,"]
        words += ["-e", f"ansible_python_interpreter={sys.executable}"]
        words += ["-m", f"todo.deploy.{name}", "-a", json.dumps(arguments)] + (["--check", "--diff"] if check else [])
        done = subprocess.run(words, env={**aws, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}, cwd=HERE, capture_output=True, text=True, timeout=120)
        head, found, text = done.stdout.partition("=> ")
        assert found, done.stdout + done.stderr
        return {**json.JSONDecoder().raw_decode(text)[0], "failed": "FAILED" in head}

    return run


@pytest.fixture
def play(aws, tmp_path):
    """Runs tasks on localhost and returns the process."""

    def run(tasks):
        path = tmp_path / "play.yml"
        path.write_text(json.dumps([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]))
        words = [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), "-i", "localhost,", str(path)]
        return subprocess.run(words, env=aws, cwd=HERE, capture_output=True, text=True, timeout=120)

    return run
