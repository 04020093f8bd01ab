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
// It does no file I/O; regular files are always ready for epoll.
package epoll
