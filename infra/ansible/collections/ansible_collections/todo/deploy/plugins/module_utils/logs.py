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
    client = Calls(module, "logs")
    if task:
        return of_task(client, group, f"{prefix}/{container}/{task}", limit)
    # Oldest first, because no call returns the newest lines of all tasks.
    arguments, lines = {"logGroupName": group, "startTime": since}, collections.deque(maxlen=limit)
    for _page in range(PAGES):
        answer = client.filter_log_events(**arguments)
        lines.extend(line(e, e["logStreamName"]) for e in answer["events"])
        if not answer.get("nextToken"):
            return list(lines)
        arguments["nextToken"] = answer["nextToken"]
    return module.fail_json(msg=f"More was logged in {group} meanwhile than {PAGES} answers of CloudWatch Logs hold: name fewer minutes, or one task.")


def of_task(client, group, stream, limit):
    """The last lines of a stream, which are read from its end."""
    arguments, lines = {"logGroupName": group, "logStreamName": stream, "limit": min(limit, 10_000)}, []
    for _page in range(PAGES):
        answer = client.get_log_events(**arguments)
        lines = [line(e, stream) for e in answer["events"]] + lines
        # A response may have fewer lines than exist; at the beginning of the stream it returns the token that was sent.
        if len(lines) >= limit or answer["nextBackwardToken"] == arguments.get("nextToken"):
            break
        arguments["nextToken"] = answer["nextBackwardToken"]
    return lines[-limit:]


def line(event, stream):
    return event["timestamp"], stream.rpartition("/")[2], event["message"].rstrip()
