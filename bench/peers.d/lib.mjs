// What the clients of bench/peers in JavaScript share: the command line they
// obey (README.md) and the clock they are measured with.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

// As sent to Celeriac, see sql/send.sql
export const payload = ['0123456789'];

export const now = () => performance.now();

// The version that is installed
export function version(name)
{
	const file = new URL(`node_modules/${name}/package.json`, import.meta.url);

	return `${name} ${JSON.parse(readFileSync(file)).version}`;
}

// Runs the verb of the command line and prints what it answers.
export async function run(verbs)
{
	const [verb, count] = process.argv.slice(2);

	switch (verb) {
		case 'title':
			console.log(verbs.title);
			break;
		case 'consume':
			return verbs.consume(reporter());
		case 'serve':
			return serve(verbs);
		case 'drain':
			print(await drain(Number(count), verbs));
			break;
		case 'latency':
			print(verbs.serve && await latency(Number(count), verbs));
			break;
		default:
			print(await verbs[verb]?.(Number(count)));
	}
	process.exit(0);
}

function print(figures)
{
	for (const figure of [figures].flat().filter(Number.isFinite))
		console.log(figure.toFixed(3));
}

// per second, of count things done by work()
export async function rate(count, work)
{
	const start = now();

	await work();
	return count / ((now() - start) / 1000);
}

export function oneByOne(count, send)
{
	return rate(count, async () => {
		for (let i = 0; i < count; i++)
			await send();
	});
}

// send(n) is called for batches until count are sent
export function inBatches(count, size, send)
{
	return rate(count, async () => {
		for (let left = count; left > 0; left -= size)
			await send(Math.min(size, left));
	});
}

// Tasks per second, from the first one that ran until the store holds none
// unfinished, by as many processes as the peer says, each of which consumes.
// The store is asked only when all ran, so that asking costs the drain nothing.
async function drain(count, { processes, unfinished })
{
	const workers = Array.from({ length: processes }, () => fork(process.argv[1], ['consume']));
	const start = await allRan(count, workers);

	while (unfinished && await unfinished())
		await sleep(1);
	const end = now();

	await Promise.all(workers.map((worker) => {
		worker.kill();
		return once(worker, 'exit');
	}));
	return count / ((end - start) / 1000);
}

// When the first task had run, as soon as count have
function allRan(count, workers)
{
	return new Promise((resolve) => {
		let first;
		let left = count;

		for (const worker of workers)
			worker.on('message', (ran) => {
				first ??= now();
				left -= ran;
				if (left <= 0)
					resolve(first);
			});
	});
}

// In a process that consumes: tells the one that counts, a few hundred times a
// second at most.
function reporter()
{
	let ran = 0;
	let timer;

	exitWithParent();
	return (n = 1) => {
		ran += n;
		timer ??= setTimeout(() => {
			timer = undefined;
			process.send(ran);
			ran = 0;
		}, 2);
	};
}

// A worker in a process of its own, as workers are.  Where the sender cannot wait
// for a result, it waits for handled() before it looks whether the task is
// finished, so that looking costs the worker nothing.
async function latency(count, { listen, roundtrip })
{
	const worker = fork(process.argv[1], ['serve']);

	await once(worker, 'message');
	await listen?.();
	const figures = await percentiles(count, () => roundtrip(() => once(worker, 'message')));

	worker.kill();
	await once(worker, 'exit');
	return figures;
}

async function serve(verbs)
{
	exitWithParent();
	await verbs.serve(() => process.send('handled'));
	process.send('ready');
}

function exitWithParent()
{
	process.on('disconnect', () => process.exit());
}

// p50 and p99 of roundtrip(), in ms; the first tenth warms up
async function percentiles(count, roundtrip)
{
	const times = [];
	const warm = Math.ceil(count / 10);

	for (let i = 0; i < count + warm; i++) {
		const start = now();

		await roundtrip();
		if (i >= warm)
			times.push(now() - start);
	}
	times.sort((a, b) => a - b);
	return [0.5, 0.99].map((p) => times[Math.ceil(times.length * p) - 1]);
}
