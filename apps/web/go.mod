module github.com/gchamon/devops-challenge/apps/web

go 1.25.0
