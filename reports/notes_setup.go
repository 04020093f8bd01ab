package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

func placementNote(s *result.Set) note {
	p := s.Plan
	var targets []string // nobody pinned them
	for _, c := range p.Cells {
		if c.Target != "" && !slices.Contains(targets, c.Target) {
			targets = append(targets, c.Target)
		}
	}
	elsewhere := ""
	if len(targets) > 0 {
		elsewhere = "; " + strings.Join(targets, ", ") + " where it was started"
	}
	text := fmt.Sprintf("server on CPU %s, client on CPU %s", cpuList(p.ServerCPUs), cpuList(p.ClientCPUs))
	switch {
	case len(p.ClientCPUs) == 0:
		text = "each contestant on CPU " + cpuList(p.ServerCPUs)
	case len(p.Cells) > 0 && !slices.ContainsFunc(p.Cells, func(c result.Cell) bool { return c.Target == "" }):
		text = "client on CPU " + cpuList(p.ClientCPUs)
	case p.Placement == "shared":
		text = "server and client both on CPU " + cpuList(p.ServerCPUs)
	}
	if len(p.OriginCPUs) > 0 {
		text += ", origin on CPU " + cpuList(p.OriginCPUs)
		if slices.ContainsFunc(p.OriginCPUs, func(c int) bool { return slices.Contains(p.ClientCPUs, c) }) {
			text += ": client and origin share, so that client-bound means either or both"
		}
	}
	return note{"placement", or(p.Placement, "unknown") + ", " + text + elsewhere, false}
}

// contestantNotes say what each contestant really was, in the order of the
// plan: more than one for one name when its trials differ, which no reader may
// miss.
func contestantNotes(s *result.Set) (n []note) {
	x, told := s.Index(), map[note]bool{}
	for cell, c := range s.Plan.Cells {
		for _, t := range x.Valid(cell) {
			line := note{c.Contestant, contestantText(c, t), false}
			if !told[line] {
				told[line], n = true, append(n, line)
			}
		}
	}
	return n
}

func contestantText(c result.Cell, t *result.Trial) string {
	var parts []string
	several := ""
	if t.Server != nil && t.Server.Processes > 1 {
		several = fmt.Sprintf(" of %s processes, whose memory is added up", stat.Count(t.Server.Processes))
	}
	switch {
	case c.Command != "":
		parts = append(parts, "foreign server"+several+", "+c.Command)
	case c.Target != "":
		parts = append(parts, "server that ran already"+several+", at "+c.Target)
	case t.Tier != "":
		parts = append(parts, "tier "+t.Tier)
	case c.Backend != "":
		parts = append(parts, "backend "+c.Backend)
	}
	if len(t.Features) > 0 {
		parts = append(parts, strings.Join(t.Features, ", "))
	}
	if t.DescriptorTable != "" {
		parts = append(parts, "descriptor table "+t.DescriptorTable)
	}
	switch {
	case t.CountedSyscalls != nil && t.OtherSyscalls != nil:
		parts = append(parts, "syscalls by its own count, the Go runtime's added by tracepoint")
	case t.CountedSyscalls != nil:
		parts = append(parts, "syscalls by its own count")
	case t.TracedSyscalls != nil:
		parts = append(parts, "syscalls by tracepoint")
	default:
		parts = append(parts, "syscalls not counted")
	}
	return strings.Join(parts, "; ")
}

func clientNote(s *result.Set) note {
	line := or(s.Plan.Client, "unknown")
	nothing := "nothing is sent"
	if s.Plan.Placement == "alone" {
		line, nothing = "within each contestant", "no file is touched"
	}
	f := s.Floor
	if f == nil || f.Messages == 0 {
		return note{"load generator", line + "; its floor was not measured", false}
	}
	under, unit := "", s.Plan.Unit()
	if loads := s.Plan.Loads(); len(loads) > 1 {
		under = fmt.Sprintf(" under the first of %s loads, %s", stat.Count(len(loads)), loads[0])
	}
	return note{"load generator", line + fmt.Sprintf("; harness floor (null backend, %s)%s: %s ns CPU a %s at %s %s/s",
		nothing, under, figure(f.CPUPerMessage()), unit.One, whole(f.PerSecond()), unit.Many), false}
}
