package result

import (
	"slices"
	"testing"
)

// told is a result that tells its conditions.
func told() *Set {
	s := sample()
	s.Env = Env{
		Host: "h", Kernel: "6.1.0", Arch: "amd64", GoVersion: "go1.26", CPUModel: "EPYC", CPUs: 4, MemoryBytes: 8 << 30, TickHz: 250,
		Accounting: "tick", IRQAccounting: "task", Mitigations: []string{"meltdown: Not affected", "spectre_v2: Mitigation: Retpolines; STIBP: disabled"},
		Commit: "abc", Facts: map[string]string{"smt": "off", "governor": "unknown", "open_files_limit": "1024"},
		KernelConfig: map[string]string{"HZ": "250"}, Sysctls: map[string]string{"net.core.somaxconn": "4096", "net.core.busy_poll": "0"},
	}
	s.Plan.Placement, s.Plan.Client, s.Plan.ServerCPUs, s.Plan.ClientCPUs, s.Plan.DurationSeconds = "split", "epoll", []int{0}, []int{1, 2}, 1
	s.Trials[0].Tier, s.Trials[0].Features = "6.1", []string{"multishot", "bufring"}
	return s
}

func TestDifferences(t *testing.T) {
	for _, c := range []struct {
		change func(*Set)
		want   []Difference
	}{
		{func(*Set) {}, nil},
		{func(s *Set) { s.Command, s.Warnings, s.Plan.Seed = []string{"other"}, []string{"w"}, 7 }, nil},
		{func(s *Set) { s.Env.Kernel = "6.18.0" }, []Difference{{"kernel", "6.1.0", "6.18.0", Grave}}},
		{func(s *Set) { s.Env.CPUModel, s.Env.Host = "", "i" }, []Difference{{"CPU model", "EPYC", "unknown", Grave}, {"host", "h", "i", Notable}}},
		{func(s *Set) { s.Env.CPUs, s.Env.MemoryBytes = 2, 4<<30 }, []Difference{{"CPUs", "4", "2", Grave}, {"memory in MiB", "8192", "4096", Slight}}},
		{func(s *Set) { s.Env.Mitigations = s.Env.Mitigations[:1] },
			[]Difference{{"mitigation spectre_v2", "Mitigation: Retpolines; STIBP: disabled", "unknown", Grave}}},
		{func(s *Set) { s.Env.GoVersion, s.Env.Commit, s.Version = "go1.27", "abc (modified)", "v2" }, []Difference{
			{"Go version", "go1.26", "go1.27", Notable}, {"ringbench version", "test", "v2", Notable}, {"ringbench commit", "abc", "abc (modified)", Notable}}},
		{func(s *Set) { s.Plan.Placement, s.Plan.ServerCPUs, s.Plan.ClientCPUs = "shared", []int{1, 2}, nil }, []Difference{
			{"placement", "split", "shared", Grave}, {"CPUs of the server", "0", "1 2", Grave}, {"CPUs of the client", "1 2", "none", Grave}}},
		{func(s *Set) {
			s.Plan.Client, s.Plan.DurationSeconds, s.Plan.WarmupSeconds, s.Plan.Trials = "uring", 0.5, 0.4, 9
		}, []Difference{
			{"client", "epoll", "uring", Grave}, {"seconds of a trial", "1", "0.5", Notable}, {"seconds of warm-up", "0", "0.4", Notable}, {"trials", "1", "9", Slight}}},
		// What is graver comes first, whatever its kind.
		{func(s *Set) {
			s.Env.Facts = map[string]string{"smt": "on", "governor": "unknown", "open_files_limit": "9"}
			s.Env.Sysctls = map[string]string{"net.core.somaxconn": "128", "net.core.busy_poll": "50"}
			s.Env.KernelConfig = map[string]string{"HZ": "250", "KASAN": "y"}
		}, []Difference{
			{"fact smt", "off", "on", Grave}, {"kernel option KASAN", "unknown", "y", Grave}, {"sysctl net.core.busy_poll", "0", "50", Grave},
			{"sysctl net.core.somaxconn", "4096", "128", Notable}, {"fact open_files_limit", "1024", "9", Slight}}},
		// A result of an older version.
		{func(s *Set) { s.Env.Facts, s.Env.Sysctls, s.Env.KernelConfig = nil, nil, nil }, []Difference{
			{"facts", "3 told", "unknown", Slight}, {"kernel options", "1 told", "unknown", Slight}, {"sysctls", "2 told", "unknown", Slight}}},
		{func(s *Set) { s.Trials[0].Tier, s.Trials[0].Features = "5.19", []string{"bufring"} }, []Difference{
			{"uring: tier", "6.1", "5.19", Grave}, {"uring: features", "multishot bufring", "bufring", Grave}}},
		{func(s *Set) { s.Plan.Cells[0].Loops = 2; s.Trials[0].DescriptorTable = "own" }, []Difference{
			{"uring: loops", "none", "2", Grave}, {"uring: descriptor table", "none", "own", Notable}}},
		{func(s *Set) {
			s.Trials[1].Void = ""
			s.Trials[1].Tier, s.Trials[1].Features = "6.1", s.Trials[0].Features
		}, nil},
		{func(s *Set) { s.Plan.Cells[0].Contestant = "epoll"; s.Trials[0].Tier = "" }, nil}, // another
		{func(s *Set) { s.Storage = &Storage{FileSystem: "ext4"} }, []Difference{
			{"file system", "none", "ext4", Grave}, {"write cache", "none", "unknown", Grave}, {"device", "none", "unknown", Notable},
			{"I/O scheduler", "none", "unknown", Notable}, {"requests in the queue", "none", "unknown", Notable}, {"bytes of the file", "none", "unknown", Notable}}},
	} {
		a, b := told(), told()
		c.change(b)
		if got := Differences(a, b); !slices.Equal(got, c.want) {
			t.Errorf("differences %v, want %v", got, c.want)
		}
		for i, d := range Differences(b, a) { // the other way round: the same with sides changed
			if want := c.want[i]; d != (Difference{want.Condition, want.B, want.A, want.Weight}) {
				t.Errorf("the other way round %v, want %v", d, want)
			}
		}
	}
	if got := Differences(&Set{}, &Set{}); got != nil {
		t.Errorf("nothing differs from nothing by %v", got)
	}
}
