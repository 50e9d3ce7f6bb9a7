output "arns" {
  description = "ARN of the issued certificate by region; known after validation by DNS."
  value       = { for region, validation in aws_acm_certificate_validation.this : region => validation.certificate_arn }
}
