// An edge-triggered epoll server that echoes: readybit PORT keep|lose. Keep takes a
// short receive for the end of what there is, as an event will tell of more; lose
// has forgotten that, and asks until it hears EAGAIN.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int lose = argc > 2 && !strcmp(argv[2], "lose"), on = 1;
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&addr, sizeof addr) || listen(listener, 64))
		return 1;
	struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[64];
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int n = epoll_wait(epoll, events, 64, -1);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == listener) {
				event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
				event.events = EPOLLIN | EPOLLET;
				setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
				epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
				continue;
			}
			char buf[4096];
			for (;;) {
				ssize_t got = recv(fd, buf, sizeof buf, 0);
				if (got > 0)
					send(fd, buf, got, MSG_NOSIGNAL);
				else if (got == 0)
					close(fd);
				if (got <= 0 || !lose && got < (ssize_t)sizeof buf)
					break;
			}
		}
	}
}
