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


def test_tasks_before_and_after(place, tmp_path):
    for name, task in (("before", "file"), ("after", "file"), ("broken", "fail")):
        arguments = {"path": str(tmp_path / f"{name}.ran"), "state": "touch", "mode": "0644"} if task == "file" else {"msg": "not today"}
        (tmp_path / f"{name}.yml").write_text(json.dumps([{"name": f"Run {name}", f"ansible.builtin.{task}": arguments}]))
    place.create("hooks")
    place.commit("a")
    code, said = place.play("deploy.yml", "hooks", hooks_before=str(tmp_path / "broken.yml"), hooks_after=str(tmp_path / "after.yml"))
    assert code != 0 and "not today" in said and not (tmp_path / "after.ran").exists(), said
    assert place.s3.list_objects_v2(Bucket="hooks-website")["KeyCount"] == 0, "nothing was published"
    code, said = place.play("deploy.yml", "hooks", hooks_before=str(tmp_path / "before.yml"), hooks_after=str(tmp_path / "after.yml"))
    assert code == 0 and (tmp_path / "before.ran").exists() and (tmp_path / "after.ran").exists(), said
