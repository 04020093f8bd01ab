package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ringbench/ringbench/internal/meter"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/reports"
	"github.com/ringbench/ringbench/workloads"
)

// nginx is the command of an nginx of one worker that sends by sendfile, a head and
// the beginning of the file in one segment, and keeps the file open.
func nginx(t *testing.T) string {
	t.Helper()
	testenv.Need(t, "nginx", testenv.Program("nginx"))
	dir := t.TempDir()
	cfg := filepath.Join(dir, "template")
	if err := os.WriteFile(cfg, []byte(`
daemon off;
worker_processes 1;
pid OWN/pid;
events { worker_connections 1024; }
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	keepalive_requests 1000000;
	open_file_cache max=10;
	client_body_temp_path OWN/body;
	proxy_temp_path OWN/proxy;
	fastcgi_temp_path OWN/fastcgi;
	uwsgi_temp_path OWN/uwsgi;
	scgi_temp_path OWN/scgi;
	server {
		listen 127.0.0.1:PORT;
		root DIR;
	}
}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "$1") // several may run at a time
	return "nginx=" + script(t, "mkdir -p "+own, fmt.Sprintf(`sed "s:OWN:%s:; s:PORT:$1:; s:DIR:$2:" %s >%s/conf`, own, cfg, own),
		fmt.Sprintf("exec nginx -p %s -e %s/errors -c %s/conf", own, own, own)) + " {port} {dir}"
}

// nginx serves the file beside ours; nothing is left of it. With -long their CPU a file is compared:
//
//	go test ./internal/bench -run TestNginx -v -long
func TestNginx(t *testing.T) {
	testenv.Full(t)
	o := streamOptions(t, "epoll+sendfile")
	o.Commands, o.BackendsByUser = []string{nginx(t)}, true
	g := o.Grid.(*StreamGrid)
	g.Protocols, g.RequestsPerConn = []string{workloads.HTTP}, []int{3}
	if err := os.Chmod(filepath.Dir(g.Dir), 0o711); err != nil { // root's nginx has a worker that is not root
		t.Fatal(err)
	}
	if testenv.IsLong() {
		compareNginx(t, o)
		return
	}
	set := busyRun(t, o)
	if len(set.Trials) != 2 {
		t.Errorf("%d trials", len(set.Trials))
	}
	for i := range set.Trials {
		trial := &set.Trials[i]
		c := set.Plan.Cells[trial.Cell]
		if trial.Server == nil || trial.Ending != "" || trial.Bytes == 0 || c.Protocol != workloads.HTTP || c.Requests != 3 {
			t.Errorf("%s: %s, %d bytes, server %v, %s", set.Plan.Name(trial.Cell), c.Load, trial.Bytes, trial.Server, trial.Ending)
		}
	}
	if left, err := os.ReadDir(g.Dir); err != nil || len(left) > 0 {
		t.Errorf("%d files are left: %v", len(left), err)
	}
}

// compareNginx prints what ours take of nginx's CPU, and how many system calls each.
func compareNginx(t *testing.T, o Options) {
	g := o.Grid.(*StreamGrid)
	g.FileSizes, g.Conns, g.RequestsPerConn, g.BufSizes = []int{64 << 10, 1 << 20}, []int{64}, []int{1, 100}, []int{64 << 10}
	o.Duration, o.Warmup, o.Trials, o.Audit = 600e6, 200e6, 10, meter.CanTrace() == nil
	for _, backend := range []string{"epoll+sendfile", "threadpool+sendfile", "net", "net+cork"} {
		o.Backends, o.Duet, o.AA = []string{backend}, true, true
		if err := (reports.Terminal{}).Print(t.Output(), mustRun(t, o)); err != nil {
			t.Fatal(err)
		}
	}
}
