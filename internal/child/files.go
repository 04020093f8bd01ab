package child

import (
	"fmt"
	"syscall"
)

// raiseFiles lifts our soft limit of open descriptors to the hard one by an
// explicit call. The Go runtime does so by itself at start, but it gives
// programs that it executes the original limit back unless the limit was set
// explicitly, and a foreign server must not have a lower one than ours.
func raiseFiles() {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) == nil {
		l.Cur = l.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l) // NeedFiles tells
	}
}

// NeedFiles returns nil when a process may open n descriptors, once the soft
// limit is raised to the hard one, as it is in every child.
func NeedFiles(n int) error {
	raiseFiles()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return fmt.Errorf("read limit of open files: %w", err)
	}
	if uint64(n) > l.Cur {
		return fmt.Errorf("%d open files are needed, but the hard limit is %d: raise it with "+
			"\"ulimit -Hn %d\" as root, LimitNOFILE= of the systemd unit or --ulimit nofile= of the container, or use fewer connections",
			n, l.Max, n)
	}
	return nil
}
