"""The last lines that a container wrote into CloudWatch Logs."""

from __future__ import annotations

import collections

from ansible_collections.todo.deploy.plugins.module_utils.calls import Calls

PAGES = 50


def place(definition, container):
    """The log group and the prefix of its streams, both empty when the container logs elsewhere."""
    for each in definition["containerDefinitions"]:
        options = each.get("logConfiguration", {}).get("options", {})
        if each["name"] == container and "awslogs-group" in options:
            return options["awslogs-group"], options.get("awslogs-stream-prefix", "")
    return "", ""


def tail(module, definition, container, limit, task=None, since=None):
    """The last lines, at most limit: of one task, or of all since a time in milliseconds; each with the time and the task's id."""
    group, prefix = place(definition, container)
    if not group:
        return []
    arguments = {"logGroupName": group}
    if task:
        arguments["logStreamNames"] = [f"{prefix}/{container}/{task}"]
    if since is not None:
        arguments["startTime"] = since
    client, lines = Calls(module, "logs"), collections.deque(maxlen=limit)
    for _page in range(PAGES):
        answer = client.filter_log_events(**arguments)
        lines.extend((e["timestamp"], e["logStreamName"].rpartition("/")[2], e["message"].rstrip()) for e in answer.get("events", []))
        if not answer.get("nextToken"):
            break
        arguments["nextToken"] = answer["nextToken"]
    return list(lines)
