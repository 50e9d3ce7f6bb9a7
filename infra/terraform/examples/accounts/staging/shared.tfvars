# The zone of this account. Production's delegates it.
domain = "staging.todo.example.com"
