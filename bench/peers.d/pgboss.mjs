// pg-boss: jobs are rows that stay, with their results.

import pg from 'pg';
import { PgBoss } from 'pg-boss';
import { payload, run, oneByOne, inBatches, sleep, version } from './lib.mjs';

const queue = 'noop';
const bulkSize = 10000;
const fetchSize = 1000;
const fetchers = 2;

const pool = new pg.Pool();
const boss = new PgBoss({ user: process.env.PGUSER, host: process.env.PGHOST,
	port: Number(process.env.PGPORT), database: process.env.PGDATABASE, useListenNotify: true });

boss.on('error', (error) => console.error(error));
await boss.start();

// Its worker asks for the next batch only when the handler is done and a timer
// has run; a loop of its own calls is the faster way that it offers.
async function fetcher(ran)
{
	for (;;) {
		const jobs = await boss.fetch(queue, { batchSize: fetchSize });

		if (jobs.length === 0)
			return;
		await boss.complete(queue, jobs.map((job) => job.id), {});
		ran(jobs.length);
	}
}

function consume(ran)
{
	for (let i = 0; i < fetchers; i++)
		fetcher(ran);
}

async function serve(handled)
{
	await boss.work(queue, { pollingIntervalSeconds: 0.5 }, async () => handled());
	await sleep(1000);			// until it listens
}

async function roundtrip(handled)
{
	const ran = handled();
	const id = await boss.send(queue, payload);

	await ran;
	while ((await boss.getJobById(queue, id)).state !== 'completed')
		;
}

await run({
	title: version('pg-boss'),
	prepare: () => boss.createQueue(queue, { notify: true }),
	clear: () => boss.deleteAllJobs(queue),
	enqueue: (count) => oneByOne(count, () => boss.send(queue, payload)),
	bulk: (count) => inBatches(count, bulkSize, (n) =>
		boss.insert(queue, Array(n).fill({ data: payload }))),
	processes: 2,
	consume,
	serve,
	roundtrip,
});
