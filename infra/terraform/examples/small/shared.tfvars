# Instances have public addresses, on which nothing is accepted; a NAT gateway would cost more than all the rest.
egress = "public_addresses"
