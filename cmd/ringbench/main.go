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

	"github.com/spf13/cobra"

	_ "github.com/ringbench/ringbench/backends/epoll"
	_ "github.com/ringbench/ringbench/backends/gonet"
	_ "github.com/ringbench/ringbench/backends/null"
	_ "github.com/ringbench/ringbench/backends/threadpool"
	_ "github.com/ringbench/ringbench/backends/uring"
	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/child"
)

// Exit codes, all of them.
const (
	exitOK          = 0
	exitFailed      = 1   // it ran, and something went wrong on the way: a server died, a byte was wrong
	exitUsage       = 2   // nothing was run: bad input, or an environment that refuses
	exitInterrupted = 130 // SIGINT or SIGTERM; what was measured was written
)

// failure is an error that was already under way when it happened.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func main() {
	child.Main(bench.Roles())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := root().ExecuteContext(ctx)
	stop()
	os.Exit(exitCode(err))
}

func exitCode(err error) int {
	var f failure
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "ringbench: interrupted")
		return exitInterrupted
	}
	for line := range strings.Lines(err.Error()) { // joined errors have one each
		fmt.Fprintln(os.Stderr, "ringbench:", strings.TrimRight(line, "\n"))
	}
	if errors.As(err, &f) {
		return exitFailed
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
	}
	c.SetFlagErrorFunc(flagError)
	c.AddCommand(echoCommand(), serveCommand())
	return c
}
