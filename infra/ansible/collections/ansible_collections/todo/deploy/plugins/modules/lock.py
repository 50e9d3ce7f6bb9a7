#!/usr/bin/python
"""One lock for each environment, as an object in S3."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lock
short_description: Take or give back the one lock of an environment
description:
  - The lock is an object that is written under the condition that there is none, so of two that try at once one gets it.
    U(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html)
  - A lock of a process of this machine that no longer runs is taken over, and so is one that has expired.
  - A lock is no change of the environment, so the module never reports one.
version_added: 1.0.0
author: [The maintainers]
options:
  state:
    description: Whether to hold the lock.
    choices: [present, absent]
    default: present
    type: str
  bucket:
    description: The bucket that holds it.
    required: true
    type: str
  key:
    description: The object's key.
    required: true
    type: str
  pid:
    description: The process that holds the lock for as long as it runs.
    required: true
    type: int
  purpose:
    description: What the lock is held for, for whoever is refused.
    default: deployment
    type: str
  minutes:
    description: After how long the lock expires.
    default: 120
    type: int
  break_lock:
    description: The id of a lock that is to be taken over although its holder may still run.
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Let nobody else deploy
  todo.deploy.lock:
    bucket: releases
    key: staging/lock.json
    pid: 4711
    purpose: deployment of 0123456789ab
"""

RETURN = r"""
holder:
  description: The lock as it stands, or as it was before it was given back.
  returned: always
  type: dict
taken_over:
  description: The lock that was in the way and no longer counted.
  returned: when there was one
  type: dict
"""

import datetime
import getpass
import json
import os
import socket
import uuid

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # said by AnsibleAWSModule

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils.calls import Calls

# 412: the condition does not hold. 409: another conditional write was under way.
REFUSED = ("PreconditionFailed", "ConditionalRequestConflict")


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def read(client, params):
    """Returns the lock and its ETag, or nothing."""
    try:
        answer = client.get_object(Bucket=params["bucket"], Key=params["key"])
    except ClientError as e:
        if e.response["Error"]["Code"] == "NoSuchKey":
            return None, None
        raise
    return json.loads(answer["Body"].read()), answer["ETag"]


def lost(holder, break_lock):
    """Why the lock no longer counts, or nothing."""
    if break_lock and holder["id"] == break_lock:
        return "it was asked to be broken"
    if datetime.datetime.fromisoformat(holder["expires"]) < now():
        return "it has expired"
    if holder["host"] == socket.gethostname():
        try:
            os.kill(holder["pid"], 0)
        except ProcessLookupError:
            return "its process is gone"
        except PermissionError:
            pass  # it runs, as another user
    return None


def take(module, client):
    params = module.params
    mine = {
        "id": str(uuid.uuid4()),
        "by": f"{getpass.getuser()}@{socket.gethostname()}",
        "host": socket.gethostname(),
        "pid": params["pid"],
        "purpose": params["purpose"],
        "since": now().isoformat(),
        "expires": (now() + datetime.timedelta(minutes=params["minutes"])).isoformat(),
    }
    result = {"changed": False, "holder": mine}
    condition = {"IfNoneMatch": "*"}
    # Each round is lost only to somebody else who moved the lock meanwhile.
    for _round in range(5):
        held, etag = read(client, params)
        if held:
            if held["host"] == mine["host"] and held["pid"] == mine["pid"]:
                return {"changed": False, "holder": held}
            reason = lost(held, params["break_lock"])
            if reason is None:
                module.fail_json(
                    msg=f"{held['by']} (pid {held['pid']}) holds the lock since {held['since']} for a {held['purpose']}. "
                    "Wait for it to end; if you know that it has, run again with "
                    f"-e release_break_lock={held['id']}",
                    holder=held,
                )
            result["taken_over"] = dict(held, reason=reason)
            condition = {"IfMatch": etag}
        if module.check_mode:
            return result
        try:
            client.put_object(
                Bucket=params["bucket"], Key=params["key"], Body=json.dumps(mine).encode(),
                ContentType="application/json", **condition,
            )
            return result
        except ClientError as e:
            if e.response["Error"]["Code"] not in REFUSED:
                raise
            # A try whose answer was lost may have landed.
            held, _etag = read(client, params)
            if held and held["id"] == mine["id"]:
                return result
            condition = {"IfNoneMatch": "*"}
    module.fail_json(msg=f"s3://{params['bucket']}/{params['key']}: the lock changes hands faster than it can be taken")


def give_back(module, client):
    params = module.params
    held, _etag = read(client, params)
    if held and not module.check_mode and held["host"] == socket.gethostname() and held["pid"] == params["pid"]:
        client.delete_object(Bucket=params["bucket"], Key=params["key"])
    return {"changed": False, "holder": held or {}}


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"choices": ["present", "absent"], "default": "present"},
            "bucket": {"required": True},
            "key": {"required": True, "no_log": False},
            "pid": {"required": True, "type": "int"},
            "purpose": {"default": "deployment"},
            "minutes": {"type": "int", "default": 120},
            "break_lock": {},
        },
        supports_check_mode=True,
    )
    try:
        client = Calls(module, "s3")
        result = take(module, client) if module.params["state"] == "present" else give_back(module, client)
    except (BotoCoreError, ClientError) as e:
        module.fail_json_aws(e, msg=f"The lock s3://{module.params['bucket']}/{module.params['key']}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
