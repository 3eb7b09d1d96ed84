# On a standby nothing of ours runs and nothing is changed; after a promotion it
# goes on where the primary was: what was committed there runs here.

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
$standby->append_conf('postgresql.conf', 'hot_standby = on');
$standby->start;

# Tasks in every state.
my $done = Celeriac::send_task($primary, 'add', q{'[1, 2]'});
Celeriac::wait_state($primary, $done, 'SUCCESS');
my $waiting = Celeriac::send_task($primary, 'elsewhere.work', q{queue => 'media'});
my $delayed = Celeriac::send_task($primary, 'add', q{'[3, 4]', countdown => '10 s'});
my $leased = Celeriac::send_task($primary, 'elsewhere.work', q{queue => 'leased'});
$primary->safe_psql('postgres',
	q{SELECT task_fetch('w@test', '{leased}', lease => '1 hour')});
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
foreach my $lease ("'30 s'", 'NULL')
{
	is( $standby->safe_psql('postgres',
			"SELECT task_fetch('w\@test', '{media}', lease => $lease)"),
		'', "a standby hands out nothing, lease $lease");
}
is( $standby->safe_psql('postgres',
		q{SELECT count(*) FROM pg_stat_activity
		  WHERE backend_type IN ('celeriac coordinator', 'celeriac executor')}),
	'0', 'nothing of ours works there');

# The primary is gone for good.
my $last = Celeriac::send_task($primary, 'add', q{'[5, 6]', queue => 'later'});
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('flush'));
$primary->stop('immediate');
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
		'postgres', q{SELECT id FROM task_fetch('v@test', '{leased}')}),
	'', 'a leased one is still leased');
is( $standby->safe_psql(
		'postgres', qq{SELECT f FROM task_finish('w\@test', ARRAY[
			ROW('$leased', 1, 'SUCCESS', '1', NULL, NULL, NULL, NULL, NULL)::task_outcome]) AS f}),
	$leased, 'and its worker can finish it here');

$standby->stop;
done_testing();
