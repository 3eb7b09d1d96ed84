/*
 * config.h
 *		The options of `celeriac worker`.
 */
#ifndef CELERIAC_WORKER_POOL_CONFIG_H
#define CELERIAC_WORKER_POOL_CONFIG_H

#include "base/log.h"
#include "base/option.h"
#include "pool/program.h"

typedef struct Config
{
	/* as given */
	char	   *conninfo;
	char	   *hostname;
	OptionList	queues;
	int			concurrency;	/* 0 = one per core */
	OptionList	modules;
	OptionList	program_specs;
	int			prefetch_multiplier;
	double		time_limit;
	double		soft_time_limit;
	int			max_tasks_per_child;
	char	   *loglevel_name;
	char	   *logfile;
	char	   *log_format;
	char	   *pidfile;
	double		heartbeat_interval;

	/* derived */
	char	   *worker;			/* hostname with its % escapes replaced */
	LogLevel	loglevel;
	bool		log_json;
	Program    *programs;
	size_t		nprograms;
} Config;

typedef enum ConfigResult
{
	CONFIG_READY,
	CONFIG_HELP,				/* help was asked for */
	CONFIG_ERROR
} ConfigResult;

/* Parse the arguments behind "worker". */
extern ConfigResult config_parse(Config *config, int argc, char **argv, char *error, size_t error_size);
extern void config_print_help(void);
extern void config_free(Config *config);

/*
 * Replace Celery's escapes: %h host, %n its first part, %d its domain, %% a
 * percent sign.  With a worker's name, for files: %n is the part before '@'
 * and %p all of it.  NULL when an escape is unknown.  The caller frees it.
 */
extern char *config_expand(const char *format, const char *host, const char *worker);

#endif							/* CELERIAC_WORKER_POOL_CONFIG_H */
