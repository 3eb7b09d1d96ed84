# Settings that are lists or names: one that makes no sense is refused where it
# is made, and says why.  Taken all the same, it would be noticed by executors
# that serve nothing, or by senders who are told that their queue is wrong.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node(
	'main',
	conf => "celeriac.executors = 1\nlog_min_messages = warning\n");

my $many = join(',', map { "q$_" } 1 .. 65);
my $none = 'must not be empty';
my $no_list = 'It is not a list of names separated by commas';
my @refused = (
	[ 'celeriac.queues', 'a,,b', $no_list ],
	[ 'celeriac.queues', 'a,', $no_list ],
	[ 'celeriac.queues', 'a b', $no_list ],
	[ 'celeriac.queues', '"a', $no_list ],
	[ 'celeriac.queues', 'a, ""', $none ],
	[ 'celeriac.queues', 'a, ' . 'q' x 70, 'is too long' ],
	[ 'celeriac.queues', $many, 'It lists 65 queues; at most 64' ],
	[ 'celeriac.default_queue', '', $none ],
	[ 'celeriac.default_queue', 'q' x 70, 'is too long' ],
	[ 'celeriac.modules', '/a,,/b', $no_list ],
	[ 'celeriac.modules', '"/a', $no_list ]);

foreach (@refused)
{
	my ($name, $value, $why) = @$_;
	my ($status, undef, $err) =
	  $node->psql('postgres', "ALTER SYSTEM SET $name = '$value'");
	my $shown = length($value) > 20 ? substr($value, 0, 20) . '...' : $value;

	isnt($status, 0, "$name = '$shown'");
	like($err, qr/invalid value for parameter "\Q$name\E".*\nDETAIL:.*\Q$why\E/,
		"... $why");
}

# Queues with all the characters that a list needs for itself, and as many as
# there may be.
my @names = ('one', 'the "other", one', 'q' x 63, map { "q$_" } 4 .. 64);
my $list = join(', ', map { '"' . s/"/""/gr . '"' } @names);
$node->safe_psql('postgres', "ALTER SYSTEM SET celeriac.queues = '$list'");
$node->reload;
$node->safe_psql(
	'postgres', q{
	CREATE FUNCTION answer() RETURNS int LANGUAGE sql RETURN 42;
	SELECT task_register('answer()')});
foreach my $queue (@names[ 0, 1, 2, -1 ])
{
	$node->safe_psql('postgres', "SELECT task_queue_create(\$\$$queue\$\$)");
	is( $node->safe_psql(
			'postgres',
			"SELECT task_send('answer', queue => \$\$$queue\$\$) AS id \\gset\n"
			  . "SELECT task_get(:'id', timeout => '60 s')"),
		42,
		"executors serve $queue");
}
$node->safe_psql('postgres', 'ALTER SYSTEM RESET celeriac.queues');

# In the file: what was there before a reload stays, and a server starts with
# the default.
sub in_force
{
	return $node->safe_psql('postgres', 'SHOW celeriac.queues');
}

sub log_says
{
	my ($offset, $level) = @_;

	return slurp_file($node->logfile, $offset) =~
	  /$level:  invalid value for parameter "celeriac.queues": "a,,b"\n.*DETAIL:  $no_list/;
}

$node->append_conf('postgresql.conf', 'celeriac.queues = one');
$node->reload;
Celeriac::wait_until('the reload', sub { in_force() eq 'one' });
my $offset = -s $node->logfile;
$node->append_conf('postgresql.conf', "celeriac.queues = 'a,,b'");
$node->reload;
Celeriac::wait_until('the reload that fails', sub { log_says($offset, 'LOG') });
is(in_force(), 'one', 'a reload keeps what was valid');
$offset = -s $node->logfile;
$node->restart;
ok(log_says($offset, 'WARNING'), 'a server that starts warns');
is(in_force(), 'server', 'and takes the default');

$node->stop;
done_testing();
