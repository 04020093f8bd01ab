package load

import (
	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/pattern"
)

// A Direction is which way the messages of a bulk load go.
type Direction string

// The directions, as seen from the client: to the server, from it, and both at
// the same time. Echo is none: every message comes back.
const (
	Echo Direction = ""
	Up   Direction = "up"
	Down Direction = "down"
	Both Direction = "both"
)

// group is how many messages a connection asks for at a time: enough that the
// asking does not count.
func (c *Config) group() int {
	if c.Asks == Echo {
		return 1
	}
	return max(1, c.Pipeline/2)
}

// answer is how many bytes answer how many messages.
func (c *Config) answer() (bytes, messages int) {
	if c.Asks == Up {
		return pattern.AskSize, c.group()
	}
	return c.Size, 1
}

// ask begins an exchange of n messages.
func (c *conn) ask(n int) {
	k := c.worker
	a := pattern.Ask{UpAt: uint32(c.sendAt), DownAt: uint32(c.askAt)}
	size := n * k.g.cfg.Size
	if k.g.cfg.Asks != Down {
		a.Up = uint32(size)
	}
	if k.g.cfg.Asks != Up {
		a.Down = uint32(size)
	}
	a.Put(&c.head)
	c.rest = k.g.pattern.Mem[c.sendAt : c.sendAt+int(a.Up)]
	c.sendAt = pattern.Advance(c.sendAt, int(a.Up))
	c.askAt = pattern.Advance(c.askAt, a.Answer())
	c.send.Buf = c.head[:]
	c.sending = true
	if k.loop.Submit(&c.send) {
		c.sent(backends.Result(len(c.head)))
	}
}
