package bench

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/workloads"
)

// A Side is one of the two states of a server that a gate compares: one of Command
// and Binary, or with neither the servers of this program.
type Side struct {
	Name    string  // Base or Head
	Flag    string  // that Command or Binary came by, for messages
	Command string  // as --server-cmd has it, without a name
	Binary  string  // path of a ringbench, of which the servers of Options.Backends are measured
	Slow    float64 // of the servers of this program: by what share each is slowed
}

// The names of sides. Servers of a ringbench are called by their backends.
const (
	Base = "base"
	Head = "head"
)

// cells are the servers of a side under a load.
func (s Side) cells(ctx context.Context, o *Options, l result.Load) ([]result.Cell, error) {
	if s.Command != "" {
		if err := checkCommand(s.Command); err != nil {
			return nil, fmt.Errorf("%s=%q%w", s.Flag, s.Command, err)
		}
		if err := namesBehind(s.Command, l.Workload); err != nil {
			return nil, fmt.Errorf("%s=%q %w", s.Flag, s.Command, err)
		}
		return []result.Cell{{Contestant: s.Name, Command: s.Command, Loops: o.Loops, Load: l}}, nil
	}
	var cells []result.Cell
	for _, name := range o.Backends {
		c, err := o.contestant(name)
		if err != nil {
			return nil, err
		}
		c.Load, c.SlowShare = l, s.Slow
		if s.Name == Base {
			c.Contestant += " (base)"
		}
		if s.Binary != "" {
			if c.Command, err = served(ctx, s.Binary, c, cmp.Or(o.Patience, DefaultPatience)); err != nil {
				return nil, fmt.Errorf("%s=%s: %w", s.Flag, s.Binary, err)
			}
		}
		cells = append(cells, c)
	}
	return cells, nil
}

// served is the command by which another ringbench serves a cell.
func served(ctx context.Context, path string, c result.Cell, patience time.Duration) (string, error) {
	path, err := exec.LookPath(path)
	if err != nil {
		return "", fmt.Errorf("%w; give the path of a ringbench", err)
	}
	if path, err = filepath.Abs(path); err == nil && strings.ContainsAny(path, " \t\n") {
		err = fmt.Errorf("the path %q has a space in it, which a command cannot", path)
	}
	if err != nil {
		return "", err
	}
	args := []string{path, "serve", c.Workload, "--backend=" + c.Backend, "--listen=127.0.0.1:{port}", "--loops=" + strconv.Itoa(c.Loops), "--workers=" + strconv.Itoa(c.Workers)}
	bufSize, bufs := load.BufSize(c.Size*c.Pipeline), 0
	switch c.Workload {
	case "echo":
		bufs = echoConfig(c, nil).Bufs
	case "proxy":
		bufs = proxyConfig(c, nil).Bufs
		args = append(args, "--origin={origin}")
	case "stream":
		bufSize, bufs = c.Buffer, streamBufs(c)
		args = append(args, "--file={file}")
		if c.Protocol == workloads.HTTP {
			args = append(args, "--protocol="+c.Protocol)
		}
	default:
		return "", fmt.Errorf("ringbench serve has no %s", c.Workload)
	}
	args = append(args, "--buf-size="+strconv.Itoa(bufSize), "--bufs="+strconv.Itoa(bufs))
	help, err := helpOf(ctx, path, c.Workload, patience)
	if err != nil {
		return "", err
	}
	if bytes.Contains(help, []byte(control)) {
		args = append(args, control)
	}
	return strings.Join(args, " "), nil
}

// helpOf is what a ringbench says of its servers. A server of another kind may take the
// question for a command to serve.
func helpOf(ctx context.Context, path, workload string, patience time.Duration) ([]byte, error) {
	limited, stop := context.WithTimeout(ctx, patience)
	defer stop()
	cmd := exec.CommandContext(limited, path, "serve", workload, "--help")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	help, err := cmd.Output()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		err = fmt.Errorf("no answer within %v (--start-timeout)", patience)
	}
	if err != nil {
		return nil, fmt.Errorf("it is no ringbench: serve %s --help: %w; of any other server --cmd, or --base-cmd and --head-cmd, say how it is started", workload, err)
	}
	return help, nil
}

// control has a server of ringbench serve answer calls. One of a ringbench that does
// not know it is measured as one that is not ours.
const control = "--control"

// answering reports whether the server is another ringbench's that takes calls.
func answering(c result.Cell) bool {
	return c.Backend != "" && strings.HasSuffix(c.Command, " "+control)
}

// Answer takes the calls of the parent, as the servers of ringbench serve do that it
// has started: its counters they tell by name, for it may be of another version.
func Answer(s *workloads.Server) error {
	c, err := child.Controlled()
	if err != nil {
		return fmt.Errorf("%s is for a ringbench that starts another: %w", control, err)
	}
	go c.Serve(answers(s, func() any { n := s.Counters(); return n.Map() }))
	return nil
}
