package load

import (
	"bytes"
	"fmt"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/pattern"
)

// receivedOfFile takes the next bytes of the file, or its end.
func (v *visit) receivedOfFile(x backends.Completion) {
	k, size := v.worker, v.worker.g.cfg.FileBytes
	at := int64(v.partial)
	switch {
	case x.Res < 0 || x.Res == 0 && at < size:
		v.lost("receive", x.Res)
		return
	case x.Res == 0:
		k.loop.Submit(&v.shut)
		return
	case at+int64(len(x.Buf)) > size:
		k.fail(fmt.Errorf("connection %d: the server sent more than the file's %d bytes", v.serial, size))
		return
	}
	want := k.g.pattern.Mem[at%pattern.Period:][:len(x.Buf)]
	if !bytes.Equal(x.Buf, want) {
		i := differs(x.Buf, want)
		k.fail(fmt.Errorf("connection %d: the server sent a wrong byte, 0x%02x instead of 0x%02x, as byte %d of the file", v.serial, x.Buf[i], want[i], at+int64(i)))
		return
	}
	v.partial += len(x.Buf)
	k.loop.Recycle(x.Buf)
	if int64(v.partial) == size {
		v.served()
	}
	k.loop.Submit(&v.recv)
}
