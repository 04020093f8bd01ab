package meter

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringbench/ringbench/internal/testenv"
)

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	testenv.Need(t, name, testenv.Program(name))
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestEnvironment(t *testing.T) {
	e := Environment()
	if want := output(t, "uname", "-r"); e.Kernel != want {
		t.Errorf("kernel %q, uname says %q", e.Kernel, want)
	}
	if want, _ := os.Hostname(); e.Host != want {
		t.Errorf("host %q, want %q", e.Host, want)
	}
	if want := output(t, "getconf", "_NPROCESSORS_ONLN"); strconv.Itoa(e.CPUs) != want {
		t.Errorf("%d CPUs, getconf says %s", e.CPUs, want)
	}
	if e.Arch != runtime.GOARCH || e.CPUModel == "" || e.MemoryBytes < 1<<26 || e.Cmdline == "" {
		t.Errorf("missing facts: %+v", e)
	}
	if config := KernelConfig(os.DirFS("/"), e.Kernel); config != nil {
		if want := config["CONFIG_HZ"]; strconv.Itoa(int(e.TickHz+0.5)) != want {
			t.Errorf("%v ticks a second by the clock's resolution, CONFIG_HZ is %s", e.TickHz, want)
		}
	}
	if want := output(t, "uname", "-v"); e.Facts["kernel_build"] != want {
		t.Errorf("build %q of the kernel, uname says %q", e.Facts["kernel_build"], want)
	}
	for _, m := range e.Mitigations {
		if !strings.Contains(m, ": ") {
			t.Errorf("mitigation %q", m)
		}
	}
}

func TestAccounting(t *testing.T) {
	gen := map[string]string{"CONFIG_VIRT_CPU_ACCOUNTING_GEN": "y", "CONFIG_IRQ_TIME_ACCOUNTING": "y"}
	for _, c := range []struct {
		config   map[string]string
		nohz     string
		cpu, irq string
	}{
		{nil, "", "unknown", "unknown"},
		{map[string]string{"CONFIG_TICK_CPU_ACCOUNTING": "y"}, "", "tick", "task"},
		{gen, "(null)", "tick", "apart"}, // what most distributions build
		{gen, "2-7", "virt-gen", "apart"},
	} {
		if cpu, irq := Accounting(c.config, c.nohz); cpu != c.cpu || irq != c.irq {
			t.Errorf("%v, nohz_full %q: %s, %s; want %s, %s", c.config, c.nohz, cpu, irq, c.cpu, c.irq)
		}
	}
	got := parseConfig(strings.NewReader("# CONFIG_A is not set\nCONFIG_HZ=250\nCONFIG_S=\"a=b\"\n"))
	if len(got) != 2 || got["CONFIG_HZ"] != "250" || got["CONFIG_S"] != `"a=b"` {
		t.Errorf("parsed %v", got)
	}
}

func TestCPUModel(t *testing.T) {
	for in, want := range map[string]string{
		"processor\t: 0\nmodel name\t: AMD EPYC\nmodel name\t: other\n":           "AMD EPYC",
		"cpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\nstepping\t: 1\n": "AMD EPYC (family 26, model 2, stepping 1)",
		"processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n":            "implementer 0x41 part 0xd0c",
		"": "unknown",
	} {
		if got := cpuModel(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestMachine(t *testing.T) {
	a, err := ReadMachine()
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	b, err := ReadMachine()
	if err != nil {
		t.Fatal(err)
	}
	m := b.Since(a)
	// All classes together are the time of all CPUs, but for the tick's grain.
	idleSeconds := float64(b.units[idle]-a.units[idle]+b.units[iowait]-a.units[iowait]) / userHz
	sum, want := m.BusySeconds+m.StealSeconds+idleSeconds, m.Seconds*float64(Environment().CPUs)
	if sum < 0.7*want || sum > 1.3*want {
		t.Errorf("busy, steal and idle are %.3f s of %.3f s", sum, want)
	}
	if m.BusySeconds < m.UserSeconds+m.KernelSeconds-1e-9 || m.KernelSeconds < m.SoftirqSeconds {
		t.Errorf("parts exceed the whole: %+v", m)
	}
	// iowait and an offline CPU's times may fall.
	a.units[user] = b.units[user] + 5
	if m := b.Since(a); m.UserSeconds < 0 || m.UserSeconds > 1e6 {
		t.Errorf("a class that fell gives %.1f s", m.UserSeconds)
	}
}
