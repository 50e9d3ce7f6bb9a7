"""The plugins call no more of AWS than permissions.yaml lists, and all of it."""

import ast
import pathlib

import yaml

HERE = pathlib.Path(__file__).resolve().parent.parent
PLUGINS = HERE / "collections/ansible_collections/todo/deploy/plugins"
# Modules that read or change AWS by calls of their own, as aws_caller_info and s3_object do, would not be in the list.
FOREIGN = ("amazon.aws.", "community.aws.")


def calls():
    """SERVICE.OPERATION of every call on a client that a plugin makes."""
    from botocore.session import get_session

    found = set()
    for path in sorted(PLUGINS.glob("module*/*.py")):
        tree = ast.parse(path.read_text())
        services = {
            n.args[1].value for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "Calls" and len(n.args) == 2
        } or {"s3"}
        names = {n.func.attr for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
        if "list_objects" in names:
            names = names - {"list_objects"} | {"list_objects_v2"}
        for service in services:
            known = {snake(name) for name in get_session().get_service_model(service).operation_names}
            found |= {f"{service}.{name}" for name in names & known}
    return found


def snake(name):
    from botocore import xform_name

    return xform_name(name)


def test_listed():
    listed = yaml.safe_load((HERE / "permissions.yaml").read_text())
    for row in listed:
        assert set(row) == {"call", "action", "resource", "used_by"}, row
    ours = {row["call"] for row in listed if not row["call"].startswith(("ecr.", "registry"))}
    assert calls() == ours


def test_no_call_that_was_not_chosen():
    tasks = [*HERE.glob("*.yml"), *HERE.glob("roles/*/tasks/*.yml")]
    found = [f"{p.relative_to(HERE)}: {word}" for p in tasks for word in FOREIGN if word in p.read_text()]
    assert not found
