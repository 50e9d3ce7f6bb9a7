"""tflint and checkov."""

import json
import re
import subprocess

import pytest
from conftest import MODULES, ROOTS, TERRAFORM


@pytest.mark.parametrize("directory", [*ROOTS, *(f"modules/{name}" for name in MODULES)])
def test_tflint(directory):
    done = subprocess.run(["tflint", f"--config={TERRAFORM}/.tflint.hcl", "--format=compact"], cwd=TERRAFORM / directory, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_checkov():
    done = subprocess.run(
        ["checkov", "-d", ".", "--skip-download", "--framework", "terraform", "--compact", "--quiet", "-o", "json"], cwd=TERRAFORM, text=True, capture_output=True
    )
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    failed = [f"{c['check_id']} {c['file_path']} {c['resource']}: {c['check_name']}" for c in report["results"]["failed_checks"]]
    assert not failed, "\n".join(failed)
    assert report["summary"]["passed"] > 150, f"got {report['summary']['passed']} passed checks; the scan must have seen the tree"
    assert not report["summary"]["parsing_errors"]


def test_every_suppression_says_why():
    silent = []
    for path in TERRAFORM.rglob("*.tf"):
        if ".terraform" in path.parts:
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if "checkov:skip" in line and not re.search(r"checkov:skip=CKV2?_AWS_\d+: \S.{15,}", line):
                silent.append(f"{path.relative_to(TERRAFORM)}:{number}: {line.strip()}")
    assert not silent, silent
