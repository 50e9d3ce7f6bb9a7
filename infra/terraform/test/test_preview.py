"""Previews come and go: preview/preview with Terraform and its states in S3 (moto), in place of a root that needs AWS."""

import json
import os
import shutil
import subprocess

import boto3
import pytest
from conftest import TERRAFORM, terraform

ROOT = """
terraform {
  backend "s3" {
    use_lockfile = true
  }
}
variable "environment" {}
variable "number" {}
variable "image" {}
variable "until" {}
resource "terraform_data" "this" {
  input = var.image
}
output "url" {
  value = "https://${var.number}.preview.${var.environment}.todo.example.com"
}
output "until" {
  value = var.until
}
"""
ACCOUNT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
IMAGE = "registry.example.com/todo-api@sha256:" + "ab" * 32


@pytest.fixture
def preview(moto, tmp_path):
    """The script in a tree like the repository's, where images are pushed at once."""
    place = tmp_path / "infra/terraform/preview"
    place.mkdir(parents=True)
    shutil.copy(TERRAFORM / "preview/preview", place)
    shutil.copy(TERRAFORM / "project.yaml", place.parent)
    (place / "main.tf").write_text(ROOT)
    (tmp_path / "tools").mkdir()
    pushed = json.dumps({"image": IMAGE, "pushed": True}, separators=(",", ":"))
    (tmp_path / "tools/image").write_text(f'#!/bin/sh\n[ "$*" = "push -from built -repository registry.example.com/todo-api" ] && echo \'{pushed}\'\n')
    (tmp_path / "tools/image").chmod(0o755)

    def client(service):
        return boto3.client(service, endpoint_url=moto, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")

    client("s3").create_bucket(Bucket="states")
    client("ssm").put_parameter(Name="/todo/staging/previews", Type="String", Value=json.dumps({"repository_url": "registry.example.com/todo-api"}))
    environment = {**os.environ, **ACCOUNT, "AWS_ENDPOINT_URL": moto, "STATE_BUCKET": "states"}

    class Preview:
        root = place

        def __call__(self, *args, **variables):
            done = subprocess.run([place / "preview", *args], cwd=tmp_path, text=True, capture_output=True, env={**environment, **variables})
            assert done.returncode == 0, done.stderr
            return done.stdout

        def states(self):
            return [item["Key"] for item in client("s3").list_objects_v2(Bucket="states").get("Contents", [])]

        def lock(self, number):
            lock = {"ID": "1", "Operation": "OperationTypeApply", "Who": "another", "Version": "1.11.4", "Created": "2026-01-01T00:00:00Z", "Path": "", "Info": ""}
            client("s3").put_object(Bucket="states", Key=f"previews/staging/{number}.tfstate.tflock", Body=json.dumps(lock).encode())

        def shown(self, number):
            terraform(place, "init", "-reconfigure", "-backend-config=bucket=states", "-backend-config=region=us-east-1", f"-backend-config=key=previews/staging/{number}.tfstate", environment=environment)
            return json.loads(terraform(place, "show", "-json", environment=environment))["values"]["root_module"]["resources"][0]["values"]["input"]

    return Preview()


def test_previews_come_and_go(preview):
    assert preview("show", "12", "built").startswith("preview 12: https://12.preview.staging.todo.example.com, until 2")
    assert preview.shown(12) == IMAGE
    preview("show", "13", "built", DAYS="0")
    assert preview.states() == ["previews/staging/12.tfstate", "previews/staging/13.tfstate"]

    due = preview("end-due").splitlines()
    assert due[0].startswith("preview 12 stays until 2") and due[1:] == ["preview 13 is gone"]
    assert preview.states() == ["previews/staging/12.tfstate"]

    assert preview("end", "12") == "preview 12 is gone\n"
    assert preview.states() == []
    assert preview("end-due") == ""


def test_one_that_never_came_up_is_ended(preview):
    """Its state has no day, because its apply failed."""
    main = preview.root / "main.tf"
    main.write_text(ROOT.replace("input = var.image", 'input = var.image\n  provisioner "local-exec" {\n    command = "exit 7"\n  }').replace("value = var.until", "value = terraform_data.this.id"))
    with pytest.raises(AssertionError, match="exit status 7"):
        preview("show", "14", "built")
    assert preview.states() == ["previews/staging/14.tfstate"]
    main.write_text(ROOT)
    assert preview("end-due") == "preview 14 is gone\n"
    assert preview.states() == []


def test_one_that_cannot_end_keeps_no_other(preview):
    for number in ("15", "16"):
        preview("show", number, "built", DAYS="0")
    preview.lock("15")
    with pytest.raises(AssertionError, match="Error acquiring the state lock"):
        preview("end-due")
    assert preview.states() == ["previews/staging/15.tfstate", "previews/staging/15.tfstate.tflock"]


def test_states_that_cannot_be_listed(preview):
    with pytest.raises(AssertionError, match="NoSuchBucket"):
        preview("end-due", STATE_BUCKET="no-such-bucket")


@pytest.mark.parametrize(
    ("args", "variables", "want"),
    [
        (["show", "12"], {}, "expected show NUMBER IMAGE, end NUMBER or end-due"),
        (["show", "007", "built"], {}, "expected show NUMBER IMAGE, end NUMBER or end-due"),
        (["end", "all"], {}, "expected show NUMBER IMAGE, end NUMBER or end-due"),
        (["end", "12"], {"ENVIRONMENT": "../staging"}, 'ENVIRONMENT is "../staging", expected the name of an environment'),
        (["show", "12", "built"], {"DAYS": "a week"}, 'DAYS is "a week", expected a number of days'),
        (["end-due"], {"STATE_BUCKET": ""}, "expected STATE_BUCKET and AWS_REGION, which bootstrap prints"),
    ],
)
def test_bad_input(args, variables, want):
    environment = {**os.environ, **ACCOUNT, "STATE_BUCKET": "states", **variables}
    done = subprocess.run([TERRAFORM / "preview/preview", *args], text=True, capture_output=True, env=environment)
    assert done.returncode == 2 and want in done.stderr, done.stderr
