package main

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/claims"
	"github.com/ringbench/ringbench/internal/result"
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

// Sessions of a run that were kept are read in their order, up to the first that is
// missing, and are one result.
func TestClaimSessions(t *testing.T) {
	dir := t.TempDir()
	for session := range 4 {
		s := &result.Set{Schema: result.Schema, Started: time.Unix(int64(100+session), 0).UTC(), Plan: result.Plan{Trials: 1}}
		if session == 2 {
			continue // the third
		}
		if err := result.Write(claimFile(dir, "files", session+1), s); err != nil {
			t.Fatal(err)
		}
	}
	switch s, err := claimResult(dir, "files"); {
	case err != nil:
		t.Fatal(err)
	case s.Plan.Sessions != 2 || s.Joined[1].Name != "files-2.json" || !s.Joined[1].Started.Equal(time.Unix(101, 0)):
		t.Errorf("%d sessions: %+v", s.Plan.Sessions, s.Joined)
	}
	if s, err := claimResult(dir, "deep"); s != nil || err != nil {
		t.Errorf("a run that is not there: %v, %v", s, err)
	}
}
