#!/usr/bin/python
"""One lock for each environment, as an object in S3."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lock
short_description: Take or release the lock of an environment
description:
  - The lock is an object that is written only if it does not exist, so one of two simultaneous attempts gets it.
    U(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html)
  - A lock has a random id. That a lock is this machine's is proven by a file of that name, never by the name of a host or the id of a process, which
    another machine may have as well.
  - It expires by the clock of S3.
  - It is taken over if it has expired, if this machine took it for a process that has ended, or if O(break_lock) names it.
  - A lock does not change the environment, so the module never reports a change.
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
    description: The process of this machine that holds the lock for as long as it runs.
    required: true
    type: int
  notes:
    description: Local directory with one file for each lock that this machine took.
    required: true
    type: path
  by:
    description: Who takes it, for the message to a run that is refused.
    default: an unknown user
    type: str
  purpose:
    description: Purpose of the lock, for the message to a run that is refused.
    default: deployment
    type: str
  minutes:
    description: Time after which the lock expires.
    default: 120
    type: int
  break_lock:
    description: The id of a lock to take over, or to end with O(state=absent), although its holder may still run.
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Take the lock
  todo.deploy.lock:
    bucket: releases
    key: staging/lock.json
    pid: 4711
    notes: .cache/locks
    purpose: deployment of 0123456789ab
"""

RETURN = r"""
holder:
  description: The lock, or the lock before it was released.
  returned: always
  type: dict
taken_over:
  description: The invalid lock that was replaced.
  returned: when there was one
  type: dict
"""

import json
import os
import socket
import uuid

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils.calls import BotoCoreError, Calls, ClientError, code

# 412: the condition is false. 404: the object does not exist.
REFUSED = ("PreconditionFailed", "NoSuchKey")


def here():
    """The place in which a process id is unique: the boot of this machine and the PID namespace. Two containers may share a checkout."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
            return f"{f.read().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # not Linux
        return socket.gethostname()


def noted(params, holder):
    """The process of this machine that took the lock, or nothing if another machine did."""
    try:
        with open(os.path.join(params["notes"], holder["id"]), encoding="utf-8") as f:
            pid, _, place = f.read().partition(" ")
        return int(pid) if place == here() else None
    except (FileNotFoundError, ValueError):
        return None


def note(params, holder):
    os.makedirs(params["notes"], exist_ok=True)
    with open(os.path.join(params["notes"], holder["id"]), "w", encoding="utf-8") as f:
        f.write(f"{params['pid']} {here()}")


def forget(params, holder):
    try:
        os.remove(os.path.join(params["notes"], holder["id"]))
    except FileNotFoundError:
        pass


def runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs, as another user
    return True


def lost(params, holder):
    """Why the lock is invalid, or nothing."""
    if params["break_lock"] and holder["id"] == params["break_lock"]:
        return "it was asked to be broken"
    if holder["expired"]:
        return "it has expired"
    pid = noted(params, holder)
    if pid is not None and not runs(pid):
        return "its process is gone"
    return None


def told(holder):
    return f"{holder['by']} (process {holder['pid']} on {holder['host']}) holds the lock since {holder['since']} for a {holder['purpose']}"


def take(module, client):
    params = module.params
    mine = {
        "id": str(uuid.uuid4()), "by": params["by"], "host": socket.gethostname(), "pid": params["pid"], "purpose": params["purpose"],
        "minutes": params["minutes"],
    }
    result = {"changed": False, "holder": mine}
    # An attempt fails only if another run changed the lock in between.
    for _round in range(5):
        held, etag = client.read_lock(params["bucket"], params["key"])
        if held and held["id"] == mine["id"]:  # an attempt whose response was lost has succeeded
            return {**result, "holder": held}
        condition = {"IfMatch": etag} if held else {"IfNoneMatch": "*"}
        if held:
            if noted(params, held) == params["pid"]:
                return {"changed": False, "holder": held}
            reason = lost(params, held)
            if reason is None:
                forget(params, mine)
                module.fail_json(
                    msg=f"{told(held)}. Wait for it to end; if you know that it has, run again with -e release_break_lock={held['id']}", holder=held
                )
            result["taken_over"] = dict(held, reason=reason)
        if module.check_mode:
            return result
        # The local file first: without it, a lock would stay valid after a process that is killed between the two.
        note(params, mine)
        try:
            client.put_object(Bucket=params["bucket"], Key=params["key"], Body=json.dumps(mine).encode(), ContentType="application/json", **condition)
        except ClientError as e:
            if code(e) not in REFUSED:
                raise
            continue
        if held:
            forget(params, held)
    held, _etag = client.read_lock(params["bucket"], params["key"])
    if held and held["id"] == mine["id"]:
        return {**result, "holder": held}
    forget(params, mine)
    module.fail_json(msg=f"s3://{params['bucket']}/{params['key']}: the lock changes hands faster than it can be taken")


def give_back(module, client):
    params = module.params
    held, etag = client.read_lock(params["bucket"], params["key"])
    if params["break_lock"] and params["break_lock"] != (held or {}).get("id"):
        module.fail_json(msg=f"No lock has the id {params['break_lock']}: " + (f"{told(held)}, id {held['id']}." if held else "the environment is not locked."))
    if held and not module.check_mode and (params["break_lock"] or noted(params, held) == params["pid"]):
        try:
            client.delete_object(Bucket=params["bucket"], Key=params["key"], IfMatch=etag)
        except ClientError as e:
            if code(e) not in REFUSED:
                raise  # otherwise another run has the lock, or an attempt whose response was lost has deleted it
        forget(params, held)
    return {"changed": False, "holder": held or {}}


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"choices": ["present", "absent"], "default": "present"},
            "bucket": {"required": True},
            "key": {"required": True, "no_log": False},
            "pid": {"required": True, "type": "int"},
            "notes": {"required": True, "type": "path"},
            "by": {"default": "an unknown user"},
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
    except OSError as e:
        module.fail_json(msg=f"{module.params['notes']}, which notes the locks of this machine: {e}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
