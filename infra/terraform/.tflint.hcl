# The ruleset that is built into tflint; its AWS ruleset is a separate download.
plugin "terraform" {
  enabled = true
  preset  = "all"
}

# Files are named after their content, so main.tf is not required.
rule "terraform_standard_module_structure" {
  enabled = false
}
