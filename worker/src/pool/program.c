/*
 * program.c
 *		Tasks that are programs: JSON on stdin, JSON on stdout.
 *
 * Runs inside a child of the pool.  The three pipes are non-blocking and
 * served by one ppoll() loop, so no order of reading and writing on the other
 * side can stop us.  SIGUSR1 (soft limit) and SIGCHLD are blocked except
 * during that ppoll(), so neither can slip in between a check and the wait.
 * If this process is killed, the supervisor kills the program's group, whose
 * number is in the shared page.
 */
#include "pool/program.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sdk/sdktask.h"
#include "sdk/shared.h"

#define PROGRAM_STDERR_TAIL	(64 * 1024)
#define PROGRAM_CHUNK		(64 * 1024)

/* more than any jsonb can hold */
#define PROGRAM_OUTPUT_MAX	(UINT32_C(512) * 1024 * 1024)

/* Our ends of its pipes; -1 = closed. */
typedef struct ProgramPipes
{
	int			in;
	int			out;
	int			err;
} ProgramPipes;

/*
 * Input
 */

static void
program_put_uuid(Buffer *input, const char *key, bool present, const Uuid *id)
{
	char		text[UUID_TEXT_SIZE];

	if (!present)
	{
		buffer_printf(input, ",\"%s\":null", key);
		return;
	}
	uuid_format(id, text);
	buffer_printf(input, ",\"%s\":\"%s\"", key, text);
}

static void
program_put_json(Buffer *input, const char *key, Text json, const char *empty)
{
	if (json.data == NULL)
		json = text_of(empty);
	buffer_printf(input, ",\"%s\":", key);
	buffer_append(input, json.data, json.length);
}

static void
program_put_string(Buffer *input, const char *key, Text value)
{
	json_t	   *string = json_stringn(value.data ? value.data : "",
									  value.length);
	char	   *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

	buffer_printf(input, ",\"%s\":%s", key, quoted ? quoted : "null");
	free(quoted);
	json_decref(string);
}

static void
program_build_input(Buffer *input, const Delivery *delivery)
{
	char		id[UUID_TEXT_SIZE];

	uuid_format(&delivery->id, id);
	buffer_printf(input, "{\"id\":\"%s\"", id);
	program_put_string(input, "name", delivery->name);
	program_put_string(input, "queue", delivery->queue);
	program_put_json(input, "args", delivery->args, "[]");
	program_put_json(input, "kwargs", delivery->kwargs, "{}");
	buffer_printf(input, ",\"retries\":%d,\"delivery\":%d,\"priority\":%d",
				  delivery->retries, delivery->delivery, delivery->priority);
	if (delivery->max_retries >= 0)
		buffer_printf(input, ",\"max_retries\":%d", delivery->max_retries);
	else
		buffer_printf(input, ",\"max_retries\":null");
	program_put_uuid(input, "root_id", delivery->has_root, &delivery->root_id);
	program_put_uuid(input, "parent_id", delivery->has_parent,
					 &delivery->parent_id);
	program_put_uuid(input, "group_id", delivery->has_group,
					 &delivery->group_id);
	program_put_json(input, "options", delivery->options, "{}");
	buffer_append(input, "}\n", 2);
}

/*
 * Starting
 */

/* In the new process; does not return. */
static void
program_exec(const char *command, const int pipes[3][2], pid_t parent)
{
	static const int caught[] = {SIGUSR1, SIGCHLD, SIGPIPE};
	sigset_t	none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		signal(caught[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	/* every other descriptor is close-on-exec */
	if (dup2(pipes[0][0], STDIN_FILENO) < 0 ||
		dup2(pipes[1][1], STDOUT_FILENO) < 0 ||
		dup2(pipes[2][1], STDERR_FILENO) < 0)
		_exit(127);
	execl("/bin/sh", "sh", "-c", command, (char *) NULL);
	_exit(127);
}

static void
program_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool
program_open_pipes(int pipes[3][2])
{
	for (int i = 0; i < 3; i++)
		pipes[i][0] = pipes[i][1] = -1;
	for (int i = 0; i < 3; i++)
	{
		if (pipe2(pipes[i], O_CLOEXEC) == 0)
			continue;
		for (int j = 0; j < i; j++)
		{
			program_close(&pipes[j][0]);
			program_close(&pipes[j][1]);
		}
		return false;
	}
	return true;
}

/* Returns the process id, or -1 with errno. */
static pid_t
program_start(const char *command, ProgramPipes *ours)
{
	int			pipes[3][2];
	pid_t		parent = getpid();
	pid_t		pid;

	if (!program_open_pipes(pipes))
		return -1;
	pid = fork();
	if (pid == 0)
		program_exec(command, (const int (*)[2]) pipes, parent);

	close(pipes[0][0]);
	close(pipes[1][1]);
	close(pipes[2][1]);
	*ours = (ProgramPipes) {pipes[0][1], pipes[1][0], pipes[2][0]};
	if (pid < 0)
		return -1;

	/* parent and child both do this, because either may come first */
	setpgid(pid, pid);
	fcntl(ours->in, F_SETFL, O_NONBLOCK);
	fcntl(ours->out, F_SETFL, O_NONBLOCK);
	fcntl(ours->err, F_SETFL, O_NONBLOCK);
	return pid;
}

/*
 * Talking
 */

static void
program_feed(ProgramRun *run, ProgramPipes *pipes)
{
	/* a program that does not read its input is in its right */
	if (buffer_write(&run->input, pipes->in) < 0 && errno != EAGAIN)
		buffer_consume(&run->input, buffer_length(&run->input));
	if (buffer_length(&run->input) == 0)
		program_close(&pipes->in);
}

/* Read what is there; at its end, or on an error, close. */
static void
program_drain(Buffer *buffer, int *fd)
{
	while (*fd >= 0)
	{
		ssize_t		got = buffer_read(buffer, *fd, PROGRAM_CHUNK);

		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0 || buffer_length(buffer) > PROGRAM_OUTPUT_MAX)
			program_close(fd);
		if (got < PROGRAM_CHUNK)
			return;
	}
}

static void
program_trim_tail(Buffer *errors)
{
	size_t		length = buffer_length(errors);

	if (length > PROGRAM_STDERR_TAIL)
		buffer_consume(errors, length - PROGRAM_STDERR_TAIL);
}

static bool
program_exited(pid_t pid)
{
	siginfo_t	info = {0};

	return waitid(P_PID, (id_t) pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		info.si_pid == pid;
}

/*
 * Serve the pipes until the program has exited.  What it started in the
 * background may hold the pipes open for ever; that is not waited for.
 */
static void
program_converse(pid_t pid, uint32_t seq, Page *page, ProgramRun *run,
				 ProgramPipes *pipes, const sigset_t *wait_mask)
{
	bool		told = false;
	bool		exited = false;

	while (!exited)
	{
		struct pollfd fds[] = {
			{.fd = pipes->in, .events = POLLOUT},
			{.fd = pipes->out, .events = POLLIN},
			{.fd = pipes->err, .events = POLLIN},
		};

		exited = program_exited(pid);
		if (!told && atomic_load(&page->soft_limit_seq) == seq)
		{
			kill(-pid, SIGTERM);
			told = true;
		}
		if (!exited && ppoll(fds, 3, NULL, wait_mask) < 0 && errno != EINTR)
			break;
		if (fds[0].revents != 0)
			program_feed(run, pipes);
		program_drain(&run->output, &pipes->out);
		program_drain(&run->errors, &pipes->err);
		program_trim_tail(&run->errors);
	}
}

/*
 * Outcome
 */

static void
program_fail(ProgramRun *run, Report *report, const char *type)
{
	text_make_utf8(run->message, strlen(run->message));
	report->state = OUTCOME_FAILURE;
	report->exc_type = text_of(type);
	report->exc_message = text_of(run->message);
}

static void
program_judge_output(ProgramRun *run, Report *report)
{
	const char *text = buffer_head(&run->output);
	size_t		length = buffer_length(&run->output);
	json_error_t error;

	while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
		length--;
	if (length == 0)
		return;
	if (!sdk_is_json(text, length, &error))
	{
		snprintf(run->message, sizeof(run->message),
				 "standard output is not JSON: line %d: %s",
				 error.line, error.text);
		program_fail(run, report, EXC_PROGRAM);
		return;
	}
	report->result = (Text) {text, length};
}

static void
program_judge(int status, bool soft_limit, ProgramRun *run, Report *report)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
	{
		program_judge_output(run, report);
		return;
	}
	if (WIFSIGNALED(status))
		snprintf(run->message, sizeof(run->message),
				 "program was killed by signal %d (%s)", WTERMSIG(status),
				 strsignal(WTERMSIG(status)));
	else
		snprintf(run->message, sizeof(run->message),
				 "program ended with exit status %d", WEXITSTATUS(status));
	program_fail(run, report,
				 soft_limit ? EXC_SOFT_TIME_LIMIT : EXC_PROGRAM);
}

/* What it wrote to stderr explains a failure. */
static void
program_attach_errors(ProgramRun *run, Report *report)
{
	size_t		length = buffer_length(&run->errors);

	if (report->state != OUTCOME_FAILURE || length == 0)
		return;
	text_make_utf8(buffer_head(&run->errors), length);
	report->traceback = (Text) {buffer_head(&run->errors), length};
}

void
program_run(const Program *program, const Delivery *delivery, uint32_t seq,
			Page *page, ProgramRun *run, Report *report)
{
	ProgramPipes pipes = {-1, -1, -1};
	sigset_t	blocked;
	sigset_t	wait_mask;
	int			status = 0;
	pid_t		pid;

	program_build_input(&run->input, delivery);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, &wait_mask);

	pid = program_start(program->command, &pipes);
	if (pid < 0)
	{
		snprintf(run->message, sizeof(run->message),
				 "program could not be started: %s", strerror(errno));
		program_fail(run, report, EXC_PROGRAM);
	}
	else
	{
		atomic_store(&page->program, pid);
		program_converse(pid, seq, page, run, &pipes, &wait_mask);
		/* forget the group before its number can be given to others */
		atomic_store(&page->program, 0);
		waitpid(pid, &status, 0);
		program_judge(status, atomic_load(&page->soft_limit_seq) == seq,
					  run, report);
		program_attach_errors(run, report);
	}
	program_close(&pipes.in);
	program_close(&pipes.out);
	program_close(&pipes.err);
	sigprocmask(SIG_SETMASK, &wait_mask, NULL);
}

void
program_run_free(ProgramRun *run)
{
	buffer_free(&run->input);
	buffer_free(&run->output);
	buffer_free(&run->errors);
}
