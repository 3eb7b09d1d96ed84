#!/usr/bin/perl
#
# layout.pl
#		Reads the #include lines of src/ and worker/, and says what breaks the rules
#		of the layout.
#
# usage: layout.pl [DIRECTORY]
#
# The folders are listed from the ground up; one uses only itself and those
# before it.  A file X.h and its X.c are one thing, and no circle leads from one
# to itself, not even inside a folder.

use strict;
use warnings;

use File::Find;

my @src = qw(base shmem call signature schedule session rows canvas finish task
  process executor);
my @worker = qw(base server pool top monitor cli);

# Folders that stand side by side: neither may use the other.
my @beside = (
	[qw(src/shmem src/call src/signature src/schedule)],
	[qw(worker/src/pool worker/src/top)],
	[qw(worker/src/pool worker/src/monitor)]);
my %apart;
foreach my $group (@beside)
{
	foreach my $one (@$group)
	{
		$apart{"$one $_"} = 1 foreach @$group;
	}
}

chdir($ARGV[0] // '.') or die "could not enter $ARGV[0]: $!\n";

# While src/ has no folders, its files stand beside each other.
my $flat = !-d 'src/base';

# What the files of a folder see, in this order: a name in quotes is looked up in
# these directories.
sub roots
{
	my ($file) = @_;
	return $file =~ m{^src/} ? ('src', 'worker', 'worker/include')
	  : $file =~ m{^worker/sdk/} ? ('worker', 'worker/include')
	  : ('worker/src', 'worker', 'worker/include');
}

sub folder
{
	my ($file) = @_;
	return $file =~ m{^(.*)/} ? $1 : '';
}

# How far up a folder is; undef for one that the list does not have.
sub height
{
	my ($folder) = @_;
	my %height = ('worker/include/celeriac' => 0, 'worker/sdk' => 1);

	$height{"src/$src[$_]"} = $_ + 2 for 0 .. $#src;
	$height{'src'} = @src + 2;
	$height{"worker/src/$worker[$_]"} = $_ + 2 for 0 .. $#worker;
	return $height{$folder};
}

my (@files, %of, %uses, %names, @wrong);

find(
	{
		no_chdir => 1,
		wanted => sub {
			push @files, $_ if /\.[ch]$/ && !/_table\.h$/ && !m{/(build[^/]*|sql)/};
		}
	},
	grep { -d } 'src', 'worker');

sub wrong { push @wrong, join('', @_); return; }

sub check_include
{
	my ($file, $line, $name) = @_;
	return if $name =~ /_table\.h$/;
	my ($found) = grep { -e } map { "$_/$name" } roots($file);
	my ($from, $to);

	# the server's own headers have folders as well; those are not ours
	if (!defined $found)
	{
		my $beside = folder($file) . "/$name";
		wrong("$file:$line: \"$name\" is written without its folder") if -e $beside;
		return;
	}
	wrong("$file:$line: \"$name\" is written without its folder")
	  if $name !~ m{/} && !($flat && $found =~ m{^src/});
	($from, $to) = (folder($file), folder($found));
	wrong("$file:$line: $from/ may not use $to/ (\"$name\")")
	  if $from ne $to
	  && ($apart{"$from $to"} || !defined height($from) || !defined height($to)
		|| height($to) > height($from));
	(my $stem = $file) =~ s/\.[ch]$//;
	(my $used = $found) =~ s/\.[ch]$//;
	$uses{$stem}{$used} = 1 if $stem ne $used;
	return;
}

sub check_guard
{
	my ($file, $text) = @_;
	(my $path = $file) =~ s{^worker/include/celeriac/}{};
	$path = join '_', grep { $_ ne 'src' } split m{/}, $path;
	(my $guard = 'CELERIAC_' . uc $path) =~ s/[^A-Z0-9]/_/g;

	wrong("$file: the include guard is not $guard")
	  unless $text =~ /^#ifndef $guard\n#define $guard\n/m;
	return;
}

foreach my $file (sort @files)
{
	open my $in, '<', $file or die "could not open $file: $!\n";
	my @lines = <$in>;
	close $in;
	my $number = 0;

	wrong("$file: stands in no folder")
	  if !$flat && folder($file) eq 'src' && $file !~ m{^src/init\.[ch]$};
	wrong("$file: stands in no folder of the worker")
	  if $file =~ m{^worker/} && !defined height(folder($file));
	foreach (@lines)
	{
		$number++;
		check_include($file, $number, $1) if /^\s*#\s*include\s+"([^"]+)"/;
	}
	check_guard($file, join('', @lines)) if $file =~ /\.h$/ && !($flat && $file =~ m{^src/});
	if ($file =~ m{([^/]+)\.c$})
	{
		my $name = $1;
		push @{ $names{extension}{$name} }, $file if $file =~ m{^(src|worker/sdk)/};
		push @{ $names{worker}{$name} }, $file if $file =~ m{^worker/};
	}
}

foreach my $program (sort keys %names)
{
	foreach my $name (sort keys %{ $names{$program} })
	{
		my @same = @{ $names{$program}{$name} };
		wrong("$program: @same have the same name") if @same > 1;
	}
}

# Circles: every file from which a way leads back to it is in one (Tarjan).
my (%index, %low, %on, @stack, $counter);

sub visit
{
	my ($node) = @_;
	$index{$node} = $low{$node} = ++$counter;
	push @stack, $node;
	$on{$node} = 1;
	foreach my $next (sort keys %{ $uses{$node} })
	{
		if (!$index{$next})
		{
			visit($next);
			$low{$node} = $low{$next} if $low{$next} < $low{$node};
		}
		elsif ($on{$next} && $index{$next} < $low{$node})
		{
			$low{$node} = $index{$next};
		}
	}
	return if $low{$node} != $index{$node};
	my @circle;
	do
	{
		push @circle, pop @stack;
		delete $on{ $circle[-1] };
	} while ($circle[-1] ne $node);
	wrong('a circle: ' . join(' ', sort @circle))
	  if @circle > 1 && !($flat && grep { m{^src/} } @circle);
	return;
}

{
	no warnings 'recursion';
	$index{$_} || visit($_) foreach sort keys %uses;
}

print "$_\n" foreach @wrong;
