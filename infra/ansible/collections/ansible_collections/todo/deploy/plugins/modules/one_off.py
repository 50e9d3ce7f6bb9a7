#!/usr/bin/python
"""A task that runs one command and ends."""

from __future__ import annotations

DOCUMENTATION = r"""
module: one_off
short_description: Run a command in a separate task of a service, and wait for its end
description:
  - The task has the service's task definition and capacity, and so its image, settings and roles. It is not one of the service's tasks, and gets no requests.
  - The caller must check RV(exit_code). The module fails only if the task cannot start.
version_added: 1.1.0
author: [The maintainers]
options:
  command:
    description: The arguments of the image's program.
    required: true
    type: list
    elements: str
  by:
    description: Who runs it; ECS shows it as the task's C(startedBy), of at most 128 ASCII letters, digits, C(_), C(-) and C(/); others become C(-).
    default: one-off
    type: str
  poll_seconds:
    description: Time between two polls of the task.
    default: 5
    type: int
  wait_minutes:
    description: Maximum time to wait for its end.
    default: 20
    type: int
  lines:
    description: Maximum number of lines of its log to return.
    default: 1000
    type: int
extends_documentation_fragment:
  - todo.deploy.service
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Say what a list is called in the log
  todo.deploy.one_off:
    cluster: todo-staging
    service: todo-api
    container: todo-api
    command: [name-digest, groceries]
"""

RETURN = r"""
task:
  description: Id of the task.
  returned: when it was started
  type: str
ended:
  description: Whether it ended within O(wait_minutes).
  returned: when it was started
  type: bool
exit_code:
  description: Exit code of the command; -1 if it did not start or has not ended.
  returned: when it was started
  type: int
reason:
  description: Why the task stopped.
  returned: when it was started
  type: str
lines:
  description: The last lines that it logged.
  returned: when it was started
  type: list
  elements: str
"""

import re
import time
import uuid

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils import logs
from ansible_collections.todo.deploy.plugins.module_utils.calls import BotoCoreError, Calls, ClientError, passes


def start(module, client):
    params = module.params
    service = client.service(module)
    definition = client.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    names = [c["name"] for c in definition["containerDefinitions"]]
    if params["container"] not in names:
        module.fail_json(msg=f"{definition['taskDefinitionArn']} has no container {params['container']}; it has {', '.join(names)}.")
    if module.check_mode:
        module.exit_json(changed=True)
    place = {key: service[key] for key in ("capacityProviderStrategy", "networkConfiguration") if service.get(key)}
    if "capacityProviderStrategy" not in place and service.get("launchType"):
        place["launchType"] = service["launchType"]
    answer = client.run_task(
        cluster=params["cluster"], taskDefinition=service["taskDefinition"], count=1, startedBy=re.sub(r"[^A-Za-z0-9_/-]", "-", params["by"])[:128],
        overrides={"containerOverrides": [{"name": params["container"], "command": params["command"]}]},
        clientToken=str(uuid.uuid4()),  # a repeated call starts no second task
        **place,
    )
    if not answer["tasks"]:
        reasons = ", ".join(f["reason"] + (f" ({f['detail']})" if f.get("detail") else "") for f in answer["failures"])
        module.fail_json(msg=f"ECS did not start the task: {reasons}. RESOURCE: no instance has that much left; AGENT: an instance lost its agent.")
    return answer["tasks"][0], definition


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "cluster": {"required": True}, "service": {"required": True}, "container": {"required": True},
            "command": {"type": "list", "elements": "str", "required": True}, "by": {"default": "one-off"}, "poll_seconds": {"type": "int", "default": 5},
            "wait_minutes": {"type": "int", "default": 20}, "lines": {"type": "int", "default": 1000},
        },
        supports_check_mode=True,
    )
    params, task, definition = module.params, None, None
    try:
        client = Calls(module, "ecs")
        task, definition = start(module, client)
        deadline = time.monotonic() + 60 * params["wait_minutes"]
        while task["lastStatus"] != "STOPPED" and time.monotonic() < deadline:
            time.sleep(params["poll_seconds"])
            try:
                # A response without the task may be stale: DescribeTasks is eventually consistent.
                task = next(iter(client.describe_tasks(cluster=params["cluster"], tasks=[task["taskArn"]])["tasks"]), task)
            except (BotoCoreError, ClientError) as e:
                if not passes(e):
                    raise
    except (BotoCoreError, ClientError) as e:
        module.fail_json_aws(e, msg=f"The task {task['taskArn']}" if task else f"A task like those of {params['service']} in the cluster {params['cluster']}")
    name, ended = task["taskArn"].rsplit("/", 1)[-1], task["lastStatus"] == "STOPPED"
    container = next((c for c in task["containers"] if c["name"] == params["container"]), {})
    try:
        lines = [line for _when, _task, line in logs.tail(module, definition, params["container"], params["lines"], name)]
    except (BotoCoreError, ClientError) as e:
        lines = [f"The log cannot be read: {e}"]
    module.exit_json(
        changed=True, task=name, ended=ended, exit_code=container.get("exitCode", -1) if ended else -1,
        reason=container.get("reason") or task.get("stoppedReason", ""), lines=lines,
    )


if __name__ == "__main__":
    main()
