"""The playbooks on ministack, whose S3, ECS, SSM, STS, CloudFront and logs others than moto's authors wrote."""

import pytest
from conftest import emulated, placed
from place import ACCOUNT


@pytest.fixture(scope="module")
def place(ansible_playbook, tmp_path_factory):
    variables = {
        "GATEWAY_PORT": "PORT", "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "MINISTACK_ACCOUNT_ID": ACCOUNT, "IOT_MTLS_ENABLED": "0",
        "DOCKER_HOST": "unix:///no/engine",  # with one it would run the images, which these tests do not have
    }
    with emulated(["ministack"], "/_ministack/health", **variables) as aws, placed(aws, ansible_playbook, tmp_path_factory.mktemp("ministack")) as made:
        yield made


def test_releases(place):
    def played(playbook, serves, want="", good=True, **variables):
        code, said = place.play(f"{playbook}.yml", "second", **variables)
        assert (code == 0) == good and want in said and place.serves("second") == serves and not place.locked("second"), said

    place.create("second")
    place.commit("a")
    played("deploy", ("a", "a"))
    place.commit("b")
    played("deploy", ("b", "b"))
    played("deploy", ("b", "b"), "changed=0")
    played("status", ("b", "b"), "release r2-")
    place.commit("c")
    place.site.ready = False
    played("deploy", ("b", "b"), "serves, as before", good=False)
    place.site.ready = True
    played("status", ("b", "b"), "release r2-")
    played("rollback", ("a", "a"), "Going back to r1-")
    played("rollback", ("a", "a"), "Already back at r1-")
    played("rollback", ("a", "a"), "Cannot roll second back: no release is called r9", good=False, rollback_to="r9")
    played("status", ("a", "a"), "rollback healthy")
    played("fetch", ("a", "a"), f"-e release={place.commits['a'][:12]}", release="r1")
    played("lock", ("a", "a"), "The lock is free")
    played("logs", ("a", "a"), "Nothing was logged")

    def stop(handler):
        """Ends what was started by RunTask, which runs until then: there is no engine."""
        if handler.headers.get("X-Amz-Target", "").endswith(".RunTask"):
            for task in place.ecs.list_tasks(cluster="second", startedBy="Ad-le")["taskArns"]:
                place.ecs.stop_task(cluster="second", task=task)

    place.edge.changed = stop
    played("run", ("a", "a"), "ended with 0.", command="config", operator="Adèle")
    place.edge.changed = lambda _: None
