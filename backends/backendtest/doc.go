// Package backendtest is the conformance suite: what every backend must do for
// its figures to be comparable. [Run] holds a backend to the contract of
// package backends, against real kernel sockets whose other end is driven by
// package net or by plain system calls, never by the backend under test.
//
// It judges behaviour only. It asserts no upper bound on a time and no speed,
// and it knows no backend by name: where backends may differ, it is in their
// Traits, or in a counter that must agree with what the owner saw.
package backendtest
