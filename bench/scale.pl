# scale.pl: how the gate grows, with sessions, connections and logins, on this
# machine.  Writes its part of bench/results.md, and bench/scale.svg.
#
#   BENCH_QUICK=1   a few sessions, to see that it works; writes to build/bench
#   BENCH_ROUNDS    of each number of sessions (9), BENCH_SECONDS: of each (1)
#   BENCH_SESSIONS  no more than so many (1000000)
#   BENCH_PORT      the first of 20 ports (22000)

use strict;
use warnings;

# ten thousand connections are files of the script and of nginx
BEGIN {
    exec 'prlimit', '--nofile=20000:20000', $^X, '-Ibench', $0
        if !$ENV{BENCH_LIMIT} && ($ENV{BENCH_LIMIT} = 1);
}

use Bench;
use Load;
use Scale;
use ScaleReport;
use Site;

my $Quick = $ENV{BENCH_QUICK};
my $Rounds = $ENV{BENCH_ROUNDS} // ($Quick ? 1 : 9);
my $Seconds = $ENV{BENCH_SECONDS} // 1;
my $Most = $ENV{BENCH_SESSIONS} // ($Quick ? 2000 : 1_000_000);
my @Sizes = ((grep { $_ < $Most } 1, 1000, 10_000, 100_000), $Most);
my %found;

Bench::work_in('scale');
conf('back', back_servers());
nginx('back', $PORT{app}, 'taskset', '-c', $BACK_CPU);

say_step("$Sizes[-1] sessions are sealed");
seed(@Sizes);

for (qw( cookie zone redis )) {
    say_step("sessions: $_");
    $found{$_} = sessions($_, $Rounds, $Seconds, @Sizes);
}

say_step('a full zone');
$found{eviction} = eviction($Most < 1_000_000 ? int($Most / 4) . 'k' : '128m', $Quick ? 1 : 4, @Sizes);

say_step('start');
$found{starts} = starts($Quick ? 1 : 5);

say_step('idle connections');
$found{idle} = idle($Quick ? 1000 : 10_000);

say_step('logins');
$found{logins} = logins_at_most($Quick ? 1 : 8);

scale_report(\%found, $Quick ? "$ROOT/build/bench" : "$ROOT/bench");
