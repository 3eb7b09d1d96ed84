/*
 * wakeup.pml
 *		No wake-up is lost, for spin: register - look - sleep against commit -
 *		walk (wake.c).  README.md says what is modelled and what is left out.
 *
 * The re-check every minute is left out: with it nothing could be stuck.  The
 * atomic operations on a session's word are the barriers; between two steps of
 * one process anything may happen.
 */
#ifndef WAITERS
#define WAITERS 2
#endif
#ifndef COMMITS					/* transactions that make tasks ready */
#define COMMITS 2
#endif
#ifndef EACH					/* tasks in each of them */
#define EACH 1
#endif

#define NONE	0				/* CelWaitKind */
#define FETCH	1
#define WOKEN	2

byte wait[WAITERS] = NONE;		/* CelSession.wait */
bit latch[WAITERS];
byte fetch_waiters = 0;			/* CelDatabase.fetch_waiters */
byte ready = 0;					/* committed, and nobody has taken them */
byte patience = 1;				/* waits that a deadline or a death may end */

/* ghost */
bit asleep[WAITERS];

/*
 * celeriac_wake_fetch(): is there a waiter? then wake_waiters().  The walk
 * starts anywhere.
 */
inline wake(count)
{
	left = count;
	if
	:: fetch_waiters > 0 ->
		i = 0;
		if
		:: first = 0
		:: first = 1
		fi;
		do
		:: i < WAITERS && left > 0 ->
			who = (first + i) % WAITERS;
			if
			:: wait[who] == FETCH ->		/* is_waiting() */
				d_step {					/* wake_one() */
					if
					:: wait[who] == FETCH -> wait[who] = WOKEN; woke = 1
					:: else
					fi
				};
				if
				:: woke ->
					latch[who] = 1;
					woke = 0;
					left--
				:: else
				fi
			:: else
			fi;
			i++
		:: else -> break
		od
	:: else
	fi;
	skip;
	d_step { left = 0; i = 0; who = 0; first = 0 }
}

/*
 * celeriac_fetch(): takes what it sees.  That it passes a wake-up on when it
 * took all it may is left out: nothing here needs it.
 */
inline fetch()
{
	d_step {
		got = ready > 0;
		ready = ready - got
	}
}

/* celeriac_wait_end() */
inline wait_end()
{
	d_step { last = wait[w]; wait[w] = NONE };
	fetch_waiters--;
#ifndef NO_PASS_ON				/* MUTATION: a wake-up that is not used is dropped */
	if
	:: last == WOKEN -> wake(1)
	:: else
	fi;
#endif
	last = 0
}

proctype Waiter(byte w)
{
	byte i;
	byte left;
	byte who;
	byte first;
	byte last;
	bit woke;
	bit got;

	do
	::	fetch();				/* fetch_or_wait() */
		if
		:: !got ->
			fetch_waiters++;	/* celeriac_wait_fetch_begin() */
			wait[w] = FETCH;
#ifdef NO_LOOK					/* MUTATION: registered, and straight to sleep */
			goto sleep;
#endif
look:
			fetch();
			if
			:: got -> goto done
			:: else
			fi;
sleep:
			if					/* celeriac_wait_sleep() */
			:: d_step { wait[w] == WOKEN -> wait[w] = FETCH };
				goto look
			:: wait[w] != WOKEN
			fi;
			asleep[w] = 1;
end_sleep:
			if
			:: d_step { latch[w] -> latch[w] = 0; asleep[w] = 0 };
				goto sleep
			:: d_step {			/* the deadline, or session_exit() */
					patience > 0 ->
					patience--;
					asleep[w] = 0
				}
			fi;
done:
			wait_end()
		:: else
		fi;
		got = 0
	:: break					/* busy with something else */
	od
}

proctype Commit()
{
	byte i;
	byte left;
	byte who;
	byte first;
	bit woke;

#ifdef WALK_BEFORE_COMMIT		/* MUTATION: waiters are woken too early */
	wake(EACH);
	ready = ready + EACH
#else
	ready = ready + EACH;		/* the commit becomes visible */
	wake(EACH)					/* celeriac_readylist_publish() */
#endif
}

/* When nothing moves any more: a task that is ready has no sleeping waiter. */
proctype Judge()
{
end:
	if
	:: timeout ->
		assert(ready == 0 || !(asleep[0] || asleep[1]))
	fi
}

init
{
	byte n;

	atomic {
		n = 0;
		do
		:: n < WAITERS -> run Waiter(n); n++
		:: else -> break
		od;
		n = 0;
		do
		:: n < COMMITS -> run Commit(); n++
		:: else -> break
		od;
		run Judge()
	}
}
