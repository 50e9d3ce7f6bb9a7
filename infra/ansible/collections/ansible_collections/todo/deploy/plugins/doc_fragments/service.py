"""Options that several modules have."""


class ModuleDocFragment:
    """Which service a module is about."""

    DOCUMENTATION = r"""
options:
  cluster:
    description: Name or ARN of the cluster.
    required: true
    type: str
  service:
    description: Name of the service.
    required: true
    type: str
  container:
    description: Name of the container of its tasks that is meant.
    required: true
    type: str
"""
