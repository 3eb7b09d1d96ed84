/*
 * page.c
 *		The memory a child shares with its supervisor.
 */
#include "pool/page.h"

#include <string.h>
#include <sys/mman.h>

static inline uint64_t
page_word(uint32_t limit, uint32_t current)
{
	return (uint64_t) limit << 32 | current;
}

static inline uint32_t
page_word_limit(uint64_t word)
{
	return (uint32_t) (word >> 32);
}

static inline uint32_t
page_word_current(uint64_t word)
{
	return (uint32_t) word;
}

Page *
page_new(void)
{
	Page	   *page = mmap(NULL, sizeof(Page), PROT_READ | PROT_WRITE,
							MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? NULL : page;
}

void
page_free(Page *page)
{
	if (page != NULL)
		munmap(page, sizeof(Page));
}

bool
page_begin(Page *page, uint32_t seq, int64_t now)
{
	uint64_t	word = atomic_load(&page->progress);

	/* before the word, whose reader must not find the time of the task before */
	atomic_store(&page->started_at, now);
	do
	{
		if (seq > page_word_limit(word))
			return false;
	}
	while (!atomic_compare_exchange_weak(&page->progress, &word,
										 page_word(page_word_limit(word), seq)));
	return true;
}

void
page_allow(Page *page, uint32_t limit)
{
	uint64_t	word = atomic_load(&page->progress);

	while (!atomic_compare_exchange_weak(&page->progress, &word,
										 page_word(limit, page_word_current(word))))
		;
}

uint32_t
page_recall(Page *page)
{
	uint64_t	word = atomic_load(&page->progress);

	while (!atomic_compare_exchange_weak(&page->progress, &word,
										 page_word(page_word_current(word),
												   page_word_current(word))))
		;
	return page_word_current(word);
}

uint32_t
page_current(Page *page)
{
	return page_word_current(atomic_load(&page->progress));
}

bool
page_keep_report(Page *page, const char *frame, size_t length)
{
	uint32_t	used = atomic_load(&page->reports_length);

	if (length > PAGE_REPORTS_SIZE - used)
		return false;
	memcpy(page->reports + used, frame, length);
	atomic_store(&page->reports_length, used + (uint32_t) length);
	return true;
}

void
page_forget_reports(Page *page)
{
	atomic_store(&page->reports_length, 0);
	atomic_fetch_add(&page->flushes, 1);
	/* what is written to reports from here on comes after the new count */
	atomic_thread_fence(memory_order_seq_cst);
}

/*
 * The child may empty and refill reports while they are copied; then flushes
 * has moved on, the copy is thrown away and the socket brings what was in it.
 */
void
page_copy_reports(Page *page, Buffer *out)
{
	uint32_t	flushes = atomic_load(&page->flushes);
	uint32_t	length = atomic_load(&page->reports_length);

	if (length == 0 || length > PAGE_REPORTS_SIZE)
		return;
	memcpy(buffer_reserve(out, length), page->reports, length);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&page->flushes) == flushes)
		out->end += length;
}
