"""The firewall lets through what the API's contract allows."""

import re

import yaml
from conftest import REPOSITORY, TERRAFORM, verbose_test

CONTRACT = REPOSITORY / "services/todo-api/internal/httpapi/openapi.yaml"

# What AWS documents of its rules: those that search text for patterns, by the part of the request, and those that limit
# a part's size, in bytes. https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
COMMON = [f"{rule}_{part}" for rule in ("EC2MetaDataSSRF", "GenericLFI", "GenericRFI", "CrossSiteScripting") for part in ("BODY", "URIPATH", "QUERYARGUMENTS")]
SEARCHES = {
    "AWSManagedRulesCommonRuleSet": [*COMMON, "RestrictedExtensions_URIPATH", "RestrictedExtensions_QUERYARGUMENTS"],
    "AWSManagedRulesKnownBadInputsRuleSet": ["ExploitablePaths_URIPATH", "ReactJSRCE_BODY", *(f"{rule}_{part}" for rule in ("JavaDeserializationRCE", "Log4JRCE") for part in ("BODY", "HEADER", "URIPATH", "QUERYSTRING"))],
}
SIZES = {"SizeRestrictions_BODY": 8192, "SizeRestrictions_URIPATH": 1024, "SizeRestrictions_QUERYSTRING": 2048}


def counted(environment):
    plan = verbose_test(TERRAFORM / f"environments/{environment}", "test_plan", "plans")
    acl = next(c["change"]["after"] for c in plan["resource_changes"] if c["type"] == "aws_wafv2_web_acl")
    groups = [statement for rule in acl["rule"] for statement in rule["statement"][0]["managed_rule_group_statement"] or []]
    return {group["name"]: {override["name"] for override in group["rule_action_override"] or []} for group in groups}


def longest():
    """The bytes that a request of the contract may have, by the rule that limits them. A percent-encoded code point has up to 12."""
    contract = yaml.safe_load(CONTRACT.read_text())
    name = contract["components"]["schemas"]["ListName"]
    assert re.fullmatch(contract["components"]["schemas"]["OperationID"]["pattern"], "${jndi:ldap://x}"), "an Idempotency-Key cannot look like an attack any more: its HEADER rules may block"
    assert name["pattern"] == r"^[^/\\\x00-\x1f\x7f-\x9f]+$", "the contract's names changed: see which of SEARCHES refuse one"
    body = re.search(r"(\d+) MiB", CONTRACT.read_text())
    return {"SizeRestrictions_URIPATH": 12 * name["maxLength"] + len("/api/lists//todos/"), "SizeRestrictions_BODY": int(body.group(1)) * 2**20}


def test_firewall_lets_the_contract_through():
    for environment in ("production", "staging"):
        got = counted(environment)
        assert set(SEARCHES) < set(got), f"{environment}: got the groups {sorted(got)}"
        wanted = {group: set(rules) for group, rules in SEARCHES.items()}
        wanted["AWSManagedRulesCommonRuleSet"] |= {rule for rule, size in longest().items() if size > SIZES[rule]}
        for group, rules in wanted.items():
            assert got[group] == rules, f"{environment}: {group} would block {sorted(rules - got[group])}; needlessly let through: {sorted(got[group] - rules)}"
