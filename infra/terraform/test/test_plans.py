"""Staging is production but for what is declared here; a third environment is a directory."""

import json
import re

import pytest
from conftest import ROOTS, TERRAFORM, made_as, terraform, verbose_test

# Everything that may differ between the plans of staging and production, besides names: resource, attribute, and the
# value in each. A difference that is not here, or one here that is gone, is a failure.
DECLARED = {
    ("module.environment.module.load_balancer.aws_lb.this", "name_prefix"): "names of the environment, of which AWS takes six characters",
    ("module.environment.module.load_balancer.aws_lb_target_group.this", "name_prefix"): "names of the environment, of which AWS takes six characters",
    ("module.environment.module.instances[0].aws_autoscaling_group.this", "mixed_instances_policy"): "types, on-demand base and spot share",
    ("module.environment.module.api.aws_cloudwatch_log_group.this", "retention_in_days"): "staging's log is kept for a shorter time",
    ("module.environment.module.observability.aws_cloudwatch_log_group.stopped_tasks", "retention_in_days"): "staging's log is kept for a shorter time",
    ("module.environment.module.web_firewall[0].aws_cloudwatch_log_group.this", "retention_in_days"): "staging's log is kept for a shorter time",
}


def changes(plan, name, domain):
    """The plan's resources with the environment's own names taken out, so that equal things are equal."""
    text = json.dumps({change["address"]: {"after": change["change"]["after"], "unknown": change["change"].get("after_unknown")} for change in plan["resource_changes"] if change["mode"] == "managed"}, sort_keys=True)
    text = text.replace(domain, "SITE")
    return json.loads(re.sub(rf"\b{name}\b", "ENVIRONMENT", text))


def flat(entry):
    return {**{(key, "after"): value for key, value in (entry["after"] or {}).items()}, **{(key, "unknown"): value for key, value in (entry["unknown"] or {}).items()}}


def differences(one, other):
    found = set()
    for address in one.keys() & other.keys():
        a, b = flat(one[address]), flat(other[address])
        found |= {(address, key[0]) for key in a.keys() | b.keys() if a.get(key) != b.get(key)}
    return found


def test_staging_and_production_differ_as_declared():
    production = changes(verbose_test(TERRAFORM / "environments/production", "test_plan", "plans"), "production", "todo.example.com")
    staging = changes(verbose_test(TERRAFORM / "environments/staging", "test_plan", "plans"), "staging", "staging.todo.example.com")

    # user_data is base64: the cluster's name inside is compared by the cluster module's own test.
    for plan in (production, staging):
        plan["module.environment.module.instances[0].aws_launch_template.this"]["after"].pop("user_data")

    assert len(production) > 60, f"got {len(production)} resources in production's plan; the comparison must have something to compare"
    assert production.keys() == staging.keys(), f"in one of the two only: {sorted(production.keys() ^ staging.keys())}"
    got = differences(production, staging)
    assert got == set(DECLARED), f"undeclared: {sorted(got - set(DECLARED))}; declared but equal: {sorted(set(DECLARED) - got)}"


def test_environments_are_one_call_each():
    for path in (TERRAFORM / "environments").glob("*/main.tf"):
        blocks = re.findall(r"^(\w+) ", path.read_text(), re.M)
        assert blocks == ["module"], f"{path}: got the blocks {blocks}, want one module call"
    same = {name: {(TERRAFORM / f"environments/{env}/{name}").read_text().replace(env, "ENV") for env in ("production", "staging")} for name in ("versions.tf", "variables.tf", "outputs.tf", "tests/plan.tftest.hcl")}
    assert all(len(texts) == 1 for texts in same.values()), f"files that must be the same in all environments differ: {[n for n, t in same.items() if len(t) > 1]}"


def test_a_third_environment_is_a_directory(copy):
    plan = verbose_test(made_as("docs/operating.md", "## A third environment", copy, "qa"), "test_plan", "plans")
    names = [change["change"]["after"].get("name") for change in plan["resource_changes"] if change["type"] == "aws_ecs_cluster"]
    assert names == ["todo-qa"], f"got the clusters {names}, want todo-qa"

    roles = verbose_test(copy / "bootstrap", "test_plan", "a_deploy_role_for_each_environment")
    got = sorted(change["change"]["after"]["name"] for change in roles["resource_changes"] if change["type"] == "aws_iam_role" and "-deploy" in change["change"]["after"]["name"])
    assert got == ["todo-production-deploy", "todo-qa-deploy", "todo-staging-deploy"], f"got the roles {got}"


@pytest.mark.parametrize("root", ROOTS)
def test_state_is_locked_and_encrypted(root):
    text = (TERRAFORM / root / "versions.tf").read_text()
    assert "use_lockfile = true" in text and re.search(r"encrypt\s+= true", text), f"{root}: want the native lockfile and encryption"
    assert "dynamodb" not in text


def test_formatted():
    assert terraform(TERRAFORM, "fmt", "-check", "-recursive", "-diff") == ""
