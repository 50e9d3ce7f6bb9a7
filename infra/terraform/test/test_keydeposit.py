"""tools/keydeposit on a server that fails, on LocalStack's S3, and from the real provisioner, which leaves no private key behind."""

import http.server
import os
import pathlib
import shutil
import subprocess
import threading

import pytest
from conftest import HERE, REPOSITORY, TERRAFORM, terraform, wait_for

IMAGE = os.environ.get("LOCALSTACK_IMAGE", "localstack/localstack:4.14.0")
BUCKET = "rehearsal-ssh-keys-000000000000"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


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


@pytest.fixture(scope="module")
def tool():
    return REPOSITORY / "tools" / "keydeposit"


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


class Bucket(http.server.ThreadingHTTPServer):
    """Answers as S3 does for what keydeposit asks. fault(method, path, landed) may return the status and code of an error."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), BucketHandler)
        self.objects, self.puts, self.fault, self.lock = {}, [], lambda *_: None, threading.Lock()


class BucketHandler(http.server.BaseHTTPRequestHandler):
    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            path, objects = self.path.partition("?")[0], self.server.objects
            error = self.server.fault(self.command, path, False)
            if not error and self.command == "PUT":
                self.server.puts.append(self.headers)
                if path in objects and self.headers["If-None-Match"] == "*":
                    error = (412, "PreconditionFailed")
                else:
                    objects[path] = body
                    error = self.server.fault(self.command, path, True)
            elif not error and path not in objects:
                error = (404, "NoSuchKey")
            answer = f"<Error><Code>{error[1]}</Code></Error>".encode() if error else objects[path] if self.command == "GET" else b""
        self.send_response(error[0] if error else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_PUT = handle_request

    def log_message(self, *_):
        pass


PRIVATE, PUBLIC = "/keys/ops.pem", "/keys/ops.pem.pub"
ARGS = ["-bucket", "keys", "-key", "ops.pem", "-comment", "ops", "-kms-key-id", "arn:aws:kms:us-east-1:1:key/k"]
DENIED = (403, "AccessDenied")


@pytest.fixture
def bucket(tool, tmp_path):
    server = Bucket()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = tmp_path / "config"
    config.write_text("[default]\ns3 =\n  addressing_style = path\n")

    def run(*more):
        environment = {**os.environ, **CREDENTIALS, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_address[1]}", "AWS_CONFIG_FILE": str(config), "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}
        return subprocess.run([str(tool), *ARGS, *more], text=True, capture_output=True, env=environment)

    server.run = run
    yield server
    server.shutdown()


def want_pair(bucket, tmp_path, *texts):
    """Both halves are there and belong together, and no text holds a line of the private one."""
    key = tmp_path / "key"
    key.write_bytes(bucket.objects[PRIVATE])
    key.chmod(0o600)
    derived = subprocess.run(["ssh-keygen", "-y", "-f", str(key)], text=True, capture_output=True, check=True).stdout.split()
    assert bucket.objects[PUBLIC].decode().split() == [derived[0], derived[1], "ops"]
    lines = bucket.objects[PRIVATE].decode().splitlines()[1:-1]
    assert len(lines) >= 3 and not any(line in text for line in lines for text in texts), texts


def test_a_pair_is_made_once_and_encrypted(bucket, tmp_path):
    made = bucket.run()
    assert made.returncode == 0 and made.stdout.startswith("made SHA256:"), made
    want_pair(bucket, tmp_path, made.stdout, made.stderr)
    assert [(h["If-None-Match"], h["x-amz-server-side-encryption"], h["x-amz-server-side-encryption-aws-kms-key-id"]) for h in bucket.puts] == [("*", "aws:kms", ARGS[-1])] * 2
    assert bucket.puts[1]["Content-Type"] == "text/plain", "Terraform reads the body of text alone"
    before = dict(bucket.objects)
    assert bucket.run().stdout == made.stdout.replace("made", "found", 1)
    assert bucket.objects == before and len(bucket.puts) == 2


@pytest.mark.parametrize(
    "failing",
    [(PRIVATE, False), (PUBLIC, False), (PRIVATE, True), (PUBLIC, True)],
    ids=["before the private half", "between the halves", "private half landed, unanswered", "public half landed, unanswered"],
)
def test_the_next_run_completes_an_interrupted_one(bucket, tmp_path, failing):
    bucket.fault = lambda method, path, landed: DENIED if method == "PUT" and (path, landed) == failing else None
    first = bucket.run()
    assert first.returncode == 1 and "AccessDenied" in first.stderr, first
    bucket.fault = lambda *_: None
    second = bucket.run()
    assert second.returncode == 0, second
    want_pair(bucket, tmp_path, first.stdout, first.stderr, second.stdout, second.stderr)


@pytest.mark.parametrize("error, landed", [((500, "InternalError"), True), ((409, "ConditionalRequestConflict"), False)], ids=["lost answers", "conflicts"])
def test_each_write_fails_once(bucket, tmp_path, error, landed):
    failed = set()

    def fault(method, path, now):
        if method == "PUT" and now == landed and path not in failed:
            failed.add(path)
            return error
        return None

    bucket.fault = fault
    done = bucket.run()
    assert done.returncode == 0 and failed == {PRIVATE, PUBLIC}, done
    want_pair(bucket, tmp_path, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "objects, args, want",
    [
        ({PUBLIC: b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH4Nq9mC9kJ0rBa3mW5mB9a3cZ0cXzI0w0qSgT2uJ0Vd ops\n"}, [], "without its private half the public half is useless"),
        ({PRIVATE: b"hunter2"}, [], "is not an ed25519 private key"),
        ({}, ["-bucket", ""], "-bucket is missing"),
        ({}, ["-key", "ops/"], '-key is "ops/"'),
        ({}, ["-key", "/ops"], '-key is "/ops"'),
        ({}, ["-comment", "a\nb"], "expected one"),
        ({}, ["now"], 'unexpected argument "now"'),
        ({}, ["-region"], "-region has no value"),
    ],
)
def test_refusals(bucket, objects, args, want):
    bucket.objects.update(objects)
    done = bucket.run(*args)
    assert done.returncode == 1 and want in done.stderr and "hunter2" not in done.stderr, done
    assert bucket.objects == objects


def test_a_bucket_that_may_not_be_read(bucket):
    bucket.fault = lambda *_: DENIED
    assert "cannot read s3://keys/ops.pem.pub" in bucket.run().stderr


def test_bucket_that_is_not_there(tool, localstack):
    done = deposit(tool, localstack, "-bucket", "nowhere", "-key", "a.pem")
    assert done.returncode == 1 and "NoSuchBucket" in done.stderr, done


def test_private_half_is_in_no_state_plan_or_log(tool, moto, tmp_path):
    s3 = client(moto)
    directory = tmp_path / "terraform"
    shutil.copytree(TERRAFORM, directory, ignore=shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*", "__pycache__"))
    root = directory / "test/keydeposit"
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
