output "url" {
  description = "Address of the preview."
  value       = "https://${local.host}"
}

output "until" {
  description = "The day at whose beginning its tasks are stopped."
  value       = var.until
}

output "service" {
  description = "Name of the preview's service, whose tasks end on its last day."
  value       = module.api.name
}
