// Package rehearsal deploys to an AWS that is this machine.
//
// It runs the playbooks of infra/ansible, unchanged, on a clone of the
// repository: three releases, of which one is broken, a rollback, and a run for
// everything that can go wrong. What the playbooks talk to:
//
//   - moto answers for S3, SSM, STS, ECR's passwords and CloudFront;
//   - a registry keeps the images and lets in only who has ECR's password;
//   - [ecsstandin] runs the real image under the machine's engine, rolls it out
//     and checks its health, behind an HAProxy;
//   - LocalStack's S3 holds the lists of the tasks;
//   - the same HAProxy serves the page from the emulated bucket, as CloudFront
//     does, with the headers of its policy, but without a cache.
//
// The playbooks reach them by the variables that every AWS SDK honours:
// AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_SERVICE. Everything listens on loopback
// or on a network of the engine that is made for it and removed after it.
//
// The tests need the build tag rehearsal; `make rehearse` runs them with all
// that they need.
package rehearsal
