// A program that knows how long it was in user space and in the kernel, by its CPU
// clock at each passage from one to the other. It has one thread: a runtime's own
// threads would add what no part of it knows of.
//
// For each line "USER KERNEL" that it reads, in milliseconds, it spends about as
// much in each, in turn, and prints how much it was, in nanoseconds.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { TURNS = 5 };
static char page[4 << 20];
static volatile uint64_t sink;
static int zero;

static int64_t cpu(void) {
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void user(void) {
	for (int i = 0; i < 2000000; i++) sink++;
}

static void kernel(void) { // which clears the pages
	if (read(zero, page, sizeof page) < 0) _exit(1);
}

static int64_t spend(void (*f)(void), double ns) {
	int64_t begin = cpu(), now;
	do f(); while ((now = cpu()) - begin < ns);
	return now - begin;
}

int main(void) {
	zero = open("/dev/zero", O_RDONLY);
	kernel();
	double u, k;
	while (scanf("%lf %lf", &u, &k) == 2) {
		int64_t spent[2] = {0};
		for (int i = 0; i < TURNS; i++) {
			spent[0] += spend(user, u * 1e6 / TURNS);
			spent[1] += spend(kernel, k * 1e6 / TURNS);
		}
		printf("%lld %lld\n", (long long)spent[0], (long long)spent[1]);
		fflush(stdout);
	}
}
