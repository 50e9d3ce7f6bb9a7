// Package torture puts the promise to the proof over real processes: servers
// that share nothing but a bucket never lose an update, whatever the network
// and the bucket do, and a server that is killed loses nothing that it
// acknowledged.
//
// The tests start services/todo-api as processes, in front of an S3 in a
// container, behind a proxy of our own that injects faults. They need the
// build tag torture. Short by default, they take as long as they are told:
//
//	TORTURE_LONG        any value: the long form's numbers instead of the short form's
//	TORTURE_OPERATIONS  operations of TestThreeInstances
//	TORTURE_LISTS       lists that they are spread over
//	TORTURE_CLIENTS     clients of each instance
//	TORTURE_CYCLES      kills of TestKill9, for each kind of store on disk
//	TORTURE_AWAY        how long the store stays away in TestStoreAway, such as 60s
//	TORTURE_RESTARTS    restarts of TestRollingRestarts
//	TORTURE_SEED        decides what the proxy and the clients do; printed by each run
//	TORTURE_ABLATION    takes away one thing that the promise rests on (see below)
//
// A decision of the proxy is a function of the seed, the instance, the list, and
// the number of the request among the reads, or the writes, of this list; a
// choice of a client is one of the seed and the client. How they meet is up to
// the scheduler.
//
// Clients, too, leave now and then before they are answered, and repeat what
// they have no answer to under the same Idempotency-Key, at another server
// perhaps.
//
// # What is checked
//
// The proxy keeps every document that the store has accepted, so that the
// state of each list at each revision is known apart from what the servers
// say. Acknowledgements tell their revision, not their place in it. The oracle
// replays the revisions in their order and demands that
//
//   - each revision was written once, and none is missing;
//   - what a revision changed of an item is what the operations acknowledged
//     in that revision make of it, in some order that keeps that of each
//     request: else one is lost, or took effect twice;
//   - no title, all of which are different, comes up twice;
//   - an operation's revision is above all that were acknowledged before the
//     operation began, and a read's is not below them: real time;
//   - a read shows exactly what was stored at the revision that it names;
//   - an operation that was refused because an item is missing was refused in
//     a revision without the item;
//   - at the end every server shows the last revision.
//
// What was refused, or changed nothing, is not remembered by a list: after a
// repetition was answered so, its first copy may still land, once.
//
// Beside that, porcupine searches a linearization of all that happened to
// sampled items.
//
// # Ablations
//
// TestAblations shows that the oracle finds what it is there for: without
// If-Match, with a conflict taken for success, and without the names of
// requests (Idempotency-Key) it must find violations. TORTURE_ABLATION takes
// the same away from TestThreeInstances, which turns red: if-match,
// conflict-as-success, memory. The values fsync and yield do so to the tests of
// libs/storage that prove them, diskstore's TestPowerCut and ledger's
// TestFairness.
package torture
