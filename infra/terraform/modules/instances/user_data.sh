#!/bin/bash
# Runs once, before the ECS agent of the Amazon Linux 2023 image starts.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html
cat >>/etc/ecs/ecs.config <<'CONFIG'
ECS_CLUSTER=${cluster}
ECS_LOGLEVEL=${log_level}
ECS_ENABLE_TASK_IAM_ROLE=true
ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
ECS_DISABLE_PRIVILEGED=true
ECS_RESERVED_MEMORY=${reserved}
ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM=ec2_instance
ECS_IMAGE_PULL_BEHAVIOR=once
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1h
CONFIG
