"""A playbook that runs from its first task."""

from __future__ import annotations

DOCUMENTATION = r"""
name: whole_playbook
short_description: Refuse a playbook that begins at a later task
version_added: 1.1.0
description:
  - With C(--start-at-task) Ansible skips all tasks before the named one, and succeeds without running any if no task has the name.
  - Returns its terms. A play's C(hosts) evaluates it before the first task, which is skipped as well.
author: [The maintainers]
options:
  _terms:
    description: What to return.
    required: true
"""

EXAMPLES = r"""
- name: Begin
  hosts: "{{ lookup('todo.deploy.whole_playbook', 'localhost') }}"
"""

RETURN = r"""
_raw:
  description: The terms.
  type: list
  elements: raw
"""

from ansible import context
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """The lookup."""

    def run(self, terms, variables=None, **kwargs):
        if context.CLIARGS.get("start_at_task"):
            raise AnsibleError("--start-at-task leaves out tasks of this playbook: expected -e environment=NAME without it.")
        return terms
