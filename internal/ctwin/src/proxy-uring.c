// A proxy on io_uring: the C twin of backends/uring under the proxy workload.
// Multishot receives into a provided buffer ring, in bundles where the kernel has
// them (Linux 6.10); one send in flight each way, of all that waits. A direction in
// which much waits has its receive called off until it is sent, and what is received
// when half of the buffers are taken is copied, so that nobody waits for a buffer
// for longer than a turn.
//
// Usage: proxy-uring PORT ORIGIN [BUFFER [BUFFERS]], or: proxy-uring check, whether
// it can run here
#define _GNU_SOURCE
#include "server.h"
#include "ring.h"
#include "multishot.h"
#include "origin.h"

#include <sys/uio.h>

// The ABI of Linux 5.19 and 6.10.
#define CANCEL_FD_ALL ((1U << 0) | (1U << 1)) // IORING_ASYNC_CANCEL_ALL, …_FD
#define RECV_BUNDLE (1U << 4)                  // IORING_RECVSEND_BUNDLE
#define FEAT_BUNDLE (1U << 14)                 // IORING_FEAT_RECVSEND_BUNDLE

enum { QUEUE = 16 /* pieces of a direction, then its receive is called off */ };

// A piece is what was received and not sent: in buffer bid, or copied behind itself.
struct piece {
	struct piece *next;
	char *data;
	uint32_t len;
	int bid; // -1: copied
};

// A side is one end of a connection, and the direction from it to its peer.
struct side {
	struct piece *head, *last; // received, the first of them in flight
	unsigned n;
	uint32_t off; // of the first, sent already
	int peer;
	int lent;         // ops in flight
	char armed;       // a receive is
	char sending;     // a send is
	char calling_off; // a cancellation of the receive is
	char eof;         // nothing more will come
	char ended;       // and the peer has been told
	char closing;
	char is_origin;
	struct msghdr msg;
	struct iovec iov[QUEUE];
};

static struct side *sides;
static struct piece pieces[MAX_BUFS];
static struct piece *spare; // of copies that were sent, to be used again
static uint16_t taken; // buffers that the kernel has taken, in the order of the ring
static int recv_flags;

static struct io_uring_sqe *lend(int what, int fd, int opcode) {
	struct io_uring_sqe *e = get(what, fd);
	e->opcode = opcode;
	sides[fd].lent++;
	return e;
}

static void receive(int fd) {
	arm_recv(fd, recv_flags);
	sides[fd].lent++;
	sides[fd].armed = 1;
}

// call_off holds the source back.
static void call_off(int fd) {
	struct side *s = &sides[fd];
	if (!s->armed || s->calling_off)
		return;
	s->calling_off = 1;
	lend(CANCEL, fd, IORING_OP_ASYNC_CANCEL)->addr = (uint64_t)RECV << 32 | (uint32_t)fd;
}

// drop_front ends the first piece.
static void drop_front(struct side *s) {
	struct piece *p = s->head;
	s->head = p->next;
	s->off = 0;
	s->n--;
	if (p->bid >= 0) {
		give_back(p->bid);
		return;
	}
	p->next = spare;
	spare = p;
}

// settle closes a connection when nothing of it is left in flight.
static void settle(int fd) {
	int peer = sides[fd].peer;
	if (sides[fd].lent > 0 || sides[peer].lent > 0)
		return;
	for (int i = 0; i < 2; i++, fd = peer) {
		while (sides[fd].n > 0)
			drop_front(&sides[fd]);
		get(CLOSE, fd)->opcode = IORING_OP_CLOSE;
	}
}

// lose ends a connection of which one side has failed, and all that is in flight.
static void lose(int fd) {
	int peer = sides[fd].peer;
	if (sides[fd].closing)
		return;
	sides[fd].closing = sides[peer].closing = 1;
	reset_at_close(sides[fd].is_origin ? fd : peer);
	for (int i = 0; i < 2; i++, fd = peer)
		lend(CANCEL, fd, IORING_OP_ASYNC_CANCEL)->cancel_flags = CANCEL_FD_ALL;
}

// send_off sends what waits.
static void send_off(int fd) {
	struct side *s = &sides[fd];
	struct io_uring_sqe *e = lend(SEND, fd, s->n == 1 ? IORING_OP_SEND : IORING_OP_SENDMSG);
	struct piece *p = s->head;
	s->sending = 1;
	e->fd = s->peer;
	e->msg_flags = MSG_NOSIGNAL;
	if (s->n == 1) {
		e->addr = (uintptr_t)(p->data + s->off);
		e->len = p->len - s->off;
		return;
	}
	unsigned n = 0;
	for (; n < s->n && n < QUEUE; n++, p = p->next)
		s->iov[n] = (struct iovec){p->data, p->len};
	s->iov[0].iov_base = s->head->data + s->off;
	s->iov[0].iov_len -= s->off;
	s->msg = (struct msghdr){.msg_iov = s->iov, .msg_iovlen = n};
	e->addr = (uintptr_t)&s->msg;
	e->len = 1;
}

// advance goes on with whatever is next in a direction.
static void advance(int fd) {
	struct side *s = &sides[fd];
	if (s->closing || s->sending)
		return;
	if (s->n > 0) {
		send_off(fd);
	} else if (s->eof && sides[s->peer].ended) {
		s->closing = sides[s->peer].closing = 1;
	} else if (s->eof && !s->ended) {
		s->ended = 1;
		struct io_uring_sqe *e = lend(SHUTDOWN, fd, IORING_OP_SHUTDOWN);
		e->fd = s->peer;
		e->len = SHUT_WR;
	} else if (!s->eof && !s->armed) {
		receive(fd);
	}
}

// keep queues the first len bytes of a buffer.
static void keep(struct side *s, uint16_t bid, uint32_t len) {
	struct piece *p = &pieces[bid];
	*p = (struct piece){.data = bufs + bid * size, .len = len, .bid = bid};
	if (nfree <= nbufs / 2) {
		p = spare;
		if (p != NULL)
			spare = p->next;
		else if ((p = malloc(sizeof *p + size)) == NULL)
			die("malloc");
		*p = (struct piece){.data = (char *)(p + 1), .len = len, .bid = -1};
		memcpy(p->data, bufs + bid * size, len);
		give_back(bid);
	}
	if (s->n++ == 0)
		s->head = p;
	else
		s->last->next = p;
	s->last = p;
}

static void received(int fd, struct io_uring_cqe *q) {
	struct side *s = &sides[fd];
	if (!(q->flags & IORING_CQE_F_MORE)) {
		s->armed = 0;
		s->lent--;
	}
	if (q->res == 0)
		s->eof = 1;
	if (q->res < 0 && q->res != -ENOBUFS && q->res != -ECANCELED) {
		lose(fd);
		return;
	}
	if (q->res > 0 && q->flags >> IORING_CQE_BUFFER_SHIFT != bufring->bufs[taken & (nbufs - 1)].bid)
		die("buffers came in another order than they were given");
	for (int left = q->res; left > 0; left -= size) {
		nfree--;
		keep(s, bufring->bufs[taken++ & (nbufs - 1)].bid, left < (int)size ? left : (int)size);
	}
	if (s->sending && (s->n >= QUEUE || nfree <= nbufs / 2))
		call_off(fd);
	advance(fd);
}

static void sent(int fd, int res) {
	struct side *s = &sides[fd];
	s->sending = 0;
	s->lent--;
	if (res < 0) {
		lose(fd);
		return;
	}
	s->off += res;
	while (s->n > 0 && s->off >= s->head->len) {
		uint32_t over = s->off - s->head->len;
		drop_front(s);
		s->off = over;
	}
	advance(fd);
}

static void take(int fd) {
	int to = origin_socket(0);
	sides[fd] = (struct side){.peer = to};
	sides[to] = (struct side){.peer = fd, .is_origin = 1};
	struct io_uring_sqe *e = lend(CONNECT, to, IORING_OP_CONNECT);
	e->addr = (uintptr_t)&origin;
	e->off = sizeof origin;
}

static void complete(struct io_uring_cqe *q) {
	int fd = (uint32_t)q->user_data;
	switch (q->user_data >> 32) {
	case ACCEPT:
		if (q->res >= 0)
			take(q->res);
		else
			check_accept(-q->res);
		if (!(q->flags & IORING_CQE_F_MORE))
			arm_accept();
		return;
	case CLOSE:
		return;
	case CONNECT:
	case SHUTDOWN:
		sides[fd].lent--;
		if (q->res < 0) {
			lose(fd);
		} else if (q->user_data >> 32 == CONNECT) {
			advance(fd);
			advance(sides[fd].peer);
		}
		break;
	case CANCEL:
		sides[fd].lent--;
		sides[fd].calling_off = 0;
		break;
	case RECV:
		received(fd, q);
		break;
	case SEND:
		sent(fd, q->res);
	}
	if (sides[fd].closing)
		settle(fd);
}

int main(int argc, char **argv) {
	if (argc < 3 && (argc < 2 || strcmp(argv[1], "check") != 0)) {
		fprintf(stderr, "usage: %s PORT ORIGIN [BUFFER [BUFFERS]]\n       %s check\n", argv[0], argv[0]);
		return 2;
	}
	prepare(argc, argv, 3);
	parse_origin(argv[2]);
	if (features & FEAT_BUNDLE)
		recv_flags = RECV_BUNDLE;
	sides = calloc(raise_files(), sizeof *sides);
	if (sides == NULL)
		die("calloc");
	listener = listen_on(number(argc, argv, 1, 0), 0);
	arm_accept();
	for (;;) {
		flush(1);
		reap(complete);
	}
}
