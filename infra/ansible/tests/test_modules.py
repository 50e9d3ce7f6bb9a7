"""What the collection's modules do in S3; the ones for ECS are proven by the rehearsal."""

import json
import os
import pathlib
import subprocess
import sys

COLLECTION = pathlib.Path(__file__).resolve().parent.parent / "collections/ansible_collections/todo/deploy"


def ended_process():
    """The id of a process that is gone."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_lock_excludes_and_names_the_holder(module, bucket):
    held = module("lock", bucket=bucket, key="lock.json", pid=os.getpid(), purpose="deployment of one")
    assert not held["changed"] and held["holder"]["pid"] == os.getpid()
    again = module("lock", bucket=bucket, key="lock.json", pid=os.getpid())
    assert again["holder"]["id"] == held["holder"]["id"], "a process that holds the lock has it"

    refused = module("lock", bucket=bucket, key="lock.json", pid=os.getppid(), purpose="deployment of another")
    assert refused["failed"]
    assert held["holder"]["by"] in refused["msg"] and "deployment of one" in refused["msg"]
    assert f"release_break_lock={held['holder']['id']}" in refused["msg"]

    other = module("lock", state="absent", bucket=bucket, key="lock.json", pid=os.getppid())
    assert other["holder"]["id"] == held["holder"]["id"], "another process cannot give it back"
    assert module("lock", bucket=bucket, key="lock.json", pid=os.getppid())["failed"]

    module("lock", state="absent", bucket=bucket, key="lock.json", pid=os.getpid())
    assert module("lock", bucket=bucket, key="lock.json", pid=os.getppid())["holder"]["pid"] == os.getppid()


def test_lock_that_no_longer_counts(module, bucket, client):
    module("lock", bucket=bucket, key="lock.json", pid=ended_process())
    taken = module("lock", bucket=bucket, key="lock.json", pid=os.getpid())
    assert taken["taken_over"]["reason"] == "its process is gone"

    s3 = client("s3")
    held = json.loads(s3.get_object(Bucket=bucket, Key="lock.json")["Body"].read())
    held.update(host="another-machine")
    s3.put_object(Bucket=bucket, Key="lock.json", Body=json.dumps(held).encode())
    assert module("lock", bucket=bucket, key="lock.json", pid=os.getpid())["failed"], "nobody here can tell whether it runs"
    broken = module("lock", bucket=bucket, key="lock.json", pid=os.getpid(), break_lock=held["id"])
    assert broken["taken_over"]["reason"] == "it was asked to be broken"

    held.update(expires="2020-01-01T00:00:00+00:00")
    s3.put_object(Bucket=bucket, Key="lock.json", Body=json.dumps(held).encode())
    assert module("lock", bucket=bucket, key="lock.json", pid=os.getpid())["taken_over"]["reason"] == "it has expired"


def test_lock_checked_only(module, bucket, client):
    module("lock", check=True, bucket=bucket, key="lock.json", pid=os.getpid())
    assert client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def build(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(folder)


def test_page(module, bucket, client, tmp_path):
    s3 = client("s3")
    one = build(tmp_path / "one", index_html="one", assets__a_js="a", config_json="{}")
    foreseen = module("page", check=True, bucket=bucket, root=one)
    assert foreseen["changed"] and s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    first = module("page", bucket=bucket, root=one)
    assert first["uploaded"] == ["assets/a.js", "config.json", "index.html"], "what is named before what names it"
    index, asset = s3.head_object(Bucket=bucket, Key="index.html"), s3.head_object(Bucket=bucket, Key="assets/a.js")
    assert (index["CacheControl"], index["ContentType"]) == ("no-cache", "text/html; charset=utf-8")
    assert (asset["CacheControl"], asset["ContentType"]) == ("public, max-age=31536000, immutable", "text/javascript; charset=utf-8")
    assert not module("page", bucket=bucket, root=one)["changed"]

    two = build(tmp_path / "two", index_html="two", assets__b_js="b", config_json="{}")
    second = module("page", bucket=bucket, root=two, keep=sorted(first["files"]))
    assert (second["uploaded"], second["removed"]) == (["assets/b.js", "index.html"], [])
    three = build(tmp_path / "three", index_html="three", assets__c_js="c", config_json="{}")
    third = module("page", bucket=bucket, root=three, keep=sorted(second["files"]))
    assert third["removed"] == ["assets/a.js"], "kept for one release"

    s3.put_object(Bucket=bucket, Key="index.html", Body=b"three", ContentType="text/plain")
    assert module("page", bucket=bucket, root=three, keep=sorted(second["files"]))["uploaded"] == ["index.html"]


def test_page_refused(module, bucket, tmp_path):
    assert "it has no index.html" in module("page", bucket=bucket, root=build(tmp_path / "none", a_txt="a"))["msg"]
    missing = module("page", bucket="no-such-bucket-here", root=build(tmp_path / "one", index_html="one"))
    assert missing["failed"] and "no-such-bucket-here" in missing["msg"]


def test_releases_info(module, bucket, client):
    s3 = client("s3")
    for name in ("20260101T000000Z-a", "20260102T000000Z-b"):
        s3.put_object(Bucket=bucket, Key=f"staging/releases/{name}.json", Body=json.dumps({"id": name}).encode())
    arguments = {"bucket": bucket, "prefix": "staging/releases/", "lock_key": "staging/lock.json"}
    read = module("releases_info", **arguments)
    assert [r["id"] for r in read["releases"]] == ["20260102T000000Z-b", "20260101T000000Z-a"] and read["lock"] == {}
    s3.put_object(Bucket=bucket, Key="staging/releases/20260103T000000Z-c.json", Body=b"{")
    broken = module("releases_info", **arguments)
    assert broken["failed"] and "20260103T000000Z-c.json is no release record" in broken["msg"]


def test_readme_names_every_module():
    modules = sorted(path.stem for path in (COLLECTION / "plugins/modules").glob("*.py"))
    readme = (COLLECTION / "README.md").read_text()
    assert modules and [name for name in modules if f"| module `{name}` |" not in readme] == []
