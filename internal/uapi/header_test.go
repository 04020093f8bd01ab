package uapi_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// layout gives the size of every structure and the place of its fields, by
// their C names.
var layout = map[string]uintptr{
	"sizeof(struct io_uring_sqe)":                                        unsafe.Sizeof(uapi.SQE{}),
	"offsetof(struct io_uring_sqe, opcode)":                              unsafe.Offsetof(uapi.SQE{}.Opcode),
	"offsetof(struct io_uring_sqe, flags)":                               unsafe.Offsetof(uapi.SQE{}.Flags),
	"offsetof(struct io_uring_sqe, ioprio)":                              unsafe.Offsetof(uapi.SQE{}.Ioprio),
	"offsetof(struct io_uring_sqe, fd)":                                  unsafe.Offsetof(uapi.SQE{}.FD),
	"offsetof(struct io_uring_sqe, off)":                                 unsafe.Offsetof(uapi.SQE{}.Off),
	"offsetof(struct io_uring_sqe, addr2)":                               unsafe.Offsetof(uapi.SQE{}.Off),
	"offsetof(struct io_uring_sqe, addr)":                                unsafe.Offsetof(uapi.SQE{}.Addr),
	"offsetof(struct io_uring_sqe, len)":                                 unsafe.Offsetof(uapi.SQE{}.Len),
	"offsetof(struct io_uring_sqe, msg_flags)":                           unsafe.Offsetof(uapi.SQE{}.OpFlags),
	"offsetof(struct io_uring_sqe, accept_flags)":                        unsafe.Offsetof(uapi.SQE{}.OpFlags),
	"offsetof(struct io_uring_sqe, cancel_flags)":                        unsafe.Offsetof(uapi.SQE{}.OpFlags),
	"offsetof(struct io_uring_sqe, poll32_events)":                       unsafe.Offsetof(uapi.SQE{}.OpFlags),
	"offsetof(struct io_uring_sqe, user_data)":                           unsafe.Offsetof(uapi.SQE{}.UserData),
	"offsetof(struct io_uring_sqe, buf_index)":                           unsafe.Offsetof(uapi.SQE{}.BufIndex),
	"offsetof(struct io_uring_sqe, buf_group)":                           unsafe.Offsetof(uapi.SQE{}.BufIndex),
	"offsetof(struct io_uring_sqe, personality)":                         unsafe.Offsetof(uapi.SQE{}.Personality),
	"offsetof(struct io_uring_sqe, file_index)":                          unsafe.Offsetof(uapi.SQE{}.FileIndex),
	"offsetof(struct io_uring_sqe, addr3)":                               unsafe.Offsetof(uapi.SQE{}.Addr3),
	"sizeof(struct io_uring_cqe)":                                        unsafe.Sizeof(uapi.CQE{}),
	"offsetof(struct io_uring_cqe, user_data)":                           unsafe.Offsetof(uapi.CQE{}.UserData),
	"offsetof(struct io_uring_cqe, res)":                                 unsafe.Offsetof(uapi.CQE{}.Res),
	"offsetof(struct io_uring_cqe, flags)":                               unsafe.Offsetof(uapi.CQE{}.Flags),
	"sizeof(struct io_uring_params)":                                     unsafe.Sizeof(uapi.Params{}),
	"offsetof(struct io_uring_params, sq_entries)":                       unsafe.Offsetof(uapi.Params{}.SQEntries),
	"offsetof(struct io_uring_params, cq_entries)":                       unsafe.Offsetof(uapi.Params{}.CQEntries),
	"offsetof(struct io_uring_params, flags)":                            unsafe.Offsetof(uapi.Params{}.Flags),
	"offsetof(struct io_uring_params, sq_thread_cpu)":                    unsafe.Offsetof(uapi.Params{}.SQThreadCPU),
	"offsetof(struct io_uring_params, sq_thread_idle)":                   unsafe.Offsetof(uapi.Params{}.SQThreadIdle),
	"offsetof(struct io_uring_params, features)":                         unsafe.Offsetof(uapi.Params{}.Features),
	"offsetof(struct io_uring_params, wq_fd)":                            unsafe.Offsetof(uapi.Params{}.WQFD),
	"offsetof(struct io_uring_params, sq_off)":                           unsafe.Offsetof(uapi.Params{}.SQOff),
	"offsetof(struct io_uring_params, cq_off)":                           unsafe.Offsetof(uapi.Params{}.CQOff),
	"sizeof(struct io_sqring_offsets)":                                   unsafe.Sizeof(uapi.SQRingOffsets{}),
	"offsetof(struct io_sqring_offsets, head)":                           unsafe.Offsetof(uapi.SQRingOffsets{}.Head),
	"offsetof(struct io_sqring_offsets, tail)":                           unsafe.Offsetof(uapi.SQRingOffsets{}.Tail),
	"offsetof(struct io_sqring_offsets, ring_mask)":                      unsafe.Offsetof(uapi.SQRingOffsets{}.RingMask),
	"offsetof(struct io_sqring_offsets, ring_entries)":                   unsafe.Offsetof(uapi.SQRingOffsets{}.RingEntries),
	"offsetof(struct io_sqring_offsets, flags)":                          unsafe.Offsetof(uapi.SQRingOffsets{}.Flags),
	"offsetof(struct io_sqring_offsets, dropped)":                        unsafe.Offsetof(uapi.SQRingOffsets{}.Dropped),
	"offsetof(struct io_sqring_offsets, array)":                          unsafe.Offsetof(uapi.SQRingOffsets{}.Array),
	"sizeof(struct io_cqring_offsets)":                                   unsafe.Sizeof(uapi.CQRingOffsets{}),
	"offsetof(struct io_cqring_offsets, head)":                           unsafe.Offsetof(uapi.CQRingOffsets{}.Head),
	"offsetof(struct io_cqring_offsets, tail)":                           unsafe.Offsetof(uapi.CQRingOffsets{}.Tail),
	"offsetof(struct io_cqring_offsets, overflow)":                       unsafe.Offsetof(uapi.CQRingOffsets{}.Overflow),
	"offsetof(struct io_cqring_offsets, cqes)":                           unsafe.Offsetof(uapi.CQRingOffsets{}.CQEs),
	"offsetof(struct io_cqring_offsets, flags)":                          unsafe.Offsetof(uapi.CQRingOffsets{}.Flags),
	"sizeof(struct __kernel_timespec)":                                   unsafe.Sizeof(uapi.Timespec{}),
	"offsetof(struct __kernel_timespec, tv_nsec)":                        unsafe.Offsetof(uapi.Timespec{}.Nsec),
	"sizeof(struct io_uring_getevents_arg)":                              unsafe.Sizeof(uapi.GetEventsArg{}),
	"offsetof(struct io_uring_getevents_arg, sigmask_sz)":                unsafe.Offsetof(uapi.GetEventsArg{}.SigmaskSize),
	"offsetof(struct io_uring_getevents_arg, ts)":                        unsafe.Offsetof(uapi.GetEventsArg{}.TS),
	"sizeof(struct io_uring_buf)":                                        unsafe.Sizeof(uapi.Buf{}),
	"offsetof(struct io_uring_buf, len)":                                 unsafe.Offsetof(uapi.Buf{}.Len),
	"offsetof(struct io_uring_buf, bid)":                                 unsafe.Offsetof(uapi.Buf{}.Bid),
	"offsetof(struct io_uring_buf_ring, tail)":                           unsafe.Offsetof(uapi.Buf{}.Resv),
	"sizeof(struct io_uring_buf_reg)":                                    unsafe.Sizeof(uapi.BufReg{}),
	"offsetof(struct io_uring_buf_reg, ring_entries)":                    unsafe.Offsetof(uapi.BufReg{}.RingEntries),
	"offsetof(struct io_uring_buf_reg, bgid)":                            unsafe.Offsetof(uapi.BufReg{}.Bgid),
	"sizeof(struct io_uring_rsrc_update)":                                unsafe.Sizeof(uapi.RsrcUpdate{}),
	"offsetof(struct io_uring_rsrc_update, data)":                        unsafe.Offsetof(uapi.RsrcUpdate{}.Data),
	"sizeof(struct io_uring_probe_op)":                                   unsafe.Sizeof(uapi.ProbeOp{}),
	"offsetof(struct io_uring_probe_op, flags)":                          unsafe.Offsetof(uapi.ProbeOp{}.Flags),
	"sizeof(struct io_uring_probe)+256*sizeof(struct io_uring_probe_op)": unsafe.Sizeof(uapi.Probe{}),
	"offsetof(struct io_uring_probe, ops)":                               unsafe.Offsetof(uapi.Probe{}.Ops),
}

// left are names of the header that this package has no use for: ends of
// enumerations, bit numbers, and things that are not of io_uring's core.
var left = regexp.MustCompile(`_(LAST|BIT)$|^IORING_(FILE_INDEX_ALLOC|RW_ATTR|ZCRX|TIMESTAMP|CQE_F_TSTAMP)`)

// TestHeader holds sizes, offsets and constants to what gcc makes of the
// system's header, as far as that header knows them, and demands every
// constant that it knows.
func TestHeader(t *testing.T) {
	testenv.Need(t, "cc", testenv.Program("gcc"))
	const include = "#include <stddef.h>\n#include <stdio.h>\n#include <linux/io_uring.h>\n"
	names := headerNames(t, include)
	for n := range names {
		if _, ok := constants[n]; !ok && !left.MatchString(n) {
			t.Errorf("the header has %s, package uapi does not", n)
		}
	}
	var src strings.Builder
	src.WriteString(include + "int main(void) {\n")
	want := map[string]string{}
	for _, expr := range slices.Sorted(maps.Keys(layout)) {
		fmt.Fprintf(&src, "printf(\"%%s = %%lld\\n\", \"%s\", (long long)(%s));\n", expr, expr)
		want[expr] = fmt.Sprint(layout[expr])
	}
	known := 0
	for _, n := range slices.Sorted(maps.Keys(constants)) {
		if names[n] {
			known++
			fmt.Fprintf(&src, "printf(\"%%s = %%lld\\n\", \"%s\", (long long)(%s));\n", n, n)
			want[n] = fmt.Sprint(constants[n])
		}
	}
	src.WriteString("}\n")
	if known < 100 {
		t.Errorf("only %d of %d constants were found in the header", known, len(constants))
	}
	dir := t.TempDir()
	file, prog := filepath.Join(dir, "abi.c"), filepath.Join(dir, "abi")
	if err := os.WriteFile(file, []byte(src.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-o", prog, file).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	out, err := exec.Command(prog).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		expr, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		if want[expr] != value {
			t.Errorf("%s is %s, package uapi has %s", expr, value, want[expr])
		}
		delete(want, expr)
	}
	for expr := range want {
		t.Errorf("%s was not printed", expr)
	}
}

// headerNames are the macros and enumeration constants of io_uring that the header defines.
func headerNames(t *testing.T, include string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, args := range [][]string{{"-E", "-dM", "-"}, {"-E", "-P", "-"}} {
		cmd := exec.Command("gcc", args...)
		cmd.Stdin = strings.NewReader(include)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("gcc %v: %v", args, err)
		}
		for line := range bytes.Lines(out) {
			line = bytes.TrimPrefix(line, []byte("#define "))
			if i := bytes.IndexAny(line, " \t"); args[1] == "-dM" && i > 0 {
				line = line[:i] // the name, not what it is made of
			}
			for _, n := range regexp.MustCompile(`\b(IORING|IOSQE|IOU)_[A-Z0-9_]+\b`).FindAllString(string(line), -1) {
				names[n] = true
			}
		}
	}
	return names
}
