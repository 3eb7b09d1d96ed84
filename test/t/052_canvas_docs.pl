# docs/canvas.md when it goes out of date: its examples run, one after the other,
# and give what the page says.

use strict;
use warnings;

use Celeriac;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $page = slurp_file("$Celeriac::top/docs/canvas.md");
my $node = Celeriac::new_node('main');

# What task_get gives, or the error it raises.
$node->safe_psql(
	'postgres', q{
CREATE FUNCTION answer(id uuid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN task_get(id, timeout => '60 s');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END $$;
});

# The statements of a piece of SQL, with the comment behind each.
sub statements
{
	my ($sql) = @_;
	my @statements;

	while ($sql =~ /\G\s*((?:\$\$.*?\$\$|[^\$])+?)(?:;|(?=\\gset))(?:[ ]*--[ ]*([^\n]*))?(\s*\\gset[^\n]*)?\s*?(?:\n|$)/gcs)
	{
		push @statements, { sql => $1, comment => $2, gset => $3 };
	}
	return @statements;
}

my $script = '';
my $promises = 0;

sub promise
{
	my ($sql, $gives) = @_;

	$promises++;
	$gives =~ s/'/''/g;
	$script .= "$sql AS sent \\gset\n"
	  . "SELECT E'\\x01' || '$gives' || E'\\x01' || answer(:'sent');\n";
	return;
}

while ($page =~ /^```sql\n((?s:.*?))^```$|^\| `.*?` \| `(task_(?!send)[^`]*|'[^`]*)` \| (\S.*?) \|$/gm)
{
	if (defined $2)
	{
		my ($canvas, $gives) = ($2, $3);
		$canvas =~ s/\\\|/|/g;
		promise("SELECT task_send($canvas)", $gives);
		next;
	}
	foreach my $statement (statements($1))
	{
		if ($statement->{sql} =~ /^SELECT task_send\(/ && defined $statement->{comment})
		{
			promise($statement->{sql}, $statement->{comment});
		}
		elsif ($statement->{gset})
		{
			$script .= "$statement->{sql}$statement->{gset}\n";
		}
		else
		{
			$script .= "$statement->{sql};\n";
		}
	}
}
cmp_ok($promises, '>', 20, "the page makes $promises promises");

my ($status, $out, $errors) = $node->psql('postgres', $script);
is($errors, '', 'all statements of the page run');

my $kept = 0;
while ($out =~ /^\x01(.*?)\x01(.*)$/gm)
{
	my ($said, $got) = ($1, $2);

	$kept++;
	if ($said =~ /^[\d\[]/)
	{
		is($got, $said, "gives $said");
	}
	else
	{
		like($got, qr/\Q$said/, "fails with $said");
	}
}
is($kept, $promises, 'all promises were looked at');
is($node->safe_psql('postgres', 'SELECT count(*) FROM task_message'), 0, 'nothing is left');

$node->stop;
done_testing();
