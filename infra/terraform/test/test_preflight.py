"""The preflight says what would stop the first apply. AWS is moto; quotas, which it lacks, and the world's DNS are two commands on PATH."""

import json
import os
import subprocess

import boto3
import pytest
from conftest import TERRAFORM

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture
def account(moto, tmp_path):
    """An account with shared applied, and a domain that is delegated to it and receives no mail."""

    class Account:
        root = TERRAFORM

        def client(self, service):
            return boto3.client(service, endpoint_url=moto, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")

        def dns(self, **answers):
            for kind, lines in answers.items():
                (tmp_path / f"{kind}.dns").write_text("\n".join(lines))

        def quota(self, cpus):
            (tmp_path / "quota").write_text(f"{cpus}.0\n" if isinstance(cpus, int) else cpus)

        def preflight(self, *args):
            environment = {**os.environ, **CREDENTIALS, "AWS_ENDPOINT_URL": moto, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
            done = subprocess.run([self.root / "preflight", *args], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
            return done.returncode, done.stdout

    real = subprocess.run(["bash", "-c", "command -v aws"], capture_output=True, text=True, check=True).stdout.strip()
    for name, script in {"dig": f'cat {tmp_path}/"$2".dns', "aws": f'if [ "$1" = service-quotas ]; then cat {tmp_path}/quota; grep -q "^[0-9]" {tmp_path}/quota; elif [ -e {tmp_path}/"$1.refused" ]; then echo AccessDenied >&2; exit 254; else exec {real} "$@"; fi'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    account = Account()
    zone = account.client("route53").create_hosted_zone(Name="todo.example.com", CallerReference="1")
    account.zone = zone["HostedZone"]["Id"].removeprefix("/hostedzone/")
    account.client("ssm").put_parameter(Name="/todo/shared", Type="String", Value=json.dumps({"zone_id": account.zone}))
    s3 = account.client("s3")
    s3.create_bucket(Bucket="todo-terraform-state-123456789012")
    s3.put_object(Bucket="todo-terraform-state-123456789012", Key="shared/terraform.tfstate", Body=b"{}")
    account.dns(NS=[f"{server}." for server in zone["DelegationSet"]["NameServers"]], MX=[], DS=[], CAA=[])
    account.quota(16)
    return account


def test_an_account_that_is_ready(account):
    # Mail goes on where the zone has the record.
    account.dns(MX=["10 mx.example.com."])
    change = {"Action": "CREATE", "ResourceRecordSet": {"Name": "todo.example.com", "Type": "MX", "TTL": 300, "ResourceRecords": [{"Value": "10 mx.example.com"}]}}
    account.client("route53").change_resource_record_sets(HostedZoneId=account.zone, ChangeBatch={"Changes": [change]})
    code, said = account.preflight("staging")
    assert code == 0 and "FAULT" not in said, said
    assert said.count("ok ") == 10, said


def test_all_faults_are_said_at_once(account):
    account.quota(1)
    account.dns(
        NS=["ns1.registrar.example."],
        MX=["10 mx.example.com."],
        DS=["12345 13 2 6F2A"],
        CAA=['0 issue "letsencrypt.org"', '0 issuewild "amazon.com"'],
    )
    account.client("s3").delete_object(Bucket="todo-terraform-state-123456789012", Key="shared/terraform.tfstate")
    account.client("ssm").put_parameter(Name="/todo/staging/deploy", Type="String", Value="{}")
    code, said = account.preflight("staging")
    assert code == 1, said
    for want in [
        "the account may run 1 on-demand CPUs in us-east-1, and two environments need 8",
        "the account may run 1 spot CPUs",
        "/todo/shared exists, but s3://todo-terraform-state-123456789012/shared/terraform.tfstate does not: another state",
        "/todo/staging/deploy exists, but s3://todo-terraform-state-123456789012/staging/terraform.tfstate does not",
        "todo.example.com is answered by ns1.registrar.example, not by our zone: enter ",
        "the parent zone has a DS record for todo.example.com (DNSSEC of an earlier provider), and our zone is not signed",
        'CAA of todo.example.com lets "letsencrypt.org" issue certificates, and not Amazon',
        "todo.example.com receives mail at 10 mx.example.com, and our zone has no MX record",
    ]:
        assert want in said, f"not said: {want}; said:\n{said}"


def test_what_cannot_be_read_is_a_fault_among_others(account, tmp_path):
    account.quota("An error occurred (AccessDenied) when calling the GetServiceQuota operation")
    for service in ("cloudfront", "s3api"):
        (tmp_path / f"{service}.refused").touch()
    code, said = account.preflight()
    assert code == 1 and said.count("CPUs cannot be read: An error occurred (AccessDenied)") == 2, said
    assert "distributions cannot be read: AccessDenied" in said, said
    assert "shared/terraform.tfstate cannot be read: AccessDenied" in said, f"stopped halfway: {said}"
    (tmp_path / "ssm.refused").touch()
    assert "/todo/shared cannot be read: AccessDenied" in account.preflight()[1]


def test_certificates_that_amazon_may_issue(account):
    account.dns(CAA=['0 issue "letsencrypt.org"', '0 issue "amazon.com; accounturi=x"'])
    code, said = account.preflight("staging")
    assert code == 0 and "no CAA record refuses Amazon" in said, said


def test_an_environment_before_shared(account):
    account.client("ssm").delete_parameter(Name="/todo/shared")
    code, said = account.preflight("staging")
    assert code == 1 and "shared is not applied yet" in said, said


def test_cloudfront_is_tried_when_asked(account):
    code, said = account.preflight("--cloudfront")
    assert code == 0 and "a distribution could be made" in said, said
    assert not account.client("cloudfront").list_distributions()["DistributionList"].get("Items"), "the distribution was left behind"


def test_an_unknown_environment(account):
    code, said = account.preflight("qa")
    assert code == 2 and "there is no environments/qa; expected one of production staging" in said, said


def test_a_region_of_another_partition(account, copy):
    project = copy / "project.yaml"
    project.write_text(project.read_text().replace("region: us-east-1", "region: 'cn-north-1'"))
    account.root = copy
    code, said = account.preflight()
    assert code == 1 and "cn-north-1 is outside the partition aws" in said, said
