
=pod

=head1 NAME

Celeriac - servers with the extension, worker pools and waiting, for TAP tests

=head1 SYNOPSIS

  use Celeriac;

  my $node = Celeriac::new_node('main');
  my $worker = Celeriac::start_worker($node, modules => ['noop']);
  my $id = Celeriac::send_task($node, 'noop.noop');
  Celeriac::wait_state($node, $id, 'SUCCESS');
  is($worker->stop, 0, 'the pool stops cleanly');

=head1 DESCRIPTION

Everything that waits polls for a state and dies after
$PostgreSQL::Test::Utils::timeout_default seconds, so that no test sleeps and
none hangs.

=cut

package Celeriac;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(usleep);

# The project's root, and the program under test.
our $top = abs_path(dirname(__FILE__) . '/../..');
our $program = $ENV{CELERIAC} || "$top/worker/build/celeriac";

=pod

=over

=item new_node($name, %options)

A running server that preloads the library and has the extension in database
postgres. Options: conf (more lines of postgresql.conf), extension => 0 (do not
create it), streaming => 1 (allow standbys), start => 0 (do not start it).

=cut

sub new_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(allows_streaming => $options{streaming} // 0);
	$node->append_conf(
		'postgresql.conf', qq{
shared_preload_libraries = 'celeriac'
max_worker_processes = 32
log_min_messages = log
restart_after_crash = on
});
	$node->append_conf('postgresql.conf', $options{conf})
	  if defined $options{conf};
	return $node if defined $options{start} && !$options{start};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION celeriac')
	  unless defined $options{extension} && !$options{extension};
	return $node;
}

=pod

=item wait_until($what, $condition)

Calls the code reference until it returns true; dies naming $what when the time
is over.

=cut

sub wait_until
{
	my ($what, $condition) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

	until ($condition->())
	{
		croak "timed out waiting for $what" if time > $deadline;
		usleep(20_000);
	}
	return;
}

=pod

=item wait_query($node, $query, $expected = 't', $dbname = 'postgres')

Repeats the query until it returns what is expected.

=cut

sub wait_query
{
	my ($node, $query, $expected, $dbname) = @_;

	$expected //= 't';
	$dbname //= 'postgres';
	my $found;

	# A server that refuses the connection ends psql before it was given the query.
	until (defined($found = eval { $node->poll_query_until($dbname, $query, $expected) || 0 }))
	{
		croak $@ unless $@ =~ /Broken pipe/;
	}
	croak "timed out waiting for $expected from: $query" unless $found;
	return;
}

=pod

=item wait_moment($node, $condition, $dbname = 'postgres')

Waits for what does not last: the server itself looks again and again whether
the condition holds.

=cut

sub wait_moment
{
	my ($node, $condition, $dbname) = @_;
	my $seconds = $PostgreSQL::Test::Utils::timeout_default;

	$node->safe_psql(
		$dbname // 'postgres', qq{
DO \$\$
DECLARE
	holds boolean;
BEGIN
	LOOP
		SELECT $condition INTO holds;
		EXIT WHEN holds;
		IF clock_timestamp() > now() + interval '$seconds s' THEN
			RAISE EXCEPTION 'timed out';
		END IF;
		PERFORM pg_sleep(0.002);
	END LOOP;
END \$\$});
	return;
}

=pod

=item wait_state($node, $id, $state, $dbname = 'postgres')

Waits until the task is in that state.

=cut

sub wait_state
{
	my ($node, $id, $state, $dbname) = @_;

	wait_query($node, "SELECT state FROM task_state WHERE id = '$id'",
		$state, $dbname);
	return;
}

=pod

=item send_task($node, $name, $arguments = '', $dbname = 'postgres')

Sends a task in a transaction of its own and returns its id. $arguments is the
SQL text of task_send's arguments after the name.

=cut

sub send_task
{
	my ($node, $name, $arguments, $dbname) = @_;

	$arguments = defined $arguments && $arguments ne '' ? ", $arguments" : '';
	return $node->safe_psql($dbname // 'postgres',
		"SELECT task_send('$name'$arguments)");
}

=pod

=item backends($node, $type, $dbname)

The process ids of the background workers of that type ("celeriac launcher",
"celeriac coordinator", "celeriac executor"), of one database if it is given.

=cut

sub backends
{
	my ($node, $type, $dbname) = @_;
	my $and = defined $dbname ? "AND datname = '$dbname'" : '';

	return split /\n/,
	  $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE backend_type = '$type' $and ORDER BY pid"
	  );
}

=pod

=item crash($node, $type = 'walwriter')

Kills a process of the server by SIGKILL, the first of that backend_type, and
waits until the server has recovered from it.

=cut

sub crash
{
	my ($node, $type) = @_;
	my $walwriter =
	  "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'";
	my $before;
	my ($victim) = backends($node, $type // 'walwriter');

	croak "there is no $type to kill" unless $victim;
	wait_until('a walwriter',
		sub { return ($before = $node->safe_psql('postgres', $walwriter)) ne ''; });
	kill 'KILL', $victim;
	wait_query($node, "SELECT ($walwriter) <> $before");
	return;
}

=pod

=item kill_postmaster($node)

Kills the postmaster by SIGKILL and starts the server again, as soon as the
last of its processes has noticed.

=cut

sub kill_postmaster
{
	my ($node) = @_;
	my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');

	$node->kill9;
	wait_until("the end of process $postmaster",
		sub { return !kill 0, $postmaster; });
	wait_until('the start after kill -9', sub { return $node->start(fail_ok => 1); });
	return;
}

=pod

=item alive(@pids)

Those of the processes that still run; one that only waits for its parent to
notice does not (in a container that parent may never look).

=cut

sub alive
{
	return grep
	{
		my $stat = "/proc/$_/stat";
		-e $stat && (eval { slurp_file($stat) } // '') =~ /^.*\) [^ZX]/s;
	} @_;
}

=pod

=item build_module($source)

Compiles a C task module, test/tasks/$source.c or a path, and returns the
shared object's path.

=cut

sub build_module
{
	my ($source) = @_;
	my $file = $source =~ m{/} ? $source : "$top/test/tasks/$source.c";
	my $name = basename($file, '.c');
	my $object = "$PostgreSQL::Test::Utils::tmp_check/modules/$name.so";

	mkdir dirname($object);
	return $object if -e $object && -M $object < -M $file;
	PostgreSQL::Test::Utils::system_or_bail($ENV{CC} || 'cc', '-shared',
		'-fPIC', '-O2', '-Wall', '-Werror', "-I$top/worker/include",
		'-o', "$object.$$", $file);
	rename "$object.$$", $object or croak "could not rename $object: $!";
	return $object;
}

=pod

=item start_worker($node, %options)

Starts a pool and waits until the server knows it as online. Options: name,
queues ("a,b"), concurrency, modules (names or paths of sources, built when
needed), programs ("name=command"), args (more arguments), dbname, env (hash),
wait => 0 (do not wait).

Returns an object with the methods below.

=cut

my $workers_started = 0;

sub start_worker
{
	my ($node, %options) = @_;
	my $number = ++$workers_started;
	my $dbname = $options{dbname} // 'postgres';
	my $self = bless {
		name => $options{name} // "w$number\@test",
		node => $node,
		dbname => $dbname,
		log => $PostgreSQL::Test::Utils::log_path . '/'
		  . basename($0, '.pl') . '_' . $node->name . "_worker_$number.log"
	}, 'Celeriac::Worker';
	my @command = (
		$program, 'worker',
		'--dbname', $node->connstr($dbname),
		'--hostname', $self->{name},
		'--concurrency', $options{concurrency} // 2,
		'--loglevel', 'DEBUG');

	push @command, '--queues', $options{queues} if $options{queues};
	push @command, '--module', build_module($_) foreach @{ $options{modules} // [] };
	push @command, '--program', $_ foreach @{ $options{programs} // [] };
	push @command, @{ $options{args} // [] };

	local %ENV = (%ENV, %{ $options{env} // {} });
	Test::More::note("# Running: @command");
	$self->{run} = IPC::Run::start(\@command, '<', '/dev/null', '>', $self->{log},
		'2>&1');
	$self->{pid} = $self->{run}{KIDS}[0]{PID};
	Celeriac::Worker::started($self);
	$self->wait_online unless defined $options{wait} && !$options{wait};
	return $self;
}

=pod

=back

=head1 METHODS OF A WORKER

=over

=cut

package Celeriac::Worker;

use Carp;
use PostgreSQL::Test::Utils qw(slurp_file);

# A test that dies leaves no pool behind, however it dies: objects that are left
# at the end of Perl may come apart in any order, so END is the place for those.
my %running;

END
{
	local $?;
	kill 'KILL', keys %running if %running;
}

sub started
{
	my ($self) = @_;

	$running{ $self->{pid} } = 1;
	return;
}

=pod

=item wait_online

Waits until the pool has registered; dies with its log when it ends instead.

=cut

sub wait_online
{
	my ($self) = @_;

	Celeriac::wait_until(
		"worker $self->{name}",
		sub {
			croak "worker $self->{name} did not start:\n" . $self->log
			  unless $self->running;
			return $self->{node}->safe_psql($self->{dbname},
				"SELECT count(*) FROM task_worker WHERE name = '$self->{name}' AND state = 'online'"
			) eq '1';
		});
	return;
}

=pod

=item running, pid, name, log

Whether the supervisor runs; its process id; the worker's name; its log so far.

=cut

sub running
{
	my ($self) = @_;
	return $self->{run} && $self->{run}->pumpable;
}

sub pid { return $_[0]->{pid}; }
sub name { return $_[0]->{name}; }
sub log { return slurp_file($_[0]->{log}); }

=pod

=item children

The process ids of the pool's children.

=cut

sub children
{
	my ($self) = @_;
	my $list = "/proc/$self->{pid}/task/$self->{pid}/children";

	return -e $list ? split(' ', slurp_file($list)) : ();
}

=pod

=item signal($name)

Sends a signal to the supervisor.

=cut

sub signal
{
	my ($self, $signal) = @_;

	kill $signal, $self->{pid} or croak "could not signal $self->{name}: $!";
	return;
}

=pod

=item wait_log($pattern)

Waits until the log matches.

=cut

sub wait_log
{
	my ($self, $pattern) = @_;

	Celeriac::wait_until("$pattern in the log of $self->{name}",
		sub { return $self->log =~ $pattern; });
	return;
}

=pod

=item stop($signal = 'TERM')

Sends the signal, waits for the end and returns the exit status (128 + the
signal's number if one ended it).

=cut

sub stop
{
	my ($self, $signal) = @_;

	$self->signal($signal // 'TERM');
	return $self->wait_end;
}

=pod

=item wait_end

Waits for the pool to end by itself; returns as stop does.

=cut

sub wait_end
{
	my ($self) = @_;

	Celeriac::wait_until("the end of $self->{name}",
		sub { return !$self->running; });
	$self->{run}->finish;
	delete $running{ $self->{pid} };
	my $status = ($self->{run}->full_results)[0];
	delete $self->{run};
	return $status & 127 ? 128 + ($status & 127) : $status >> 8;
}

sub DESTROY
{
	my ($self) = @_;

	return unless $self->{run};
	local $?;
	delete $running{ $self->{pid} };
	kill 'KILL', $self->{pid};
	$self->{run}->finish;
	return;
}

=pod

=back

=head1 TASKS AT A GATE

C<Celeriac::Gate-E<gt>new($node)> is for tasks that run until they are let
through (module gate): a test knows which process runs what, and for how long.

=over

=cut

package Celeriac::Gate;

use PostgreSQL::Test::Utils qw(append_to_file slurp_file);

my $gates_made = 0;

sub new
{
	my ($class, $node) = @_;
	my $file = $node->basedir . '/gate' . ++$gates_made;

	append_to_file("$file.log", '');
	return bless { node => $node, gate => $file, log => "$file.log" }, $class;
}

=pod

=item send($count, $name = 'gate.gate', $options = '')

Sends so many tasks; returns their ids.  $options is SQL, as "queue => 'media'".

=cut

sub send
{
	my ($self, $count, $name, $options) = @_;
	my $more = $options ? ", $options" : '';

	$name //= 'gate.gate';
	return split /\n/,
	  $self->{node}->safe_psql('postgres',
		"SELECT task_send('$name', '[\"$self->{gate}\", \"$self->{log}\"]'$more) FROM generate_series(1, $count)"
	  );
}

=pod

=item begun, wait_begun($count)

What began, in order: hashes of id, delivery and pid; waits until that many
have.

=cut

sub begun
{
	my ($self) = @_;
	my @begun;

	foreach my $line (split /\n/, slurp_file($self->{log}))
	{
		my ($id, $delivery, $pid) = split ' ', $line;
		push @begun, { id => $id, delivery => $delivery, pid => $pid };
	}
	return @begun;
}

sub wait_begun
{
	my ($self, $count) = @_;

	Celeriac::wait_until("the begin of $count tasks",
		sub { return scalar($self->begun) >= $count; });
	return;
}

=pod

=item open

Lets them end.

=cut

sub open
{
	my ($self) = @_;

	append_to_file($self->{gate}, '');
	return;
}

=pod

=back

=cut

1;
