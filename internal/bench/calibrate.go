package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/ctwin"
	"github.com/ringbench/ringbench/internal/result"
)

// A Calibration measures our servers against C programs of the same design.
type Calibration struct {
	Options // its Commands and Target are not used
	Twins   *ctwin.Programs
}

// twins are the programs that families are measured against. Package net has
// none of its design: against epoll it shows what Go's runtime costs.
var twins = map[string]string{"uring": ctwin.Uring, "epoll": ctwin.Epoll, "threadpool": ctwin.Threads, "net": ctwin.Epoll}

// TwinsOf lists the programs that a calibration of the given backends takes.
func TwinsOf(names []string) (list []string, err error) {
	for _, name := range names {
		b, err := backends.Lookup(name)
		if err != nil {
			return nil, err
		}
		twin, ok := twins[result.Cell{Backend: name}.Family()]
		if !ok {
			return nil, fmt.Errorf("--backend: there is no C program like %s", name)
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
			err = c.Twins.Check(twins[cell.Family()])
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
	byFamily := map[string]int{}
	for _, of := range ours {
		own := of
		own.Load = load
		twin, err := c.twin(own, twins[own.Family()])
		if err != nil {
			return err
		}
		label := "Go / C"
		if own.Family() == "net" {
			label = "what Go's runtime and package net cost"
		}
		a := cell(own)
		if _, dup := byFamily[own.Family()]; !dup {
			byFamily[own.Family()] = a
		}
		add(a, cell(twin), label)
	}
	uring, u := byFamily["uring"]
	epoll, e := byFamily["epoll"]
	if u && e {
		add(uring, epoll, "the suite's own ratio")
		add(at["c-"+ctwin.Uring], at["c-"+ctwin.Epoll], "the same ratio in C")
	}
	first := at["c-"+twins[ours[0].Family()]]
	second := p.Cells[first]
	second.Contestant += again
	p.Matches = append(p.Matches, result.Match{A: cell(second), B: first, Label: "A/A: the noise", Same: true})
	return nil
}

// twin is the C program for the load of one of ours. That of io_uring has buffers
// as large and as many as ours; the others receive into what is best for them.
func (c *Calibration) twin(own result.Cell, name string) (cell result.Cell, err error) {
	path := c.Twins.Path(name)
	if strings.ContainsAny(path, " \t\n") {
		return cell, fmt.Errorf("the path %q has a space in it, which a command cannot; set TMPDIR to another directory", path)
	}
	cell = own
	cell.Contestant, cell.Backend, cell.Workers = "c-"+name, "", 0
	cell.Command = path + " {port}"
	if name == ctwin.Uring {
		cfg := echoConfig(own, nil)
		cell.Command += fmt.Sprintf(" %d %d", cfg.BufSize, cfg.Bufs)
	}
	return cell, nil
}
