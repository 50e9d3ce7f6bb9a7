"""Each role says what is wrong with a value before it does anything."""

import pytest

SERVICE = {
    "backend_service_cluster": "c", "backend_service_name": "s", "backend_service_family": "f", "backend_service_container": "x",
    "backend_service_desired_count": 2,
}
SMOKE = {"smoke_site": "http://127.0.0.1:1", "smoke_release": "sha256:0", "smoke_index_digest": "0", "smoke_requests": 1}


@pytest.mark.parametrize(
    "role, tasks, variables, want",
    [
        ("preflight", "main", {"preflight_account_id": "12"}, "expected the 12 digits of an AWS account"),
        ("preflight", "main", {"preflight_account_id": "123456789012", "preflight_tree": "perhaps"}, "preflight_tree"),
        ("backend_image", "build", {"backend_image_root": "/", "backend_image_revision": "0", "backend_image_page": "maybe"}, "backend_image_page"),
        ("backend_service", "main", {**SERVICE, "backend_service_image": "todo:latest"}, "a tag can be moved"),
        ("backend_service", "main", {**SERVICE, "backend_service_poll_seconds": "often"}, "backend_service_poll_seconds"),
        ("backend_service", "logs", {**SERVICE, "minutes": "an hour"}, "backend_service_log_minutes"),
        ("frontend", "build", {"frontend_root": "/", "frontend_revision": "0", "frontend_config": {"api": ""}}, "frontend_config"),
        ("frontend", "build", {"frontend_root": "/", "frontend_revision": "0", "frontend_config": {"apiBase": "", "signIn": {"issuer": "https://id.example.com"}}},
         "missing required arguments: audience, clientId, scope found in frontend_config -> signIn"),
        ("frontend", "publish", {"frontend_version": "0", "frontend_bucket": "b", "frontend_distribution": "d", "frontend_archive_bucket": "a",
                                 "frontend_unsure": "unsure"}, "frontend_unsure"),
        ("smoke", "main", {**SMOKE, "smoke_tries": "many"}, "smoke_tries"),
        ("release", "status", {"release_bucket": "b", "last": "ten"}, "argument 'release_last_shown' is of type str"),
        ("release", "end", {"release_state": "fine"}, "value of release_state must be one of: healthy, failed, got: fine"),
    ],
)
def test_refused(play, role, tasks, variables, want):
    common = {"project": {"name": "p", "region": "us-east-1"}, "repository_root": "/", "preflight_region": "us-east-1"}
    done = play([{"ansible.builtin.include_role": {"name": role, "tasks_from": tasks}, "vars": {**common, **variables}}])
    said = " ".join(done.stdout.split() + done.stderr.split())
    assert done.returncode != 0 and want in said, done.stdout + done.stderr
