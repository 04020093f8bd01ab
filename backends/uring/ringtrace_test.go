package uring

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/testenv"
)

// A ringTrace records what the kernel itself tells of this thread's rings, by the
// io_uring tracepoints, in an instance of its own.
type ringTrace struct {
	*testing.T
	dir string
}

// traceRing starts to record what this thread does, to which the test must be
// locked, as an open loop sees to.
func traceRing(t *testing.T, events ...string) *ringTrace {
	t.Helper()
	testenv.Need(t, "root", testenv.Root())
	r := &ringTrace{t, filepath.Join("/sys/kernel/tracing/instances", fmt.Sprintf("ringbench-%d-%d", os.Getpid(), unix.Gettid()))}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		testenv.Need(t, "root", err)
	}
	t.Cleanup(func() {
		r.write("tracing_on", "0")
		for _, e := range events {
			r.write("events/io_uring/"+e+"/enable", "0")
		}
		if err := os.Remove(r.dir); err != nil {
			t.Error(err)
		}
	})
	r.write("set_event_pid", strconv.Itoa(unix.Gettid()))
	for _, e := range events {
		r.write("events/io_uring/"+e+"/enable", "1")
	}
	return r
}

func (r *ringTrace) write(file, s string) {
	r.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, file), []byte(s), 0); err != nil {
		r.Fatal(err)
	}
}

// A traced event is a tracepoint's name and its fields as printed.
type traced struct {
	event  string
	fields map[string]string
}

var (
	tracedLine  = regexp.MustCompile(`: (io_uring_\w+): (.*)$`)
	tracedField = regexp.MustCompile(`(user_data|opcode|flags|result|cflags) (\S+?),?(?:\s|$)`)
)

// events is what was recorded since the last call, in order.
func (r *ringTrace) events() (list []traced) {
	r.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, "trace"))
	if err != nil {
		r.Fatal(err)
	}
	for line := range strings.Lines(string(bytes.TrimSpace(b))) {
		m := tracedLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		e := traced{m[1], map[string]string{}}
		for _, f := range tracedField.FindAllStringSubmatch(m[2], -1) {
			e.fields[f[1]] = f[2]
		}
		list = append(list, e)
	}
	r.write("trace", "")
	return list
}

// number is a field as a number.
func (e traced) number(field string) int64 {
	n, _ := strconv.ParseInt(e.fields[field], 0, 64)
	return n
}

// of is the events of one name and, where op is not empty, opcode. It leaves out
// what bears no slot: requests of the probe's rings end some time later.
func of(list []traced, event, op string) (some []traced) {
	for _, e := range list {
		if e.event == event && (e.number("user_data") != 0 || e.fields["user_data"] == "") && (op == "" || e.fields["opcode"] == op) {
			some = append(some, e)
		}
	}
	return some
}
