#!/usr/bin/perl
#
# pgindent.pl
#		Lays out C as PostgreSQL does, with pg_bsd_indent.
#
# usage: pgindent.pl [--write] FILE...
#
# Prints the difference between the files and their proper layout, or with
# --write lays them out.  The driver of PostgreSQL's source tree needs a list of
# type names kept by hand; here it is read from the typedefs in the server's
# headers, the libraries' and ours.

use strict;
use warnings;

use File::Find;
use File::Temp qw(tempdir);

my @options = qw(-bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1
  -i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4);

# Types of the C library, which are seldom plain typedefs there.
my @known = qw(bool FILE DIR va_list size_t ssize_t off_t pid_t uid_t gid_t
  time_t sigset_t sig_atomic_t socklen_t nfds_t int8_t int16_t int32_t int64_t
  uint8_t uint16_t uint32_t uint64_t uintptr_t intptr_t jmp_buf clock_t mode_t);

my $write = @ARGV && $ARGV[0] eq '--write' && shift @ARGV;
my $dir = tempdir(CLEANUP => 1);

sub slurp
{
	my ($file) = @_;
	open my $in, '<', $file or die "could not open $file: $!\n";
	local $/;
	return scalar <$in>;
}

sub spew
{
	my ($file, $text) = @_;
	open my $out, '>', $file or die "could not open $file: $!\n";
	print $out $text;
	close $out or die "could not write $file: $!\n";
	return;
}

# The names a header or source declares as types.
sub type_names
{
	my ($text) = @_;
	my @names;

	push @names, $1 while $text =~ /^\}[ \t]*(\w+);/mg;
	push @names, $1 while $text =~ /^typedef\s[^;{}()]*?[ \t*](\w+)(?:\[\w*\])?;/mg;
	push @names, $1 while $text =~ /^typedef\s[^;{}]*?\(\s*\*\s*(\w+)\)/mg;
	return @names;
}

# All type names in the C files of some directories.
sub types_below
{
	my (@dirs) = @_;
	my @names;

	find(
		sub {
			push @names, type_names(slurp($_)) if /\.[ch]$/ && -f;
		},
		grep { -d } @dirs);
	return @names;
}

sub macros_below
{
	my (@dirs) = @_;
	my @names;

	find(
		sub {
			return unless /\.[ch]$/ && -f;
			my $text = slurp($_);
			push @names, $1 while $text =~ /^#define[ \t]+(\w+)/mg;
		},
		grep { -d } @dirs);
	return @names;
}

# Two lists: the server's types are none of the program's, where "text" is a
# good name for a variable.
sub write_typedefs
{
	my ($file, $server) = @_;
	my @headers = grep { -f } '/usr/include/jansson.h',
	  glob('/usr/include/{,postgresql/}libpq-fe.h');
	my @dirs = qw(src worker test examples);
	my %names = map { $_ => 1 } @known;

	if ($server)
	{
		my $config = $ENV{PG_CONFIG} || 'pg_config';
		chomp(my $dir = `$config --includedir-server`);
		push @dirs, $dir;
	}
	else
	{
		shift @dirs;
	}
	$names{$_} = 1 foreach types_below(@dirs);
	$names{$_} = 1 foreach map { type_names(slurp($_)) } @headers;
	# A type of the server may share its name with a macro of ours.
	delete @names{ macros_below(qw(src worker test examples)) };
	spew($file, join "\n", sort(keys %names), '');
	return;
}

# What the indenter does unlike the project's layout is put right here, as
# PostgreSQL's own driver does.
sub tidy
{
	my ($text) = @_;

	# A function's return type: one space before the star.
	$text =~ s/^([A-Za-z_][\w \t]*?\w)[ \t]+(\*+)$/$1 $2/mg;
	$text =~ s/\n\n+\z/\n/;
	# A designated initializer in the middle of a line.
	$text =~ s/,\.(\w[\w.]* =)/, .$1/g;
	# A declaration's initializer that goes on in the next line is indented, as
	# pg_bsd_indent does from 2.1.2 on.
	$text =~ s{^(\t+)(\w[^\n;]* =(?: [^\n;\{][^\n;]*[^\n;\{\}])?)\n((?:\1\S[^\n;]*\n)*?\1\S[^\n;]*;\n)}
		{ my ($tabs, $first, $rest) = ($1, $2, $3);
		  $rest =~ s/^/\t/mg unless $rest =~ /^\s*[\{\}]/m;
		  "$tabs$first\n$rest" }mge;
	$text =~ s/[ \t]+$//mg;
	return $text;
}

# A list without the types whose names this file gives to variables.
sub without_variables
{
	my ($text, $typedefs) = @_;
	my %variables;

	$variables{$1} = 1
	  while $text =~ /^\s+(?:const\s+)?\w+\s+\**(\w+)(?:\[[^\]\n]*\])?(?: = [^;]*)?;/mg;
	$variables{$1} = 1 while $text =~ /\w \*+(\w+)[,)]/g;
	spew("$dir/file.list", join '', grep { !$variables{ $_ =~ s/\n//r } }
		  slurp($typedefs) =~ /^.*\n/mg);
	return "$dir/file.list";
}

sub laid_out
{
	my ($file, $typedefs) = @_;
	my $text = slurp($file);

	$typedefs = without_variables($text, $typedefs);
	# Both ways to write it are known to pg_bsd_indent, at different versions.
	my $ellipsis = $text =~ /,\.\.\.\)/ ? ',...)' : ', ...)';
	my @hidden = hide(\$text);
	spew("$dir/in.c", $text);
	my $errors = `pg_bsd_indent @options -U$typedefs $dir/in.c $dir/out.c 2>&1`;
	return undef, "$file: $errors" if $?;
	my $result = tidy(slurp("$dir/out.c"));
	$result =~ s/,\.\.\.\)/$ellipsis/g;
	return reveal($result, @hidden);
}

# What pg_bsd_indent does not know: C++, and values that are compound literals
# or lists of them.  They stand aside as a word each and come back as they were.
sub hide
{
	my ($text) = @_;
	my @hidden;

	$$text =~ s{^(\#ifdef\ __cplusplus\n)(.*?)(?=^\#(?:endif|else)\b)}
		{ push @hidden, $2; "$1/* hidden_" . $#hidden . "_ */\n" }mgsex;
	$$text =~ s{((?:(?<=[=,:?]\ )|(?<=[(&])|(?<=return\ ))\((?:const\ )?\w+(?:\ \w+)?(?:\ \*)?(?:\[\])?\)\s*(\{(?:[^{}]++|(?2))*\}))}
		{ push @hidden, $1; "hidden_" . $#hidden . "_" }gsex;
	return @hidden;
}

sub reveal
{
	my ($text, @hidden) = @_;

	$text =~ s!\n*/\* hidden_(\d+)_ \*/\n+!\n$hidden[$1]!g;
	$text =~ s!hidden_(\d+)_!$hidden[$1]!g;
	return $text;
}

my $status = 0;

write_typedefs("$dir/server.list", 1);
write_typedefs("$dir/program.list", 0);
foreach my $file (@ARGV)
{
	my ($wanted, $error) =
	  laid_out($file, $file =~ m{^src/} ? "$dir/server.list" : "$dir/program.list");
	if (!defined $wanted)
	{
		print $error;
		$status = 1;
		next;
	}
	spew("$dir/wanted.c", $wanted);
	# Blank lines are the author's.
	my $difference =
	  `diff -uB --label $file --label $file.pgindent $file $dir/wanted.c`;
	next if $difference eq '';
	if ($write)
	{
		spew($file, $wanted);
		next;
	}
	print $difference;
	$status = 1;
}
exit $status;
