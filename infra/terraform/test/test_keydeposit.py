"""The SSH key's way: the tool on LocalStack's S3; then the real provisioner with it, and no private key left behind."""

import os
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest
from conftest import HERE, REPOSITORY, TERRAFORM, terraform

IMAGE = os.environ.get("LOCALSTACK_IMAGE", "localstack/localstack:4.14.0")
BUCKET = "rehearsal-ssh-keys-000000000000"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


def wait_for(url):
    deadline = time.monotonic() + 120
    while True:
        try:
            return urllib.request.urlopen(url, timeout=2).read()
        except OSError:
            assert time.monotonic() < deadline, f"{url} did not answer within two minutes"
            time.sleep(0.2)


@pytest.fixture(scope="module")
def localstack():
    run = subprocess.run(["docker", "run", "-d", "--rm", "-e", "SERVICES=s3", "-p", "127.0.0.1::4566", IMAGE], text=True, capture_output=True)
    assert run.returncode == 0, run.stderr
    container = run.stdout.strip()
    try:
        port = subprocess.run(["docker", "port", container, "4566/tcp"], text=True, capture_output=True, check=True).stdout.split(":")[-1].strip()
        wait_for(f"http://127.0.0.1:{port}/_localstack/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        subprocess.run(["docker", "rm", "-f", container], capture_output=True)


@pytest.fixture
def moto():
    """S3, KMS and EC2 in one: the LocalStack image that is built from packages has S3 alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(["moto_server", "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/moto-api/")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def tool(tmp_path_factory):
    path = tmp_path_factory.mktemp("bin") / "keydeposit"
    subprocess.run(["go", "build", "-C", str(REPOSITORY / "tools"), "-o", str(path), "./keydeposit"], check=True, env={**os.environ, "GOWORK": "off"})
    return path


def objects(s3, bucket):
    return {o["Key"]: s3.get_object(Bucket=bucket, Key=o["Key"])["Body"].read() for o in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


def client(endpoint):
    import boto3
    from botocore.config import Config

    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test", config=Config(s3={"addressing_style": "path"}))


def deposit(tool, localstack, *args):
    return subprocess.run([str(tool), *args], text=True, capture_output=True, env={**os.environ, **CREDENTIALS, "AWS_ENDPOINT_URL_S3": localstack})


def test_one_pair_of_many_runs(tool, localstack):
    s3 = client(localstack)
    s3.create_bucket(Bucket="many")
    environment = {**os.environ, **CREDENTIALS, "AWS_ENDPOINT_URL_S3": localstack}
    runs = [subprocess.Popen([str(tool), "-bucket", "many", "-key", "a.pem"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) for _ in range(8)]
    answers = [run.communicate() for run in runs]
    assert all(run.returncode == 0 for run in runs), answers
    assert len({out.split()[1] for out, _ in answers}) == 1, f"want one fingerprint; got {answers}"
    first = objects(s3, "many")
    assert set(first) == {"a.pem", "a.pem.pub"}
    assert deposit(tool, localstack, "-bucket", "many", "-key", "a.pem").stdout.startswith("found ")
    assert objects(s3, "many") == first, "a later run changed the pair"

    s3.delete_object(Bucket="many", Key="a.pem.pub")
    assert deposit(tool, localstack, "-bucket", "many", "-key", "a.pem").stdout.startswith("completed ")
    assert objects(s3, "many")["a.pem.pub"].split()[:2] == first["a.pem.pub"].split()[:2], "the public half was not derived from the private one"


def test_bucket_that_is_not_there(tool, localstack):
    done = deposit(tool, localstack, "-bucket", "nowhere", "-key", "a.pem")
    assert done.returncode == 1 and "NoSuchBucket" in done.stderr, done


def test_private_half_is_in_no_state_plan_or_log(tool, moto, tmp_path):
    s3 = client(moto)
    folder = tmp_path / "terraform"
    shutil.copytree(TERRAFORM, folder, ignore=shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*", "__pycache__"))
    root = folder / "test/keydeposit"
    # Providers that stand in make no bucket; the real one makes its own.
    if os.environ.get("TERRAFORM_STANDINS"):
        s3.create_bucket(Bucket=BUCKET)
    log = tmp_path / "trace.log"
    environment = {
        **CREDENTIALS, "AWS_ENDPOINT_URL_S3": moto, "TF_LOG": "TRACE", "TF_LOG_PATH": str(log),
        "TF_VAR_endpoint": moto, "TF_VAR_keydeposit": str(tool),
    }
    said = terraform(root, "init", "-input=false", environment=environment)
    said += terraform(root, "plan", "-input=false", "-no-color", "-out=first.tfplan", environment=environment)
    said += terraform(root, "apply", "-input=false", "-no-color", "first.tfplan", environment=environment)
    said += terraform(root, "plan", "-input=false", "-no-color", "-out=second.tfplan", environment=environment)
    (root / "plan.json").write_text(terraform(root, "show", "-json", "second.tfplan", environment=environment))
    assert "made SHA256:" in said, f"the tool did not run:\n{said[-3000:]}"

    there = objects(s3, BUCKET)
    assert set(there) == {"rehearsal-v1.pem", "rehearsal-v1.pem.pub"}, set(there)
    lines = there["rehearsal-v1.pem"].split()[4:-4]
    assert len(lines) >= 3, "the private half has lines to look for"

    searched = 0
    for path in [*root.rglob("*"), log]:
        if path.is_file() and ".terraform" not in path.relative_to(tmp_path).parts:
            body = contents(path)
            searched += 1
            assert not any(line in body for line in lines), f"{path} holds a line of the private key"
    names = {path.name for path in root.iterdir()}
    assert {"terraform.tfstate", "first.tfplan", "second.tfplan"} <= names and searched >= 5, names
    assert not any(line.decode() in said for line in lines), "Terraform's output holds a line of the private key"

    # Not for want of looking: the same search finds it where it is.
    assert any(line in there["rehearsal-v1.pem"] for line in lines)


def contents(path: pathlib.Path) -> bytes:
    """A file's bytes, and those inside of it where it is a zip, as plans are."""
    import zipfile

    body = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            body += b"".join(archive.read(name) for name in archive.namelist())
    return body
