# On a standby nothing of ours runs and nothing is changed; after a promotion it
# goes on where the primary was: what was committed there runs here, also where
# somebody looked for it in vain before.  Leases are rows and hold here as well;
# claims of sessions are not, and their tasks must come back, except those that
# may run only once.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = Celeriac::new_node('primary', streaming => 1);
$primary->safe_psql(
	'postgres', q{
CREATE FUNCTION add(x int, y int) RETURNS int LANGUAGE sql RETURN x + y;
SELECT task_register('add(int,int)'::regprocedure);
});
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->append_conf('postgresql.conf', q{
hot_standby = on
celeriac.attach_grace = 0
});
$standby->start;

# Tasks in every state.
my $done = Celeriac::send_task($primary, 'add', q{'[1, 2]'});
Celeriac::wait_state($primary, $done, 'SUCCESS');
my $waiting = Celeriac::send_task($primary, 'elsewhere.work', q{queue => 'media'});
my $delayed = Celeriac::send_task($primary, 'add', q{'[3, 4]', countdown => '10 s'});
my $leased = Celeriac::send_task($primary, 'elsewhere.work', q{queue => 'leased'});
$primary->safe_psql('postgres',
	q{SELECT task_fetch('w@test', '{leased}', lease => '1 hour')});

# Held by a session, by a lease that is over before long, and by a pool.
my $held = Celeriac::send_task($primary, 'elsewhere.work', q{queue => 'held'});
$primary->safe_psql('postgres', q{SELECT task_define('elsewhere.once', acks_late => false)});
my $once = Celeriac::send_task($primary, 'elsewhere.once', q{queue => 'held'});
my $chain = $primary->safe_psql('postgres',
	q{SELECT task_send(task_set(task_si('elsewhere.work'), '{"queue": "held"}') | task_si('add', 20, 1))});
my $session = $primary->background_psql('postgres');
is( $session->query_safe(
		q{SELECT count(*) FROM task_fetch('s@test', '{held}', max => 10, lease => NULL)}),
	'3', 'a session holds three');
$session->query_safe(q{BEGIN; SELECT count(task_succeed(id)) FROM task_state WHERE queue = 'held' AND name = 'elsewhere.work'});
$primary->safe_psql('postgres', q{SELECT task_queue_create('later')});
my $short = Celeriac::send_task($primary, 'elsewhere.work', q{queue => 'short'});
is( $primary->safe_psql('postgres',
		q{SELECT id FROM task_fetch('w@test', '{short}', lease => '5 s')}),
	$short, 'a short lease');
my $pool = Celeriac::start_worker($primary, modules => ['gate'], concurrency => 2);
my $gate = Celeriac::Gate->new($primary);
my ($running) = $gate->send(1);
$gate->wait_begun(1);
Celeriac::wait_state($primary, $running, 'STARTED');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('flush'));

# Reading works, changing does not.
is( $standby->safe_psql('postgres',
		"SELECT task_get('$done', timeout => '1 s')"),
	'3', 'a result can be read on a standby');
is( $standby->safe_psql('postgres',
		"SELECT state FROM task_state WHERE id = '$waiting'"),
	'PENDING', 'so can a state');
foreach my $query (
	q{SELECT task_send('add', '[1, 1]')},
	"SELECT task_revoke('$waiting'::uuid)")
{
	my ($status, $out, $err) = $standby->psql('postgres', $query);
	like($err, qr/read-only|recovery/, "refused on a standby: $query");
}

# Longer than a server waits for its coordinator before it hands out tasks.
Celeriac::wait_query($standby, q{SELECT clock_timestamp() > pg_postmaster_start_time() + '2 s'});
foreach my $lease ("'30 s'", 'NULL')
{
	is( $standby->safe_psql('postgres',
			"SELECT task_fetch('w\@test', '{media}', lease => $lease)"),
		'', "a standby hands out nothing, lease $lease");
}
$standby->safe_psql('postgres', q{CALL task_wait('{later}', '0')});
is( $standby->safe_psql('postgres',
		q{SELECT count(*) FROM pg_stat_activity
		  WHERE backend_type IN ('celeriac coordinator', 'celeriac executor')}),
	'0', 'nothing of ours works there');

# The primary is gone for good.
my $last = Celeriac::send_task($primary, 'add', q{'[5, 6]', queue => 'later', id => gen_random_uuid()});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('flush'));
$primary->stop('immediate');
is($pool->stop('KILL'), 128 + 9, 'so is the pool');
$session->quit;
$standby->promote;
Celeriac::wait_query($standby,
	q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'celeriac coordinator'},
	'1');
pass('a coordinator starts after the promotion');
Celeriac::wait_state($standby, $delayed, 'SUCCESS');
pass('a delayed task runs on time');
my $new = Celeriac::send_task($standby, 'add', q{'[7, 8]'});
Celeriac::wait_state($standby, $new, 'SUCCESS');
pass('so does a new one');
is( $standby->safe_psql(
		'postgres', q{SELECT id FROM task_fetch('v@test', '{media}')}),
	$waiting, 'a waiting one can be fetched');
is( $standby->safe_psql(
		'postgres', q{SELECT id FROM task_fetch('v@test', '{later}')}),
	$last, 'so can one of a queue that was looked at when it was empty');
is( $standby->safe_psql(
		'postgres', q{SELECT id FROM task_fetch('v@test', '{leased}')}),
	'', 'a leased one is still leased');
is( $standby->safe_psql(
		'postgres', qq{SELECT f FROM task_finish('w\@test', ARRAY[
			ROW('$leased', 1, 'SUCCESS', '1', NULL, NULL, NULL, NULL, NULL)::task_outcome]) AS f}),
	$leased, 'and its worker can finish it here');

Celeriac::wait_query($standby,
	q{SELECT count(*) FROM task_fetch('v@test', '{short}')}, '1');
pass('one whose lease is over comes back');
is( $standby->safe_psql('postgres', qq{SELECT f FROM task_finish('w\@test', ARRAY[
		ROW('$short', 1, 'SUCCESS', '1', NULL, NULL, NULL, NULL, NULL)::task_outcome]) AS f}),
	'', 'and its first worker is too late');
is( $standby->safe_psql('postgres',
		q{SELECT string_agg(name || ' ' || delivery, ', ' ORDER BY name, id) FROM task_fetch('v@test', '{held}', max => 10)}),
	'elsewhere.work 1, elsewhere.work 1',
	'what a session held, and was about to finish, is as if it had not been fetched');
is( $standby->safe_psql('postgres',
		"SELECT state, exc_type FROM task_state WHERE id = '$once'"),
	'FAILURE|WorkerLostError', 'a task to run at most once does not run again');
is( $standby->safe_psql('postgres',
		q{SELECT count(task_succeed(id)) FROM task_state WHERE queue = 'held' AND state = 'RECEIVED'}),
	'2', 'they end here');
Celeriac::wait_state($standby, $chain, 'SUCCESS');
pass('and what waited for one of them runs');
$pool = Celeriac::start_worker($standby, modules => ['gate'], name => $pool->name);
Celeriac::wait_until('the second begin of a task of the pool', sub { return scalar($gate->begun) == 2; });
$gate->open;
Celeriac::wait_state($standby, $running, 'SUCCESS');
is(join(' ', map { $_->{id} } $gate->begun), "$running $running", 'what the pool ran runs again in one that comes here');
is($pool->stop, 0, 'the pool stops');

$standby->stop;
done_testing();
