"""What passes by itself decides nothing: one error, one throttle, expired credentials, an answer of before the update."""

import datetime
import hashlib
import io
import json
import sys
import tarfile

import pytest
from ansible_collections.todo.deploy.plugins.module_utils import calls
from ansible_collections.todo.deploy.plugins.modules import one_off, rollout_info
from edge import Edge


@pytest.mark.parametrize("status, code", [(400, "ExpiredToken"), (400, "ThrottlingException"), (503, "ServiceUnavailable")])
@pytest.mark.parametrize("name, arguments", [
    ("stored", {"key": "a.json", "content": "{}"}),
    ("lock", {"key": "lock.json", "pid": 1, "notes": "NOTES"}),
    ("releases_info", {"prefix": "r/", "lock_key": "lock.json"}),
])
def test_one_error(edge, module, bucket, tmp_path, name, arguments, status, code):
    arguments = {key: str(tmp_path) if value == "NOTES" else value for key, value in arguments.items()}
    edge.planted.append((status, code))
    done = module(name, bucket=bucket, **arguments)
    assert not edge.planted and not done["failed"], done


def test_an_error_that_stays(edge, module, bucket):
    edge.planted.append((403, "AccessDenied"))
    done = module("stored", bucket=bucket, key="a.json", content="{}")
    assert done["failed"] and "AccessDenied" in str(done) and "a.json" in done["msg"]


@pytest.fixture
def rolled(client, module, request):
    """Runs rollout_info on a service that is steady, waiting for its deployment."""
    name = "rolled-" + str(abs(hash(request.node.name)))
    ecs = client("ecs")
    ecs.create_cluster(clusterName=name)
    ecs.register_task_definition(family=name, containerDefinitions=[{"name": "x", "image": "x", "memory": 64}])
    made = ecs.create_service(cluster=name, serviceName=name, taskDefinition=f"{name}:1", desiredCount=2)["service"]
    return lambda **more: module("rollout_info", **{"cluster": name, "service": name, "container": "x", "deployment": made["deployments"][0]["id"], **more})


@pytest.mark.parametrize("code", ["ExpiredTokenException", "ThrottlingException", "ServerException"])
def test_one_poll(edge, rolled, code):
    edge.planted.append((400, code))
    done = rolled()
    assert not edge.planted and done["verdict"] == "steady", done


def test_polls_that_all_fail(edge, rolled, monkeypatch):
    monkeypatch.setattr(calls, "PAUSES", ())
    edge.planted += [(400, "ThrottlingException")] * 20  # botocore tries again as well
    done = rolled()
    edge.planted.clear()
    assert not done["failed"] and done["verdict"] == "in_progress" and "ThrottlingException" in done["progress"], "tried again, and the cause is told"
    edge.planted.append((400, "AccessDeniedException"))
    done = rolled()
    assert done["failed"] and "AccessDeniedException" in done["msg"], "no later try can change it"


def test_a_service_that_one_answer_lacks(rolled):
    assert rolled(service="away")["verdict"] == "in_progress"
    assert rolled(service="away", deployment=None)["failed"]


def test_stopped_tasks_that_cannot_be_read(edge, rolled, monkeypatch):
    # The deployment is not the one waited for, so the stopped tasks are asked for: the second request.
    monkeypatch.setattr(calls, "PAUSES", ())
    answer = calls.Calls.__getattr__

    def denied(self, operation):
        if operation == "list_tasks":
            edge.planted.append((400, "AccessDeniedException"))
        return answer(self, operation)

    monkeypatch.setattr(calls.Calls, "__getattr__", denied)
    done = rolled(deployment="another")
    assert not done["failed"] and done["verdict"] == "in_progress" and "AccessDeniedException" in done["stopped"][0], done


def test_polls_of_a_command_that_all_fail(edge, module, client, aws, monkeypatch):
    """The task goes on while ECS does not answer, so its end is waited for."""
    ecs, running = client("ecs"), {"taskArn": "arn:aws:ecs:us-east-1:123456789012:task/one/1", "lastStatus": "RUNNING", "containers": []}
    ecs.create_cluster(clusterName="one")
    definition = ecs.register_task_definition(family="one", containerDefinitions=[{"name": "x", "image": "x", "memory": 64}])["taskDefinition"]
    monkeypatch.setattr(calls, "PAUSES", ())
    monkeypatch.setattr(one_off, "start", lambda *_: (running, definition))  # moto runs no task
    monkeypatch.setitem(aws, "AWS_MAX_ATTEMPTS", "1")  # what botocore tries again is not what is tested
    arguments = {"cluster": "one", "service": "one", "container": "x", "command": ["config"], "poll_seconds": 0, "wait_minutes": 1}
    edge.planted += [(400, "ThrottlingException")] * 3 + [(400, "AccessDeniedException")]
    done = module("one_off", **arguments)
    assert done["failed"] and "AccessDeniedException" in done["msg"] and not edge.planted, done


SMOKE = [
    ("GET", "/", 503, b""), ("GET", "/", 200, b"<title>the one before</title>"), ("GET", "/assets/.*", 403, b""), ("GET", "/config.json", 502, b""),
    ("GET", "/readyz", 503, b""), ("GET", "/livez", 500, b""), ("GET", "/livez", 200, b'{"release": "the one before"}'),
    ("POST", "/api/.*", 503, b""), ("GET", "/api/.*", 404, b""), ("DELETE", "/api/.*/todos/1", 502, b""), ("DELETE", "/api/lists/[^/]+", 504, b""),
]


@pytest.fixture
def smoke(play, place, client):
    """Runs the role smoke on a site that serves a page and the release sha256:aaa..."""
    digest = place.commit("a")
    if "smoke" not in place.hosts:
        place.create("smoke", [[{"name": "todo-api", "image": f"todo@{digest}", "memory": 64}]])
    place.site.bucket, place.site.service = "smoke-website", "smoke"
    page = b'<title>a</title><script src="/assets/a.js"></script>'
    for name, body, cache in (("index.html", page, "no-cache"), ("assets/a.js", b"a", "immutable"), ("config.json", b'{"apiBase": ""}', "no-cache")):
        kind = "application/json" if name == "config.json" else "text/html"
        client("s3").put_object(Bucket="smoke-website", Key=name, Body=body, CacheControl=cache, ContentType=kind)

    def run(**more):
        variables = {
            "smoke_site": place.address, "smoke_release": digest, "smoke_index_digest": hashlib.sha256(page).hexdigest(), "smoke_requests": 1,
            "smoke_delay_seconds": 0, "smoke_tries": 3, "ansible_python_interpreter": sys.executable, **more,
        }
        done = play([{"ansible.builtin.include_role": {"name": "smoke"}, "vars": variables}])
        return done.returncode, " ".join(done.stdout.split() + done.stderr.split())

    return run


def test_one_bad_answer_to_each_request(smoke, place):
    place.site.planted += SMOKE
    code, said = smoke()
    assert code == 0 and not place.site.planted, (place.site.planted, said)


def test_where_people_sign_in(smoke, place, client):
    config = {"apiBase": "", "signIn": {"issuer": "https://id.example.com", "clientId": "page", "audience": "todo", "scope": "openid"}}
    client("s3").put_object(Bucket="smoke-website", Key="config.json", Body=json.dumps(config).encode(), CacheControl="no-cache", ContentType="application/json")
    code, said = smoke()
    assert code != 0 and "Status code was 200 and not [401]" in said, said  # the API lets everybody in
    place.site.requires_sign_in = True
    try:
        code, said = smoke()
        refused, why = smoke(smoke_token_url=f"{place.address}/token", smoke_client_id="script", smoke_client_secret="sesame")
    finally:
        place.site.requires_sign_in = False
    assert code == 0, said
    assert refused != 0 and "/token gives the client script no token: Status code was 404" in why and "sesame" not in why, why


def test_the_first_failure_is_reported(smoke, place):
    place.site.requires_sign_in = True
    try:
        code, said = smoke()
    finally:
        place.site.requires_sign_in = False
    assert code != 0 and "not [201]" in said and "failed=1" in said and "ignored=1" in said, said


def test_list_that_the_api_refuses(smoke, place, api):
    with api() as place.site.api:
        try:
            code, said = smoke(smoke_list="a/b é?")
        finally:
            place.site.api = None
    assert code != 0 and "a list's name has no '/'" in said, said


def test_without_public_lists(smoke, place, api):
    with api(TODO_PUBLIC_LISTS="false") as place.site.api:
        try:
            code, said = smoke()
            refused, why = smoke(smoke_list="groceries")
        finally:
            place.site.api = None
    assert code == 0, said
    assert refused != 0 and "Status code was 403 and not [201]" in why, why


@pytest.mark.parametrize("more, want", [
    ({"smoke_index_digest": "0" * 64}, "answers a page whose SHA-256 is"),
    ({"smoke_release": "sha256:" + "b" * 64}, "/livez answers release sha256:" + "a" * 64 + ", expected release sha256:" + "b" * 64),
])
def test_the_cause_is_told(smoke, more, want):
    code, said = smoke(**more)
    assert code != 0 and want in said, said


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
    ("without a primary deployment", {**service(deployment("old", 1, status="ACTIVE")), "events": []}, "in_progress"),
    ("given up", service(deployment("old", 1), events=["(deployment new) deployment failed: tasks failed to start."]), "failed"),
    ("replaced", service(deployment("newer", 3)), "failed"),
])
def test_verdict(why, said, want):
    assert rollout_info.judge(said, "new", at(2).timestamp())[0] == want, why


def test_every_call_meets_bad_luck(place):
    """Credentials expire at each call, its second try is throttled, its third is done without an answer: no playbook fails."""
    place.create("unlucky")
    place.commit("a")
    assert place.play("deploy.yml", "unlucky")[0] == 0
    place.commit("b")
    place.aws = {**place.aws, "AWS_MAX_ATTEMPTS": "1"}  # what botocore tries again is not what is tested
    try:
        for playbook, serves in (("deploy.yml", "b"), ("status.yml", "b"), ("rollback.yml", "a")):
            place.edge.faults, place.edge.met = [(400, "ExpiredTokenException"), (400, "ThrottlingException"), Edge.LOST], {}
            code, said = place.play(playbook, "unlucky")
            assert code == 0 and place.serves("unlucky") == (serves, serves), said
    finally:
        place.edge.faults, place.aws = [], {**place.aws, "AWS_MAX_ATTEMPTS": "5"}


def page_in(archive):
    with tarfile.open(fileobj=io.BytesIO(archive)) as page:
        return page.extractfile("index.html").read()


@pytest.mark.parametrize("damage", ["gone", "another page"])
def test_page_that_is_not_kept(place, damage):
    """A rollback to it changes neither image nor page."""
    name = "kept-" + damage.split()[0]
    place.create(name)
    for each in "ab":
        place.commit(each)
        code, said = place.play("deploy.yml", name)
        assert code == 0, said
    kept = [each["Key"] for each in place.s3.list_objects_v2(Bucket=f"{name}-releases", Prefix="e/pages/")["Contents"]]
    first, second = sorted(kept, key=lambda key: b"<title>a" not in page_in(place.s3.get_object(Bucket=f"{name}-releases", Key=key)["Body"].read()))
    if damage == "gone":
        place.s3.delete_object(Bucket=f"{name}-releases", Key=first)
    else:
        place.s3.copy_object(Bucket=f"{name}-releases", Key=first, CopySource=f"{name}-releases/{second}")
    place.edge.requests.clear()
    code, said = place.play("rollback.yml", name)
    assert code != 0 and first.split("/")[-1].split(".")[0] in said and "serves, as before" in said, said
    assert "POST UpdateService" not in place.edge.requests and place.serves(name) == ("b", "b") and not place.locked(name), place.edge.requests
