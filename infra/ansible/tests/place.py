"""An environment that playbooks deploy to: buckets, a service and a site in this process, and a repository whose releases are built already."""

import json
import os
import subprocess
import sys

ACCOUNT = "123456789012"  # moto's
REPOSITORY = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/todo"
# Prints what the real one prints: the images themselves are proven by tools/image_test.go and the rehearsal.
IMAGE = """#!/bin/sh
registry=$(dirname "$0")/../../registry
mkdir -p "$registry"
case $1 in
push)
  case $* in *-dry-run*) registry=$(mktemp -d) ;; esac
  digest=$(sed -E 's/.*"digest": *"([^"]*)".*/\\1/' "$3/image.json")
  cp "$3/image.json" "$registry/$digest"
  printf '{"digest":"%s","image":"%s","tag":"x","pushed":true}' "$digest" "$5@$digest" ;;
pull)
  mkdir -p "$5"
  cat "$registry/${3#*@}" 2>/dev/null >"$5/image.json" || { echo "image: the registry of ${3%@*} has no image ${3#*@}, or no longer" >&2; exit 1; }
  cat "$5/image.json" ;;
esac
"""


def git(directory, *words):
    return subprocess.run(["git", "-c", "user.name=T", "-c", "user.email=t@localhost", *words], cwd=directory, check=True, capture_output=True, text=True).stdout.strip()


class Place:
    def __init__(self, here, aws, ansible_playbook, client, site, directory):
        self.here, self.aws, self.ansible_playbook, self.site, self.address = here, aws, ansible_playbook, site, None
        self.s3, self.ecs, self.ssm, self.cloudfront, self.logs = (client(service) for service in ("s3", "ecs", "ssm", "cloudfront", "logs"))
        self.root = directory / "repository"
        self.directory = directory
        (self.root / "apps/web").mkdir(parents=True)
        (self.root / "tools").mkdir()
        (self.root / "tools/image").write_text(IMAGE)
        (self.root / "tools/image").chmod(0o755)
        (self.root / ".gitignore").write_text(".cache\n")
        git(self.root, "init", "-q")
        self.hosts, self.commits = {}, {}

    def commit(self, name):
        """Commits a release whose image and page are built, and checks it out; returns its digest."""
        if name in self.commits:
            git(self.root, "checkout", "-q", self.commits[name])
            return "sha256:" + name * 64
        (self.root / "apps/web/name").write_text(name)
        git(self.root, "add", "--all")
        git(self.root, "commit", "-q", "-m", name)
        self.commits[name] = revision = git(self.root, "rev-parse", "HEAD")
        image = self.root / ".cache/releases" / revision / "image"
        image.mkdir(parents=True)
        (image / "image.json").write_text(json.dumps({"digest": "sha256:" + name * 64, "revision": revision, "version": name}))
        (image / "sbom.cdx.json").write_text("{}")
        page = self.root / ".cache/releases" / ("page-of-" + git(self.root, "rev-parse", "HEAD:apps/web"))
        (page / "assets").mkdir(parents=True)
        (page / "index.html").write_text(f'<title>{name}</title><script src="/assets/{name}.js"></script>')
        (page / "assets" / f"{name}.js").write_text(name)
        return "sha256:" + name * 64

    def create(self, name, definitions=None, runs=1, **published):
        """Makes an environment as Terraform leaves it, or with the task definitions of another."""
        for bucket in (f"{name}-website", f"{name}-releases"):
            self.s3.create_bucket(Bucket=bucket)
        self.ecs.create_cluster(clusterName=name)
        options = {"awslogs-group": name, "awslogs-stream-prefix": "todo-api", "awslogs-region": "us-east-1"}
        containers = [{"name": "todo-api", "image": f"{REPOSITORY}:not-yet-deployed", "memory": 64, "essential": True,
                       "environment": [{"name": "TODO_SETTING", "value": "kept"}], "logConfiguration": {"logDriver": "awslogs", "options": options}}]
        self.logs.create_log_group(logGroupName=name)
        for each in definitions or [containers]:
            self.ecs.register_task_definition(family=name, containerDefinitions=each)
        self.ecs.create_service(cluster=name, serviceName=name, taskDefinition=f"{name}:{runs}", desiredCount=2)
        distribution = self.cloudfront.create_distribution(DistributionConfig={
            "CallerReference": name, "Comment": "", "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [{"Id": "page", "DomainName": "page.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}]},
            "DefaultCacheBehavior": {"TargetOriginId": "page", "ViewerProtocolPolicy": "redirect-to-https", "MinTTL": 0,
                                     "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}}},
        })["Distribution"]["Id"]
        self.ssm.put_parameter(Name=f"/p/{name}/deploy", Type="String", Value=json.dumps({
            "site_url": self.address, "repository_url": REPOSITORY, "cluster": name, "service": name, "task_family": name, "container": "todo-api",
            "desired_count": 2, "website_bucket": f"{name}-website", "distribution_id": distribution, "releases_bucket": f"{name}-releases",
            "releases_prefix": "e/", **published,
        }))
        self.hosts[name] = {"account_id": ACCOUNT}

    def notes(self, name):
        return self.directory / "locks" / name

    def copy(self, name, to):
        """Makes the environment `to` what `name` is now."""
        arns = self.ecs.list_task_definitions(familyPrefix=name)["taskDefinitionArns"]
        definitions = [self.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["containerDefinitions"] for arn in arns]
        runs = self.ecs.describe_services(cluster=name, services=[name])["services"][0]["taskDefinition"].rpartition(":")[2]
        self.create(to, definitions, runs)
        for kind in ("website", "releases"):
            for entry in self.s3.list_objects_v2(Bucket=f"{name}-{kind}").get("Contents", []):
                got = self.s3.get_object(Bucket=f"{name}-{kind}", Key=entry["Key"])
                body = got["Body"].read()
                if entry["Key"].endswith(".json") and kind == "releases":
                    body = body.replace(f"task-definition/{name}:".encode(), f"task-definition/{to}:".encode())
                headers = {key: got[key] for key in ("ContentType", "CacheControl") if key in got}
                self.s3.put_object(Bucket=f"{to}-{kind}", Key=entry["Key"], Body=body, Metadata=got["Metadata"], **headers)
        self.notes(to).mkdir(parents=True)
        for note in self.notes(name).glob("*"):
            (self.notes(to) / note.name).write_text(note.read_text())

    def words(self, playbook, name, *words, connection="forked", **variables):
        """What follows ansible-playbook on the command line that runs a playbook in an environment."""
        self.site.bucket, self.site.service = f"{name}-website", name
        inventory = self.directory / "inventory.json"
        common = {
            "ansible_connection": connection, "ansible_python_interpreter": sys.executable, "project": {"name": "p", "region": "us-east-1"},
            "repository_root": str(self.root), "release_lock_notes": str(self.notes(name)), "backend_service_poll_seconds": 0, "smoke_tries": 1,
            "smoke_delay_seconds": 0, "smoke_requests": 1,
        }
        inventory.write_text(json.dumps({"all": {"hosts": self.hosts}}))
        return ["-i", str(inventory), playbook, *words, "-e", json.dumps({**common, "environment": name, **variables})]

    def start(self, playbook, name, *words, **variables):
        """Starts a playbook, as a process of its own whose modules are as well."""
        command = [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), *self.words(playbook, name, *words, connection="local", **variables)]
        return subprocess.Popen(command, env=self.aws, cwd=self.here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def play(self, playbook, name, *words, **variables):
        """Runs a playbook in an environment and returns its status and what it said in one line."""
        done = self.ansible_playbook(self.words(playbook, name, *words, **variables), self.aws)
        return done.returncode, " ".join(f"{done.stdout} {done.stderr}".split())

    def locked(self, name):
        return self.s3.list_objects_v2(Bucket=f"{name}-releases", Prefix="e/lock")["KeyCount"] == 1

    def serves(self, name):
        """The release that the service runs, and the one whose page is published."""
        self.site.bucket, self.site.service = f"{name}-website", name
        page = self.s3.get_object(Bucket=f"{name}-website", Key="index.html")["Body"].read().decode()
        return self.site.running()[7], page[len("<title>")]
