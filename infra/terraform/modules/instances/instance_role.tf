data "aws_partition" "current" {}
data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  partition   = data.aws_partition.current.partition
  ecs         = "arn:${local.partition}:ecs:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}"
  cluster_arn = "${local.ecs}:cluster/${var.cluster}"
}

resource "aws_iam_role" "instance" {
  name_prefix = "${substr(var.name, 0, 28)}-instance-"
  description = "What an instance of the cluster is: an ECS agent and a Session Manager agent. Tasks have roles of their own."

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Instances"
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_instance_profile" "this" {
  name = aws_iam_role.instance.name
  role = aws_iam_role.instance.name

  lifecycle {
    create_before_destroy = true
  }
}

# AWS's managed policy allows every cluster, and also pulling and logging, which the execution role does.
resource "aws_iam_role_policy" "agent" {
  name = "ecs-agent"
  role = aws_iam_role.instance.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Register"
        Effect   = "Allow"
        Action   = ["ecs:RegisterContainerInstance", "ecs:DeregisterContainerInstance", "ecs:SubmitAttachmentStateChanges", "ecs:SubmitContainerStateChange", "ecs:SubmitTaskStateChange"]
        Resource = local.cluster_arn
      },
      {
        Sid       = "Work"
        Effect    = "Allow"
        Action    = ["ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState"]
        Resource  = "*"
        Condition = { ArnEquals = { "ecs:cluster" = local.cluster_arn } }
      },
      {
        Sid       = "TagOnRegistration"
        Effect    = "Allow"
        Action    = "ecs:TagResource"
        Resource  = "${local.ecs}:container-instance/${var.cluster}/*"
        Condition = { StringEquals = { "ecs:CreateAction" = "RegisterContainerInstance" } }
      },
      {
        Sid      = "NoResourceLevel"
        Effect   = "Allow"
        Action   = ["ecs:DiscoverPollEndpoint", "ec2:DescribeTags"]
        Resource = "*"
      },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "session_manager" {
  role       = aws_iam_role.instance.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}
