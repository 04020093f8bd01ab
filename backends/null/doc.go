// Package null is a backend that completes everything at once within the
// process: what is sent on a descriptor number comes back on a receive of the
// same number. It is the harness's own floor. A load generator that runs on it
// measures what the generator itself costs, since nothing is under it but a
// copy of the bytes.
//
// What is read of a file is whatever the buffer held, all of it at once.
//
// It knows no sockets: a descriptor is any number from 0 to MaxFD, it exists
// when first used, and nothing is ever accepted. It makes one system call, to
// sleep when no completion can come before a timeout.
package null
