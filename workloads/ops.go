package workloads

import "github.com/ringbench/ringbench/backends"

// What loops of a server, or of a load on a file, are asked for, where they have
// those traits, but for what follows a failure. By this is told which features of
// a backend can make a difference to a workload.

// EchoOps are those of StartEcho on connections. Messages is how many one carries
// in its life, 0 for any number; ahead says that more than one buffer of them may
// be on the way.
func EchoOps(t backends.Traits, messages int, ahead bool) []backends.Kind {
	if messages > 0 {
		messages++ // and the end
	}
	return append(accepting(t), passing(t, messages, ahead, true)...)
}

// DatagramOps are those of StartEcho where there are no connections.
func DatagramOps(t backends.Traits) []backends.Kind {
	recv := backends.Kind{Code: backends.RecvFrom, Flags: backends.SelectBuf}
	if !t.Blocking {
		recv.Flags |= backends.Multishot
	}
	return append([]backends.Kind{recv}, backends.Kinds(backends.SelectBuf|backends.Inline, backends.SendTo)...)
}

// ProxyOps are those of StartProxy, see EchoOps.
func ProxyOps(t backends.Traits, ahead bool) []backends.Kind {
	ops := append(accepting(t), backends.Kinds(0, backends.Connect, backends.Shutdown)...)
	switch {
	case t.Copies:
		return append(ops, backends.Kinds(0, backends.Copy)...)
	case t.Splicing:
		return append(ops, backends.Kinds(fixed(t)|backends.Inline, backends.Splice)...)
	}
	return append(ops, passing(t, 0, ahead, false)...)
}

// StreamOps are those of StartStream, by so many buffers of the file, and by HTTP so
// many requests for it on a connection; 0 is without.
func StreamOps(t backends.Traits, pieces, asked int) []backends.Kind {
	ops := accepting(t)
	if asked > 0 {
		pieces *= asked
		ops = append(ops,
			backends.Kind{Code: backends.Recv, Flags: fixed(t), Uses: pieces + 2*asked + 1},
			backends.Kind{Code: backends.Send, Flags: fixed(t) | backends.Inline | backends.Followed, Uses: pieces + 2*asked + 1})
	}
	send := backends.Kind{Code: backends.Send, Flags: fixed(t) | backends.ZeroCopy, Uses: pieces + 2*asked + 1}
	switch {
	case t.Sendfiling:
		return append(ops, backends.Kind{Code: backends.Sendfile, Flags: fixed(t), Uses: send.Uses})
	case t.Splicing:
		return append(ops, backends.Kinds(fixed(t)|backends.Inline, backends.Splice)...)
	case t.Links:
		return append(ops, backends.Kind{Code: backends.ReadAt, Flags: backends.Link}, send)
	}
	send.Flags |= backends.Inline
	return append(ops, backends.Kind{Code: backends.ReadAt, Flags: backends.SelectBuf}, send)
}

// ReadOps are those of StartReads, by what is done to the file and whether past the
// page cache.
func ReadOps(t backends.Traits, op string, direct bool) []backends.Kind {
	at := backends.Flags(0)
	if direct && !t.Blocking { // which has one at a time
		at = backends.Prompt
	}
	switch op {
	case OpRead:
		return backends.Kinds(backends.SelectBuf|at, backends.ReadAt)
	case OpWrite:
		return backends.Kinds(at, backends.WriteAt)
	}
	link := backends.Flags(0)
	if t.Links {
		link = backends.Link
	}
	return append(backends.Kinds(link, backends.WriteAt), backends.Kinds(0, backends.Fdatasync)...)
}

// fixed lets a loop keep its connections in a table of its own. A connection that
// another loop is to serve has to have a descriptor.
func fixed(t backends.Traits) backends.Flags {
	if t.Spawn {
		return 0
	}
	return backends.Fixed
}

// accepting is how connections come and go. An Accept that stays armed is one op.
func accepting(t backends.Traits) []backends.Kind {
	accept := backends.Kind{Code: backends.Accept, Flags: fixed(t)}
	if !t.Blocking || t.Spawn {
		accept.Flags |= backends.Multishot
		accept.Uses = 1
	}
	return []backends.Kind{accept, {Code: backends.Close, Flags: fixed(t), Uses: 1}}
}

// passing is what flows do, between the ends of one connection or of two; see flow.
func passing(t backends.Traits, uses int, ahead, one bool) []backends.Kind {
	recv := backends.Kind{Code: backends.Recv, Flags: fixed(t) | backends.SelectBuf, Uses: uses}
	send := backends.Kind{Code: backends.Send, Flags: fixed(t) | backends.ZeroCopy, Uses: uses}
	if linksReceive(t) {
		send.Flags |= backends.Link
		send.SameFD = one
	} else {
		send.Flags |= backends.Inline
		if !t.Blocking {
			recv.Flags |= backends.Multishot
		}
	}
	ops := []backends.Kind{recv, send}
	if t.Bundles && ahead {
		ops = append(ops, backends.Kind{Code: backends.Send, Flags: fixed(t) | backends.Link, SameFD: true, Uses: uses})
	}
	return ops
}
