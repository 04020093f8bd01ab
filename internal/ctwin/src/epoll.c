// An echo server on edge-triggered epoll: the C twin of backends/epoll under the
// echo workload. One thread; ready bits, so that no call is made only to hear
// EAGAIN; write interest only when a send falls short.
//
// Usage: epoll PORT [BUFFER]
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>

#include "server.h"

#define READ_INTEREST (EPOLLIN | EPOLLRDHUP | EPOLLET)
enum { EVENTS = 512 };

struct conn {
	char *rest; // received, not yet sent because the socket was full
	size_t len;
	int last; // the peer has closed: data is no longer announced
};

static struct conn *conns;
static int epfd;
static void *buf;
static ssize_t size; // of buf

static void watch(int call, int fd, uint32_t events) {
	struct epoll_event ev = {.events = events, .data.fd = fd};
	if (epoll_ctl(epfd, call, fd, &ev) != 0)
		die("epoll_ctl");
}

static void hang_up(int fd) {
	free(conns[fd].rest);
	conns[fd] = (struct conn){0};
	close(fd);
}

// put sends b; what does not fit is kept. It returns 0, or -1 when the
// connection is lost.
static int put(int fd, const char *b, size_t n) {
	struct conn *c = &conns[fd];
	ssize_t k = send(fd, b, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (k < 0 && errno != EAGAIN && errno != EINTR)
		return -1;
	if (k < 0)
		k = 0;
	if ((size_t)k == n)
		return 0;
	char *rest = malloc(n - k);
	if (rest == NULL)
		die("malloc");
	memcpy(rest, b + k, n - k);
	free(c->rest);
	c->rest = rest;
	c->len = n - k;
	watch(EPOLL_CTL_MOD, fd, READ_INTEREST | EPOLLOUT);
	return 0;
}

// drain echoes until the socket is empty or the way back is full.
static void drain(int fd) {
	struct conn *c = &conns[fd];
	while (c->rest == NULL) {
		ssize_t n = recv(fd, buf, size, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0 || put(fd, buf, n) != 0) {
			hang_up(fd);
			return;
		}
		if (n < size && !c->last)
			return; // the next arrival is announced
	}
}

static void flush(int fd) {
	struct conn *c = &conns[fd];
	char *rest = c->rest;
	if (rest == NULL)
		return;
	c->rest = NULL;
	int lost = put(fd, rest, c->len);
	free(rest);
	if (lost != 0) {
		hang_up(fd);
		return;
	}
	if (c->rest == NULL) {
		watch(EPOLL_CTL_MOD, fd, READ_INTEREST);
		drain(fd);
	}
}

static void take(int listener) {
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && errno == EAGAIN)
			return;
		if (fd < 0) {
			check_accept(errno);
			continue;
		}
		watch(EPOLL_CTL_ADD, fd, READ_INTEREST);
	}
}

int main(int argc, char **argv) {
	if (argc < 2) {
		fprintf(stderr, "usage: %s PORT [BUFFER]\n", argv[0]);
		return 2;
	}
	size = number(argc, argv, 2, 262144);
	if (posix_memalign(&buf, 4096, size) != 0)
		die("posix_memalign");
	conns = calloc(raise_files(), sizeof *conns);
	int listener = listen_on(number(argc, argv, 1, 0), SOCK_NONBLOCK);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (conns == NULL || epfd < 0)
		die("set up");
	watch(EPOLL_CTL_ADD, listener, EPOLLIN | EPOLLET);
	static struct epoll_event ev[EVENTS];
	for (;;) {
		int n = epoll_wait(epfd, ev, EVENTS, -1);
		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = ev[i].data.fd;
			if (fd == listener) {
				take(listener);
				continue;
			}
			if (ev[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
				conns[fd].last = 1;
			if (ev[i].events & EPOLLOUT)
				flush(fd);
			else
				drain(fd);
		}
	}
}
