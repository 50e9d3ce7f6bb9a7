"""A deployment that is cut off after any of its changes: what then serves is said, and a deployment, a failing one and a rollback end it well."""

import os

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


@pytest.fixture(scope="module")
def cut(place):
    """Environments cut0, cut1, ... each as a deployment of B left it that was cut off after that change."""
    place.commit("a")
    place.create("whole")
    code, said = place.play("deploy.yml", "whole")
    assert code == 0, said
    place.commit("b")
    place.commit("c")
    place.commit("b")
    seen = []

    def changed():
        place.edge.changed = lambda: None  # the copy's own changes do not count
        place.copy("whole", f"cut{len(seen)}")
        seen.append(place.edge.requests[-1])
        place.edge.changed = changed

    place.edge.changed = changed
    code, said = place.play("deploy.yml", "whole")
    place.edge.changed = lambda: None
    assert code == 0, said
    assert len(seen) == len(CUTS) + 1 and seen[-1].startswith("DELETE"), seen  # the last gives the lock back
    return place


# Those after which image, page and record differ. INTERRUPTIONS=all takes every change, which takes three times as long: the nightly run.
SPLIT = {"service", "index.html", "record of the end"}
TRIED = [n for n, (change, _, _) in enumerate(CUTS) if change in SPLIT or os.environ.get("INTERRUPTIONS") == "all"]


@pytest.mark.parametrize("n", TRIED, ids=[CUTS[n][0].replace(" ", "-") for n in TRIED])
def test_cut_after(cut, n):
    _, image, page = CUTS[n]
    assert cut.serves(f"cut{n}") == (image, page)
    ended = CUTS[n][0] in ("record of the end", "bill of materials")
    code, said = cut.play("status.yml", f"cut{n}")
    assert code == 0 and f"image sha256:{image * 64} of commit {cut.commits[image]}" in said and f"of commit {cut.commits[page]}" in said, said
    whole = image == page and (image == "a" or ended)
    assert ("HALF A RELEASE" in said) != whole, said

    for then in ("deploy", "fail", "rollback"):
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
        assert cut.s3.list_objects_v2(Bucket=f"{name}-releases", Prefix="e/lock")["KeyCount"] == 0, "the lock is given back"
