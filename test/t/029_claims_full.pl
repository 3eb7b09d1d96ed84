# The table of claims is full: whoever asks for tasks meanwhile gets none, does
# not ask again and again, and goes on as soon as there is room, whichever way it
# came about.  A task is neither lost nor forgotten, nor run by two.

use strict;
use warnings;

use Celeriac;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $room = 1024;
my $second = POSIX::sysconf(POSIX::_SC_CLK_TCK());
my $node = Celeriac::new_node(
	'main',
	conf => qq{
celeriac.max_claims = $room
celeriac.executors = 1
log_statement = none
});

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

value(
	q{
CREATE TABLE effect (n int PRIMARY KEY);
CREATE FUNCTION effect(n int) RETURNS void LANGUAGE sql AS 'INSERT INTO effect VALUES (n)';
SELECT task_register('effect(int)'::regprocedure);
SELECT task_queue_create(q) FROM unnest('{hold,default}'::text[]) AS q;
});

# More tasks than claims, and pools that would have them all.
sub send_tasks
{
	my ($first, $last) = @_;

	value(
		"SELECT count(*) FROM task_send_many('echo.add',
			ARRAY(SELECT jsonb_build_array(i, 1) FROM generate_series($first, $last) AS i))");
	value(
		"SELECT count(*) FROM task_send_many('effect',
			ARRAY(SELECT jsonb_build_array(i) FROM generate_series($first, $last) AS i))");
	return;
}

# A session that holds all the claims there are.
sub fill_table
{
	my $session = $node->background_psql('postgres');
	my $got;

	$session->query_safe('BEGIN') if $_[0];
	value("SELECT count(task_send('held', queue => 'hold')) FROM generate_series(1, 5000)");
	$got = $session->query_safe(
		"SELECT count(*) FROM task_fetch('holder', '{hold}', max => 5000, lease => NULL)");
	cmp_ok($got, '>=', $room, 'a session takes as many as there is room for');
	cmp_ok($got, '<', 5000, 'and not more');
	return $session;
}

# The CPU used so far by the server's processes, in clock ticks.
sub ticks
{
	my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	my $list = slurp_file("/proc/$postmaster/task/$postmaster/children");
	my $sum = 0;

	foreach my $pid (split ' ', $list)
	{
		my $stat = eval { slurp_file("/proc/$pid/stat") } // next;
		my @field = split ' ', $stat =~ s/^.*\) //sr;
		$sum += $field[11] + $field[12];
	}
	return $sum;
}

my @pools = map { Celeriac::start_worker($node, modules => ['echo'], concurrency => 2) } 1 .. 2;

#
# Many more tasks than claims go through pools and executor.
#
send_tasks(1, 20_000);
Celeriac::wait_query($node, 'SELECT count(*) FROM task_message', '0');
is(value(q{SELECT count(*), count(DISTINCT id) FROM task_result WHERE state = 'SUCCESS'}),
	'40000|40000', 'all tasks ended, each once');
is(value('SELECT count(*) FROM effect'), '20000', 'with their effects');

#
# No room, for as long as somebody holds it all.
#
my $rollback = 'its transaction is rolled back';
my %ways = (
	'its claims are finished' => sub {
		$_[0]->query_safe(
			"SELECT count(task_succeed(id)) FROM task_message WHERE queue = 'hold' AND celeriac_is_claimed(id)");
	},
	$rollback => sub { $_[0]->query_safe('ROLLBACK'); },
	'its session ends' => sub { $_[0]->quit; });
my $sent = 20_000;

foreach my $how (sort keys %ways)
{
	my $session = fill_table($how eq $rollback);
	my $first = $sent + 1;
	my $before;

	$sent += 100;
	send_tasks($first, $sent);
	$before = ticks();
	value('SELECT pg_sleep(2)');
	cmp_ok(ticks() - $before, '<', $second / 4,
		"$how: who waits for room does not ask all the time");
	is(value("SELECT count(*) FROM effect WHERE n >= $first"),
		'0', "$how: nothing begins without a claim");
	$ways{$how}->($session);
	Celeriac::wait_query($node, "SELECT count(*) FROM task_message WHERE queue <> 'hold'", '0');
	is( value(
			"SELECT count(DISTINCT n) FROM effect WHERE n BETWEEN $first AND $sent"),
		100,
		"$how: all go on");
	value("DELETE FROM task_message WHERE queue = 'hold'");
}
done_testing();
