"""One variable, and everything that protects is lifted; without it, everything protects."""

import json
import re

import pytest
from conftest import TERRAFORM, terraform, verbose_test
from test_network_graph import resources

# Attribute, and its value where destroying is allowed.
PROTECTIONS = {
    "aws_autoscaling_group": ("force_delete", True),
    "aws_cognito_user_pool": ("deletion_protection", "INACTIVE"),
    "aws_ecr_repository": ("force_delete", True),
    "aws_ecs_task_definition": ("skip_destroy", False),
    "aws_kms_key": ("deletion_window_in_days", 7),
    "aws_lb": ("enable_deletion_protection", False),
    "aws_route53_zone": ("force_destroy", True),
    "aws_s3_bucket": ("force_destroy", True),
}
PRESENT = {
    "modules/environment": {"aws_autoscaling_group": 1, "aws_cognito_user_pool": 1, "aws_ecs_task_definition": 1, "aws_lb": 1, "aws_s3_bucket": 4},
    "shared": {"aws_ecr_repository": 1, "aws_kms_key": 1, "aws_route53_zone": 1, "aws_s3_bucket": 2},
}


@pytest.mark.parametrize(("directory", "applied"), [("modules/environment", "whole"), ("shared", "publishes_what_environments_read")])
def test_one_variable_lifts_every_protection(directory, applied):
    state = verbose_test(TERRAFORM / directory, "test_state", applied)
    plan = verbose_test(TERRAFORM / directory, "test_plan", "may_be_destroyed")
    protected = {r["address"]: (r["type"], r["values"]) for r in resources(state["root_module"]) if r["type"] in PROTECTIONS and r["mode"] == "managed"}
    lifted = {c["address"]: (c["type"], c["change"]["after"]) for c in plan["resource_changes"] if c["type"] in PROTECTIONS and c["mode"] == "managed"}

    count = {}
    for kind, _ in protected.values():
        count[kind] = count.get(kind, 0) + 1
    assert count == PRESENT[directory], f"got {count}, want {PRESENT[directory]}: a new resource of these types belongs into the list"
    assert lifted.keys() == protected.keys()
    for address, (kind, values) in protected.items():
        attribute, open_value = PROTECTIONS[kind]
        assert values[attribute] != open_value, f"{address}: {attribute} is {values[attribute]} although nobody allowed to destroy"
        got = lifted[address][1][attribute]
        assert got == open_value, f"{address}: {attribute} is {got} with allow_destroy, want {open_value}"


def test_nothing_prevents_destroying_for_good():
    found = [str(path.relative_to(TERRAFORM)) for path in TERRAFORM.rglob("*.tf") if ".terraform" not in path.parts and "prevent_destroy" in path.read_text()]
    assert not found, f"prevent_destroy takes no variable, so that destroying needs an edit: {found}"


# What must still be there while a resource is destroyed, and already be there when it is made: type, ends of addresses.
POLICIES = ["module.api.aws_iam_role_policy.execution", "module.api.aws_iam_role_policy.task"]
SERVICE = ["aws_ecs_cluster_capacity_providers.this", "module.load_balancer.aws_lb_listener_rule.api", *POLICIES]
ORDER = {
    # These write a test file when they are made.
    "aws_lb": ["module.logs.module.bucket.aws_s3_bucket_policy.this"],
    "aws_flow_log": ["module.logs.module.bucket.aws_s3_bucket_policy.this"],
    "aws_cloudwatch_log_delivery": ["module.logs.module.bucket.aws_s3_bucket_policy.this"],
}

# The service waits for its tasks. On instances, agents stop them.
ON_INSTANCES = [f"module.instances.{end}" for end in ("aws_iam_role_policy.agent", "aws_vpc_security_group_egress_rule.https", "aws_autoscaling_group.this")]
ON_FARGATE = [f"module.api.aws_vpc_security_group_{end}" for end in ("egress_rule.https", "egress_rule.load_balancer", "ingress_rule.load_balancer")]


@pytest.mark.parametrize(
    ("directory", "applied", "service", "want"),
    [
        ("modules/environment", "whole", SERVICE + ON_INSTANCES, 9),
        ("modules/environment", "fargate", SERVICE + ON_FARGATE, 9),
        ("preview", "shares_load_balancer_cluster_and_bucket", ["aws_lb_listener_rule.this", *POLICIES], 3),
        ("shared", "publishes_what_environments_read", [], 1),
    ],
)
def test_order_of_destruction(directory, applied, service, want):
    """Terraform destroys a resource before those that its state says it depends on."""
    order = {**ORDER, "aws_ecs_service": service}
    tried = 0
    for resource in resources(verbose_test(TERRAFORM / directory, "test_state", applied)["root_module"]):
        for end in order.get(resource["type"], []):
            tried += 1
            assert any(re.sub(r"\[[^]]*]", "", address).endswith(end) for address in resource.get("depends_on", [])), f"{resource['address']} does not depend on {end}, so terraform destroy may delete that first"
    assert tried == want


@pytest.mark.parametrize(
    ("directory", "failing"),
    [
        ("modules/environment", "modules/bucket/bucket.tf: aws_s3_bucket_public_access_block"),
        ("modules/environment", "modules/load_balancer/listeners.tf: aws_lb_listener"),
        ("modules/environment", "modules/instances/instances.tf: aws_autoscaling_group"),
        ("shared", "modules/network/network.tf: aws_vpc"),
    ],
)
def test_what_a_failed_apply_left_can_be_destroyed(directory, failing, copy):
    """The first resource of a type and what depends on it are not made, the others are. After a run, terraform test destroys what is there."""
    file, kind = failing.split(": ")
    text, changed = re.subn(rf'^(resource "{kind}" "\w+" \{{\n)', r"\1  depends_on = [terraform_data.fault]\n", (copy / file).read_text(), count=1, flags=re.M)
    assert changed, f"{file} has no {kind}"
    (copy / file).write_text(text + '\nresource "terraform_data" "fault" {\n  provisioner "local-exec" {\n    command = "false"\n  }\n}\n')
    root = copy / directory
    (tests,) = root.glob("tests/*.tftest.hcl")
    tests.write_text(re.sub(r"^#.*\n", "", tests.read_text().partition("\nrun ")[0], flags=re.M) + '\nrun "partial" {\n}\n')
    terraform(root, "init", "-backend=false", "-input=false")
    messages = [json.loads(line) for line in terraform(root, "test", "-json", check=False).splitlines() if line.startswith("{")]
    errors = [m["diagnostic"]["summary"] + ": " + m["diagnostic"]["detail"] for m in messages if m["type"] == "diagnostic" and m["diagnostic"]["severity"] == "error"]
    assert errors and all("local-exec provisioner error" in error for error in errors), errors
    assert not [m for m in messages if m["type"] == "test_cleanup"], "resources are left after destroy"
