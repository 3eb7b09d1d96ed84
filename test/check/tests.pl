#!/usr/bin/perl
#
# tests.pl
#		Reads the table of test/README.md that leads from source files to their tests,
#		and says where it and the tree differ.
#
# usage: tests.pl [DIRECTORY]
#
# A row is "| sources | tests |", with paths in backticks.  Sources are files, or
# folders with a slash at the end, as seen from the root.  Tests are files as seen
# from test/, those of pg_regress from the root.

use strict;
use warnings;

chdir($ARGV[0] // '.') or die "could not enter $ARGV[0]: $!\n";

my $readme = 'test/README.md';
my @tests = grep { -f } glob 'sql/*.sql test/isolation/specs/*.spec test/model/*.pml
	test/pgtap/*.sql test/t/*.pl test/unit/{test,server,sdk}_*.{c,cpp}';
my (%row, %named, @wrong);

sub wrong { push @wrong, join('', @_); return; }

sub paths
{
	my ($cell) = @_;
	return $cell =~ /`([^`]+)`/g;
}

sub read_row
{
	my ($sources, $tests) = @_;

	foreach my $source (paths($sources))
	{
		wrong("$source has two rows") if $row{$source}++;
		wrong("$source is not there") if $source =~ m{/$} ? !-d $source : !-f $source;
	}
	wrong("the row of $sources names no test") if !paths($tests);
	foreach my $test (map { m{^sql/} ? $_ : "test/$_" } paths($tests))
	{
		$named{$test} = 1;
		wrong("$test is not there") if !-f $test;
	}
	return;
}

# All folders with C or SQL, and what stands in none.
sub required
{
	my %required;

	foreach (grep { !m{/build} } glob '{src,worker}/{*,*/*,*/*/*}.{c,h,sql}')
	{
		$required{ m{^src/([^/]+)$} ? $_ : s{[^/]+$}{}r } = 1 if -f;
	}
	return sort keys %required;
}

open my $in, '<', $readme or die "could not open $readme: $!\n";
my ($inside, $rows) = (0, 0);
while (<$in>)
{
	$inside = /^\|/ && ($inside || /^\| source \| tests \|$/);
	if ($inside && /^\| (`.*`) \| (.*) \|$/)
	{
		read_row($1, $2);
		$rows++;
	}
}
close $in;

wrong("$readme has no table of sources and tests") if !$rows;
foreach my $source (required())
{
	wrong("$source has no row") if !$row{$source};
}
foreach my $test (@tests)
{
	wrong("$test is in no row") if !$named{$test};
}

print "$_\n" foreach @wrong;
