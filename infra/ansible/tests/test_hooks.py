"""Notifications, and tasks before and after a release."""

import json
import sys

import pytest
from edge import Handler, serving

RECORD = {"id": "r3-0123456789ab", "kind": "deploy", "revision": "0123456789abcdef", "by": "Ada", "state": "failed", "reason": "no\nmore", "page_files": {"a": "b"}}


@pytest.mark.parametrize("status", [204, 500])
def test_notification(play, status):
    got = []

    class Webhook(Handler):
        def do_POST(self):
            got.append((self.path, json.loads(self.body())))
            self.reply(status)

    with serving(Webhook) as address:
        variables = {"ansible_python_interpreter": sys.executable, "release_notify_url": f"{address}/secret", "release_record": RECORD, "repository_root": "/"}
        done = play([{"ansible.builtin.include_role": {"name": "release", "tasks_from": "notify"}, "vars": variables}])
    assert done.returncode == 0 and "/secret" not in done.stdout, done.stdout
    assert ("The notification was not taken: status 500" in done.stdout) == (status == 500), done.stdout
    path, body = got[0]
    assert path == "/secret" and body["text"] == "localhost: deploy r3-0123456789ab of commit 0123456789ab by Ada is failed: no", body
    assert body["release"]["id"] == RECORD["id"] and "page_files" not in body["release"]


def test_address_that_does_not_answer(play, place):
    """Why is told, and the address is not."""
    variables = {"ansible_python_interpreter": sys.executable, "release_notify_url": "http://127.0.0.1:1/secret", "release_record": RECORD, "repository_root": "/"}
    done = play([{"ansible.builtin.include_role": {"name": "release", "tasks_from": "notify"}, "vars": variables}])
    assert done.returncode == 0 and "Connection refused" in done.stdout and "/secret" not in done.stdout, done.stdout
    place.create("address")
    place.commit("a")
    for wrong in ("ftp://hidden", "https:// hidden", 5):
        code, said = place.play("deploy.yml", "address", notify_url=wrong)
        assert code != 0 and "notify_url is not an address: expected one that begins with" in said and "hidden" not in said, said


def test_tasks_before_and_after(place, tmp_path):
    for name, task in (("before", "file"), ("after", "file"), ("broken", "fail")):
        arguments = {"path": str(tmp_path / f"{name}.ran"), "state": "touch", "mode": "0644"} if task == "file" else {"msg": "not today"}
        (tmp_path / f"{name}.yml").write_text(json.dumps([{"name": f"Run {name}", f"ansible.builtin.{task}": arguments}]))
    place.create("hooks")
    place.commit("a")
    code, said = place.play("deploy.yml", "hooks", hooks_before=str(tmp_path / "broken.yml"), hooks_after=str(tmp_path / "after.yml"))
    assert code != 0 and "not today" in said and not (tmp_path / "after.ran").exists(), said
    assert place.s3.list_objects_v2(Bucket="hooks-website")["KeyCount"] == 0, "nothing was published"
    code, said = place.play("deploy.yml", "hooks", "-e", "hooks_before= hooks_after=", "--check")
    assert code == 0, said
    code, said = place.play("deploy.yml", "hooks", hooks_before=str(tmp_path / "before.yml"), hooks_after=str(tmp_path / "after.yml"))
    assert code == 0 and (tmp_path / "before.ran").exists() and (tmp_path / "after.ran").exists(), said


@pytest.mark.parametrize("playbook, when, text, want", [
    ("deploy", "before", None, "Could not find or access"), ("deploy", "before", "- name: one\n  meta: [", "YAML parsing failed"),
    ("deploy", "before", "one", "must contain a list of tasks"), ("deploy", "after", "- hosts: all\n  tasks: []", "conflicting action statements"),
    ("deploy", "after", {"a": 1}, "{'a': 1}: expected a list"), ("rollback", "after", "- no.such.module: {}", "couldn't resolve module/action"),
], ids=["missing", "broken", "text", "playbook", "object", "module"])
def test_tasks_that_cannot_be_read(place, tmp_path, playbook, when, text, want):
    """They are refused before the lock is taken, which Ansible would leave."""
    if "unread" not in place.hosts:
        place.create("unread")
        place.commit("a")
    if isinstance(text, str):
        (tmp_path / "tasks.yml").write_text(text)
    changes = []
    place.edge.changed = lambda _: changes.append(place.edge.requests[-1])
    code, said = place.play(f"{playbook}.yml", "unread", **{f"hooks_{when}": text if isinstance(text, dict) else str(tmp_path / "tasks.yml")})
    place.edge.changed = lambda _: None
    assert code != 0 and want in said and not changes, (changes, said)


def test_tasks_that_name_a_file_that_is_missing(place, tmp_path):
    (tmp_path / "before.yml").write_text("- ansible.builtin.include_tasks: /no/such/file.yml")
    place.create("nested")
    place.commit("a")
    code, said = place.play("deploy.yml", "nested", hooks_before=str(tmp_path / "before.yml"))
    assert code != 0 and "Could not find or access '/no/such/file.yml'" in said and not place.locked("nested"), said
    code, said = place.play("status.yml", "nested")
    assert "deploy failed" in said, said
