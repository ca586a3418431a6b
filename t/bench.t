# make bench, bench-scale and bench-check, each in a short run: that they work, say what they found, and fail
# where they should.  What they measure is not judged here: the machine has other things to do.
# Runs alone.

use strict;
use warnings;

use Cwd ();
use File::Temp ();
use Test::More;

my $Root = Cwd::getcwd();
my %Installed = map { $_ => scalar(`sh -c 'command -v $_'`) }
    qw( wrk h2load apache2 gnuplot strace valgrind node redis-server prlimit );
my @lacking = grep { !$Installed{$_} } sort keys %Installed;

plan skip_all => "tools/deps.sh bench: no @lacking" if @lacking;
plan skip_all => 'it measures the nginx and the module that are installed and built here'
    if ($ENV{TEST_NGINX_BINARY} // '/usr/sbin/nginx') ne '/usr/sbin/nginx'
       || ($ENV{TEST_NGINX_LOAD_MODULES} // "$Root/build/") !~ m{^\Q$Root\E/build/[^/]*$};

$ENV{BENCH_QUICK} = 1;
$ENV{BENCH_PORT} = $ENV{TEST_NGINX_PORT} // 22000;

my $dir = File::Temp->newdir;

sub slurp { local $/; open my $file, '<', $_[0] or die "$_[0]: $!\n"; return scalar <$file> }


# instructions, as recorded; and with half of one of them recorded

my $out = `$^X -Ibench bench/instructions.pl 2>&1`;
is $?, 0, 'bench-check: not more than recorded' or diag $out;
like $out, qr/^proxy gated, 2 claims: no call of yajl$/m, 'two claims in headers parse no JSON';
like $out, qr/^two headers: \S+ allocations without the gate, \S+ with claims/m, 'nor allocate';

like $out, qr/^a token: \d+ instructions if it was verified before, \d+ with 1\.00 verifications if not$/m, 'signed tokens';

my $less = slurp('bench/instructions.txt') =~ s{^(empty_gif gated +)(\d+)}{$1 . int($2 * 0.94)}mer;
open my $file, '>', "$dir/less" or die "$dir/less: $!\n";
print $file $less;
close $file;

$out = `BENCH_INSTRUCTIONS=$dir/less $^X -Ibench bench/instructions.pl 2>&1`;
is $? >> 8, 1, 'bench-check fails when a figure has grown by over 5 %';
like $out, qr/^FAILED: empty_gif gated: \d+ instructions, recorded are \d+: \+[56]\.\d %$/m, 'and names it';

$out = `$^X -Ibench bench/growth.pl 2>&1`;
is $?, 0, 'other cookies cost the gate less than a seventh of what they cost nginx' or diag $out;


# the comparison, both ways

my $number = qr/ -?\d+\.\d+ /;

$out = `$^X -Ibench bench/bench.pl 2>&1`;
is $?, 0, 'bench' or diag $out;

my $results = slurp('build/bench/results.md');
my %rows = ('empty_gif' => 8, '1 KiB file' => 8, 'proxy' => 8, 'A browser that is not signed in' => 3,
            map { ("empty_gif over $_" => 3, "proxy over $_" => 3) } 'TLS', 'HTTP/2');

for my $title (sort keys %rows) {
    my ($table) = $results =~ /^## \Q$title\E\n(.*?)(?:^## |\z)/ms;
    my @rows = grep { !/---|alone, us/ } $table =~ /^(\|.*\|)$/mg;

    is scalar(@rows), $rows{$title}, "$title: a row for each";
    is scalar(grep { /^\|[^|]+\|$number\|[^|]*\|[^|]*\|[^|]*\| [1-9]\d* \|$number\|/ } @rows), $rows{$title},
        "$title: figures of each, alone and interleaved" or diag $table;
}

my @bars = $results =~ /^\| [^|]*: CPU to that without auth \| <= ([\d.]+) \|(?: \d+\.\d+ \| [^|]*held[^|]* \|){2}$/mg;
is "@bars", '1.08 1.06 1.06 3.00', 'what is to hold, both ways' or diag $results;
like $results, qr/, noisy \|$/m, 'a single round is called noisy';

like $results, qr/\*\*[\d.]+ ms\*\* of the worker's CPU, [1-9]/, 'logins';
like $results, qr/^\| all of them wait for vcita \| [1-9]/m, 'other requests while logins hang';
like $results, qr/^\| a new signed token, RSA of 2,048 bits \| [\d.]+ \|$/m, 'signed tokens';
like $results, qr/^\| 40 \| \d+ \| \d+ \| \d+ \|/m, 'growth';

my @calls = $results =~ /^## System calls\n.*?\n((?:\|.*\n)+)/ms ? grep { /\d/ } split /\n/, $1 : ();
cmp_ok scalar(@calls), '>=', 3, 'system calls';
is scalar(grep { !/^\| \w+ \| (\d+) \| (\d+) \|$/ || $2 > $1 + 3 } @calls), 0, 'the gate adds none' or diag "@calls";

like slurp('build/bench/results.svg'), qr/<svg.*mod_auth_openidc.*<\/svg>/s, 'a chart';


# the scale: sealed sessions open, from each store (VCITA_SLOW is its way into a zone)

$out = `$^X -Ibench bench/scale.pl 2>&1`;
is $?, 0, 'bench-scale' or diag $out;
$results = slurp('build/bench/results.md');

like $results, qr/^# What the gate costs\n.*^## How it grows\n/ms, 'each writes its part of the results';
like $results, qr/^\| 2000(?: \| \d+\.\d+){6} \|$/m, 'CPU, in a cookie, a zone, Redis';
like $results, qr/^\| 2000(?: \| \d+\.\d+){2} \| \d{3} \| \d+\.\d \| \d+\.\d \| \d{3} \|$/m, 'memory';
like $results, qr/: [1-9]\d+ are left, the least recently used [1-9]\d+ ended early\./, 'a full zone';
like $results, qr/^\| zone of 1 GiB \| \d+\.\d+ \| \d+\.\d+ \|$/m, 'start and reload';
like $results, qr/^1000 keep-alive connections .*: [1-9]\d* bytes of the worker/m, 'idle connections';
like $results, qr/^\*\*[1-9]\d* a second\*\*, .*(?:\n.*){1,2}limit/m, 'logins, and what was the limit';
like slurp('build/bench/scale.svg'), qr/<svg.*sessions.*<\/svg>/s, 'its curves';

done_testing();
