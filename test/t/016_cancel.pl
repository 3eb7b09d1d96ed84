# A pool that stops ends its wait for tasks by a cancel, which needs a process
# and a connection of its own.  When it gets neither the pool stays for up to
# five minutes: then the log has to say why, and the pool has to try again.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Celeriac::new_node('main');

# The pool's connections lead through a name of the socket's directory that can
# be taken away; those it has already stay.
my $sockets = PostgreSQL::Test::Utils::tempdir_short();
my $port = $node->port;

sub way
{
	my ($open) = @_;

	if ($open)
	{
		symlink $node->host, "$sockets/s" or die "could not link: $!";
	}
	else
	{
		unlink "$sockets/s" or die "could not unlink: $!";
	}
	return;
}

sub start_waiting
{
	my $worker = Celeriac::start_worker($node,
		args => [ '--dbname', "host=$sockets/s port=$port dbname=postgres" ]);

	Celeriac::wait_query(
		$node,
		q{SELECT count(*) FROM pg_stat_activity
		  WHERE query LIKE 'CALL task_wait%' AND state = 'active'},
		'1');
	return $worker;
}

way(1);
my $worker = start_waiting();
way(0);
$worker->signal('TERM');
$worker->wait_log(qr/WARNING.*fetch connection: cannot cancel: .*connect/);
pass('a cancel that gets no connection is in the log');
ok($worker->running, 'the pool waits on');
way(1);
is($worker->wait_end, 0, 'and ends when the cancel comes through');

SKIP:
{
	skip 'no prlimit', 3 if system('prlimit --version >/dev/null 2>&1') != 0;
	$worker = start_waiting();
	my $pid = $worker->pid;
	my ($processes) = slurp_file("/proc/$pid/limits") =~ /^Max processes +(\w+)/m;
	system_or_bail('prlimit', '--pid', $pid, '--nproc=0:');
	$worker->signal('TERM');
	$worker->wait_log(qr/WARNING.*fetch connection: cannot cancel: /);
	pass('a cancel that gets no process is in the log');
	ok($worker->running, 'the pool waits on');
	system_or_bail('prlimit', '--pid', $pid, "--nproc=$processes:");
	is($worker->wait_end, 0, 'and ends when there is a process again');
}

$node->stop;
done_testing();
