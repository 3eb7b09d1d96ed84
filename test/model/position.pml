/*
 * position.pml
 *		The epochs of ready.c, for spin: a fetch never moves the position over a
 *		number that was pushed after it read the epoch.  claims.pml relies on
 *		it, and has a variable for what is computed from the array here.
 *
 * README.md says what is modelled and what is left out.  LEVEL_PUSHES is 2
 * here, so that the array is full early and neighbours are merged.
 */
#define LEVEL_PUSHES 2
#define NUMBERS 4				/* task_ready_seq is between 1 and this */
#ifndef PUSHES
#define PUSHES 4
#endif
#define NOTHING 255

typedef Push {
	byte epoch;
	byte ready
};

/* SharedLevel */
byte position = 0;
byte epoch = 1;
byte npushes = 0;
Push pushes[LEVEL_PUSHES];

byte left = PUSHES;
byte lowest[2] = NOTHING;		/* ghost: the lowest number pushed since the read */

inline remember_push(r)
{
	epoch++;
	do
	:: npushes > 0 ->
		if
		:: pushes[npushes - 1].ready >= r -> npushes--
		:: else -> break
		fi
	:: else -> break
	od;
	if
	:: npushes == LEVEL_PUSHES ->
#ifdef MERGE_FORGETS			/* MUTATION: the older of two that are merged is lost */
		pushes[0].ready = pushes[1].ready;
#endif
#ifndef MERGE_KEEPS_EPOCH		/* MUTATION: and so is the later epoch */
		pushes[0].epoch = pushes[1].epoch;
#endif
		npushes = LEVEL_PUSHES / 2
	:: else
	fi;
	pushes[npushes].epoch = epoch;
	pushes[npushes].ready = r;
	npushes++
}

/* celeriac_ready_push_back(), under the level's mutex */
proctype Pusher()
{
	byte r;

	do
	:: left > 0 ->
		d_step { left--; r = 1 };
		do
		:: r < NUMBERS -> r++
		:: break
		od;
		skip;
		d_step {
			if
			:: position >= r -> position = r - 1
			:: else
			fi;
#ifndef NO_REMEMBER				/* MUTATION: only the position is moved */
			remember_push(r);
#endif
			if
			:: lowest[0] > r -> lowest[0] = r
			:: else
			fi;
			if
			:: lowest[1] > r -> lowest[1] = r
			:: else
			fi;
			if					/* unused entries look alike */
			:: npushes == 1 -> pushes[1].epoch = 0; pushes[1].ready = 0
			:: else
			fi;
			r = 0
		}
	:: else -> break
	od
}

/* celeriac_ready_levels(), then celeriac_ready_advance() */
proctype Fetch(byte f)
{
	byte seen;
	byte last;
	byte i;

	do
	:: left == 0 -> break
	:: else ->
		d_step { seen = epoch; lowest[f] = NOTHING; last = 1 };
		do
		:: last < NUMBERS -> last++
		:: break
		od;
		skip;
		d_step {
			i = 0;
			do					/* advance_limit() */
			:: i < npushes ->
				if
				:: pushes[i].epoch > seen ->
					if
					:: last >= pushes[i].ready -> last = pushes[i].ready - 1
					:: else
					fi;
					break
				:: else
				fi;
				i++
			:: else -> break
			od;
			assert(last < lowest[f]);
			if
			:: position < last -> position = last
			:: else
			fi;
			lowest[f] = NOTHING;
			seen = 0;
			last = 0;
			i = 0
		}
	od
}

init
{
	atomic {
		run Fetch(0);
		run Fetch(1);
		run Pusher()
	}
}
