"""Every resource can be replaced: a plan replaces all of them at once, which shows in what order and under what names."""

import re

import pytest
from conftest import TERRAFORM, verbose_test
from test_network_graph import resources

# What AWS does not delete while something else uses it, or serves requests meanwhile: the new one comes first.
IN_USE = {
    "aws_acm_certificate",
    "aws_autoscaling_group",
    "aws_cloudfront_origin_access_control",
    "aws_cloudfront_origin_request_policy",
    "aws_cloudfront_response_headers_policy",
    "aws_cloudfront_vpc_origin",
    "aws_ecs_capacity_provider",
    "aws_iam_instance_profile",
    "aws_key_pair",
    "aws_launch_template",
    "aws_lb",
    "aws_lb_listener",
    "aws_lb_listener_rule",
    "aws_lb_target_group",
    "aws_security_group",
    "aws_wafv2_web_acl",
}

# Made first although the plan gives the new one the old one's name, and why that works.
SAME_NAME = {
    "aws_acm_certificate": "a certificate has an id and no name",
    "aws_acm_certificate_validation": "it waits for a certificate and makes nothing",
    "aws_cloudfront_origin_access_control": "only another name replaces it",
    "aws_cloudfront_origin_request_policy": "only another name replaces it",
    "aws_cloudfront_response_headers_policy": "only another name replaces it",
    "aws_cognito_user_pool": "a pool has an id, and pools may share a name",
    "aws_cognito_user_pool_client": "a client has an id",
    "aws_ecs_task_definition": "a family has many revisions",
    "aws_iam_role_policy": "only another role or name replaces it",
    "aws_iam_role_policy_attachment": "only another role or policy replaces it",
    "aws_key_pair": "only another name or key replaces it, and each key has its name",
    "aws_kms_key": "a key has an id and no name",
    "aws_lb_listener": "only another load balancer replaces it",
    "aws_lb_listener_rule": "only another listener replaces it",
    "aws_s3_bucket": "only another name replaces it",
    "aws_s3_bucket_lifecycle_configuration": "only another bucket replaces it",
    "aws_s3_bucket_ownership_controls": "only another bucket replaces it",
    "aws_s3_bucket_policy": "only another bucket replaces it",
    "aws_s3_bucket_public_access_block": "only another bucket replaces it",
    "aws_s3_bucket_server_side_encryption_configuration": "only another bucket replaces it",
    "aws_s3_bucket_versioning": "only another bucket replaces it",
    "aws_wafv2_web_acl": "only another name replaces it",
    "terraform_data": "it exists in the state alone",
}

APPLIED = {"modules/environment": ["whole", "fargate"], "shared": ["publishes_what_environments_read"]}


def name_changes(change):
    """Whether the new resource is called otherwise than the old one: by a name that AWS completes."""
    unknown = change["after_unknown"]
    (config,) = unknown.get("vpc_origin_endpoint_config") or [unknown]
    return config.get("name") is True


@pytest.mark.parametrize("directory", APPLIED)
def test_every_resource_can_be_replaced(directory, copy):
    """One run after the other, and after each a plan that replaces all that it left."""
    root = copy / directory
    (tests,) = root.glob("tests/*.tftest.hcl")
    text = tests.read_text()
    addresses = {run: [r["address"] for r in resources(verbose_test(TERRAFORM / directory, "test_state", run)["root_module"]) if r["mode"] == "managed"] for run in APPLIED[directory]}
    runs = [text.partition("\nrun ")[0]]
    for run in APPLIED[directory]:
        kept = re.search(rf'^run "{run}" \{{.*?^\}}\n', text, re.M | re.S).group()
        variables = "".join(re.findall(r"^  variables \{.*?^  \}\n", kept, re.M | re.S))
        runs += [kept, f'run "replace_{run}" {{\n  command = plan\n{variables}  plan_options {{\n    replace = [{", ".join(addresses[run])}]\n  }}\n}}\n']
    tests.write_text("\n".join(runs))
    for run in APPLIED[directory]:
        plan = verbose_test(root, "test_plan", f"replace_{run}")
        check_replacement({change["address"]: change for change in plan["resource_changes"]}, addresses[run])


def check_replacement(changes, addresses):
    kept = [address for address in addresses if set(changes[address]["change"]["actions"]) != {"create", "delete"}]
    assert not kept, f"not replaced: {kept}"

    faults = []
    for address in addresses:
        kind, change = changes[address]["type"], changes[address]["change"]
        first = change["actions"][0] == "create"
        if kind in IN_USE and not first:
            faults.append(f"{address} is deleted first, while it is in use: it needs create_before_destroy")
        if first and kind not in SAME_NAME and not name_changes(change):
            faults.append(f"{address} is made first, with the name that the old one still has: it needs name_prefix")
    assert not faults, "\n".join(faults)
    assert len(addresses) > 20, f"got {len(addresses)} resources; the test must have something to replace"


def planned(run):
    changes = verbose_test(TERRAFORM / "modules/environment", "test_plan", run)["resource_changes"]
    return {change["address"]: change["change"]["actions"] for change in changes if change["mode"] == "managed"}


def test_moving_to_fargate_replaces_the_service_first():
    """What runs keeps its task definition, which fits instances alone; capacity providers in use cannot be detached."""
    changes = planned("moves_to_fargate")
    assert changes["module.api.aws_ecs_service.this"] == changes["aws_ecs_cluster_capacity_providers.this"] == ["delete", "create"]
    left = [address for address, actions in changes.items() if address.startswith("module.instances[0]") and actions != ["delete"]]
    assert not left, f"instances that stay: {left}"
    lost = [address for address, actions in changes.items() if "delete" in actions and ("s3_bucket" in address or "cloudfront" in address or ".aws_lb." in address or "aws_iam_role.t" in address)]
    assert not lost, f"replaced needlessly: {lost}"


# What is replaced with what it belongs to, and why it cannot stay.
FOLLOWS = {
    "module.load_balancer.aws_cloudfront_vpc_origin.this[0]": "it cannot be changed while a distribution uses it",
    "module.load_balancer.aws_lb_target_group.this": "a target group serves one load balancer",
}


def test_a_new_load_balancer_brings_what_belongs_to_it():
    changes = planned("replaces_the_load_balancer")
    kept = {address: why for address, why in FOLLOWS.items() if changes[address] != ["create", "delete"]}
    assert not kept, f"kept although the load balancer is replaced: {kept}"
