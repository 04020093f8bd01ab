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
	kernel
	errno unix.Errno // it makes no ring: nothing else is known
	ops   uapi.Probe
	found map[string]finding // by the name of an offer
}

// A finding is whether the kernel has something, or with an errno why that is
// not known.
type finding struct {
	has   bool
	errno unix.Errno
}

// ask makes a survey of this kernel.
func ask() (s survey) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if s.kernel, s.errno = thisKernel(); s.errno != 0 {
		return s
	}
	r, errno := newRing(8, 16, 0, 0, 0)
	if errno != 0 {
		return survey{errno: errno}
	}
	defer func() { r.close() }()
	ops, errno := operations(r)
	if errno != 0 {
		return survey{errno: errno}
	}
	s.ops, s.found = *ops, map[string]finding{}
	for _, k := range kinds {
		for _, o := range k.offers {
			try := o.try
			if try == nil {
				try = func(r *ring) (bool, unix.Errno) { return k.try(r, o) }
			}
			var f finding
			if f.has, f.errno = try(r); f.errno != 0 {
				r.close() // see kernel.probe
				if r, errno = newRing(8, 16, 0, 0, 0); errno != 0 {
					return survey{errno: errno}
				}
			}
			s.found[o.name] = f
		}
	}
	return s
}

// query asks what the kernel knows. It needs no ring (io_uring/query.c).
func query() (q uapi.QueryOpcode, ok bool) {
	hdr := &uapi.QueryHdr{Data: uint64(uintptr(unsafe.Pointer(&q))), Op: uapi.QueryOpcodes, Size: uint32(unsafe.Sizeof(q))}
	var pin runtime.Pinner // hdr points to it by number only
	pin.Pin(&q)
	defer pin.Unpin()
	_, errno := sysRegister(-1, uapi.RegisterQuery, unsafe.Pointer(hdr), 0)
	return q, errno == 0 && hdr.Result == 0
}

// capabilities is the list, with what the survey found and the backend's mask.
func (b *Backend) capabilities(s survey) []backends.Capability {
	if s.errno != 0 {
		return nothing(refused(b.Name(), s.errno, sysctlDisabled()).Why)
	}
	s.have &^= b.mask
	use, _ := choose(b.variant, s.have)
	var list []backends.Capability
	for _, f := range features {
		list = append(list, f.capability(s.have, use, s.why(f.bits&^b.mask)))
	}
	for code, o := range opcodes {
		c := offer{name: "IORING_OP_" + o.name, since: o.since, doc: o.doc, unusable: o.unusable, used: slices.Contains(usedOps, uint8(code))}
		list = append(list, c.capability(finding{has: s.ops.Has(uint8(code))}))
	}
	for _, k := range kinds {
		for _, o := range k.offers {
			list = append(list, o.capability(s.found[o.name]))
		}
	}
	return list
}

const notHere = "this kernel does not have it"

// whyNot says why something is not there, or with an errno why that is not known.
func whyNot(errno unix.Errno) string {
	if errno != 0 {
		return "refused: " + errno.Error()
	}
	return notHere
}

// capability is the feature as it stands on a kernel that has these
// capabilities and refuses the feature with errno, or 0, where a default loop
// uses those. It is supported where a variant can add it.
func (f feature) capability(have, use caps, errno unix.Errno) backends.Capability {
	alone := backends.Variant{Family: "uring", Add: []string{f.arg()}}
	if f.with != "" {
		alone.Add = append(alone.Add, f.with[1:])
	}
	_, missing := choose(alone, have)
	c := backends.Capability{Name: f.name, Doc: f.doc, Since: f.since, Supported: missing == nil}
	c.Unknown = !c.Supported && errno != 0
	c.Default = use&f.bits != 0
	c.Variant = "uring+" + f.arg() + f.with
	if c.Default {
		c.Variant = "uring-" + f.name
	}
	switch {
	case !c.Supported:
		c.Why = whyNot(errno)
	case f.refusal != nil:
		c.Why = f.refusal()
	case f.unusable != nil:
		c.Why = f.unusable()
	}
	c.Usable = c.Why == ""
	return c
}

func (o offer) capability(f finding) backends.Capability {
	c := backends.Capability{Name: o.name, Doc: o.doc, Since: o.name + ", Linux " + o.since, Supported: f.has, Unknown: f.errno != 0}
	c.Default = f.has && o.used
	switch {
	case !f.has:
		c.Why = whyNot(f.errno)
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
		c := f.capability(0, 0, 0)
		c.Why = why
		list = append(list, c)
	}
	return list
}
