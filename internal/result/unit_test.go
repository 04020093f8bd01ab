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

func TestLoadOfSeveralSizes(t *testing.T) {
	l := Load{Workload: "proxy", Mode: "request", Network: "tcp", Conns: 2, Size: 1000, Sizes: "100:3,1000:1", Rate: 500, Arrivals: "poisson"}
	if got, want := l.String(), "request, tcp, 2 connections × (100:3,1000:1) B, open loop at 500 messages/s, poisson arrivals"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := l.UnitBytes(); got != 2*(300+1000)/4 { // a proxy receives both ways
		t.Errorf("%v bytes a message", got)
	}
	for _, text := range []string{"", "64", "64:", ":1", "0:1", "64:0", "64:-1", "64:1:2", "64:1,", "64:1.5", "64:1000001"} {
		if _, err := ParseShares(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
