package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/bench"
	"github.com/ringbench/ringbench/workloads"
)

func streamCommand() *cobra.Command {
	var g bench.StreamGrid
	o := bench.Options{Grid: &g}
	var out outputs
	c := &cobra.Command{
		Use:   "stream",
		Short: "Compare servers that send a file to each client: throughput, CPU a KiB",
		Long: `Starts each server in a process of its own and drives it from another: connect,
receive the whole file and its end, verify every byte, connect again. The file is
one of ringbench's own, which has no name and is gone when the run ends, and all
of it is in the page cache.

Servers read the file into a buffer and send that; net does what io.Copy does for
a Go program, which is sendfile. Other ways are variants:

  epoll+sendfile, threadpool+sendfile       sendfile
  net-sendfile                              read and write
  net+cork                                  sendfile, with TCP_CORK as nginx sets it
  uring+splice, epoll+splice, ...           through a pipe
  uring+link, uring+fixedbufs, uring+zc     read and send in other ways

With --protocol=http a connection is asked for the file --requests-per-conn times,
and the client closes. A server of --server-cmd is asked for the path /file, which
it finds in {dir}; {file} is its path. Both are gone when the run ends.`,
		Example: `  ringbench stream
  ringbench stream --backend=uring,uring+splice,epoll+sendfile,net --file-size=4k,1m,64m --conns=1,64,1000
  ringbench stream --backend=epoll,uring --duet --trials=30
  ringbench stream --rate=100..3k:5 --file-size=64k
  ringbench stream --server-cmd='mine=./my-server {port} {file}'
  ringbench stream --protocol=http --server-cmd='nginx=./nginx.sh {port} {dir}' --backend=epoll+sendfile --duet`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return contest(cmd, &o, out) },
	}
	streamFlags(c, &g)
	findFlags(c, &o)
	comparisonFlags(c, &o, time.Second, 400*time.Millisecond)
	out.flags(c)
	return c
}

// streamFlags are the load's.
func streamFlags(c *cobra.Command, g *bench.StreamGrid) {
	g.FileSizes, g.BufSizes = []int{1 << 20}, []int{64 << 10}
	f := c.Flags()
	f.IntSliceVar(&g.Conns, "conns", []int{64}, "connections at a time")
	f.StringSliceVar(&g.Protocols, "protocol", []string{workloads.Raw}, "raw: connecting brings the file; http: a GET does")
	f.IntSliceVar(&g.RequestsPerConn, "requests-per-conn", []int{1}, "files that a connection asks for by http, one after the other")
	f.Var(sizes{&g.FileSizes}, "file-size", "of the file, such as 4k,1m,64m")
	f.Var(sizes{&g.BufSizes}, "buf-size", "of a buffer that a server reads into, such as 16k,64k")
	paceFlags(c, &g.Pace, "files a second, each on a connection of its own, of which at most --conns are open")
	f.StringVar(&g.Dir, "dir", os.TempDir(), "where ringbench's own file is made")
	f.StringSliceVar(&g.Networks, "network", []string{"tcp"}, "tcp, tcp6, unix")
	complete(c, map[string][]string{"network": workloads.Streams, "protocol": workloads.Protocols})
}
