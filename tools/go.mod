module github.com/gchamon/devops-challenge/tools

go 1.25.0
