// Package ledger keeps documents that many processes change at once.
package ledger
