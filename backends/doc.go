// Package backends is the contract that every I/O mechanism under test
// implements: a completion queue that its owner pulls.
//
// The contract has the shape of io_uring because a readiness loop can emulate
// completions cheaply and the reverse is not true. A backend supplies mechanism
// only and never calls user code; [Run] is the one dispatcher for all of them.
//
//	loop, err := backend.Open(backends.Config{})
//	op := &backends.Op{Code: backends.Recv, FD: fd, Buf: buf, Done: handler}
//	loop.Submit(op)            // op and buf are lent to the loop
//	backends.Run(loop, stop)   // handler.Complete(c) when c.Res bytes are in buf
//
// Ownership. An Op and its Buf are lent to the Loop from Submit until the final
// Completion, the one with More unset. While they are lent the owner touches
// neither. A buffer that the loop chose (SelectBuf) belongs to the owner from
// its Completion until Recycle.
//
// Descriptors. A descriptor used with a Loop is closed by a Close op on that
// Loop, because loops remember descriptors, and one that an Accept brought by a
// Close op on some Loop of the Backend, also when that which used it is closed.
// Close first cancels what is in flight on the descriptor; those completions come
// before its own.
//
// The package knows nothing of workloads, measurements or processes.
package backends
