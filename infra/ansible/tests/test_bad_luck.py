"""What passes by itself decides nothing: one error, one throttle, expired credentials, an answer of before the update."""

import datetime
import importlib.util
import pathlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import ansible_collections
import pytest

COLLECTIONS = pathlib.Path(__file__).resolve().parent.parent / "collections/ansible_collections"
ansible_collections.__path__.append(str(COLLECTIONS))  # as Ansible's own finder does
MODULES = pathlib.Path(__file__).resolve().parent.parent / "collections/ansible_collections/todo/deploy/plugins/modules"
XML = "<?xml version='1.0'?><Error><Code>{}</Code><Message>planted</Message></Error>"


@pytest.fixture
def unlucky(aws):
    """An edge before moto that answers the first request with a given error; the environment's endpoint is it meanwhile."""
    planted, moto = [], aws["AWS_ENDPOINT_URL"]

    class Edge(BaseHTTPRequestHandler):
        def log_message(self, *_words):
            pass

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if planted:
                status, code = planted.pop()
                return self.reply(status, XML.format(code).encode(), {})
            request = Request(moto + self.path, data=body or None, method=self.command, headers=dict(self.headers))
            try:
                with urlopen(request, timeout=30) as got:
                    return self.reply(got.status, got.read(), dict(got.headers))
            except HTTPError as e:
                return self.reply(e.code, e.read(), dict(e.headers))

        def reply(self, status, body, headers):
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Edge)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    aws["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield planted
    finally:
        aws["AWS_ENDPOINT_URL"] = moto
        server.shutdown()


@pytest.mark.parametrize("status, code", [(400, "ExpiredToken"), (400, "ThrottlingException"), (503, "ServiceUnavailable")])
@pytest.mark.parametrize("name, arguments", [
    ("stored", {"key": "a.json", "content": "{}"}),
    ("lock", {"key": "lock.json", "pid": 1}),
    ("releases_info", {"prefix": "r/", "lock_key": "lock.json"}),
])
def test_one_error(unlucky, module, bucket, name, arguments, status, code):
    unlucky.append((status, code))
    done = module(name, bucket=bucket, **arguments)
    assert not unlucky and not done["failed"], done


def test_an_error_that_stays(unlucky, module, bucket):
    unlucky.append((403, "AccessDenied"))
    done = module("stored", bucket=bucket, key="a.json", content="{}")
    assert done["failed"] and "AccessDenied" in str(done) and "a.json" in done["msg"]


def at(second):
    return datetime.datetime(2026, 1, 1, 0, 0, second, tzinfo=datetime.timezone.utc)


def service(*deployments, events=()):
    return {"deployments": list(deployments), "events": [{"message": m} for m in events], "runningCount": 2, "desiredCount": 2}


def deployment(name, created, state="COMPLETED", status="PRIMARY"):
    return {"id": name, "status": status, "createdAt": at(created), "rolloutState": state, "rolloutStateReason": f"{name} {state}"}


@pytest.mark.parametrize("why, said, want", [
    ("steady", service(deployment("new", 2)), "steady"),
    ("under way", service(deployment("new", 2, "IN_PROGRESS"), deployment("old", 1, status="ACTIVE")), "in_progress"),
    ("of before the update", service(deployment("old", 1)), "in_progress"),
    ("given up", service(deployment("old", 1), events=["(deployment new) deployment failed: tasks failed to start."]), "failed"),
    ("replaced", service(deployment("newer", 3)), "failed"),
])
def test_verdict(why, said, want):
    spec = importlib.util.spec_from_file_location("rollout_info", MODULES / "rollout_info.py")
    rollout = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rollout)
    assert rollout.judge(said, "new", at(2).timestamp())[0] == want, why
