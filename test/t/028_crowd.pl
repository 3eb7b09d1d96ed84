# Hundreds of sessions wait: a task wakes the one that takes it, and not the
# crowd; those that wait for another queue sleep on.  What a wake-up costs is
# counted by the kernel: how often the server's processes gave up their CPU to
# wait.  And when the crowd works at once, each task is still taken once.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $waiters = 100;
my $rounds = 300;
my $node = Celeriac::new_node('main',
	conf => "log_statement = none\nmax_connections = 300");

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

sub script
{
	my ($name, $text) = @_;
	my $file = $node->basedir . "/$name.sql";

	append_to_file($file, $text);
	return $file;
}

# So many clients, each of which takes one task at a time from a queue.
sub start_crowd
{
	my ($queue) = @_;
	my $file = script($queue, <<"END");
SELECT task_finish('$queue' || :client_id, ARRAY[
	ROW(id, delivery, 'SUCCESS', NULL, NULL, NULL, NULL, NULL, NULL)::task_outcome])
FROM task_fetch('$queue' || :client_id, '{$queue}', 1, '1 hour', NULL);
END
	my $crowd = IPC::Run::start(
		[
			'pgbench', '-n', '-c', $waiters, '-T', 3600,
			'-f', $file, '-d', $node->connstr('postgres')
		],
		'>', '/dev/null', '2>', '/dev/null');

	Celeriac::wait_query($node,
		"SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%''{$queue}''%' AND wait_event_type = 'Extension'",
		$waiters);
	return $crowd;
}

sub pids
{
	my ($queue) = @_;

	return split /\n/,
	  value(
		"SELECT pid FROM pg_stat_activity WHERE query LIKE '%''{$queue}''%' AND pid <> pg_backend_pid()"
	  );
}

sub switches
{
	my $sum = 0;

	foreach my $pid (@_)
	{
		my ($count) =
		  slurp_file("/proc/$pid/status") =~ /^voluntary_ctxt_switches:\s+(\d+)/m;
		$sum += $count;
	}
	return $sum;
}

value("SELECT task_queue_create(q) FROM unnest('{busy,aside}'::text[]) AS q");
my @crowds = map { start_crowd($_) } qw(busy aside);
my %pids = map { $_ => [ pids($_) ] } qw(busy aside);
my %before = map { $_ => switches(@{ $pids{$_} }) } qw(busy aside);

$node->command_ok(
	[
		'pgbench', '-n', '-c', 1, '-t', $rounds, '-f',
		script('one', "SELECT task_send('some.task', queue => 'busy') AS id \\gset
SELECT task_get(':id', timeout => '20 s');
"),
		'-d', $node->connstr('postgres')
	],
	"$rounds tasks, one after the other, with $waiters who wait for them");

my %woken = map { $_ => switches(@{ $pids{$_} }) - $before{$_} } qw(busy aside);
note("the crowd waited $woken{busy} times for $rounds tasks, those aside $woken{aside} times");
cmp_ok($woken{busy}, '<', 20 * $rounds, 'a task does not wake the crowd');
cmp_ok($woken{aside}, '<', $rounds / 2, 'nor those who wait for another queue');

value(
	"SELECT count(*) FROM task_send_many('some.task', array_fill('[]'::jsonb, ARRAY[20000]), queue => 'busy')"
);
Celeriac::wait_query($node, 'SELECT count(*) FROM task_message', '0');
is(value("SELECT state, count(*) FROM task_result GROUP BY 1"),
	'SUCCESS|' . (20_000 + $rounds),
	'the crowd takes many at once, each of them one time');
is(value("SELECT coalesce(sum(stale), 0) FROM task_worker"), '0', 'no outcome was stale');

$_->kill_kill foreach @crowds;
$node->stop;
done_testing();
