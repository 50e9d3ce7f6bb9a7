"""The log of a task that failed is part of what the playbook says, and logs.yml shows the rest."""

import datetime
import time

import pytest
from ansible_collections.todo.deploy.plugins.module_utils import logs as plugin_logs
from ansible_collections.todo.deploy.plugins.modules import rollout_info

TASK = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def service(client, request):
    """A service whose tasks log to a group of its name, and a function that logs as a task does."""
    name = "logs-" + request.node.name.replace("_", "-").partition("[")[0]
    ecs, logs = client("ecs"), client("logs")
    options = {"awslogs-group": name, "awslogs-stream-prefix": "todo-api", "awslogs-region": "us-east-1"}
    container = {"name": "todo-api", "image": "x", "memory": 64, "logConfiguration": {"logDriver": "awslogs", "options": options}}
    ecs.create_cluster(clusterName=name)
    ecs.register_task_definition(family=name, containerDefinitions=[container])
    ecs.create_service(cluster=name, serviceName=name, taskDefinition=f"{name}:1", desiredCount=2)
    logs.create_log_group(logGroupName=name)

    def log(task, *lines, minutes=0):
        stream, now = f"todo-api/todo-api/{task}", int(time.time() * 1000) - 60_000 * minutes
        if not logs.describe_log_streams(logGroupName=name, logStreamNamePrefix=stream)["logStreams"]:
            logs.create_log_stream(logGroupName=name, logStreamName=stream)
        logs.put_log_events(logGroupName=name, logStreamName=stream, logEvents=[{"timestamp": now, "message": line + "\n"} for line in lines])

    return name, log


def test_logs_info(module, service):
    name, log = service
    log(TASK, *(f"line {n}" for n in range(300)))
    log("another", "of long ago", minutes=30)
    arguments = {"cluster": name, "service": name, "container": "todo-api"}
    read = module("logs_info", limit=20, **arguments)
    assert len(read["lines"]) == 20 and read["lines"][-1].endswith("01234567 line 299"), read
    assert not any("long ago" in line for line in module("logs_info", limit=1000, **arguments)["lines"])
    assert [line[9:] for line in module("logs_info", task="another", **arguments)["lines"]] == ["another of long ago"]
    whole = f"arn:aws:ecs:us-east-1:123456789012:task/{name}/{TASK}"
    assert module("logs_info", task=whole, limit=1, **arguments)["lines"][0].endswith("line 299"), "an ARN names a task as well"
    assert len(module("logs_info", minutes=10**11, **arguments)["lines"]) == 100, "from before there was time"


def test_more_than_an_answer_holds(module, service, monkeypatch):
    name, log = service
    for n in range(3):
        log(TASK, *(f"line {n * 5_000 + m}" for m in range(5_000)))
    arguments = {"cluster": name, "service": name, "container": "todo-api"}
    for limit in (1, 12_000):
        lines = module("logs_info", task=TASK, limit=limit, **arguments)["lines"]
        assert [line.split()[-1] for line in lines] == [str(n) for n in range(15_000 - limit, 15_000)]
    monkeypatch.setattr(plugin_logs, "PAGES", 1)
    assert module("logs_info", task=TASK, limit=1, **arguments)["lines"][0].endswith("line 14999"), "the end is read first"
    done = module("logs_info", limit=1, **arguments)
    assert done["failed"] and "name fewer minutes, or one task" in done["msg"], "these are not the last lines"


def test_log_of_no_task(place):
    place.create("no-task")
    place.logs.create_log_stream(logGroupName="no-task", logStreamName="todo-api/todo-api/silent")
    for task, want in (("silent", "Nothing was logged by the task silent."), ("none", "There is no log of the task none: ")):
        code, said = place.play("logs.yml", "no-task", task=task)
        assert (code == 0) == (task == "silent") and want in said, said


def test_failed_task(module, service, client, monkeypatch):
    name, log = service
    log(TASK, "starting", "panic: no store")
    task = {
        "taskArn": f"arn:aws:ecs:us-east-1:123456789012:task/{name}/{TASK}", "taskDefinitionArn": f"{name}:1", "startedBy": "gone",
        "stoppedReason": "Essential container in task exited", "containers": [{"name": "todo-api", "exitCode": 2}],
        "createdAt": datetime.datetime.now(datetime.timezone.utc),
    }
    monkeypatch.setattr(rollout_info, "stopped_tasks", lambda *_: ([task], ["a line"]))  # moto stops no task of a service
    done = module("rollout_info", cluster=name, service=name, container="todo-api", deployment="gone", created=1.0)
    assert done["verdict"] == "failed" and done["logs"] == [f"{TASK}: starting", f"{TASK}: panic: no store"], done
    client("logs").delete_log_group(logGroupName=name)
    done = module("rollout_info", cluster=name, service=name, container="todo-api", deployment="gone", created=1.0)
    assert done["verdict"] == "failed" and "It cannot be read" in done["logs"][0], "and the verdict stays"
