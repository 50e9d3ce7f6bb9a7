"""What the collection's modules do in S3; the ones for ECS are proven by the rehearsal."""

import importlib
import io
import json
import os
import pathlib
import resource
import subprocess
import sys
import tarfile

import pytest
from ansible_collections.todo.deploy.plugins.module_utils.calls import Calls

COLLECTION = pathlib.Path(__file__).resolve().parent.parent / "collections/ansible_collections/todo/deploy"


def ended_process():
    """The id of a process that is gone."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


@pytest.fixture
def lock(module, bucket, tmp_path):
    """Runs the module lock for the test's own process; machine names the one that it runs on."""

    def run(machine="here", **arguments):
        return module("lock", **{"bucket": bucket, "key": "lock.json", "pid": os.getpid(), "notes": str(tmp_path / machine), **arguments})

    return run


def test_lock_excludes_and_names_the_holder(lock):
    held = lock(purpose="deployment of one", by="Ada")["holder"]
    assert lock()["holder"]["id"] == held["id"], "a process that holds the lock has it"

    refused = lock(pid=os.getppid(), purpose="deployment of another")
    assert refused["failed"]
    assert f"Ada (process {os.getpid()} on" in refused["msg"] and f"since {held['since']} for a deployment of one" in refused["msg"]
    assert f"release_break_lock={held['id']}" in refused["msg"]

    assert lock(state="absent", pid=os.getppid())["holder"]["id"] == held["id"], "another process cannot give it back"
    assert lock(pid=os.getppid())["failed"]
    lock(state="absent")
    assert lock(pid=os.getppid())["holder"]["pid"] == os.getppid()


def test_lock_of_another_machine_with_this_name_and_process(lock):
    held = lock()["holder"]
    assert lock("there")["failed"], "the same host name and process id are not the same machine"
    lock("there", state="absent")
    assert lock()["holder"]["id"] == held["id"], "another machine cannot give it back"
    lock("there", pid=ended_process(), break_lock=held["id"])
    assert lock()["failed"], "whether another machine's process runs cannot be told here"


def test_lock_of_another_machine_that_uses_this_checkout(lock, monkeypatch):
    """Two containers may mount one checkout: a process id of one means nothing in the other."""
    for pid in (os.getpid(), ended_process()):
        with monkeypatch.context() as there:
            there.setattr("ansible_collections.todo.deploy.plugins.modules.lock.here", lambda: "another container", raising=False)
            held = lock(pid=pid)["holder"]
        assert lock()["failed"], "whether that process runs cannot be told here"
        lock(state="absent")
        assert lock("there", state="absent", break_lock=held["id"])["holder"]["id"] == held["id"], "it cannot be given back here"


def test_lock_that_no_longer_counts(lock, bucket, client):
    lock(pid=ended_process())
    taken = lock()
    assert taken["taken_over"]["reason"] == "its process is gone"
    broken = lock("there", break_lock=taken["holder"]["id"])
    assert broken["taken_over"]["reason"] == "it was asked to be broken"
    # The clock of S3 counts: this one may be wrong.
    held = client("s3").get_object(Bucket=bucket, Key="lock.json")["Body"].read()
    client("s3").put_object(Bucket=bucket, Key="lock.json", Body=json.dumps({**json.loads(held), "minutes": -1}))
    assert lock()["taken_over"]["reason"] == "it has expired"


def test_lock_broken_by_name(lock):
    held = lock()["holder"]
    refused = lock("there", state="absent", break_lock="another")
    assert refused["failed"] and "No lock has the id another" in refused["msg"] and held["id"] in refused["msg"]
    assert lock("there", state="absent", break_lock=held["id"])["holder"]["id"] == held["id"]
    again = lock("there", state="absent", break_lock=held["id"])
    assert again["failed"] and "the environment is not locked" in again["msg"]
    assert "taken_over" not in lock("there")


def test_lock_taken_over_while_it_is_given_back(lock, monkeypatch):
    held, read = lock()["holder"], Calls.read_lock

    def overtaken(self, *place):
        monkeypatch.setattr(Calls, "read_lock", read)
        seen = read(self, *place)
        assert "taken_over" in lock("there", break_lock=held["id"])
        return seen

    monkeypatch.setattr(Calls, "read_lock", overtaken)
    assert not lock(state="absent")["failed"]
    assert lock(pid=os.getppid())["failed"], "the lock of the one who took it over stays"


def test_lock_checked_only(lock, bucket, client):
    lock(check=True)
    assert client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def build(directory, **files):
    for name, text in files.items():
        path = directory / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(directory)


def test_page(module, bucket, client, tmp_path):
    s3 = client("s3")
    one = build(
        tmp_path / "one", index_html="one", assets__a_js="a", config_json="{}", index_html_gz="copy", assets__a_js_br="copy", assets__a_js_gz="copy",
    )
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


@pytest.mark.parametrize("name, arguments, want", [
    ("page", {"root": "EMPTY"}, "is no built page: it has no index.html"),
    ("stored", {"key": "a.json", "dest": "/dev/full"}, "/dev/full cannot be written: No space left on device"),
    ("stored", {"key": "a.json", "src": "/nowhere"}, "/nowhere cannot be read"),
    ("page_archive", {"key": "a.json", "root": "/dev/null/page", "state": "fetched"}, "a.json and /dev/null/page"),
    ("lock", {"key": "lock.json", "pid": 1, "notes": "/dev/null/locks"}, "/dev/null/locks, which notes the locks of this machine"),
    ("stored", {"key": "a.json", "content": "{}", "bucket": "no-such-bucket"}, "s3://no-such-bucket/a.json"),
])
def test_refused(module, bucket, client, tmp_path, name, arguments, want):
    client("s3").put_object(Bucket=bucket, Key="a.json", Body=b"{}")
    done = module(name, **{"bucket": bucket, **arguments, **({"root": str(tmp_path)} if arguments.get("root") == "EMPTY" else {})})
    assert done["failed"] and want in done["msg"], done


def test_stored_once(module, bucket):
    place = {"bucket": bucket, "key": "r1-a.json", "once": True}
    assert module("stored", content="{}", **place)["written"]
    assert module("stored", content="{}", **place)["written"], "a try whose answer was lost landed"
    assert not module("stored", content="[]", **place)["written"]


def test_releases_info(module, bucket, client):
    s3 = client("s3")
    for name in ("20260101T000000Z-a", "20260102T000000Z-b"):
        s3.put_object(Bucket=bucket, Key=f"staging/releases/{name}.json", Body=json.dumps({"id": name}).encode())
    arguments = {"bucket": bucket, "prefix": "staging/releases/", "lock_key": "staging/lock.json"}
    read = module("releases_info", **arguments)
    assert [r["id"] for r in read["releases"]] == ["20260102T000000Z-b", "20260101T000000Z-a"] and read["lock"] == {}
    assert read["next"] == 1
    for number in (9, 10):
        s3.put_object(Bucket=bucket, Key=f"staging/releases/r{number}-a.json", Body=json.dumps({"id": f"r{number}-a"}).encode())
    read = module("releases_info", **{**arguments, "limit": 2, "healthy": 0})
    assert [r["id"] for r in read["releases"]] == ["r10-a", "r9-a"] and read["next"] == 11, "numbers order, before the names of earlier versions"
    for text in (b"{", b"[]"):
        s3.put_object(Bucket=bucket, Key="staging/releases/20260103T000000Z-c.json", Body=text)
        broken = module("releases_info", **arguments)
        assert broken["failed"] and "20260103T000000Z-c.json is no release record" in broken["msg"]


def test_releases_behind_many_that_failed(module, bucket, client):
    for number in range(1, 31):
        body = {"id": f"r{number}-{number:012}", "state": "healthy" if number in (2, 3, 4) else "failed"}
        client("s3").put_object(Bucket=bucket, Key=f"releases/{body['id']}.json", Body=json.dumps(body).encode())
    for more, want in (({"healthy": 1}, 27), ({"healthy": 2}, 28), ({"healthy": 9}, 30), *(({"healthy": 0, "to": to}, 3) for to in ("r2", "r2-000000000002", "0" * 11 + "2" + "a" * 28)),
                       ({"healthy": 0, "to": "0" * 7}, 30), ({"healthy": 0}, 2), ({"healthy": 0, "to": "00"}, 2)):
        read = module("releases_info", bucket=bucket, prefix="releases/", lock_key="lock.json", limit=2, **more)
        assert len(read["releases"]) == want, (more, [r["id"] for r in read["releases"]])


def test_readme_names_every_module():
    modules = sorted(path.stem for path in (COLLECTION / "plugins/modules").glob("*.py"))
    readme = (COLLECTION / "README.md").read_text()
    assert modules and [name for name in modules if f"| module `{name}` |" not in readme] == []


@pytest.fixture
def disk_that_takes_little():
    """Files may have 10,000 bytes; a full disk is an error of the same writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk(module, client, bucket, tmp_path, request):
    page = tmp_path / "page"
    page.mkdir()
    (page / "index.html").write_bytes(os.urandom(50_000))
    assert not module("page_archive", bucket=bucket, key="p.tar.gz", root=str(page), state="kept")["failed"]
    client("s3").put_object(Bucket=bucket, Key="sbom", Body=b"x" * 50_000)
    request.getfixturevalue("disk_that_takes_little")
    for name, arguments, want in (
        ("page_archive", {"key": "p.tar.gz", "root": str(page), "state": "fetched"}, "/page: [Errno 27] File too large"),
        ("stored", {"key": "sbom", "dest": str(tmp_path / "sbom")}, "/sbom cannot be written: File too large"),
    ):
        done = module(name, bucket=bucket, **arguments)
        assert done["failed"] and want in done["msg"], done
    assert (page / "index.html").stat().st_size == 50_000, "what was there stays"


def test_page_without_an_index(module, bucket, tmp_path):
    (tmp_path / "assets").mkdir()
    done = module("page", bucket=bucket, root=str(tmp_path))
    assert done["failed"] and "is no built page: it has no index.html" in done["msg"], done


def linked(body):
    """A page whose index.html is a link out of its directory."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        entry = tarfile.TarInfo("index.html")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    return raw.getvalue()


@pytest.mark.parametrize("damage", [
    lambda body: b"", lambda body: b"<html>no archive</html>", lambda body: body[:-100], lambda body: body[:20], lambda body: body[:60] + b"xxxx" + body[64:], linked,
], ids=["empty", "another-kind", "truncated", "cut-at-its-head", "changed-bytes", "link-outwards"])
def test_damaged_archive(module, client, bucket, tmp_path, damage):
    page = tmp_path / "page"
    page.mkdir()
    (page / "index.html").write_bytes(os.urandom(1000))
    before = (page / "index.html").read_bytes()
    assert not module("page_archive", bucket=bucket, key="p.tar.gz", root=str(page), state="kept")["failed"]
    body = client("s3").get_object(Bucket=bucket, Key="p.tar.gz")["Body"].read()
    client("s3").put_object(Bucket=bucket, Key="p.tar.gz", Body=damage(body))
    done = module("page_archive", bucket=bucket, key="p.tar.gz", root=str(page), state="fetched")
    assert done["failed"] and "/p.tar.gz and " in done["msg"] and "/page: " in done["msg"], done  # "test", the access key, is masked
    assert (page / "index.html").read_bytes() == before, "what was there stays"


def test_who_runs_a_command(module, monkeypatch):
    """ECS takes ASCII letters, digits and three signs."""
    seen, definition = [], {"taskDefinitionArn": "t:1", "containerDefinitions": [{"name": "x"}]}
    monkeypatch.setattr(Calls, "service", lambda *_: {"taskDefinition": "t:1"})
    monkeypatch.setattr(Calls, "describe_task_definition", lambda *_, **__: {"taskDefinition": definition}, raising=False)
    monkeypatch.setattr(Calls, "run_task", lambda _, **call: seen.append(call["startedBy"]) or {"tasks": [], "failures": []}, raising=False)
    module("one_off", cluster="c", service="s", container="x", command=["config"], by="Jörg=Müller/dependabot[bot]")
    assert seen == ["J-rg-M-ller/dependabot-bot-"]


@pytest.mark.parametrize("kind", ["module", "lookup", "callback", "filter"])
def test_ansible_doc_explains_each_plugin(kind):
    files = sorted((COLLECTION / ("plugins/modules" if kind == "module" else f"plugins/{kind}")).glob("*.py"))
    names = [file.stem for file in files]
    if kind == "filter":
        names = [name for stem in names for name in importlib.import_module(f"ansible_collections.todo.deploy.plugins.filter.{stem}").FilterModule().filters()]
    names = [f"todo.deploy.{name}" for name in names]
    done = subprocess.run([pathlib.Path(sys.executable).with_name("ansible-doc"), "--json", "-t", kind, *names], cwd=COLLECTION.parents[3], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, found in json.loads(done.stdout).items():
        names.remove(name)
        assert found["doc"]["short_description"] and (kind == "callback" or found["examples"] and found["return"]), found
    assert not names, done.stderr
