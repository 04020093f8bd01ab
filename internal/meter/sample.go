package meter

import (
	"fmt"

	"github.com/ringbench/ringbench/internal/result"
)

// A Sample is a reading of several processes and the machine at one edge of a
// window. The exact clocks of all are read together at the edge; the threads,
// which take long, are read outside the window.
type Sample struct {
	Processes []Process // in the order of Begin's arguments
	Machine   Machine
}

// Prepare reads the threads of the processes; Begin is still to come. With
// thousands of threads it takes tenths of a second, on the CPUs under test.
func Prepare(pids ...int) (s Sample, err error) {
	s.Processes = make([]Process, len(pids))
	for i, pid := range pids {
		s.Processes[i].pid = pid
		if s.Processes[i].state, err = readState(pid); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Begin reads the clocks, which begins the window: a few system calls a process.
func (s *Sample) Begin() error { return s.readEdge() }

// Mark reads the clocks of the same processes again: all that MachineSince asks for.
func (s Sample) Mark() (m Sample, err error) {
	m.Processes = make([]Process, len(s.Processes))
	for i, p := range s.Processes {
		m.Processes[i].pid = p.pid
	}
	return m, m.readEdge()
}

// End reads the same processes at the end of the window: it begins with the
// clocks. The load should go on until it returns.
func (s Sample) End() (e Sample, err error) {
	if e, err = s.Mark(); err != nil {
		return e, err
	}
	for i := range e.Processes {
		p := &e.Processes[i]
		if p.state, err = readState(p.pid); err != nil {
			return e, err
		}
		if p.state.started != s.Processes[i].state.started {
			return e, fmt.Errorf("process %d has ended, and another has its number", p.pid)
		}
	}
	return e, nil
}

func (s *Sample) readEdge() (err error) {
	for i := range s.Processes {
		if s.Processes[i].clocks, err = readClocks(s.Processes[i].pid); err != nil {
			return err
		}
	}
	s.Machine, err = ReadMachine()
	return err
}

// Since is what the processes and the machine used from a to s.
func (s Sample) Since(a Sample) ([]result.Process, result.Machine) {
	procs := make([]result.Process, len(s.Processes))
	for i, p := range s.Processes {
		procs[i] = p.Since(a.Processes[i])
	}
	return procs, s.MachineSince(a)
}

// MachineSince is what the machine did from a to s, with what others than these
// processes took: the ticks that found a CPU busy, less those that found it busy
// with one of them. Less their exact times it would be wrong by all that ticks
// miss of them: a fifth of short work, and of what keeps step with them nearly all.
func (s Sample) MachineSince(a Sample) result.Machine {
	m := s.Machine.Since(a.Machine)
	m.OtherSeconds = m.BusySeconds
	for i, p := range s.Processes {
		m.OtherSeconds -= (p.clocks.ticks - a.Processes[i].clocks.ticks).Seconds()
	}
	m.OtherSeconds = max(0, m.OtherSeconds)
	return m
}
