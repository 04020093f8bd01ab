package reports

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

// FuzzReports holds every report to taking whatever Read lets pass.
func FuzzReports(f *testing.F) {
	old, err := os.ReadFile("../internal/result/testdata/1.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(old)
	path := filepath.Join(f.TempDir(), "r.json")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := result.Read(path)
		if err != nil {
			return
		}
		_ = Terminal{}.Print(io.Discard, s)
		_ = HTML(io.Discard, s)
		for _, export := range []func(io.Writer, *result.Set) error{Markdown, CSV, Benchmarks, OpenMetrics, HLog} {
			_ = export(io.Discard, s)
		}
	})
}
