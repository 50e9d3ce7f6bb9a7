"""Runs scripts, each in a fork of one process that has imported what they need: python forks.py SOCKET modules|playbooks."""

import gc
import importlib
import json
import os
import pathlib
import pkgutil
import signal
import socket
import sys
import tempfile
import traceback
import warnings

HERE = pathlib.Path(__file__).resolve().parent.parent


def run(path, script, environment):
    """Has the process that listens at a path run a script in this directory; returns its status and what it wrote to both outputs."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(json.dumps({"script": script, "cwd": os.getcwd(), "environment": environment}).encode())
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            text = answer.read()
    if not text:
        raise ConnectionError("the process that ran the script was killed")
    return json.loads(text)


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
        exec(compile(request["script"], "script", "exec"), {"__name__": "__main__"})
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


def modules():
    """Imports what the scripts that Ansible makes of modules need."""
    for name in ("command", "copy", "file", "find", "slurp", "stat", "uri"):
        importlib.import_module(f"ansible.modules.{name}")
    import ansible_collections
    import boto3  # noqa: F401

    ansible_collections.__path__.append(str(HERE / "collections/ansible_collections"))  # as Ansible's own finder does
    import ansible_collections.amazon.aws.plugins.module_utils.modules
    import ansible_collections.todo.deploy.plugins.module_utils.logs  # noqa: F401
    from ansible_collections.todo.deploy.plugins.module_utils import calls
    from botocore import loaders

    calls.PAUSES = tuple(0.001 for _ in calls.PAUSES)  # what is tested is that a call is tried again
    loader = loaders.create_loader()
    for service in ("cloudfront", "ecs", "logs", "s3", "ssm", "sts"):
        loader.load_service_model(service, "service-2")


def playbooks():
    """Imports what ansible-playbook needs. The modules' scripts, which it keeps in a directory of its process, are made once."""
    import ansible.cli.playbook  # noqa: F401
    import ansible.plugins

    for kind in ("action", "callback", "connection", "filter", "inventory", "lookup", "shell", "strategy", "test", "vars"):
        package = importlib.import_module(f"ansible.plugins.{kind}")
        for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(each.name)
    from ansible.plugins.loader import filter_loader, init_plugin_loader, test_loader

    init_plugin_loader()
    warnings.filterwarnings("ignore", "AnsibleCollectionFinder has already been configured")
    for loader in (filter_loader, test_loader):
        loader.get("match")  # reads the plugins of all files


def main(path, kind):
    {"modules": modules, "playbooks": playbooks}[kind]()
    gc.disable()  # forks are short, and a collection would copy the pages that they share
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no fork is waited for
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # removes Ansible's directory
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(16)
        print("listening", flush=True)
        while True:
            connected, _ = listening.accept()
            if os.fork():
                connected.close()
                continue
            try:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                serve(connected)
            finally:
                os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
