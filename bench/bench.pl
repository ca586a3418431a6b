# bench.pl: what the gate costs beside its peers, on this machine, in one run.
#
# What is measured runs on one cpu, everything else on another.  Each contestant
# is measured alone on that cpu, A B C ... A B C ..., and interleaved: three
# workers loaded together on it (Both.pm).  A ratio is taken within a round, and
# its median over the rounds is what counts; a round disturbs both of its sides.
# Writes bench/results.md, bench/results.svg and the table of README.md.
#
#   BENCH_QUICK=1   one short round, to see that it works; writes to build/bench
#   BENCH_ONLY=bearer   signed tokens alone, printed; records nothing
#   BENCH_ROUNDS    rounds (9), BENCH_ALONE: that measure each alone, too (5)
#   BENCH_SECONDS   of each measurement (2)
#   BENCH_PORT      the first of 20 ports (22000)

use strict;
use warnings;

use Bearer;
use Bench;
use Both;
use Extra;
use Load;
use Report;
use Site;

my $Quick = $ENV{BENCH_QUICK};
my $Rounds = $ENV{BENCH_ROUNDS} // ($Quick ? 1 : 9);
my $Alone = $ENV{BENCH_ALONE} // ($Quick ? 1 : 5);
my $Seconds = $ENV{BENCH_SECONDS} // ($Quick ? 1 : 2);

if (($ENV{BENCH_ONLY} // '') eq 'bearer') {
    Bench::work_in('bench');

    my ($front, $cookie) = start_nginx();

    print Report::bearer(Extra::bearer($front, $cookie, $Quick));
    exit 0;
}

# before the others: it uses the same ports
say_step('growth, by callgrind');
my $growth = `$^X -Ibench bench/growth.pl`;
die "growth.pl failed\n" if $?;

Bench::work_in('bench');

my $found = contest(rounds => $Rounds, alone => $Alone, seconds => $Seconds);

end_all();

my ($front, $cookie) = start_nginx();

$found->{extra} = { %{ Extra::all($front, $cookie, $Quick) },
                    growth => $growth };

report($found, $Quick ? "$ROOT/build/bench" : "$ROOT/bench");
exit 0;


# the servers; the worker that is measured, and a session of the module
sub start_nginx {
    make_keys();
    conf('back', back_servers());
    nginx('back', $PORT{app}, 'taskset', '-c', $BACK_CPU);

    conf('front', plain_server('/x') . gate_server() . bearer_server());
    my $master = nginx('front', $PORT{gate}, 'taskset', '-c', $FRONT_CPU);

    return (worker_of($master), login($PORT{gate}, '/gif0'));
}
