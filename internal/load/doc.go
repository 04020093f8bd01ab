// Package load is the load generator: one engine for every server under test.
//
// It keeps a number of connections busy with messages, of one size or of several, and demands
// every byte back. What a message holds depends on its connection and on its
// place in that connection's stream, so a server that answers with the wrong
// bytes, or with the right bytes in the wrong order, is found out.
//
// Closed loop: each connection has a fixed number of messages outstanding; the
// next is sent when one has come back. Open loop: messages are due at a fixed
// rate, evenly or as a Poisson process, whatever the server does, and the response
// time runs from when a message was due, so that a stall counts against every
// message it delayed.
//
// Short connections take each other's places: each has a number of messages, one
// at a time, and ends. Beside connections that last others may be idle, which are
// asked when they are opened and when the load is over.
//
// The engine runs on the contract of package backends, on whichever backend its
// user names. It does not start processes, draw, or decide.
package load
