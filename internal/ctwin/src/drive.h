// What the programs beside this file share that read a file as the read workload
// does. They drive themselves: requests come by descriptor 3 and replies go by
// descriptor 4, a JSON value a line (internal/child). A first line is not of
// interest; then come ready, start with the window in nanoseconds of CLOCK_MONOTONIC,
// stop, to which what was counted in the window is the answer, and hang up.
//
// Every read has the first word in each 4096 bytes verified and the last, one in 61 a
// page that chance names in full: word at byte n of the file is (n/8+1)*STEP ^ seed.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define STEP 0x9E3779B97F4A7C15ULL

// Latencies are counted in classes of 1/1024 of their value, up to 137 s.
enum { DIGITS = 10, CLASSES = 28 << DIGITS, PAGE_EVERY = 61, PAGE = 4096, MAX_DEPTH = 1024 };

static int file;
static uint64_t blocks, block_size, seed;
static int in_order; // from the beginning to the end, again and again
static _Atomic uint64_t next_block;
static _Atomic int stopped;
static int64_t window[3]; // start, open, close
static sem_t readied, begun;

// A worker is one thread's part.
struct worker {
	pthread_t thread;
	uint64_t random, ended, messages;
	uint64_t counts[CLASSES];
};

static struct worker *workers;
static int nworkers;

static int64_t now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// chance is the next random number, by splitmix64.
static uint64_t chance(struct worker *w) {
	uint64_t z = w->random += STEP;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
	return z ^ z >> 31;
}

// place is the byte of the next block.
static uint64_t place(struct worker *w) {
	return (in_order ? next_block++ : chance(w)) % blocks * block_size;
}

static uint64_t wrong(const char *buf, uint64_t off, uint64_t i) {
	uint64_t have;
	memcpy(&have, buf + i, sizeof have);
	return have ^ ((off + i) / 8 + 1) * STEP ^ seed;
}

// take verifies and counts a read of res bytes.
static void take(struct worker *w, const char *buf, uint64_t off, int64_t res, int64_t since, int64_t end) {
	if (res < 0) {
		errno = -res;
		die("read");
	}
	uint64_t bad = (uint64_t)res != block_size;
	if (!bad)
		bad = wrong(buf, off, block_size - 8);
	for (uint64_t i = 0; i < (uint64_t)res; i += PAGE)
		bad |= wrong(buf, off, i);
	if (w->ended++ % PAGE_EVERY == 0) {
		uint64_t i = chance(w) % block_size & -(uint64_t)PAGE;
		for (uint64_t end = i + PAGE; i < end && i < (uint64_t)res; i += 8)
			bad |= wrong(buf, off, i);
	}
	if (bad) {
		fprintf(stderr, "a read at %llu brought %lld bytes, or wrong ones\n", (unsigned long long)off, (long long)res);
		exit(1);
	}
	if (end < window[1] || end >= window[2])
		return;
	w->messages++;
	uint64_t v = end - since;
	int shift = v >> (DIGITS + 1) == 0 ? 0 : 63 - DIGITS - __builtin_clzll(v);
	uint64_t class = ((uint64_t)shift << DIGITS) + (v >> shift);
	w->counts[class < CLASSES ? class : CLASSES - 1]++;
}

// await is what a worker does between getting ready and its work.
static void await(void) {
	sem_post(&readied);
	while (sem_wait(&begun) != 0)
		;
	struct timespec t = {.tv_sec = window[0] / 1000000000, .tv_nsec = window[0] % 1000000000};
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		;
}

static void *buffer(size_t blocks_in_it) {
	void *b;
	if (posix_memalign(&b, PAGE, blocks_in_it * ((block_size + PAGE - 1) & -(uint64_t)PAGE)) != 0)
		die("posix_memalign");
	return b;
}

// report is the JSON value of what was counted.
static void report(FILE *to) {
	uint64_t ended = 0, messages = 0;
	static uint64_t counts[CLASSES];
	for (int i = 0; i < nworkers; i++) {
		ended += workers[i].ended;
		messages += workers[i].messages;
		for (int c = 0; c < CLASSES; c++)
			counts[c] += workers[i].counts[c];
	}
	fprintf(to, "{\"ended\":%llu,\"messages\":%llu,\"latencies\":[", (unsigned long long)ended, (unsigned long long)messages);
	const char *comma = "";
	for (uint64_t c = 0; c < CLASSES; c++) {
		if (counts[c] == 0)
			continue;
		int shift = c >> (DIGITS + 1) == 0 ? 0 : (c >> DIGITS) - 1;
		uint64_t v = (c - ((uint64_t)shift << DIGITS)) << shift;
		fprintf(to, "%s[%llu,%llu]", comma, (unsigned long long)v, (unsigned long long)counts[c]);
		comma = ",";
	}
	fprintf(to, "]}");
}

static int64_t field(const char *line, const char *name) {
	const char *at = strstr(line, name);
	return at == NULL ? 0 : strtoll(at + strlen(name), NULL, 10);
}

static int asks(const char *line, const char *method) { return strstr(line, method) != NULL; }

// answer does what is asked until nobody is there to ask.
static void answer(void) {
	FILE *from = fdopen(3, "r"), *to = fdopen(4, "w");
	if (from == NULL || to == NULL) {
		fprintf(stderr, "descriptors 3 and 4 are no control pipes: ringbench starts this program\n");
		exit(2);
	}
	char *line = NULL;
	size_t room = 0;
	for (int n = 0; getline(&line, &room, from) > 0; n++) {
		if (n == 0)
			continue;
		fprintf(to, "{\"id\":%lld,\"result\":", (long long)field(line, "\"id\":"));
		if (asks(line, "\"method\":\"stop\"")) {
			stopped = 1;
			for (int i = 0; i < nworkers; i++)
				pthread_join(workers[i].thread, NULL);
			report(to);
		} else {
			fprintf(to, "null");
		}
		if (asks(line, "\"method\":\"start\"")) {
			window[0] = field(line, "\"start\":");
			window[1] = field(line, "\"open\":");
			window[2] = field(line, "\"close\":");
			for (int i = 0; i < nworkers; i++)
				sem_post(&begun);
		}
		fprintf(to, "}\n");
		fflush(to);
	}
}

// drive has n workers do the work: FILE BYTES BLOCK DEPTH SEED random|sequential [direct]
static void drive(char **argv, int n, void *(*work)(void *)) {
	int direct = argv[7] != NULL && strcmp(argv[7], "direct") == 0;
	block_size = strtoull(argv[3], NULL, 10);
	seed = strtoull(argv[5], NULL, 10);
	in_order = strcmp(argv[6], "random") != 0;
	if (block_size < 512 || block_size % 8 != 0 || (blocks = strtoull(argv[2], NULL, 10) / block_size) == 0) {
		fprintf(stderr, "%s: the file has no block of that size\n", argv[0]);
		exit(2);
	}
	file = open(argv[1], O_RDONLY | O_CLOEXEC | (direct ? O_DIRECT : 0));
	if (file < 0)
		die(argv[1]);
	if (!in_order && !direct)
		posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM); // else more might be read than was asked for
	end_at_sigterm();
	sem_init(&readied, 0, 0);
	sem_init(&begun, 0, 0);
	nworkers = n;
	workers = calloc(n, sizeof *workers);
	if (workers == NULL)
		die("calloc");
	for (int i = 0; i < n; i++) {
		workers[i].random = seed + i * 0xD1342543DE82EF95ULL;
		errno = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
		if (errno != 0)
			die("pthread_create");
	}
	for (int i = 0; i < n; i++)
		while (sem_wait(&readied) != 0)
			;
	answer();
}
