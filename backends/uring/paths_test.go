package uring

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
)

func openDir(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll([]int{fd}) })
	return fd
}

func TestOpenAt(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{})
		path := t.TempDir()
		dir := openDir(t, path)
		fd := must(t, l, OpenAt(dir, "file", unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600))
		defer closeFD(t, fd)
		if _, err := unix.Write(fd, []byte("12345")); err != nil {
			t.Fatal(err)
		}
		st, err := os.Stat(filepath.Join(path, "file"))
		if err != nil || st.Mode() != 0o600 || st.Size() != 5 {
			t.Errorf("%v, %v", st, err)
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor flags %#x, %v", flags, err)
		}
		fails(t, l, OpenAt(dir, "file", unix.O_CREAT|unix.O_EXCL, 0o600), unix.EEXIST)
		fails(t, l, OpenAt(dir, "none", unix.O_RDONLY, 0), unix.ENOENT)
	})
}

func TestOpenAt2(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	path := t.TempDir()
	dir := openDir(t, path)
	fd := must(t, l, OpenAt2(dir, "file", unix.OpenHow{Flags: unix.O_RDWR | unix.O_CREAT | unix.O_CLOEXEC, Mode: 0o400}))
	defer closeFD(t, fd)
	if st, err := os.Stat(filepath.Join(path, "file")); err != nil || st.Mode() != 0o400 {
		t.Errorf("%v, %v", st, err)
	}
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC}
	up := must(t, l, OpenAt2(dir, "..", how))
	closeFD(t, up)
	how.Resolve = unix.RESOLVE_BENEATH
	fails(t, l, OpenAt2(dir, "..", how), unix.EXDEV)
}

func TestStatx(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	f := tempFile(t, "0123456789")
	var want unix.Stat_t
	if err := unix.Stat(f.Name(), &want); err != nil {
		t.Fatal(err)
	}
	check := func(r *Request, st *unix.Statx_t) {
		t.Helper()
		must(t, l, r)
		if st.Ino != want.Ino || st.Size != 10 || uint32(st.Mode) != want.Mode || st.Mtime.Sec != int64(want.Mtim.Sec) {
			t.Errorf("%+v rather than %+v", st, want)
		}
	}
	st := new(unix.Statx_t)
	check(Statx(unix.AT_FDCWD, f.Name(), 0, unix.STATX_BASIC_STATS, st), st)
	st = new(unix.Statx_t)
	check(Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, st), st)
}

func TestDirectories(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	path := t.TempDir()
	dir := openDir(t, path)
	exists := func(name string) bool {
		_, err := os.Lstat(filepath.Join(path, name))
		return err == nil
	}
	must(t, l, MkdirAt(dir, "d", 0o700))
	if st, err := os.Stat(filepath.Join(path, "d")); err != nil || !st.IsDir() || st.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v", st, err)
	}
	if err := os.WriteFile(filepath.Join(path, "f"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	sub := openDir(t, filepath.Join(path, "d"))
	must(t, l, RenameAt(dir, "f", sub, "g", 0))
	if exists("f") || !exists("d/g") {
		t.Error("the file did not move")
	}
	must(t, l, LinkAt(sub, "g", dir, "h", 0))
	var st unix.Stat_t
	if err := unix.Stat(filepath.Join(path, "h"), &st); err != nil || st.Nlink != 2 {
		t.Errorf("%d links, %v", st.Nlink, err)
	}
	fails(t, l, RenameAt(dir, "h", sub, "g", unix.RENAME_NOREPLACE), unix.EEXIST)
	must(t, l, SymlinkAt("d/g", dir, "s"))
	if to, err := os.Readlink(filepath.Join(path, "s")); err != nil || to != "d/g" {
		t.Errorf("%q, %v", to, err)
	}
	fails(t, l, UnlinkAt(dir, "d", 0), unix.EISDIR)
	fails(t, l, UnlinkAt(dir, "d", unix.AT_REMOVEDIR), unix.ENOTEMPTY)
	must(t, l, UnlinkAt(sub, "g", 0))
	must(t, l, UnlinkAt(dir, "d", unix.AT_REMOVEDIR))
	if exists("d") || !exists("h") {
		t.Error("the directory is still there, or too much is gone")
	}
}

func TestXattrs(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	f := tempFile(t, "")
	fd := int(f.Fd())
	if err := unix.Setxattr(f.Name(), "user.probe", []byte("1"), 0); err != nil {
		testenv.Need(t, "xattr", err)
	}
	must(t, l, SetXattr(f.Name(), "user.path", []byte("by path"), 0))
	must(t, l, FsetXattr(fd, "user.fd", []byte("by descriptor"), unix.XATTR_CREATE))
	fails(t, l, FsetXattr(fd, "user.fd", nil, unix.XATTR_CREATE), unix.EEXIST)
	buf := make([]byte, 40)
	for name, want := range map[string]string{"user.path": "by path", "user.fd": "by descriptor", "user.probe": "1"} {
		if n, err := unix.Getxattr(f.Name(), name, buf); err != nil || string(buf[:n]) != want {
			t.Errorf("%s: %q, %v", name, buf[:max(n, 0)], err)
		}
		if n := must(t, l, GetXattr(f.Name(), name, buf)); string(buf[:n]) != want {
			t.Errorf("%s: %q", name, buf[:n])
		}
		if n := must(t, l, FgetXattr(fd, name, buf)); string(buf[:n]) != want {
			t.Errorf("%s: %q", name, buf[:n])
		}
		if n := must(t, l, GetXattr(f.Name(), name, nil)); n != len(want) {
			t.Errorf("%s: length %d", name, n)
		}
	}
	fails(t, l, FgetXattr(fd, "user.fd", buf[:3]), unix.ERANGE)
}
