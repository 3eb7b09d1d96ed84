// Bare messages in the shape of pgmq: one table, read by moving a visibility
// time, deleted when done.  pgmq itself is in no package of Debian or npm, so
// these are statements of the same shape, without what it adds around them.

import pg from 'pg';
import { payload, run, oneByOne, inBatches } from './lib.mjs';

const bulkSize = 10000;
const readSize = 1000;
const readers = 2;

const pool = new pg.Pool({ max: readers });

const create = `
	CREATE TABLE pgmq_noop (
		msg_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		read_ct int NOT NULL DEFAULT 0,
		enqueued_at timestamptz NOT NULL DEFAULT now(),
		vt timestamptz NOT NULL DEFAULT clock_timestamp(),
		message jsonb);
	CREATE INDEX ON pgmq_noop (vt)`;

const send = {
	name: 'send',
	text: 'INSERT INTO pgmq_noop (message) SELECT unnest($1::jsonb[])',
};

const read = {
	name: 'read',
	text: `
		WITH next AS (
			SELECT msg_id FROM pgmq_noop WHERE vt <= clock_timestamp()
			ORDER BY msg_id LIMIT $1 FOR UPDATE SKIP LOCKED)
		UPDATE pgmq_noop m SET vt = clock_timestamp() + interval '30 s', read_ct = read_ct + 1
		FROM next WHERE m.msg_id = next.msg_id
		RETURNING m.*`,
	values: [readSize],
};

const done = {
	name: 'done',
	text: 'DELETE FROM pgmq_noop WHERE msg_id = ANY($1::bigint[])',
};

function sendMessages(n)
{
	return pool.query({ ...send, values: [Array(n).fill(JSON.stringify(payload))] });
}

async function reader(ran)
{
	for (;;) {
		const { rows } = await pool.query(read);

		if (rows.length === 0)
			return;
		await pool.query({ ...done, values: [rows.map((row) => row.msg_id)] });
		ran(rows.length);
	}
}

function consume(ran)
{
	for (let i = 0; i < readers; i++)
		reader(ran);
}

await run({
	title: 'the shape of pgmq, bare messages',
	prepare: () => pool.query(create),
	clear: () => pool.query('TRUNCATE pgmq_noop'),
	enqueue: (count) => oneByOne(count, () => sendMessages(1)),
	bulk: (count) => inBatches(count, bulkSize, sendMessages),
	processes: 1,
	consume,
});
