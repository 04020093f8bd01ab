package result

import "testing"

func TestLoadOnFile(t *testing.T) {
	l := Load{Workload: "read", Op: "read", Pattern: "random", Size: 4096, Depth: 32, Cache: "cold", FileBytes: 256 << 20}
	direct := l
	direct.Direct, direct.Cache, direct.Size, direct.FileBytes = true, "", 1<<20, 1<<30+512
	log := Load{Workload: "read", Op: "append", Size: 512, Depth: 1, FileBytes: 64 << 10}
	for want, l := range map[string]Load{
		"file of 256 MiB, random reads × 4 KiB, depth 32, buffered, cold":        l,
		"file of 1073742336 B, random reads × 1 MiB, depth 32, O_DIRECT":         direct,
		"file of 64 KiB, appends × 512 B each with fdatasync, depth 1, buffered": log,
	} {
		if got := l.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if u := log.Unit(); u.Many != "appends" {
		t.Errorf("%+v", u)
	}
}
