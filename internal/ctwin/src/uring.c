// An echo server on io_uring: the C twin of backends/uring under the echo
// workload. Multishot receive into a provided buffer ring, one send in flight a
// connection; ring.h and multishot.h have the rest.
//
// Usage: uring PORT [BUFFER [BUFFERS]], or: uring check, whether it can run here
#define _GNU_SOURCE
#include "server.h"
#include "ring.h"
#include "multishot.h"

struct conn {
	uint16_t head, tail, n; // queue of buffers to be sent, linked by next
	uint32_t off;           // of the first, sent already
	char armed;             // a receive is with the kernel
	char starved;           // it waits in line for a buffer
	char eof;               // nothing more will come, or can be sent
};

static uint16_t next[MAX_BUFS];
static uint32_t lens[MAX_BUFS];
static struct conn *conns;
static int *line; // connections that wait for a buffer, first come, first served
static size_t line_head, line_tail, line_size;

static void receive(int fd) {
	arm_recv(fd, 0);
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
			receive(fd);
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
		receive(fd);
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
			receive(q->res);
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

int main(int argc, char **argv) {
	if (argc < 2) {
		fprintf(stderr, "usage: %s PORT [BUFFER [BUFFERS]]\n       %s check\n", argv[0], argv[0]);
		return 2;
	}
	prepare(argc, argv, 2);
	line_size = raise_files();
	conns = calloc(line_size, sizeof *conns);
	line = calloc(line_size, sizeof *line);
	if (conns == NULL || line == NULL)
		die("calloc");
	listener = listen_on(number(argc, argv, 1, 0), 0);
	arm_accept();
	for (;;) {
		flush(1);
		reap(complete);
		feed();
	}
}
