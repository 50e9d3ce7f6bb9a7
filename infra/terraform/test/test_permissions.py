"""Each role may do what its holder calls, and nothing else. @cloud-copilot/iam-simulate judges as IAM does."""

import functools
import json
import re
import shutil
import subprocess

import pytest
import yaml
from conftest import HERE, REPOSITORY, TERRAFORM, verbose_test
from test_network_graph import resources

TABLE = yaml.safe_load((HERE / "permissions/calls.yaml").read_text())
POLICIES = {
    "deploy": "aws_iam_role_policy.deploy",
    "task": "module.api.aws_iam_role_policy.task",
    "execution": "module.api.aws_iam_role_policy.execution",
    "agent": "module.instances[0].aws_iam_role_policy.agent",
    "preview": "aws_iam_role_policy.preview[0]",
}
# The runs of modules/environment that have a role.
RUNS = {**dict.fromkeys(POLICIES, ["whole", "fargate"]), "agent": ["whole"], "preview": ["fargate"]}
NAMES = {"NAME": "todo-staging", "ACCOUNT": "123456789012", "REGION": "eu-west-1"}


def named(word):
    text = TABLE["resources"].get(word, word)
    for name, value in NAMES.items():
        text = text.replace(name, value)
    return text


def task_calls():
    """The operations that the API's S3 client is called for."""
    source = (REPOSITORY / "libs/storage/s3store/s3store.go").read_text()
    found = set(re.findall(r"\bs\.client\.([A-Z]\w+)\(", source))
    assert found == TABLE["task"].keys(), f"called and not in calls.yaml: {sorted(found - TABLE['task'].keys())}; in calls.yaml and not called: {sorted(TABLE['task'].keys() - found)}"
    return [*TABLE["task"].values(), *TABLE["collector"]]


def deploy_calls():
    rows = yaml.safe_load((REPOSITORY / "infra/ansible/permissions.yaml").read_text())
    of = TABLE["resource_of_action"]
    unknown = {row["resource"] for row in rows if row["action"]} - TABLE["deploy"].keys()
    assert not unknown, f"calls.yaml does not say what stands behind {sorted(unknown)} of infra/ansible/permissions.yaml"
    return [{"action": row["action"], **target, **({"resource": of[row["action"]]} if row["action"] in of else {})} for row in rows if row["action"] for target in TABLE["deploy"][row["resource"]]]


@functools.cache
def calls(role):
    rows = {"task": task_calls, "deploy": deploy_calls}.get(role, lambda: TABLE[role])()
    return [{"action": r["action"], "resource": named(r["resource"]), "context": {key: named(value) for key, value in r.get("context", {}).items()}, "unjudged": r.get("unjudged")} for r in rows]


def rendered(directory, run):
    """The policies that Terraform renders, by address."""
    state = verbose_test(TERRAFORM / directory, "test_state", run)
    return {r["address"]: json.loads(r["values"]["policy"]) for r in resources(state["root_module"]) if r["type"] in ("aws_iam_role_policy", "aws_iam_policy")}


def policy(role, run=None):
    return rendered("modules/environment", run or RUNS[role][0])[POLICIES[role]]


def judged(document, requests):
    request = {"account": NAMES["ACCOUNT"], "policy": document, "calls": requests}
    node = shutil.which("node")
    assert node and (HERE / "permissions/node_modules").is_dir(), "run tools/setup/iam-simulate"
    done = subprocess.run([node, HERE / "permissions/simulate.mjs"], input=json.dumps(request), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("role", "run"), [(role, run) for role in POLICIES for run in RUNS[role]])
def test_each_call_is_allowed(role, run):
    policies = policy(role, run)
    known = [call for call in calls(role) if not call["unjudged"]]
    refused = [f"{call['action']} on {call['resource']}: {result}" for call, result in zip(known, judged(policies, known), strict=True) if result != "Allowed"]
    assert not refused, f"the {role} role is refused what it calls: {refused}"


@pytest.mark.parametrize("role", POLICIES)
def test_each_allowed_action_is_called(role):
    actions = set()
    for statement in policy(role)["Statement"]:
        actions |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    called = {call["action"] for call in calls(role)}
    assert actions == called, f"allowed and not called: {sorted(actions - called)}; called and not allowed: {sorted(called - actions)}"


def test_another_environment_is_out_of_reach():
    """The deploy role of staging, on what is production's."""
    own = json.dumps(calls("deploy"))
    other = [call for call in json.loads(own.replace("staging", "production")) if call not in json.loads(own)]
    assert len(other) >= 15, f"got {len(other)} calls that name an environment"
    allowed = [f"{call['action']} on {call['resource']}" for call, result in zip(other, judged(policy("deploy"), other), strict=True) if result == "Allowed"]
    assert not allowed, f"staging's deploy role may change production: {allowed}"


def test_erasing_takes_a_version():
    """The lists' history outlives a delete that names none."""
    call = {"action": "s3:DeleteObject", "resource": named("list"), "context": {}}
    assert judged(policy("task"), [call]) != ["Allowed"]


def test_a_preview_goes_no_further_than_its_boundary():
    """What its own roles may do is inside; a role without the boundary, or another's role, cannot be made or changed."""
    boundary = rendered("modules/environment", "fargate")["aws_iam_policy.preview_boundary[0]"]
    text = json.dumps([*rendered("preview", "shares_load_balancer_cluster_and_bucket").values()]).replace("us-east-1", NAMES["REGION"])
    statements = [statement for document in json.loads(text) for statement in document["Statement"]]
    calls = [
        {"action": action, "resource": resource if resource == "*" else resource.replace(":*", ":log-stream:x").replace("*", "x"), "context": {"s3:if-match": '"1"'}}
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        for resource in ([statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"])
    ]
    assert len(calls) >= 10, calls
    outside = [f"{call['action']} on {call['resource']}" for call, result in zip(calls, judged(boundary, calls), strict=True) if result != "Allowed"]
    assert not outside, f"a preview needs what its boundary refuses: {outside}"

    own, bound = named("preview_role"), {"iam:PermissionsBoundary": named("boundary")}
    staging = {"aws:ResourceTag/Part": "staging"}
    tried = {
        "a role without the boundary": ("iam:CreateRole", own, {}),
        "a role with another one": ("iam:CreateRole", own, {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        "permissions of a role without the boundary": ("iam:PutRolePolicy", own, {}),
        "permissions of the environment's task": ("iam:PutRolePolicy", named("task_role"), bound),
        "another trust of the role itself": ("iam:UpdateAssumeRolePolicy", own.removesuffix("-12-task"), {}),
        "a role free of the boundary": ("iam:DeleteRolePermissionsBoundary", own, {}),
        "the boundary itself": ("iam:CreatePolicyVersion", named("boundary"), {}),
        "the environment's service": ("ecs:UpdateService", named("service"), {}),
        "the environment's task definition": ("ecs:RegisterTaskDefinition", named("revision"), {}),
        "the environment's way in": ("elasticloadbalancing:DeleteRule", named("rule"), staging),
        "the environment's targets": ("elasticloadbalancing:ModifyTargetGroup", named("targets"), staging),
        "the environment's log": ("logs:DeleteLogGroup", named("log_group"), {}),
        "lists": ("s3:GetObject", named("list"), {}),
    }
    calls = [{"action": action, "resource": resource, "context": context} for action, resource, context in tried.values()]
    allowed = [what for what, result in zip(tried, judged(policy("preview"), calls), strict=True) if result == "Allowed"]
    assert not allowed, f"the role that makes previews may change: {allowed}"


def roles(directory, run):
    state = verbose_test(TERRAFORM / directory, "test_state", run)
    return {r["address"]: r["values"] for r in resources(state["root_module"]) if r["type"] == "aws_iam_role"}


def test_roles_of_a_preview_have_the_boundary():
    got = {address: role["permissions_boundary"] for address, role in roles("preview", "shares_load_balancer_cluster_and_bucket").items()}
    assert len(got) == 3 and set(got.values()) == {named("boundary")}, got


@pytest.mark.parametrize(("directory", "run"), [("modules/environment", "whole"), ("preview", "shares_load_balancer_cluster_and_bucket")])
def test_services_take_roles_for_this_account_alone(directory, run):
    """A service that acts for many accounts could be talked into a role of ours by another. EC2 gives a role to our own instances."""
    trust = {address: json.loads(role["assume_role_policy"])["Statement"] for address, role in roles(directory, run).items()}
    assert len(trust) == 3, f"got {sorted(trust)}"
    open_to_others = [
        address
        for address, statements in trust.items()
        for statement in statements
        if statement["Principal"]["Service"] != "ec2.amazonaws.com" and statement.get("Condition", {}).get("StringEquals", {}).get("aws:SourceAccount") != NAMES["ACCOUNT"]
    ]
    assert not open_to_others, open_to_others


def test_preview_role_keeps_its_states_and_no_other():
    plan = verbose_test(TERRAFORM / "bootstrap", "test_plan", "roles_are_bound_to_the_repository")
    document = next(json.loads(c["change"]["after"]["policy"]) for c in plan["resource_changes"] if c["address"] == 'aws_iam_role_policy.preview_states["staging"]')
    bucket = "arn:aws:s3:::todo-terraform-state-123456789012"
    own, lock = (f"{bucket}/previews/staging/12.tfstate{end}" for end in ("", ".tflock"))
    # What the S3 backend and preview/preview call, and with which prefix they list. A missing object is 404 for those who may list without one.
    wanted = [("s3:ListBucket", bucket, {"s3:prefix": prefix}) for prefix in ("env:/", "previews/staging/")] + [("s3:ListBucket", bucket, {})]
    wanted += [(f"s3:{verb}Object", key, {}) for verb in ("Get", "Put", "Delete") for key in (own, lock)]
    others = [f"{bucket}/previews/production/12.tfstate", f"{bucket}/staging/terraform.tfstate", f"{bucket}/bootstrap/terraform.tfstate"]
    unwanted = [(f"s3:{verb}Object", key, {}) for verb in ("Get", "Put", "Delete") for key in others]
    calls = [{"action": action, "resource": resource, "context": context} for action, resource, context in wanted + unwanted]
    got = [result == "Allowed" for result in judged(document, calls)]
    assert got == [True] * len(wanted) + [False] * len(unwanted), list(zip(calls, got))


def test_plan_role_reads_no_content():
    """It has AWS's ReadOnlyAccess, of which a few actions stand here, less what its own policy denies."""
    plan = verbose_test(TERRAFORM / "bootstrap", "test_plan", "roles_are_bound_to_the_repository")
    after = {c["address"]: c["change"]["after"] for c in plan["resource_changes"]}
    assert after["aws_iam_role_policy_attachment.plan"]["policy_arn"] == "arn:aws:iam::aws:policy/ReadOnlyAccess"
    allowed = {"Effect": "Allow", "Action": ["cognito-idp:AdminGet*", "cognito-idp:Describe*", "cognito-idp:List*", "ec2:Get*", "ecs:Describe*", "kms:Decrypt", "logs:Get*", "s3:Get*", "s3:List*"], "Resource": "*"}
    document = json.loads(after["aws_iam_role_policy.plan"]["policy"])
    document["Statement"].append(allowed)
    want = {
        ("s3:GetObject", "arn:aws:s3:::todo-terraform-state-123456789012/staging/terraform.tfstate"): True,
        ("s3:GetBucketPolicy", named("lists")): True,
        ("ecs:DescribeServices", named("service")): True,
        ("cognito-idp:DescribeUserPool", named("pool")): True,
        ("cognito-idp:AdminGetUser", named("pool")): False,
        ("cognito-idp:ListUsers", named("pool")): False,
        ("cognito-idp:ListUsersInGroup", named("pool")): False,
        ("ec2:GetConsoleOutput", "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"): False,
        ("s3:GetObject", named("list")): False,
        ("s3:GetObjectVersion", named("list")): False,
        ("s3:GetObject", "arn:aws:s3:::todo-ssh-keys-123456789012/todo-v1"): False,
        ("logs:GetLogEvents", named("log")): False,
        ("kms:Decrypt", "arn:aws:kms:eu-west-1:123456789012:key/1"): False,
        ("s3:PutObject", "arn:aws:s3:::todo-terraform-state-123456789012/staging/terraform.tfstate"): False,
    }
    got = judged(document, [{"action": action, "resource": resource, "context": {}} for action, resource in want])
    assert {call: result == "Allowed" for call, result in zip(want, got, strict=True)} == want
