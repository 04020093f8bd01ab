// Package uapi is the kernel's interface as the hot paths use it: the io_uring
// ABI (structures, constants, its three system calls) and the few socket calls
// that must be entered raw. Sizes and offsets are asserted at compile time.
//
// Raw means that the Go scheduler is not told: the call keeps its P. That is
// what makes a Go event loop cost what a C one does (doc/adr/0002), and it asks
// two things of the caller: a P to spare for the rest of the program, and a
// yield when a call ends in EINTR, since that may be the runtime asking the
// goroutine to stop.
package uapi
