"""Every variable says what it takes, and what it takes is checked; what only travels on is checked where it arrives."""

import functools
import json
import re
import shutil

import pytest
import tables
import yaml
from conftest import HERE, ROOTS, TERRAFORM, terraform

DIRECTORIES = [str(path.relative_to(TERRAFORM)) for path in [*(TERRAFORM / root for root in ROOTS), *tables.modules()]]
ROWS = yaml.safe_load((HERE / "bad_values.yaml").read_text())

# Values that only another resource can know: a mocked run makes them up.
UNCHECKED = {("modules/instances", "load_balancer_security_group_id"), ("modules/valkey", "client_security_group_id")}

# What no variable of a type takes.
STRANGE = {
    "string": ["", " ", "a\nb", "ä" * 300],
    "number": [-1, 0.001],
    "list(string)": [[""], [None]],
    "set(string)": [[""], [None]],
    "map(string)": [{"": ""}, {"": None}],
    "map(number)": [{"": -1}, {"": None}],
    "map(list(string))": [{"": []}, {"": None}],
}
# Variables that take one of them, because they are an amount or a command.
TAKES = {**dict.fromkeys([("modules/observability", name) for name in ("store_seconds", "server_errors", "latency_seconds", "conflicts")], 0.001), ("modules/ssh_key", "keydeposit"): "ä" * 300}


@functools.cache
def variables(directory):
    return dict(tables.blocks(TERRAFORM / directory / "variables.tf", "variable"))


def others(name, body):
    """The variables that a variable's rules compare it with."""
    return set(re.findall(r"\bvar\.(\w+)", body)) - {name}


def rows(directory):
    """Calls of a directory: the table's, one of null alone, and one of each strange value."""
    yield from ROWS.get(directory, [])
    yield dict.fromkeys(variables(directory))
    kinds = {name: tables.attribute(body, "type") for name, body in variables(directory).items() if "validation {" in body and not others(name, body)}
    for at in range(max(map(len, STRANGE.values()))):
        row = {name: STRANGE[kind][at] for name, kind in kinds.items() if at < len(STRANGE.get(kind, []))}
        yield {name: value for name, value in row.items() if TAKES.get((directory, name)) != value}


def said_to(root, calls):
    """Terraform's errors for one configuration that calls the variables of directories, and where each value is."""
    (root / "unknown.tf").write_text('resource "terraform_data" "unknown" {}\n')
    places = {}
    for number, (directory, row) in enumerate(calls):
        (root / directory).mkdir(parents=True, exist_ok=True)
        shutil.copy(TERRAFORM / directory / "variables.tf", root / directory)
        # What a row leaves out is unknown, which no rule refuses.
        left_out = {key: "${terraform_data.unknown.output}" for key, body in variables(directory).items() if key not in row and tables.attribute(body, "default") is None}
        arguments = {"source": f"./{directory}", **row, **left_out}
        text = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in arguments.items())
        (root / f"call_{number}.tf.json").write_text(f'{{"module": {{"call_{number}": {{\n{text}\n}}}}}}\n')
        places |= {(f"call_{number}.tf.json", line): (directory, key, row[key]) for line, key in enumerate(arguments, 2) if key in row}
    terraform(root, "init", "-backend=false", "-input=false")
    messages = [json.loads(line) for line in terraform(root, "plan", "-json", "-input=false", check=False).splitlines() if line.startswith("{")]
    return [m["diagnostic"] for m in messages if m["type"] == "diagnostic" and m["diagnostic"]["severity"] == "error"], places


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    return said_to(tmp_path_factory.mktemp("bad"), [(directory, row) for directory in DIRECTORIES for row in rows(directory)])


@pytest.fixture(scope="module")
def said_together(tmp_path_factory):
    return said_to(tmp_path_factory.mktemp("together"), [(directory, row) for directory, table in ROWS["together"].items() for row in table])[0]


def test_bad_values_are_refused(said):
    errors, places = said
    # Null may mean the default, or nothing.
    wanted = {place: value for place, value in places.items() if value[2] is not None}
    assert len(wanted) > 300, f"got {len(wanted)} values; the test must have something to refuse"
    refused = {(error["range"]["filename"], error["range"]["start"]["line"]) for error in errors}
    accepted = [str(value) for place, value in wanted.items() if place not in refused]
    assert not accepted, "accepted:\n" + "\n".join(accepted)


def test_a_refusal_says_what_is_expected(said):
    """And not that a rule stumbled over the value."""
    errors, _ = said
    stumbled = {f"{e['range']['filename']}:{e['range']['start']['line']}: {e['summary']}: {e['detail']}" for e in errors if e["summary"] != "Invalid value for variable" and "may not be set to null" not in e["detail"]}
    assert not stumbled, "\n".join(sorted(stumbled))


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_every_rule_refuses_something(directory, said, said_together):
    errors = said[0] + said_together
    text = (TERRAFORM / directory / "variables.tf").read_text()
    used = {(file, int(line)) for error in errors for file, line in re.findall(r"validation rule at\s+(\S+?):(\d+),", error["detail"])}
    for name, body in variables(directory).items():
        first = text[: text.index(f'variable "{name}" {{')].count("\n") + 2
        for rule in re.finditer(r"^  validation \{", body, re.M):
            line = first + body[: rule.start()].count("\n")
            assert (f"{directory}/variables.tf", line) in used, f"no value of bad_values.yaml is refused by {directory}/variables.tf:{line}"


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_every_value_is_described_and_checked(directory):
    files = "\n".join(p.read_text() for p in (TERRAFORM / directory).glob("*.tf"))
    calls = "\n".join(re.findall(r'^module "\w+" \{\n(.*?)^\}', files, re.M | re.S))
    for name, body in variables(directory).items():
        assert tables.attribute(body, "description"), f"{name} has no description"
        kind = tables.attribute(body, "type")
        assert kind, f"{name} has no type"
        assert not re.search(r"\bany\b", kind), f"{name} takes anything; say what it is made of"
        described = "null" in tables.attribute(body, "description")
        if tables.attribute(body, "default") not in (None, "null") and "object(" not in kind:
            want = None if described else "false"
            assert tables.attribute(body, "nullable") == want, f"{name}: null is the default (nullable = false), or what the description says it is"
        if kind == "bool" or (directory, name) in UNCHECKED or "validation {" in body:
            continue
        if kind.startswith("object("):
            given = set(re.findall(rf"\bvar\.{name}\.(\w+)", files))
            fields = set(re.findall(r"\b(\w+) = ", re.sub(r"optional\(list\(object\(.*?\)\)\)", "optional(any)", kind)))
            assert fields == given, f"{name}: nobody takes {sorted(fields - given)}"
        else:
            assert re.search(rf"^ +\w+ += var\.{name}$", calls, re.M), f"{name} is neither checked nor handed to a module that does"


# Bad values that are refused below the directory they are given to, and the words the operator then reads: all of a run's at once.
BAD = [
    (
        "modules/environment",
        """
        image             = "todo-api:latest"
        api_origin        = "private"
        price_class       = "PriceClass_300"
        list_history_days = 0
        instances         = { types = ["micro"], min = 0, on_demand_base = -1, spot_share = 101, disk_gib = 8 }
        waf               = { enabled = true, rate_limit = 5 }
        logs              = { retention_days = 31, access_log_days = 0 }
        alarms            = { server_errors = -1, latency_seconds = 0, restarts = 0, conflicts = -1 }
        tasks = {
          count                = 0
          cpu                  = 1
          memory_reservation   = 1
          environment          = { "1X" = "y" }
          placement            = ["everywhere"]
          stop_timeout         = 5
          deregistration_delay = 5
          volumes              = [{ name = "a", container_path = "a" }]
        }
        """,
        [
            "image is an image by digest",
            "api_origin is vpc or public.",
            "price_class is PriceClass_100, PriceClass_200 or PriceClass_All.",
            "noncurrent_days is a whole number of days, at least 1, or null.",
            "instance_types are 1 to 40 names such as t3.micro.",
            "min_instances is a whole number, at least 1.",
            "on_demand_base is a whole number, 0 or more.",
            "spot_share is a percentage, a whole number from 0 to 100.",
            "disk_gib is a whole number from 30",
            "rate_limit is a whole number of requests in five minutes",
            "log_retention_days is one of 1, 3, 5, 7",
            "retention_days is a whole number of days from 1 to 3650.",
            "server_errors is a number of answers a minute, 0 or more.",
            "latency_seconds is a number of seconds above 0.",
            "restarts is a whole number, at least 1.",
            "conflicts is a number of overtaken writes in five minutes, 0 or more.",
            "desired_count is a whole number from 1 to 100.",
            "cpu is a whole number of CPU units from 128 to 10240.",
            "memory_reservation is a whole number of MiB, at least 64.",
            "environment's names begin with a letter or _",
            "placement's strategies are spread_zone, spread_instance, binpack_cpu, binpack_memory and random.",
            "stop_timeout is a whole number of seconds from 20",
            "deregistration_delay is a whole number of seconds from 15",
            "volumes have absolute paths.",
        ],
    ),
    (
        "modules/environment",
        """
        project   = { name = "Todo_List", region = "Ireland", domain = "https://todo.example.com/", alarm_email = "ops at example" }
        subdomain = "origin"
        name      = "shared"
        instances = { max = 1 }
        tasks     = { memory_limit = 64 }
        logs      = { container_insights = "on" }
        """,
        [
            "name in project.yaml has 2 to 12 lower-case letters and digits",
            "region in project.yaml is an AWS region such as us-east-1.",
            "domain in project.yaml is a host name such as todo.example.com",
            "alarm_email in project.yaml is an e-mail address",
            "subdomain is one label of at most 32",
            "name has 2 to 12 lower-case letters and digits, begins with a letter, and is not shared.",
            "max_instances is a whole number from min_instances to 100.",
            "memory_limit is a whole number of MiB, not below memory_reservation.",
            "container_insights is enabled, enhanced or disabled.",
        ],
    ),
    (
        "shared",
        """
        cidr               = "10.0.0.0/24"
        zones              = ["eu-west-1a"]
        egress             = "none"
        existing_zone_id   = "todo.example.com"
        ssh_key_generation = 0
        keydeposit         = " "
        """,
        [
            "cidr is an IPv4 range such as 10.0.0.0/16 with a prefix from /16 to /22",
            "zones are exactly two different availability zones",
            "egress is single_nat, nat_per_zone or public_addresses.",
            "existing_zone_id is a Route 53 zone id such as Z0123456789ABCDEFGHIJ, or null.",
            "generation is a whole number, at least 1.",
            "keydeposit is a command on one line, such as /usr/local/bin/keydeposit, or null.",
        ],
    ),
]


@pytest.mark.parametrize(("directory", "values", "want"), BAD, ids=["environment", "environment-limits", "shared"])
def test_bad_values_are_refused_with_what_was_expected(directory, values, want, copy):
    root = copy / directory
    (tests,) = root.glob("tests/*.tftest.hcl")
    head = re.sub(r"^#.*\n", "", tests.read_text().partition("\nrun ")[0], flags=re.M)
    tests.write_text(f'{head}\n\nrun "bad" {{\n  command = plan\n  variables {{\n{values}\n  }}\n}}\n')
    terraform(root, "init", "-backend=false", "-input=false")
    messages = [json.loads(line) for line in terraform(root, "test", "-json", check=False).splitlines()]
    got = "\n".join(m["diagnostic"]["summary"] + ": " + m["diagnostic"].get("detail", "") for m in messages if "diagnostic" in m)
    missing = [words for words in want if words not in got]
    assert not missing, f"not said: {missing}; said:\n{got}"


BAD_NAMES = {
    "bootstrap": {
        "repository": ("https://github.com/gchamon/devops-challenge", "repository in project.yaml is owner/name"),
        "repository_ids": ("[2325298]", "repository_ids in project.yaml are two numbers"),
    },
    "shared": {
        "monthly_budget_usd": ("0", "monthly_budget_usd in project.yaml is an amount in US dollars, at least 1."),
        "alarm_email": ("ops at example", "alarm_email in project.yaml is an e-mail address such as ops@example.com."),
    },
}


@pytest.mark.parametrize("root", BAD_NAMES)
def test_bad_names_of_the_project_are_refused(root, copy):
    project = copy / "project.yaml"
    for key, (value, _) in BAD_NAMES[root].items():
        project.write_text(re.sub(rf"^{key}: \S+", f"{key}: {value}", project.read_text(), flags=re.M))
    terraform(copy / root, "init", "-backend=false", "-input=false")
    said = terraform(copy / root, "test", check=False).replace("\n", " ").replace("  ", " ")
    missing = [words for _, words in BAD_NAMES[root].values() if words not in said]
    assert not missing, f"not said: {missing}; said:\n{said}"


def test_roles_trust_the_subject_with_ids(copy):
    """That of a repository which was created since July 2026."""
    project, root = copy / "project.yaml", copy / "bootstrap"
    project.write_text(project.read_text().replace("repository_ids: []", "repository_ids: [1024025, 2325298]"))
    (tests,) = root.glob("tests/*.tftest.hcl")
    head = tests.read_text().partition("\nrun ")[0]
    tests.write_text(head + """
run "subjects" {
  command = plan
  assert {
    condition     = local.subjects.staging-deploy == ["repo:gchamon@1024025/devops-challenge@2325298:environment:staging"] && local.subjects.plan[0] == "repo:gchamon@1024025/devops-challenge@2325298:pull_request"
    error_message = "got ${jsonencode(local.subjects)}"
  }
}
""")
    terraform(root, "init", "-backend=false", "-input=false")
    terraform(root, "test")
