#!/usr/bin/python
"""What the service logged."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logs_info
short_description: Read the last lines that the tasks of a service logged
version_added: 1.0.0
description:
  - Reads from the log group that the service's task definition names.
author: [The maintainers]
options:
  task:
    description: Id or ARN of a task, also of one that stopped; all of them if not set.
    type: str
  minutes:
    description: Age of the oldest lines, if O(task) is not set.
    type: int
    default: 15
  limit:
    description: Maximum number of lines to return.
    type: int
    default: 100
extends_documentation_fragment:
  - todo.deploy.service
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Read the log
  todo.deploy.logs_info:
    cluster: todo-staging
    service: todo-api
    container: todo-api
"""

RETURN = r"""
lines:
  description: The lines, oldest first, each with its time in UTC and the task's id.
  returned: always
  type: list
  elements: str
"""

import datetime
import time

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils import logs
from ansible_collections.todo.deploy.plugins.module_utils.calls import BotoCoreError, Calls, ClientError, code


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "cluster": {"required": True}, "service": {"required": True}, "container": {"required": True}, "task": {},
            "minutes": {"type": "int", "default": 15}, "limit": {"type": "int", "default": 100},
        },
        supports_check_mode=True,
    )
    params = module.params
    task, since = (params["task"] or "").rpartition("/")[2], max(0, int((time.time() - 60 * params["minutes"]) * 1000))
    try:
        client = Calls(module, "ecs")
        definition = client.describe_task_definition(taskDefinition=client.service(module)["taskDefinition"])["taskDefinition"]
        if not logs.place(definition, params["container"])[0]:
            module.fail_json(msg=f"The container {params['container']} of {definition['taskDefinitionArn']} does not log to CloudWatch Logs.")
        found = logs.tail(module, definition, params["container"], params["limit"], task, since)
    except (BotoCoreError, ClientError) as e:
        reason = f"There is no log of the task {task}" if task and code(e) == "ResourceNotFoundException" else "The log cannot be read"
        module.fail_json_aws(e, msg=reason)
    lines = [f"{datetime.datetime.fromtimestamp(when / 1000, datetime.timezone.utc):%H:%M:%S} {task[:8]} {line}" for when, task, line in found]
    module.exit_json(changed=False, lines=lines)


if __name__ == "__main__":
    main()
