package reports

import (
	"testing"

	"github.com/ringbench/ringbench/internal/result"
)

func TestCopiedText(t *testing.T) {
	trial := func(copied, all uint64) *result.Trial {
		return &result.Trial{Counters: map[string]uint64{"zc_copied": copied, "zc_notifications": all}}
	}
	r := row{trials: []*result.Trial{trial(1000, 3000), trial(500, 3000)}}
	if got, want := copiedText(r), "25.0 % of 6,000 zero-copy sends were copied after all, as the kernel reports"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := copiedText(row{trials: []*result.Trial{trial(0, 0)}}); got != "" {
		t.Errorf("without any: %s", got)
	}
}
