"""Staging and production in two accounts, as examples/accounts says."""

import shutil

import pytest
from conftest import verbose_test


def planned(copy, root, account):
    place = shutil.copytree(copy / root, copy / f"{root}-{account}")
    (place / "terraform.tfvars").write_text((copy / f"examples/accounts/{account}/{root}.tfvars").read_text())
    (tests,) = place.glob("tests/*.tftest.hcl")
    tests.write_text(tests.read_text().partition("\nrun ")[0] + '\n\nrun "planned" {\n  command = plan\n}\n')
    changes = verbose_test(place, "test_plan", "planned")["resource_changes"]
    return {c["address"]: c["change"]["after"] for c in changes if c["mode"] == "managed"}


@pytest.mark.parametrize("account", ["staging", "production"])
def test_an_account_has_the_roles_of_its_environment(account, copy):
    roles = planned(copy, "bootstrap", account)
    got = [after["name"] for address, after in roles.items() if address.startswith("aws_iam_role.deploy[")]
    assert got == [f"todo-{account}-deploy"]


def test_production_delegates_the_zone_of_staging(copy):
    staging = planned(copy, "shared", "staging")
    production = planned(copy, "shared", "production")
    zones = [plan["module.dns_zone.aws_route53_zone.this[0]"]["name"] for plan in (staging, production)]
    assert zones == ["staging.todo.example.com", "todo.example.com"]
    record = production[f'aws_route53_record.delegation["{zones[0]}"]']
    assert (record["type"], record["name"], len(record["records"])) == ("NS", zones[0], 4)
    assert not [address for address in staging if "delegation[" in address]
