// Package todo defines todo lists: their names, items, operations and limits,
// and their JSON forms. All functions are pure: they use no HTTP, store or
// clock, and do not modify their arguments.
//
// The v1 form is the JSON of the first version of this program, a Falcon API.
package todo
