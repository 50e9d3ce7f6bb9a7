// Package todo says what a list of todos is: its name, its items, the
// operations on it, its limits, and the JSON that it is read from and written
// as. Everything here is pure: it knows no HTTP and no store, reads no clock,
// and changes nothing that it is given.
package todo
