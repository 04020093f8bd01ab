package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/workloads"
)

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run one server in the foreground, for any client to be pointed at",
		Args:  subcommandOnly,
		RunE: func(c *cobra.Command, _ []string) error {
			return fmt.Errorf("%s needs a workload: %s", c.CommandPath(), strings.Join(subcommands(c), ", "))
		},
	}
	c.AddCommand(serveEchoCommand(), serveProxyCommand(), serveStreamCommand())
	return c
}

func serveEchoCommand() *cobra.Command {
	var cfg workloads.Config
	var how serving
	c := &cobra.Command{
		Use:     "echo",
		Short:   "Echo what is received until SIGINT or SIGTERM, then print the counters",
		Example: "  ringbench serve echo --backend=uring --listen=127.0.0.1:7000",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.Check(); err != nil {
				return err
			}
			return profiled(how.profile, func() error {
				return how.foreground(cmd.Context(), cmd.OutOrStdout(), "echo", cfg, func() (*workloads.Server, error) { return workloads.StartEcho(cfg) })
			})
		},
	}
	serveFlags(c, &cfg, &how, workloads.Networks)
	return c
}

func serveProxyCommand() *cobra.Command {
	var cfg workloads.ProxyConfig
	var how serving
	c := &cobra.Command{
		Use:     "proxy",
		Short:   "Pass on between each client and a server behind it until SIGINT or SIGTERM, then print the counters",
		Example: "  ringbench serve proxy --backend=epoll+splice --listen=127.0.0.1:7000 --origin=127.0.0.1:8000",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.Check(); err != nil {
				return err
			}
			return profiled(how.profile, func() error {
				return how.foreground(cmd.Context(), cmd.OutOrStdout(), "proxy", cfg.Config, func() (*workloads.Server, error) { return workloads.StartProxy(cfg) })
			})
		},
	}
	serveFlags(c, &cfg.Config, &how, workloads.Streams)
	c.Flags().StringVar(&cfg.Origin, "origin", "", "IP:PORT of the server behind it, or the path of its Unix socket")
	return c
}

func serveStreamCommand() *cobra.Command {
	cfg := workloads.StreamConfig{Bytes: -1}
	cfg.Files = true
	var how serving
	c := &cobra.Command{
		Use:     "stream",
		Short:   "Send a file to each client that connects, or asks by HTTP, until SIGINT or SIGTERM, then print the counters",
		Example: "  ringbench serve stream --backend=epoll+sendfile --buf-size=65536 --file=/usr/share/dict/words",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cfg.Check(); err != nil {
				return err
			}
			return profiled(how.profile, func() error {
				return how.foreground(cmd.Context(), cmd.OutOrStdout(), "stream", cfg.Config, func() (*workloads.Server, error) { return workloads.StartStream(cfg) })
			})
		},
	}
	serveFlags(c, &cfg.Config, &how, workloads.Streams)
	c.Flags().StringVar(&cfg.Protocol, "protocol", workloads.Raw, "raw: to each client that connects; http: to each that asks by GET, whatever the path")
	c.Flags().StringVar(&cfg.Path, "file", "", "what is sent: as many bytes of it as it has at the start")
	complete(c, map[string][]string{"protocol": workloads.Protocols})
	return c
}

// serving is how a server runs, whatever it serves.
type serving struct {
	profile string
	control bool
}

// serveFlags are those of every server; networks are what it can be reached by.
func serveFlags(c *cobra.Command, cfg *workloads.Config, how *serving, networks []string) {
	f := c.Flags()
	f.StringVar(&cfg.Backend, "backend", "uring", "backend or variant")
	f.StringVar(&cfg.Network, "network", "tcp", strings.Join(networks, ", "))
	f.StringVar(&cfg.Address, "listen", "127.0.0.1:7000", "IP:PORT, or the path of a Unix socket")
	f.IntVar(&cfg.Loops, "loops", 1, "event loops")
	f.IntVar(&cfg.Workers, "workers", 0, "limit of the thread pool; 0: one worker a connection, and for datagrams one a CPU")
	f.IntVar(&cfg.BufSize, "buf-size", 4096, "bytes of a receive buffer, or of one to read a file into; for datagrams it is always large enough")
	f.IntVar(&cfg.Bufs, "bufs", 1024, "such buffers of a loop")
	f.StringVar(&how.profile, "cpuprofile", "", "write a CPU profile of the server to this file")
	f.BoolVar(&how.control, "control", false, "take calls by the descriptors 3 and 4, as ringbench gate makes them")
	complete(c, map[string][]string{"backend": variants(), "network": networks})
}

// profiled runs f and writes its CPU profile to the named file, if one is named.
func profiled(name string, f func() error) error {
	if name == "" {
		return f()
	}
	w, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("--cpuprofile: %w", err)
	}
	defer w.Close()
	if err := pprof.StartCPUProfile(w); err != nil {
		return fmt.Errorf("--cpuprofile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return f()
}

// foreground runs the server that start makes of cfg, and says what it has counted.
func (how serving) foreground(ctx context.Context, w io.Writer, what string, cfg workloads.Config, start func() (*workloads.Server, error)) error {
	b, err := backends.Lookup(cfg.Backend)
	if err != nil {
		return err
	}
	if err := b.Probe(); err != nil {
		return err
	}
	if b.Traits().Memory {
		return fmt.Errorf("backend %s is not a server: nothing can connect to it; name another with --backend", b.Name())
	}
	const expected = 256 // connections; more of them share what that makes
	if n := cfg.Procs(b.Traits(), expected); n > 0 {
		runtime.GOMAXPROCS(n)
	}
	s, err := start()
	if err != nil {
		return err
	}
	defer s.Remove()
	if how.control {
		if err := bench.Answer(s); err != nil {
			return err
		}
	}
	t := s.Traits()
	fmt.Fprintf(w, "%s %s on %s %s", b.Name(), what, cfg.Network, s.Addr())
	if t.Tier != "" {
		fmt.Fprintf(w, ", tier %s", t.Tier)
	}
	for _, f := range t.Features {
		fmt.Fprintf(w, " %s", f)
	}
	if d := s.Descriptors(); d != "" {
		fmt.Fprintf(w, ", descriptor table %s", d)
	}
	fmt.Fprintln(w)
	select {
	case err = <-s.Failed():
		err = failure{err}
	case <-ctx.Done():
	}
	counters := s.Counters()
	m := counters.Map()
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		fmt.Fprintf(w, "%-16s %d\n", n, m[n])
	}
	fmt.Fprintf(w, "%-16s %d\n", "syscalls", counters.Syscalls())
	if share, ok := counters.ShareCopied(); ok {
		fmt.Fprintf(w, "%-16s %.4g %%\n", "zc_share_copied", 100*share)
	}
	return err
}
