#!/usr/bin/python
"""Another image in an ECS service, and nothing else."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_revision
short_description: Put another image, or an earlier task definition, into an ECS service
description:
  - With O(image), the newest revision of the service's family is copied with that image and O(environment), and registered unless there is one like it
    already. With O(task_definition), that revision is taken as it is.
  - Then the service is updated, if it does not run that revision already. Nothing else of the service changes, but a service without tasks gets O(desired_count).
  - It does not wait; see M(todo.deploy.rollout_info).
version_added: 1.0.0
author: [The maintainers]
options:
  family:
    description: Family of the service's task definitions.
    required: true
    type: str
  image:
    description: The image, by digest.
    type: str
  environment:
    description: Variables to set in the container in addition to its own.
    type: dict
    default: {}
  task_definition:
    description: Family and revision, or ARN, to go back to.
    type: str
  ask:
    description: Whether to update the service even if it reports that revision, because the report may be stale.
    type: bool
    default: false
  desired_count:
    description: Number of tasks for a service whose desired number is 0, as Terraform creates it.
    type: int
    required: true
extends_documentation_fragment:
  - todo.deploy.service
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Run the new image
  todo.deploy.service_revision:
    cluster: todo-staging
    service: todo-api
    family: todo-staging-api
    container: todo-api
    image: 111111111111.dkr.ecr.us-east-1.amazonaws.com/todo@sha256:0123
    desired_count: 2
"""

RETURN = r"""
task_definition:
  description: ARN of the service's revision; empty in check mode if it would be registered.
  returned: always
  type: str
previous:
  description: ARN of its previous revision.
  returned: always
  type: str
registered:
  description: Whether a revision was registered.
  returned: always
  type: bool
deployment:
  description: Id of the deployment that brings it.
  returned: always
  type: str
created:
  description: When that deployment was created, in seconds since 1970.
  returned: always
  type: float
"""

import copy
import json

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils.calls import BotoCoreError, Calls, ClientError

# Attributes that DescribeTaskDefinition returns and RegisterTaskDefinition does not accept.
DERIVED = (
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy", "deregisteredAt",
    "deleteRequestedAt",
)


def describe_definition(client, name):
    answer = client.describe_task_definition(taskDefinition=name, include=["TAGS"])
    return answer["taskDefinition"], answer.get("tags") or []


def essence(definition):
    """A definition in canonical order, for comparison."""
    kept = {key: value for key, value in definition.items() if key not in DERIVED and value not in ([], {}, None)}
    kept = copy.deepcopy(kept)
    for container in kept.get("containerDefinitions", []):
        container["environment"] = sorted(container.get("environment", []), key=lambda e: e["name"])
        for key in [k for k, v in container.items() if v in ([], {}, None)]:
            del container[key]
    return kept


def with_image(module, definition):
    params = module.params
    wanted = {key: value for key, value in copy.deepcopy(definition).items() if key not in DERIVED}
    containers = [c for c in wanted["containerDefinitions"] if c["name"] == params["container"]]
    if not containers:
        names = ", ".join(c["name"] for c in wanted["containerDefinitions"])
        module.fail_json(msg=f"{definition['taskDefinitionArn']} has no container {params['container']}; it has {names}.")
    containers[0]["image"] = params["image"]
    environment = {e["name"]: e["value"] for e in containers[0].get("environment", [])}
    environment.update(params["environment"])
    containers[0]["environment"] = [{"name": name, "value": str(value)} for name, value in sorted(environment.items())]
    return wanted


def choose(module, client, running):
    """Returns the ARN to run, its content, and whether it had to be registered."""
    params = module.params
    if params["task_definition"]:
        definition, _tags = describe_definition(client, params["task_definition"])
        if definition["status"] != "ACTIVE":
            module.fail_json(msg=f"{definition['taskDefinitionArn']} is {definition['status']}: it was deregistered and cannot run again.")
        return definition["taskDefinitionArn"], definition, False
    newest, tags = describe_definition(client, params["family"])
    wanted = with_image(module, newest)
    for there in (running, newest):
        if essence(there) == essence(wanted):
            return there["taskDefinitionArn"], there, False
    if module.check_mode:
        return "", wanted, True
    # ECS refuses an empty list of tags.
    answer = client.register_task_definition(**wanted, **({"tags": tags} if tags else {}))
    return answer["taskDefinition"]["taskDefinitionArn"], wanted, True


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "cluster": {"required": True},
            "service": {"required": True},
            "family": {"required": True},
            "container": {"required": True},
            "image": {},
            "environment": {"type": "dict", "default": {}},
            "task_definition": {},
            "ask": {"type": "bool", "default": False},
            "desired_count": {"type": "int", "required": True},
        },
        mutually_exclusive=[["image", "task_definition"]],
        required_one_of=[["image", "task_definition"]],
        supports_check_mode=True,
    )
    params = module.params
    try:
        client = Calls(module, "ecs")
        service = client.service(module)
        running, _tags = describe_definition(client, service["taskDefinition"])
        arn, wanted, registered = choose(module, client, running)
        primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
        update, before = {}, primary["id"]
        if arn != service["taskDefinition"] or params["ask"]:
            update["taskDefinition"] = arn
        if arn == service["taskDefinition"] and primary.get("rolloutState") == "FAILED":
            # The service stays failed until another deployment is forced.
            update["forceNewDeployment"] = True
        if service["desiredCount"] == 0 and params["desired_count"] > 0:
            update["desiredCount"] = params["desired_count"]
        if update and not module.check_mode:
            service_after = client.update_service(cluster=params["cluster"], service=params["service"], **update)["service"]
            primary = next(d for d in service_after["deployments"] if d["status"] == "PRIMARY")
    except (BotoCoreError, ClientError) as e:
        module.fail_json_aws(e, msg=f"The service {params['service']} in the cluster {params['cluster']}")
    result = {
        "changed": registered or bool(update) and not (params["ask"] and primary["id"] == before),
        "task_definition": arn,
        "previous": service["taskDefinition"],
        "registered": registered,
        "deployment": primary["id"],
        "created": primary["createdAt"].timestamp(),
    }
    if module._diff and result["changed"]:  # pylint: disable=protected-access
        result["diff"] = {
            "before_header": service["taskDefinition"],
            "after_header": arn or f"a new revision of {params['family']}",
            "before": json.dumps(essence(running), indent=1, sort_keys=True) + "\n",
            "after": json.dumps(essence(wanted), indent=1, sort_keys=True) + "\n",
        }
    module.exit_json(**result)


if __name__ == "__main__":
    main()
