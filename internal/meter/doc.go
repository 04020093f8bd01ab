// Package meter reads what processes and the machine used: CPU, context
// switches, waiting for a CPU, memory, steal, system calls. It reads from the
// outside, by process id, so that every server is measured alike and none is
// asked for its own opinion.
//
//	begin, err := meter.Prepare(server, client) // takes long: during the warm-up
//	err = begin.Begin()
//	// the measured window
//	end, err := begin.End()
//	procs, machine := end.Since(begin)
//
// What is exact and what is not:
//
//   - CPU seconds are the scheduler's own sum over all threads that the process
//     has or had, in nanoseconds. A thread that is running when it is read may
//     be up to one tick behind. What a hypervisor took from a thread is in it,
//     unless the kernel has PARAVIRT_TIME_ACCOUNTING and is told.
//   - The user/kernel split is a sample, one a tick, and comes with its error.
//   - Switches and run-queue wait are sums over threads. What a thread did that
//     ended within the window is lost; the number of those is given.
//   - A process is one process: what its child processes do is for a Tree.
//
// The package does not decide what is too much steal or too busy a machine.
package meter
