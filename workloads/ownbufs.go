package workloads

import "github.com/ringbench/ringbench/backends"

// ownBufs are buffers beside the loop's. What a flow receives while half of the
// loop's buffers are out is copied to one of these, so that the other half stays
// with the loop: a receive finds a buffer however many flows wait for a peer that
// does not read. Else flows might hold all of them whose peers wait, in turn, for
// what another flow has no buffer to receive.
type ownBufs struct {
	size int
	free [][]byte
	out  map[*byte][]byte // by the last byte, which a buffer keeps whose front has been sent
}

// copied is what b holds, in a buffer of these.
func (o *ownBufs) copied(b []byte) ([]byte, error) {
	var own []byte
	if n := len(o.free); n > 0 {
		own = o.free[n-1]
		o.free = o.free[:n-1]
	} else {
		arena, err := backends.NewArena(o.size)
		if err != nil {
			return nil, err
		}
		own = arena.Bytes(o.size)
	}
	if o.out == nil {
		o.out = map[*byte][]byte{}
	}
	o.out[last(own)] = own
	return own[:copy(own, b)], nil
}

// takeBack takes a buffer back, or what is left of it, if it is one of these.
func (o *ownBufs) takeBack(b []byte) bool {
	own, ok := o.out[last(b)]
	if ok {
		delete(o.out, last(b))
		o.free = append(o.free, own)
	}
	return ok
}

func last(b []byte) *byte { return &b[:cap(b)][cap(b)-1] }
