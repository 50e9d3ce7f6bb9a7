"""Runs the scripts that Ansible makes of modules, each in a fork: python forks.py SOCKET. See plugins/connection/forked.py."""

import json
import os
import pathlib
import signal
import socket
import sys
import tempfile
import traceback

import ansible.modules.command
import ansible.modules.copy
import ansible.modules.file
import ansible.modules.find
import ansible.modules.slurp
import ansible.modules.stat
import ansible.modules.uri
import ansible_collections
import boto3  # noqa: F401

HERE = pathlib.Path(__file__).resolve().parent.parent
ansible_collections.__path__.append(str(HERE / "collections/ansible_collections"))  # as Ansible's own finder does

import ansible_collections.amazon.aws.plugins.module_utils.modules
import ansible_collections.todo.deploy.plugins.module_utils.logs  # noqa: F401
from ansible_collections.todo.deploy.plugins.module_utils import calls

calls.PAUSES = tuple(0.001 for _ in calls.PAUSES)  # what is tested is that a call is tried again


def serve(connection):
    """Runs the script that a connection sends, and answers with its status and what it wrote."""
    with connection.makefile("rb") as sent:
        request = json.loads(sent.read())
    written = [tempfile.TemporaryFile() for _ in range(2)]
    for number, file in enumerate(written, 1):
        os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    sys.argv, code = [""], 0
    try:
        exec(compile(request["script"], "module", "exec"), {"__name__": "__main__"})
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    for file in written:
        file.seek(0)
    connection.sendall(json.dumps([code, *(file.read().decode() for file in written)]).encode())


signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no fork is waited for
with socket.socket(socket.AF_UNIX) as listening:
    listening.bind(sys.argv[1])
    listening.listen(16)
    print("listening", flush=True)
    while True:
        connected, _ = listening.accept()
        if os.fork():
            connected.close()
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            serve(connected)
        finally:
            os._exit(0)
