// A proxy on edge-triggered epoll that copies: the C twin of backends/epoll under the
// proxy workload.
//
// Usage: proxy-epoll PORT ORIGIN [BUFFER]
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>

#include "server.h"
#include "origin.h"

// A passage has a buffer only while some of what was received is not sent.
struct passage {
	char *rest;
	size_t at; // of what is held, in its buffer
};

#include "relay.h"

// A spare is a buffer that is not in use.
struct spare {
	struct spare *next;
};

static char *buf; // that the next receive goes to
static size_t size;
static struct spare *spares;

static char *new_buffer(void) {
	void *b = spares;
	if (b != NULL)
		spares = spares->next;
	else if (posix_memalign(&b, 4096, size) != 0)
		die("posix_memalign");
	return b;
}

static void open_passage(struct passage *p) { (void)p; }

static void close_passage(struct passage *p) {
	struct spare *b = (void *)p->rest;
	if (b == NULL)
		return;
	b->next = spares;
	spares = b;
	p->rest = NULL;
}

static ssize_t fill(struct side *s, int from) {
	s->passage.at = 0;
	return recv(from, buf, size, MSG_DONTWAIT);
}

static int drained(int fd, size_t n) { return n < size && !sides[fd].last; }

static ssize_t empty(struct side *s, int to) {
	struct passage *p = &s->passage;
	char *b = p->rest != NULL ? p->rest : buf;
	ssize_t n = send(to, b + p->at, s->held, MSG_DONTWAIT | MSG_NOSIGNAL);
	int error = errno;
	if (n == (ssize_t)s->held) {
		close_passage(p);
	} else if (p->rest == NULL) {
		p->rest = buf;
		buf = new_buffer();
	}
	if (n > 0)
		p->at += n;
	errno = error;
	return n;
}

int main(int argc, char **argv) {
	if (argc < 3) {
		fprintf(stderr, "usage: %s PORT ORIGIN [BUFFER]\n", argv[0]);
		return 2;
	}
	parse_origin(argv[2]);
	size = number(argc, argv, 3, 262144);
	if (size < sizeof(struct spare))
		size = sizeof(struct spare);
	buf = new_buffer();
	relay(number(argc, argv, 1, 0));
}
