package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// command is a foreign server that is started for each trial.
func (o *Options) command(nc string) (c result.Cell, err error) {
	name, command, ok := strings.Cut(nc, "=")
	if !ok || name == "" || len(strings.Fields(command)) == 0 {
		return c, fmt.Errorf("--server-cmd=%q must be NAME=COMMAND", nc)
	}
	if err := checkCommand(command); err != nil {
		return c, fmt.Errorf("--server-cmd=%q%w", nc, err)
	}
	return result.Cell{Contestant: name, Command: command, Loops: o.Loops}, nil
}

// checkCommand checks a command that is not empty. The error goes on from its flag.
func checkCommand(command string) error {
	if !strings.Contains(command, "{port}") {
		return errors.New(" must contain {port}, which is replaced by the port to listen on")
	}
	program := strings.Fields(command)[0]
	_, err := exec.LookPath(program)
	if err == nil {
		return nil
	}
	var e *exec.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return fmt.Errorf(": cannot run %s: %w; give the path of a program", program, err)
}

// checkForeign checks that foreign servers learn what a workload has behind them,
// which one that runs already cannot: it would be measured with something else.
func (o *Options) checkForeign(workload string) error {
	names := playable[workload].foreign
	if len(names) == 0 {
		return nil
	}
	if o.Target != "" {
		return fmt.Errorf("--target=%s: a server that runs already does not know what is behind it in each trial of ringbench %s; use --server-cmd with %s", o.Target, workload, strings.Join(names, " or "))
	}
	for _, nc := range o.Commands {
		_, command, _ := strings.Cut(nc, "=")
		if err := namesBehind(command, workload); command != "" && err != nil {
			return fmt.Errorf("--server-cmd=%q %w", nc, err)
		}
	}
	return nil
}

// namesBehind checks that a command is told what a workload has behind the server.
func namesBehind(command, workload string) error {
	names := playable[workload].foreign
	if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return strings.Contains(command, n) }) {
		return nil
	}
	return fmt.Errorf("must contain %s, which is replaced by what ringbench %s has behind the server", strings.Join(names, " or "), workload)
}
