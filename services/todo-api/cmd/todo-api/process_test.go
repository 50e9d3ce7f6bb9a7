package main

func runHelper() bool { return false }
