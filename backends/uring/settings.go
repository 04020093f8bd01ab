package uring

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/ringbench/ringbench/backends"
)

// settings are the values that a variant gives to its features; zero where it
// gives none.
type settings struct {
	sqIdle  uint32 // milliseconds without work until the polling thread sleeps
	sqCPU   int    // 1 + the CPU of the polling thread
	batch   int    // completions that a Wait asks for
	minWait uint32 // microseconds that it gathers them for
	napi    uint32 // microseconds of busy polling
	workers uint32 // kernel workers at most
}

// sqIdleMilli is how long a polling kernel thread spins without work before it
// sleeps, where no variant says so.
const sqIdleMilli = 100

// settingsOf reads the values in a variant's name.
func settingsOf(v backends.Variant) (settings, error) {
	s := settings{sqIdle: sqIdleMilli}
	for _, f := range []struct {
		name string
		set  func(string) error
	}{
		{"sqidle", func(x string) error { return duration(x, time.Millisecond, &s.sqIdle) }},
		{"sqcpu", func(x string) error { return number(x, 0, 1<<16, func(n int) { s.sqCPU = n + 1 }) }},
		{"batch", func(x string) error { return number(x, 2, 1<<16, func(n int) { s.batch = n }) }},
		{"minwait", func(x string) error { return duration(x, time.Microsecond, &s.minWait) }},
		{"napi", func(x string) error { return duration(x, time.Microsecond, &s.napi) }},
		{"iowq", func(x string) error { return number(x, 1, 1<<16, func(n int) { s.workers = uint32(n) }) }},
	} {
		if x := v.Value(f.name); x != "" {
			if err := f.set(x); err != nil {
				return s, fmt.Errorf("variant %s: %s=%s: %w", v, f.name, x, err)
			}
		}
	}
	return s, nil
}

// duration reads a time of at least one unit, in whole units.
func duration(x string, unit time.Duration, to *uint32) error {
	d, err := time.ParseDuration(x)
	if err != nil || d < unit || d%unit != 0 || d > time.Hour {
		return fmt.Errorf("it takes a time in whole %s up to 1h, such as %v", map[time.Duration]string{
			time.Millisecond: "milliseconds", time.Microsecond: "microseconds",
		}[unit], 50*unit)
	}
	*to = uint32(min(d/unit, math.MaxUint32))
	return nil
}

func number(x string, lo, hi int, set func(int)) error {
	n, err := strconv.Atoi(x)
	if err != nil || n < lo || n > hi {
		return fmt.Errorf("it takes a whole number from %d to %d", lo, hi)
	}
	set(n)
	return nil
}

// asks reports whether a variant adds a feature, with a value or without.
func asks(v backends.Variant, feature string) bool {
	return slices.Contains(v.Add, feature) || v.Value(feature) != ""
}

// needs are the features that mean nothing without another.
var needs = [][2]string{{"sqidle", "sqpoll"}, {"sqcpu", "sqpoll"}}

// excludes are the pairs of which one must go, and why.
var excludes = []struct{ a, b, why string }{
	{"sqpoll", "naive", "the polling thread submits, whatever the loop does"},
	{"sqpoll", "hold", "the polling thread submits, whatever the loop does"},
	{"naive", "hold", "the one enters for every op, the other for none"},
	{"async", "multishot", "a worker of the kernel carries out one request at a time"},
	{"async", "bufring", "a worker of the kernel would hold its buffer while it waits"},
	{"async", "inc", "a worker of the kernel would hold its buffer while it waits"},
	{"async", "provide", "a worker of the kernel would hold its buffer while it waits"},
	{"async", "recvbundle", "a worker of the kernel would hold its buffers while it waits"},
	{"async", "skip", "the loop must see how its cancels end"},
	{"async", "poll", "a worker of the kernel waits by itself"},
	{"async", "pollfirst", "a worker of the kernel tries at once"},
	{"poll", "link", "the receive that a poll announces comes too late for a chain"},
	{"poll", "linktimeout", "the receive that a poll announces comes too late for a chain"},
	{"poll", "skip", "the receive that a poll announces comes too late for a chain"},
	{"poll", "sendbundle", "the receive that a poll announces comes too late for a chain"},
	{"naive", "link", "linked ops enter the kernel together"},
	{"naive", "linktimeout", "linked ops enter the kernel together"},
	{"naive", "skip", "linked ops enter the kernel together"},
	{"naive", "sendbundle", "linked ops enter the kernel together"},
	{"fixedfile", "regfiles", "a ring has one table of files"},
}

// conflict is an error when features of a variant do not go together, or one
// has a value that means nothing.
func conflict(v backends.Variant) error {
	for _, n := range needs {
		if asks(v, n[0]) && !asks(v, n[1]) {
			return fmt.Errorf("variant %s contradicts itself: %s needs %s; add +%s or leave %s out", v, n[0], n[1], n[1], n[0])
		}
	}
	for _, x := range excludes {
		if asks(v, x.a) && asks(v, x.b) {
			return fmt.Errorf("variant %s contradicts itself: %s and %s exclude each other, because %s; leave one out", v, x.a, x.b, x.why)
		}
	}
	_, err := settingsOf(v)
	return err
}

// pointless is why no loop can have what the variant asks for, or "".
func pointless(v backends.Variant) string {
	for _, f := range features {
		if f.refusal != nil && asks(v, f.name) {
			return "feature " + f.name + ": " + f.refusal()
		}
	}
	return ""
}

// valued puts the variant's values to the names of features.
func valued(v backends.Variant, names []string) []string {
	for i, n := range names {
		if x := v.Value(n); x != "" {
			names[i] = n + "=" + x
		}
	}
	return names
}
