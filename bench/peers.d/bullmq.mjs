// BullMQ: jobs are hashes in Redis that stay, with their results.

import IORedis from 'ioredis';
import { Queue, QueueEvents, Worker } from 'bullmq';
import { payload, run, oneByOne, inBatches, version } from './lib.mjs';

const name = 'noop';
const bulkSize = 1000;
const throughput = 100;

const connect = () => new IORedis({ path: process.env.REDIS_SOCKET, maxRetriesPerRequest: null });
const queue = new Queue(name, { connection: connect() });

function worker(concurrency)
{
	return new Worker(name, async () => null, { connection: connect(), concurrency });
}

let events;

function listen()
{
	events = new QueueEvents(name, { connection: connect() });
	return events.waitUntilReady();
}

async function roundtrip()
{
	const job = await queue.add(name, payload);

	await job.waitUntilFinished(events);
}

await run({
	title: version('bullmq'),
	prepare: () => queue.waitUntilReady(),
	clear: () => queue.obliterate({ force: true }),
	enqueue: (count) => oneByOne(count, () => queue.add(name, payload)),
	bulk: (count) => inBatches(count, bulkSize, (n) =>
		queue.addBulk(Array(n).fill({ name, data: payload }))),
	processes: 1,
	consume: (ran) => worker(throughput).on('completed', () => ran()),
	serve: () => worker(1).waitUntilReady(),
	listen,
	roundtrip,
});
