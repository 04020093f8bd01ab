// What the servers beside this file share: limits, the listening socket.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "program.h"

// raise_files lifts the limit of descriptors to a million or as far as it goes,
// and returns it: every descriptor is smaller.
static size_t raise_files(void) {
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		die("getrlimit");
	files.rlim_cur = files.rlim_max < 1 << 20 ? files.rlim_max : 1 << 20;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0)
		die("setrlimit");
	return files.rlim_cur;
}

// check_accept ends the program, unless the error of an accept concerns one
// connection only: clients would else wait for ever.
static void check_accept(int error) {
	errno = error;
	if (error != EINTR && error != EAGAIN && error != ECONNABORTED)
		die("accept");
}

// listen_on ends the program at SIGTERM from here on.
static int listen_on(int port, int flags) {
	end_at_sigterm();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), one = 1;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); // connections inherit it
	if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 65535) != 0)
		die("listen");
	return fd;
}
