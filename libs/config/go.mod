module github.com/gchamon/devops-challenge/libs/config

go 1.25.0
