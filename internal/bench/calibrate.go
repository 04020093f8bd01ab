package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/ctwin"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/workloads"
)

// A Calibration measures our servers against C programs of the same design.
type Calibration struct {
	Options  // its Commands and Target are not used
	Workload string
	Twins    *ctwin.Programs // that Programs lists
}

// A twinned is a workload that has C programs.
type twinned struct {
	// programs are those that families are measured against, "+splice" being a
	// family of its own. Package net has none of its design: it is measured against
	// the one that waits for sockets and moves bytes as it does, or blocks as its
	// goroutines do, which shows what Go's runtime costs.
	programs map[string]string
	// args are what a program is told, to do what ours does under the load.
	args func(own result.Cell, program string, seed uint64) string
}

var twins = map[string]twinned{
	"echo": {
		programs: map[string]string{"uring": ctwin.Uring, "epoll": ctwin.Epoll, "threadpool": ctwin.Threads, "net": ctwin.Epoll},
		args: func(own result.Cell, program string, _ uint64) string {
			return "{port}" + buffers(program, echoConfig(own, nil))
		},
	},
	"proxy": {
		programs: map[string]string{"uring": ctwin.ProxyUring, "epoll": ctwin.ProxyEpoll, "epoll+splice": ctwin.ProxySplice, "net": ctwin.ProxySplice},
		args: func(own result.Cell, program string, _ uint64) string {
			return "{port} {origin}" + buffers(program, proxyConfig(own, nil))
		},
	},
	"read": {
		programs: map[string]string{"uring": ctwin.ReadUring, "threadpool": ctwin.ReadPread, "net": ctwin.ReadPread},
		args: func(own result.Cell, _ string, seed uint64) string {
			args := fmt.Sprintf("{file} %d %d %d %d %s", own.FileBytes, own.Size, own.Depth, seed, own.Pattern)
			if own.Direct {
				args += " direct"
			}
			return args
		},
	},
}

// buffers are those of ours, for the program of io_uring; the others receive into
// what is best for them.
func buffers(program string, own workloads.Config) string {
	if !ctwin.UsesRing(program) {
		return ""
	}
	return fmt.Sprintf(" %d %d", own.BufSize, own.Bufs)
}

// design is the family of a variant, or that family with splice.
func design(variant string) string {
	family := result.Cell{Backend: variant}.Family()
	if b, err := backends.Lookup(variant); err == nil && b.Traits().Splicing {
		family += "+splice"
	}
	return family
}

// Programs lists the programs that the calibration takes. Its error may be one of the
// loads, for which none need be built.
func (c *Calibration) Programs() (list []string, err error) {
	if _, err := c.Grid.Loads(); err != nil {
		return nil, err
	}
	for _, name := range c.Backends {
		b, err := backends.Lookup(name)
		if err != nil {
			return nil, err
		}
		twin, ok := twins[c.Workload].programs[design(name)]
		if !ok {
			return nil, fmt.Errorf("--backend: there is no C program like %s for %s", name, c.Workload)
		}
		if b.Probe() == nil && !slices.Contains(list, twin) {
			list = append(list, twin)
		}
	}
	return list, nil
}

// Plan is like Options.Plan. A backend that cannot run here, or whose C twin
// cannot, is in LeftOut.
func (c *Calibration) Plan() (*result.Plan, []string, error) {
	var ours []result.Cell
	var leftOut []result.LeftOut
	for _, name := range c.Backends {
		cell, err := c.contestant(name)
		if err == nil {
			err = c.Twins.Check(twins[c.Workload].programs[design(name)])
		}
		if err != nil {
			leftOut = append(leftOut, result.LeftOut{Contestant: name, Why: err.Error()})
			continue
		}
		ours = append(ours, cell)
	}
	if len(ours) == 0 {
		return nil, nil, fmt.Errorf("nothing is left to calibrate; %s", leftOut[0].Why)
	}
	c.Commands, c.Target, c.Duet = nil, "", true
	return c.plan(func(p *result.Plan, loads []result.Load) ([]string, error) {
		p.Purpose, p.Compiler, p.LeftOut = result.PurposeCalibration, c.Twins.Compiler, leftOut
		for _, load := range loads {
			if err := c.match(p, ours, load); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
}

// match adds what is compared under one load.
func (c *Calibration) match(p *result.Plan, ours []result.Cell, load result.Load) error {
	at := map[string]int{} // contestants of this load
	cell := func(of result.Cell) int {
		if i, ok := at[of.Contestant]; ok {
			return i
		}
		at[of.Contestant] = len(p.Cells)
		p.Cells = append(p.Cells, of)
		return at[of.Contestant]
	}
	add := func(a, b int, label string) {
		p.Matches = append(p.Matches, result.Match{A: a, B: b, Label: label, Apart: spins(p.Cells[a].Backend)})
	}
	type pair struct{ own, twin int }
	byDesign := map[string]pair{}
	for _, of := range ours {
		own := of
		own.Load = load
		design := design(own.Backend)
		twin, err := c.twin(own, twins[c.Workload].programs[design])
		if err != nil {
			return err
		}
		label := "Go / C"
		if design == "net" {
			label = "what Go's runtime and package net cost"
		}
		x := pair{cell(own), cell(twin)}
		if _, dup := byDesign[design]; !dup {
			byDesign[design] = x
		}
		add(x.own, x.twin, label)
	}
	uring, u := byDesign["uring"]
	epoll, e := byDesign["epoll"]
	if u && e {
		add(uring.own, epoll.own, "the suite's own ratio")
		add(uring.twin, epoll.twin, "the same ratio in C")
	}
	first := byDesign[design(ours[0].Backend)].twin
	second := p.Cells[first]
	second.Contestant += again
	p.Matches = append(p.Matches, result.Match{A: cell(second), B: first, Label: "A/A: the noise", Same: true})
	return nil
}

// twin is the C program for the load of one of ours.
func (c *Calibration) twin(own result.Cell, name string) (cell result.Cell, err error) {
	path := c.Twins.Path(name)
	if strings.ContainsAny(path, " \t\n") {
		return cell, fmt.Errorf("the path %q has a space in it, which a command cannot; set TMPDIR to another directory", path)
	}
	cell = own
	cell.Contestant, cell.Backend, cell.Workers = "c-"+strings.TrimPrefix(name, c.Workload+"-"), "", 0
	cell.Command = path + " " + twins[c.Workload].args(own, name, c.Seed)
	return cell, nil
}
