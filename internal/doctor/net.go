package doctor

import (
	"fmt"
	"strings"
)

// backlogWanted is the kernel's own default since Linux 5.4.
const backlogWanted = 4096

// portsWanted is for as many connections to one address.
const portsWanted = 10_000

// tcp looks at what bounds connections over loopback.
func tcp(m *machine) Outcome {
	backlog, ok1 := m.Number("proc/sys/net/core/somaxconn")
	var lo, hi int
	n, _ := fmt.Sscan(m.Read("proc/sys/net/ipv4/ip_local_port_range"), &lo, &hi)
	if !ok1 || n < 2 {
		return unknown("/proc/sys/net does not tell", "run where /proc is mounted")
	}
	found := fmt.Sprintf("net.core.somaxconn %d, ip_local_port_range %d to %d", backlog, lo, hi)
	var advice []string
	told := true
	for _, name := range []string{"busy_poll", "busy_read"} {
		v, ok := m.Number("proc/sys/net/core/" + name)
		told = told && (ok || !m.Exists("proc/sys/net/core/"+name)) // a kernel without busy polling has none
		if v != 0 {
			found += fmt.Sprintf(", net.core.%s %d", name, v)
			advice = append(advice, "sysctl -w net.core."+name+"=0: it changes what epoll and blocking reads cost")
		}
	}
	if backlog < backlogWanted {
		advice = append(advice, fmt.Sprintf("sysctl -w net.core.somaxconn=%d: many connections at once overflow the backlog", backlogWanted))
	}
	if hi-lo < portsWanted {
		advice = append(advice, "sysctl -w net.ipv4.ip_local_port_range='32768 60999': every connection takes a port, and closed ones keep theirs for a minute")
	}
	if len(advice) > 0 {
		return warning(found, strings.Join(advice, "; "))
	}
	if !told {
		return unknown(found, "look whether net.core.busy_poll and busy_read are 0")
	}
	return ok(found)
}

// congestion warns of what paces.
func congestion(m *machine) Outcome {
	name, paces := m.Congestion()
	switch {
	case name == "":
		return unknown("/proc/sys/net does not tell", "run where /proc is mounted")
	case paces:
		return warning(name+", which paces what is sent by timers, over loopback too", "sysctl -w net.ipv4.tcp_congestion_control=cubic (or reno), or use --network=unix: streams of files come at half their rate")
	case name == "cubic" || name == "reno" || name == "dctcp":
		return ok(name)
	}
	return unknown(name, "find out whether it paces; cubic and reno do not")
}
