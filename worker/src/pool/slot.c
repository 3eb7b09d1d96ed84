/*
 * slot.c
 *		A place for a child: its process, its socket, its page, what it was given.
 *
 * What is recalled: the word in the shared page decides whether a task was
 * begun before it was recalled (see page.h), so nothing runs twice and nobody
 * is killed for somebody else's task.
 */
#include "pool/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exitcode.h"
#include "base/log.h"
#include "sdk/shared.h"

#define SLOT_STACK_COUNT	512
#define SLOT_STACK_BYTES	(128 * 1024)

/* numbers at one child; before they wrap it is replaced */
#define SLOT_SEQ_MAX		UINT32_C(0x7fffffff)

#define SLOT_READ_SIZE		(64 * 1024)

/* a child that survives a polite signal for so long is killed */
#define SLOT_KILL_AFTER		(2 * CLOCK_SECOND)

void
slot_init(Slot *slot, int number)
{
	snprintf(slot->name, sizeof(slot->name), "Pool-%d", number);
	job_list_init(&slot->jobs);
}

/*
 * Starting
 */

static void
slot_ignore_signal(int signo)
{
	/* being interrupted is all that is wanted */
	(void) signo;
}

static void
slot_child_signals(void)
{
	static const int to_default[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};
	struct sigaction action = {.sa_handler = slot_ignore_signal};
	sigset_t	none;

	for (size_t i = 0; i < sizeof(to_default) / sizeof(to_default[0]); i++)
		signal(to_default[i], SIG_DFL);
	sigaction(SIGUSR1, &action, NULL);	/* soft limit: EINTR is the point */
	action.sa_flags = SA_RESTART;
	sigaction(SIGCHLD, &action, NULL);	/* wakes program.c's ppoll() */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
slot_child_input(void)
{
	int			null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDIN_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

/* The life of a child; it has its own process group, so Ctrl-C is not for it. */
static void
slot_child(const Slot *slot, const SlotStart *start, int socket)
{
	char		title[16];

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != start->supervisor)
		_exit(EXIT_SYSTEM);
	snprintf(title, sizeof(title), "celeriac:%.6s", slot->name + 5);
	prctl(PR_SET_NAME, title);
	log_set_process(slot->name);
	log_set_unbuffered();
	slot_child_signals();
	slot_child_input();
	start->in_child(start->data, slot);
	child_main(socket, slot->page, start->catalog);
}

static void
slot_init_child(Slot *slot, pid_t pid, int fd)
{
	slot->pid = pid;
	slot->fd = fd;
	slot->last_seq = 0;
	slot->stacked = 0;
	slot->recalled_to = 0;
	slot->retiring = false;
	slot->dead = false;
	slot->verdict = VERDICT_NONE;
	slot->kill_at = 0;
}

static bool
slot_fork(Slot *slot, const SlotStart *start, const int sockets[2])
{
	pid_t		pid;

	slot->page = page_new();
	if (slot->page == NULL)
		return false;
	log_flush();
	pid = fork();
	if (pid == 0)
	{
		close(sockets[0]);
		slot_child(slot, start, sockets[1]);
	}
	if (pid < 0)
	{
		page_free(slot->page);
		slot->page = NULL;
		return false;
	}
	slot_init_child(slot, pid, sockets[0]);
	return true;
}

bool
slot_spawn(Slot *slot, const SlotStart *start)
{
	int			sockets[2];
	bool		started;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
		return false;
	started = slot_fork(slot, start, sockets);
	close(sockets[1]);
	if (started)
		fcntl(sockets[0], F_SETFL, O_NONBLOCK);
	else
		close(sockets[0]);
	return started;
}

void
slot_bury(Slot *slot)
{
	/* a program outlives the child that started it */
	int32_t		program = atomic_load(&slot->page->program);

	if (program > 0)
		kill(-program, SIGKILL);
	close(slot->fd);
	page_free(slot->page);
	slot->page = NULL;
	slot->pid = 0;
	slot->recalled_to = 0;
	buffer_free(&slot->in);
	buffer_free(&slot->out);
}

/*
 * Giving
 */

bool
slot_can_take(const Slot *slot, const Job *job)
{
	if (slot->pid == 0 || slot->retiring || slot->recalled_to != 0 ||
		slot->verdict != VERDICT_NONE)
		return false;
	if (slot->jobs.count == 0)
		return true;
	return job_is_short(job) &&
		slot->stacked + job->stat->runtime < CELERIAC_SHORT_USEC &&
		slot->jobs.count < SLOT_STACK_COUNT &&
		buffer_length(&slot->out) < SLOT_STACK_BYTES;
}

void
slot_give(Slot *slot, Job *job)
{
	job_set_seq(job, ++slot->last_seq);
	buffer_append(&slot->out, job->frame, job->frame_length);
	job_list_append(&slot->jobs, job);

	/* nothing is stacked on a task that may take long */
	job->weight = job_is_short(job) ? job->stat->runtime + 1
		: CELERIAC_SHORT_USEC;
	slot->stacked += job->weight;
	if (slot->last_seq >= SLOT_SEQ_MAX)
		slot->retiring = true;
}

void
slot_write(Slot *slot)
{
	while (buffer_length(&slot->out) > 0)
	{
		if (buffer_write(&slot->out, slot->fd) > 0)
			continue;
		/* a dead child is noticed by its SIGCHLD */
		if (errno != EAGAIN)
			buffer_consume(&slot->out, buffer_length(&slot->out));
		return;
	}
}

void
slot_send(Slot *slot)
{
	page_allow(slot->page, slot->last_seq);
	slot_write(slot);
}

/*
 * Taking back
 */

void
slot_take_back(Slot *slot, uint32_t begun, JobList *taken)
{
	int			keep = 0;

	for (Job *job = slot->jobs.first; job != NULL && job->seq <= begun;
		 job = job->next)
		keep++;
	job_list_cut(&slot->jobs, keep, taken);
	for (Job *job = taken->first; job != NULL; job = job->next)
		job->soft_limit_told = 0;
}

void
slot_recall(Slot *slot, JobList *taken)
{
	job_list_init(taken);
	if (slot->pid == 0 || slot->recalled_to != 0)
		return;
	slot_take_back(slot, page_recall(slot->page), taken);
	/* what was recalled before is skipped already, and is not told twice */
	if (taken->first != NULL)
		slot->recalled_to = slot->last_seq;
}

/*
 * Listening
 */

static void
slot_take_frames(Slot *slot, Buffer *bytes, SlotFrame take, void *data)
{
	Frame		frame;

	while (frame_peek(buffer_head(bytes), buffer_length(bytes),
					  &frame) == FRAME_READY)
	{
		take(data, slot, &frame);
		buffer_consume(bytes, frame.header.length);
	}
}

void
slot_read(Slot *slot, SlotFrame take, void *data)
{
	ssize_t		got;

	do
	{
		got = buffer_read(&slot->in, slot->fd, SLOT_READ_SIZE);
		slot_take_frames(slot, &slot->in, take, data);
	}
	while (got > 0);

	/* it is dying, or a task closed the socket: no use either way */
	if (got == 0 && !slot->dead)
		kill(slot->pid, SIGKILL);
}

/*
 * What the child finished but did not send yet, while it is busy with another.
 * The copy comes before the socket is read: whatever the child sent before it
 * kept the copied reports is in the socket by then, so that the order holds.
 */
void
slot_read_page(Slot *slot, SlotFrame take, void *data)
{
	static Buffer copy;

	page_copy_reports(slot->page, &copy);
	if (buffer_length(&copy) == 0)
		return;
	slot_read(slot, take, data);
	slot_take_frames(slot, &copy, take, data);
	buffer_consume(&copy, buffer_length(&copy));
}

/*
 * Ending
 */

void
slot_doom(Slot *slot, SlotVerdict verdict, int signo)
{
	slot->verdict = verdict;
	slot->kill_at = signo == SIGKILL ? CLOCK_NEVER
		: clock_mono() + SLOT_KILL_AFTER;
	kill(slot->pid, signo);
}

int64_t
slot_insist(Slot *slot, int64_t now)
{
	if (slot->verdict == VERDICT_NONE)
		return CLOCK_NEVER;
	if (now < slot->kill_at)
		return slot->kill_at;
	kill(slot->pid, SIGKILL);
	slot->kill_at = CLOCK_NEVER;
	return CLOCK_NEVER;
}
