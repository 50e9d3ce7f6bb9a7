"""The connection `local`, whose modules run in forks of forks.py: a new interpreter takes most of a module's time."""

from __future__ import annotations

DOCUMENTATION = r"""
name: forked
short_description: Run modules in forks of one process that has imported what they need
description:
  - Commands without a module run as O(ansible.builtin.local#connection) runs them.
author: [The maintainers]
extends_documentation_fragment: [connection_pipelining]
options:
  become_success_timeout:
    description: Not used.
    type: int
    default: 10
  become_strip_preamble:
    description: Not used.
    type: bool
    default: true
"""

import itertools
import os
import pathlib
import shlex
import sys

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import local

sys.path.append(str(pathlib.Path(__file__).parents[2]))
import forks


class Connection(local.Connection):
    """Connects to the process whose socket is named by the variable MODULE_FORKS."""

    transport = "forked"

    def exec_command(self, cmd, in_data=None, sudoable=True):
        if not in_data:
            return super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        # /bin/sh -c 'NAME=VALUE ... PYTHON && sleep 0'
        given = itertools.takewhile(lambda word: "=" in word, shlex.split(shlex.split(cmd)[2]))
        environment = {**os.environ, **dict(word.split("=", 1) for word in given)}
        try:
            code, out, err = forks.run(os.environ["MODULE_FORKS"], in_data.decode(), environment)
        except ConnectionError as e:
            raise AnsibleConnectionFailure(str(e)) from e
        return code, out.encode(), err.encode()
