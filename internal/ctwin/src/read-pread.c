// Reads of a file by threads that block in pread: the C twin of backends/threadpool
// under the read workload.
//
// Usage: read-pread FILE BYTES BLOCK DEPTH SEED random|sequential [direct]
#define _GNU_SOURCE
#include "program.h"
#include "drive.h"

static void *work(void *arg) {
	struct worker *w = arg;
	char *buf = buffer(1);
	await();
	do {
		int64_t since = now();
		uint64_t off = place(w);
		ssize_t n;
		do
			n = pread(file, buf, block_size, off);
		while (n < 0 && errno == EINTR);
		take(w, buf, off, n < 0 ? -errno : n, since, now());
	} while (!atomic_load_explicit(&stopped, memory_order_relaxed));
	return NULL;
}

int main(int argc, char **argv) {
	if (argc < 7) {
		fprintf(stderr, "usage: %s FILE BYTES BLOCK DEPTH SEED random|sequential [direct]\n", argv[0]);
		return 2;
	}
	long depth = number(argc, argv, 4, 1);
	drive(argv, depth, work);
}
