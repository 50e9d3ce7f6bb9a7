"""With --check and --diff no playbook changes anything or shows a secret, and a second run changes nothing."""

import re

import pytest

SECRET = "sesame-opens-it"


@pytest.fixture(scope="module")
def checked(place):
    """The environment `checked` serves B, and had A before; C is checked out."""
    place.create("checked")
    for name in ("a", "b"):
        place.commit(name)
        code, said = place.play("deploy.yml", "checked")
        assert code == 0, said
    place.commit("c")
    place.aws = {**place.aws, "SMOKE_CLIENT_SECRET": SECRET}
    return place


VARIABLES = {"notify_url": f"http://127.0.0.1:1/{SECRET}", "smoke_token_url": "http://127.0.0.1:1/token", "smoke_client_id": "script"}


def files(place):
    """What the operator's machine keeps of releases, and the locks it took; a page that is fetched stays, as one that is built, by the name of its content."""
    kept = [path for top in (place.root / ".cache", place.notes("checked")) for path in top.rglob("*") if path.is_file() and "/page-" not in str(path)]
    return {str(path): path.read_bytes() for path in kept}


@pytest.mark.parametrize("playbook, variables", [
    ("deploy", {}), ("promotion", {}), ("rollback", {}), ("fetch", {}), ("status", {}), ("logs", {}), ("run", {"command": "config"}), ("lock", {}),
    ("unlock", {}),
])
def test_check_and_diff(checked, playbook, variables):
    changes = []
    if playbook == "promotion":
        code, said = checked.play("fetch.yml", "checked", release="r1")
        assert code == 0, said
        playbook, variables = "deploy", {"release": checked.commits["a"][:12]}
    before = files(checked)
    checked.edge.changed = lambda _: changes.append(checked.edge.requests[-1])
    code, said = checked.play(f"{playbook}.yml", "checked", "--check", "--diff", "-v", **VARIABLES, **variables)
    checked.edge.changed = lambda _: None
    assert code == 0 and not changes and files(checked) == before, (changes, said)
    assert SECRET not in said, said


def test_second_run(checked):
    """The rehearsal runs deploy.yml, rollback.yml and status.yml twice."""
    for playbook in ("fetch", "lock", "unlock"):
        for _time in range(2):
            code, said = checked.play(f"{playbook}.yml", "checked")
        assert code == 0 and re.search(r"checked : ok=\d+ changed=0 ", said), said
