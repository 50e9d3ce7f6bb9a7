"""Judges every AWS call of the rehearsal by the deploy role of its environment, as Terraform renders it and as IAM judges.

    python3 judge.py CALLS <published.json

CALLS holds a file for each environment, of the lines that recorder/sitecustomize.py and the registry wrote. Standard input has
what each environment publishes, by name. Fails if the role does not allow a call, if infra/ansible/permissions.yaml does not
list it, or if it lists one that was not made.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import yaml
from botocore import xform_name

ROOT = pathlib.Path(__file__).resolve().parents[2]
LISTED = yaml.safe_load((ROOT / "infra/ansible/permissions.yaml").read_text())
SIMULATOR = ROOT / "infra/terraform/test/permissions/simulate.mjs"


def completed(published, project):
    """What Terraform publishes, with the ARNs that it also hands to the policy."""
    p = published
    place = f"{p['region']}:{p['account_id']}"
    return {
        **p,
        "partition": "aws",
        "parameter": f"/{project}/{p['environment']}/deploy",
        "cluster_arn": f"arn:aws:ecs:{place}:cluster/{p['cluster']}",
        "repository_arn": f"arn:aws:ecr:{place}:repository/{p['repository_name']}",
        "distribution_arn": f"arn:aws:cloudfront::{p['account_id']}:distribution/{p['distribution_id']}",
    }


def rendered(places):
    """The policy of each environment."""
    with tempfile.TemporaryDirectory() as work:
        directory = pathlib.Path(work)
        shutil.copytree(ROOT / "infra/terraform/modules/deploy_policy", directory / "deploy_policy")
        (directory / "main.tf.json").write_text(json.dumps({
            "module": {"policy": {"source": "./deploy_policy", "for_each": places, "deploy": "${each.value}"}},
            "output": {"policies": {"value": "${{for name, policy in module.policy : name => policy.json}}"}},
        }))
        for words in (["init", "-input=false"], ["apply", "-input=false", "-auto-approve"]):
            done = subprocess.run(["terraform", *words, "-no-color"], cwd=directory, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode:
                sys.exit(done.stdout)
        output = subprocess.run(["terraform", "output", "-json", "policies"], cwd=directory, text=True, capture_output=True, check=True).stdout
    return {name: json.loads(text) for name, text in json.loads(output).items()}


def targets(action, params, place):
    """The resources that IAM judges an action by, and the keys of the request that conditions look at."""
    prefix = f"{place['region']}:{place['account_id']}"
    cluster = {"ecs:cluster": place["cluster_arn"]}
    family = f"arn:aws:ecs:{prefix}:task-definition/{params.get('family')}:*"
    match action:
        case "ssm:GetParameter":
            return [f"arn:aws:ssm:{prefix}:parameter{params['Name']}"], {}
        case "s3:ListBucket":
            return [f"arn:aws:s3:::{params['Bucket']}"], {}
        case "s3:GetObject" | "s3:PutObject" | "s3:DeleteObject":
            return [f"arn:aws:s3:::{params['Bucket']}/{params['Key']}"], {}
        case "ecs:DescribeServices" | "ecs:UpdateService":
            return [f"arn:aws:ecs:{prefix}:service/{params['cluster']}/{name}" for name in params.get("services") or [params["service"]]], cluster
        case "ecs:RegisterTaskDefinition":
            return [family], {}
        case "ecs:TagResource":
            return [family] if params.get("tags") else [], {"ecs:CreateAction": "RegisterTaskDefinition"}
        case "iam:PassRole":  # a task that is run has the roles of its definition
            roles = [params.get(key, place[name]) for key, name in (("taskRoleArn", "task_role_arn"), ("executionRoleArn", "execution_role_arn"))]
            return roles, {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
        case "ecs:ListTasks":
            return [f"arn:aws:ecs:{prefix}:container-instance/{params['cluster']}/1"], cluster
        case "ecs:DescribeTasks":
            return [f"arn:aws:ecs:{prefix}:task/{params['cluster']}/{name.rpartition('/')[2]}" for name in params["tasks"]], cluster
        case "ecs:RunTask":
            return [params["taskDefinition"]], cluster
        case "logs:FilterLogEvents":
            return [f"arn:aws:logs:{prefix}:log-group:{params['logGroupName']}"], {}
        case "logs:GetLogEvents":
            return [f"arn:aws:logs:{prefix}:log-group:{params['logGroupName']}:log-stream:{params['logStreamName']}"], {}
        case "cloudfront:CreateInvalidation":
            return [f"arn:aws:cloudfront::{place['account_id']}:distribution/{params['DistributionId']}"], {}
        case "ecr:GetAuthorizationToken" | "ecs:DescribeTaskDefinition":  # they know no resources
            return ["*"], {}
    if action.startswith("ecr:"):
        return [place["repository_arn"]], {}
    sys.exit(f"judge.py does not know what {action} is judged by")


def made(path):
    """The calls of an environment, each once: the name as permissions.yaml has it, what it names, and the action if the call does not tell."""
    for line in sorted(set(path.read_text().splitlines())):
        noted = json.loads(line)
        service, _, operation = noted["call"].partition(".")
        yield f"{service}.{xform_name(operation)}" if operation else service, noted.get("params", {}), noted.get("takes")


def main():
    wanted = json.load(sys.stdin)
    places = {name: completed(published, wanted["project"]) for name, published in wanted["published"].items()}
    policies = rendered(places)
    faults, seen, count = [], set(), 0
    for name, place in places.items():
        requests = {}
        for call, params, takes in made(pathlib.Path(sys.argv[1]) / name):
            rows = [row for row in LISTED if row["call"] == call and takes in (None, row["action"])]
            if not rows:
                faults.append(f"{name}: {takes or call} is not in infra/ansible/permissions.yaml")
            seen |= {(row["call"], row["action"]) for row in rows}
            for row in rows:
                resources, context = targets(row["action"], params, place) if row["action"] else ([], {})
                for resource in resources:
                    request = {"action": row["action"], "resource": resource, "context": context}
                    requests[json.dumps(request)] = request
        question = {"account": place["account_id"], "policy": policies[name], "calls": list(requests.values())}
        done = subprocess.run(["node", SIMULATOR], input=json.dumps(question), text=True, capture_output=True)
        if done.returncode:
            sys.exit(done.stderr)
        results = json.loads(done.stdout)
        faults += [f"{name}: {r['action']} on {r['resource']}: {result}" for r, result in zip(requests.values(), results, strict=True) if result != "Allowed"]
        count += len(results)
    unmade = {(row["call"], row["action"]) for row in LISTED} - seen
    faults += [f"listed and not called: {call} {action or ''}" for call, action in sorted(unmade, key=str)]
    if faults:
        sys.exit("\n".join(faults))
    print(f"{count} requests of {len(places)} environments, {len({action for _, action in seen if action})} actions")


if __name__ == "__main__":
    main()
