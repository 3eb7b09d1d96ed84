/*
 * claims.pml
 *		The protocol of session claims, for spin.  README.md says what is
 *		modelled, what is left out, and how it is run.
 *
 * Every step of the model is one d_step: what the C code does under one lock,
 * or what one SQL statement sees.  Between two steps anything may happen.  The
 * comments name the C function a step stands for.
 *
 * -D switches choose a situation (how many tasks, losses, crashes, ...); the
 * mutations, marked MUTATION below, each leave out one thing the protocol
 * rests on.
 */
#ifndef TASKS
#define TASKS 1
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef RETRIES					/* outcomes that are not the last */
#define RETRIES 0
#endif
#ifndef ABORTS					/* transactions of fetches that roll back */
#define ABORTS 0
#endif
#ifndef FAILED_FINISHES			/* transactions of finishes that roll back */
#define FAILED_FINISHES 0
#endif
#ifndef LOSSES					/* sessions that end */
#define LOSSES 0
#endif
#ifndef REVOKES
#define REVOKES 0
#endif
#ifndef CRASHES					/* of the server */
#define CRASHES 0
#endif

#define NOTHING 255

/* ClaimKind; FREE: there is no entry */
#define FREE		0
#define TRANSIENT	1
#define SESSION		2
#define LOST		3

typedef Claim {
	byte kind;
	byte holder;				/* worker and its session; others: see below */
	byte delivery;
	byte ready;					/* the number it was taken at, 0 = unknown */
	byte passed;				/* the highest number a fetch passed over it at */
	bit revoked;
	byte stamp					/* ghost */
};

/* The newest committed version of a message. */
typedef Row {
	bit exists;
	byte ready;					/* 0 = NULL */
	byte deliveries;
	byte locked					/* by whom, 0 = nobody */
};

Claim claim[TASKS];
Row row[TASKS];

byte sequence = 0;				/* task_ready_seq */

/*
 * One level.  limit[w] is the lowest number pushed since fetch w read the
 * epoch: what ready.c finds in its array of pushes, which position.pml models.
 */
byte position = 0;
byte limit[WORKERS] = NOTHING;

/* CelDatabase and CelWorker after a restart */
byte life = 0;
bit attaching = 0;
bit recovered = 1;
bit expected[WORKERS];
bit attached[WORKERS];

byte retries = RETRIES;
byte aborts = ABORTS;
byte failed_finishes = FAILED_FINISHES;
byte losses = LOSSES;

/*
 * Ghosts: what the properties speak of; no step depends on them.
 *
 * over[t]: the task ended, or was never sent.
 * stamp[t]: changes whenever the task is handed out, requeued or retried.  An
 * outcome must find the stamp its holder was given.
 * believer[t]: the worker (+ 1) that may rely on holding the task: its session
 * has not ended since, or the server crashed and it is back in time.
 */
bit over[TASKS];
bit sent[TASKS];
byte stamp[TASKS] = 0;
byte believer[TASKS] = 0;
bit gone[WORKERS];				/* after the crash: not back within the grace */
bit in_transaction[WORKERS];	/* a fetch that has not committed */

/* holders and lockers that are no worker */
#define COORDINATOR	(WORKERS + 1)
#define REVOKER		(WORKERS + 2)

inline forget_believer(t, w)
{
	if
	:: believer[t] == w + 1 -> believer[t] = 0
	:: else
	fi
}

/*
 * ready.c
 */
inline push_back(r)				/* celeriac_ready_push_back() */
{
	d_step {
		if
		:: position >= r -> position = r - 1
		:: else
		fi;
		j = 0;
		do
		:: j < WORKERS ->
			if
			:: limit[j] > r -> limit[j] = r
			:: else
			fi;
			j++
		:: else -> break
		od;
		j = 0
	}
}

inline advance(w, last)			/* celeriac_ready_advance() */
{
	d_step {
		j = last;
#ifndef NO_EPOCH				/* MUTATION: pushes since the snapshot are ignored */
		if
		:: limit[w] <= j -> j = limit[w] - 1
		:: else
		fi;
#endif
		if
		:: position < j -> position = j
		:: else
		fi;
		j = 0
	}
}

/*
 * claim.c
 */
inline clear_claim(t)
{
	claim[t].kind = FREE;
	claim[t].holder = 0;
	claim[t].delivery = 0;
	claim[t].ready = 0;
	claim[t].passed = 0;
	claim[t].revoked = 0;
	claim[t].stamp = 0
}

/* celeriac_claim_take() */
inline take(t, k, who, number, r, ok)
{
	d_step {
		if
		:: claim[t].kind == FREE ->
			claim[t].kind = k;
			claim[t].holder = who;
			claim[t].delivery = number;
			claim[t].ready = r;
			ok = 1
		:: else ->
			if
			:: claim[t].passed < r -> claim[t].passed = r
			:: else
			fi;
			ok = 0
		fi
	}
}

/* celeriac_claim_release_own(): still held */
inline release_own(t, who)
{
	d_step {
		if
#ifdef RELEASE_ANY
		:: claim[t].kind != FREE ->
#else
		:: (claim[t].kind == SESSION || claim[t].kind == TRANSIENT) &&
		   claim[t].holder == who ->
#endif
			clear_claim(t)
		:: else
		fi
	}
}

/*
 * celeriac_claim_undo(): its transaction rolls back.  Who revoked the task in
 * the meantime was told that the holder would see to it.
 */
inline undo(t, who)
{
	d_step {
		if
		:: claim[t].kind == SESSION && claim[t].holder == who && claim[t].revoked ->
			claim[t].kind = LOST;
			claim[t].stamp = stamp[t]
		:: claim[t].holder == who && claim[t].kind != FREE && claim[t].kind != LOST &&
		   !claim[t].revoked ->
			clear_claim(t)
		:: else
		fi
	}
}

/*
 * celeriac_claim_release(): of that very claim.  Its serial number: the ghost
 * stamp, which tells claims that were handed out apart.  mend: a fetch passed
 * over it at a number that the task got while it was held.
 */
inline release(t, serial, mend)
{
	d_step {
		mend = 0;
		if
#ifdef RELEASE_ANY				/* MUTATION: whatever claim is there */
		:: claim[t].kind != FREE ->
#else
		:: claim[t].kind != FREE && claim[t].stamp == serial ->
#endif
			mend = claim[t].passed > claim[t].ready;
			clear_claim(t)
		:: else
		fi
	}
}

/* look_everywhere() */
inline look_everywhere()
{
#ifndef NO_MEND					/* MUTATION: whoever passed over a claim is not told */
	if
	:: flag -> push_back(1)
	:: else
	fi;
#endif
	flag = 0
}

/*
 * The row: its newest version, locked.  FOR UPDATE, or the DELETE of
 * STMT_FINISH; both wait for whoever has it locked.  The fence of the
 * statements: nothing was applied since this number was handed out.
 */
inline lock_row(t, who, number, ok)
{
	d_step {
		row[t].locked == 0 ->
		if
#if defined(NO_ROW_FENCE) || defined(NO_FENCE)	/* MUTATION: only the claim is looked at */
		:: row[t].exists ->
#else
		:: row[t].exists && (number == 0 || row[t].deliveries + 1 == number) ->
#endif
			row[t].locked = who;
			ok = 1
		:: else ->
			ok = 0
		fi
	}
}

inline require_current(t, s)
{
	assert(row[t].exists);
	assert(s == stamp[t])		/* no stale outcome is applied */
}

inline end_row(t)				/* visible: STMT_FINISH has committed */
{
	row[t].exists = 0;
	row[t].ready = 0;
	row[t].locked = 0;
	over[t] = 1;
	believer[t] = 0
}

inline renew_row(t, r, number)	/* visible: STMT_RETRY or STMT_REQUEUE */
{
	row[t].ready = r;
	if
	:: row[t].deliveries < number -> row[t].deliveries = number
	:: else
	fi;
	row[t].locked = 0;
	stamp[t]++;
	believer[t] = 0
}

/* true when a scan from the position on would find a row */
#if TASKS == 2
#define IS_OVER	(over[0] && over[1])
#define ANYTHING ((row[0].exists && row[0].ready > position) || \
	(row[1].exists && row[1].ready > position))
#else
#define IS_OVER	(over[0])
#define ANYTHING (row[0].exists && row[0].ready > position)
#endif

#if WORKERS == 2
#define ANY_EXPECTED (expected[0] || expected[1])
#define ONLY_GONE (expected[0] <= gone[0] && expected[1] <= gone[1])
#else
#define ANY_EXPECTED (expected[0])
#define ONLY_GONE (expected[0] <= gone[0])
#endif

/*
 * task_send
 */
proctype Sender(byte t)
{
	byte j;
	byte number;

	{
		d_step { sequence++; number = sequence };
		if
		:: d_step {				/* the commit becomes visible */
				row[t].exists = 1;
				row[t].ready = number;
				sent[t] = 1
			}
		:: aborts > 0 ->		/* or it rolls back */
			d_step { aborts--; over[t] = 1 };
			goto end
		fi;
#ifndef NO_PUSH_BACK			/* MUTATION: a late commit is not announced */
		push_back(number);		/* celeriac_readylist_publish() */
#endif
end:
		skip
	}
#if CRASHES > 0
	unless {
		life > 0 ->
		d_step {
			if
			:: !sent[t] -> over[t] = 1
			:: else
			fi
		}
	}
#endif
}

/*
 * A worker.  It fetches one task at a time with its session; outcomes go
 * through another session of the same worker, as those of the pool do.
 */
#define NO_TASK(w) \
	in_transaction[w] = 0; limit[w] = NOTHING; t = NOTHING; r = 0; from = 0; \
	delivery = 0; mark = 0; next = 0; taken = 0; flag = 0; has = 0

proctype Worker(byte w)
{
	byte j;
	byte from;					/* level->position of this fetch */
	byte t = NOTHING;			/* the task in hand */
	byte r;						/* and its number */
	byte delivery;
	byte mark;					/* ghost: the stamp it was given */
	byte next;
	bit has;					/* the answer of the fetch has arrived */
	bit taken;
	bit flag;
	byte my_life = 0;

restart:
	{
		if
		:: my_life == 0 -> goto fetch
		:: else
		fi;
		if						/* task_attach(): what is it running? */
		:: has ->
			in_transaction[w] = 1;
#ifdef ATTACH_UNCHECKED			/* MUTATION: the row is looked at before the claim is taken */
			d_step {
				taken = row[t].exists && row[t].ready != 0 &&
					row[t].deliveries + 1 == delivery
			};
			if
			:: taken -> take(t, SESSION, w, delivery, 0, taken)
			:: else
			fi;
#else
			take(t, SESSION, w, delivery, 0, taken);
			if
			:: taken ->
				d_step {		/* STMT_ATTACHABLE */
					taken = row[t].exists && row[t].ready != 0 &&
						row[t].deliveries + 1 == delivery
				};
				if
				:: !taken ->		/* celeriac_xact_unclaim() */
					release_own(t, w);
					push_back(1)
				:: else
				fi
			:: else
			fi;
#endif
			d_step {
				in_transaction[w] = 0;
				if
				:: taken ->
					claim[t].stamp = mark;
					believer[t] = w + 1;
					taken = 0
				:: else ->
					forget_believer(t, w);
					NO_TASK(w)
				fi
			}
		:: else
		fi;
		attached[w] = 1;		/* celeriac_worker_attached() */
		expected[w] = 0;
		d_step {
			if
			:: attaching && recovered && !ANY_EXPECTED -> attaching = 0
			:: else
			fi
		};
		if
		:: has -> goto finish
		:: else
		fi;

fetch:
		if
		:: IS_OVER -> goto end
		:: d_step {
				/* celeriac_dispatch_allowed(), celeriac_ready_levels() */
				!attaching && ANYTHING ->
				from = position;
				limit[w] = NOTHING;
				in_transaction[w] = 1
			}
		fi;

scan:
		atomic {
			d_step {			/* STMT_FETCH_SCAN: snapshot, the first candidate */
				t = NOTHING;
				r = NOTHING;
				j = 0;
				do
				:: j < TASKS ->
					if
					:: row[j].exists && row[j].ready > from && row[j].ready < r ->
						t = j;
						r = row[j].ready;
						delivery = row[j].deliveries + 1
					:: else
					fi;
					j++
				:: else -> break
				od;
				j = 0;
				if
				:: t == NOTHING -> NO_TASK(w)
				:: else
				fi
			};
			if
			:: t == NOTHING -> goto fetch
			:: else
			fi
		};
		take(t, SESSION, w, 0, r, taken);	/* claim_rows() */
		atomic {
			advance(w, r);
			if
			:: !taken -> from = r; goto scan
			:: else -> d_step { limit[w] = NOTHING; from = 0 }
			fi
		};
#ifndef NO_RECHECK				/* MUTATION: what the scan saw is believed */
		atomic {
			d_step {			/* read_claimed(): STMT_FETCH_READ */
				taken = row[t].exists && row[t].ready != 0;
				delivery = row[t].deliveries + 1
			};
			if
			:: !taken -> goto missing
			:: else
			fi
		};
#endif
		if
		:: d_step {				/* celeriac_claim_set_delivery(), and the commit */
				assert(row[t].exists);			/* what ended is not run again */
				assert(believer[t] == 0);		/* nobody else holds it */
				claim[t].delivery = delivery;
				believer[t] = w + 1;
				stamp[t]++;
				mark = stamp[t];
				claim[t].stamp = mark;
				in_transaction[w] = 0;
				taken = 0;
				r = 0;
				has = 1
			};
			goto finish
		:: d_step { aborts > 0 -> aborts-- }		/* it rolls back */
		:: d_step { losses > 0 -> losses-- }		/* ShutdownPostgres() does that */
		fi;
		undo(t, w);				/* undo_claims() */
#ifndef NO_UNDO_PUSH			/* MUTATION: where it was is not looked at again */
		push_back(r);
#endif
		d_step { NO_TASK(w) };
		goto fetch;

missing:						/* keep_by_id(): the row is gone */
		release_own(t, w);		/* celeriac_xact_unclaim() */
#ifndef UNCLAIM_FORGETS			/* MUTATION: whoever passed over it is not told */
		push_back(r);
#endif
		d_step { NO_TASK(w) };
		goto fetch;

finish:							/* task_finish() */
		atomic {
			if
			:: next = 0			/* SUCCESS: it ends */
			:: d_step { retries > 0 -> retries--; next = 1 }	/* again, later */
			:: d_step { retries > 0 -> retries--; next = 2 }	/* again, at once */
			fi;
			d_step {			/* celeriac_fence_by_claim() */
				taken = claim[t].kind == SESSION && claim[t].holder == w &&
					claim[t].delivery == delivery;
#ifdef NO_FENCE					/* MUTATION: anybody's outcome counts */
				taken = 1;
#endif
				if
				:: claim[t].revoked -> next = 0		/* decide_by_row() */
				:: else
				fi
			};
			if
			:: !taken -> goto refused
			:: else
			fi
		};
#ifdef RELEASE_BEFORE_COMMIT	/* MUTATION: the claim goes before the row does */
		release(t, mark, flag);
#endif
		atomic {
			lock_row(t, w + 1, delivery, taken);
			if
			:: !taken -> goto outdated
			:: else
			fi
		};
		if
		:: d_step {				/* it rolls back: the claim stays */
				failed_finishes > 0 ->
				failed_finishes--;
				row[t].locked = 0
			};
			goto finish
		:: d_step {				/* the commit becomes visible */
				require_current(t, mark);
				if
				:: next == 0 -> end_row(t)
				:: next == 1 -> renew_row(t, 0, delivery)
				:: next == 2 -> sequence++; r = sequence; renew_row(t, r, delivery)
				fi
			}
		fi;
#ifdef PUSH_BEFORE_RELEASE		/* MUTATION: announced while it is still claimed */
		if
		:: r != 0 -> push_back(r)
		:: else
		fi;
		release(t, mark, flag);
#else
		release(t, mark, flag);	/* release_claims() */
		look_everywhere();
		if
		:: r != 0 -> push_back(r)			/* celeriac_readylist_publish() */
		:: else
		fi;
#endif
		d_step { NO_TASK(w) };
		goto fetch;

outdated:						/* release_accepted(), release_claims() */
		release(t, mark, flag);
		look_everywhere();
refused:
		atomic {
			d_step { forget_believer(t, w); NO_TASK(w) };
			goto fetch
		}
	}
#if CRASHES > 0
	unless {
		d_step {
			life != my_life ->
			my_life = life;
			j = 0; from = 0; r = 0; next = 0; taken = 0; flag = 0;
			if
			:: !has -> t = NOTHING; delivery = 0; mark = 0
			:: else
			fi
		};
		if
		:: skip					/* it is back in time */
		:: d_step {				/* it stays away for longer than the grace, */
				gone[w] = 1;
				if
				:: t != NOTHING -> forget_believer(t, w)
				:: else
				fi
			};
			if
			:: !attaching || IS_OVER
			:: w == 0 -> goto end		/* or for ever */
			fi
		fi;
		goto restart
	}
#endif
	;
end:
	skip
}

/*
 * The coordinator: duty.c.
 */
proctype Coordinator()
{
	byte j;
	byte t;
	byte r;
	byte number;
	byte mark;
	bit ok;
	bit flag;
	byte my_life = 0;

restart:
	{
		if
		:: recovered -> goto duties
		:: else
		fi;
		t = 0;					/* celeriac_workers_expected() */
		do
		:: t < WORKERS ->
			expected[t] = 1;
			if
			:: attached[t] -> expected[t] = 0
			:: else -> ok = 1
			fi;
			t++
		:: else -> break
		od;
		t = 0;
		if						/* celeriac_duty_recover() */
		:: !ok -> attaching = 0
		:: else -> ok = 0
		fi;
		recovered = 1;
		d_step {
			if
			:: attaching && !ANY_EXPECTED -> attaching = 0
			:: else
			fi
		};

duties:
		if
		:: IS_OVER -> goto end
		:: d_step {				/* celeriac_end_attaching(): the grace is over */
				attaching && recovered && ONLY_GONE ->
				j = 0;
				do
				:: j < WORKERS -> expected[j] = 0; j++
				:: else -> break
				od;
				j = 0;
				attaching = 0
			};
			goto duties
#ifndef NO_REQUEUE				/* MUTATION: nobody sees to lost claims */
		:: d_step { claim[0].kind == LOST -> t = 0; number = claim[0].delivery; mark = claim[0].stamp };
			goto lost
#if TASKS == 2
		:: d_step { claim[1].kind == LOST -> t = 1; number = claim[1].delivery; mark = claim[1].stamp };
			goto lost
#endif
#endif
		:: d_step {				/* celeriac_make_due(): STMT_DUE, SKIP LOCKED */
				row[0].exists && row[0].ready == 0 && row[0].locked == 0 ->
				row[0].locked = COORDINATOR;
				sequence++;
				r = sequence
			}
		fi;
		d_step { row[t].ready = r; row[t].locked = 0 };		/* visible */
		push_back(r);
		d_step { t = 0; r = 0 };
		goto duties;

lost:							/* celeriac_end_lost_claims() */
#ifdef REQUEUE_RELEASES_FIRST	/* MUTATION: the claim goes before the row does */
		release(t, mark, flag);
#endif
		atomic {
			lock_row(t, COORDINATOR, number, ok);	/* SKIP LOCKED, and again later */
#ifndef REQUEUE_RELEASES_FIRST
			if					/* still_lost() */
			:: ok && !(claim[t].kind == LOST && claim[t].delivery == number) ->
				row[t].locked = 0;
				ok = 0
			:: else
			fi
#endif
		};
		if
		:: !ok ->				/* release_ended(): delivery_exists() */
			if
			:: !row[t].exists -> release(t, mark, flag)
			:: else
			fi;
			d_step { t = 0; number = 0; mark = 0; flag = 0 };
			goto duties
		:: d_step { ok && failed_finishes > 0 -> failed_finishes--; row[t].locked = 0; ok = 0 };
			goto duties
		:: d_step {				/* the commit becomes visible */
				ok ->
				require_current(t, mark);
				if
				:: claim[t].revoked -> end_row(t)
				:: else -> sequence++; r = sequence; renew_row(t, r, number)
				fi;
				ok = 0
			}
		fi;
		release(t, mark, flag);
		look_everywhere();
		if
		:: r != 0 -> push_back(r)
		:: else
		fi;
		d_step { t = 0; r = 0; number = 0; mark = 0 };
		goto duties
	}
#if CRASHES > 0
	unless {
		d_step {
			life != my_life ->
			my_life = life;
			j = 0; t = 0; r = 0; number = 0; mark = 0; ok = 0; flag = 0
		};
		goto restart
	}
#endif
	;
end:
	skip
}

/*
 * task_revoke() of task 0 in a transaction that stays open for a while.
 */
proctype Revoker(byte who)
{
	byte j;
	byte r;
	bit ok;

	{
		skip;
again:
		if						/* celeriac_task_status() */
		:: IS_OVER -> goto end
		:: row[0].exists
		fi;
		d_step {				/* celeriac_revoke_held(): celeriac_claim_revoke() */
			ok = claim[0].kind == SESSION || claim[0].kind == LOST;
			if
			:: ok -> claim[0].revoked = 1
			:: else
			fi
		};
		if
		:: ok -> goto end
		:: else
		fi;
#ifdef REVOKE_UNCLAIMED			/* MUTATION: revoke is no claimer */
		ok = 1;
#else
		take(0, TRANSIENT, who, 0, 0, ok);
#endif
		if
		:: !ok ->				/* celeriac_wait_for_decider() */
			row[0].locked == 0 || row[0].locked == who;
#ifdef DECIDER_KEEPS_LOCK		/* MUTATION: and the row stays locked meanwhile */
			row[0].locked = who;
#endif
			/* it looks once a millisecond; what it sees changes only here */
			claim[0].kind != TRANSIENT || !row[0].exists;
			d_step {
				if
				:: row[0].locked == who && !row[0].exists -> row[0].locked = 0
				:: else
				fi
			};
			goto again
		:: else
		fi;
		d_step {				/* revoke_claimed(): STMT_READ_ROW */
			row[0].locked == 0 || row[0].locked == who ->
			ok = row[0].exists;
			if
			:: ok -> row[0].locked = who; r = row[0].ready
			:: else
			fi
		};
		if
		:: !ok -> release_own(0, who); goto end
		:: else
		fi;
		if
		:: d_step {				/* the commit becomes visible */
				assert(believer[0] == 0);		/* nobody else holds it */
				end_row(0)
			};
			release_own(0, who)
		:: row[0].locked = 0;	/* it rolls back: undo_claims() */
			undo(0, who);
#ifndef NO_UNDO_PUSH
			if
			:: r != 0 -> push_back(r)
			:: else -> push_back(1)		/* look_everywhere() */
			fi
#endif
		fi
	}
#if CRASHES > 0
	unless {
		life > 0
	}
#endif
	;
end:
	skip
}

/* A session ends, and its worker lives on: session_exit(). */
proctype Losses()
{
	do
	:: IS_OVER || losses == 0 -> break
	:: d_step {
			losses > 0 && claim[0].kind == SESSION && !in_transaction[claim[0].holder] ->
			losses--;
			claim[0].kind = LOST;
			believer[0] = 0
		}
	od
}

/* Everything in shared memory is gone, and every transaction that was open. */
proctype Crash()
{
	byte i;

	if
	:: IS_OVER
	:: d_step {
			!IS_OVER ->
			life++;
			i = 0;
			do
			:: i < TASKS ->
				clear_claim(i);
				row[i].locked = 0;
				i++
			:: else -> break
			od;
			i = 0;
			do
			:: i < WORKERS ->
				limit[i] = NOTHING;
				in_transaction[i] = 0;
				expected[i] = 0;
				attached[i] = 0;
				i++
			:: else -> break
			od;
			i = 0;
			position = 0;
			recovered = 0;
#ifndef NO_GRACE				/* MUTATION: dispatch goes on at once */
			attaching = 1
#endif
		}
	fi
}

init
{
	atomic {
		run Sender(0);
#if TASKS == 2
		run Sender(1);
#endif
		run Worker(0);
#if WORKERS == 2
		run Worker(1);
#endif
		run Coordinator();
#if REVOKES > 0
		run Revoker(REVOKER);
#endif
#if REVOKES > 1
		run Revoker(REVOKER + 1);
#endif
#if LOSSES > 0
		run Losses();
#endif
#if CRASHES > 0
		run Crash()
#endif
	}
}
