module github.com/gchamon/devops-challenge/services/todo-api

go 1.25.0
