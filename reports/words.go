package reports

import (
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// subtitle is what all loads share, and where they were measured.
func subtitle(s *result.Set, all []view) string {
	parts := []string{or(s.Plan.Workload(), "no workload")}
	if len(all) > 0 {
		varied := varied(all)
		for i, p := range loadParts(all[0].load) {
			if !varied[i] {
				parts = append(parts, p)
			}
		}
	}
	if s.Plan.Duet {
		parts = append(parts, "duet: relative under contention")
	}
	line := strings.Join(parts, ", ") + " · " + s.Plan.Placement + " placement"
	if s.Env.Kernel != "" {
		line += " · Linux " + s.Env.Kernel
	}
	if s.Env.CPUModel != "" {
		line += " · " + s.Env.CPUModel
	}
	return line
}

// loadParts are what a load is made of, in words.
func loadParts(l result.Load) []string {
	pace := "closed loop"
	if l.Rate > 0 {
		pace = strings.TrimSpace(l.Arrivals + " at " + whole(l.Rate) + " a second")
	}
	if l.Op != "" {
		parts := l.FileParts()
		if l.Rate > 0 {
			parts = append(parts, pace)
		}
		return parts
	}
	conns := stat.Count(l.Conns) + " connections"
	if l.Conns == 1 {
		conns = "1 connection"
	}
	if l.Mode != "" {
		pace = strings.TrimSpace(l.Mode+" "+l.Direction) + ", " + pace
	}
	if l.Protocol != "" {
		pace = l.Protocol + ", " + pace
	}
	flight := "pipeline " + stat.Count(l.Pipeline)
	each := "requests per connection: " + stat.Count(l.Requests)
	switch {
	case l.Sent():
		flight = "buffers of " + result.Binary(int64(l.Buffer))
		if l.Requests > 0 {
			flight = each + ", " + flight
		}
	case l.Requests > 0:
		flight = each
	}
	if l.Sent() || l.Requests > 0 {
		conns += " at a time"
	}
	return []string{l.Network, conns, sizeText(l), flight, pace}
}

// sizeText is the size that a load is known by, as the load's name has it: that of a
// message in bytes, that of a file in the largest unit.
func sizeText(l result.Load) string {
	if l.Op != "" || l.Sent() {
		return result.Binary(l.NamedBytes())
	}
	return l.SizeText()
}

// varied are the parts in which not all loads are alike.
func varied(all []view) map[int]bool {
	set := map[int]bool{}
	var first []string
	for _, v := range all {
		parts := loadParts(v.load)
		if first == nil {
			first = parts
		}
		for i, p := range parts {
			set[i] = set[i] || i >= len(first) || p != first[i]
		}
	}
	return set
}

// panelTitle is what sets a load apart from the others.
func panelTitle(varied map[int]bool, v view) string {
	var parts []string
	for i, p := range loadParts(v.load) {
		if varied[i] {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ", ")
}
