package uring

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/uapi"
)

// A polling thread sleeps after the time that it is told, and not before.
func TestSQIdle(t *testing.T) {
	asleep := func(l *Loop) bool { return l.ring.sqFlags.Load()&uapi.SQNeedWakeup != 0 }
	for _, name := range []string{"uring+sqpoll+sqidle=1ms", "uring+sqpoll+sqidle=1h"} {
		l := open(t, named(t, name), backends.Config{})
		l.Submit(&backends.Op{Code: backends.Nop})
		await(t, l, 1)
		if name == "uring+sqpoll+sqidle=1h" {
			time.Sleep(2 * sqIdleMilli * time.Millisecond)
			if asleep(l) {
				t.Errorf("%s: it sleeps", name)
			}
			continue
		}
		for end := time.Now().Add(60 * time.Second); !asleep(l); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("%s: it does not sleep", name)
				break
			}
		}
		l.Submit(&backends.Op{Code: backends.Nop}) // and wakes up
		await(t, l, 1)
	}
}

// The variant's CPU goes before the one of the configuration.
func TestSQCPU(t *testing.T) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	last := 0
	for cpu := range 1024 {
		if set.IsSet(cpu) {
			last = cpu
		}
	}
	name := "uring+sqpoll+sqcpu=" + strconv.Itoa(last)
	l := open(t, named(t, name), backends.Config{CPU: 1})
	l.Submit(&backends.Op{Code: backends.Nop})
	await(t, l, 1)
	list := pollerCPUs(t)
	// Threads of earlier tests may take a moment to end.
	for end := time.Now().Add(60 * time.Second); len(list) != 1 && time.Now().Before(end); list = pollerCPUs(t) {
		time.Sleep(time.Millisecond)
	}
	if len(list) != 1 || list[0] != strconv.Itoa(last) {
		t.Errorf("polling threads on CPUs %v, expected %d", list, last)
	}
	err := (&Backend{variant: variant(t, "uring+sqpoll+sqcpu=60000")}).Probe()
	if err == nil || !strings.Contains(err.Error(), "CPU 60000") {
		t.Errorf("%v", err)
	}
}
