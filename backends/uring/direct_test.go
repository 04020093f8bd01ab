package uring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

func rawBytes(a *backends.Addr) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&a.Raw)), unsafe.Sizeof(a.Raw))
}

// tableLoop is a loop with a table of n files.
func tableLoop(t *testing.T, n int) *Loop {
	t.Helper()
	l := defaultLoop(t, backends.Config{})
	if err := l.RegisterFiles(n); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestDirectDescriptors(t *testing.T) {
	l := tableLoop(t, 4)
	f := tempFile(t, "0123456789")
	buf := make([]byte, 20)
	before := descriptors(t)
	must(t, l, OpenAt(unix.AT_FDCWD, f.Name(), unix.O_RDONLY, 0).Direct(3))
	if n := must(t, l, Read(3, buf, 4).Fixed()); string(buf[:n]) != "456789" {
		t.Errorf("%q", buf[:n])
	}
	if more := opened(t, before); len(more) > 0 {
		t.Errorf("the process has other descriptors: %q", more)
	}
	for want := range 3 {
		if slot := must(t, l, OpenAt(unix.AT_FDCWD, f.Name(), unix.O_RDONLY, 0).Direct(AnySlot)); slot != want {
			t.Errorf("slot %d rather than %d", slot, want)
		}
	}
	fails(t, l, OpenAt(unix.AT_FDCWD, f.Name(), unix.O_RDONLY, 0).Direct(AnySlot), unix.ENFILE)
	must(t, l, CloseDirect(3))
	fails(t, l, Read(3, buf, 0).Fixed(), unix.EBADF)
	if err := l.RegisterFiles(1); err == nil || !errors.Is(err, unix.EBUSY) {
		t.Errorf("a second table: %v", err)
	}
	l = openVariant(t, "uring+fixedfile", backends.Config{})
	if err := l.RegisterFiles(1); err == nil || !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "fixedfile") {
		t.Errorf("a second table beside the loop's own: %v", err)
	}
}

func TestInstallFD(t *testing.T) {
	l := tableLoop(t, 4)
	f := tempFile(t, "0123456789")
	must(t, l, OpenAt(unix.AT_FDCWD, f.Name(), unix.O_RDONLY, 0).Direct(2))
	fd := must(t, l, InstallFD(2))
	defer closeFD(t, fd)
	if to, err := os.Readlink(fmt.Sprint("/proc/self/fd/", fd)); err != nil || to != f.Name() {
		t.Errorf("%q, %v", to, err)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v", flags, err)
	}
}

func TestUpdateFiles(t *testing.T) {
	l := tableLoop(t, 4)
	a, b := tempFile(t, "first"), tempFile(t, "second")
	buf := make([]byte, 20)
	if n := must(t, l, UpdateFiles(1, []int32{int32(a.Fd()), int32(b.Fd())})); n != 2 {
		t.Errorf("%d slots", n)
	}
	for slot, want := range map[int]string{1: "first", 2: "second"} {
		if n := must(t, l, Read(slot, buf, 0).Fixed()); string(buf[:n]) != want {
			t.Errorf("slot %d: %q", slot, buf[:n])
		}
	}
	must(t, l, UpdateFiles(1, []int32{-1}))
	fails(t, l, Read(1, buf, 0).Fixed(), unix.EBADF)
	slots := []int32{int32(b.Fd()), int32(a.Fd())}
	if n := must(t, l, UpdateFiles(AnySlot, slots)); n != 2 || slots[0] == slots[1] {
		t.Errorf("%d slots: %v", n, slots)
	}
	for i, want := range []string{"second", "first"} {
		if n := must(t, l, Read(int(slots[i]), buf, 0).Fixed()); string(buf[:n]) != want {
			t.Errorf("slot %d: %q", slots[i], buf[:n])
		}
	}
}

// Sockets and pipes can be direct as well.
func TestDirectSocketAndPipe(t *testing.T) {
	l := tableLoop(t, 8)
	must(t, l, Socket(unix.AF_INET, unix.SOCK_DGRAM, 0).Direct(5))
	value := make([]byte, 4)
	must(t, l, Getsockopt(5, unix.SOL_SOCKET, unix.SO_TYPE, value).Fixed())
	if typ := binary.NativeEndian.Uint32(value); typ != unix.SOCK_DGRAM {
		t.Errorf("type %d", typ)
	}
	ln, addr := listener(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(t, fd)
	if err := unix.Connect(fd, addr); err != nil {
		t.Fatal(err)
	}
	must(t, l, Accept(ln, new(backends.Addr), 0).Direct(6))
	must(t, l, Write(6, []byte("hello"), -1).Fixed())
	buf := make([]byte, 20)
	if n, err := unix.Read(fd, buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("%q, %v", buf[:n], err)
	}
	var ends [2]int32
	must(t, l, Pipe(&ends, 0).Direct(AnySlot))
	must(t, l, Write(int(ends[1]), []byte("through"), -1).Fixed())
	if n := must(t, l, Read(int(ends[0]), buf, -1).Fixed()); string(buf[:n]) != "through" {
		t.Errorf("%q", buf[:n])
	}
}

// Registered buffers are used: the kernel takes addresses within them only.
func TestFixedBuffers(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	a, err := backends.NewArena(2 * backends.PageSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Free() })
	one, two := a.Bytes(backends.PageSize), a.Bytes(backends.PageSize)
	if err := l.RegisterBuffers([][]byte{one, two}); err != nil {
		t.Fatal(err)
	}
	f := tempFile(t, "0123456789")
	fd := int(f.Fd())
	if n := must(t, l, Read(fd, two[10:16], 2).FixedBuffer(1)); string(two[10:10+n]) != "234567" {
		t.Errorf("%q", two[10:10+n])
	}
	fails(t, l, Read(fd, two[10:16], 2).FixedBuffer(0), unix.EFAULT)
	fails(t, l, Read(fd, make([]byte, 8), 0).FixedBuffer(1), unix.EFAULT)
	copy(one, "abcdef")
	if n := must(t, l, Write(fd, one[2:4], 4).FixedBuffer(0)); n != 2 {
		t.Errorf("%d bytes written", n)
	}
	if n := must(t, l, Writev(fd, [][]byte{one[:1], one[4:5]}, 0, 0).FixedBuffer(0)); n != 2 {
		t.Errorf("%d bytes written", n)
	}
	if got, err := os.ReadFile(f.Name()); err != nil || string(got) != "ae23cd6789" {
		t.Errorf("%q, %v", got, err)
	}
	if n := must(t, l, Readv(fd, [][]byte{two[:3], two[5:8]}, 0, 0).FixedBuffer(1)); n != 6 || string(two[:3])+string(two[5:8]) != "ae23cd" {
		t.Errorf("%d bytes: %q", n, two[:8])
	}
	fails(t, l, Readv(fd, [][]byte{two[:3], one[:3]}, 0, 0).FixedBuffer(1), unix.EFAULT)
}
