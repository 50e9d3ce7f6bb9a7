#!/usr/bin/python
"""The release records of an environment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: releases_info
short_description: Read the release records of an environment
version_added: 1.0.0
description:
  - Reads the newest records and, if there is one, the lock.
author: [The maintainers]
options:
  bucket:
    description: The bucket that holds them.
    required: true
    type: str
  prefix:
    description: Prefix of their keys.
    required: true
    type: str
  lock_key:
    description: Key of the lock.
    required: true
    type: str
  limit:
    description: Minimum number of records to read.
    type: int
    default: 50
  healthy:
    description: Number of healthy records to read. A release to go back to may be older than many that failed.
    type: int
    default: 10
  to:
    description: Id, number or commit of another release to read.
    type: str
    default: ""
  page_bucket:
    description: The bucket of the page, to return the published page.
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Read what was released
  todo.deploy.releases_info:
    bucket: releases
    prefix: staging/releases/
    lock_key: staging/lock.json
"""

RETURN = r"""
releases:
  description: The records, newest first.
  returned: always
  type: list
  elements: dict
lock:
  description: The lock; empty when it is free.
  returned: always
  type: dict
next:
  description: Number of the next release.
  returned: always
  type: int
index:
  description: SHA-256 of the published index.html; empty if the bucket has none or O(page_bucket) is not set.
  returned: always
  type: str
"""

import json
import re

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils.calls import BotoCoreError, Calls, ClientError, code


def number(key):
    """The number of a release; 0 for releases of earlier versions, whose names begin with their time."""
    found = re.match(r"r(\d+)-", key.rsplit("/", 1)[-1])
    return int(found[1]) if found else 0


def named(key, to):
    """Whether a key may belong to the release that C(to) names: the key has 12 digits of the commit."""
    name = key.rsplit("/", 1)[-1].removesuffix(".json")
    return to in (name, name.split("-")[0]) or (len(to) >= 7 and name.rpartition("-")[2].startswith(to[:12]))


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "bucket": {"required": True},
            "prefix": {"required": True},
            "lock_key": {"required": True, "no_log": False},
            "limit": {"type": "int", "default": 50},
            "healthy": {"type": "int", "default": 10},
            "to": {"default": ""},
            "page_bucket": {},
        },
        supports_check_mode=True,
    )
    params = module.params
    releases, healthy, lock, index = [], 0, {}, ""
    try:
        client = Calls(module, "s3")
        keys = [entry["Key"] for entry in client.list_objects(params["bucket"], params["prefix"])]
        keys.sort(key=lambda key: (number(key), key), reverse=True)
        for n, key in enumerate(keys):
            if n >= params["limit"] and healthy >= params["healthy"] and not named(key, params["to"]):
                continue
            _answer, body = client.read(params["bucket"], key)
            try:
                releases.append(json.loads(body))
                healthy += releases[-1].get("state") == "healthy"
            except (AttributeError, ValueError) as e:
                module.fail_json(msg=f"s3://{params['bucket']}/{key} is no release record: {e}")
        lock = client.read_lock(params["bucket"], params["lock_key"])[0] or {}
        if params["page_bucket"]:
            try:
                head = client.head_object(Bucket=params["page_bucket"], Key="index.html")
                index = {key.lower(): value for key, value in head["Metadata"].items()}.get("sha256", "")
            except ClientError as e:
                if code(e) not in ("404", "NoSuchKey"):
                    raise
    except (BotoCoreError, ClientError) as e:
        module.fail_json_aws(e, msg=f"The release records in s3://{params['bucket']}/{params['prefix']}")
    module.exit_json(changed=False, releases=releases, lock=lock, index=index, next=max(map(number, keys), default=0) + 1)


if __name__ == "__main__":
    main()
