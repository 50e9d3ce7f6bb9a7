output "url" {
  description = "Address of the preview."
  value       = "https://${local.host}"
}

output "until" {
  description = "Day on which its tasks are stopped, at 00:00 UTC."
  value       = var.until
}

output "service" {
  description = "Name of the preview's service, whose tasks end on its last day."
  value       = module.api.name
}
