// An echo server on io_uring: the C twin of backends/uring under the echo
// workload, on raw system calls. SINGLE_ISSUER, DEFER_TASKRUN, registered ring
// descriptor, multishot accept, multishot receive into a provided buffer ring,
// one enter a turn, one send in flight a connection.
//
// Usage: uring PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

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

enum { SQ = 1024, CQ = 8192, BUFS = 512, BUF = 4096, GROUP = 0 };
enum { ACCEPT, RECV, SEND, CLOSE };

struct conn {
	uint16_t head, tail, n; // queue of buffers to be sent, linked by next
	uint16_t off;           // of the first, sent already
	int eof, armed;
};

static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static _Atomic unsigned *sq_tail, *sq_head, *cq_head, *cq_tail, *sq_flags;
static unsigned sq_mask, cq_mask, tail, submitted;
static int ring, ring_fd_flag;
static struct io_uring_buf_ring *bufring;
static uint16_t buf_tail;
static char *bufs;
static uint16_t next[BUFS];
static uint32_t lens[BUFS];
static struct conn *conns;
static int listener;
static int starved[1 << 16], nstarved;

static void die(const char *what) {
	perror(what);
	exit(1);
}

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
	e->addr = (uintptr_t)(bufs + (size_t)c->head * BUF + c->off);
	e->len = lens[c->head] - c->off;
	e->msg_flags = MSG_NOSIGNAL;
}

static void give_back(uint16_t bid) {
	struct io_uring_buf *b = &bufring->bufs[buf_tail++ & (BUFS - 1)];
	b->addr = (uintptr_t)(bufs + (size_t)bid * BUF);
	b->len = BUF;
	b->bid = bid;
	atomic_store_explicit((_Atomic uint16_t *)&bufring->tail, buf_tail, memory_order_release);
	while (nstarved > 0)
		arm_recv(starved[--nstarved]);
}

static void hang_up(int fd) {
	struct conn *c = &conns[fd];
	for (; c->n > 0; c->n--) {
		uint16_t bid = c->head;
		c->head = next[bid];
		give_back(bid);
	}
	struct io_uring_sqe *e = get(CLOSE, fd);
	e->opcode = IORING_OP_CLOSE;
}

static void received(int fd, struct io_uring_cqe *q) {
	struct conn *c = &conns[fd];
	if (!(q->flags & IORING_CQE_F_MORE))
		c->armed = 0;
	if (q->res == -ENOBUFS) {
		starved[nstarved++] = fd;
		return;
	}
	if (q->res <= 0) {
		c->eof = 1;
		if (c->n == 0)
			hang_up(fd);
		return;
	}
	uint16_t bid = q->flags >> IORING_CQE_BUFFER_SHIFT;
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

static void sent(int fd, int res) {
	struct conn *c = &conns[fd];
	if (res < 0) {
		hang_up(fd);
		return;
	}
	c->off += res;
	if (c->off < lens[c->head]) {
		send_front(fd);
		return;
	}
	uint16_t bid = c->head;
	c->head = next[bid];
	c->off = 0;
	c->n--;
	give_back(bid);
	if (c->n > 0)
		send_front(fd);
	else if (c->eof)
		hang_up(fd);
}

static void complete(struct io_uring_cqe *q) {
	int fd = (uint32_t)q->user_data;
	switch (q->user_data >> 32) {
	case ACCEPT:
		if (q->res >= 0) {
			conns[q->res] = (struct conn){0};
			arm_recv(q->res);
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

static void setup(void) {
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_NO_SQARRAY,
		.cq_entries = CQ,
	};
	ring = syscall(__NR_io_uring_setup, SQ, &p);
	if (ring < 0)
		die("io_uring_setup");
	size_t size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	char *m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
	if (m == MAP_FAILED || sqes == MAP_FAILED)
		die("mmap");
	sq_head = (void *)(m + p.sq_off.head);
	sq_tail = (void *)(m + p.sq_off.tail);
	sq_flags = (void *)(m + p.sq_off.flags);
	cq_head = (void *)(m + p.cq_off.head);
	cq_tail = (void *)(m + p.cq_off.tail);
	cqes = (void *)(m + p.cq_off.cqes);
	sq_mask = p.sq_entries - 1;
	cq_mask = p.cq_entries - 1;
	struct io_uring_rsrc_update up = {.offset = -1U, .data = ring};
	if (syscall(__NR_io_uring_register, ring, 20 /* REGISTER_RING_FDS */, &up, 1) == 1) {
		ring = up.offset;
		ring_fd_flag = 1U << 4; // IORING_ENTER_REGISTERED_RING
	}
	bufs = mmap(NULL, (size_t)BUFS * BUF, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bufring = mmap(NULL, BUFS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)bufring, .ring_entries = BUFS, .bgid = GROUP};
	int direct = ring_fd_flag ? (int)(1U << 31) : 0; // IORING_REGISTER_USE_REGISTERED_RING
	if (syscall(__NR_io_uring_register, ring, 22 /* REGISTER_PBUF_RING */ | direct, &reg, 1) != 0)
		die("register buffer ring");
	for (int i = 0; i < BUFS; i++)
		give_back(i);
}

int main(int argc, char **argv) {
	if (argc != 2) {
		fprintf(stderr, "usage: %s PORT\n", argv[0]);
		return 2;
	}
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	conns = calloc(files.rlim_cur, sizeof *conns);
	int one = 1;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(listener, 65535) != 0)
		die("listen");
	setup();
	arm_accept();
	for (;;) {
		flush(1);
		unsigned head = atomic_load_explicit(cq_head, memory_order_relaxed);
		unsigned end = atomic_load_explicit(cq_tail, memory_order_acquire);
		for (; head != end; head++) {
			struct io_uring_cqe q = cqes[head & cq_mask];
			complete(&q);
		}
		atomic_store_explicit(cq_head, head, memory_order_release);
	}
}
