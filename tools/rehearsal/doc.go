// Package rehearsal deploys to an AWS that is this machine.
//
// It runs the playbooks of infra/ansible, unchanged, on a clone of the
// repository: three releases, of which one is broken, a rollback, a run for
// everything that can go wrong, and a promotion to another account. What the playbooks
// talk to:
//
//   - moto answers for S3, SSM, STS, ECR's passwords and CloudFront, in two
//     accounts whose buckets are closed to each other;
//   - a registry for each account keeps the images and requires ECR's password;
//   - [ecsstandin] runs the real image under the machine's engine, rolls it out
//     and checks its health, behind an HAProxy;
//   - LocalStack's S3 holds the lists of the tasks;
//   - in staging people sign in at npm's oidc-provider, whose certificate is of a
//     CA that only tasks and playbooks trust; in production nobody does;
//   - the same HAProxy serves the page from the emulated bucket, as CloudFront
//     does, with the headers of its policy, but without a cache.
//
// The playbooks reach them by the variables that every AWS SDK honours:
// AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_SERVICE. Everything listens on loopback
// or on a network of the engine that is made for it and removed after it.
//
// # Where the emulators fall short
//
//   - moto's ECS services never run a task, so ECS is the stand-in.
//   - moto's ECR gives passwords but keeps no images, so there is a registry.
//   - moto's CloudFront keeps distributions and invalidations but serves
//     nothing. HAProxy serves the bucket with the headers that the
//     distribution's policy adds. It has no cache, so an invalidation that was
//     forgotten would not show; one that is denied does.
//   - moto checks no permissions. What the playbooks and the AWS CLI call is
//     noted by a hook of botocore, and what the registry is asked by the registry;
//     the last step judges each call as IAM does, by the deploy role that
//     Terraform renders for the environment. It fails on a call that the role does
//     not allow, and on one that permissions.yaml lists and nothing made.
//   - The requests for S3 and CloudFront pass through an edge that denies an
//     invalidation, and the registry denies a push, when a step asks for it. The
//     two can also hold requests, so that a step can cut a deployment off, or
//     begin a second one, at a known place.
//   - Nothing assumes the task's role: the stand-in gives its containers keys.
//   - Load balancer, capacity and Terraform are not rehearsed: the test of
//     infra/terraform covers what it builds, and seed.py publishes what it would.
//     The deploy role's policy and the tasks' sign-in settings are Terraform's own.
//   - The issuer listens at the address that this machine has in the engine's
//     network, which an engine in a virtual machine does not give it.
//
// # Running it
//
// The tests need the build tag rehearsal; `make rehearse` runs them with all
// that they need, and ends with a table. Transcripts of every playbook, with
// seconds, are in .cache/rehearsal.
package rehearsal
