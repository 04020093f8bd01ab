package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Spec says what to start.
type Spec struct {
	Role string // which of Main's roles
	Name string // for messages; default: Role, or the foreign program
	// Config is given to the child as JSON; see Control.Config.
	Config any
	// CPUs that the child may use, from its first instruction on; empty:
	// those that we may use.
	CPUs []int
	// Command is a foreign program and its arguments, started instead of a
	// role. It and all that it starts are ended by Stop, those in sessions of their
	// own by a mark in their environment. With us it ends by the parent-death
	// signal alone, which neither its own children nor a set-user-ID program heed.
	// Its standard output is discarded.
	Command []string
	// Answers: the Command takes calls as a role does, by the control pipes and a
	// JSON value a line; else it has none.
	Answers    bool
	Env        []string // added to our environment
	GoMaxProcs int      // of a Go program; 0: its own choice
	// Session puts the child into a session of its own and into a scheduling
	// group of its own if Grouping says that there are any.
	Session bool
}

// A Proc is a child. Its methods may be called by any goroutine.
type Proc struct {
	name    string
	foreign bool
	mark    string // see family
	cmd     *exec.Cmd
	group   *group
	stderr  tail
	calls   *calls // nil if it takes none

	done chan struct{}
	exit ExitState  // set before done closes
	left []relative // so are those that outlived the child and the grace of Stop

	mu     sync.Mutex // guards what follows
	gone   bool       // no signal may be sent by number any more
	stopBy time.Time  // the end of the grace that Stop gives; zero before
	asked  []relative // who was asked to end by then, beside the child

	stopOnce sync.Once
	stopErr  error
}

// An ExitState says how a process ended.
type ExitState struct {
	Status string         // "exit status 3", "killed by signal 9 (killed)"
	OK     bool           // exit status 0
	Signal syscall.Signal // that killed it, or 0
	Stderr string         // the last 16 KiB of its standard error
	Usage  *syscall.Rusage
}

// ownProgram is the program of a child that is no foreign one.
const ownProgram = "/proc/self/exe"

// stderrDelay is how long we go on reading the standard error of a child that
// has ended, should a process that it left behind still hold it open.
const stderrDelay = 500 * time.Millisecond

// Start starts a child. Each call of it must be paired with one of Stop.
func Start(spec Spec) (*Proc, error) {
	p := &Proc{name: spec.Name, foreign: len(spec.Command) > 0, done: make(chan struct{})}
	if p.name == "" {
		p.name = spec.Role
		if p.foreign {
			p.name = spec.Command[0]
		}
	}
	err := p.start(spec)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w%s", p.name, err, advice(err))
	}
	return p, nil
}

func advice(err error) string {
	var e *fs.PathError
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return ": there are as many processes as may be; raise the limit (ulimit -u, TasksMax= of the systemd unit, --pids-limit of the container)"
	case errors.As(err, &e) && e.Path == ownProgram && errors.Is(err, fs.ErrNotExist):
		return "; mount -t proc proc /proc"
	}
	return ""
}

func (p *Proc) start(spec Spec) (err error) {
	p.cmd = command(spec, p.name)
	if p.foreign {
		p.mark = newMark()
		p.cmd.Env = append(p.cmd.Env, p.mark)
	}
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = stderrDelay
	if spec.Session {
		if p.group, err = newGroup(); err != nil {
			return err
		}
	}
	var config []byte
	if !p.foreign || spec.Answers {
		if config, err = json.Marshal(spec.Config); err == nil {
			p.calls, err = newCalls(p.cmd)
		}
	}
	if err == nil {
		err = spawn(p.cmd, spec.CPUs, p.group)
	}
	for _, f := range p.cmd.ExtraFiles { // the child's ends
		f.Close()
	}
	if err != nil {
		p.group.remove()
		if p.calls != nil {
			p.calls.abandon()
		}
		return err
	}
	go p.wait()
	if p.calls != nil {
		p.calls.start(config)
	}
	return nil
}

func command(spec Spec, name string) *exec.Cmd {
	var cmd *exec.Cmd
	if len(spec.Command) > 0 {
		cmd = exec.Command(spec.Command[0], spec.Command[1:]...)
	} else {
		cmd = &exec.Cmd{Path: ownProgram, Args: []string{"ringbench-child", name}}
	}
	cmd.Env = append(os.Environ(), spec.Env...)
	if spec.GoMaxProcs > 0 {
		cmd.Env = append(cmd.Env, "GOMAXPROCS="+strconv.Itoa(spec.GoMaxProcs))
	}
	if len(spec.Command) == 0 {
		cmd.Env = append(cmd.Env, roleVar+"="+spec.Role)
	}
	// A process group of its own (a session has one) keeps the terminal's
	// interrupt for us, and lets us end what the child starts.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: spec.Session, Setpgid: !spec.Session}
	return cmd
}

func (p *Proc) family() family { return family{p.PID(), p.mark} }

// PID is the child's process id. It is not used again for another process
// before Done closes.
func (p *Proc) PID() int { return p.cmd.Process.Pid }

// Done closes when the child has ended and is reaped.
func (p *Proc) Done() <-chan struct{} { return p.done }

// Exit says how the child ended; it waits for that.
func (p *Proc) Exit() ExitState {
	<-p.done
	return p.exit
}

// wait reaps the child, and ends the processes of its family: at once,
// unless Stop has asked them to end by themselves.
func (p *Proc) wait() {
	pid := p.PID()
	// Until it is reaped the process id, and so the group's, cannot be
	// another's: only now may we signal by number.
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	p.mu.Lock()
	p.gone = true
	stopBy, asked := p.stopBy, p.asked
	p.mu.Unlock()
	if !stopBy.IsZero() {
		p.left = p.family().outlive(asked, stopBy)
	}
	p.family().signal(unix.SIGKILL)
	_ = p.cmd.Wait() // the state says it all
	p.exit = exitState(p.cmd.ProcessState, p.stderr.String())
	if p.calls != nil {
		p.calls.hangUp()
	}
	p.group.remove()
	close(p.done)
}

func exitState(s *os.ProcessState, stderr string) ExitState {
	e := ExitState{Stderr: stderr, Status: s.String(), OK: s.Success()}
	e.Usage, _ = s.SysUsage().(*syscall.Rusage)
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		e.Signal = w.Signal()
		e.Status = fmt.Sprintf("killed by signal %d (%v)", w.Signal(), w.Signal())
	}
	return e
}

// String is the status, and the line of standard error that says why.
func (e ExitState) String() string {
	if line := telling(e.Stderr); line != "" {
		return e.Status + ": " + line
	}
	return e.Status
}

// ended describes the end of the child in one line.
func (p *Proc) ended() string {
	return fmt.Sprintf("%s (pid %d) ended: %v", p.name, p.PID(), p.Exit())
}

// Stop ends the child: it closes the control pipe, or sends SIGTERM to a
// foreign program and to all of its family, and kills what is left of
// them after grace. When it returns the child is reaped. The error tells of what
// had to be killed, of a child that failed, or, if foreign, that was gone before;
// calling again tells the same.
func (p *Proc) Stop(grace time.Duration) error {
	p.stopOnce.Do(func() { p.stopErr = p.stop(grace) })
	return p.stopErr
}

func (p *Proc) stop(grace time.Duration) error {
	select {
	case <-p.done:
		if p.exit.OK && !p.foreign {
			return nil
		}
		return errors.New(p.ended())
	default:
	}
	if p.foreign {
		p.terminate(grace)
	} else {
		p.calls.hangUp()
	}
	late := time.NewTimer(grace)
	defer late.Stop()
	killed := ""
	select {
	case <-p.done:
	case <-late.C:
		_ = p.cmd.Process.Kill() // does nothing if it is relatives that are late
		<-p.done
		if p.exit.Signal == syscall.SIGKILL {
			killed = fmt.Sprintf("%s (pid %d)", p.name, p.PID())
		}
	}
	for _, r := range p.left {
		killed = strings.TrimPrefix(killed+", "+r.String(), ", ")
	}
	switch {
	case killed != "":
		return fmt.Errorf("%s did not stop within %v and was killed", killed, grace)
	case !p.foreign && !p.exit.OK:
		return errors.New(p.ended())
	}
	return nil
}

// terminate asks a foreign program to end, with all of its family, for
// a wrapper that runs a server without exec does not pass the signal on.
func (p *Proc) terminate(grace time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone { // and all of them with it
		return
	}
	p.stopBy = time.Now().Add(grace)
	p.asked = p.family().signal(syscall.SIGTERM)
}
