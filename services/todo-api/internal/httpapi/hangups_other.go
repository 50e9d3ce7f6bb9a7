//go:build !linux

package httpapi

func newHangups() hangups { return readers{} }
