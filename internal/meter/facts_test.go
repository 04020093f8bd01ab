package meter

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func tree(files map[string]string) Files {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return Files{m}
}

// v2 is our place in a unified hierarchy.
var v2 = map[string]string{
	"proc/self/cgroup":                     "0::/jobs/one\n",
	"proc/self/mountinfo":                  "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
	"sys/fs/cgroup/jobs/one/cpu.max":       "max 100000\n",
	"sys/fs/cgroup/jobs/one/memory.max":    "max\n",
	"sys/fs/cgroup/jobs/cpu.max":           "150000 100000\n",
	"sys/fs/cgroup/jobs/memory.max":        "1073741824\n",
	"sys/fs/cgroup/cgroup.subtree_control": "cpu memory\n",
}

func with(base map[string]string, more ...string) map[string]string {
	m := maps.Clone(base)
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

// A fact is what the files say, and unknown, not a guess, where they say nothing.
func TestFacts(t *testing.T) {
	dynamic := map[string]string{"proc/version": "Linux version 6.6 (gcc) #1 SMP PREEMPT_DYNAMIC Thu\n"}
	for _, c := range []struct {
		files      map[string]string
		config     map[string]string
		name, want string
	}{
		{v2, nil, "cpu_quota", "1.5"},
		{v2, nil, "memory_limit", "1073741824"},
		{with(v2, "sys/fs/cgroup/jobs/cpu.max", "max 100000", "sys/fs/cgroup/jobs/memory.max", "max"), nil, "cpu_quota", "none"},
		{with(v2, "sys/fs/cgroup/jobs/memory.max", "max"), nil, "memory_limit", "none"},
		{with(v2, "sys/fs/cgroup/jobs/memory.max", ""), nil, "memory_limit", unknown},
		{with(v2, "sys/fs/cgroup/jobs/cpu.max", "lots"), nil, "cpu_quota", unknown},
		{map[string]string{
			"proc/self/cgroup":                             "5:memory:/m\n4:cpu,cpuacct:/c\n",
			"proc/self/mountinfo":                          "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n31 25 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
			"sys/fs/cgroup/memory/m/memory.limit_in_bytes": "4096\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, nil, "memory_limit", "4096"},
		{dynamic, map[string]string{"CONFIG_PREEMPT_NONE": "y"}, "preemption", "none"},
		{with(dynamic, "proc/cmdline", "quiet preempt=full\n"), map[string]string{"CONFIG_PREEMPT_NONE": "y"}, "preemption", "full"},
		{with(dynamic, "sys/kernel/debug/sched/preempt", "none (voluntary) full\n"), nil, "preemption", "voluntary"},
		{map[string]string{"proc/version": "Linux version 6.6 #1 SMP PREEMPT_RT Thu"}, nil, "preemption", "rt"},
		{dynamic, nil, "preemption", unknown},
		{map[string]string{sysCPU + "cpu0/topology/thread_siblings_list": "0-1"}, nil, "smt", "on"},
		{map[string]string{sysCPU + "smt/active": "0"}, nil, "smt", "off"},
		{map[string]string{sysCPU + "cpufreq/boost": "1"}, nil, "turbo", "on"},
		{map[string]string{sysCPU + "intel_pstate/no_turbo": "1"}, nil, "turbo", "off"},
		{map[string]string{sysCPU + "cpufreq/policy0/scaling_governor": "powersave", sysCPU + "cpufreq/policy1/scaling_governor": "performance"}, nil, "governor", "powersave, performance"},
		{map[string]string{"proc/cpuinfo": "flags\t: fpu hypervisor\n", "sys/class/dmi/id/sys_vendor": "QEMU\n"}, nil, "virtualisation", "QEMU"},
		{map[string]string{"proc/cpuinfo": "flags\t: fpu\n"}, nil, "virtualisation", "none"},
		{map[string]string{"proc/self/limits": "Max open files            1024                 4096                 files\n"}, nil, "open_files_limit", "1024, hard 4096"},
		{map[string]string{"proc/self/status": "Seccomp:\t2\n"}, nil, "seccomp", "filter"},
		{map[string]string{sysCPU + "online": "0-1", sysCPU + "isolated": "\n"}, nil, "isolated_cpus", "none"},
	} {
		if got := facts(tree(c.files), "amd64", c.config)[c.name]; got != c.want {
			t.Errorf("%s is %q, want %q, of %v", c.name, got, c.want, c.files)
		}
	}
	for name, got := range facts(tree(nil), "amd64", nil) {
		if got != unknown {
			t.Errorf("%s is %q of a machine that tells nothing", name, got)
		}
	}
}

func TestSysctls(t *testing.T) {
	got := readSysctls(tree(map[string]string{"proc/sys/net/ipv4/tcp_rmem": "4096\t131072\t6291456\n", "proc/sys/net/core/busy_poll": "0\n"}))
	for name, want := range map[string]string{
		"net.ipv4.tcp_rmem": "4096 131072 6291456", "net.core.busy_poll": "0", "net.core.somaxconn": "absent", "vm.swappiness": unknown,
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if m := bearing(nil); m["HZ"] != unknown || m["KASAN"] != unknown {
		t.Errorf("without a configuration: %v", m)
	}
	if m := bearing(map[string]string{"CONFIG_HZ": "250"}); m["HZ"] != "250" || m["KASAN"] != "n" {
		t.Errorf("of a configuration: %v", m)
	}
}

func TestThrottled(t *testing.T) {
	name := filepath.Join(t.TempDir(), "cpu.stat")
	if err := os.WriteFile(name, []byte("nr_periods 9\nnr_throttled 17\nthrottled_usec 5\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if n, ok := throttled([]string{name, name}); n != 34 || !ok {
		t.Errorf("throttled %d times, %v", n, ok)
	}
	if _, ok := throttled(nil); ok {
		t.Error("throttled without a quota")
	}
	r := Machine{throttled: 20, quota: true}.Since(Machine{throttled: 17, quota: true})
	if r.Throttled == nil || *r.Throttled != 3 {
		t.Errorf("throttled %v", r.Throttled)
	}
	if r := (Machine{}).Since(Machine{}); r.Throttled != nil {
		t.Errorf("throttled %d times without a quota", *r.Throttled)
	}
}
