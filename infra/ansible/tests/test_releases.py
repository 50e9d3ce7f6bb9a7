"""Which release a rollback goes back to."""

import importlib.util
import json
import pathlib

import pytest
from ansible.errors import AnsibleFilterError

PLUGINS = pathlib.Path(__file__).resolve().parent.parent / "collections/ansible_collections/todo/deploy/plugins"
spec = importlib.util.spec_from_file_location("releases", PLUGINS / "filter/releases.py")
releases = importlib.util.module_from_spec(spec)
spec.loader.exec_module(releases)


def record(name, state="healthy", kind="deploy", of=None, left=None, returned=False):
    of = of or name
    out = {"id": name, "revision": of * 40, "digest": "sha256:" + of, "page": "page-" + of, "state": state, "kind": kind, "returned": returned}
    if left:
        out["from"] = {"digest": "sha256:" + left, "page": "page-" + left}
    return out


def serving(image, page=None):
    return {"digest": "sha256:" + image, "page": "page-" + page if page else "page-" + image}


@pytest.mark.parametrize(
    "why, history, now, want",
    [
        ("the one before", [record("b"), record("a")], serving("b"), "a"),
        ("never one that failed", [record("c"), record("b", "failed"), record("a")], serving("c"), "a"),
        ("a failed release left b serving", [record("c", "failed"), record("b"), record("a")], serving("b"), "a"),
        ("broken off between image and page", [record("b", "interrupted"), record("a")], serving("b", "a"), "a"),
        ("broken off, and nobody knows the page", [record("b", "interrupted"), record("a")], {"digest": "sha256:a", "page": ""}, "a"),
        ("a second run stays", [record("r", kind="rollback", of="a", left="b"), record("b"), record("a")], serving("a"), "r"),
        (
            "not to what a rollback left",
            [record("d"), record("r", kind="rollback", of="a", left="b"), record("b"), record("a")],
            serving("d"),
            "r",
        ),
        (
            "a rollback that failed is tried again",
            [record("r", "failed", kind="rollback", of="a", left="b"), record("b"), record("a")],
            serving("b"),
            "a",
        ),
        (
            "what a failed rollback was to leave still served",
            [record("c"), record("r", "failed", kind="rollback", of="a", left="b", returned=True), record("b"), record("a")],
            serving("c"),
            "b",
        ),
        (
            "deployed again after it was left",
            [record("c"), record("b2", of="b"), record("r", kind="rollback", of="a", left="b"), record("b"), record("a")],
            serving("c"),
            "b2",
        ),
        (
            "a rollback that was broken off goes on",
            [record("r", "interrupted", kind="rollback", of="a", left="b"), record("b"), record("a")],
            {"digest": "sha256:a", "page": ""},
            "a",
        ),
        (
            "broken off before it changed anything",
            [record("r", "interrupted", kind="rollback", of="a", left="b"), record("b"), record("a")],
            {"digest": "sha256:b", "page": ""},
            "a",
        ),
    ],
)
def test_target(why, history, now, want):
    assert releases.rollback_target(history, now)["id"] == want, why


def test_named():
    history = [record("c"), record("b", "failed"), record("a")]
    assert releases.rollback_target(history, serving("c"), "a")["id"] == "a"
    assert releases.rollback_target(history, serving("c"), "a" * 7)["id"] == "a"
    assert releases.rollback_target([record("r12-b"), record("r1-a")], serving("c"), "r1")["id"] == "r1-a"


@pytest.mark.parametrize(
    "history, to, want",
    [
        ([], None, "there is no healthy release to go back to"),
        ([record("a")], None, "there is no healthy release to go back to"),
        ([record("b", "failed")], None, "there is no healthy release to go back to"),
        ([record("a")], "z", "no release is called z"),
        ([record("a")], "aaaaaa", "no release is called aaaaaa"),
        ([record("b", "failed"), record("a")], "b", "the release b was never healthy (it is failed)"),
    ],
)
def test_refused(history, to, want):
    with pytest.raises(AnsibleFilterError) as refusal:
        releases.rollback_target(history, serving("a"), to)
    assert want in str(refusal.value)


def test_page_version():
    files = {"index.html": "1", "assets/a.js": "2", "config.json": "3"}
    version = releases.page_version(files)
    assert version == releases.page_version({**files, "config.json": "another environment's"})
    assert version != releases.page_version({**files, "index.html": "another"})
    assert version != releases.page_version({**files, "b.txt": "4"})


def test_healthy_release_behind_60_that_failed(place):
    """The release that a failed deployment returns to is older than the 50 newest. status.yml shows it, and a rollback may name it."""
    place.create("behind")
    place.commit("a")
    code, said = place.play("deploy.yml", "behind")
    assert code == 0, said
    (entry,) = place.s3.list_objects_v2(Bucket="behind-releases", Prefix="e/releases/")["Contents"]
    healthy = json.loads(place.s3.get_object(Bucket="behind-releases", Key=entry["Key"])["Body"].read())
    for number in range(2, 62):
        name = f"r{number}-{'b' * 12}"
        failed = {**healthy, "id": name, "revision": "b" * 40, "digest": "sha256:" + "f" * 64, "state": "failed", "reason": "no", "page_files": {}}
        place.s3.put_object(Bucket="behind-releases", Key=f"e/releases/{name}.json", Body=json.dumps(failed).encode())
    place.commit("b")
    place.site.ready = False
    code, said = place.play("deploy.yml", "behind")
    place.site.ready = True
    assert code != 0 and f"(commit {place.commits['a']}) serves, as before" in said and place.serves("behind") == ("a", "a"), said
    code, said = place.play("status.yml", "behind")
    assert code == 0 and f"release {healthy['id']}" in said, said
    code, said = place.play("rollback.yml", "behind", rollback_to="r1")
    assert code == 0 and "Going back to r1-" in said, said
