// Package torture tests with real processes that servers which share only a bucket
// never lose an update, whatever the network and the bucket do and even if servers
// are killed.
//
// The tests start services/todo-api as processes, in front of an S3 in a
// container, behind a proxy of our own that injects faults. They need the
// build tag torture. They are short by default; variables make them longer:
//
//	TORTURE_LONG        any value: the long form's numbers instead of the short form's
//	TORTURE_OPERATIONS  operations of TestThreeInstances
//	TORTURE_LISTS       lists that they are spread over
//	TORTURE_CLIENTS     clients of each instance
//	TORTURE_CYCLES      servers killed in it, one after the other; each time the
//	                    bus for hints is killed, or started again
//	TORTURE_AWAY        how long one server does not reach the store in it, such as 60s
//	TORTURE_RESTARTS    restarts of TestRollingRestarts
//	TORTURE_SEED        seed of the proxy and the clients; each run prints it
//	TORTURE_ABLATION    removes one mechanism that the promise needs (see below)
//	S3_ENDPOINT         URL of another S3 server than LocalStack, whose access key
//	                    and secret key are "test"; set AWS_ACCESS_KEY_ID and
//	                    AWS_SECRET_ACCESS_KEY to that, too. TestAblations changes
//	                    signed headers and needs LocalStack, which checks no signatures
//
// The tests TestKill of libs/storage and services/todo-api kill a process while it
// writes to a disk. Stores that do not answer and watchers of another server are
// tested there, too.
//
// A decision of the proxy is a function of the seed, the instance, the list, and
// the number of the request among the reads, or the writes, of this list; a
// client's choice is a function of the seed and the client. The scheduler
// decides how they meet.
//
// Some clients close the connection before the answer. A client repeats an
// unanswered request with the same Idempotency-Key, sometimes at another server.
//
// # What is checked
//
// The proxy keeps every document that the store has accepted, so that the
// state of each list at each revision is known independently of the servers.
// An acknowledgement has a revision, but no position in it. The oracle
// replays the revisions in their order and checks that
//
//   - each revision was written once, and none is missing;
//   - the changes of an item in a revision are the effect of the operations
//     acknowledged in that revision, in an order that keeps those of each request
//     together and in their order: otherwise one is lost, or took effect twice;
//   - no title occurs twice; all titles are different;
//   - an operation's revision is above all that were acknowledged before the
//     operation began, and a read's is not below them: real time;
//   - a read shows exactly what was stored at the revision that it names;
//   - an operation that was refused because an item is missing was refused in
//     a revision without the item;
//   - at the end every server shows the last revision, and those who follow a
//     list have seen it.
//
// A list does not remember operations that were refused or changed nothing:
// after such an answer to a repetition, its first copy may still take effect, once.
//
// In addition, porcupine checks that the histories of sampled items are
// linearizable.
//
// # Hostile clients
//
// TestHostileClients does the same with two servers that may open few files,
// whose logs have no reader, and that hostile clients attack meanwhile: idle
// connections, clients that do not read, bodies that do not come, event streams
// on unused names, long Host headers, lists of 1 MB, batches of restores, and a
// flood. BenchmarkUnderAttack measures what another client sees during each.
//
// # Ablations
//
// TestAblations shows that the oracle finds violations: without If-Match, with
// a conflict taken for success, and without Idempotency-Key. TORTURE_ABLATION
// removes the same mechanism from TestThreeInstances, which then fails:
// if-match, conflict-as-success, memory. The values fsync and yield do so in
// libs/storage: diskstore's TestPowerCut and ledger's TestFairness.
package torture
