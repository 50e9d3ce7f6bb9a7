"""Who may talk to whom, followed on the state that a mocked apply of the whole environment leaves."""

import json
import re

import pytest
from conftest import TERRAFORM, verbose_test

SERVICE = "CloudFront's interfaces"
WORLD = "0.0.0.0/0"


def resources(module):
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from resources(child)


def edges(state):
    everything = list(resources(state["root_module"]))
    names = {r["values"]["id"]: r["values"]["tags"]["Name"] for r in everything if r["type"] == "aws_security_group" and r["mode"] == "managed"}
    names["sg-vpc-origins"] = SERVICE
    found = set()
    for r in everything:
        if r["type"] not in ("aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"):
            continue
        v = r["values"]
        peer = names.get(v["referenced_security_group_id"]) or v["cidr_ipv4"] or v["cidr_ipv6"] or v["prefix_list_id"]
        own = names[v["security_group_id"]]
        ports = f"{v['ip_protocol']} {v['from_port']}-{v['to_port']}"
        found.add((peer, own, "in", ports) if "ingress" in r["type"] else (own, peer, "out", ports))
    inline = [r["address"] for r in everything if r["type"] == "aws_security_group_rule" or (r["type"] == "aws_security_group" and r["mode"] == "managed" and ("ingress" in r["values"] and r["values"]["ingress"] or "egress" in r["values"] and r["values"]["egress"]))]
    return found, inline


@pytest.mark.parametrize(("run", "entrance"), [("whole", SERVICE), ("public_origin", "pl-cloudfront")])
def test_exactly_the_allowed_edges(run, entrance):
    found, inline = edges(verbose_test(TERRAFORM / "modules/environment", "test_state", run))
    want = {
        (entrance, "todo-staging-load-balancer", "in", "tcp 443-443"),
        ("todo-staging-load-balancer", "todo-staging-instances", "out", "tcp 32768-65535"),
        ("todo-staging-load-balancer", "todo-staging-instances", "in", "tcp 32768-65535"),
        ("todo-staging-instances", WORLD, "out", "tcp 443-443"),
    }
    assert found == want, f"opened: {sorted(found - want)}; closed: {sorted(want - found)}"
    assert not inline, f"rules belong into resources of their own, where this test sees them: {inline}"


def test_exactly_the_allowed_edges_on_fargate():
    found, inline = edges(verbose_test(TERRAFORM / "modules/environment", "test_state", "fargate"))
    want = {
        (SERVICE, "todo-staging-load-balancer", "in", "tcp 443-443"),
        ("todo-staging-load-balancer", "todo-staging-api-tasks", "out", "tcp 8080-8080"),
        ("todo-staging-load-balancer", "todo-staging-api-tasks", "in", "tcp 8080-8080"),
        ("todo-staging-api-tasks", WORLD, "out", "tcp 443-443"),
        ("todo-staging-api-tasks", "todo-staging-valkey", "out", "tcp 6379-6379"),
        ("todo-staging-api-tasks", "todo-staging-valkey", "in", "tcp 6379-6379"),
    }
    assert found == want, f"opened: {sorted(found - want)}; closed: {sorted(want - found)}"
    assert not inline, f"rules belong into resources of their own, where this test sees them: {inline}"


@pytest.mark.parametrize("run", ["whole", "public_origin", "fargate"])
def test_ec2_takes_the_descriptions(run):
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html; no plan refuses another character, an apostrophe for one."""
    state = verbose_test(TERRAFORM / "modules/environment", "test_state", run)
    described = {r["address"]: r["values"]["description"] for r in resources(state["root_module"]) if r["mode"] == "managed" and r["type"].startswith(("aws_security_group", "aws_vpc_security_group"))}
    assert len(described) >= 6, f"got {sorted(described)}"
    refused = {address: text for address, text in described.items() if not re.fullmatch(r"[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}", text)}
    assert not refused, refused


def test_the_world_reaches_no_instance():
    """Followed backwards from the instances over all edges: only CloudFront stands at the end."""
    found, _ = edges(verbose_test(TERRAFORM / "modules/environment", "test_state", "whole"))
    reach = {"todo-staging-instances"}
    while more := {peer for peer, own, direction, _ in found if direction == "in" and own in reach} - reach:
        reach |= more
    assert reach == {"todo-staging-instances", "todo-staging-load-balancer", SERVICE}, f"got {sorted(reach)}"


def test_task_may_do_exactly_this():
    """The policy as it is attached in a whole environment, not as a module was told in its own test."""
    state = verbose_test(TERRAFORM / "modules/environment", "test_state", "whole")
    policies = [r["values"]["policy"] for r in resources(state["root_module"]) if r["type"] == "aws_iam_role_policy" and r["values"]["name"] == "task"]
    assert len(policies) == 1, f"got {len(policies)} policies of the task role, want 1"
    got = {(s["Effect"], action, one, "Condition" in s) for s in json.loads(policies[0])["Statement"] for one in s["Resource"] for action in s["Action"]}
    bucket = "arn:aws:s3:::todo-staging-lists-123456789012"
    want = {
        ("Allow", "s3:GetObject", f"{bucket}/lists/*", False),
        ("Allow", "s3:PutObject", f"{bucket}/lists/*", False),
        ("Allow", "s3:DeleteObject", f"{bucket}/lists/*", True),
        ("Allow", "s3:ListBucket", bucket, False),
        *(("Allow", action, "arn:aws:logs:eu-west-1:123456789012:log-group:/todo-staging-api:log-stream:metrics", False) for action in ("logs:CreateLogStream", "logs:PutLogEvents")),
    }
    assert got == want, f"more: {sorted(got - want)}; less: {sorted(want - got)}"
