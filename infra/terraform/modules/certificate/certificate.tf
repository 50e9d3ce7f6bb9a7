# One certificate per region for the same names: CloudFront requires us-east-1, a load balancer its region.
resource "aws_acm_certificate" "this" {
  for_each = var.regions

  region                    = each.key
  domain_name               = var.domain
  subject_alternative_names = var.alternative_names
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

# ACM requires the same record in every region (it depends only on account and name), so each is created once.
resource "aws_route53_record" "validation" {
  for_each = toset(concat([var.domain], tolist(var.alternative_names)))

  zone_id = var.zone_id
  name    = local.validation[each.key].resource_record_name
  type    = local.validation[each.key].resource_record_type
  records = [local.validation[each.key].resource_record_value]
  ttl     = 300

  # An earlier certificate for the name has left the same record.
  allow_overwrite = true
}

locals {
  # Keyed by the requested names, which are known while planning; the options are not.
  validation = {
    for option in aws_acm_certificate.this[sort(tolist(var.regions))[0]].domain_validation_options : option.domain_name => option
  }
}

resource "aws_acm_certificate_validation" "this" {
  for_each = var.regions

  region                  = each.key
  certificate_arn         = aws_acm_certificate.this[each.key].arn
  validation_record_fqdns = [for record in aws_route53_record.validation : record.fqdn]
}
