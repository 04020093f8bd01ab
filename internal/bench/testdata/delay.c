// A server whose slowness is known: it answers each message 5 ms after it came,
// and at SIGTERM writes to LOG how long each really took, in nanoseconds, one a
// line. A thread a connection.
//
// Usage: delay PORT LOG SIZE
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DELAY = 5000000, MOST = 1 << 22 };

static int64_t *took;
static unsigned count;
static size_t size;

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *serve(void *arg) {
	int fd = (int)(intptr_t)arg;
	char *buf = malloc(size);
	prctl(PR_SET_TIMERSLACK, 1);
	while (buf != NULL && recv(fd, buf, size, MSG_WAITALL) == (ssize_t)size) {
		int64_t came = now(), wake = came + DELAY;
		struct timespec t = {wake / 1000000000, wake % 1000000000};
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
			;
		int64_t d = now() - came;
		if (send(fd, buf, size, MSG_NOSIGNAL) != (ssize_t)size)
			break;
		unsigned i = __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
		if (i < MOST)
			took[i] = d;
	}
	free(buf);
	close(fd);
	return NULL;
}

static void *take(void *arg) {
	int l = (int)(intptr_t)arg;
	for (;;) {
		pthread_t t;
		int fd = accept(l, NULL, NULL);
		if (fd >= 0 && pthread_create(&t, NULL, serve, (void *)(intptr_t)fd) == 0)
			pthread_detach(t);
	}
	return NULL;
}

int main(int argc, char **argv) {
	if (argc != 4)
		return 2;
	size = atoi(argv[3]);
	took = calloc(MOST, sizeof *took);
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, NULL);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	setsockopt(l, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (took == NULL || bind(l, (struct sockaddr *)&a, sizeof a) != 0 || listen(l, 128) != 0) {
		perror("delay");
		return 1;
	}
	pthread_t t;
	if (pthread_create(&t, NULL, take, (void *)(intptr_t)l) != 0)
		return 1;
	int sig;
	sigwait(&term, &sig);
	FILE *log = fopen(argv[2], "w");
	unsigned n = __atomic_load_n(&count, __ATOMIC_RELAXED);
	for (unsigned i = 0; log != NULL && i < n && i < MOST; i++)
		fprintf(log, "%lld\n", (long long)took[i]);
	return log == NULL || fclose(log) != 0;
}
