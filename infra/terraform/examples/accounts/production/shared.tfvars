# The name servers that `terraform -chdir=shared output name_servers` prints in staging's account.
delegations = {
  "staging.todo.example.com" = ["ns-1.example.org", "ns-2.example.com", "ns-3.example.net", "ns-4.example.co.uk"]
}
