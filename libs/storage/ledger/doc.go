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
// A document is any Go value, and a change to it is a pure function of it, an
// [Op]. A [Ledger] applies operations to the document of a key and returns
// when their effect is durable. Any number of ledgers, in any number of
// processes that share nothing but the store, may do so at the same time: when
// another writer was faster, the document is read again and the operations are
// applied again, so that no update is lost.
//
// # What is promised
//
// Linearizable updates. The operations on one key have one order, told by
// [Receipt]: revision, then index. Each was applied to the result of the one
// before it, and one that was acknowledged before another began stands before
// it. A refusal is held to the same: an operation that is told that it cannot
// apply was given the state of some moment between its call and its answer.
// Keys are independent; there are no operations on two of them.
//
// Linearizable reads. [Ledger.Read] sees every operation that any ledger
// acknowledged before Read was called, unless its answer has an Age.
//
// Exactly once. Within one call of [Ledger.Update], an operation takes effect
// once or not at all, however often the store's answers are lost, late, or
// wrong about whether a write took effect; which of the two is in the answer,
// save for [ErrOutcomeUnknown]. Repeated under the same ID, by whatever
// process, it is answered and not applied again while the document remembers
// it: for at least 60 seconds or 4,096 later operations on its key, whichever
// is less, and for 256 later operations however long those take. The seconds are
// told by the clocks of the writers, which may differ by 30 seconds; one that is
// further ahead forgets early what is older than 256 operations. Its result is
// remembered while the results after it, with three bytes each, fit in 16 KiB.
// Beyond that a repetition is a new operation: where it could come so late,
// let its effect tell (create under an identifier that the caller chose). An
// operation with an ID that changed nothing is remembered too. One that was
// refused is not: its repetition is applied anew, and its refusal says nothing
// of an earlier call that is still under way elsewhere. All these numbers are [Options].
//
// Revisions only grow, by one a commit. An exception is an older state that was
// restored by hand: it is taken as it is, and written over with a revision above
// all that this ledger has seen.
//
// Durable means what the store means by it when it acknowledges a write.
//
// # What happens at each failure
//
//   - Another writer was faster ([storage.ErrConflict]): read, apply all
//     again, write. The caller sees none of it.
//   - A write got no clear answer (a time-out, a lost response, a conflict
//     with one's own write): the document is read. It names its latest commits
//     by a random nonce, so it tells whether that write landed, also when
//     others have written since. If the old version is still there, the same
//     bytes are sent again against the same version: whichever of the two
//     lands, or both try, it is one commit, and the other conflicts.
//   - A write took effect and may be lost again ([storage.ErrNotDurable]): its
//     operations fail with [ErrOutcomeUnknown], the log has an error and
//     [Ledger.Health] says so. Until a later write of the key succeeds nothing
//     that rests on it is acknowledged: repetitions, refusals and operations
//     without a change write the document once more. The ledger repeats the
//     write by itself, after half a second and then up to every 10 seconds.
//     Reads show what can be read. A process that starts afterwards does not
//     know, and takes what it reads for durable.
//   - The store refuses ([storage.ErrRefused]: permission, size, no space): the
//     operations of that write, or the read, fail at once with its reason, and
//     nothing was applied. Other keys go on.
//   - The store does not answer for a key: updates wait until their context
//     ends. Then the error is [storage.ErrUnavailable] with the store's latest
//     reason; it is also [ErrOutcomeUnknown] if a write that carries the
//     operation was sent, and otherwise the operation will never be applied.
//     Reads answer after 2 seconds with the last known copy and its Age, for
//     [Options].StaleFor; without a copy, or without StaleFor, they fail after
//     some tries. Other keys go on.
//   - The store does not answer for any key, which a read of an unused key
//     tells: it is away when nothing was heard from it for a second and three
//     calls failed, or for 2.5 seconds. Reads then answer at once with that copy,
//     if any. The store is asked about every second, and what waits goes on
//     at its first answer.
//   - Each such state of a key, or of the store, is logged once when it begins
//     and once when it ends, with the reason; of more than 10 keys the log names
//     only the first. [Ledger.Health] has the present state.
//   - An operation fails, panics or ends its goroutine: it alone fails. What shares its commit is
//     not affected.
//   - An operation makes a document that the next process could not read (its
//     codec refuses what it encoded, invalid UTF-8, too many levels): it alone
//     fails, and nothing is written. What the codec does not store, the maker of
//     the change does not see either. Numbers in an interface keep all their
//     digits: they are read as [encoding/json.Number].
//   - The stored document is damaged, or of a newer format: its key fails with
//     [ErrDamaged], which names the place; the log and the [Observer] are told
//     once. A checksum finds every change of up to 3 bits, and all but one in
//     4 billion of the others, in documents that this version wrote. Nothing is
//     written over it. Other keys go on. Once it is repaired the next call finds
//     out.
//   - Too much waits: [ErrOverloaded], at once; nothing was applied.
//   - The process dies: what was acknowledged is in the store. Of what was not,
//     each operation is there in full or not at all.
//
// The ledger needs no more of the store than the contract of package storage: a
// write is refused unless it names the current version. While a ledger is in use,
// only [Ledger.Forget] may delete its documents, and only compare-and-swap may
// write them.
//
// # Concurrency
//
// Operations that wait for the same key land in one write (at most 512 of
// them). A key that several processes write to is shared fairly: after a
// commit that others may have waited for, the winner pauses for 1.5 to 3 round
// trips. [Ledger.Watch] sends what lands here at once, and what lands elsewhere
// as conditional reads find it, within 1.1 seconds and a round trip of its
// landing while the document changes at least once a minute. It tells once that
// the document is damaged or cannot be read, and once that it can be read again.
//
// With [Options.Hints] what lands elsewhere is read as soon as a hint tells of
// it, and a watched key otherwise once in 60 seconds. A hint is a reason to read
// the store and never a fact: one that is lost is made up for by those reads,
// and false ones cause at most a read a second of a watched key, and a read
// before each commit of any other. While the bus is away the ledger works as it
// does without hints.
//
// A key of a store that only this process can write to ([storage.SoleOwner]) is
// read once while it stays in memory: the copy there is the truth, until a
// write fails without a clear answer. Any number of ledgers may be open on such
// a store, for example one for each type of document; they keep to keys of their
// own, such as "user/…" and "order/…". When two ledgers of this process use one
// key nevertheless, or the store says that another writer was faster, the log
// has an error and the key is read each time, as if the store were shared: both
// stay correct, and watchers may learn of a change by the other up to 10 seconds
// late. On two wrappers around one store only a conflict tells, and until then
// reads may be of the copy: open such ledgers on one [storage.Store].
//
// # What it costs
//
// An update is one write of the document, shared by what waits, and one more
// read when others wrote since. A read is one conditional read, shared by what
// waits. The stored document has 12 bytes for each operation remembered, about
// 11 bytes for each commit, the results, and a third more for base64. A watched key
// costs a conditional read a second for a minute after each change, then fewer,
// down to one in ten seconds after ten minutes.
//
// # The stored form
//
//	{"v":3,"crc":"…","rev":17,"nonce":"…","items":…,"ops":"…"}
//
// crc is the CRC-32C, in hexadecimal, of what stands before it and of what
// follows it after the quote. Earlier formats are read and upgraded by the next
// write. Format 2 has a member "removed", a journal that [Codec.Removed] takes
// over, and its crc leaves out what stands before it. Format 1 has no crc: a
// document that is repaired by hand is stored in that format. Programs that know
// only earlier formats take format 3 for damage: replace all of them before the
// first write.
// items is the document as its [Codec] writes it; ops is the record of
// operations, in base64. Because of the nonce no two writes have equal bytes,
// so that a version derived from them (an S3 ETag) never comes back.
package ledger
