module github.com/gchamon/devops-challenge/libs/storage

go 1.25.0
