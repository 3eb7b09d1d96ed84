# Everything at once: while several sessions send, children, supervisors,
# connections, executors, the coordinator, the launcher, backends and the
# postmaster are killed at random.  Every task whose send was committed ends
# exactly once, and what SQL tasks wrote is there exactly once.
#
# CELERIAC_CHAOS_TASKS	how many tasks (default 100,000)
# CELERIAC_CHAOS_SECONDS	for how long there are blows (default 240), then it may end in peace
# CELERIAC_CHAOS_SEED	repeats the choices of an earlier run, not their timing

use strict;
use warnings;

use Celeriac;
use List::Util qw(min sum0);
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $tasks = $ENV{CELERIAC_CHAOS_TASKS} || 100_000;
my $seconds = $ENV{CELERIAC_CHAOS_SECONDS} || 240;
my $seed = $ENV{CELERIAC_CHAOS_SEED} || (time * 1000) % 1_000_000_007;
my $senders = 4;
my $pools = 3;

srand($seed);
diag("chaos: $tasks tasks, CELERIAC_CHAOS_SEED=$seed");

my $node = Celeriac::new_node(
	'main',
	conf => q{
log_statement = none
max_connections = 60
celeriac.executors = 3
celeriac.attach_grace = 2s
autovacuum_naptime = 5s
});

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# The answer, or undef while the server cannot give one.  A psql that cannot
# connect may end before it was told what to ask, which IPC::Run dies of.
sub ask
{
	my ($query) = @_;
	my ($status, $out) =
	  eval { $node->psql('postgres', $query, stderr => \my $errors) };

	return defined $status && $status == 0 ? $out : undef;
}

# Odd numbers are C tasks for the pools, even ones SQL tasks for the executors;
# what is in table sent was committed together with the task.
value(
	q{
CREATE TABLE sent (id uuid PRIMARY KEY, n int UNIQUE);
CREATE TABLE effect (n int PRIMARY KEY);
CREATE FUNCTION effect(n int) RETURNS int LANGUAGE sql AS
	'INSERT INTO effect VALUES (n) RETURNING n';
SELECT task_register('effect(int)'::regprocedure, max_deliveries => 1000);
SELECT task_define('echo.add', max_deliveries => 1000);
SELECT task_define('sleep.nap', max_deliveries => 1000);
CREATE FUNCTION send_one(n int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO sent SELECT CASE
		WHEN n % 2 = 0 THEN task_send('effect', jsonb_build_array(n))
		WHEN n % 100 = 1 THEN task_send('sleep.nap', '[0.05]', priority => 9)
		ELSE task_send('echo.add', jsonb_build_array(n, 1)) END, n
$$;
CREATE FUNCTION send_many(a int, b int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO sent SELECT id, a - 2 + 2 * row_number() OVER () FROM task_send_many(
		CASE WHEN a % 2 = 0 THEN 'effect' ELSE 'echo.add' END,
		ARRAY(SELECT CASE WHEN a % 2 = 0 THEN jsonb_build_array(i)
			ELSE jsonb_build_array(i, 1) END FROM generate_series(a, b, 2) AS i)) AS id;
	INSERT INTO sent SELECT id, a - 1 + 2 * row_number() OVER () FROM task_send_many(
		CASE WHEN a % 2 = 1 THEN 'effect' ELSE 'echo.add' END,
		ARRAY(SELECT CASE WHEN a % 2 = 1 THEN jsonb_build_array(i)
			ELSE jsonb_build_array(i, 1) END FROM generate_series(a + 1, b, 2) AS i)) AS id;
$$;
});

#
# Senders: processes that send their share in pieces, each piece in its way,
# with pauses, so that there is time for blows.
#
my @ways = (
	# the largest piece, and how it is sent; each in a transaction of its own
	[ 200, sub { "SELECT format('SELECT send_one(%s)', i) FROM generate_series($_[0], $_[1]) AS i \\gexec" } ],
	# all in one
	[ 500, sub { "SELECT count(send_one(i)) FROM generate_series($_[0], $_[1]) AS i" } ],
	# set-based
	[ 1000, sub { "SELECT send_many($_[0], $_[1])" } ],
	# with subtransactions and after a send that never happened
	[ 500, sub {
		"BEGIN; SELECT send_many($_[0], $_[1]); ROLLBACK;
		 BEGIN; SAVEPOINT s; SELECT send_many($_[0], $_[1]); ROLLBACK TO s;
		 SELECT count(send_one(i)) FROM generate_series($_[0], $_[1]) AS i; COMMIT;";
	} ]);

sub send_share
{
	my ($first, $last) = @_;
	my $next = $first;

	while ($next <= $last)
	{
		my ($largest, $how) = @{ $ways[ rand @ways ] };
		my $end = min($next + int(rand $largest), $last);

		usleep(rand 1_500_000);
		if (defined ask($how->($next, $end)))
		{
			$next = $end + 1;
			next;
		}
		my $reached;
		until (defined $reached)
		{
			usleep(50_000);
			$reached =
			  ask("SELECT coalesce(max(n), $next - 1) FROM sent WHERE n BETWEEN $next AND $end");
		}
		$next = $reached + 1;
	}
	return;
}

my @sending;
foreach my $sender (0 .. $senders - 1)
{
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		srand($seed + $sender);
		eval {
			send_share(int($tasks * $sender / $senders) + 1,
				int($tasks * ($sender + 1) / $senders));
			1;
		} or do { print STDERR $@; POSIX::_exit(1); };
		POSIX::_exit(0);
	}
	push @sending, $pid;
}

#
# Those who suffer.
#
my @workers;

sub start_pool
{
	my ($slot) = @_;

	$workers[$slot] = Celeriac::start_worker(
		$node,
		wait => 0,
		concurrency => 3,
		modules => [ 'echo', 'sleep' ],
		args => [ '--loglevel', 'WARNING' ]);
	return;
}

sub one_of
{
	my @list = @_;
	return $list[ rand @list ];
}

sub some_backend
{
	my ($where) = @_;
	my $pids = ask(
		"SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND $where"
	);

	return one_of(split ' ', $pids // '');
}

sub kill_backend
{
	my ($where) = @_;
	my $pid = some_backend($where) or return 0;

	return kill 'KILL', $pid;
}

sub terminate_backend
{
	my ($where) = @_;
	my $pid = some_backend($where) or return 0;

	return (ask("SELECT pg_terminate_backend($pid)") // '') eq 't';
}

sub kill_child
{
	my $pid = one_of(one_of(@workers)->children) or return 0;

	return kill 'KILL', $pid;
}

sub end_pool
{
	my ($signal) = @_;
	my $slot = int rand @workers;

	$workers[$slot]->stop($signal);
	start_pool($slot);
	return 1;
}

# Nobody hears from it for a while.
sub freeze_pool
{
	my $pid = one_of(@workers)->pid;

	kill 'STOP', $pid;
	usleep(rand 300_000);
	kill 'CONT', $pid;
	return 1;
}

sub restart_server
{
	my ($mode) = @_;

	$node->stop($mode);
	$node->start;
	return 1;
}

# [how often, name, how]
my @blows = (
	[ 30, 'child killed', \&kill_child ],
	[ 12, 'supervisor killed', sub { end_pool('KILL') } ],
	[ 4, 'supervisor stopped cold', sub { end_pool('QUIT') } ],
	[ 4, 'supervisor stopped warm', sub { end_pool('TERM') } ],
	[ 4, 'supervisor frozen', \&freeze_pool ],
	[ 8, 'connection terminated', sub { terminate_backend("backend_type = 'client backend'") } ],
	[ 6, 'executor terminated', sub { terminate_backend("backend_type = 'celeriac executor'") } ],
	[ 3, 'coordinator terminated', sub { terminate_backend("backend_type = 'celeriac coordinator'") } ],
	[ 2, 'launcher terminated', sub { terminate_backend("backend_type = 'celeriac launcher'") } ],
	[ 3, 'executor killed', sub { kill_backend("backend_type = 'celeriac executor'") } ],
	[ 2, 'coordinator killed', sub { kill_backend("backend_type = 'celeriac coordinator'") } ],
	[ 3, 'backend killed', sub { kill_backend("backend_type = 'client backend'") } ],
	[ 2, 'immediate stop', sub { restart_server('immediate') } ],
	[ 2, 'postmaster killed', sub { Celeriac::kill_postmaster($node); 1 } ],
	[ 1, 'fast stop', sub { restart_server('fast') } ]);
my $weight = sum0(map { $_->[0] } @blows);
my %struck;

sub strike
{
	my $choice = rand $weight;

	foreach my $blow (@blows)
	{
		my ($share, $name, $how) = @$blow;

		if ($choice < $share)
		{
			note(sprintf '%.3f %s', time, $name);
			$struck{$name}++ if $how->();
			return;
		}
		$choice -= $share;
	}
	return;
}

#
# Strike until everything is sent and most of it is done.
#
my $surprises = 0;

sub senders_left
{
	@sending = grep { waitpid($_, POSIX::WNOHANG) == 0 or ($surprises += $? != 0, 0) } @sending;
	return scalar(@sending);
}

sub replace_ended_pools
{
	foreach my $slot (0 .. $#workers)
	{
		next if $workers[$slot]->running;
		diag("a pool ended by itself:\n" . $workers[$slot]->log);
		$surprises++;
		start_pool($slot);
	}
	return;
}

my $started = time;

start_pool($_) foreach 0 .. $pools - 1;
for (;;)
{
	my $done = ask('SELECT count(*) FROM task_result') // 0;

	last if senders_left() == 0 && $done > 0.97 * $tasks;
	last if time > $started + $seconds;
	strike();
	usleep(rand 500_000);
	replace_ended_pools();
}
my $calm = time;
my $sent = ask('SELECT count(*) FROM sent') // 'some';

Celeriac::wait_until('the last senders',
	sub { replace_ended_pools(); return senders_left() == 0; });

Celeriac::wait_until('an answer', sub { return defined ask('SELECT 1') });
Celeriac::wait_until('the last tasks',
	sub { return (ask('SELECT count(*) FROM task_message') // -1) == 0; });

diag( sprintf '%d blows in %.0f s while %s tasks were sent, then %.1f s to the last result',
	sum0(values %struck), $calm - $started, $sent, time - $calm);
note("$_: $struck{$_}") foreach sort keys %struck;

#
# What must be true.
#
is($surprises, 0, 'no sender and no pool ended by itself');
is(value('SELECT count(*), min(n), max(n) FROM sent'),
	"$tasks|1|$tasks", 'what was acknowledged was committed');
is(value('SELECT count(*) FROM task_message'), '0', 'no task is left');
is(value('SELECT count(*) FROM task_result'),
	$tasks, 'there is one result per task');
is( value('SELECT count(*) FROM sent JOIN task_result USING (id)'),
	$tasks, 'each sent task has its own');
is( value('SELECT string_agg(DISTINCT state, $$ $$) FROM task_result'),
	'SUCCESS', 'each ended well');
is( value('SELECT count(*), count(DISTINCT n) FROM effect'),
	join('|', (int($tasks / 2)) x 2),
	'each SQL task wrote its row once');
is( value(
		q{SELECT count(*) FROM sent JOIN task_result AS r USING (id)
		  WHERE r.name = 'effect' AND r.result <> to_jsonb(n)
		  OR r.name = 'echo.add' AND r.result <> to_jsonb(n + 1)}),
	'0',
	'no result belongs to another task');
Celeriac::wait_query($node,
	q{SELECT coalesce(sum(active), 0) FROM task_worker}, '0');
pass('no claim is left');

is($_->stop, 0, 'a pool stops cleanly') foreach @workers;
$node->stop;
unlike(
	slurp_file($node->logfile),
	qr/PANIC|TRAP|terminated by signal (?!9:)/,
	'nothing in the server crashed by itself');

done_testing();
