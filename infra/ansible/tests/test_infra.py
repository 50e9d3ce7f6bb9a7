"""infra.yml plans with --check, and applies without."""

import json
import sys

import pytest

MAIN = """
terraform {
  backend "local" {}
}
resource "terraform_data" "one" {
  input = "VALUE"
}
output "deploy" {
  value = { site_url = terraform_data.one.output }
}
"""


@pytest.fixture
def infra(ansible_playbook, aws, tmp_path):
    """Runs infra.yml on an environment of this machine, whose Terraform needs no provider, and returns its end, what it said and its state."""
    directory, state = tmp_path / "infra/terraform/environments/one", tmp_path / "state"
    directory.mkdir(parents=True)
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"one": {}}}}))

    def run(*words, main=MAIN, backend=f'path = "{state}"\n'):
        (directory / "main.tf").write_text(main)
        backend_file = tmp_path / "infra/terraform/backend.hcl"
        backend_file.unlink(missing_ok=True)
        if backend:
            backend_file.write_text(backend)
        variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "environment": "one", "repository_root": str(tmp_path)}
        done = ansible_playbook(["-i", inventory, "infra.yml", *words, "-e", json.dumps(variables)], aws)
        return done.returncode, " ".join(f"{done.stdout} {done.stderr}".split()), state.read_text() if state.exists() else ""

    return run


def test_check_then_apply(infra):
    code, said, state = infra("--check")
    assert code == 0 and "changed=1" in said and not state, said
    code, said, state = infra()
    assert code == 0 and "changed=1" in said and "site_url: VALUE" in said, said
    code, said, again = infra("--check")
    assert code == 0 and "changed=0" in said and again == state, said
    code, said, again = infra("--check", main=MAIN.replace("VALUE", "another"))
    assert code == 0 and "changed=1" in said and again == state, said
    code, said, again = infra()
    assert code == 0 and "changed=0" in said and again == state, said


@pytest.mark.parametrize("words, change, want", [
    ([], {"backend": ""}, "backend.hcl"), (["--check"], {"backend": ""}, "backend.hcl"), (["--check"], {"main": "resource {"}, "main.tf"),
])
def test_refused(infra, words, change, want):
    code, said, state = infra(*words, **change)
    assert code != 0 and want in said and "Traceback" not in said and not state, said
