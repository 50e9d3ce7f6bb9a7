#!/usr/bin/env bash
# shellcheck shell=bash disable=SC2016 # the commands expand their variables themselves
# The rows of make lint and make test; tools/README.md documents their keys.
# A need is the name of a script in tools/setup.

lint go needs='gotool=golangci-lint' timeout=40m \
  command='tools/lint/modules golangci-lint run --allow-parallel-runners'
lint go-mod-tidy \
  command='tools/lint/modules go mod tidy -diff'
lint shell needs='python' \
  command='tools/lint/shell'
lint generated needs='node' \
  command='tools/lint/generated'
lint documents needs='python node' \
  command='tools/lint/documents'
lint page dir=apps/web needs='node' \
  command='npm run --silent lint'
lint workflows needs='gotool=actionlint python' \
  command='actionlint && zizmor --offline --quiet .github'
lint workflows-run needs='gotool=act python' \
  command='tools/lint/workflows-run'
lint ansible needs='python' \
  command='tools/lint/ansible'

suite libs/config dir=libs/config on='this process' go='./...'
suite libs/storage dir=libs/storage on='memory, disk and bbolt' go='./...'
suite libs/storage/azblobstore dir=libs/storage/azblobstore needs='azurite' on='Azurite 3.37.0' go='./...'
suite libs/storage/gcsstore dir=libs/storage/gcsstore on='fake-gcs-server 1.56.1 in this process' go='./...'
suite libs/storage/integration dir=libs/storage/integration needs='engine localstack' on='S3 of LocalStack 4.14.0' go='./...'
suite services/todo-api dir=services/todo-api timeout=30m on='the whole program on loopback' go='./...'
suite services/todo-api/hints dir=services/todo-api needs='redis' on='redis-server, or valkey-server' \
  go='-tags redis -run Hints ./internal/redishints ./cmd/todo-api'
suite services/todo-api/memory dir=services/todo-api on='the whole program with 384 MiB' go='-tags memory -race=false -run ThousandLargeLists ./cmd/todo-api'
suite services/todo-api/contract dir=services/todo-api needs='schemathesis' on='the whole program, sent what openapi.yaml allows and what it does not' \
  command='schemathesis/run'
suite tools dir=tools on='this process' go='./...'
suite tools/ecsstandin dir=tools needs='engine haproxy ministack' on="containers of this machine's engine, behind HAProxy and ministack 1.5.33" \
  go='-tags engine ./ecsstandin'
suite torture dir=tools needs='engine localstack redis haproxy' on='three API processes, a fault proxy, HAProxy, LocalStack 4.14.0, redis-server or valkey-server' \
  go='-shuffle=off -tags torture -v ./torture'
suite rehearsal dir=tools needs='engine localstack python node chromium haproxy terraform iam-simulate gotool=ko gotool=crane gotool=cyclonedx-gomod' timeout=45m \
  on='the playbooks, the image, moto, a registry, LocalStack 4.14.0' go='-race=false -shuffle=off -tags rehearsal ./rehearsal'
suite web-unit dir=apps/web needs='node' on='Node and happy-dom' \
  command='npm run --silent test' junit='reports/unit.xml'
suite web-e2e dir=apps/web needs='node chromium gotool=oauth2-proxy' on='Chromium and the whole program' timeout=40m \
  command='npm run --silent e2e' junit='reports/e2e.xml'
suite web-engines dir=apps/web needs='node firefox webkit' on='Firefox, WebKitGTK and the whole program' timeout=40m \
  command='npm run --silent engines' junit='reports/engines.xml'
suite web-embed dir=apps/web on='this process' go='.'
suite infra/compose/dashboard dir=infra/compose needs='python' on="the API's own metrics" \
  command='python -m pytest -q -p no:cacheprovider --junitxml "$JUNIT" test_dashboard.py'
suite infra/compose dir=infra/compose needs='engine localstack compose node chromium python' timeout=30m \
  on="docker-compose.yml and its profiles s3 and signin, under this machine's engine" \
  command='python -m pytest -q -p no:cacheprovider --junitxml "$JUNIT" test_compose.py'
suite infra/ansible dir=infra/ansible needs='ministack python terraform' timeout=45m on='moto, ministack 1.5.33 and Terraform' \
  command='python -m pytest -q -p no:cacheprovider --junitxml "$JUNIT" -n 2 --dist loadscope --ignore tests/test_interruptions.py tests'
suite infra/ansible/interruptions dir=infra/ansible needs='python' timeout=45m on='moto, with an ECS that rolls out at once' \
  command='python -m pytest -q -p no:cacheprovider --junitxml "$JUNIT" -n 2 tests/test_interruptions.py'
suite infra/terraform dir=infra/terraform needs='terraform gotool=tflint python checkov node iam-simulate engine localstack' timeout=40m \
  on='mocked providers, LocalStack 4.14.0 and moto' command='test/run' junit='../../.cache/infra/*.xml'
