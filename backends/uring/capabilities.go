package uring

import (
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// Capabilities lists what io_uring offers: first what variants switch on and
// off, then all else that this package knows by name. Each was asked of this
// kernel or tried on it.
func Capabilities() []backends.Capability {
	return (&Backend{variant: backends.Variant{Family: "uring"}}).capabilities(ask())
}

// A survey is what the kernel says it can do.
type survey struct {
	errno     unix.Errno // it makes no ring: nothing else is known
	ops       uapi.Probe
	feats     uint64
	setup     uint64 // flags
	enter     uint64
	entry     uint64
	registers uint32 // the first request that it does not know
	sure      bool   // of registers: else the kernel may know more
}

// ask makes a survey of this kernel.
func ask() (s survey) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r, errno := newRing(8, 16, 0, 0, 0)
	if errno != 0 {
		return survey{errno: errno}
	}
	defer r.close()
	_, s.errno = uapi.Register(r.fd, uapi.RegisterProbe, unsafe.Pointer(&s.ops), uint32(len(s.ops.Ops)))
	s.feats = uint64(r.features)
	for _, f := range setups {
		if ok, _ := setupWorks(uint32(f.bit) | f.with); ok {
			s.setup |= f.bit
		}
	}
	for _, f := range enters {
		if _, errno := uapi.Enter(r.fd, 0, 0, uapi.EnterGetEvents|uint32(f.bit), nil, 0); errno == 0 {
			s.enter |= f.bit
		}
	}
	for _, f := range entries {
		c, errno := trial(r, func(e *uapi.SQE) { e.Opcode, e.Flags = uapi.OpNop, uint8(f.bit) })
		if errno == 0 && c.Res != -int32(unix.EINVAL) { // NOP chooses no buffer: -EOPNOTSUPP
			s.entry |= f.bit
		}
	}
	s.registers, s.sure = knownRegisters(s.feats)
	return s
}

// knownRegisters is the first request of io_uring_register that the kernel does
// not know. Before it could be asked (Linux 6.18), trying does not tell, because
// a request that is unknown and one with a wrong argument get the same answer;
// but RSRC_TAGS came with the requests that take tags.
func knownRegisters(feats uint64) (n uint32, sure bool) {
	if q, ok := query(); ok {
		return q.RegisterOps, true
	}
	if feats&uapi.FeatRsrcTags != 0 {
		return uapi.RegisterBuffersUpdate + 1, false
	}
	return uapi.RegisterEnableRings + 1, false // as old as EXT_ARG, without which there is no ring
}

// query asks what the kernel knows. It needs no ring (io_uring/query.c).
func query() (q uapi.QueryOpcode, ok bool) {
	hdr := &uapi.QueryHdr{Data: uint64(uintptr(unsafe.Pointer(&q))), Op: uapi.QueryOpcodes, Size: uint32(unsafe.Sizeof(q))}
	var pin runtime.Pinner // hdr points to it by number only
	pin.Pin(&q)
	defer pin.Unpin()
	_, errno := uapi.Register(-1, uapi.RegisterQuery, unsafe.Pointer(hdr), 0)
	return q, errno == 0 && hdr.Result == 0
}

// capabilities is the list, with what the survey found and the backend's mask.
func (b *Backend) capabilities(s survey) []backends.Capability {
	have, errno := kernelCaps()
	if errno == 0 {
		errno = s.errno
	}
	if errno != 0 {
		return nothing(refused(b.Name(), errno, sysctlDisabled()).Why)
	}
	have &^= b.mask
	use, _ := choose(b.variant, have)
	var list []backends.Capability
	for _, f := range features {
		list = append(list, f.capability(have, use))
	}
	for code, o := range opcodes {
		c := offer{name: "IORING_OP_" + o.name, since: o.since, doc: o.doc, unusable: o.unusable, used: slices.Contains(usedOps, uint8(code))}
		list = append(list, c.capability(s.ops.Has(uint8(code)), notHere))
	}
	for _, kind := range []struct {
		flags []offer
		has   uint64
	}{{setups, s.setup}, {feats, s.feats}, {enters, s.enter}, {entries, s.entry}} {
		for _, f := range kind.flags {
			list = append(list, f.capability(kind.has&f.bit != 0, notHere))
		}
	}
	why := notHere
	if !s.sure {
		why = "not known: this kernel has no IORING_REGISTER_QUERY to ask"
	}
	for _, f := range registers {
		list = append(list, f.capability(uint32(f.bit) < s.registers, why))
	}
	return list
}

const notHere = "this kernel does not have it"

// capability is the feature as it stands on a kernel that has these
// capabilities, where a default loop uses those.
func (f feature) capability(have, use caps) backends.Capability {
	c := backends.Capability{Name: f.name, Doc: f.doc, Since: f.since, Supported: have.has(f.bits)}
	c.Default = c.Supported && use&f.bits != 0
	c.Variant = "uring+" + f.arg() + f.with
	if c.Default {
		c.Variant = "uring-" + f.name
	}
	switch {
	case !c.Supported:
		c.Why = notHere
	case f.refusal != nil:
		c.Why = f.refusal()
	case f.unusable != nil:
		c.Why = f.unusable()
	}
	c.Usable = c.Why == ""
	return c
}

func (o offer) capability(supported bool, otherwise string) backends.Capability {
	c := backends.Capability{Name: o.name, Doc: o.doc, Since: o.name + ", Linux " + o.since, Supported: supported}
	c.Default = supported && o.used
	switch {
	case !supported:
		c.Why = otherwise
	case o.unusable != nil:
		c.Why = o.unusable()
	}
	c.Usable = c.Why == ""
	return c
}

// nothing is the list where no ring can be made.
func nothing(why string) []backends.Capability {
	var list []backends.Capability
	for _, f := range features {
		c := f.capability(0, 0)
		c.Why = why
		list = append(list, c)
	}
	return list
}
