locals {
  # GitHub adds the ids of owner and repository to their names in the subject of a repository that was created, renamed
  # or transferred since 15 July 2026, or that opted in.
  # https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/
  repository = "repo:${join("/", [for i, part in split("/", local.project.repository) : join("@", compact([part, try(local.project.repository_ids[i], "")]))])}"

  # Trust policies: workflows of the repository, identified by the claims in GitHub's token.
  # https://docs.github.com/actions/reference/openid-connect-reference
  subjects = merge(
    { for name in local.environments : "${name}-deploy" => ["${local.repository}:environment:${name}"] },
    { for name in local.environments : "${name}-preview" => ["${local.repository}:environment:${name}-preview"] },
    { plan = ["${local.repository}:pull_request", "${local.repository}:ref:refs/heads/main"] },
  )

  trust = { for role, subjects in local.subjects : role => jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "WorkflowOfThisRepository"
      Effect    = "Allow"
      Principal = { Federated = local.oidc_provider_arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = { "${local.github}:aud" = "sts.amazonaws.com", "${local.github}:sub" = subjects } }
    }]
  }) }

  role_arn = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${local.project.name}"
}

# Only the trust is defined here: the environment attaches the permissions.
resource "aws_iam_role" "deploy" {
  for_each = local.environments

  name                 = "${local.project.name}-${each.key}-deploy"
  description          = "Deploys ${local.project.repository} to ${each.key}"
  max_session_duration = 3600
  assume_role_policy   = local.trust["${each.key}-deploy"]

  lifecycle {
    precondition {
      condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$", local.project.repository))
      error_message = "repository in project.yaml is owner/name, such as gchamon/devops-challenge."
    }

    precondition {
      condition     = can(regex("^(null|\\[\\]|\\[[1-9][0-9]*,[1-9][0-9]*\\])$", jsonencode(try(local.project.repository_ids, null))))
      error_message = "repository_ids in project.yaml are two numbers, the owner's and the repository's, such as [1024025, 2325298], or []."
    }

    precondition {
      condition     = data.aws_partition.current.partition == "aws"
      error_message = "region in project.yaml is in the partition aws: CloudFront's certificates are in us-east-1, which other partitions do not reach."
    }

    precondition {
      condition     = can(regex("^[a-z][a-z0-9]{1,11}$", each.key))
      error_message = "The directory environments/${each.key}: an environment's name has 2 to 12 lower-case letters and digits and begins with a letter."
    }
  }

  depends_on = [aws_iam_openid_connect_provider.github]
}

# Creates and destroys previews of pull requests next to an environment, which attaches the permissions if it has previews.
resource "aws_iam_role" "preview" {
  for_each = local.environments

  name                 = "${local.project.name}-${each.key}-preview"
  description          = "Makes previews of ${local.project.repository} beside ${each.key}"
  max_session_duration = 3600
  assume_role_policy   = local.trust["${each.key}-preview"]

  depends_on = [aws_iam_openid_connect_provider.github]
}

resource "aws_iam_role_policy" "preview_states" {
  for_each = local.environments

  name = "states"
  role = aws_iam_role.preview[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "KeepStates"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = "${module.state.arn}/previews/${each.key}/*"
      },
      {
        # Any prefix: Terraform lists env:/, and without this permission a missing state is 403.
        Sid      = "FindStates"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = module.state.arn
      },
    ]
  })
}

# Plans environments, on pull requests and on a schedule. Everyone who may open a pull request in the repository may run
# commands with it, so it may read configuration, but not data.
resource "aws_iam_role" "plan" {
  name                 = "${local.project.name}-plan"
  description          = "Plans ${local.project.repository}, changes nothing"
  max_session_duration = 3600
  assume_role_policy   = local.trust.plan

  depends_on = [aws_iam_openid_connect_provider.github]
}

resource "aws_iam_role_policy_attachment" "plan" {
  role       = aws_iam_role.plan.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role_policy" "plan" {
  name = "no-content"
  role = aws_iam_role.plan.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # Lists, private keys and access logs. Plans need only the states.
        Sid         = "NoObjects"
        Effect      = "Deny"
        Action      = ["s3:GetObject", "s3:GetObjectVersion"]
        NotResource = "${module.state.arn}/*"
      },
      {
        Sid    = "NoLogsSecretsAndPeople"
        Effect = "Deny"
        Action = [
          "cognito-idp:AdminGet*", "cognito-idp:AdminList*", "cognito-idp:ListUsers", "cognito-idp:ListUsersInGroup", "ec2:GetConsole*", "kms:Decrypt",
          "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogRecord", "logs:GetQueryResults", "logs:StartLiveTail", "logs:StartQuery",
          "secretsmanager:GetSecretValue",
        ]
        Resource = "*"
      },
    ]
  })
}
