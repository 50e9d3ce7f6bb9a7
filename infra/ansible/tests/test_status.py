"""What status.yml prints."""

import json
import sys

import pytest

IMAGE = "registry.test/todo@sha256:" + "a" * 64


@pytest.fixture
def service(client):
    ecs = client("ecs")
    ecs.create_cluster(clusterName="status")
    family = ecs.register_task_definition(family="status", containerDefinitions=[{"name": "todo-api", "image": IMAGE, "memory": 64}])
    ecs.create_service(cluster="status", serviceName="status", taskDefinition=family["taskDefinition"]["taskDefinitionArn"], desiredCount=1)


@pytest.mark.parametrize("last, listed", [({}, 15), ({"last": "10"}, 10), ({"last": "60"}, 55)], ids=["default", "10", "60"])
def test_last(play, client, bucket, service, last, listed):
    for n in range(55):
        name = f"20260102T0304{n:02}Z-0123456789ab"
        record = {
            "id": name, "revision": "0" * 40, "digest": IMAGE.split("@")[1], "page": "p", "page_files": {}, "state": "healthy", "kind": "deploy",
            "by": "me", "reason": "",
        }
        client("s3").put_object(Bucket=bucket, Key=f"releases/{name}.json", Body=json.dumps(record))
    done = play([{"ansible.builtin.include_role": {"name": "release", "tasks_from": "status"}, "vars": {
        "ansible_python_interpreter": sys.executable, "project": {"name": "p", "region": "us-east-1"}, "target": {"site_url": "https://site.test"}, "release_bucket": bucket,
        "release_records": "releases/", "release_lock_key": "lock.json", "release_page_bucket": bucket, "release_cluster": "status",
        "release_service": "status", "release_container": "todo-api", **last,
    }}])
    assert done.returncode == 0, done.stdout + done.stderr
    story = done.stdout.partition("releases, newest first:")[2]
    assert story.count("by me") == listed and "Z-0123456789ab" in story, done.stdout
