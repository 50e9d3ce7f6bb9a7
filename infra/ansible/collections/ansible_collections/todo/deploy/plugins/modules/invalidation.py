#!/usr/bin/python
"""An invalidation in CloudFront."""

from __future__ import annotations

DOCUMENTATION = r"""
module: invalidation
short_description: Invalidate paths in CloudFront with one call
description:
  - Does not read earlier invalidations, unlike M(community.aws.cloudfront_invalidation), and does not wait.
version_added: 1.0.0
author: [The maintainers]
options:
  distribution:
    description: Id of the distribution.
    required: true
    type: str
  paths:
    description: The paths.
    required: true
    type: list
    elements: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Ask again for the page
  todo.deploy.invalidation:
    distribution: E2QWRUHAPOMQZL
    paths: [/, /index.html]
"""

RETURN = r"""
id:
  description: Id of the invalidation.
  returned: when not in check mode
  type: str
"""

import uuid

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils.calls import BotoCoreError, Calls, ClientError


def main():
    module = AnsibleAWSModule(
        argument_spec={"distribution": {"required": True}, "paths": {"required": True, "type": "list", "elements": "str"}}, supports_check_mode=True
    )
    params, result = module.params, {"changed": True}
    if not module.check_mode:
        # With the same reference, a repeated call creates no second invalidation.
        batch = {"Paths": {"Quantity": len(params["paths"]), "Items": params["paths"]}, "CallerReference": str(uuid.uuid4())}
        try:
            result["id"] = Calls(module, "cloudfront").create_invalidation(DistributionId=params["distribution"], InvalidationBatch=batch)["Invalidation"]["Id"]
        except (BotoCoreError, ClientError) as e:
            module.fail_json_aws(e, msg=f"The distribution {params['distribution']} was not invalidated")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
