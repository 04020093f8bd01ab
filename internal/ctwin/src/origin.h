// What the proxies beside this file share: the server behind them.

static struct sockaddr_in origin;

// parse_origin is for an argument 127.0.0.1:PORT.
static void parse_origin(const char *arg) {
	char host[16] = "";
	int port = 0, rest = 0;
	if (sscanf(arg, "%15[0-9.]:%5d%n", host, &port, &rest) != 2 || arg[rest] != 0 || port < 1 || port > 65535 ||
		inet_pton(AF_INET, host, &origin.sin_addr) != 1) {
		fprintf(stderr, "%s is no origin: give it as 127.0.0.1:PORT\n", arg);
		exit(2);
	}
	origin.sin_family = AF_INET;
	origin.sin_port = htons(port);
}

// origin_socket is one that is yet to be connected.
static int origin_socket(int flags) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), one = 1;
	if (fd < 0)
		die("socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

// reset_at_close has the origin learn by a reset that a connection has failed.
static void reset_at_close(int fd) {
	struct linger hard = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}
