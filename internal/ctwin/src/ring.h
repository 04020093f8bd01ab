// What the io_uring programs beside this file share: a ring on raw system calls.
// SINGLE_ISSUER, DEFER_TASKRUN, registered ring descriptor, one enter a turn. Linux
// 6.1.
#include <errno.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 19, 0)
#error "the header linux/io_uring.h is older than Linux 5.19"
#endif
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

// Headers of distributions lag behind the kernel; these are its ABI.
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif

enum { SQ = 1024, CQ = 8192 };

static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static _Atomic unsigned *sq_tail, *cq_head, *cq_tail;
static unsigned sq_mask, cq_mask, tail, submitted;
static int ring, ring_fd_flag;
static unsigned features; // of the kernel, IORING_FEAT_…

static int enter(unsigned submit, unsigned min, unsigned flags) {
	return syscall(__NR_io_uring_enter, ring, submit, min, flags | ring_fd_flag, NULL, 0);
}

static void flush(unsigned min) {
	atomic_store_explicit(sq_tail, tail, memory_order_release);
	int n = enter(tail - submitted, min, IORING_ENTER_GETEVENTS);
	if (n < 0 && errno != EINTR && errno != EAGAIN && errno != EBUSY)
		die("io_uring_enter");
	if (n > 0)
		submitted += n;
}

static struct io_uring_sqe *get(int what, int fd) {
	while (tail - submitted == SQ)
		flush(0);
	struct io_uring_sqe *e = &sqes[tail++ & sq_mask];
	memset(e, 0, sizeof *e);
	e->fd = fd;
	e->user_data = (uint64_t)what << 32 | (uint32_t)fd;
	return e;
}

// make_ring leaves NO_SQARRAY out where the kernel is older than Linux 6.6.
static void make_ring(struct io_uring_params *p) {
	for (unsigned young = IORING_SETUP_NO_SQARRAY;; young = 0) {
		*p = (struct io_uring_params){
			.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | young,
			.cq_entries = CQ,
		};
		ring = syscall(__NR_io_uring_setup, SQ, p);
		if (ring >= 0)
			return;
		if (errno != EINVAL)
			die("io_uring_setup");
		if (young == 0) {
			fprintf(stderr, "SINGLE_ISSUER with DEFER_TASKRUN needs Linux 6.1\n");
			exit(1);
		}
	}
}

// setup makes and maps the ring, for the thread that calls it.
static void setup(void) {
	struct io_uring_params p;
	make_ring(&p);
	features = p.features;
	int indexed = !(p.flags & IORING_SETUP_NO_SQARRAY);
	size_t len = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	size_t array_end = p.sq_off.array + p.sq_entries * sizeof(unsigned);
	if (indexed && len < array_end)
		len = array_end;
	char *m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	if (m == MAP_FAILED || sqes == MAP_FAILED)
		die("mmap");
	sq_tail = (void *)(m + p.sq_off.tail);
	cq_head = (void *)(m + p.cq_off.head);
	cq_tail = (void *)(m + p.cq_off.tail);
	cqes = (void *)(m + p.cq_off.cqes);
	sq_mask = p.sq_entries - 1;
	cq_mask = p.cq_entries - 1;
	for (unsigned i = 0; indexed && i < p.sq_entries; i++)
		((unsigned *)(m + p.sq_off.array))[i] = i; // entries are used in their order
}

// register_ring spares each enter the look-up of its descriptor. It comes after what
// else is registered.
static void register_ring(void) {
	struct io_uring_rsrc_update up = {.offset = -1U, .data = ring};
	if (syscall(__NR_io_uring_register, ring, 20 /* REGISTER_RING_FDS */, &up, 1) == 1) {
		ring = up.offset;
		ring_fd_flag = 1U << 4; // IORING_ENTER_REGISTERED_RING
	}
}

// reap hands out what has completed.
static void reap(void (*complete)(struct io_uring_cqe *)) {
	unsigned head = atomic_load_explicit(cq_head, memory_order_relaxed);
	unsigned stop = atomic_load_explicit(cq_tail, memory_order_acquire);
	for (; head != stop; head++) {
		struct io_uring_cqe q = cqes[head & cq_mask];
		complete(&q);
	}
	atomic_store_explicit(cq_head, head, memory_order_release);
}
