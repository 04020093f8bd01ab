package uring_test

import (
	"fmt"
	"log"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/backends/uring"
)

// A file is opened, read and closed by one submission, through a slot of the
// loop's own file table.
func ExampleLoop_SubmitChain() {
	b, err := backends.Lookup("uring")
	if err != nil {
		log.Fatal(err)
	}
	loop, err := b.Open(backends.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()
	ring := loop.(*uring.Loop)
	if err := ring.RegisterFiles(1); err != nil {
		log.Fatal(err)
	}
	buf := make([]byte, 14)
	var ops [3]backends.Op
	err = ring.SubmitChain([]*backends.Op{&ops[0], &ops[1], &ops[2]}, []*uring.Request{
		uring.OpenAt(unix.AT_FDCWD, "/proc/version", unix.O_RDONLY, 0).Direct(0),
		uring.Read(0, buf, 0).Fixed(),
		uring.CloseDirect(0),
	})
	if err != nil {
		log.Fatal(err)
	}
	done := make([]backends.Completion, len(ops))
	for left := len(done); left > 0; {
		n, err := loop.Wait(done, left, -1)
		if err != nil {
			log.Fatal(err)
		}
		for _, c := range done[:n] {
			if err := c.Res.Err(); err != nil {
				log.Fatal(err)
			}
		}
		left -= n
	}
	fmt.Printf("%s\n", buf)
}
