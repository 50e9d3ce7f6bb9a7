output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "zones" {
  description = "The two availability zones."
  value       = local.zones
}

output "public_subnet_ids" {
  description = "Ids of the subnets with a route to the internet, one per zone."
  value       = [for zone in local.zones : aws_subnet.public[zone].id]
}

output "private_subnet_ids" {
  description = "Ids of the subnets that the internet cannot reach, one per zone."
  value       = [for zone in local.zones : aws_subnet.private[zone].id]
}

output "instance_subnet_ids" {
  description = "Ids of the instances' subnets for the chosen egress."
  value       = [for zone in local.zones : var.egress == "public_addresses" ? aws_subnet.public[zone].id : aws_subnet.private[zone].id]

  # An instance that starts without a route to the internet cannot register with its cluster.
  depends_on = [aws_route.internet, aws_route.nat, aws_route_table_association.public, aws_route_table_association.private]
}

output "instances_have_public_addresses" {
  description = "Whether instances need a public address to reach AWS's services."
  value       = var.egress == "public_addresses"
}
