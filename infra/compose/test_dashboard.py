"""What the dashboard asks Prometheus for is what the API tells it."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "infra"))
from freeport import free_port

DASHBOARD = ROOT / "infra/compose/grafana/dashboards/todo-api.json"

# What a query consists of besides names of metrics and labels.
WORDS = {"sum", "max", "min", "avg", "by", "without", "on", "rate", "increase", "histogram_quantile", "clamp_min", "le"}


def queries():
    found = []

    def walk(value):
        if isinstance(value, dict):
            found.extend([value["expr"]] if "expr" in value else [])
            value = list(value.values())
        for v in value if isinstance(value, list) else []:
            walk(v)

    walk(json.loads(DASHBOARD.read_text()))
    return found


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The labels of each series that an API in use exports, by its name."""
    directory = tmp_path_factory.mktemp("api")
    subprocess.run(
        ["go", "build", "-tags", "nopage", "-o", str(directory / "todo-api"), "./cmd/todo-api"],
        cwd=ROOT / "services/todo-api", env={**os.environ, "GOWORK": "off", "CGO_ENABLED": "0"}, check=True, timeout=600,
    )
    address, admin = (f"127.0.0.1:{free_port()}" for _ in range(2))
    with open(directory / "log", "w", encoding="utf-8") as log:
        api = subprocess.Popen(
            [str(directory / "todo-api")], cwd=directory, stdout=log, stderr=log,
            env={**os.environ, "TODO_LISTEN": address, "TODO_ADMIN_LISTEN": admin, "TODO_STORE": "mem:"},
        )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://{address}/readyz", timeout=5).close()
                break
            except (OSError, urllib.error.URLError):
                assert api.poll() is None and time.monotonic() < deadline, (directory / "log").read_text()
                time.sleep(0.05)
        write = urllib.request.Request(
            f"http://{address}/api/lists/home/todos", method="POST", data=b'{"title":"x"}', headers={"Content-Type": "application/json"}
        )
        urllib.request.urlopen(write, timeout=10).close()
        urllib.request.urlopen(f"http://{address}/api/lists/home/todos", timeout=10).close()
        with urllib.request.urlopen(f"http://{admin}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    finally:
        api.terminate()
        api.wait()
    series = {}
    for name, labels in re.findall(r"^([a-zA-Z_:]\w*)(?:\{([^}]*)\})? ", text, re.MULTILINE):
        series.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return series


def test_there_are_queries():
    assert len(queries()) >= 6


@pytest.mark.parametrize("query", queries())
def test_query_names_what_is_exported(exported, query):
    bare = re.sub(r'"[^"]*"|\[[^\]]*\]', "", query)
    names = {word for word in re.findall(r"[a-zA-Z_]\w*", bare)} - WORDS
    metrics = {name for name in names if name in exported}
    unknown = {name for name in names if name.startswith("todo_")} - metrics
    assert metrics and not unknown, f"{query}: the API exports no {unknown or names}; it has {sorted(exported)}"
    labels = set().union(*(exported[name] for name in metrics))
    assert names - metrics <= labels, f"{query}: {sorted(metrics)} have the labels {sorted(labels)}, not {sorted(names - metrics - labels)}"


LATER = {"todo_store_failures_total"}  # has a series after the first failure


def test_the_cloud_keeps_what_is_exported(exported):
    """The metrics that the collector of infra/terraform sends to CloudWatch, for alarms and dashboard."""
    text = (ROOT / "infra/terraform/modules/environment/environment.tf").read_text()
    names = [f"todo_{name}" for name in json.loads(re.search(r"^  metrics = \[for name in (\[.*?\])", text, re.MULTILINE).group(1))]
    unknown = [name for name in names if not {name, f"{name}_count"} & exported.keys() and name not in LATER]
    assert names and not unknown, f"the API exports no {unknown}; it has {sorted(exported)}"
