// Package ledger keeps documents that many processes change at once, on
// nothing but a store with compare-and-swap: a bucket, a directory, memory.
//
//	visitors := ledger.New(store, ledger.Options[int]{})
//	defer visitors.Close(ctx)
//	n, err := ledger.Do(ctx, visitors, "visitors", func(n int) (int, error) {
//		return n + 1, nil
//	})
//
//	receipt, err := visitors.Update(ctx, "visitors", ledger.Op[int]{
//		ID:    requestID, // a repetition is answered, and not applied again
//		Apply: func(s ledger.State[int]) (ledger.Change[int], error) { return ledger.Set(s.Doc + 1), nil },
//	})
//	snapshot, err := visitors.Read(ctx, "visitors")
//
// A document is any Go value. A change to it is an [Op], a pure function of the
// document. A [Ledger] applies operations to the document of a key and returns
// when their effect is durable. Any number of ledgers, in any number of processes
// that share nothing but the store, may do so at the same time: if another writer
// was faster, the ledger reads the document again and applies the operations
// again, so that no update is lost.
//
// # Guarantees
//
// Linearizable updates. The operations on one key have one order, given by the
// revision and index of their [Receipt]. Each is applied to the result of the
// previous one. An operation that was acknowledged before another one began
// precedes it. The same holds for refusals: an operation that fails because of
// the document's state was given the state of some moment between its call and
// its answer. Keys are independent; no operation spans two of them.
//
// Linearizable reads. [Ledger.Read] sees every operation that any ledger
// acknowledged before Read was called, unless its answer has an Age.
//
// Exactly once. Within one call of [Ledger.Update], an operation takes effect
// once or not at all, even if the store's answers are lost, late, or wrong about
// whether a write took effect. The answer says which, except for
// [ErrOutcomeUnknown]. An operation that is repeated under the same ID, by any
// process, is answered and not applied again while the document remembers it:
// for at least 60 seconds or 4,096 later operations on its key, whichever is
// less, and for 256 later operations however long those take. The seconds are
// measured by the writers' clocks, which may differ by 30 seconds; a writer whose
// clock is further ahead makes the document forget operations beyond those 256 too
// early. An operation's result is remembered while the later results, with three
// bytes each, fit in 16 KiB. After that, a repetition is a new operation: if it
// can come so late, make its effect detectable (create under an identifier that
// the caller chose). An operation with an ID that changed nothing is remembered,
// too. A refused operation is not: its repetition is applied anew, and its refusal
// says nothing about an earlier call that is still under way elsewhere. All these
// numbers are [Options].
//
// Revisions only grow, by one per commit. The exception is an older state that was
// restored by hand: the ledger accepts it, and the next write gets a revision
// above all that this ledger has seen.
//
// An acknowledged write is as durable as the store's acknowledgement.
//
// # What happens at each failure
//
//   - Another writer was faster ([storage.ErrConflict]): the ledger reads, applies
//     all operations again and writes. The caller does not notice.
//   - A write had no clear answer (a timeout, a lost response, a conflict with its
//     own success): the ledger reads the document. It contains a random nonce of
//     each of its latest commits, so it shows whether the write landed, even if
//     others have written since. If the document is still at the old version, the
//     ledger sends the same bytes again on the same condition: whichever of the two
//     writes lands, it is the same commit, and the other one conflicts.
//   - A write took effect and may be lost again ([storage.ErrNotDurable]): its
//     operations fail with [ErrOutcomeUnknown], the log has an error, and
//     [Ledger.Health] reports it. Until a later write of the key succeeds, the
//     ledger acknowledges nothing that depends on the write: repetitions, refusals
//     and operations without a change write the document once more. The ledger
//     repeats the write by itself, after half a second and then up to every 10
//     seconds. Reads show the present content. A process that starts afterwards
//     does not know of the failure, and treats the content that it reads as durable.
//   - The store refuses ([storage.ErrRefused]: permission, size, no space): the
//     operations of that write, or the read, fail at once with the store's reason,
//     and nothing was applied. Other keys are not affected.
//   - The store does not answer for a key: updates wait until their context
//     ends. Then the error is [storage.ErrUnavailable] with the store's latest
//     reason. It is also [ErrOutcomeUnknown] if a write with the operation was sent;
//     otherwise the operation will never be applied. Reads answer after 2 seconds
//     with the last known copy and its Age, for [Options].StaleFor. Without a copy,
//     or without StaleFor, they fail after some attempts. Other keys are not
//     affected. A conflict counts as no answer if the document is at the version
//     that the write named, before and after it.
//   - The store does not answer for any key, which the ledger finds out by reading
//     an unused key: the store is away if it has not answered for a second and
//     three calls failed, or if it has not answered for 2.5 seconds. Reads then
//     answer at once with the last known copy, if any. The ledger calls the store
//     about every second, and continues all waiting calls at its first answer.
//   - Each such state of a key, or of the store, is logged once when it begins and
//     once when it ends, with the reason. If more than 10 keys are affected, the log
//     names only the first 10. [Ledger.Health] reports the present state.
//   - An operation fails, panics or ends its goroutine: it alone fails. Other
//     operations of its commit are not affected.
//   - An operation makes a document that the next process could not read (the codec
//     refuses what it encoded, invalid UTF-8, too many levels): it alone fails, and
//     nothing is written. If the codec does not store a part of the document, the
//     caller does not see that part either. Numbers in an interface keep all their
//     digits: they are read as [encoding/json.Number].
//   - The stored document is damaged, or has a newer format: calls for its key fail
//     with [ErrDamaged], which names the place; it is logged and reported to the
//     [Observer] once. A checksum detects every change of up to 3 bits, and all
//     others but one in 4 billion, in documents that this version wrote. The ledger
//     does not overwrite the document. Other keys are not affected. After a repair,
//     the next call succeeds.
//   - Too many operations wait: [ErrOverloaded], at once; nothing was applied.
//   - The process dies: the store has all acknowledged operations. Of the others,
//     the store has each in full or not at all.
//
// The ledger requires only the contract of package storage: a write is refused
// unless it names the current version. While a ledger is in use, only
// [Ledger.Forget] may delete its documents, and they may be written only by
// compare-and-swap.
//
// # Concurrency
//
// Operations that wait for the same key land in one write, at most 512 of them.
// Processes share a key fairly: after a commit that others may have waited for,
// the winner pauses for 1.5 to 3 round trips. [Ledger.Watch] sends local commits
// at once, and commits of other processes when conditional reads find them: within
// 1.1 seconds and a round trip while the document changes at least once a minute.
// It reports once that the document is damaged or cannot be read, and once that it
// can be read again.
//
// With [Options.Hints], commits of other processes are read when a hint announces
// them, and a watched key is otherwise read once in 60 seconds. A hint is a reason
// to read the store and never a fact: those reads make up for lost hints, and false
// hints cause at most one read a second of a watched key, and one read before each
// commit of another key. While the bus is away, the ledger works as without hints.
//
// If only this process can write to the store ([storage.SoleOwner]), a key is read
// once while it stays in memory: that copy is authoritative until a write fails
// without a clear answer. Any number of ledgers may be open on such a store, for
// example one for each type of document, each with its own keys, such as "user/…"
// and "order/…". If two ledgers of this process use one key nevertheless, or the
// store reports a conflict, the log has an error and the key is read each time, as
// if the store were shared: both ledgers stay correct, and watchers may learn of a
// change by the other one up to 10 seconds late. With two wrappers around one
// store, only a conflict shows this, and until then reads may be of the copy: open
// such ledgers on one [storage.Store].
//
// # Costs
//
// An update is one write of the document, shared by all waiting operations, and
// one more read if others have written since. A read is one conditional read,
// shared by all waiting readers. The stored document has 12 bytes for each
// remembered operation, about 11 bytes for each commit, the results, and a third
// more for base64. A watched key costs one conditional read a second for a minute
// after each change, and then fewer, down to one in ten seconds after ten minutes.
//
// # The stored form
//
//	{"v":3,"crc":"…","rev":17,"nonce":"…","items":…,"ops":"…"}
//
// crc is the CRC-32C, in hexadecimal, of the bytes before it and of the bytes after
// its closing quote. items is the document as encoded by its [Codec]; ops is the
// record of operations, in base64. Because of the nonce, no two writes have equal
// bytes, so a version derived from them (an S3 ETag) never comes back.
//
// Earlier formats are read and upgraded by the next write. Format 2 has a member
// "removed", a journal that [Codec.Removed] converts, and its crc does not cover
// the bytes before it. Format 1 has no crc: store a document that is repaired by
// hand in that format. Programs that know only earlier formats report format 3 as
// damage: replace all of them before the first write.
package ledger
