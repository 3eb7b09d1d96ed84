# A SQL task crashes the server: it must not do so again after every restart,
# and what ran beside it must not pay for that.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main', conf => 'celeriac.executors = 4');
my $log = $node->basedir . '/begun.log';

append_to_file($log, '');
$node->safe_psql(
	'postgres', qq{
CREATE FUNCTION poison() RETURNS void LANGUAGE plpgsql AS \$\$
BEGIN
	COPY (SELECT 'poison') TO PROGRAM 'cat >>$log; kill -KILL \$PPID';
	PERFORM pg_sleep(60);
END
\$\$;
CREATE FUNCTION bystander() RETURNS void LANGUAGE plpgsql AS \$\$
BEGIN
	COPY (SELECT 'bystander') TO PROGRAM 'cat >>$log';
	PERFORM pg_sleep(5);
END
\$\$;
SELECT task_register('poison()'::regprocedure, max_deliveries => 3);
SELECT task_register('bystander()'::regprocedure, max_deliveries => 1);
});

sub begun
{
	my ($name) = @_;

	return scalar grep { $_ eq $name } split /\n/, slurp_file($log);
}

my $bystander = Celeriac::send_task($node, 'bystander');
Celeriac::wait_until('the bystander', sub { return begun('bystander') > 0; });
my $poison = Celeriac::send_task($node, 'poison');

# the server is down for moments
Celeriac::wait_until(
	'the end of the poison',
	sub {
		my ($ret, $stdout) = $node->psql('postgres',
			"SELECT state || ' ' || exc_type FROM task_result WHERE id = '$poison'");
		return $ret == 0 && $stdout eq 'FAILURE WorkerLostError';
	});
is(begun('poison'), 3, 'a task that crashes the server does so max_deliveries times');
Celeriac::wait_state($node, $bystander, 'SUCCESS');
cmp_ok(begun('bystander'), '>', 1, 'one that ran beside it is run again, and loses nothing');

my $after = Celeriac::send_task($node, 'bystander');
$node->stop('immediate');
$node->start;
Celeriac::wait_state($node, $after, 'SUCCESS');
pass('nor does one that an immediate stop ended');

done_testing();
