"""What the tests of infra/terraform share: the tree, Terraform, and its providers."""

import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TERRAFORM = HERE.parent
sys.path.append(str(TERRAFORM.parent))
from freeport import free_port
REPOSITORY = TERRAFORM.parent.parent
ROOTS = ["bootstrap", "shared", "preview", *sorted(str(p.parent.relative_to(TERRAFORM)) for p in TERRAFORM.glob("environments/*/main.tf"))]
MODULES = sorted(p.name for p in (TERRAFORM / "modules").iterdir() if p.is_dir())


def terraform(directory, *args, environment=None, check=True):
    """Runs Terraform in a directory and returns what it said, both streams in one."""
    done = subprocess.run(
        ["terraform", *args], cwd=directory, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
    )
    if check and done.returncode != 0:
        pytest.fail(f"terraform {' '.join(args)} in {directory} left with {done.returncode}:\n{done.stdout[-6000:]}", pytrace=False)
    return done.stdout


@functools.cache
def tested(directory):
    """What `terraform test` said of a directory, as messages; from test/run's own run where that left it."""
    left = pathlib.Path(os.environ.get("TERRAFORM_RUNS", "none")) / (str(directory.relative_to(TERRAFORM)).replace("/", "-") + ".json") if directory.is_relative_to(TERRAFORM) else None
    if left and left.is_file():
        output = left.read_text()
    else:
        terraform(directory, "init", "-backend=false", "-input=false")
        output = terraform(directory, "test", "-json", "-verbose", check=False)
    return [line for line in output.splitlines() if line.startswith("{")]


@functools.cache
def verbose_test(directory, kind, run):
    """What `terraform test` shows of one run: its plan ("test_plan") or the state it left ("test_state")."""
    said = []
    for line in tested(directory):
        # Only what is looked for is decoded: a shown plan carries the provider's schema, a hundred times its own size.
        if f'"type":"{kind}"' in line and f'"@testrun":"{run}"' in line:
            shown = json.loads(line)[kind]
            shown.pop("provider_schemas", None)
            return shown
        if '"type":"diagnostic"' in line:
            diagnostic = json.loads(line)["diagnostic"]
            said.append(diagnostic["summary"] + ": " + diagnostic.get("detail", ""))
    pytest.fail(f"{directory}: no {kind} of the run {run}; Terraform said {said}", pytrace=False)


@pytest.fixture
def copy(tmp_path):
    """A copy of infra/terraform, to add to and to break."""
    shutil.copytree(TERRAFORM, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*", "__pycache__"))
    return tmp_path / "terraform"


def made_as(page, heading, copy, name):
    """The environment that a page's commands, but for Terraform's, make of a staging that was applied: its state must not come along."""
    (copy / "environments/staging/.terraform").mkdir(exist_ok=True)
    commands = re.search(r"```sh[^\n]*\n(.*?)```", (TERRAFORM / page).read_text().partition(heading)[2], re.S).group(1)
    subprocess.run(["bash", "-euc", re.sub(r"^terraform .*", "", commands, flags=re.M)], cwd=copy, check=True)
    root = copy / "environments" / name
    assert sorted(path.name for path in root.iterdir()) == ["main.tf", "outputs.tf", "tests", "variables.tf", "versions.tf"]
    return root


def wait_for(url):
    deadline = time.monotonic() + 120
    while True:
        try:
            return urllib.request.urlopen(url, timeout=2).read()
        except OSError:
            assert time.monotonic() < deadline, f"{url} did not answer within two minutes"
            time.sleep(0.2)


@pytest.fixture(scope="session")
def moto_server():
    port = free_port()
    server = subprocess.Popen(["moto_server", "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/moto-api/")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def moto(moto_server):
    """AWS's APIs in one empty server: the LocalStack image that is built from packages has S3 alone."""
    urllib.request.urlopen(urllib.request.Request(f"{moto_server}/moto-api/reset", method="POST"))
    return moto_server
