// Package ecsstandin rolls out ECS services on one machine.
//
// It answers the calls of Amazon ECS that a deployment makes and does what they
// ask for: tasks are containers under the machine's engine, started from task
// definitions, registered with a load balancer, checked, drained and stopped as
// ECS and Elastic Load Balancing document it.
//
// The tests run the same rollouts on ministack 1.5.33, which others wrote, with
// containers and a load balancer of its own. It agrees that a rolling update
// loses no request and never runs too few tasks, that the circuit breaker rolls
// back what exits at once, and that a lost task is replaced. It cannot replace
// this package, because ministack
//
//   - does not check targets: a release whose health checks fail is COMPLETED,
//     and so is one whose container exits after a few seconds;
//   - calls a new service COMPLETED before a task runs, even if its image cannot
//     be pulled;
//   - ignores user and readonlyRootFilesystem of a container.
//
// # Rules
//
//   - A service runs desiredCount tasks. During a deployment at least
//     minimumHealthyPercent of them, rounded up, stay healthy, and at most
//     maximumPercent, rounded down, are pending or running.
//     https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
//   - A deployment begins IN_PROGRESS and is COMPLETED at the steady state. With the
//     circuit breaker on it is FAILED after half of desiredCount, at least 3 and
//     at most 200, tasks have failed, starts no more tasks, and with rollback
//     on the last completed one is deployed again. The count starts anew at a
//     healthy task.
//     https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
//     https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
//   - A task goes PENDING, RUNNING, DEACTIVATING, STOPPING, STOPPED. When it is to
//     stop it leaves the load balancer first; then its container gets SIGTERM
//     and, stopTimeout seconds later (30 if not set), SIGKILL.
//     https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
//     https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
//   - HAProxy checks the targets. A target gets requests after HealthyThreshold
//     successes in a row (Elastic Load Balancing requires only one of a new target)
//     and none after UnhealthyThreshold failures. It is draining until its requests
//     have ended or the deregistration delay is over.
//     https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
//     https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
//   - Failing health checks replace a task, but not in the first
//     healthCheckGracePeriodSeconds of its life.
//     https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
//   - UpdateService starts a deployment when the task definition changes or a new
//     deployment is forced, and only then.
//     https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
//   - RunTask starts a task of no service, with another command if it is asked to.
//     https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
//   - A volume with a sourcePath is that path of the machine.
//     https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HostVolumeProperties.html
//   - In bridge mode a host port of 0 is a free port of the host.
//     https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html
//
// # Limits
//
// There is one cluster in one zone with room for everything, and no placement. A
// task has one container. Roles are not assumed: [Config.TaskEnvironment] is
// what a task would get of its role. Logs stay with the engine. Restarts are
// not throttled. A limit of open files above this machine's is lowered to it. A
// task definition that asks for anything else is refused, with the name of the
// field, rather than half obeyed.
package ecsstandin
