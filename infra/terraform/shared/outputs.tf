output "name_servers" {
  description = "The four name servers to enter at the registrar as the NS records of the domain."
  value       = module.dns_zone.name_servers
}

output "private_key_uri" {
  description = "S3 address of the private half of the SSH key."
  value       = module.ssh_key.private_key_uri
}

output "shared" {
  description = "The shared resources; the same object is in the SSM parameter /<project>/shared."
  value       = local.shared
}
