"""READMEs' examples are valid and their tables current; the diagram is that of its source."""

import hashlib
import re

import pytest
import tables
from conftest import ROOTS, TERRAFORM, terraform

MODULES = tables.modules()


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_tables_are_current(module):
    readme = (module / "README.md").read_text()
    assert readme == tables.written(readme, module), "run python3 infra/terraform/test/tables.py"


@pytest.mark.parametrize("directory", [*MODULES, *(TERRAFORM / root for root in ROOTS)], ids=lambda f: str(f.relative_to(TERRAFORM)))
def test_every_output_is_described(directory):
    for name, body in tables.blocks(directory / "outputs.tf", "output"):
        assert tables.attribute(body, "description"), f"output {name} has no description"


def test_examples_are_valid(copy):
    """All examples in one configuration, as the READMEs have them, in a directory like an environment's."""
    root = copy / "environments/examples"
    root.mkdir()
    for module in MODULES:
        example = re.search(r"```hcl\n(.*?)```", (module / "README.md").read_text(), re.S)
        assert example, f"{module.name}/README.md has no example"
        assert f'source = "../../modules/{module.name}"' in example.group(1), f"{module.name}: the example must use the module"
        (root / f"{module.name}.tf").write_text(example.group(1))
    terraform(root, "init", "-backend=false", "-input=false")
    terraform(root, "validate")
    assert terraform(root, "fmt", "-check", "-diff") == ""


def test_diagram_is_of_its_source():
    digest = hashlib.sha256((TERRAFORM / "docs/architecture.dot").read_bytes()).hexdigest()
    assert f"<!-- made from architecture.dot {digest} -->" in (TERRAFORM / "docs/architecture.svg").read_text(), "run infra/terraform/docs/draw"


def test_pages_link_to_what_is_there():
    """Links of the READMEs and of docs/ to other files of the repository."""
    broken = []
    for page in [*TERRAFORM.glob("*.md"), *TERRAFORM.glob("docs/*.md"), *TERRAFORM.glob("modules/*/README.md"), *TERRAFORM.glob("examples/*/README.md")]:
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in link and not (page.parent / link).exists():
                broken.append(f"{page.relative_to(TERRAFORM)}: {link}")
    assert not broken, broken
