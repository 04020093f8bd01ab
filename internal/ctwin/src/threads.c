// An echo server with a thread for each connection, which blocks in recv and
// send: the C twin of backends/threadpool under the echo workload.
//
// Usage: threads PORT [BUFFER]
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include "server.h"

static size_t size; // of a thread's buffer

static int put(int fd, const char *b, size_t n) {
	while (n > 0) {
		ssize_t k = send(fd, b, n, MSG_NOSIGNAL);
		if (k < 0 && errno != EINTR)
			return -1;
		if (k > 0) {
			b += k;
			n -= k;
		}
	}
	return 0;
}

static void *serve(void *arg) {
	int fd = (intptr_t)arg;
	void *buf;
	if (posix_memalign(&buf, 4096, size) != 0)
		die("posix_memalign");
	for (;;) {
		ssize_t n = recv(fd, buf, size, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || put(fd, buf, n) != 0)
			break;
	}
	close(fd);
	free(buf);
	return NULL;
}

int main(int argc, char **argv) {
	if (argc < 2) {
		fprintf(stderr, "usage: %s PORT [BUFFER]\n", argv[0]);
		return 2;
	}
	size = number(argc, argv, 2, 262144);
	raise_files();
	int listener = listen_on(number(argc, argv, 1, 0), 0);
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, 64 << 10); // thousands of threads fit
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			check_accept(errno);
			continue;
		}
		pthread_t t;
		errno = pthread_create(&t, &attr, serve, (void *)(intptr_t)fd);
		if (errno != 0)
			die("pthread_create");
	}
}
