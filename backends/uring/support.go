package uring

import (
	"fmt"
	"unsafe"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// knows is an error when this kernel lacks the operation, which it is asked the
// first time.
func (l *Loop) knows(opcode uint8) error {
	if l.known == nil {
		p := new(uapi.Probe)
		if _, errno := sysRegister(l.ring.fd, uapi.RegisterProbe, unsafe.Pointer(p), uint32(len(p.Ops))); errno != 0 {
			return fmt.Errorf("uring: ask the kernel for its operations: %w", errno)
		}
		l.count(backends.SysOther)
		l.known = p
	}
	if l.known.Has(opcode) {
		return nil
	}
	return &backends.Unavailable{
		Backend: "uring",
		Why:     fmt.Sprintf("the kernel does not know IORING_OP_%s, since Linux %s", opcodes[opcode].name, opcodes[opcode].since),
		Remedy:  "use a newer kernel, or do without this request",
	}
}
