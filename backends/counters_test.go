package backends

import "testing"

func TestCounterNames(t *testing.T) {
	var c Counters
	for i := range c {
		c[i] = uint64(i) + 1
	}
	m := c.Map()
	if len(m) != int(NumCounters) {
		t.Fatalf("%d names for %d counters", len(m), NumCounters)
	}
	for i := Counter(0); i < NumCounters; i++ {
		if i.String() == "" || m[i.String()] != uint64(i)+1 {
			t.Errorf("counter %d is called %q and reads %d", i, i, m[i.String()])
		}
	}
	m["unheard_of"] = 1
	if got := CountersOf(m); got != c {
		t.Errorf("read back: %v, want %v", got, c)
	}
}

func TestCountersArithmetic(t *testing.T) {
	var a, b Counters
	a[SysWait], a[SysRecv], a[SysSend], a[SysAccept], a[SysSplice], a[SysThreads], a[SysOther] = 1, 2, 4, 8, 16, 32, 64
	a[Submissions], a[BytesIn] = 1000, 1000
	if a.Syscalls() != 127 {
		t.Errorf("%d system calls, not 127: entries and bytes are none", a.Syscalls())
	}
	b.Add(a)
	b.Add(a)
	if b.Sub(a) != a {
		t.Errorf("a + a - a is %v", b.Sub(a))
	}
}

// TestTally: readers see what was published, and nothing of what was not.
func TestTally(t *testing.T) {
	var tally Tally
	tally.Counters[BytesIn] = 5
	if c := tally.Read(); c != (Counters{}) {
		t.Errorf("unpublished figures are seen: %v", c)
	}
	tally.Publish()
	tally.Counters[BytesIn] = 6
	tally.Counters[SysWait]++
	if c := tally.Read(); c[BytesIn] != 5 || c[SysWait] != 0 {
		t.Errorf("published was 5 bytes; read is %v", c)
	}
	for i := range tally.Counters {
		tally.Counters[i]++
		tally.Publish()
		if c := tally.Read(); c[i] != tally.Counters[i] {
			t.Errorf("published was %d %s; read is %d", tally.Counters[i], Counter(i), c[i])
		}
	}
	if c := tally.Read(); c != tally.Counters {
		t.Errorf("published was %v; read is %v", tally.Counters, c)
	}
	done := make(chan bool)
	go func() { // the race detector looks on
		for range 1000 {
			tally.Read()
		}
		close(done)
	}()
	for range 1000 {
		tally.Counters[BytesIn]++
		tally.Publish()
	}
	<-done
	if n := testing.AllocsPerRun(100, func() { tally.Counters[SysWait]++; tally.Publish() }); n != 0 {
		t.Errorf("%v allocations to publish", n)
	}
}
