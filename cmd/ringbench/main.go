// Command ringbench compares io_uring, epoll, a thread pool and plain Go net on
// this machine. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	_ "github.com/ringbench/ringbench/backends/epoll"
	_ "github.com/ringbench/ringbench/backends/gonet"
	_ "github.com/ringbench/ringbench/backends/null"
	_ "github.com/ringbench/ringbench/backends/threadpool"
	_ "github.com/ringbench/ringbench/backends/uring"
	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/child"
	"github.com/ringbench/ringbench/internal/gate"
)

// Exit codes, all of them.
const (
	exitOK          = 0
	exitFailed      = 1   // it ran, and something went wrong on the way: a server died, a byte was wrong
	exitUsage       = 2   // nothing was run: bad input, or an environment that refuses
	exitInterrupted = 130 // SIGINT, SIGTERM or SIGHUP; what was measured was written
)

// Exit codes of gate alone, which otherwise has those above but exitFailed.
const (
	exitRegression = 1
	exitNoisy      = 3 // inconclusive, or too noisy to tell
	exitRefused    = 4 // the environment does not let it measure
)

// failure is an error that was already under way when it happened.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func main() {
	child.Main(bench.Roles())
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	// A second Ctrl-C ends the program at once. timeout(1) sends its signal to the
	// process and to its group: those two are one.
	context.AfterFunc(ctx, func() { time.AfterFunc(100*time.Millisecond, stop) })
	err := root().ExecuteContext(ctx)
	stop()
	os.Exit(exitCode(err))
}

// endings are the signals that ask for an orderly end: a terminal that is
// closed, too, unless nohup has it ignored.
func endings() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

// exitCode also prints the error: a line for each of those that were joined.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimRight(line, "\n")
		if line == context.Canceled.Error() {
			line = "interrupted"
		}
		fmt.Fprintln(os.Stderr, "ringbench:", line)
	}
	var f failure
	var v verdict
	switch {
	case errors.As(err, &v):
		return map[gate.Outcome]int{gate.Fail: exitRegression, gate.Noisy: exitNoisy, gate.Refused: exitRefused}[v.Outcome]
	case errors.As(err, &f):
		return exitFailed
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitUsage
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:           "ringbench",
		Short:         "Is io_uring worth it on this machine? Compare it with epoll, a thread pool and Go's net.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          subcommandOnly,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },

		PersistentPreRunE: func(c *cobra.Command, _ []string) error { return meant(c) },
	}
	c.SetFlagErrorFunc(flagError)
	c.AddCommand(echoCommand(), churnCommand(), proxyCommand(), readCommand(), streamCommand(), ablateCommand(), calibrateCommand(), claimsCommand(), runCommand(), reportCommand(), compareCommand(), gateCommand(), historyCommand(), schemaCommand(), doctorCommand(), featuresCommand(), serveCommand())
	c.InitDefaultHelpCmd()
	c.InitDefaultCompletionCmd()
	for _, sub := range c.Commands() { // those of cobra print a help text for any word
		switch sub.Name() {
		case "help":
			sub.RunE = help
		case "completion":
			sub.Args, sub.RunE = subcommandOnly, c.RunE
		}
	}
	return c
}

// help refuses what there is no help about.
func help(c *cobra.Command, args []string) error {
	about, rest, err := c.Root().Find(args)
	switch {
	case err != nil:
		return err
	case about.HasSubCommands():
		err = subcommandOnly(about, rest)
	default:
		err = noArguments(about, rest)
	}
	if err != nil {
		return err
	}
	about.InitDefaultHelpFlag()
	return about.Help()
}
