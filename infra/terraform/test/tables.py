"""The tables of variables and outputs in the modules' READMEs, made from the modules.

    python3 infra/terraform/test/tables.py     write them
"""

import pathlib
import re

TERRAFORM = pathlib.Path(__file__).resolve().parent.parent
MARK = "<!-- variables and outputs, written by test/tables.py -->"


def blocks(path, kind):
    """The blocks of a formatted file: name and body."""
    return re.findall(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}', path.read_text(), re.M | re.S)


def attribute(body, name):
    """An attribute's text, on one line, or None. Formatted files indent top attributes by two spaces, and only those."""
    match = re.search(rf"^  {name}\s*= (.*?)(?=^  \S|\Z)", body, re.M | re.S)
    if not match:
        return None
    text = match.group(1)
    if any(text.count(opening) != text.count(closing) for opening, closing in ("()", "[]", "{}")):
        text = re.match(r".*?\n  [\])}]+", body[match.start(1):], re.S).group()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    text = lines[0]
    for before, line in zip(lines, lines[1:]):
        text += line if before.endswith(("(", "[", "{")) or line.startswith((")", "]", "}")) else f", {line}"
    return re.sub(r" +", " ", text).strip()


def cell(text):
    return text.replace("|", "\\|")


def table(module):
    lines = [MARK, "", "| variable | means | type | default |", "|---|---|---|---|"]
    for name, body in sorted(blocks(module / "variables.tf", "variable")):
        default = attribute(body, "default")
        lines.append(f"| `{name}` | {cell(eval_string(attribute(body, 'description')))} | `{cell(attribute(body, 'type'))}` | {'required' if default is None else f'`{cell(default)}`'} |")
    lines += ["", "| output | means |", "|---|---|"]
    for name, body in sorted(blocks(module / "outputs.tf", "output")):
        lines.append(f"| `{name}` | {cell(eval_string(attribute(body, 'description')))} |")
    return "\n".join(lines) + "\n"


def eval_string(text):
    return text.strip('"').replace('\\"', '"')


def modules():
    return sorted(path.parent for path in (TERRAFORM / "modules").glob("*/variables.tf"))


def written(readme, module):
    head, mark, _ = readme.partition(MARK)
    if not mark:
        raise ValueError(f"{module.name}/README.md lacks the line {MARK}")
    return head + table(module)


if __name__ == "__main__":
    for module in modules():
        path = module / "README.md"
        path.write_text(written(path.read_text(), module))
