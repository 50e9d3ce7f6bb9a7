"""Options that several modules have."""


class ModuleDocFragment:
    """The service that a module uses."""

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
    description: Name of the container in its tasks.
    required: true
    type: str
"""
