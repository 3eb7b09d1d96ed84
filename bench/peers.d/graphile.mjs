// graphile-worker: jobs are rows, deleted when done; no results.

import pg from 'pg';
import { makeWorkerUtils, run as runWorker, Logger } from 'graphile-worker';
import { payload, run, oneByOne, inBatches, version } from './lib.mjs';

const logger = new Logger(() => () => {});
const jobs = 'graphile_worker._private_jobs';

// As its page on performance has it for throughput
const throughput = {
	concurrentJobs: 24,
	maxPoolSize: 25,
	localQueue: { size: 500 },
	completeJobBatchDelay: 0,
	failJobBatchDelay: 0,
};
// A local queue would only delay a lone job
const prompt = { concurrentJobs: 4, maxPoolSize: 6 };
const bulkSize = 10000;

const connectionString = 'postgres://';	// the rest is in the environment
const pool = new pg.Pool();
const utils = await makeWorkerUtils({ connectionString, logger });

function consume(settings, ran)
{
	return runWorker({
		preset: { worker: { ...settings, connectionString, logger } },
		taskList: { noop: () => ran() },
	});
}

async function unfinished()
{
	return (await pool.query(`SELECT FROM ${jobs} LIMIT 1`)).rowCount > 0;
}

async function roundtrip(handled)
{
	const ran = handled();
	const job = await utils.addJob('noop', payload);

	await ran;
	while ((await pool.query(`SELECT FROM ${jobs} WHERE id = $1`, [job.id])).rowCount > 0)
		;
}

await run({
	title: `${version('graphile-worker')}, no results`,
	prepare: () => utils.migrate(),
	clear: () => pool.query(`TRUNCATE ${jobs}`),
	enqueue: (count) => oneByOne(count, () => utils.addJob('noop', payload)),
	bulk: (count) => inBatches(count, bulkSize, (n) =>
		utils.addJobs(Array(n).fill({ identifier: 'noop', payload }))),
	processes: 2,
	consume: (ran) => consume(throughput, ran),
	unfinished,
	serve: (handled) => consume(prompt, handled),
	roundtrip,
});
