// Package claims holds what was published of io_uring against what measures it:
// the sentence, where its number came from, and figures of this machine that it
// is judged by.
package claims
