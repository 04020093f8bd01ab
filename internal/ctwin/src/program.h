// What the programs beside this file share: the command line, an orderly end.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void die(const char *what) {
	perror(what);
	exit(1);
}

// number is argument i, or otherwise where there are fewer.
static long number(int argc, char **argv, int i, long otherwise) {
	if (i >= argc)
		return otherwise;
	char *end;
	long n = strtol(argv[i], &end, 10);
	if (*argv[i] == 0 || *end != 0 || n < 1 || n > 1 << 20) {
		fprintf(stderr, "%s: %s is not a number from 1 to %d\n", argv[0], argv[i], 1 << 20);
		exit(2);
	}
	return n;
}

static void end(int sig) {
	(void)sig;
	_exit(0); // the kernel closes everything
}

static void end_at_sigterm(void) {
	struct sigaction act = {.sa_handler = end};
	sigaction(SIGTERM, &act, NULL);
}
