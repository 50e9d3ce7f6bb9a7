"""The plugins call no more of AWS than permissions.yaml lists, and all of it; a call that is denied is told with what it needs."""

import ast
import itertools
import pathlib
import re
import types
import uuid

import yaml
from ansible_collections.todo.deploy.plugins.module_utils import calls as plugin_calls
from ansible_collections.todo.deploy.plugins.modules import one_off, rollout_info

HERE = pathlib.Path(__file__).resolve().parent.parent
PLUGINS = HERE / "collections/ansible_collections/todo/deploy/plugins"
# Modules that read or change AWS by calls of their own, as aws_caller_info and s3_object do, would not be in the list.
FOREIGN = ("amazon.aws.", "community.aws.")


def calls():
    """SERVICE.OPERATION of every call on a client that a plugin makes."""
    from botocore.session import get_session

    found = set()
    for path in sorted(PLUGINS.glob("module*/*.py")):
        tree = ast.parse(path.read_text())
        services = {
            n.args[1].value for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "Calls" and len(n.args) == 2
        } or {"s3"}
        names = {n.func.attr for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
        if "list_objects" in names:
            names = names - {"list_objects"} | {"list_objects_v2"}
        for service in services:
            known = {snake(name) for name in get_session().get_service_model(service).operation_names}
            found |= {f"{service}.{name}" for name in names & known}
    return found


def snake(name):
    from botocore import xform_name

    return xform_name(name)


LISTED = yaml.safe_load((HERE / "permissions.yaml").read_text())
OURS = {row["call"] for row in LISTED if not row["call"].startswith(("ecr.", "registry"))}


def test_listed():
    for row in LISTED:
        assert set(row) == {"call", "action", "resource", "used_by"}, row
    assert calls() == OURS


def test_no_call_that_was_not_chosen():
    tasks = [*HERE.glob("*.yml"), *HERE.glob("roles/*/tasks/*.yml")]
    found = [f"{p.relative_to(HERE)}: {word}" for p in tasks for word in FOREIGN if word in p.read_text()]
    assert not found


def called(request):
    """The call that makes a request which an edge noted."""
    method, _, what = request.partition(" ")
    if what.endswith("/invalidation"):
        return "cloudfront.create_invalidation"
    if method != "POST":
        return "s3." + {"GET": "get_object", "HEAD": "head_object", "PUT": "put_object", "DELETE": "delete_object"}[method] if what.count("/") > 1 else "s3.list_objects_v2"
    service = {"/": "sts", "GetParameter": "ssm", "FilterLogEvents": "logs", "GetLogEvents": "logs"}.get(what, "ecs")
    return f"{service}.{'get_caller_identity' if what == '/' else snake(what)}"


def test_each_call_denied(edge, module, client, tmp_path, monkeypatch):
    """Each module names the call, the resource and the permission, and every call that the plugins make is met."""
    monkeypatch.setattr(plugin_calls, "PAUSES", ())
    s3, ecs, logs = client("s3"), client("ecs"), client("logs")
    (tmp_path / "page").mkdir()
    (tmp_path / "page/index.html").write_text("one")
    task = {"taskArn": "arn:aws:ecs:us-east-1:123456789012:task/one/1", "lastStatus": "RUNNING", "containers": []}

    def modules(name):
        """The runs of the modules in a place of that name."""
        s3.create_bucket(Bucket=name)
        for key in ("r/r1-a.json", "stale.txt"):
            s3.put_object(Bucket=name, Key=key, Body=b"{}")
        s3.put_object(Bucket=name, Key="index.html", Body=b"{}")
        client("ssm").put_parameter(Name=f"/{name}", Type="String", Value=f'{{"bucket": "{name}"}}')
        ecs.create_cluster(clusterName=name)
        logs.create_log_group(logGroupName=name)
        options = {"awslogs-group": name, "awslogs-stream-prefix": "x", "awslogs-region": "us-east-1"}
        container = {"name": "x", "image": "x", "memory": 64, "logConfiguration": {"logDriver": "awslogs", "options": options}}
        definition = ecs.register_task_definition(family=name, containerDefinitions=[container])["taskDefinition"]
        ecs.create_service(cluster=name, serviceName=name, taskDefinition=f"{name}:1", desiredCount=2)
        lock = {"bucket": name, "key": "lock.json", "pid": 1, "notes": str(tmp_path)}
        service = {"cluster": name, "service": name, "container": "x"}
        command = {**service, "command": ["config"], "poll_seconds": 0, "wait_minutes": 1}
        yield "target_info", {"environment": "one", "account_id": "123456789012", "parameter": f"/{name}", "keys": ["bucket"], "buckets": ["bucket"]}
        yield "lock", lock
        yield "lock", {**lock, "state": "absent"}
        yield "releases_info", {"bucket": name, "prefix": "r/", "lock_key": "lock.json", "page_bucket": name}
        yield "stored", {"bucket": name, "key": "r/r2-a.json", "content": "{}"}
        yield "page_archive", {"bucket": name, "key": "p.tar.gz", "root": str(tmp_path / "page"), "state": "kept"}
        yield "page", {"bucket": name, "root": str(tmp_path / "page")}
        yield "invalidation", {"distribution": "E1", "paths": ["/"]}
        yield "service_revision", {**service, "family": name, "image": "y", "desired_count": 2}
        yield "rollout_info", {**service, "deployment": "another"}
        yield "logs_info", service
        yield "one_off", command  # moto runs no task
        with monkeypatch.context() as patched:
            patched.setattr(one_off, "start", lambda *_: (task, definition))
            patched.setattr(one_off, "time", types.SimpleNamespace(sleep=lambda _: None, monotonic=iter(range(0, 1000, 50)).__next__))  # one look
            yield "one_off", command
        with monkeypatch.context() as patched:
            patched.setattr(rollout_info, "judge", lambda *_: ("failed", "it did"))
            patched.setattr(rollout_info, "stopped_tasks", lambda *_: ([{**task, "taskDefinitionArn": f"{name}:1"}], []))
            yield "rollout_info", {**service, "deployment": "another"}

    met, name = set(), f"denied-{uuid.uuid4()}"
    for which, arguments in modules(name):
        for nth in itertools.count(1):
            edge.requests.clear()
            edge.fault = lambda _: (403, "AccessDenied") if len(edge.requests) == nth else None
            said = str(module(which, **arguments))
            if len(edge.requests) < nth:
                break
            call = called(edge.requests[nth - 1])
            met.add(call)
            needs = re.search(r"The role needs (\S+) on (\S+)\.(?=\W|$)", said)
            what = f"{which}, {call}: {said}"
            assert "AccessDenied" in said or "Forbidden" in said, what
            if call != "sts.get_caller_identity":
                assert needs and needs[1] in {row["action"] for row in LISTED if row["call"] == call}, what
                assert name in needs[2] or needs[2] in ("E1", task["taskArn"]), what
    assert met == OURS
