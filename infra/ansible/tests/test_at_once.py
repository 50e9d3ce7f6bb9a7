"""Two deployments at the same time, from one checkout."""

import json
import os
import sys
import threading

from place import git


def test_the_same_environment_in_the_same_second(place):
    """Both see that nobody holds the lock, before either takes it."""
    place.create("same")
    place.commit("a")
    lock, said = "/same-releases/e/lock.json", []
    both, first, taken = threading.Barrier(2, timeout=120), threading.Lock(), threading.Event()

    def meet(request):
        if request == f"GET {lock}" and not taken.is_set():
            both.wait()
        elif request == f"PUT {lock}" and not first.acquire(blocking=False):
            taken.wait(120)  # moto itself looks and writes in two steps

    place.edge.fault, place.edge.changed = meet, lambda _: taken.set()
    words = place.words("deploy.yml", "same")
    runs = [threading.Thread(target=lambda: said.append(place.ansible_playbook(words, place.aws))) for _ in range(2)]
    try:
        for run in runs:
            run.start()
        for run in runs:
            run.join()
    finally:
        del place.edge.fault
        place.edge.changed = lambda _: None
    won, lost = sorted(said, key=lambda done: done.returncode)
    assert won.returncode == 0 and lost.returncode != 0, (won.stdout, lost.stdout)
    assert "holds the lock since" in lost.stdout and place.serves("same") == ("a", "a") and not place.locked("same"), lost.stdout
    assert place.s3.list_objects_v2(Bucket="same-releases", Prefix="e/releases/")["KeyCount"] == 1


def test_two_environments(place):
    """Each gets its own config.json, although both take the page from one directory."""
    addresses = {"near": place.address, "far": place.address + "/"}
    for name in addresses:
        place.create(name)
    place.commit("a")
    inner = []

    def locked(_):
        place.edge.changed = lambda _: None
        inner.append(place.play("deploy.yml", "far", frontend_config={"apiBase": addresses["far"]}))
        place.serves("near")  # what the site is from now on

    place.edge.changed = locked
    code, said = place.play("deploy.yml", "near", frontend_config={"apiBase": addresses["near"]})
    assert code == 0 and inner[0][0] == 0, (said, inner)
    for name, address in addresses.items():
        config = json.loads(place.s3.get_object(Bucket=f"{name}-website", Key="config.json")["Body"].read())
        assert config == {"apiBase": address}, name


def test_another_builds_the_same_page(play, bucket, tmp_path):
    """What it built meanwhile stays."""
    root = tmp_path / "repository"
    (root / "apps/web").mkdir(parents=True)
    (root / "tools/setup").mkdir(parents=True)
    (root / ".cache/releases").mkdir(parents=True)
    (root / "apps/web/name").write_text("a")
    git(root, "init", "-q")
    git(root, "add", "--all")
    git(root, "commit", "-q", "-m", "a")
    page = root / ".cache/releases" / ("page-of-" + git(root, "rev-parse", "HEAD:apps/web"))
    (tmp_path / "bin").mkdir()
    for path, lines in ((root / "tools/setup/node", ""), (tmp_path / "bin/npm", f'mkdir -p "$5"; echo ours >"$5/index.html"; mkdir {page}; echo theirs >{page}/index.html')):
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
    done = play([{"ansible.builtin.include_role": {"name": "frontend", "tasks_from": "build", "apply": {"environment": {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}}}, "vars": {
        "ansible_python_interpreter": sys.executable, "repository_root": str(root), "frontend_root": str(root), "frontend_revision": "HEAD", "frontend_bucket": bucket,
    }}])
    assert [(path.name, path.read_text()) for path in page.iterdir()] == [("index.html", "theirs\n")], done.stdout
    assert [path.name for path in page.parent.iterdir()] == [page.name], done.stdout
