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


@pytest.mark.parametrize("folder", [*MODULES, *(TERRAFORM / root for root in ROOTS)], ids=lambda f: str(f.relative_to(TERRAFORM)))
def test_every_output_is_described(folder):
    for name, body in tables.blocks(folder / "outputs.tf", "output"):
        assert tables.attribute(body, "description"), f"output {name} has no description"


def test_examples_are_valid(copy):
    """All examples in one configuration, as the READMEs have them, in a folder like an environment's."""
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


def test_costs_add_up():
    text = (TERRAFORM / "docs/costs.md").read_text()
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in text[text.index("## Added up") :].split("\n## ")[0].splitlines() if row.startswith("|")]
    prices = {row[0]: [float(cell) for cell in row[1:]] for row in rows[2:]}
    items = [price for item, price in prices.items() if not item.startswith("sum")]
    for column, environments in enumerate((1, 2)):
        bare = sum(price[column] for price in items)
        # public_addresses are paid by environment, gateways once.
        for name, egress in {"sum": 0, "sum with `public_addresses`": 7.30 * environments, "sum with `single_nat` (default)": 36.50, "sum with `nat_per_zone`": 73.00}.items():
            got, want = prices[name][column], round(bare + egress, 2)
            assert got == want, f"docs/costs.md, {name}, column {column + 1}: got {got}, want {want}"


def test_diagram_is_of_its_source():
    digest = hashlib.sha256((TERRAFORM / "docs/architecture.dot").read_bytes()).hexdigest()
    assert f"<!-- made from architecture.dot {digest} -->" in (TERRAFORM / "docs/architecture.svg").read_text(), "run infra/terraform/docs/draw"


def test_pages_link_to_what_is_there():
    """Links of the READMEs and of docs/ to other files of the repository."""
    broken = []
    for page in [*TERRAFORM.glob("*.md"), *TERRAFORM.glob("docs/*.md"), *TERRAFORM.glob("modules/*/README.md")]:
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in link and not (page.parent / link).exists():
                broken.append(f"{page.relative_to(TERRAFORM)}: {link}")
    assert not broken, broken
