# With a delegation set the name servers stay the same when the zone is recreated, so they are entered at the registrar once.
resource "aws_route53_delegation_set" "this" {
  count = var.existing_zone_id == null ? 1 : 0

  reference_name = var.domain
}

resource "aws_route53_zone" "this" {
  #checkov:skip=CKV2_AWS_39: queries for a public name are no secret and cost more to log than the zone
  #checkov:skip=CKV2_AWS_38: signing needs a DS record at the registrar and breaks the domain when that is late; the owner's decision

  count = var.existing_zone_id == null ? 1 : 0

  name              = var.domain
  delegation_set_id = aws_route53_delegation_set.this[0].id
  force_destroy     = var.allow_destroy
}

data "aws_route53_zone" "existing" {
  count = var.existing_zone_id == null ? 0 : 1

  zone_id = var.existing_zone_id

  lifecycle {
    postcondition {
      condition     = endswith(".${var.domain}", ".${trimsuffix(self.name, ".")}")
      error_message = "existing_zone_id is the id of a zone that answers for ${var.domain}; ${self.zone_id} answers for ${self.name}."
    }
  }
}
