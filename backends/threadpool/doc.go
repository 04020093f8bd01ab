// Package threadpool is I/O by blocking calls: a loop for each worker of a
// pool, and in each worker one connection at a time, as Apache's and Tomcat's
// thread pools work.
//
// A [backends.Loop] of this package belongs to a worker goroutine. With one op
// pending and no time limit, Wait is the blocking call itself, entered through
// Go's scheduler, which lends the worker a thread for as long as it blocks: an
// echo server makes two system calls a message and no other. With several ops
// pending it first sends what can be sent at once, which seldom leaves more
// than the receive; if more is left, or time is limited, it asks ppoll which
// descriptor is ready and then makes calls that cannot block.
//
// On a file it makes pread, pwrite or fsync, one at a time in the order of
// submission, and hands out what one brought before it makes the next where the
// owner waits for no more: files have depth by having workers.
//
// What it does not do: it never hands work from one goroutine to another, it
// has no threads of its own and locks none, and it does not bound the number of
// workers. Whoever opens the loops decides how many there are.
//
// Three things differ from the other backends. A receive into a buffer of the
// loop's holds that buffer while it blocks, for recvfrom wants it beforehand.
// A listener is made O_NONBLOCK for good when an Accept on it has to share Wait
// with other ops; doAccept says why. And so is a socket, when a Splice or a
// Sendfile has to; doMove says why.
package threadpool
