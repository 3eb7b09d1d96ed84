# An executor goes on after a task's error.  What the server lets go of only when
# a session is ready for its next command, an executor must let go of by itself:
# here a replication slot, which nobody else could use any more.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node(
	'main',
	conf => "celeriac.executors = 1\nwal_level = logical\n");

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub outcome
{
	my ($task) = @_;

	return sql(
		qq{SELECT task_send($task) AS id \\gset
			SELECT task_get(:'id', timeout => '60 s', propagate => false) IS NOT NULL \\g /dev/null
			SELECT concat_ws(' ', state, exc_type) FROM task_state WHERE id = :'id'});
}

sql(q{
	SELECT pg_create_logical_replication_slot('kept', 'test_decoding');
	-- the plugin refuses the option when the slot is already taken
	CREATE FUNCTION reads_slot(option text) RETURNS bigint LANGUAGE sql AS $$
		SELECT count(*) FROM pg_logical_slot_get_changes('kept', NULL, NULL, option, 'on') $$;
	CREATE FUNCTION makes_slot() RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_create_physical_replication_slot('passing', true, true);
		RAISE 'no';
	END $$;
	SELECT task_register('reads_slot(text)'), task_register('makes_slot()');
});

like(outcome(q{'reads_slot', '["no-such-option"]'}),
	qr/^FAILURE/, 'a task that fails with a slot');
is( sql(q{SELECT active FROM pg_replication_slots WHERE slot_name = 'kept'}),
	'f', 'lets go of it');
is(outcome(q{'reads_slot', '["include-xids"]'}),
	'SUCCESS', 'and the next task uses it');

is(outcome(q{'makes_slot'}),
	'FAILURE P0001 raise_exception',
	'a task that fails with a temporary slot of its own');
is(sql(q{SELECT count(*) FROM pg_replication_slots WHERE temporary}),
	0, 'takes that with it');

sql(q{SELECT pg_drop_replication_slot('kept')});
$node->stop;
done_testing();
