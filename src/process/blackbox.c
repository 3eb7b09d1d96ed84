/*
 * blackbox.c
 *		What each executor was running when the server went down.
 *
 * A function that crashes its executor takes shared memory with it, and so the
 * claim that would tell of the loss: its task would run again after every
 * restart, and crash the server for ever.  So each executor notes the task it
 * runs in a file it has mapped.  That is a store, no system call; it outlives
 * the process, and need not outlive the machine.  When the postmaster starts
 * again it reads the notes, and the coordinator counts a loss to their tasks.
 *
 * Only the culprit leaves a note: the executors that the postmaster tells to
 * die because of it (SIGQUIT) take theirs away.
 */
#include "process/blackbox.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "base/compat.h"

/* where a base backup leaves it out */
#define BLACKBOX_FILE	PG_STAT_TMP_DIR "/celeriac_running"

typedef struct Note
{
	Oid			dboid;			/* InvalidOid = runs nothing; written last */
	pg_uuid_t	id;
} Note;

/* in shared memory: what the last life left, one entry per session */
static Note *crashed = NULL;

/* this executor's place in the file; its own memory if that cannot be had */
static Note unmapped;
static volatile Note *mine = &unmapped;

static Size
file_size(void)
{
	return mul_size(MaxBackends, sizeof(Note));
}

Size
celeriac_blackbox_shmem_size(void)
{
	return file_size();
}

static void
complain(const char *what)
{
	ereport(LOG,
			(errcode_for_file_access(),
			 errmsg("could not %s file \"%s\": %m", what, BLACKBOX_FILE),
			 errdetail("A task that crashes the server will not be counted as lost.")));
}

/* Of another length it is another configuration's: nothing can be told. */
static void
read_notes(int fd)
{
	if (read(fd, crashed, file_size()) != file_size())
		memset(crashed, 0, file_size());
}

/* The file is to hold nothing but zeroes, for this life's executors. */
static bool
clear_file(int fd)
{
	return ftruncate(fd, 0) == 0 && ftruncate(fd, file_size()) == 0;
}

/* In the postmaster, which must not fail for this. */
void
celeriac_blackbox_shmem_startup(void)
{
	bool		found;
	int			fd;

	crashed = ShmemInitStruct("celeriac crashed tasks", file_size(), &found);
	if (found)
		return;
	memset(crashed, 0, file_size());
	fd = BasicOpenFile(BLACKBOX_FILE, O_RDWR | O_CREAT | PG_BINARY);
	if (fd < 0)
	{
		complain("open");
		return;
	}
	read_notes(fd);
	if (!clear_file(fd))
		complain("truncate");
	close(fd);
}

static void
handle_sigquit(SIGNAL_ARGS)
{
	mine->dboid = InvalidOid;
	SignalHandlerForCrashExit(postgres_signal_arg);
}

static void
forget_note(int code, Datum arg)
{
	celeriac_blackbox_end();
}

void
celeriac_blackbox_open(void)
{
	int			fd = BasicOpenFile(BLACKBOX_FILE, O_RDWR | PG_BINARY);
	void	   *map = MAP_FAILED;

	if (fd >= 0)
	{
		map = mmap(NULL, file_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (map == MAP_FAILED)
		complain("map");
	else
		mine = &((Note *) map)[CELERIAC_MY_SLOT];
	before_shmem_exit(forget_note, (Datum) 0);
	pqsignal(SIGQUIT, handle_sigquit);
}

void
celeriac_blackbox_begin(const pg_uuid_t *id)
{
	mine->dboid = InvalidOid;
	pg_compiler_barrier();
	memcpy((void *) &mine->id, id, UUID_LEN);
	pg_compiler_barrier();
	mine->dboid = MyDatabaseId;
}

void
celeriac_blackbox_end(void)
{
	mine->dboid = InvalidOid;
}

/* Only the coordinator of the database asks, so no lock is needed. */
pg_uuid_t *
celeriac_blackbox_crashed(int *count)
{
	pg_uuid_t  *ids = palloc(MaxBackends * sizeof(pg_uuid_t));

	*count = 0;
	for (int i = 0; i < MaxBackends; i++)
	{
		if (crashed[i].dboid != MyDatabaseId)
			continue;
		ids[(*count)++] = crashed[i].id;
		crashed[i].dboid = InvalidOid;
	}
	return ids;
}
