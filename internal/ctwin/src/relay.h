// What the proxies on edge-triggered epoll beside this file share: all but how
// bytes get from one socket to another. One thread; ready bits, so that no call is
// made only to hear EAGAIN; interest in room from the first time that there is
// none, after which it costs nothing. What a direction has received and not sent
// holds its source back.
#include <string.h>
#include <sys/epoll.h>

#define READ_INTEREST (EPOLLIN | EPOLLRDHUP | EPOLLET)
enum { EVENTS = 512, ROUNDS = 16 /* of one connection before the others have their turn */ };

// A side is one end of a connection, and the direction from it to its peer.
struct side {
	int peer;
	uint32_t held;  // bytes received, not yet sent
	char ready;     // there may be something to receive
	char last;      // the end is near: data is no longer announced
	char eof;       // which has been passed on
	char dialing;   // the origin has yet to answer
	char is_origin;
	char asked;     // room is announced
	char level;     // data is announced for as long as there is any, until it is not wanted
	char queued;    // it stands in line
	char doomed;    // it will be closed when the events at hand are dealt with
	struct passage passage;
};

// A program defines these.
static void open_passage(struct passage *p);
static void close_passage(struct passage *p);
static ssize_t fill(struct side *s, int from); // receives; what recv(2) returns
static ssize_t empty(struct side *s, int to);  // sends what is held; what send(2) returns
static int drained(int fd, size_t n);          // that fill brought n bytes from there tells that no more are there, or a wait will

static struct side *sides;
static int epfd;
static int *doomed, *line; // clients' sides of lost connections; sides that may go on
static size_t ndoomed, nline;

static void watch(int call, int fd, uint32_t events) {
	struct epoll_event ev = {.events = events, .data.fd = fd};
	if (epoll_ctl(epfd, call, fd, &ev) != 0)
		die("epoll_ctl");
}

static void doom(int fd) {
	int peer = sides[fd].peer;
	if (sides[fd].doomed)
		return;
	sides[fd].doomed = sides[peer].doomed = 1;
	doomed[ndoomed++] = fd;
}

// lose ends a connection of which one side has failed.
static void lose(int fd) {
	reset_at_close(sides[fd].is_origin ? fd : sides[fd].peer);
	doom(fd);
}

// bury closes what is doomed: no event at hand is of a descriptor with its number.
static void bury(void) {
	while (ndoomed > 0) {
		int fd[2] = {doomed[--ndoomed], 0};
		fd[1] = sides[fd[0]].peer;
		for (int i = 0; i < 2; i++) {
			close_passage(&sides[fd[i]].passage);
			sides[fd[i]] = (struct side){.queued = sides[fd[i]].queued};
			close(fd[i]);
		}
	}
}

// send_on sends what a side has received. It returns 0, or -1 when the peer is lost.
static int send_on(int fd) {
	struct side *s = &sides[fd], *to = &sides[s->peer];
	ssize_t n;
	do
		n = empty(s, s->peer);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return -1;
	if (n > 0)
		s->held -= n;
	if (s->held > 0 && !to->asked) {
		watch(EPOLL_CTL_MOD, s->peer, READ_INTEREST | EPOLLOUT);
		to->asked = 1;
		to->level = 0;
	}
	return 0;
}

// pump passes on until the socket is empty or the way on is full.
static void pump(int fd) {
	struct side *s = &sides[fd];
	for (int round = 0; s->ready && !s->eof && !s->doomed && s->held == 0; round++) {
		if (round == ROUNDS) {
			if (!s->queued)
				line[nline++] = fd;
			s->queued = 1;
			return;
		}
		ssize_t n = fill(s, fd);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			s->ready = 0;
			return;
		}
		if (n == 0) {
			s->eof = 1;
			if (sides[s->peer].eof)
				doom(fd);
			else if (shutdown(s->peer, SHUT_WR) != 0)
				lose(fd);
			return;
		}
		s->held = n > 0 ? n : 0;
		if (n < 0 || send_on(fd) != 0) {
			lose(fd);
			return;
		}
		if (drained(fd, n))
			s->ready = 0; // the next arrival is announced
	}
}

// advance lets those in line go on, once each.
static void advance(void) {
	size_t n = nline;
	for (size_t i = 0; i < n; i++) {
		sides[line[i]].queued = 0;
		pump(line[i]);
	}
	memmove(line, line + n, (nline - n) * sizeof *line);
	nline -= n;
}

static void take(int listener) {
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && errno == EAGAIN)
			return;
		if (fd < 0) {
			check_accept(errno);
			continue;
		}
		int to = origin_socket(SOCK_NONBLOCK);
		sides[fd] = (struct side){.peer = to, .queued = sides[fd].queued};
		sides[to] = (struct side){.peer = fd, .queued = sides[to].queued, .is_origin = 1, .dialing = 1, .asked = 1};
		open_passage(&sides[fd].passage);
		open_passage(&sides[to].passage);
		if (connect(to, (struct sockaddr *)&origin, sizeof origin) != 0 && errno != EINPROGRESS)
			lose(fd);
		else
			watch(EPOLL_CTL_ADD, to, READ_INTEREST | EPOLLOUT);
	}
}

static void event(int fd, uint32_t events) {
	struct side *s = &sides[fd];
	if (s->doomed)
		return;
	if (s->dialing && events & (EPOLLERR | EPOLLHUP)) {
		lose(fd);
		return;
	}
	if (s->dialing && events & EPOLLOUT) {
		s->dialing = 0;
		watch(EPOLL_CTL_ADD, s->peer, READ_INTEREST); // what the client has sent is announced now
	}
	if (events & (EPOLLERR | EPOLLHUP) && s->eof) {
		lose(fd); // no receive would tell
		return;
	}
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->last = 1;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		s->ready = 1;
	if (s->level && (s->eof || s->held > 0)) {
		watch(EPOLL_CTL_MOD, fd, READ_INTEREST);
		s->level = 0;
	}
	if (events & EPOLLOUT && sides[s->peer].held > 0) {
		if (send_on(s->peer) != 0) {
			lose(fd);
			return;
		}
		pump(s->peer);
	}
	pump(fd);
}

// relay serves on that port for ever.
static void relay(int port) {
	size_t files = raise_files();
	sides = calloc(files, sizeof *sides);
	doomed = calloc(files, sizeof *doomed);
	line = calloc(2 * files, sizeof *line);
	int listener = listen_on(port, SOCK_NONBLOCK);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	if (sides == NULL || doomed == NULL || line == NULL || epfd < 0)
		die("set up");
	watch(EPOLL_CTL_ADD, listener, EPOLLIN | EPOLLET);
	static struct epoll_event ev[EVENTS];
	for (;;) {
		int n = epoll_wait(epfd, ev, EVENTS, nline > 0 ? 0 : -1);
		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		advance();
		for (int i = 0; i < n; i++) {
			if (ev[i].data.fd == listener)
				take(listener);
			else
				event(ev[i].data.fd, ev[i].events);
		}
		bury();
	}
}
