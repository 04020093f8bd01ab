package doctor

import (
	"bytes"
	"compress/gzip"
	"maps"
	"strings"
	"testing"
)

// cases are a change of the ready machine each, and what becomes of a check.
var cases = []struct {
	name    string
	check   string
	status  Status
	says    []string // of what was found and what to do
	changes tree
	arch    string
}{
	{"old", "kernel", Warning, []string{"Linux 5.10.0", "5.15 and newer"}, tree{"proc/sys/kernel/osrelease": "5.10.0\n"}, ""},
	{"lower tier", "kernel", Warning, []string{"before Linux 6.1"}, tree{"proc/sys/kernel/osrelease": "5.15.0-generic\n"}, ""},
	{"version 10", "kernel", OK, []string{"Linux 10.0.1"}, tree{"proc/sys/kernel/osrelease": "10.0.1\n"}, ""},
	{"architecture", "kernel", Unknown, []string{"riscv64", "tested on"}, nil, "riscv64"},
	{"garbled", "kernel", Unknown, nil, tree{"proc/sys/kernel/osrelease": "next\n"}, ""},
	{"KASAN", "kernel debugging", Warning, []string{"KASAN, PROVE_LOCKING", "without"},
		tree{"boot/config-6.12.9-generic": "CONFIG_KASAN=y\nCONFIG_PROVE_LOCKING=y\n"}, ""},
	{"no configuration", "kernel debugging", Unknown, nil, tree{"boot/config-6.12.9-generic": ""}, ""},
	{"gzip", "user/kernel split", OK, []string{"sampled at 300 Hz"}, tree{"proc/config.gz": zipped("CONFIG_TICK_CPU_ACCOUNTING=y\nCONFIG_HZ=300\n")}, ""},
	{"exact", "user/kernel split", OK, []string{"exact"}, tree{
		"boot/config-6.12.9-generic": "CONFIG_VIRT_CPU_ACCOUNTING_GEN=y\n", "sys/devices/system/cpu/nohz_full": "2-7\n"}, ""},
	{"no configuration", "user/kernel split", Unknown, []string{"as a sample"}, tree{"boot/config-6.12.9-generic": ""}, ""},
	{"guest", "user/kernel split", Warning, []string{"sums have in them what the hypervisor takes", "sampled at 250 Hz", "--duet"},
		guestOf("CONFIG_TICK_CPU_ACCOUNTING=y\nCONFIG_HZ=250\n"), ""},
	{"guest told of it", "user/kernel split", OK, []string{"sums exact"},
		guestOf("CONFIG_TICK_CPU_ACCOUNTING=y\nCONFIG_PARAVIRT_TIME_ACCOUNTING=y\n"), ""},
	{"filter", "seccomp", Warning, []string{"2 filters", "seccomp=unconfined"}, status("Seccomp:\t2", "Seccomp_filters:\t2"), ""},
	{"one filter", "seccomp", Warning, []string{"1 filter runs"}, status("Seccomp:\t2", "Seccomp_filters:\t1"), ""},
	{"old kernel", "seccomp", Warning, []string{"a filter runs"}, status("Seccomp:\t2", ""), ""},
	{"Docker", "container", OK, []string{"Docker (/.dockerenv)"}, tree{".dockerenv": "\n"}, ""},
	{"Kubernetes", "container", OK, []string{"kubepods"}, tree{"proc/self/cgroup": "0::/kubepods.slice/pod1\n"}, ""},
	{"nspawn", "container", OK, []string{"systemd-nspawn (/run/systemd/container)"}, tree{"run/systemd/container": "systemd-nspawn\n"}, ""},
	{"gVisor", "container", Warning, []string{"gVisor"}, tree{"proc/gvisor": "x"}, ""},
	{"x86 guest", "virtualisation", Warning, []string{"Amazon EC2 m7i.large", "--duet"}, guest("Amazon EC2", "m7i.large"), ""},
	{"EC2 metal", "virtualisation", OK, nil, tree{"sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "sys/class/dmi/id/product_name": "m7g.metal\n"}, ""},
	{"arm guest", "virtualisation", Warning, []string{"QEMU"}, tree{"proc/cpuinfo": "CPU part\t: 0xd0c\n", "sys/class/dmi/id/sys_vendor": "QEMU\n"}, "arm64"},
	{"silent arm", "virtualisation", Unknown, nil, tree{"proc/cpuinfo": "CPU part\t: 0xd0c\n", "sys/class/dmi/id/sys_vendor": ""}, "arm64"},
	{"low", "locked memory", Warning, []string{"limit 8 MiB, hard limit unlimited", "ulimit -l"}, limits("Max locked memory         8388608  unlimited bytes"), ""},
	{"very low", "locked memory", Warning, []string{"64 KiB"}, limits("Max locked memory         65536  65536 bytes"), ""},
	{"capable", "locked memory", OK, []string{"CAP_IPC_LOCK"}, limits("Max locked memory  65536  65536 bytes").but(status("CapEff:\t0000000000004000")), ""},
	{"capable in a namespace", "locked memory", Warning, []string{"CAP_IPC_LOCK in a user namespace does not lift it", "ulimit -l"},
		limits("Max locked memory  65536  65536 bytes").but(status("CapEff:\t0000000000004000")).but(tree{"proc/self/uid_map": "0 1000 1\n"}), ""},
	{"capable somewhere", "locked memory", Unknown, []string{"whether CAP_IPC_LOCK lifts it"},
		limits("Max locked memory  65536  65536 bytes").but(status("CapEff:\t0000000000004000")).but(tree{"proc/self/uid_map": "\n"}), ""},
	{"few", "open files", Warning, []string{"hard limit 4096", "enough for 4030 connections", "ulimit -Hn"}, limits("Max open files  1024  4096 files"), ""},
	{"two", "CPUs", Warning, []string{"8, 2 of them", "four or more"}, status("Cpus_allowed_list:\t2-3"), ""},
	{"one", "CPUs", Warning, []string{"--placement=shared"}, status("Cpus_allowed_list:\t7"), ""},
	{"two nodes", "CPUs", OK, []string{"memory nodes: 2", "--server-cpus"}, tree{"sys/devices/system/node/node1/cpulist": "4-7\n"}, ""},
	{"not told", "CPUs", Unknown, nil, tree{"sys/devices/system/cpu/online": ""}, ""},
	{"above", "CPU quota", Warning, []string{"1.50 CPUs by /sys/fs/cgroup/user.slice, throttled 17 times", "--cpus"}, tree{
		"sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n", "sys/fs/cgroup/user.slice/cpu.stat": "usage_usec 5\nnr_throttled 17\n"}, ""},
	{"v1", "CPU quota", Warning, []string{"0.50 CPUs by /sys/fs/cgroup/cpu/jobs"}, v1quota("50000\n"), ""},
	{"v1 without", "CPU quota", OK, []string{"none"}, v1quota("-1\n"), ""},
	{"not mounted", "CPU quota", Unknown, nil, tree{"proc/self/mountinfo": "22 1 259:2 / / rw - ext4 /dev/sda rw\n"}, ""},
	{"on", "SMT", Warning, []string{"share a core", "smt/control"}, tree{"sys/devices/system/cpu/smt/active": "1\n"}, ""},
	{"on, by topology", "SMT", Warning, []string{"share a core"}, tree{"sys/devices/system/cpu/smt/active": "", "sys/devices/system/cpu/cpu1/topology/thread_siblings_list": "1,5\n"}, ""},
	{"off, by topology", "SMT", OK, nil, tree{"sys/devices/system/cpu/smt/active": ""}, ""},
	{"not told by topology", "SMT", Unknown, nil, tree{"sys/devices/system/cpu/smt/active": "", "sys/devices/system/cpu/cpu1/topology/thread_siblings_list": "\n"}, ""},
	{"guest", "SMT", Unknown, []string{"as this virtual machine sees it"}, guest("QEMU", ""), ""},
	{"mixed", "governor", Warning, []string{"powersave", "cpupower frequency-set -g performance"}, tree{"sys/devices/system/cpu/cpufreq/policy1/scaling_governor": "powersave\n"}, ""},
	{"absent", "governor", Unknown, nil, tree{"sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "", "sys/devices/system/cpu/cpufreq/policy1/scaling_governor": ""}, ""},
	{"on", "turbo", Warning, []string{"echo 1 >", "no_turbo"}, tree{"sys/devices/system/cpu/intel_pstate/no_turbo": "0\n"}, ""},
	{"boost", "turbo", Warning, []string{"echo 0 >", "cpufreq/boost"}, tree{"sys/devices/system/cpu/intel_pstate/no_turbo": "", "sys/devices/system/cpu/cpufreq/boost": "1\n"}, ""},
	{"no boost", "turbo", OK, nil, tree{"sys/devices/system/cpu/intel_pstate/no_turbo": "", "sys/devices/system/cpu/cpufreq/boost": "0\n"}, ""},
	{"absent", "turbo", Unknown, nil, tree{"sys/devices/system/cpu/intel_pstate/no_turbo": ""}, ""},
	{"deep", "idle states", Warning, []string{"C6 takes 133 µs", "cpupower idle-set -D 20"}, tree{"sys/devices/system/cpu/cpu0/cpuidle/state2/disable": "0\n"}, ""},
	{"polls", "idle states", OK, []string{"idle=poll"}, tree{"proc/cmdline": "quiet idle=poll\n", "sys/devices/system/cpu/cpu0/cpuidle/state2/disable": "0\n"}, ""},
	{"haltpoll", "idle states", Unknown, []string{"polling up to 200 µs", "--placement=shared"}, guest("QEMU", "").but(tree{
		"sys/devices/system/cpu/cpuidle/current_driver": "haltpoll\n", "sys/devices/system/cpu/cpuidle/current_governor": "haltpoll\n",
		"sys/module/haltpoll/parameters/guest_halt_poll_ns": "200000\n"}), ""},
	{"no driver", "idle states", Unknown, []string{"no driver"}, tree{"sys/devices/system/cpu/cpuidle/current_driver": "none\n"}, ""},
	{"open", "mitigations", Warning, []string{"vulnerable: spectre_v2", "compare"}, tree{"sys/devices/system/cpu/vulnerabilities/spectre_v2": "Vulnerable; IBPB: disabled\n"}, ""},
	{"open to guests", "mitigations", Warning, []string{"vulnerable: itlb_multihit"}, tree{"sys/devices/system/cpu/vulnerabilities/itlb_multihit": "KVM: Vulnerable\n"}, ""},
	{"open without guests", "mitigations", Warning, []string{"vulnerable: itlb_multihit"}, tree{"sys/devices/system/cpu/vulnerabilities/itlb_multihit": "Processor vulnerable\n"}, ""},
	{"mitigated for guests", "mitigations", OK, []string{"itlb_multihit"}, tree{"sys/devices/system/cpu/vulnerabilities/itlb_multihit": "KVM: Mitigation: VMX disabled\n"}, ""},
	{"not told", "mitigations", Unknown, []string{"cannot tell of srbds"}, tree{"sys/devices/system/cpu/vulnerabilities/srbds": "Unknown: Dependent on hypervisor status\n"}, ""},
	{"hpet", "clock source", Warning, []string{"hpet", "tsc, hpet, acpi_pm"}, tree{"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n"}, ""},
	{"now", "steal", Warning, []string{"10.0 % of all CPUs' time in 1s", "--duet"}, tree{"later/proc/stat": "cpu  10030 20 5020 900660 305 0 405 80 0 0\n"}, ""},
	{"since boot", "steal", Warning, []string{"0.0 % of all CPUs' time", "since boot 50.0 %"}, tree{
		"proc/stat": "cpu  5000 0 5000 1000 0 0 0 10000 0 0\n", "later/proc/stat": "cpu  5000 0 5000 1800 0 0 0 10000 0 0\n"}, ""},
	{"a guest never robbed", "steal", Unknown, []string{"may not report"}, guest("VMware", ""), ""},
	{"clock stands", "steal", Unknown, nil, tree{"later/proc/stat": ""}, ""},
	{"busy", "other processes", Warning, []string{"25.0 % of all CPUs' time", "first of all a (very) odd name (process 77)", "waiting for a CPU in the last 10 s: 0.31 %"}, tree{
		"later/proc/stat":    "cpu  10200 20 5025 900575 300 0 400 0 0 0\n", // 225 of 800 ticks busy, 25 of them ours
		"later/proc/77/stat": "77 (a (very) odd name) S 1 77 77 0 -1 0 0 0 0 0 1150 550 0 0 20 0 5 0\n"}, ""},
	{"we alone", "other processes", OK, []string{"0.0 % of all"}, tree{
		"later/proc/stat":      "cpu  10400 20 5000 900400 300 0 400 0 0 0\n",
		"later/proc/self/stat": "4242 (ringbench) R 1 4242 4242 0 -1 0 0 0 0 0 500 50 0 0 20 0 5 0\n"}, ""},
	{"backlog", "TCP", Warning, []string{"somaxconn 128", "somaxconn=4096", "ip_local_port_range="}, tree{"proc/sys/net/core/somaxconn": "128\n", "proc/sys/net/ipv4/ip_local_port_range": "1\t9\n"}, ""},
	{"ports", "TCP", Warning, []string{"ip_local_port_range="}, tree{"proc/sys/net/ipv4/ip_local_port_range": "40000\t40199\n"}, ""},
	{"busy polling", "TCP", Warning, []string{"net.core.busy_poll 50", "busy_poll=0"}, tree{"proc/sys/net/core/busy_poll": "50\n"}, ""},
	{"bbr", "congestion control", Warning, []string{"bbr", "cubic"}, tree{"proc/sys/net/ipv4/tcp_congestion_control": "bbr\n"}, ""},
	{"other", "congestion control", Unknown, []string{"westwood"}, tree{"proc/sys/net/ipv4/tcp_congestion_control": "westwood\n"}, ""},
	{"tmpfs", "temporary files", Warning, []string{"/tmp is on tmpfs", "TMPDIR"}, mounted("31 22 0:30 / /tmp rw - tmpfs tmpfs rw"), ""},
	{"not below", "temporary files", OK, []string{"ext4 (/dev/nvme0n1p2)"}, mounted("31 22 0:30 / /tmpother rw - tmpfs tmpfs rw"), ""},
	{"hidden", "temporary files", OK, []string{"xfs (/dev/sdb)"}, mounted("31 22 0:30 / /tmp rw - tmpfs tmpfs rw\n32 31 8:16 / /tmp rw - xfs /dev/sdb rw"), ""},
	{"odd", "temporary files", Unknown, []string{"newfs"}, mounted("31 22 0:30 / /tmp rw - newfs x rw"), ""},
	{"little", "memory", Warning, []string{"0.5 GiB available", "free some"}, tree{"proc/meminfo": "MemTotal: 1048576 kB\nMemAvailable: 524288 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"}, ""},
	{"limit above", "memory limit", Warning, []string{"0.5 GiB", "--memory"}, tree{"sys/fs/cgroup/user.slice/memory.max": "536870912\n",
		"sys/fs/cgroup/user.slice/user-1000.slice/memory.max": "max\n"}, ""},
	{"ample limit", "memory limit", OK, []string{"4.0 GiB"}, tree{"sys/fs/cgroup/user.slice/memory.max": "4294967296\n"}, ""},
	{"garbled", "memory limit", Unknown, nil, tree{"sys/fs/cgroup/user.slice/memory.max": "much\n"}, ""},
	{"swapped", "memory", Warning, []string{"swap 1.0 GiB of 2.0 GiB", "swapoff"}, tree{"proc/meminfo": "MemTotal: 8388608 kB\nMemAvailable: 4194304 kB\nSwapTotal: 2097152 kB\nSwapFree: 1048576 kB\n"}, ""},
	{"DAMON", "reclaim", Warning, []string{"kdamond.0 takes", "echo off"}, damon("pageout\n"), ""},
	{"DAMON of the kernel's own", "reclaim", Warning, []string{"kdamond.0 takes", "echo N"}, damon("").but(tree{"sys/module/damon_reclaim/parameters/enabled": "Y\n"}), ""},
	{"DAMON that watches", "reclaim", OK, []string{"kdamond.0 does not (stat)"}, damon("stat\n"), ""},
	{"DAMON that is not told of", "reclaim", Unknown, []string{"as root"}, damon(""), ""},
	{"in a container", "reclaim", Unknown, []string{"outside of the container"}, tree{"proc/2/stat": ""}, ""},
	{"none", "huge pages", OK, []string{"vm.nr_hugepages"}, tree{"proc/meminfo": "HugePages_Total: 0\nHugePages_Free: 0\n"}, ""},
}

func TestCases(t *testing.T) {
	metal := readTree(t, "metal")
	for _, c := range cases {
		t.Run(c.check+"/"+c.name, func(t *testing.T) {
			s := subject(metal.but(amend(metal, c.changes)))
			if c.arch != "" {
				s.Arch = c.arch
			}
			got := Examine(s).check(t, c.check)
			if got.Status != c.status {
				t.Errorf("%s, want %s: %s; %s", got.Status, c.status, got.Found, got.Advice)
			}
			for _, p := range c.says {
				if !strings.Contains(got.Found+"; "+got.Advice, p) {
					t.Errorf("%q; %q: does not say %q", got.Found, got.Advice, p)
				}
			}
			if c.status != OK && got.Advice == "" {
				t.Errorf("%q: no advice", got.Found)
			}
		})
	}
}

// changes makes every check that files decide a bad one.
func changes() tree {
	all := tree{}
	for _, c := range cases {
		if c.status == Warning && c.arch == "" && c.name != "v1" && c.name != "since boot" && c.name != "boost" && c.name != "on, by topology" {
			maps.Copy(all, c.changes)
		}
	}
	return all
}

// amend resolves changes of single lines: names that begin with "line:".
func amend(base, changes tree) tree {
	out := tree{}
	for name, text := range changes {
		file, isLine := strings.CutPrefix(name, "line:")
		if !isLine {
			out[name] = text
			continue
		}
		file, key, _ := strings.Cut(file, "|")
		old := out[file]
		if old == "" {
			old = base[file]
		}
		var lines []string
		for line := range strings.Lines(old) {
			if !strings.HasPrefix(line, key) {
				lines = append(lines, line)
			}
		}
		out[file] = strings.Join(append(lines, text+"\n"), "")
	}
	return out
}

// damon is a machine with a kdamond, of which nothing else is told if action is "".
func damon(action string) tree {
	return tree{"proc/90/stat": "90 (kdamond.0) S 2 0 0 0 -1 0 0 0 0 0 0 9 0 0 20 0 1 0\n",
		"sys/kernel/mm/damon/admin/kdamonds/0/contexts/0/schemes/0/action": action}
}

func line(file, key, text string) tree { return tree{"line:" + file + "|" + key: text} }

func status(lines ...string) tree {
	files := tree{}
	for _, l := range lines {
		key, _, _ := strings.Cut(l, ":")
		if l == "" {
			key = "Seccomp_filters"
		}
		maps.Copy(files, line("proc/self/status", key+":", l+" "))
	}
	return files
}

func limits(text string) tree {
	key, _, _ := strings.Cut(text, "  ")
	return line("proc/self/limits", key, text)
}

func mounted(text string) tree { return line("proc/self/mountinfo", "none", text) }

func guest(vendor, product string) tree {
	return tree{"proc/cpuinfo": "flags\t\t: fpu hypervisor vme\n", "sys/class/dmi/id/sys_vendor": vendor + "\n", "sys/class/dmi/id/product_name": product + "\n"}
}

// guestOf is a guest whose kernel is built with these options.
func guestOf(options string) tree {
	files := guest("QEMU", "Standard PC")
	files["boot/config-6.12.9-generic"] = options
	return files
}

func v1quota(limit string) tree {
	return tree{
		"proc/self/cgroup":                        "3:cpu,cpuacct:/jobs/one\n0::/\n",
		"proc/self/mountinfo":                     "22 1 259:2 / / rw - ext4 /dev/sda rw\n32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
		"sys/fs/cgroup/cpu/jobs/cpu.cfs_quota_us": limit, "sys/fs/cgroup/cpu/jobs/cpu.cfs_period_us": "100000\n",
		"sys/fs/cgroup/cpu/jobs/one/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/jobs/one/cpu.cfs_period_us": "100000\n",
	}
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}
