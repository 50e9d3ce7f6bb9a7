#!/usr/bin/python
"""The environment that Terraform published."""

from __future__ import annotations

DOCUMENTATION = r"""
module: target_info
short_description: Check credentials and read what Terraform published
description:
  - Changes nothing. Every failure names the place and what was expected.
version_added: 1.0.0
author: [The maintainers]
options:
  environment:
    description: Name of the environment, for messages.
    required: true
    type: str
  account_id:
    description: The account that the credentials must be of.
    required: true
    type: str
  parameter:
    description: Name of the SSM parameter that Terraform published.
    required: true
    type: str
  keys:
    description: The keys that its JSON object must have.
    required: true
    type: list
    elements: str
  buckets:
    description: The keys whose values are names of buckets, which must exist.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Read what Terraform published
  todo.deploy.target_info:
    environment: staging
    account_id: "111111111111"
    parameter: /todo/staging/deploy
    keys: [site_url, website_bucket]
    buckets: [website_bucket]
"""

RETURN = r"""
target:
  description: What the parameter holds.
  returned: success
  type: dict
"""

import json
import time
from email.utils import parsedate_to_datetime

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils.calls import BotoCoreError, Calls, ClientError, code


# AWS refuses requests whose time is off by more: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
TOLERATED = 5 * 60


def clock(answer):
    """A message about this machine's clock, by the time in AWS's response, or nothing."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    off = time.time() - parsedate_to_datetime(date).timestamp() if date else 0
    if abs(off) <= TOLERATED:
        return None
    return f"The clock of this machine is {abs(off) / 60:.0f} minutes {'ahead' if off > 0 else 'behind'}: AWS refuses requests that are 5 minutes off. Set it."


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "environment": {"required": True},
            "account_id": {"required": True},
            "parameter": {"required": True},
            "keys": {"required": True, "type": "list", "elements": "str", "no_log": False},
            "buckets": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    name, account, parameter = (module.params[key] for key in ("environment", "account_id", "parameter"))
    try:
        caller = Calls(module, "sts").get_caller_identity()
        wrong = clock(caller)
        if wrong:
            module.fail_json(msg=wrong)
    except (BotoCoreError, ClientError) as e:
        wrong = clock(getattr(e, "response", {}))
        if wrong:
            module.fail_json(msg=f"{wrong} It says: {e}")
        module.fail_json(
            msg="AWS does not take these credentials, or there are none: log in (aws sso login, or AWS_PROFILE, or AWS_ACCESS_KEY_ID), then try again. "
            f"It says: {e}"
        )
    if caller["Account"] != account:
        module.fail_json(msg=f"These credentials are of the account {caller['Account']} ({caller['Arn']}), but {name} is in {account}.")
    try:
        text = Calls(module, "ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
    except (BotoCoreError, ClientError) as e:
        module.fail_json(
            msg=f"The SSM parameter {parameter} in {module.region} cannot be read: has infra/terraform/environments/{name} been applied in this account? "
            f"AWS says: {e}"
        )
    try:
        target = json.loads(text)
    except ValueError:
        target = None
    if not isinstance(target, dict):
        module.fail_json(msg=f"{parameter} is no JSON object: apply infra/terraform of this commit first.")
    missing = [key for key in module.params["keys"] if target.get(key) in (None, "")]
    if missing:
        module.fail_json(msg=f"{parameter} lacks {', '.join(missing)}: apply infra/terraform of this commit first.")
    s3 = Calls(module, "s3")
    for bucket in (target[key] for key in module.params["buckets"]):
        try:
            s3.list_objects_v2(Bucket=bucket, MaxKeys=1)
        except (BotoCoreError, ClientError) as e:
            reason = "does not exist: apply infra/terraform" if code(e) == "NoSuchBucket" else f"does not answer: {e}"
            module.fail_json(msg=f"The bucket {bucket} {reason}.")
    module.exit_json(changed=False, target=target)


if __name__ == "__main__":
    main()
