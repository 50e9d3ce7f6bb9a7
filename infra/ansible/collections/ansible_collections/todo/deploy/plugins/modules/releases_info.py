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
    description: What their keys begin with.
    required: true
    type: str
  lock_key:
    description: Key of the lock.
    required: true
    type: str
  limit:
    description: How many to read at most.
    type: int
    default: 50
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
  description: Who deploys right now; empty when nobody does.
  returned: always
  type: dict
"""

import json

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    pass  # said by AnsibleAWSModule

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "bucket": {"required": True},
            "prefix": {"required": True},
            "lock_key": {"required": True, "no_log": False},
            "limit": {"type": "int", "default": 50},
        },
        supports_check_mode=True,
    )
    params = module.params
    releases, lock = [], {}
    try:
        client = module.client("s3")
        keys = []
        for answer in client.get_paginator("list_objects_v2").paginate(Bucket=params["bucket"], Prefix=params["prefix"]):
            keys += [entry["Key"] for entry in answer.get("Contents", [])]
        # A record's name begins with its time.
        for key in sorted(keys, reverse=True)[: params["limit"]]:
            body = client.get_object(Bucket=params["bucket"], Key=key)["Body"].read()
            try:
                releases.append(json.loads(body))
            except ValueError as e:
                module.fail_json(msg=f"s3://{params['bucket']}/{key} is no release record: {e}")
        try:
            lock = json.loads(client.get_object(Bucket=params["bucket"], Key=params["lock_key"])["Body"].read())
        except client.exceptions.NoSuchKey:
            pass
    except (BotoCoreError, ClientError) as e:
        module.fail_json_aws(e, msg=f"The release records in s3://{params['bucket']}/{params['prefix']}")
    module.exit_json(changed=False, releases=releases, lock=lock)


if __name__ == "__main__":
    main()
