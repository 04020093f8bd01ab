package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/bench"
)

func readCommand() *cobra.Command {
	g := bench.ReadGrid{Depths: []int{1, 32}}
	o := bench.Options{Grid: &g}
	var out outputs
	c := &cobra.Command{
		Use:   "read",
		Short: "Compare reads and writes of a file: throughput, latency, CPU and system calls an operation",
		Long: `Keeps a number of reads, or writes, of a file in flight in a process of its
own for each backend, verifies what comes back, and prints how they compare.

The file is one of ringbench's own, which has no name and is gone when the run
ends, or with --file one that is there, which is only read. Lists make a grid of
all combinations. A backend may be followed by +feature and -feature.

  read    blocks of the file
  write   over blocks of the file
  fsync   the same, each write followed by an fdatasync
  append  to a log that begins empty, each followed by an fdatasync`,
		Example: `  ringbench read
  ringbench read --backend=uring,uring+fixedbufs,threadpool --bs=4k,64k,1m --depth=1,8,32,128
  ringbench read --direct --dir=/mnt/nvme --file-size=4g
  ringbench read --file=/var/lib/data.db --pattern=random,sequential --cache=cold
  ringbench read --rate=1k..50k:6 --direct --depth=64
  ringbench read --op=append --depth=8 --dir=/var/tmp`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return contest(cmd, &o, out) },
	}
	readFlags(c, &g)
	findFlags(c, &o)
	f := c.Flags()
	f.StringSliceVar(&o.Backends, "backend", []string{"all"}, "contestants; all is every backend that is available here")
	f.IntVar(&o.Loops, "loops", 1, "event loops, among which the depth is divided")
	f.DurationVar(&o.Duration, "duration", time.Second, "measured window of a trial")
	f.DurationVar(&o.Warmup, "warmup", 200*time.Millisecond, "load before the window; none with --cache=cold, which it would warm")
	f.IntVar(&o.Trials, "trials", 3, "trials of each cell, interleaved in random order")
	f.Uint64Var(&o.Seed, "seed", 0, "of the order of trials, of blocks and of what is in the file; 0: a random one, which the result records")
	f.StringVar(&o.ServerCPUs, "server-cpus", "", "CPUs of the process under test, such as 0-3,8; default: one a loop")
	f.BoolVar(&o.AA, "aa", true, "also compare the first contestant with itself: what those differ by is noise")
	f.BoolVar(&o.Duet, "duet", false, "run two contestants at the same moment on the same CPUs: the most sensitive comparison on a noisy machine")
	sessionFlags(c, &o)
	f.DurationVar(&o.Patience, "start-timeout", bench.DefaultPatience, "how long a process may take to get the file and itself ready, and to answer when the load is over")
	f.BoolVar(&o.Audit, "audit", true, "also count system calls by tracepoint after each window, where permitted")
	out.flags(c)
	complete(c, map[string][]string{"backend": append([]string{"all"}, variants()...)})
	return c
}

// readFlags are the load's; g holds the defaults that commands differ by.
func readFlags(c *cobra.Command, g *bench.ReadGrid) {
	fileFlags(c, g)
	f := c.Flags()
	f.StringVar(&g.Op, "op", "read", "read, write, fsync, append")
	f.StringSliceVar(&g.Caches, "cache", nil, "hot: all of the file is in the page cache before each trial, the default without --direct; cold: none is")
	paceFlags(c, &g.Pace, "operations a second, at most --depth of them in flight")
	f.StringVar(&g.File, "file", "", "read this file instead of one of ringbench's own")
	f.Var(size{&g.FileBytes}, "file-size", "of the file, such as 4g, or what a log may have; default: 256m, or all of --file; of a log 16g, or less where not twice as much is free")
	complete(c, map[string][]string{
		"op":    {"read", "write", "fsync", "append"},
		"cache": {bench.Hot, bench.Cold},
	})
}

// fileFlags are those of the operations on a file of ringbench's own; g holds the
// depths that are the default.
func fileFlags(c *cobra.Command, g *bench.ReadGrid) {
	g.Sizes = []int{4096}
	f := c.Flags()
	f.Var(sizes{&g.Sizes}, "bs", "bytes of an operation, such as 4k,64k,1m")
	f.IntSliceVar(&g.Depths, "depth", g.Depths, "operations in flight")
	f.StringSliceVar(&g.Patterns, "pattern", []string{bench.Random}, "random, sequential")
	f.BoolVar(&g.Direct, "direct", false, "around the page cache (O_DIRECT)")
	f.StringVar(&g.Dir, "dir", os.TempDir(), "where ringbench's own file is made")
	complete(c, map[string][]string{"pattern": {bench.Random, bench.Sequential}})
}

// A size is a flag that takes a number of bytes.
type size struct{ bytes *int64 }

func (s size) Type() string { return "size" }

func (s size) String() string {
	if s.bytes == nil || *s.bytes == 0 {
		return ""
	}
	return bench.ShortBytes(*s.bytes)
}

func (s size) Set(text string) (err error) {
	*s.bytes, err = parseSize(text)
	return err
}

// A sizes is a flag that takes a list of them.
type sizes struct{ bytes *[]int }

func (s sizes) Type() string { return "sizes" }

func (s sizes) String() string {
	if s.bytes == nil {
		return ""
	}
	var words []string
	for _, n := range *s.bytes {
		words = append(words, bench.ShortBytes(int64(n)))
	}
	return strings.Join(words, ",")
}

func (s sizes) Set(text string) error {
	var list []int
	for _, word := range strings.Split(text, ",") {
		n, err := parseSize(word)
		if err != nil {
			return err
		}
		list = append(list, int(n))
	}
	*s.bytes = list
	return nil
}

// parseSize reads a number of bytes above 0.
func parseSize(text string) (int64, error) {
	n, err := bench.ParseBytes(text)
	if err == nil && n <= 0 {
		err = fmt.Errorf("%q is no size", text)
	}
	return n, err
}
