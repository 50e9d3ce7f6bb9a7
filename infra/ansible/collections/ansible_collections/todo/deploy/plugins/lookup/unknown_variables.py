"""Variables that nothing reads."""

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_variables
short_description: List the variables of a host that no role reads
version_added: 1.1.0
description:
  - Ansible ignores a variable that nothing reads, so a misspelled name silently means the default.
  - Looks at what the inventory, C(group_vars) and C(-e) set. Known are the names in argument_specs and defaults of the roles beside the playbook, in its
    C(group_vars/all.yml), and names that begin with C(ansible_) or C(own_).
author: [The maintainers]
options:
  _terms:
    description: Additional known names.
    required: true
  host:
    description: The host.
    type: str
    required: true
  files:
    description: Files of tasks, relative to the playbook, which may read variables of any name.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Refuse misspelled names
  ansible.builtin.assert:
    that: query('todo.deploy.unknown_variables', 'release', host='staging') | length == 0
"""

RETURN = r"""
_raw:
  description: The unknown names, each with the most similar known name, if there is one.
  type: list
  elements: str
"""

import difflib
import pathlib
import re

import yaml
from ansible.plugins.lookup import LookupBase

# Set by Ansible itself. https://docs.ansible.com/ansible/latest/reference_appendices/special_variables.html
MAGIC = re.compile(r"(ansible|inventory|own|play|role)_.*|group_names|groups|hostvars|omit|playbook_dir|vars")


def _names(directory):
    """The names that the roles and group_vars of a directory declare."""
    for path in directory.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values():
            yield from entry["options"]
    for path in (*directory.glob("roles/*/defaults/main.yml"), directory / "group_vars/all.yml"):
        yield from yaml.safe_load(path.read_text())


def _words(path):
    """The words of a file. Where its tasks are included, an unreadable file is an error."""
    try:
        return re.findall(r"\w+", path.read_text())
    except (OSError, ValueError):
        return []


class LookupModule(LookupBase):
    """The lookup."""

    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        directory = pathlib.Path(variables["playbook_dir"])
        known = {*terms, *_names(directory)}
        read = {word for file in self.get_option("files") for word in _words(directory / file)}
        unknown = []
        hostvars = variables["hostvars"][self.get_option("host")]
        for name in sorted(hostvars):
            if name == "_raw_params":  # what -e has without an equals sign
                unknown.append(f"{hostvars[name]} (expected NAME=VALUE)")
            elif name not in known | read and not MAGIC.fullmatch(name):
                near = difflib.get_close_matches(name, known, n=1)
                unknown.append(f"{name} (did you mean {near[0]}?)" if near else name)
        return unknown
