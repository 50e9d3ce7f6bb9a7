#!/usr/bin/python
"""One object in S3."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stored
short_description: Write an object, or fetch one, with one call
description:
  - Does not read tags and access control lists, unlike M(amazon.aws.s3_object).
version_added: 1.0.0
author: [The maintainers]
options:
  bucket:
    description: The bucket.
    required: true
    type: str
  key:
    description: The object's key.
    required: true
    type: str
  content:
    description: What to write, JSON.
    type: str
  src:
    description: The file to write.
    type: path
  dest:
    description: The file to write the object's content to, instead.
    type: path
  once:
    description: Whether to leave an existing object unchanged.
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Write a record
  todo.deploy.stored:
    bucket: releases
    key: staging/releases/1.json
    content: '{}'
"""

RETURN = r"""
written:
  description: Whether the object has this content now.
  returned: always
  type: bool
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils.calls import BotoCoreError, Calls, ClientError, code


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "bucket": {"required": True}, "key": {"required": True, "no_log": False}, "content": {}, "src": {"type": "path"}, "dest": {"type": "path"},
            "once": {"type": "bool", "default": False},
        },
        mutually_exclusive=[["content", "src", "dest"]], required_one_of=[["content", "src", "dest"]], supports_check_mode=True,
    )
    params = module.params
    if params["dest"]:
        try:
            _answer, body = Calls(module, "s3").read(params["bucket"], params["key"])
            if not module.check_mode:
                with open(params["dest"], "wb") as f:
                    f.write(body)
        except (BotoCoreError, ClientError) as e:
            module.fail_json_aws(e, msg=f"s3://{params['bucket']}/{params['key']}")
        except OSError as e:
            module.fail_json(msg=f"{params['dest']} cannot be written: {e.strerror}")
        module.exit_json(changed=False, written=False)
    if params["src"]:
        try:
            with open(params["src"], "rb") as f:
                body = f.read()
        except OSError as e:
            module.fail_json(msg=f"{params['src']} cannot be read: {e.strerror}")
    else:
        body = params["content"].encode()
    changed = written = True
    if not module.check_mode:
        s3 = Calls(module, "s3")
        try:
            s3.put_object(
                Bucket=params["bucket"], Key=params["key"], Body=body, ContentType="application/json",
                **({"IfNoneMatch": "*"} if params["once"] else {}),
            )
        except (BotoCoreError, ClientError) as e:
            if not (params["once"] and code(e) == "PreconditionFailed"):
                module.fail_json_aws(e, msg=f"s3://{params['bucket']}/{params['key']}")
            # An attempt whose response was lost may have succeeded; usually the object existed before.
            changed = False
            written = s3.read(params["bucket"], params["key"])[1] == body
    module.exit_json(changed=changed, written=written)


if __name__ == "__main__":
    main()
