package reports

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ringbench/ringbench/internal/result"
)

func TestFeaturesGolden(t *testing.T) {
	var b bytes.Buffer
	err := Features(&b, []result.Backend{
		{Name: "uring", Doc: "io_uring: completions", Tier: "6.1", Features: []string{"defer"}, Capabilities: []result.Capability{
			{Name: "defer", Since: "IORING_SETUP_DEFER_TASKRUN, Linux 6.1", Supported: true, Usable: true, Default: true, Variant: "uring-defer"},
			{Name: "napi", Since: "IORING_REGISTER_NAPI, Linux 6.9", Supported: true, Variant: "uring+napi=50us",
				Why: "loopback has no NAPI id: it registers, and there is no device to poll, so that nothing comes of it whatever the time may be"},
			{Name: "both", Since: "multishot accept, Linux 5.19, and receive, Linux 6.0", Variant: "uring+both", Why: "this kernel does not have it"},
			{Name: "IORING_REGISTER_FILE_ALLOC_RANGE", Since: "IORING_REGISTER_FILE_ALLOC_RANGE, Linux 6.0", Supported: true, Usable: true},
			{Name: "IORING_OP_SEND_ZC", Since: "IORING_OP_SEND_ZC, Linux 6.0", Supported: true, Why: "always copied on loopback"},
		}},
		{Name: "none", Doc: "cannot run", Unavailable: "backend none is not available here: its \x1b[31mcause\n" + strings.Repeat("and so on ", 20)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > tableWidth {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	golden(t, "features.txt", b.String())
}
