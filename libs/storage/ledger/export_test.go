package ledger

// WithoutMemory returns options of a ledger that forgets operation ids.
func WithoutMemory[T any](o Options[T]) Options[T] {
	o.ablate.dedup = true
	return o
}

// WithoutYield returns options of a ledger that never lets others go first.
func WithoutYield[T any](o Options[T]) Options[T] {
	o.ablate.yield = true
	return o
}
