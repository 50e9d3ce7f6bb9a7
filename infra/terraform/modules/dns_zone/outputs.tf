output "zone_id" {
  description = "Id of the hosted zone."
  value       = var.existing_zone_id == null ? aws_route53_zone.this[0].zone_id : data.aws_route53_zone.existing[0].zone_id
}

output "domain" {
  description = "Domain of the zone: the domain or its parent."
  value       = var.existing_zone_id == null ? var.domain : trimsuffix(data.aws_route53_zone.existing[0].name, ".")
}

output "name_servers" {
  description = "The four name servers to enter at the registrar (as NS records of the domain)."
  value       = var.existing_zone_id == null ? aws_route53_delegation_set.this[0].name_servers : data.aws_route53_zone.existing[0].name_servers
}
