package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/internal/gate"
	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/revision"
)

// measuredGate is the flags of a gate that measures.
type measuredGate struct {
	bench.Gate
	echo       bench.EchoGrid
	file       bench.StreamGrid
	mode       string
	workload   string
	baseRev    string
	headRev    string
	build, cmd string
	output     string
	dryRun     bool
}

func (m *measuredGate) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&m.Base.Command, "base-cmd", "", "command of the base server, started with {port} replaced by the port to listen on")
	f.StringVar(&m.Head.Command, "head-cmd", "", "the same of the head")
	f.StringVar(&m.Base.Binary, "base-bin", "", "a ringbench, of which the servers of --backend are measured")
	f.StringVar(&m.Head.Binary, "head-bin", "", "the same of the head")
	f.StringSliceVar(&m.Backends, "backend", []string{"uring", "epoll"}, "servers of a ringbench")
	f.StringVar(&m.baseRev, "base-rev", "", "git revision that --build makes the base of, in a worktree in TMPDIR")
	f.StringVar(&m.headRev, "head-rev", "", "the same of the head; default: the working tree as it is")
	f.StringVar(&m.build, "build", "", "what the shell is to run there, such as 'go build -o {out} ./cmd/server'")
	f.StringVar(&m.cmd, "cmd", "", "command of what was built, such as '{out} -listen :{port}'; default: it is a ringbench")
	f.StringVar(&m.workload, "workload", "echo", "echo, proxy (a command is told {origin}) or stream ({file} or {dir})")
	f.StringVar(&m.mode, "mode", bench.ModeRequest, "of a proxy: request, or stream for bytes in bulk")
	f.IntSliceVar(&m.echo.Conns, "conns", []int{64}, "connections")
	f.Var(messageSizes{&m.echo.Sizes, &m.echo.Mix}, "size", "bytes of a message; default: 64, of a stream 65536")
	m.Paced = true
	f.Var(gateRate{rates{&m.echo.Rates}, &m.Paced}, "rate", "messages a second over all connections; auto: a share of what base can, of files and bytes in bulk all that comes; closed: closed loop")
	f.Var(sizes{&m.file.FileSizes}, "file-size", "of the file of --workload=stream, such as 4k,1m; default: 64k")
	f.IntVar(&m.Loops, "loops", 1, "event loops of a server of ringbench")
	f.BoolVar(&m.Duet, "duet", true, "base and head at the same moment, where neither spins; else in turn, in random order")
	f.DurationVar(&m.Duration, "duration", 500*time.Millisecond, "measured window of a trial")
	f.DurationVar(&m.Warmup, "warmup", 150*time.Millisecond, "load before the window")
	m.Until = 0.005
	f.Var(share{&m.Until}, "until", "measure until the interval of every ratio of CPU reaches no farther than this to either side, or the ratio is far from the threshold")
	f.IntVar(&m.Trials, "trials", 200, "blocks at most; each has base, head and base again")
	f.DurationVar(&m.Within, "within", 5*time.Minute, "all of it, with the run that confirms a regression; 0: no limit")
	f.BoolVar(&m.Audit, "audit", true, "also count system calls by tracepoint, where permitted")
	f.Uint64Var(&m.Seed, "seed", 0, "of the order of trials, of the bytes sent and of what is drawn to judge; 0: a random one, and of two results 1")
	f.DurationVar(&m.Patience, "start-timeout", bench.DefaultPatience, "how long a server and its client may take to get ready, and to answer when the load is over")
	f.StringVar(&m.ServerCPUs, "server-cpus", "", "CPUs of the server, such as 0-3,8; default: one a loop")
	clientFlags(c, &m.Options)
	f.StringVarP(&m.output, "output", "o", "", "keep the results: of the first run, and beside it NAME-calls.json, if calls are not all that is measured, and those of a confirmation")
	f.BoolVar(&m.dryRun, "dry-run", false, "print what would be measured and about how long it takes, and run nothing")
	complete(c, map[string][]string{"backend": variants(), "workload": {"echo", "proxy", "stream"}, "mode": {bench.ModeRequest, bench.ModeStream}})
}

// given reports whether anything is to be measured.
func (m *measuredGate) given() bool {
	return m.Base.Command+m.Head.Command+m.Base.Binary+m.Head.Binary+m.baseRev != ""
}

// decide measures and judges. What it returns with an error of the environment is a
// decision, too.
func (m *measuredGate) decide(ctx context.Context, rules []gate.Rule) (d *gate.Decision, err error) {
	draw(&m.Seed)
	if err := m.check(); err != nil {
		return nil, err
	}
	m.Base.Name, m.Head.Name = bench.Base, bench.Head
	m.Base.Flag, m.Head.Flag = "--base-cmd", "--head-cmd"
	if m.Base.Binary != "" {
		m.Base.Flag, m.Head.Flag = "--base-bin", "--head-bin"
	}
	commits := [2]string{}
	if m.baseRev != "" {
		repository, oerr := revision.Open(ctx, ".")
		if oerr != nil {
			return nil, fmt.Errorf("--base-rev: %w", oerr)
		}
		defer func() { err = errors.Join(err, repository.Close()) }()
		if commits, err = m.builds(ctx, repository); err != nil {
			return nil, err
		}
	}
	m.Rules, m.CallsAlone = rules, gate.OnlyCalls(rules)
	plans, warnings, err := m.Plan(ctx)
	if err != nil {
		return nil, refused(err)
	}
	if m.dryRun {
		for _, p := range plans {
			if err := bench.Outline(os.Stdout, p, warnings); err != nil {
				return nil, err
			}
		}
		if note := m.RateNote(); note != "" {
			fmt.Println("the last of these", note)
		}
		return nil, nil
	}
	m.Progress = progress(os.Stderr)
	d, runs, err := gate.Decide(ctx, &m.Gate, rules, m.Seed)
	if kerr := m.keep(runs, warnings); kerr != nil {
		return nil, errors.Join(err, kerr)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, verdict{gate.NotMeasured(err)}
	}
	c := d.Comparison
	c.Base.Name, c.Base.Commit = m.named(m.Base, m.baseRev), commits[0]
	c.Head.Name, c.Head.Commit = m.named(m.Head, cmp.Or(m.headRev, "the working tree")), commits[1]
	c.Warnings = append(warnings, c.Warnings...)
	return d, nil
}

// check finds out what does not go together, and sets the loads.
func (m *measuredGate) check() error {
	sides := 0
	for _, both := range []struct{ name, base, head string }{
		{"cmd", m.Base.Command, m.Head.Command}, {"bin", m.Base.Binary, m.Head.Binary},
	} {
		if (both.base == "") != (both.head == "") {
			return fmt.Errorf("--base-%s and --head-%s go together: one says what to compare the other with", both.name, both.name)
		}
		if both.base != "" {
			sides++
		}
	}
	if m.baseRev != "" {
		sides++
	}
	switch {
	case sides > 1:
		return errors.New("base and head are given twice: give --base-cmd and --head-cmd, or --base-bin and --head-bin, or --base-rev")
	case m.baseRev != "" && !strings.Contains(m.build, revision.Out):
		return fmt.Errorf("--build=%q must contain %s, which is replaced by the path of the program that it makes", m.build, revision.Out)
	case m.cmd != "" && !strings.Contains(m.cmd, revision.Out):
		return fmt.Errorf("--cmd=%q must contain %s, which is replaced by the path of what was built", m.cmd, revision.Out)
	}
	if m.output != "" {
		for _, path := range m.outputs() {
			if err := result.Writable(path); err != nil {
				return err
			}
		}
	}
	return m.loads()
}

// loads sets what is measured by the workload.
func (m *measuredGate) loads() error {
	m.echo.Networks, m.echo.Pipelines = []string{"tcp"}, []int{1}
	one := m.echo
	one.Conns, one.Rates = []int{1}, nil
	m.Paced = m.Paced && m.workload != "stream" && (m.workload != "proxy" || m.mode == bench.ModeRequest)
	switch m.workload {
	case "echo":
		if m.echo.Sizes == nil && m.echo.Mix == "" {
			m.echo.Sizes = []int{64}
			one.Sizes = m.echo.Sizes
		}
		m.Grid, m.Alone = &m.echo, &one
	case "proxy":
		m.Grid = &bench.ProxyGrid{EchoGrid: m.echo, Modes: []string{m.mode}, Directions: []string{"down"}}
		m.Alone = &bench.ProxyGrid{EchoGrid: one, Modes: []string{m.mode}, Directions: []string{"down"}}
	case "stream":
		g := &m.file
		if g.FileSizes == nil {
			g.FileSizes = []int{64 << 10}
		}
		g.Networks, g.Protocols, g.RequestsPerConn, g.BufSizes, g.Dir = m.echo.Networks, []string{"raw"}, []int{1}, []int{64 << 10}, os.TempDir()
		g.Conns = m.echo.Conns
		alone := *g
		g.Rates = m.echo.Rates
		alone.Conns = []int{1}
		m.Grid, m.Alone = g, &alone
	default:
		return fmt.Errorf("unknown --workload %q: known are echo, proxy, stream", m.workload)
	}
	return nil
}

// builds makes base and head of revisions.
func (m *measuredGate) builds(ctx context.Context, r *revision.Repository) (commits [2]string, err error) {
	for i, side := range []struct {
		of   *bench.Side
		name string
		rev  string
	}{{&m.Base, bench.Base, m.baseRev}, {&m.Head, bench.Head, m.headRev}} {
		p, err := r.Build(ctx, side.name, side.rev, m.build)
		if err != nil {
			return commits, err
		}
		commits[i] = p.Commit
		if m.cmd == "" {
			side.of.Flag, side.of.Binary = "--build", p.Path
		} else {
			side.of.Flag, side.of.Command = "--cmd", strings.ReplaceAll(m.cmd, revision.Out, p.Path)
		}
	}
	return commits, nil
}

func (m *measuredGate) named(s bench.Side, rev string) string {
	if m.baseRev != "" {
		return rev
	}
	return cmp.Or(s.Command, s.Binary)
}

// outputs are the files that results may be kept in.
func (m *measuredGate) outputs() (paths []string) {
	for _, calls := range []bool{false, true} {
		for _, again := range []bool{false, true} {
			paths = append(paths, m.kept(calls, again))
		}
	}
	return paths
}

// kept is the file of a run: of calls, if they are not all that is measured, or of a
// confirmation.
func (m *measuredGate) kept(calls, again bool) string {
	extension := filepath.Ext(m.output)
	name := strings.TrimSuffix(m.output, extension)
	if calls && !m.CallsAlone {
		name += "-calls"
	}
	if again {
		name += "-confirmed"
	}
	return name + extension
}

// keep writes the results.
func (m *measuredGate) keep(runs []gate.Measured, warnings []string) (err error) {
	seen := map[bool]bool{}
	for _, run := range runs {
		run.Command, run.Version = os.Args, version()
		run.Warnings = append(warnings, run.Warnings...)
		if m.output != "" {
			err = errors.Join(err, result.Write(m.kept(run.Calls, seen[run.Calls]), run.Set))
		}
		seen[run.Calls] = true
	}
	return err
}

// gateRate is rates, or one of two words: auto and closed.
type gateRate struct {
	rates
	paced *bool
}

func (r gateRate) String() string {
	switch {
	case r.paced == nil:
		return ""
	case *r.paced:
		return "auto"
	case len(*r.list) == 0:
		return "closed"
	}
	return r.rates.String()
}

func (r gateRate) Set(text string) error {
	*r.list, *r.paced = nil, text == "auto"
	if text == "auto" || text == "closed" {
		return nil
	}
	return r.rates.Set(text)
}
