// Package uring is the io_uring backend: one ring a loop, on a thread of its
// own, one io_uring_enter a turn that submits, runs what the kernel deferred
// and waits.
//
// It uses the best of what the kernel offers and steps down by trying, never by
// the kernel's version, in named tiers:
//
//	6.1   SINGLE_ISSUER and DEFER_TASKRUN, multishot receive into a provided buffer ring
//	5.19  COOP_TASKRUN, provided buffer ring, multishot accept, cancel by descriptor
//	5.15  one-shot operations, buffers chosen by the loop, cancel one by one
//
// Whatever the tier, the contract is the same: the loop re-arms what the kernel
// does not keep armed. Traits tells what is in force. A feature that a variant
// asks for and the kernel refuses is an error, never a silent step down.
//
// The package refuses to run below the level of Linux 5.15 and to fall back to
// another mechanism.
//
//	b, err := backends.Lookup("uring-multishot")
//	loop, err := b.Open(backends.Config{}) // locks the goroutine to its thread
//	defer loop.Close()
//
// What the contract has no code for, from openat to futex, is a Request: see
// Loop.SubmitRequest and Loop.SubmitChain, of the Loop that Open returns.
//
// A loop's goroutine must outlive its operations: when a locked goroutine
// exits, its thread ends and the kernel cancels them.
package uring
