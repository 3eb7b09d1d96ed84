# Executors when they die: a task's database effects happen exactly once, and
# its result is there if and only if they are. Also C modules inside executors.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @modules = map { Celeriac::build_module($_) } qw(echo fail progress sleep);
my $node = Celeriac::new_node(
	'main',
	conf => sprintf(
		"celeriac.executors = 2\nceleriac.modules = '%s, /nonexistent/x.so'\n",
		join(', ', @modules)));

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# Tasks that write, and executors that are killed and terminated meanwhile.
sql(
	q{
	CREATE TABLE effects (x int, pid int DEFAULT pg_backend_pid());
	CREATE FUNCTION effect(x int) RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO effects VALUES (x);
		PERFORM pg_sleep(0.002);
		RETURN x;
	END $$;
	SELECT task_register('effect(int)'::regprocedure, max_deliveries => 100);
	SELECT count(*) FROM task_send_many('effect',
		ARRAY(SELECT jsonb_build_array(i) FROM generate_series(1, 1000) AS i));
});

sub ended
{
	return sql(q{SELECT count(*) FROM task_result WHERE name = 'effect'});
}

for my $round (1 .. 3)
{
	Celeriac::wait_query($node,
		"SELECT count(*) > $round * 150 FROM task_result WHERE name = 'effect'");
	my ($pid) = Celeriac::backends($node, 'celeriac executor');
	sql("SELECT pg_terminate_backend($pid)") if defined $pid;
}
is( sql(
		q{SELECT count(*) FROM task_state WHERE name = 'effect' AND state = 'FAILURE'}
	),
	0,
	'executors that are terminated fail no task');

my $victim;
Celeriac::wait_until('an executor',
	sub { ($victim) = Celeriac::backends($node, 'celeriac executor'); });
kill 'KILL', $victim;
Celeriac::wait_until('the end of the executor', sub { !kill 0, $victim });
$node->poll_query_until('postgres', 'SELECT true')
  or die 'the server did not come back';
Celeriac::wait_query($node, q{SELECT NOT EXISTS (SELECT FROM task_message)});
is(ended(), 1000, 'after a crash all tasks end');
is( sql(
		q{SELECT count(*), count(DISTINCT x) FROM effects
			JOIN task_result ON args = jsonb_build_array(x) AND state = 'SUCCESS'}
	),
	'1000|1000',
	'each with its effects once');

# A task that fails only when it commits.
sql(
	q{
	CREATE TABLE late (x int);
	CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		RAISE EXCEPTION 'too late for %', NEW.x;
	END $$;
	CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON late DEFERRABLE
		INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.x % 10 = 0) EXECUTE FUNCTION at_commit();
	CREATE FUNCTION write_late(x int) RETURNS void LANGUAGE sql AS $$
		INSERT INTO public.late VALUES (x) $$;
	SELECT task_register('write_late(int)'::regprocedure);
	SELECT count(*) FROM task_send_many('write_late',
		ARRAY(SELECT jsonb_build_array(i) FROM generate_series(1, 100) AS i));
});
Celeriac::wait_query($node, q{SELECT NOT EXISTS (SELECT FROM task_message)});
is( sql(
		q{SELECT state, exc_type, count(*) FROM task_result WHERE name = 'write_late'
			GROUP BY 1, 2 ORDER BY 1}
	),
	"FAILURE|P0001 raise_exception|10\nSUCCESS||90",
	'a deferred trigger fails its own task only');
is(sql('SELECT count(*) FROM late'), 90, 'and what the others wrote is kept');

# C modules.
sub result_of
{
	my ($name, $arguments) = @_;
	my $id = Celeriac::send_task($node, $name,
		join(', ', grep { $_ } $arguments, q{queue => 'server'}));

	return sql(
		"SELECT task_get('$id', timeout => '60 s', propagate => false)");
}

is(result_of('echo.add', q{'[2, 3]'}), 5, 'a C task in an executor');
is(result_of('echo.echo', q{'["ü"]', '{"k": null}'}),
	'{"args": ["ü"], "kwargs": {"k": null}}', 'its arguments');
like(result_of('fail.fail', q{'["ValueError", "bad value"]'}),
	qr/"ValueError".*"bad value"/, 'its failure');
like(result_of('fail.nul'), qr/unsupported Unicode escape/,
	'a result that jsonb cannot hold');
like(result_of('x.y'), qr/NotRegistered/, 'a task that no module has');
like(slurp_file($node->logfile),
	qr{could not load task module "/nonexistent/x.so"},
	'a module that does not load is reported');

$node->stop;
done_testing();
