"""What is wrong with the place is said before anything changes, with the place and what was expected."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import types

import pytest
from ansible_collections.todo.deploy.plugins.modules import target_info
from place import git

HERE = pathlib.Path(__file__).resolve().parent.parent
ACCOUNT = "123456789012"  # moto's
PROJECT = {"name": "p", "region": "us-east-1"}
PUBLISHED = {
    "site_url": "http://127.0.0.1:1", "repository_url": "127.0.0.1:1/p", "cluster": "c", "service": "s", "task_family": "f", "container": "x",
    "desired_count": 2, "website_bucket": "w", "distribution_id": "d", "releases_bucket": "r", "releases_prefix": "e/",
}


@pytest.fixture
def playbook(aws, ansible_playbook, tmp_path):
    """Runs a playbook in the environment `one`, whose variables are given, and returns its end and what it said."""

    def run(name, *words, hosts=None, env=None):
        inventory = tmp_path / "inventory.json"
        variables = {"ansible_connection": "forked", "ansible_python_interpreter": sys.executable}
        inventory.write_text(json.dumps({"all": {"hosts": hosts or {"one": {"account_id": ACCOUNT}}, "vars": variables}}))
        done = ansible_playbook(["-i", inventory, name, *words, "-e", json.dumps({"project": PROJECT})], {**aws, **(env or {})})
        return done.returncode, " ".join(done.stdout.split() + done.stderr.split())

    return run


@pytest.fixture
def publish(client):
    """Publishes what Terraform publishes of the environment `one`."""
    ssm = client("ssm")
    yield lambda text: ssm.put_parameter(Name="/p/one/deploy", Type="String", Value=text, Overwrite=True)
    ssm.delete_parameters(Names=["/p/one/deploy"])


# For each playbook, a name that it refuses, and the name that the message suggests.
PLAYBOOKS = {
    "deploy.yml": ("relase", "release"), "rollback.yml": ("roll_back_to", "rollback_to"), "status.yml": ("lasts", "last"), "fetch.yml": ("rollback_to", None),
    "logs.yml": ("minuets", "minutes"), "run.yml": ("comand", "command"), "lock.yml": ("break_lock", "release_break_lock"), "unlock.yml": ("release", "release_to"),
    "infra.yml": ("acount_id", "account_id"),
}


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_no_environment(playbook, name):
    code, said = playbook(name)
    assert code != 0 and "No environment was named: expected -e environment=NAME with one of one" in said, said


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_variable_that_the_playbook_does_not_read(playbook, name):
    """Ansible ignores an unknown variable, so the playbook would not do what was asked."""
    wrong, like = PLAYBOOKS[name]
    code, said = playbook(name, "-e", "environment=one", "-e", f"{wrong}=x")
    hint = f" (did you mean {like}?)" if like else ""
    assert code != 0 and f"{wrong}{hint}: this playbook reads no variable of that name." in said and "account" not in said.replace("acount_id (did you mean account_id", ""), said


def test_variable_that_is_misspelled_elsewhere(playbook, tmp_path):
    code, said = playbook("status.yml", "-e", "enviroment=one")
    assert code != 0 and "enviroment (did you mean environment?)" in said, said
    code, said = playbook("deploy.yml", "-e", "environment=one release 0123456")
    assert code != 0 and "release 0123456 (expected NAME=VALUE): this playbook reads" in said, said
    code, said = playbook("status.yml", "-e", "environment=one", hosts={"one": {"acount_id": ACCOUNT, "smoke_try": 1}})
    assert code != 0 and "acount_id (did you mean account_id?), smoke_try (did you mean smoke_tries?)" in said, said
    (tmp_path / "more.yml").write_text("frontend_conf: {}\n")
    code, said = playbook("deploy.yml", "-e", "environment=one", "-e", f"@{tmp_path}/more.yml")
    assert code != 0 and "frontend_conf (did you mean frontend_config?)" in said, said


def test_variables_that_are_known(playbook, tmp_path):
    """Known: the names in the README, names that begin with own_, and names that a file of tasks reads. The next check then refuses the account."""
    table = (HERE / "README.md").read_text().partition("## Variables")[2].partition("## Layout")[0]
    documented = [name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)]
    assert len(documented) > 15, documented
    (tmp_path / "hook.yml").write_text('- ansible.builtin.debug: {msg: "{{ ticket }}"}')
    known = {**{name: "" for name in documented if name not in ("release", "command", "rollback_to")}, "environment": "one", "account_id": "9" * 12, "own_origin": "x", "ticket": 5}
    for name, argument in (("deploy.yml", "release"), ("fetch.yml", "release"), ("run.yml", "command"), ("rollback.yml", "rollback_to"), ("status.yml", "last"), ("logs.yml", "task")):
        code, said = playbook(name, "-e", json.dumps({**known, argument: "", "hooks_before": str(tmp_path / "hook.yml"), "hooks_after": [str(tmp_path / "none.yml")]}))
        assert code != 0 and "reads no variable" not in said, said
    code, said = playbook("status.yml", "-e", json.dumps(known))
    assert code != 0 and "ticket: this playbook reads no variable of that name" in said, said


def test_unknown_environment(playbook):
    code, said = playbook("status.yml", "-e", "environment=two", hosts={"one": {}, "three": {}})
    assert code != 0 and "There is no environment two: expected -e environment=NAME with one of one, three" in said, said


@pytest.mark.parametrize("words", [
    ["--limit", "two"], ["--limit", "!one"], ["--tags", "one"], ["--skip-tags", "one"], ["--start-at-task", "Publish the page"], ["--start-at-task", "none"],
])
def test_tasks_that_are_left_out(playbook, words):
    """Ansible succeeds when nothing is left to run."""
    code, said = playbook("deploy.yml", "-e", "environment=one", *words, hosts={"one": {}, "two": {}})
    assert code != 0 and re.search("leaves? out tasks of this playbook", said), said


def test_limit_to_the_environment(playbook):
    code, said = playbook("status.yml", "-e", "environment=one", "--limit", "one", hosts={"one": {}, "two": {}})
    assert code != 0 and "expected the 12 digits of an AWS account" in said and "leave out" not in said, said


@pytest.mark.parametrize("variables", [{}, {"account_id": ""}, {"account_id": 42}, {"account_id": "1234-5678-9012"}])
def test_account_that_is_none(playbook, variables):
    code, said = playbook("status.yml", "-e", "environment=one", hosts={"one": variables})
    want = f"account_id of one is '{variables.get('account_id', '')}': expected the 12 digits of an AWS account, in quotes"
    assert code != 0 and want in said, said


def test_credentials_that_are_missing(playbook):
    code, said = playbook("status.yml", "-e", "environment=one", env={
        "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    })
    assert code != 0 and "AWS does not take these credentials, or there are none: log in" in said, said


def test_sign_in_that_has_expired(playbook, tmp_path):
    """As `aws sso login` leaves it after its hours: a profile whose cached token cannot be renewed."""
    (tmp_path / "config").write_text(
        "[profile one]\nsso_session = one\nsso_account_id = 123456789012\nsso_role_name = deploy\nregion = us-east-1\n"
        "[sso-session one]\nsso_region = us-east-1\nsso_start_url = https://one.example.com/start\n"
    )
    cache = tmp_path / ".aws/sso/cache"
    cache.mkdir(parents=True)
    token = {"startUrl": "https://one.example.com/start", "region": "us-east-1", "accessToken": "secret", "expiresAt": "2026-01-01T00:00:00Z"}
    (cache / (hashlib.sha1(b"one").hexdigest() + ".json")).write_text(json.dumps(token))
    # botocore finds the cache's directory when it is imported, so the modules run in processes of their own.
    code, said = playbook("status.yml", "-e", "environment=one", "-e", "ansible_connection=local", env={
        "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_PROFILE": "one", "HOME": str(tmp_path),
    })
    assert code != 0 and "log in (aws sso login" in said and "expired" in said and "secret" not in said, said


@pytest.mark.parametrize("minutes, want", [(10, "10 minutes ahead"), (-10, "10 minutes behind"), (1, "")])
def test_clock_that_is_wrong(module, edge, monkeypatch, minutes, want):
    now = time.time
    monkeypatch.setattr(target_info, "time", types.SimpleNamespace(time=lambda: now() + 60 * minutes))
    arguments = {"environment": "one", "account_id": "0", "parameter": "/p/one/deploy", "keys": []}
    for planted in ([], [(403, "SignatureDoesNotMatch")]):
        edge.planted += planted
        done = module("target_info", **arguments)
        assert done["failed"] and (f"The clock of this machine is {want}" if want else "credentials") in done["msg"], done


def test_another_account(playbook):
    code, said = playbook("status.yml", "-e", "environment=one", hosts={"one": {"account_id": "999999999999"}})
    assert code != 0 and f"These credentials are of the account {ACCOUNT}" in said and "but one is in 999999999999" in said, said


def test_nothing_published(playbook):
    code, said = playbook("status.yml", "-e", "environment=one")
    assert code != 0 and "The SSM parameter /p/one/deploy in us-east-1 cannot be read: has infra/terraform/environments/one been applied" in said, said


@pytest.mark.parametrize(
    "text, want",
    [
        ("site_url: x", "/p/one/deploy is no JSON object: apply infra/terraform of this commit first"),
        ("[]", "/p/one/deploy is no JSON object: apply infra/terraform of this commit first"),
        (json.dumps({**PUBLISHED, "cluster": "", "desired_count": None}), "/p/one/deploy lacks cluster, desired_count: apply infra/terraform"),
        (json.dumps(PUBLISHED), "The bucket w does not exist"),
    ],
)
def test_what_is_published(playbook, publish, text, want):
    publish(text)
    code, said = playbook("status.yml", "-e", "environment=one")
    assert code != 0 and want in said, said


def test_service_that_is_missing(playbook, publish, bucket, client):
    client("ecs").create_cluster(clusterName="c")
    publish(json.dumps({**PUBLISHED, "website_bucket": bucket, "releases_bucket": bucket}))
    code, said = playbook("status.yml", "-e", "environment=one")
    assert code != 0 and "There is no service s in the cluster c" in said, said


@pytest.mark.parametrize("words", [["deploy", "ENVIRONMENT=staging"], ["rehearse"]])
def test_make_lists_all_that_is_missing(tmp_path, words):
    for tool in ("awk", "bash", "dirname", "env", "find", "make", "mkdir", "mktemp", "paste", "rm", "sed", "sort", "uname"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    done = subprocess.run(["make", *words], cwd=HERE.parent.parent, env={"PATH": str(tmp_path), "TODO_PATH_ONLY": "1"}, capture_output=True, text=True)
    assert done.returncode == 2 and all(done.stderr.count(each) == 1 for each in ("missing on this machine:", "Go 1.", "Node ", "Python 3")), done.stderr


@pytest.mark.parametrize("missing", ["git", "go", "node", "npm"])
def test_tool_that_is_missing(play, tmp_path, missing):
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in {"git", "go", "node", "npm"} - {missing}:
        (tools / tool).symlink_to(shutil.which(tool))
    done = play([{"ansible.builtin.include_role": {
        "name": "preflight", "tasks_from": "tree", "apply": {"environment": {"PATH": str(tools)}},
    }, "vars": {"ansible_python_interpreter": sys.executable, "preflight_root": str(HERE), "project": PROJECT, "repository_root": str(HERE)}}])
    said = " ".join(done.stdout.split() + done.stderr.split())
    assert done.returncode != 0 and f"missing: {missing}" in said, said


def test_numbers(place):
    place.create("numbers")
    for name, value, least in (("last", "0", 1), ("smoke_delay_seconds", "1.5", 0), ("release_lock_minutes", "9" * 13, 1)):
        code, said = place.play("status.yml", "numbers", **{name: value})
        assert code != 0 and f"{name}={value}: expected a whole number from {least} to 999999." in said, said
    code, said = place.play("status.yml", "numbers", last="3", backend_service_poll_seconds="0")
    assert code == 0, said


def test_names_that_are_numbers(place):
    """JSON and host_vars have numbers, and seven digits of a commit may all be decimal."""
    place.create("named")
    place.commit("a")
    for playbook, variables, want in (
        ("deploy.yml", {"release": 1234567}, "No release 1234567 was fetched"),
        ("rollback.yml", {"rollback_to": 1234567}, "no release is called 1234567"),
        ("fetch.yml", {"release": 1234567}, "no release is called 1234567"),
        ("lock.yml", {"release_break_lock": 1234567}, "No lock has the id 1234567"),
        ("run.yml", {"command": 5}, "5: expected a string, quoted as in a shell"),
        ("run.yml", {"command": ["config"]}, "['config']: expected a string, quoted as in a shell"),
        ("run.yml", {"command": "'a"}, "'a: expected a string, quoted as in a shell"),
    ):
        code, said = place.play(playbook, "named", **variables)
        assert code != 0 and want in said, said


def test_release_that_is_a_pattern(place):
    """What `release` names is compared as it is: `.......` is no commit."""
    place.create("pattern")
    fetched = place.root / ".cache/releases/fetched"
    fetched.mkdir(parents=True)
    (fetched / "release.json").write_text(json.dumps({"id": "r1-0123456789ab", "revision": "0123456789ab" + "0" * 28}))
    try:
        code, said = place.play("deploy.yml", "pattern", release="." * 7)
    finally:
        shutil.rmtree(fetched)
    assert code != 0 and "No release ....... was fetched: here are r1-0123456789ab." in said, said


def test_files_that_git_is_configured_to_hide(place):
    place.create("hidden")
    place.commit("a")
    git(place.root, "config", "status.showUntrackedFiles", "no")
    new = place.root / "apps/web/new.ts"
    new.touch()
    try:
        code, said = place.play("deploy.yml", "hidden")
    finally:
        new.unlink()
        git(place.root, "config", "--unset", "status.showUntrackedFiles")
    assert code != 0 and "The work tree has 1 changes that no commit holds, such as '?? apps/web/new.ts'" in said, said
