package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ringbench/ringbench/internal/meter"
)

// checkTarget finds out whether a server listens at the address and whether
// pid, unless 0, is its process; a doubt about that is for the result.
func checkTarget(address string, pid int) (doubt string, err error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return "", fmt.Errorf("--target=%s must be IP:PORT: %w", address, err)
	}
	if pid != 0 {
		if _, err := os.Stat("/proc/" + strconv.Itoa(pid)); err != nil {
			return "", fmt.Errorf("--target-pid=%d: there is no such process", pid)
		}
	}
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "", fmt.Errorf("--target=%s: nothing listens there (%w); start the server first", address, syscall.ECONNREFUSED)
	}
	var e *net.OpError
	if errors.As(err, &e) {
		err = e.Err
	}
	if err != nil {
		return "", fmt.Errorf("--target=%s cannot be reached: %w", address, err)
	}
	defer c.Close()
	if pid != 0 && listener(pid, at.Port()) != ours {
		doubt = fmt.Sprintf("process %d is not seen to listen on port %d: the server's CPU, system calls and memory may be those of another program", pid, at.Port())
	}
	return doubt, nil
}

// Whose the socket is that listens on a port.
type owner int

const (
	ours   owner = iota // the process's or a descendant's
	others              // another's
	hidden              // one of them does not show us its descriptors
)

// listener finds out whether a process or one of its descendants holds a
// listening TCP socket with that port.
func listener(pid int, port uint16) owner {
	pids, err := meter.Descendants(pid)
	found := others
	if err != nil {
		found = hidden
	}
	for _, pid := range append(pids, pid) {
		switch yes, err := listens(pid, port); {
		case yes:
			return ours
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			found = hidden
		}
	}
	return found
}

// listens reports whether a process holds a listening TCP socket with that port.
func listens(pid int, port uint16) (bool, error) {
	proc := "/proc/" + strconv.Itoa(pid)
	var sockets []string
	for _, table := range []string{"/net/tcp", "/net/tcp6"} {
		b, err := os.ReadFile(proc + table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			// sl local_address rem_address st …; field 9 is the inode (proc(5)), 0A is TCP_LISTEN
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				sockets = append(sockets, "socket:["+f[9]+"]")
			}
		}
	}
	descriptors, err := os.ReadDir(proc + "/fd")
	return slices.ContainsFunc(descriptors, func(d fs.DirEntry) bool {
		link, err := os.Readlink(proc + "/fd/" + d.Name())
		return err == nil && slices.Contains(sockets, link)
	}), err
}
