package main

import (
	"os"
	"strings"
	"testing"
)

// A server that sends without copying says how much was copied after all: on
// loopback everything.
func TestServeZeroCopy(t *testing.T) {
	available(t, "uring+zc")
	r, _, address := serve(t, "--backend=uring+zc", "--network=tcp", "--listen=127.0.0.1:0")
	echoes(t, "tcp", address, 10_000)
	r.eventually("a server at rest", r.atRest)
	r.end(os.Interrupt)
	if n := r.counter("zc_notifications"); n < 1 || r.counter("zc_copied") != n {
		t.Errorf("%d notifications, %d copied", n, r.counter("zc_copied"))
	}
	if out := r.stdout.String(); !strings.Contains(out, "zc_share_copied  100 %\n") {
		t.Errorf("%s", out)
	}
}
