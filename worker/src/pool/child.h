/*
 * child.h
 *		A process of the pool: runs tasks one at a time.
 */
#ifndef CELERIAC_WORKER_POOL_CHILD_H
#define CELERIAC_WORKER_POOL_CHILD_H

#include "pool/catalog.h"
#include "pool/page.h"

/* The child's main function: serves the socket until it is closed. */
extern void child_main(int socket, Page *page, const Catalog *catalog) __attribute__((noreturn));

#endif							/* CELERIAC_WORKER_POOL_CHILD_H */
