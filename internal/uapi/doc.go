// Package uapi is the kernel's interface: the whole io_uring ABI (structures,
// constants, its three system calls) as of Linux 7.2's
// linux/io_uring.h and the headers beside it, and the few calls on
// sockets, files and futexes that must be entered raw or that package unix lacks. Sizes and offsets are
// asserted at compile time, and compared with the system's headers in tests.
//
// Raw means that the Go scheduler is not told: the call keeps its P. That is
// what makes a Go event loop cost what a C one does (doc/adr/0002), and it asks
// two things of the caller: a P to spare for the rest of the program, and a
// yield when a call ends in EINTR, since that may be the runtime asking the
// goroutine to stop.
package uapi
