"""A playbook that is cut off after any of its changes: what then serves is said, and a deployment, a failing one and a rollback end it well."""

import os
import re
import signal
import threading

import pytest

# The changes of a deployment of B over A, in their order, and what serves when it is cut off after each: image and page.
CUTS = [
    ("lock", "a", "a"),
    ("record of the beginning", "a", "a"),
    ("task definition", "a", "a"),
    ("service", "b", "a"),
    ("archive of the page", "b", "a"),
    ("asset", "b", "a"),
    ("index.html", "b", "b"),
    ("invalidation", "b", "b"),
    ("record of the end", "b", "b"),
    ("bill of materials", "b", "b"),
]
# Those of a rollback from B to A.
BACK = [
    ("lock", "b", "b"),
    ("record of the beginning", "b", "b"),
    ("service", "a", "b"),
    ("index.html", "a", "a"),
    ("invalidation", "a", "a"),
    ("record of the end", "a", "a"),
]
# The nightly run takes all, which is many times as long as what a change is tested with.
TAKEN = os.environ.get("INTERRUPTIONS")
# Those after which image, page and record differ.
SPLIT = {"service", "index.html", "record of the end"}
TRIED = [n for n, (change, _, _) in enumerate(CUTS) if change in SPLIT or TAKEN == "all"]


@pytest.fixture(scope="module")
def cut(place):
    """Environments cut0, cut1, ... each as a deployment of B left it that was cut off after that change; `before` has A, and `whole` has B over A."""
    place.commit("a")
    place.create("whole")
    code, said = place.play("deploy.yml", "whole")
    assert code == 0, said
    place.copy("whole", "before")
    place.commit("b")
    place.commit("c")
    place.commit("b")
    seen = []

    def changed(_):
        place.edge.changed = lambda _: None  # the copy's own changes do not count
        place.copy("whole", f"cut{len(seen)}")
        seen.append(place.edge.requests[-1])
        place.edge.changed = changed

    place.edge.changed = changed
    code, said = place.play("deploy.yml", "whole")
    place.edge.changed = lambda _: None
    assert code == 0, said
    assert len(seen) == len(CUTS) + 1 and seen[-1].startswith("DELETE"), seen  # the last gives the lock back
    return place


@pytest.mark.parametrize("then", ["status", "deploy", "fail", "rollback"])
@pytest.mark.parametrize("n", TRIED, ids=[CUTS[n][0].replace(" ", "-") for n in TRIED])
def test_cut_after(cut, n, then):
    _, image, page = CUTS[n]
    ended = CUTS[n][0] in ("record of the end", "bill of materials")
    if then == "status":
        assert cut.serves(f"cut{n}") == (image, page)
        code, said = cut.play("status.yml", f"cut{n}")
        assert code == 0 and f"image sha256:{image * 64} of commit {cut.commits[image]}" in said and f"of commit {cut.commits[page]}" in said, said
        whole = image == page and (image == "a" or ended)
        assert ("HALF A RELEASE" in said) != whole, said
        return

    name = f"cut{n}-{then}"
    cut.copy(f"cut{n}", name)
    # What a deployment that fails, and a rollback, must come back to.
    before = "b" if ended and then == "fail" else "a"
    if then == "fail":
        cut.commit("c")
        cut.site.ready = False
    code, said = cut.play("rollback.yml" if then == "rollback" else "deploy.yml", name)
    cut.site.ready = True
    cut.commit("b")
    if then == "deploy":
        assert code == 0 and cut.serves(name) == ("b", "b"), said
    elif then == "fail":
        assert code != 0 and f"(commit {cut.commits[before]}) serves, as before" in said and cut.serves(name) == (before, before), said
    elif n == 0:
        # B left no record, and A is the only healthy release.
        assert "there is no healthy release to go back to" in said and cut.serves(name) == ("a", "a"), said
    else:
        assert code == 0 and cut.serves(name) == ("a", "a"), said
    assert not cut.locked(name), "the lock is given back"


# A promotion of B changes what its deployment changes.
SIGNALS = [
    (playbook, n, how) for playbook, cuts in (("deploy", CUTS), ("promotion", CUTS), ("rollback", BACK)) for n, (change, _, _) in enumerate(cuts)
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    if TAKEN == "all" or (playbook, change, how) in {
        ("deploy", "asset", signal.SIGKILL), ("promotion", "service", signal.SIGINT), ("rollback", "service", signal.SIGTERM),
    }
]


@pytest.mark.parametrize("playbook, n, how", SIGNALS, ids=[f"{playbook}-{n}-{how.name}" for playbook, n, how in SIGNALS])
def test_signal_after(cut, playbook, n, how):
    """The signal ends the playbook and the module that it runs, which changes nothing more."""
    name = f"{playbook}-{n}-{how.name}".lower()
    cut.copy("whole" if playbook == "rollback" else "before", name)
    variables = {}
    if playbook == "promotion":
        code, said = cut.play("fetch.yml", "whole")
        assert code == 0, said
        variables["release"] = cut.commits["b"][:12]
    process = cut.start("rollback.yml" if playbook == "rollback" else "deploy.yml", name, **variables)
    changes, module_ended = [], threading.Event()

    def changed(handler):
        changes.append(cut.edge.requests[-1])
        if len(changes) == n + 1:
            process.send_signal(how)
            process.wait(timeout=120)
            handler.connection.settimeout(60)
            if handler.connection.recv(1) == b"":  # closed by its end
                module_ended.set()

    cut.edge.changed = changed
    with process:
        said, _ = process.communicate(timeout=600)
    assert module_ended.wait(60) and process.returncode not in (0, 2) and len(changes) == n + 1, (process.returncode, changes, said)
    cut.edge.changed = lambda _: None
    _, image, page = (BACK if playbook == "rollback" else CUTS)[n]
    assert cut.serves(name) == (image, page) and cut.locked(name), said
    code, said = cut.play("status.yml", name)
    assert code == 0 and "lock free" not in said and ("HALF A RELEASE" in said or image == page), said
    for then, serves in (("deploy.yml", "b"), ("rollback.yml", "a")) if TAKEN == "all" and how == signal.SIGTERM else ():  # the state is the same after each
        code, said = cut.play(then, name)
        assert code == 0 and cut.serves(name) == (serves, serves) and not cut.locked(name), said


def kind(request):
    """What a request is for, without the names of this run and its environment."""
    method, _, what = re.sub(r"/[^/]*-(website|releases)", r"/\1", request, count=1).partition(" ")
    for part, named in (("lock.json", "lock"), ("/releases/r", "record"), ("/pages/", "archive"), ("index.html", "index.html"), ("invalidation", "invalidation")):
        if part in what:
            return f"{method} {named}"
    return what if method == "POST" else f"{method} {what}"


# What serves when a playbook begins.
BEGINS = {"deploy": ("before", "a"), **{playbook: ("whole", "b") for playbook in ("rollback", "fetch", "status", "logs", "run", "lock", "unlock")}}
DENIED = [("deploy", "UpdateService", False), ("deploy", "PUT index.html", False)]
if TAKEN == "all":
    DENIED += [(playbook, None, lasting) for playbook in BEGINS for lasting in (False, True)]


@pytest.mark.parametrize("playbook, only, lasting", DENIED, ids=[f"{p}-{(o or 'all').replace(' ', '-')}-{'from-then-on' if x else 'once'}" for p, o, x in DENIED])
def test_call_that_is_denied(cut, playbook, only, lasting):
    """The playbook ends with the cause, says that what served before serves only when it does, and leaves no lock that it may delete."""
    begins, before = BEGINS[playbook]
    variables = {"command": "config"} if playbook == "run" else {}
    edge, wanted, kinds = cut.edge, [(only, 1)], []
    if not only:
        name = f"denied-{playbook}-{lasting}".lower()
        cut.copy(begins, name)
        edge.requests.clear()
        cut.play(f"{playbook}.yml", name, **variables)
        kinds = [kind(request) for request in edge.requests]
        wanted = [(each, kinds[:n + 1].count(each)) for n, each in enumerate(kinds)]
    for n, (each, which) in enumerate(wanted):
        name = f"denied-{playbook}-{lasting}-{only or n}".replace(" ", "-").lower()
        cut.copy(begins, name)
        met = []

        def denied(request):
            met.append(kind(request))
            if (met.count(each) >= which) if lasting else (met[-1], met.count(each)) == (each, which):
                return 403, "AccessDenied"

        edge.fault = denied
        try:
            code, said = cut.play(f"{playbook}.yml", name, **variables)
        finally:
            del edge.fault
        what = f"{each}, the {which}. of its kind, of {met}: {said}"
        assert code != 0 and re.search(r"AccessDenied|Forbidden", said) and "when calling the" in said, what
        serves = cut.serves(name)
        assert ("serves, as before" in said) <= (serves == (before, before)), what
        # To give the lock back is to read whose it is, and to delete it.
        giving_back = [("GET lock", kinds.count("GET lock")), ("DELETE lock", 1)]
        assert cut.locked(name) <= (lasting or (each, which) in giving_back), what
        if cut.locked(name) or serves[0] != serves[1]:
            assert cut.play("status.yml", name)[0] == 0
            code, said = cut.play("deploy.yml", name)
            assert code == 0 and cut.serves(name) == ("b", "b") and not cut.locked(name), f"after {what}: {said}"
