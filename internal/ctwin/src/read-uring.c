// Reads of a file by one ring: the C twin of backends/uring under the read workload.
//
// Usage: read-uring FILE BYTES BLOCK DEPTH SEED random|sequential [direct],
// or: read-uring check, whether it can run here
#define _GNU_SOURCE
#include "program.h"
#include "ring.h"
#include "drive.h"

// A slot is one read in flight.
struct slot {
	char *buf;
	uint64_t off;
	int64_t since;
};

static struct slot slots[MAX_DEPTH];
static int idle[MAX_DEPTH]; // slots with nothing in flight
static int depth, nidle;
static int64_t turn_end;
static struct worker *worker;

static void complete(struct io_uring_cqe *q) {
	struct slot *s = &slots[(uint32_t)q->user_data];
	take(worker, s->buf, s->off, q->res, s->since, turn_end);
	idle[nidle++] = s - slots;
}

static void turn(void) {
	flush(1);
	turn_end = now();
	reap(complete);
}

static void *work(void *arg) {
	worker = arg;
	setup();
	register_ring();
	char *bufs = buffer(depth);
	for (; nidle < depth; nidle++) {
		slots[nidle].buf = bufs + nidle * ((block_size + PAGE - 1) & -(uint64_t)PAGE);
		idle[nidle] = nidle;
	}
	await();
	do {
		int64_t since = now();
		while (nidle > 0) {
			int i = idle[--nidle];
			struct slot *s = &slots[i];
			struct io_uring_sqe *e = get(0, i);
			s->off = place(worker);
			s->since = since;
			e->opcode = IORING_OP_READ;
			e->fd = file;
			e->addr = (uintptr_t)s->buf;
			e->len = block_size;
			e->off = s->off;
		}
		turn();
	} while (!atomic_load_explicit(&stopped, memory_order_relaxed));
	while (nidle < depth)
		turn();
	return NULL;
}

int main(int argc, char **argv) {
	if (argc == 2 && strcmp(argv[1], "check") == 0) {
		setup();
		return 0;
	}
	if (argc < 7) {
		fprintf(stderr, "usage: %s FILE BYTES BLOCK DEPTH SEED random|sequential [direct]\n       %s check\n", argv[0], argv[0]);
		return 2;
	}
	depth = number(argc, argv, 4, 1);
	if (depth > MAX_DEPTH) {
		fprintf(stderr, "%s: at most %d are in flight\n", argv[0], MAX_DEPTH);
		return 2;
	}
	drive(argv, 1, work);
}
