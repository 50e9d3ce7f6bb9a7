// Package ko pins the version of ko, which builds the container image.
//
// It is a module of its own, outside go.work, because the dependencies of ko would otherwise
// take part in choosing the versions that the other tools build with.
package ko
