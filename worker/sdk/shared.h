/*
 * shared.h
 *		What the extension and the worker program must agree on.
 *
 * States are in states.h.  Nothing here needs the server or libpq.
 */
#ifndef CELERIAC_WORKER_SDK_SHARED_H
#define CELERIAC_WORKER_SDK_SHARED_H

/* Bytes of the longest name of a worker or of a task. */
#define CELERIAC_NAME_MAX	255

/*
 * The channel of one worker's commands: this, then the md5 of the worker's
 * name, since the name itself may be too long for a channel.
 */
#define CELERIAC_WORKER_CHANNEL	"task_worker_"

/*
 * A fetch of so many tasks takes turns with others: the pool asks the server
 * now and then whether it is one of those who should fetch (see task_wait).
 */
#define CELERIAC_MANY		64

/* A task of less runtime is short: several are taken in one go. */
#define CELERIAC_SHORT_USEC	1000

/* SIGNAL(name): the signals a task can be revoked with. */
#define CELERIAC_SIGNALS(SIGNAL) \
	SIGNAL(TERM) \
	SIGNAL(KILL) \
	SIGNAL(INT) \
	SIGNAL(QUIT) \
	SIGNAL(HUP) \
	SIGNAL(ABRT) \
	SIGNAL(ALRM) \
	SIGNAL(USR1) \
	SIGNAL(USR2)

/* Why a task ended, as exc_type of its result: Celery's names. */
#define EXC_ERROR			"Error" /* nobody said why */
#define EXC_TYPE			"TypeError" /* arguments that do not fit */
#define EXC_MEMORY			"MemoryError"
#define EXC_ENCODE			"EncodeError"	/* text that does not fit there */
#define EXC_PROGRAM			"ProgramError"
#define EXC_RETRY			"Retry"
#define EXC_REVOKED			"TaskRevokedError"
#define EXC_NOT_REGISTERED	"NotRegistered"
#define EXC_WORKER_LOST		"WorkerLostError"
#define EXC_TIME_LIMIT		"TimeLimitExceeded"
#define EXC_SOFT_TIME_LIMIT	"SoftTimeLimitExceeded"
#define EXC_MAX_RETRIES		"MaxRetriesExceededError"
#define EXC_CHORD			"ChordError"
#define EXC_UPSTREAM		"celeriac.UpstreamError"
#define EXC_IMPROPERLY_CONFIGURED	"ImproperlyConfigured"

/* exc_message of TaskRevokedError; events tell these apart */
#define REVOKED_PLAIN		"revoked"
#define REVOKED_TERMINATED	"terminated"
#define REVOKED_EXPIRED		"expired"

/* exc_message of EncodeError, where modules and programs cannot be run */
#define NOT_UTF8			"what the task was sent with is not in UTF-8"

#endif							/* CELERIAC_WORKER_SDK_SHARED_H */
