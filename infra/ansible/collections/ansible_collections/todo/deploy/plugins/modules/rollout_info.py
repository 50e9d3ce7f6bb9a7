#!/usr/bin/python
"""How a deployment of an ECS service stands."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_info
short_description: Say how a deployment of an ECS service stands
description:
  - Changes nothing and does not wait. While ECS does not answer, a named deployment is in progress, and the progress is the error.
  - A deployment that the circuit breaker has rolled back is failed only when the service is steady again, so whoever waits for a verdict waits for that, too.
version_added: 1.0.0
author: [The maintainers]
options:
  cluster:
    description: Name or ARN of the cluster.
    required: true
    type: str
  service:
    description: Name of the service.
    required: true
    type: str
  container:
    description: Name of the container whose image is reported.
    required: true
    type: str
  deployment:
    description: Id of the deployment; the one that is under way when not set.
    type: str
  created:
    description: When O(deployment) was created, in seconds since 1970, to tell one that replaced it from an answer of before it.
    type: float
extends_documentation_fragment:
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
  description: The tasks of the deployment that stopped and were not told to by another, each with its reason.
  returned: always
  type: list
  elements: str
image:
  description: The image of the task definition that the service is to run.
  returned: always
  type: str
task_definition:
  description: ARN of that task definition.
  returned: always
  type: str
desired:
  description: How many tasks the service is to run.
  returned: always
  type: int
running:
  description: How many tasks run.
  returned: always
  type: int
"""

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # said by AnsibleAWSModule

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils.calls import Calls, passes


def judge(service, wanted, since=None):
    """Returns the verdict on a deployment, and the reason."""
    primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
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
    if since and primary["createdAt"].timestamp() > since:
        return "failed", f"{wanted} was replaced by {primary['id']}"
    # DescribeServices is eventually consistent: an older deployment, without a word of this one, may be an answer from before it.
    return "in_progress", reason


def began(service, wanted):
    """When the deployment began, as far as the service still knows."""
    for deployment in service["deployments"]:
        if deployment["id"] == wanted:
            return deployment["createdAt"]
    return None


def stopped_tasks(client, params):
    arns = client.list_tasks(cluster=params["cluster"], serviceName=params["service"], desiredStatus="STOPPED", maxResults=20)["taskArns"]
    if not arns:
        return []
    lines = []
    tasks = client.describe_tasks(cluster=params["cluster"], tasks=arns)["tasks"]
    for task in sorted(tasks, key=lambda t: t["createdAt"]):
        if params["deployment"] and task.get("startedBy") != params["deployment"]:
            continue
        if task.get("stoppedReason", "").startswith("Scaling activity"):
            continue
        codes = [f", {c['name']} left with {c['exitCode']}" for c in task["containers"] if c.get("exitCode") is not None]
        lines.append(task["taskArn"].rsplit("/", 1)[-1] + ": " + task.get("stoppedReason", "no reason given") + "".join(codes))
    return lines


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
    try:
        client = Calls(module, "ecs")
        answer = client.describe_services(cluster=params["cluster"], services=[params["service"]])
        active = [s for s in answer["services"] if s["status"] == "ACTIVE"]
        if not active:
            module.fail_json(msg=f"There is no service {params['service']} in the cluster {params['cluster']}.")
        service = active[0]
        verdict, reason = judge(service, params["deployment"], params["created"])
        primary = next(d for d in service["deployments"] if d["status"] == "PRIMARY")
        since = began(service, params["deployment"])
        stopped = [] if verdict == "steady" else stopped_tasks(client, params)
        definition = client.describe_task_definition(taskDefinition=primary["taskDefinition"])["taskDefinition"]
    except (BotoCoreError, ClientError) as e:
        if params["deployment"] and passes(e):
            module.exit_json(changed=False, verdict="in_progress", reason="", progress=f"ECS does not answer: {e}", events=[], stopped=[], image="", task_definition="")
        module.fail_json_aws(e, msg=f"The service {params['service']} in the cluster {params['cluster']}")
    images = [c["image"] for c in definition["containerDefinitions"] if c["name"] == params["container"]]
    events = [e["message"] for e in service["events"] if not since or e["createdAt"] >= since]
    module.exit_json(
        changed=False,
        verdict=verdict,
        reason=reason,
        progress=progress(service),
        events=events[:20][::-1],
        stopped=stopped,
        image=images[0] if images else "",
        task_definition=primary["taskDefinition"],
        desired=service["desiredCount"],
        running=service["runningCount"],
    )


if __name__ == "__main__":
    main()
