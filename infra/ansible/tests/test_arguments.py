"""Each role says what is wrong with a value before it does anything."""

import pathlib

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROLES = pathlib.Path(__file__).resolve().parent.parent / "roles"

SERVICE = {
    "backend_service_cluster": "c", "backend_service_name": "s", "backend_service_family": "f", "backend_service_container": "x",
    "backend_service_desired_count": 2,
}
SMOKE = {"smoke_site": "http://127.0.0.1:1", "smoke_release": "sha256:0", "smoke_index_digest": "0", "smoke_requests": 1}


@pytest.mark.parametrize(
    "role, tasks, variables, want",
    [
        ("preflight", "main", {"preflight_account_id": "12"}, "expected the 12 digits of an AWS account"),
        ("preflight", "main", {"preflight_account_id": "123456789012", "preflight_tree": "perhaps"}, "preflight_tree"),
        ("backend_image", "build", {"backend_image_root": "/", "backend_image_revision": "0", "backend_image_page": "maybe"}, "backend_image_page"),
        ("backend_service", "main", {**SERVICE, "backend_service_image": "todo:latest"}, "a tag can be moved"),
        ("backend_service", "main", {**SERVICE, "backend_service_poll_seconds": "often"}, "backend_service_poll_seconds"),
        ("backend_service", "logs", {**SERVICE, "minutes": "an hour"}, "backend_service_log_minutes"),
        ("frontend", "build", {"frontend_root": "/", "frontend_revision": "0", "frontend_config": {"api": ""}}, "frontend_config"),
        ("frontend", "build", {"frontend_root": "/", "frontend_revision": "0", "frontend_config": {"apiBase": "", "signIn": {"issuer": "https://id.example.com"}}},
         "missing required arguments: audience, clientId, scope found in frontend_config -> signIn"),
        ("frontend", "publish", {"frontend_version": "0", "frontend_bucket": "b", "frontend_distribution": "d", "frontend_archive_bucket": "a",
                                 "frontend_unsure": "unsure"}, "frontend_unsure"),
        ("smoke", "main", {**SMOKE, "smoke_tries": "many"}, "smoke_tries"),
        ("release", "status", {"release_bucket": "b", "last": "ten"}, "argument 'release_last_shown' is of type str"),
        ("release", "end", {"release_state": "fine"}, "value of release_state must be one of: healthy, failed, got: fine"),
    ],
)
def test_refused(play, role, tasks, variables, want):
    common = {"project": {"name": "p", "region": "us-east-1"}, "repository_root": "/", "preflight_region": "us-east-1"}
    done = play([{"ansible.builtin.include_role": {"name": role, "tasks_from": tasks}, "vars": {**common, **variables}}])
    said = " ".join(done.stdout.split() + done.stderr.split())
    assert done.returncode != 0 and want in said, done.stdout + done.stderr


# Of each type, what -e NAME=VALUE may give and what it may not, with what the refusal says.
VALUES = {
    "bool": (("no", "False", "0", "yes", "true", "1"), ("maybe", "2", "", " "), "convert to bool"),
    "int": (("5", "-1", "0"), ("many", "1.5", "", " ", "true", "[1]", "1 2"), "convert to int"),
    "dict": (('{"a": "b"}', "{}", "a=b"), ("nothing", "", " ", "5", "[1]"), "convert to dict"),
    "list": (("a", "a,b", '["a"]', ""), ({"a": "b"},), "convert to list"),
    "str": (("a b", "", "no", "0", "[1]", "é"), (), ""),
    "path": (("/a b", "é"), (), ""),
}


@pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir()))
def test_each_variable_is_typed(role):
    for entry, spec in yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text())["argument_specs"].items():
        for name, option in spec["options"].items():
            good, bad, want = VALUES[option["type"]]
            alone = ArgumentSpecValidator({name: {"type": option["type"]}})
            for value in good:
                assert not alone.validate({name: value}).error_messages, (entry, name, value)
            for value in bad:
                said = " ".join(alone.validate({name: value}).error_messages)
                assert name in said and want in said, (entry, name, value, said)


@pytest.mark.parametrize("playbook", ["deploy", "rollback"])
def test_refused_before_anything_changes(place, playbook):
    """The roles that take these begin after the service was changed."""
    if "typed" not in place.hosts:
        place.create("typed")
        place.commit("a")
    changes, bad = [], {"smoke_token_request": "nothing", "frontend_config": "[1]", "backend_service_ask": "maybe", "release_returned": ""}
    place.edge.changed = lambda _: changes.append(place.edge.requests[-1])
    code, said = place.play(f"{playbook}.yml", "typed", **bad)
    place.edge.changed = lambda _: None
    assert code != 0 and not changes, (changes, said)
    for name in bad:
        assert f"argument '{name}' is of type" in said, said
