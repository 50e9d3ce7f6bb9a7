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


def test_checkov(copy):
    """Without the suppressions, checkov finds what they suppress and nothing else."""
    suppressed, silent = set(), []
    for path in sorted(copy.rglob("*.tf")):
        text = path.read_text()
        resource = ""
        for number, line in enumerate(text.splitlines(), 1):
            if block := re.match(r'(?:resource|data) "(\w+)" "(\w+)" \{', line):
                resource = ".".join(block.groups())
            if suppression := re.search(r"#checkov:skip=(\w+)(: \S.{15,})?", line):
                suppressed.add((suppression[1], str(path.relative_to(copy)), resource))
                silent += [] if suppression[2] else [f"{path.relative_to(copy)}:{number}: {line.strip()}"]
        path.write_text(text.replace("#checkov:skip", "# "))
    assert not silent, f"suppressions without a reason: {silent}"

    done = subprocess.run(["checkov", "-d", ".", "--skip-download", "--framework", "terraform", "--compact", "--quiet", "-o", "json"], cwd=copy, text=True, capture_output=True)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    found = {(c["check_id"], c["file_path"].lstrip("/"), re.search(r"\w+\.\w+$", re.sub(r"\[.*?]", "", c["resource"]))[0]) for c in report["results"]["failed_checks"]}
    assert found == suppressed, f"found: {sorted(found - suppressed)}; suppressed and not found: {sorted(suppressed - found)}"
    assert report["summary"]["passed"] > 150, f"got {report['summary']['passed']} passed checks; the scan must have seen the tree"
    assert not report["summary"]["parsing_errors"]
