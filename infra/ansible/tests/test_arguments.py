"""Each role says what is wrong with a value before it does anything."""

import json
import pathlib

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.todo.deploy.plugins.filter import typed

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


SIGN_IN = {"issuer": "https://id.example.com/realms/team", "clientId": "page", "audience": "todo", "scope": "openid"}
PAGE = {"apiBase": "", "signIn": SIGN_IN}


@pytest.mark.parametrize("value", [
    '{"apiBase": "ftp://x"}', {"apiBase": "https://a b"}, {"apiBase": "https://a?b"}, {"apiBase": "api.example.com"}, {"apiBase": 0}, {"apiBase": None}, {}, "", None,
    {**PAGE, "signIn": ""}, {**PAGE, "signIn": {}}, {**PAGE, "signIn": json.dumps(SIGN_IN)}, {**PAGE, "signIn": {**SIGN_IN, "issuer": "id.example.com"}},
    *({**PAGE, "signIn": {**SIGN_IN, name: wrong}} for name in SIGN_IN for wrong in ("", " ", 5, None)),
])
def test_configuration_that_the_page_does_not_take(value):
    with pytest.raises(AnsibleFilterError, match='expected an apiBase of "" or an address'):
        typed.FilterModule().filters()["as_page_config"](value)


def test_configuration_that_the_page_takes():
    for value in ({"apiBase": ""}, {"apiBase": "https://example.com/todo/"}, PAGE):
        assert typed.FilterModule().filters()["as_page_config"](json.dumps(value)) == value
    assert typed.FilterModule().filters()["as_page_config"]({"apiBase": "", "signIn": None}) == {"apiBase": ""}


def test_lists():
    """`-e hooks_before=` sets an empty string, which is an empty list."""
    as_list = typed.FilterModule().filters()["as_list"]
    for value, want in (("", []), (" ", []), ("a", ["a"]), ("a, b,", ["a", "b"]), (["a", ""], ["a", ""]), ([], [])):
        assert as_list(value) == want, value


@pytest.fixture
def refused(place):
    """Runs a playbook, which is to be refused before it changes anything, and returns what it said."""
    if "typed" not in place.hosts:
        place.create("typed", connect_origins=["https://id.example.com"])
        place.commit("a")

    def run(playbook, **variables):
        changes = []
        place.edge.changed = lambda _: changes.append(place.edge.requests[-1])
        code, said = place.play(f"{playbook}.yml", "typed", **variables)
        place.edge.changed = lambda _: None
        assert code != 0 and not changes, (changes, said)
        return said

    return run


@pytest.mark.parametrize("playbook", ["deploy", "rollback"])
def test_types_are_refused_before_anything_changes(refused, playbook):
    """The roles that take these begin after the service was changed."""
    bad = {"smoke_token_request": "nothing", "frontend_config": "[1]", "backend_service_ask": "maybe", "release_returned": ""}
    said = refused(playbook, **bad)
    for name in bad:
        assert f"argument '{name}' is of type" in said, said


@pytest.mark.parametrize("playbook, variables, want", [
    ("deploy", {"frontend_config": {"apiBase": "ftp://x"}}, "expected an apiBase of"),
    ("rollback", {"frontend_config": '{"apiBase": "ftp://x"}'}, "expected an apiBase of"),
    ("deploy", {"frontend_config": {"apiBase": "https://api.example.com/v1"}}, "forbids it to ask https://api.example.com."),
    ("deploy", {"frontend_config": {"apiBase": "", "signIn": {**SIGN_IN, "issuer": "https://other.example.com"}}}, "forbids it to ask https://other.example.com."),
    ("deploy", {"smoke_site": "todo.example.com"}, "smoke_site is not an address"),
    ("deploy", {"smoke_token_url": "id.example.com/token"}, "smoke_token_url is not an address"),
    ("deploy", {"smoke_token_url": "https://id.example.com/token"}, "expected smoke_token_url, smoke_client_id"),
    ("rollback", {"smoke_client_id": "script"}, "expected smoke_token_url, smoke_client_id"),
    ("deploy", {"smoke_list": ".."}, "smoke_list: expected a plain name"),
    ("deploy", {"smoke_list": "k-osd3sxfqjmmwr5ddcclbrgosv4eihj7b"}, "smoke_list: expected a plain name"),
])
def test_values_are_refused_before_anything_changes(refused, playbook, variables, want):
    assert want in refused(playbook, **variables)


def test_status_needs_no_secret_of_the_smoke_test(refused, place):
    code, said = place.play("status.yml", "typed", smoke_token_url="https://id.example.com/token", smoke_client_id="script", frontend_config=PAGE)
    assert code == 0, said
