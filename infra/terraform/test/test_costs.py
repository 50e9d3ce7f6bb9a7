"""The table of costs adds up, and counts what the plans hold."""

import json
import re
from decimal import ROUND_HALF_UP, Decimal

import pytest
from conftest import REPOSITORY, TERRAFORM, made_as, verbose_test

COLUMNS = ["small", "production", "on Fargate", "production and staging"]
CENT = Decimal("0.01")


def table():
    text = (TERRAFORM / "docs/costs.md").read_text().partition("## Added up")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    assert rows[0][2:] == COLUMNS
    return {row[0]: row[1:] for row in rows[2:]}


def counts(item):
    return [int(count) for count in table()[item][0].partition(" × ")[0].split(",")]


def test_each_price_is_count_times_price():
    for item, (formula, *cells) in table().items():
        if item == "sum":
            continue
        first, *factors = formula.split(" × ")
        price = Decimal(1)
        for factor in factors:
            price *= Decimal(factor)
        want = [str((int(count) * price).quantize(CENT, ROUND_HALF_UP)) for count in first.split(",")]
        assert cells == want, f"{item}: got {cells}, want {want}"


@pytest.mark.parametrize("column", COLUMNS)
def test_columns_add_up(column):
    at = COLUMNS.index(column) + 1
    cells = {item: Decimal(row[at]) for item, row in table().items()}
    assert cells.pop("sum") == sum(cells.values())


def resources(plan, kind):
    return [c["change"]["after"] for c in plan["resource_changes"] if c["type"] == kind and c["mode"] == "managed"]


def collected(plan):
    (task,) = resources(plan, "aws_ecs_task_definition")
    collectors = [c for c in json.loads(task["container_definitions"]) if c["name"] == "collector"]
    return re.findall(r"\^(todo_\w+)\$", collectors[0]["environment"][0]["value"]) if collectors else []


def held(plan):
    """What of the table an environment's plan holds."""
    alarms = resources(plan, "aws_cloudwatch_metric_alarm")
    acls = resources(plan, "aws_wafv2_web_acl")
    instances = sum(group["min_size"] for group in resources(plan, "aws_autoscaling_group"))
    addressed = all(template["network_interfaces"][0]["associate_public_ip_address"] == "true" for template in resources(plan, "aws_launch_template"))
    (task,) = resources(plan, "aws_ecs_task_definition")
    fargate = "FARGATE" in task["requires_compatibilities"]
    tasks = plan["output_changes"]["deploy"]["after"]["desired_count"]
    assert not fargate or (task["cpu"], task["memory"]) == ("256", "512"), "the table prices another size"
    insights = resources(plan, "aws_ecs_cluster")[0]["setting"]
    return {
        "instances": instances,
        "disks": instances,
        "load balancers": len(resources(plan, "aws_lb")),
        "public addresses of instances": instances * addressed,
        **dict.fromkeys(["Fargate: CPU", "Fargate: memory"], tasks * fargate),
        "firewall: an ACL": len(acls),
        "firewall: its rules": sum(len(acl["rule"]) for acl in acls),
        "alarm metrics": sum(max(1, len([q for q in alarm["metric_query"] or [] if q["metric"]])) for alarm in alarms),
        "our metrics": len(resources(plan, "aws_cloudwatch_log_metric_filter")) + len(collected(plan)),
        "Container Insights, if it reports 30 metrics a cluster": 30 * (insights[0]["value"] == "enabled"),
    }


def test_counts_are_those_of_the_plans(copy):
    """Production and staging as they come, the others as examples say."""
    fargate = held(verbose_test(made_as("examples/fargate/README.md", "# fargate", copy, "fargate"), "test_plan", "plans"))
    # Shared publishes it, by its own variable; here the mocks do.
    mocks = copy / "test/mocks/aws.tfmock.hcl"
    mocks.write_text(mocks.read_text().replace('"instances_have_public_addresses": false', '"instances_have_public_addresses": true'))

    production, staging = (held(verbose_test(TERRAFORM / "environments" / name, "test_plan", "plans")) for name in ("production", "staging"))
    small = held(verbose_test(made_as("examples/small/README.md", "# small", copy, "small"), "test_plan", "plans"))
    got = [small, production, fargate, {item: count + staging[item] for item, count in production.items()}]
    for item in production:
        if item in (free := {"alarm metrics": "alarm metrics beyond the ten free ones", "our metrics": "metrics of our own beyond the ten free ones"}):
            assert counts(free[item]) == [max(0, column[item] - 10) for column in got], item
        else:
            assert counts(item) == [column[item] for column in got], item


def test_shared_of_small_has_no_gateway(copy):
    shared = copy / "shared"
    (shared / "terraform.tfvars").write_text((copy / "examples/small/shared.tfvars").read_text())
    plan = verbose_test(shared, "test_plan", "may_be_destroyed")
    assert not resources(plan, "aws_nat_gateway") and not resources(plan, "aws_eip")
    usual = verbose_test(TERRAFORM / "shared", "test_plan", "may_be_destroyed")
    assert len(resources(usual, "aws_nat_gateway")) == counts("NAT gateway")[1] == 1
    assert len(resources(usual, "aws_eip")) == counts("its public address")[1] == 1
    assert len(resources(usual, "aws_kms_key")) == counts("KMS key")[1] and len(resources(usual, "aws_route53_zone")) == counts("hosted zone")[1]


def test_collected_metrics_are_the_programs():
    source = (REPOSITORY / "services/todo-api/internal/metrics/metrics.go").read_text()
    names = collected(verbose_test(TERRAFORM / "environments/production", "test_plan", "plans"))
    assert len(names) == 8
    missing = [name for name in names if f'"{name.removeprefix("todo_")}"' not in source]
    assert not missing, f"the program has no metric {missing}"
    graphs_and_alarms = "".join(path.read_text() for path in (TERRAFORM / "modules/observability").glob("*.tf"))
    unused = [name for name in names if name.removeprefix("todo_") not in graphs_and_alarms]
    assert not unused, f"paid for, and neither watched nor shown: {unused}"
