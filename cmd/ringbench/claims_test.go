package main

import (
	"bytes"
	"slices"
	"testing"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/claims"
	"github.com/ringbench/ringbench/internal/testenv"
)

// Every command line that a claim rests on is one that this program plans.
func TestClaimsArePlanned(t *testing.T) {
	b, err := backends.Lookup("uring")
	if err != nil {
		t.Fatal(err)
	}
	testenv.Need(t, "uring", b.Probe())
	for name, args := range claims.Runs {
		c, err := measuring(args[0])
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		c.SetContext(t.Context())
		c.SetOut(&out)
		if err := c.Flags().Parse(append(slices.Clone(args[1:]), "--dry-run")); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := c.RunE(c, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s:\n%s", name, &out)
	}
}
