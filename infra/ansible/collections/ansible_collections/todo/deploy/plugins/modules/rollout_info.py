#!/usr/bin/python
"""The state of a deployment of an ECS service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_info
short_description: Return the state of a deployment of an ECS service
description:
  - Changes nothing and does not wait. While ECS does not answer, a named deployment is in progress, and the progress is the error.
  - A deployment that the circuit breaker has rolled back is failed only when the service is steady again, so a wait for the verdict includes the rollback.
version_added: 1.0.0
author: [The maintainers]
options:
  deployment:
    description: Id of the deployment; the current one if not set.
    type: str
  created:
    description: Time when O(deployment) was created, in seconds since 1970, to distinguish a later deployment from a stale response.
    type: float
extends_documentation_fragment:
  - todo.deploy.service
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Wait for the deployment
  todo.deploy.rollout_info:
    cluster: todo-staging
    service: todo-api
    container: todo-api
    deployment: ecs-svc/0123456789012345678
  register: rollout
  until: rollout.verdict != 'in_progress'
  delay: 10
  retries: 90
"""

RETURN = r"""
verdict:
  description: V(steady), V(in_progress) or V(failed).
  returned: always
  type: str
progress:
  description: The state in one line.
  returned: always
  type: str
reason:
  description: Why it failed, in ECS's words.
  returned: always
  type: str
events:
  description: The service's events since the deployment began, oldest first, at most 20.
  returned: always
  type: list
  elements: str
stopped:
  description: The tasks of the deployment that failed, each with its reason.
  returned: always
  type: list
  elements: str
logs:
  description: The last lines that one of the stopped tasks logged, each with the task's id.
  returned: always
  type: list
  elements: str
image:
  description: The image of the service's task definition.
  returned: when O(deployment) is not set
  type: str
task_definition:
  description: ARN of that task definition.
  returned: always
  type: str
desired:
  description: Desired number of tasks.
  returned: always
  type: int
running:
  description: Number of running tasks.
  returned: always
  type: int
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils import logs
from ansible_collections.todo.deploy.plugins.module_utils.calls import BotoCoreError, Calls, ClientError, passes


def judge(service, wanted, since=None):
    """Returns the verdict on a deployment, and the reason."""
    primary = next((d for d in service["deployments"] if d["status"] == "PRIMARY"), {"id": None, "rolloutStateReason": "there is no primary deployment"})
    state, reason = primary.get("rolloutState", "IN_PROGRESS"), primary.get("rolloutStateReason", "")
    settled = state == "COMPLETED" and service["runningCount"] == service["desiredCount"] and len(service["deployments"]) == 1
    if wanted in (None, primary["id"]):
        if state == "FAILED":
            return "failed", reason
        return ("steady" if settled else "in_progress"), reason
    if not settled:
        return "in_progress", reason
    for event in service["events"]:
        if wanted in event["message"] and "failed" in event["message"]:
            return "failed", event["message"]
    for deployment in service["deployments"]:
        if deployment["id"] == wanted and deployment.get("rolloutState") == "FAILED":
            return "failed", deployment.get("rolloutStateReason", "")
    if since and primary["id"] and primary["createdAt"].timestamp() > since:
        return "failed", f"{wanted} was replaced by {primary['id']}"
    # DescribeServices is eventually consistent: an older deployment, without a word of this one, may be an answer from before it.
    return "in_progress", reason


def began(service, wanted):
    """Time when the deployment began, if the service still reports it."""
    for deployment in service["deployments"]:
        if deployment["id"] == wanted:
            return deployment["createdAt"]
    return None


def last_words(module, client, container, tasks):
    """The log of the last of the tasks. An unreadable log is not a failure, since it only explains one."""
    try:
        definition = client.describe_task_definition(taskDefinition=tasks[-1]["taskDefinitionArn"])["taskDefinition"]
        return [f"{task}: {line}" for _when, task, line in logs.tail(module, definition, container, 20, tasks[-1]["taskArn"].rsplit("/", 1)[-1])]
    except (BotoCoreError, ClientError) as e:
        return [f"It cannot be read: {e}"]


def stopped_tasks(client, params):
    """The tasks of the deployment that failed, and a line about each."""
    try:
        arns = client.list_tasks(cluster=params["cluster"], serviceName=params["service"], desiredStatus="STOPPED", maxResults=20)["taskArns"]
        tasks = client.describe_tasks(cluster=params["cluster"], tasks=arns)["tasks"] if arns else []
    except (BotoCoreError, ClientError) as e:
        return [], [f"They cannot be read: {e}"]  # they explain a verdict and do not make one
    failed, lines = [], []
    for task in sorted(tasks, key=lambda t: t["createdAt"]):
        if params["deployment"] and task.get("startedBy") != params["deployment"]:
            continue
        if task.get("stoppedReason", "").startswith("Scaling activity"):
            continue
        failed.append(task)
        codes = [f", {c['name']} left with {c['exitCode']}" for c in task["containers"] if c.get("exitCode") is not None]
        lines.append(task["taskArn"].rsplit("/", 1)[-1] + ": " + task.get("stoppedReason", "no reason given") + "".join(codes))
    return failed, lines


def progress(service):
    parts = []
    for deployment in service["deployments"]:
        name = deployment["taskDefinition"].rsplit("/", 1)[-1]
        line = f"{name} {deployment['runningCount']} running"
        if deployment["status"] == "PRIMARY":
            line = f"{name} {deployment['runningCount']} of {deployment['desiredCount']} running"
        for key, word in (("pendingCount", "pending"), ("failedTasks", "failed")):
            if deployment.get(key):
                line += f", {deployment[key]} {word}"
        parts.append(line)
    last = service["events"][0]["message"] if service["events"] else ""
    return "; ".join(parts) + (f" | {last}" if last else "")


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "cluster": {"required": True},
            "service": {"required": True},
            "container": {"required": True},
            "deployment": {},
            "created": {"type": "float"},
        },
        supports_check_mode=True,
    )
    params = module.params
    waiting = {"changed": False, "verdict": "in_progress", "reason": "", "events": [], "stopped": [], "logs": [], "image": "", "task_definition": ""}
    try:
        client = Calls(module, "ecs")
        answer = client.describe_services(cluster=params["cluster"], services=[params["service"]])
        service = next((s for s in answer["services"] if s["status"] == "ACTIVE"), None)
        if not service and params["deployment"]:
            # It existed when the deployment began: a single response decides nothing.
            module.exit_json(progress=f"ECS knows no service {params['service']} in the cluster {params['cluster']}", **waiting)
        if not service:
            module.fail_json(msg=f"There is no service {params['service']} in the cluster {params['cluster']}.")
        verdict, reason = judge(service, params["deployment"], params["created"])
        since = began(service, params["deployment"])
        tasks, stopped = ([], []) if verdict == "steady" else stopped_tasks(client, params)
        logged = last_words(module, client, params["container"], tasks) if tasks and verdict == "failed" else []
        arn, image = service["taskDefinition"], ""
        if not params["deployment"]:
            arn = next((d["taskDefinition"] for d in service["deployments"] if d["status"] == "PRIMARY"), arn)
            definition = client.describe_task_definition(taskDefinition=arn)["taskDefinition"]
            image = next((c["image"] for c in definition["containerDefinitions"] if c["name"] == params["container"]), "")
    except (BotoCoreError, ClientError) as e:
        if params["deployment"] and passes(e):
            module.exit_json(progress=f"ECS does not answer: {e}", **waiting)
        module.fail_json_aws(e, msg=f"The service {params['service']} in the cluster {params['cluster']}")
    events = [e["message"] for e in service["events"] if not since or e["createdAt"] >= since]
    module.exit_json(
        changed=False, verdict=verdict, reason=reason, progress=progress(service), events=events[:20][::-1], stopped=stopped, logs=logged,
        image=image, task_definition=arn, desired=service["desiredCount"], running=service["runningCount"],
    )


if __name__ == "__main__":
    main()
