// What the servers on io_uring beside this file share: multishot accepts, and
// multishot receives with the buffer ring that they take from.
#define RECV_MULTISHOT (1U << 1)
#define ACCEPT_MULTISHOT (1U << 0)

enum { MAX_BUFS = 1 << 15, GROUP = 0 };
enum { ACCEPT, RECV, SEND, CLOSE, CONNECT, SHUTDOWN, CANCEL }; // what a completion is of

static int listener;
static struct io_uring_buf_ring *bufring;
static uint16_t buf_tail;
static char *bufs;
static size_t size;           // of a buffer
static unsigned nbufs, nfree; // buffers, and how many of them the kernel has

static void arm_accept(void) {
	struct io_uring_sqe *e = get(ACCEPT, listener);
	e->opcode = IORING_OP_ACCEPT;
	e->accept_flags = SOCK_CLOEXEC;
	e->ioprio = ACCEPT_MULTISHOT;
}

// arm_recv receives into whichever buffers are next.
static void arm_recv(int fd, int flags) {
	struct io_uring_sqe *e = get(RECV, fd);
	e->opcode = IORING_OP_RECV;
	e->ioprio = RECV_MULTISHOT | flags;
	e->flags = IOSQE_BUFFER_SELECT;
	e->buf_group = GROUP;
}

static void give_back(uint16_t bid) {
	struct io_uring_buf *b = &bufring->bufs[buf_tail++ & (nbufs - 1)];
	b->addr = (uintptr_t)(bufs + bid * size);
	b->len = size;
	b->bid = bid;
	atomic_store_explicit((_Atomic uint16_t *)&bufring->tail, buf_tail, memory_order_release);
	nfree++;
}

static void setup_buffers(void) {
	bufs = mmap(NULL, nbufs * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bufring = mmap(NULL, nbufs * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bufs == MAP_FAILED || bufring == MAP_FAILED)
		die("mmap");
	struct io_uring_buf_reg reg = {.ring_addr = (uintptr_t)bufring, .ring_entries = nbufs, .bgid = GROUP};
	if (syscall(__NR_io_uring_register, ring, 22 /* REGISTER_PBUF_RING */, &reg, 1) != 0)
		die("register buffer ring");
	for (unsigned i = 0; i < nbufs; i++)
		give_back(i);
	register_ring();
}

// prepare sets up with BUFFER and BUFFERS from argument i on. With the argument
// check it only tries whether that goes, and ends.
static void prepare(int argc, char **argv, int i) {
	if (argc == 2 && strcmp(argv[1], "check") == 0) {
		size = nbufs = 1;
		setup();
		setup_buffers();
		exit(0);
	}
	size = number(argc, argv, i, 4096);
	unsigned want = number(argc, argv, i + 1, 512);
	for (nbufs = 1; nbufs < want && nbufs < MAX_BUFS;)
		nbufs *= 2;
	setup();
	setup_buffers();
}
