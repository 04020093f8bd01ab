// A proxy on edge-triggered epoll that leaves the bytes in the kernel, by splice
// through a pipe each way: the C twin of backends/epoll with splice under the proxy
// workload. A pipe is filled when it is empty: EAGAIN would else not tell which of
// pipe and socket it means.
//
// Usage: proxy-splice PORT ORIGIN
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

#include "server.h"
#include "origin.h"

struct passage {
	int pipe[2];
};

#include "relay.h"

enum { MOST = 1 << 20, MESSAGE = 4096, FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK };

static void open_passage(struct passage *p) {
	if (pipe2(p->pipe, O_CLOEXEC) != 0)
		die("pipe");
}

static void close_passage(struct passage *p) {
	close(p->pipe[0]);
	close(p->pipe[1]);
}

static ssize_t fill(struct side *s, int from) { return splice(from, NULL, s->passage.pipe[1], NULL, MOST, FLAGS); }

static ssize_t empty(struct side *s, int to) { return splice(s->passage.pipe[0], NULL, to, NULL, s->held, FLAGS); }

// A pipe is full when its slots are, with however little: a short splice says
// nothing of the socket. One that brought a message, and at which nobody waits for
// room, is watched by level from then on, so that the next wait tells.
static int drained(int fd, size_t n) {
	struct side *s = &sides[fd];
	if (n > MESSAGE || sides[s->peer].held > 0)
		return 0;
	if (!s->level) {
		watch(EPOLL_CTL_MOD, fd, READ_INTEREST & ~EPOLLET);
		s->level = 1;
		s->asked = 0;
	}
	return 1;
}

int main(int argc, char **argv) {
	if (argc < 3) {
		fprintf(stderr, "usage: %s PORT ORIGIN\n", argv[0]);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); // splice takes no MSG_NOSIGNAL
	parse_origin(argv[2]);
	relay(number(argc, argv, 1, 0));
}
