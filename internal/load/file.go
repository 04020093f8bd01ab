package load

import (
	"bytes"
	"fmt"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/pattern"
)

// restMost is how much of a file may be left to come when the load has ended, for
// it to be waited for: a thousand larger ones would take longer than the load.
const restMost = 1 << 20

// receivedOfFile takes the next bytes of the file, or its end, or the head of what
// it was asked for by. A rest that is too
// large to wait for is hung up on when more of it has come, so that a server that
// has stopped sending is found out.
func (v *visit) receivedOfFile(x *backends.Completion) {
	k, size := v.worker, v.worker.g.cfg.FileBytes
	at := int64(v.partial)
	switch {
	case x.Res < 0 || x.Res == 0 && (at < size || k.g.asks != nil):
		v.lost("receive", x.Res)
		return
	case x.Res == 0:
		k.loop.Submit(&v.shut)
		return
	}
	b := x.Buf
	if !v.headed {
		if b = v.takeHead(b); k.err != nil {
			return
		}
	}
	if at+int64(len(b)) > size {
		k.fail(fmt.Errorf("connection %d: the server sent more than the file's %d bytes", v.serial, size))
		return
	}
	want := k.g.pattern.Mem[at%pattern.Period:][:len(b)]
	if !bytes.Equal(b, want) {
		i := differs(b, want)
		k.fail(fmt.Errorf("connection %d: the server sent a wrong byte, 0x%02x instead of 0x%02x, as byte %d of the file", v.serial, b[i], want[i], at+int64(i)))
		return
	}
	v.partial += len(b)
	k.loop.Recycle(x.Buf)
	k.took(len(b))
	switch left := size - int64(v.partial); {
	case left == 0:
		v.served()
		if k.g.asks != nil {
			v.replies++
			v.answered = true
			v.advance()
			return
		}
	case left > restMost && k.draining:
		k.loop.Submit(&v.shut)
		return
	}
	k.loop.Submit(&v.recv)
}

// took counts bytes of a file that are what they should be.
func (k *worker) took(n int) {
	k.now = backends.Nanotime()
	k.received += uint64(n)
	k.series.Add(k.now, uint64(n))
	if k.recording() {
		k.bytes += uint64(n)
	}
}
