# The ruleset that tflint carries with it; its AWS ruleset is a download of its own and is left to those who have it.
plugin "terraform" {
  enabled = true
  preset  = "all"
}

# Our modules are named after what they hold, so main.tf is not a rule here (network.tf would be noise beside subnets.tf).
rule "terraform_standard_module_structure" {
  enabled = false
}
