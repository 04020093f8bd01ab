// Package gonet is packages net and os as Go programmers use it: a goroutine for each
// connection, conn.Read, conn.Write, listener.Accept. It is what users have
// today, and so the row against which the others are read.
//
// A [backends.Loop] of this package belongs to the goroutine of a connection.
// With one op pending, Wait makes that call of package net on the caller's
// goroutine, with a table look-up before and the error made an errno after.
// With several pending, or with a limit of time, each op gets a goroutine and a
// channel brings back what became of it, as a program would do that wants the
// same of package net.
//
// Descriptors that the owner made are wrapped at their first use: package net
// works on a duplicate, and the number that the owner knows stays open until
// the Close op. Both share their file's flags, so the descriptor becomes
// O_NONBLOCK. Descriptors that Accept brought are the connections' own; they
// may be used on any loop of this package, and must be closed by a Close op on
// one of them.
//
// Files are os.File: ReadAt, WriteAt and Sync, which serves for Fdatasync too as
// package os has no other. Several at a time have a goroutine each and end in
// any order; nothing stops one that runs.
//
// A Copy is io.Copy between two connections and a Sendfile io.Copy from a file,
// which package net does by splice(2) and sendfile(2). Package os reads a file
// at its position, so that a loop opens the file anew, by /proc/self/fd, at the
// first Sendfile from it, and keeps that until it closes the descriptor or is
// closed itself. A Copy whose socket is used by another op that is cancelled may
// end with -ECANCELED too. What a Copy moved is counted when it has ended.
//
// What it does not do: it does not tune package net, unless the feature cork asks
// for that, which sets TCP_NODELAY and keep-alives as it always does; a connect to a Unix socket with a full backlog
// is EAGAIN, as package net has it. And it cannot see the system calls that
// package net makes. Its counters take a Read for one recv, a Write for one
// send, an Accept for one accept4 and a Copy or Sendfile for one splice, which is
// the least that they cost: calls
// that end in EAGAIN and the scheduler's epoll_wait come on top.
package gonet
