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
import json
import os
import shlex
import socket

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import local


class Connection(local.Connection):
    """Connects to the process whose socket is named by the variable MODULE_FORKS."""

    transport = "forked"

    def exec_command(self, cmd, in_data=None, sudoable=True):
        if not in_data:
            return super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        # /bin/sh -c 'NAME=VALUE ... PYTHON && sleep 0'
        given = itertools.takewhile(lambda word: "=" in word, shlex.split(shlex.split(cmd)[2]))
        request = {"script": in_data.decode(), "cwd": os.getcwd(), "environment": {**os.environ, **dict(word.split("=", 1) for word in given)}}
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.environ["MODULE_FORKS"])
            connection.sendall(json.dumps(request).encode())
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as answer:
                text = answer.read()
        if not text:
            raise AnsibleConnectionFailure("the process that runs the module was killed")
        code, out, err = json.loads(text)
        return code, out.encode(), err.encode()
