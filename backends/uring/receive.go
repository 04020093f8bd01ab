package uring

import "github.com/ringbench/ringbench/backends"

// receiveStyle are the features that say how a loop receives, which only a
// variant that names them uses.
const receiveStyle = incremental | provided | recvBundles | pollFirst | oneShot | pollThen | fixedFiles

var receiveFeatures = []feature{
	{
		name: "inc", bits: incremental, on: backends.Kinds(backends.SelectBuf, backends.Recv),
		doc:   "a receive uses up only as much of a ring's buffer as it fills, the next one goes on behind it",
		since: "IOU_PBUF_RING_INC, Linux 6.12",
	},
	{
		name: "provide", bits: provided, on: chosenBufs,
		doc:   "every receive buffer is given to the kernel by a request, as before there were rings; takes the place of bufring",
		since: "IORING_OP_PROVIDE_BUFFERS, Linux 5.7",
	},
	{
		name: "recvbundle", bits: recvBundles, on: backends.Kinds(backends.Multishot|backends.SelectBuf, backends.Recv),
		doc:   "a multishot receive fills as many buffers as there is data for, with one completion",
		since: "IORING_RECVSEND_BUNDLE, Linux 6.10",
	},
	{
		name: "pollfirst", bits: pollFirst, on: backends.Kinds(0, backends.Recv),
		doc:   "a receive waits for the socket to be readable before it tries",
		since: "IORING_RECVSEND_POLL_FIRST, Linux 5.19",
	},
	{
		name: "oneshot", bits: oneShot, on: append(backends.Kinds(backends.Multishot, backends.Accept), chosenBufs...),
		doc:   "the style of 2019: each receive is a request with a buffer of its own; stands for -multishot-bufring",
		since: "IORING_OP_RECV, Linux 5.6",
	},
	{
		name: "poll", bits: pollThen, on: backends.Kinds(0, backends.Recv),
		doc:   "io_uring as epoll: a poll request, and when it fires a receive that does not wait",
		since: "IORING_OP_POLL_ADD, Linux 5.1",
	},
	{
		name: "fixedfile", bits: fixedFiles, on: backends.Kinds(backends.Fixed, backends.Accept),
		doc:   "accepted connections live in the ring's table of registered files and have no descriptor",
		since: "direct accept and cancel in a sparse table of files, Linux 6.0",
	},
}

// receiving leaves out what the chosen way to receive does without.
func receiving(use caps) caps {
	if use.has(oneShot) {
		use &^= recvMulti | acceptMulti | pollMulti | bufRings
	}
	if use.has(async) {
		use &^= bufRings | recvMulti | acceptMulti // see excludes
	}
	if use.has(provided) {
		use &^= bufRings
	}
	if use.has(pollThen) {
		use &^= recvMulti
	} else {
		use &^= pollMulti
	}
	if use&(bufRings|provided) == 0 {
		use &^= recvMulti // the kernel must be able to choose a buffer
	}
	return use
}
