// Package epoll is the edge-triggered epoll backend: what a careful C server
// does, behind the completion contract.
//
// A descriptor is added once. From then on the loop remembers whether it may
// hold data: an event sets the ready bit, a receive that came back short clears
// it, so no call is made only to hear EAGAIN. Sends are made at once, on
// submission; write interest is asked for only when one falls short and is
// dropped when it wakes the loop for nothing. A message thus costs one recvfrom
// and one sendto, and a batch of them one epoll_pwait2.
//
// Receives are handed out a cache's worth at a time, so that large messages are
// sent while they are still in the cache, as in a server that receives and
// sends one connection after the other.
//
// A descriptor that has more is read up to 16 times in a row before the next in
// line, as the C twin of the proxy reads.
//
// Files are always ready for epoll and block all the same, so file ops go to a
// pool of threads of the loop's own, as in libuv and tokio: pread, pwrite and
// fsync, made by up to Config.Threads threads that start as they are needed. All
// that was submitted since the last Wait is one hand-over, but for an op that is
// Prompt, which goes at once; it takes one futex call if threads sleep and none if
// they do not. What has finished is taken as a whole, and the loop is woken, where it
// sleeps, by one write to an eventfd.
//
// The threads enter the kernel raw, as the loop does (doc/adr/0002), if there is
// a P for each of them: set GOMAXPROCS higher than the number of threads and
// loops together. With fewer Ps, which the counter Scheduled tells of, and in the
// variant with the feature syscall, the threads enter through the scheduler. A
// thread sees the descriptors of the process: after [backends.OwnDescriptors] those
// of the loop mean nothing to it, and file ops are EBADF.
//
// Of datagrams no short read tells that a socket is drained. Their sockets are
// watched level-triggered, and the loop takes as many as it expects: see burst.
// With the feature mmsg a multishot RecvFrom brings up to 32 by one recvmmsg, and
// the SendTos of a turn go out by one sendmmsg at the next Wait.
//
// Splices and sendfiles follow the same rules, on sockets that become O_NONBLOCK
// because these calls have no flag in its place. But a splice that comes back
// short does not tell that the socket is drained, since a pipe may be full with less
// than it was asked to take. A socket that brought a page or less is watched by level
// from then on, as for datagrams; what brings more is spliced until a call is in vain.
// Pipes are never in the epoll set.
//
// A sendfile, or a splice from a file, is made by the loop itself, as a C server
// makes it: what is not in the page cache is waited for.
package epoll
