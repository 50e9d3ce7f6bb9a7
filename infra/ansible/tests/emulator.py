"""moto, whose ECS rolls every update out at once: moto itself leaves the deployment at the task definition of the beginning."""

import sys
import uuid

from moto.ecs.models import EC2ContainerServiceBackend
from moto.server import main
from moto.core.utils import utcnow

update = EC2ContainerServiceBackend.update_service


def update_service(self, service_properties):
    service = update(self, dict(service_properties))
    if service_properties.get("task_definition") or service_properties.get("force_new_deployment"):
        service.deployments[0].update(id=f"ecs-svc/{uuid.uuid4().int}", taskDefinition=service.task_definition, createdAt=utcnow())
    return service


EC2ContainerServiceBackend.update_service = update_service
main(sys.argv[1:])
