/*
 * mem.h
 *		Memory that is there: running out of it ends the process.
 *
 * A supervisor without memory cannot keep its promises; ending gives every
 * claimed task back to the server, which is the best it can do.  In a child it
 * is the running task that gets lost.
 */
#ifndef CELERIAC_WORKER_BASE_MEM_H
#define CELERIAC_WORKER_BASE_MEM_H

#include <stddef.h>

extern void *mem_alloc(size_t size) __attribute__((returns_nonnull));
extern void *mem_zalloc(size_t size) __attribute__((returns_nonnull));
extern void *mem_realloc(void *pointer, size_t size) __attribute__((returns_nonnull));
extern char *mem_printf(const char *format,...) __attribute__((returns_nonnull, format(printf, 1, 2)));
extern char *mem_strdup(const char *text) __attribute__((returns_nonnull));

#endif							/* CELERIAC_WORKER_BASE_MEM_H */
