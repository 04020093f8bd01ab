// An echo server on io_uring: the C twin of backends/uring under the echo
// workload, on raw system calls. SINGLE_ISSUER, DEFER_TASKRUN, registered ring
// descriptor, multishot accept, multishot receive into a provided buffer ring,
// one enter a turn, one send in flight a connection. Linux 6.1.
//
// Usage: uring PORT [BUFFER [BUFFERS]], or: uring check, whether it can run here
#define _GNU_SOURCE
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

#include "server.h"

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
#define RECV_MULTISHOT (1U << 1)
#define ACCEPT_MULTISHOT (1U << 0)

enum { SQ = 1024, CQ = 8192, MAX_BUFS = 1 << 15, GROUP = 0 };
enum { ACCEPT, RECV, SEND, CLOSE };

struct conn {
	uint16_t head, tail, n; // queue of buffers to be sent, linked by next
	uint32_t off;           // of the first, sent already
	char armed;             // a receive is with the kernel
	char starved;           // it waits in line for a buffer
	char eof;               // nothing more will come, or can be sent
};

static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static _Atomic unsigned *sq_tail, *cq_head, *cq_tail;
static unsigned sq_mask, cq_mask, tail, submitted;
static int ring, ring_fd_flag;
static struct io_uring_buf_ring *bufring;
static uint16_t buf_tail;
static char *bufs;
static size_t size;           // of a buffer
static unsigned nbufs, nfree; // buffers, and how many of them the kernel has
static uint16_t next[MAX_BUFS];
static uint32_t lens[MAX_BUFS];
static struct conn *conns;
static int listener;
static int *line; // connections that wait for a buffer, first come, first served
static size_t line_head, line_tail, line_size;

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

static void arm_accept(void) {
	struct io_uring_sqe *e = get(ACCEPT, listener);
	e->opcode = IORING_OP_ACCEPT;
	e->accept_flags = SOCK_CLOEXEC;
	e->ioprio = ACCEPT_MULTISHOT;
}

static void arm_recv(int fd) {
	struct io_uring_sqe *e = get(RECV, fd);
	e->opcode = IORING_OP_RECV;
	e->ioprio = RECV_MULTISHOT;
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = GROUP;
	conns[fd].armed = 1;
}

static void send_front(int fd) {
	struct conn *c = &conns[fd];
	struct io_uring_sqe *e = get(SEND, fd);
	e->opcode = IORING_OP_SEND;
	e->addr = (uintptr_t)(bufs + c->head * size + c->off);
	e->len = lens[c->head] - c->off;
	e->msg_flags = MSG_NOSIGNAL;
}

static void give_back(uint16_t bid) {
	struct io_uring_buf *b = &bufring->bufs[buf_tail++ & (nbufs - 1)];
	b->addr = (uintptr_t)(bufs + bid * size);
	b->len = size;
	b->bid = bid;
	atomic_store_explicit((_Atomic uint16_t *)&bufring->tail, buf_tail, memory_order_release);
	nfree++;
}

// settle closes a connection when nothing of it is left in flight.
static void settle(int fd) {
	struct conn *c = &conns[fd];
	if (!c->eof || c->n > 0 || c->armed || c->starved)
		return;
	struct io_uring_sqe *e = get(CLOSE, fd);
	e->opcode = IORING_OP_CLOSE;
}

// feed lets as many go on receiving as there are buffers for.
static void feed(void) {
	for (unsigned n = nfree; n > 0 && line_head != line_tail; n--) {
		int fd = line[line_head++ % line_size];
		conns[fd].starved = 0;
		if (conns[fd].eof)
			settle(fd);
		else
			arm_recv(fd);
	}
}

static void received(int fd, struct io_uring_cqe *q) {
	struct conn *c = &conns[fd];
	if (!(q->flags & IORING_CQE_F_MORE))
		c->armed = 0;
	if (q->res == -ENOBUFS) {
		c->starved = 1;
		line[line_tail++ % line_size] = fd;
		return;
	}
	if (q->res <= 0) {
		c->eof = 1;
		settle(fd);
		return;
	}
	uint16_t bid = q->flags >> IORING_CQE_BUFFER_SHIFT;
	nfree--;
	if (c->eof) { // the way back is lost
		give_back(bid);
		settle(fd);
		return;
	}
	lens[bid] = q->res;
	if (c->n++ == 0) {
		c->head = c->tail = bid;
		c->off = 0;
		send_front(fd);
	} else {
		next[c->tail] = bid;
		c->tail = bid;
	}
	if (!c->armed)
		arm_recv(fd);
}

// drop_front gives the buffer that was sent back.
static void drop_front(struct conn *c) {
	uint16_t bid = c->head;
	c->head = next[bid];
	c->off = 0;
	c->n--;
	give_back(bid);
}

static void sent(int fd, int res) {
	struct conn *c = &conns[fd];
	if (res < 0) {
		while (c->n > 0)
			drop_front(c);
		c->eof = 1;
		shutdown(fd, SHUT_RDWR); // which ends the receive
		settle(fd);
		return;
	}
	c->off += res;
	if (c->off < lens[c->head]) {
		send_front(fd);
		return;
	}
	drop_front(c);
	if (c->n > 0)
		send_front(fd);
	else
		settle(fd);
}

static void complete(struct io_uring_cqe *q) {
	int fd = (uint32_t)q->user_data;
	switch (q->user_data >> 32) {
	case ACCEPT:
		if (q->res >= 0) {
			conns[q->res] = (struct conn){0};
			arm_recv(q->res);
		} else {
			check_accept(-q->res);
		}
		if (!(q->flags & IORING_CQE_F_MORE))
			arm_accept();
		break;
	case RECV:
		received(fd, q);
		break;
	case SEND:
		sent(fd, q->res);
	}
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

static void setup(void) {
	struct io_uring_params p;
	make_ring(&p);
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
	bufs = mmap(NULL, nbufs * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bufring = mmap(NULL, nbufs * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bufs == MAP_FAILED || bufring == MAP_FAILED)
		die("mmap");
	struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)bufring, .ring_entries = nbufs, .bgid = GROUP};
	if (syscall(__NR_io_uring_register, ring, 22 /* REGISTER_PBUF_RING */, &reg, 1) != 0)
		die("register buffer ring");
	struct io_uring_rsrc_update up = {.offset = -1U, .data = ring};
	if (syscall(__NR_io_uring_register, ring, 20 /* REGISTER_RING_FDS */, &up, 1) == 1) {
		ring = up.offset;
		ring_fd_flag = 1U << 4; // IORING_ENTER_REGISTERED_RING
	}
	for (unsigned i = 0; i < nbufs; i++)
		give_back(i);
}

int main(int argc, char **argv) {
	if (argc < 2) {
		fprintf(stderr, "usage: %s PORT [BUFFER [BUFFERS]]\n       %s check\n", argv[0], argv[0]);
		return 2;
	}
	if (strcmp(argv[1], "check") == 0) {
		size = nbufs = 1;
		setup();
		return 0;
	}
	size = number(argc, argv, 2, 4096);
	unsigned want = number(argc, argv, 3, 512);
	for (nbufs = 1; nbufs < want && nbufs < MAX_BUFS;)
		nbufs *= 2;
	line_size = raise_files();
	conns = calloc(line_size, sizeof *conns);
	line = calloc(line_size, sizeof *line);
	if (conns == NULL || line == NULL)
		die("calloc");
	listener = listen_on(number(argc, argv, 1, 0), 0);
	setup();
	arm_accept();
	for (;;) {
		flush(1);
		unsigned head = atomic_load_explicit(cq_head, memory_order_relaxed);
		unsigned stop = atomic_load_explicit(cq_tail, memory_order_acquire);
		for (; head != stop; head++) {
			struct io_uring_cqe q = cqes[head & cq_mask];
			complete(&q);
		}
		atomic_store_explicit(cq_head, head, memory_order_release);
		feed();
	}
}
