# bench.pl: what the gate costs beside its peers, on this machine, in one run.
#
# The server that is measured runs on one cpu, everything else on another.  All
# measurements of a round follow one another, A B C ... A B C ..., so that what
# else the machine does strikes them alike; a ratio is taken within a round, and
# its median over the rounds is what counts.  Writes bench/results.md and
# bench/results.svg.
#
#   BENCH_QUICK=1   one short round, to see that it works; writes to build/bench
#   BENCH_ONLY=bearer   signed tokens alone, printed; records nothing
#   BENCH_ROUNDS    rounds (7), BENCH_SECONDS: of each measurement (2)
#   BENCH_PORT      the first of 20 ports (22000)

use strict;
use warnings;

use Apache;
use Bearer;
use Bench;
use Extra;
use Load;
use Report;
use Site;

my $Quick = $ENV{BENCH_QUICK};
my $Rounds = $ENV{BENCH_ROUNDS} // ($Quick ? 1 : 7);
my $Seconds = $ENV{BENCH_SECONDS} // ($Quick ? 1 : 2);

my @TARGETS = qw( gif 1k proxy );
my %TITLE = (gif => 'empty_gif', '1k' => '1 KiB file', proxy => 'proxy');

# a session of the kind that daemons give: the shorter, the cheaper for nginx
my $DAEMONS_COOKIE = 'session=' . 'A1b2C3d4' x 6;


if (($ENV{BENCH_ONLY} // '') eq 'bearer') {
    Bench::work_in('bench');

    my ($front, %cookie) = start_nginx();

    print Report::bearer(Extra::bearer($front, $cookie{vcita}, $Quick));
    exit 0;
}

# by itself: it uses the same ports
say_step('growth, by callgrind');
my $growth = `$^X -Ibench bench/growth.pl`;
die "growth.pl failed\n" if $?;

Bench::work_in('bench');

my ($front, %cookie) = start_nginx();
my $sandbox = start_sandbox();
my %apache = map { $_ => start_apache($_, $sandbox) } qw( cookie shm );

# id => what is measured: whose cpu, port, path before and after the target's
# name, the cookie, and beside what it stands
my %CONTESTANT = (
    'nginx'   => { title => 'nginx, no auth', pid => $front,
                   port => $PORT{plain}, after => 0, cookie => 'vcita' },
    'gate0'   => { title => 'this module, no claim used', beside => 'nginx',
                   port => $PORT{gate}, after => 0 },
    'gate2'   => { title => 'this module, 2 claims in headers',
                   beside => 'nginx', port => $PORT{gate}, after => 2 },
    'gate6'   => { title => 'this module, 6 claims in headers',
                   beside => 'nginx', port => $PORT{gate}, after => 6 },
    'nginx-d' => { title => "nginx, no auth, a daemon's cookie",
                   port => $PORT{plain}, after => 0, cookie => 'daemon' },
    'alive'   => { title => 'auth_request, upstream keep-alive',
                   beside => 'nginx-d', port => $PORT{auth}, after => '-alive' },
    'fresh'   => { title => 'auth_request, as most guides have it',
                   beside => 'nginx-d', port => $PORT{auth}, after => '-fresh' },
    'apache'  => { title => 'Apache, no auth', pid => $apache{cookie},
                   port => $PORT{apache}, before => 'off/', cookie => 'cookie' },
    'openidc' => { title => 'mod_auth_openidc, client-cookie',
                   beside => 'apache', port => $PORT{apache}, before => 'on/' },
    'apache-s' => { title => "Apache, no auth, the other cookie",
                   pid => $apache{shm}, port => $PORT{apache_shm},
                   before => 'off/', cookie => 'shm' },
    'openidc-s' => { title => 'mod_auth_openidc, server-cache (shm)',
                   beside => 'apache-s', port => $PORT{apache_shm},
                   before => 'on/' },
);

my @ORDER = qw( nginx gate0 gate2 gate6 nginx-d alive fresh apache openidc
                apache-s openidc-s );

$cookie{$_} = apache_login($_) for qw( cookie shm );
$cookie{daemon} = $DAEMONS_COOKIE;

my %found;                                       # "id target" -> rounds

for my $round (1 .. $Rounds) {
    say_step("round $round of $Rounds");
    for my $target (@TARGETS) { one_round($_, $target) for @ORDER }
    redirects();
}

my $extra = Extra::all($front, \%cookie, $Quick);
$extra->{growth} = $growth;

report({ contestants => \%CONTESTANT, order => \@ORDER, targets => \@TARGETS,
         titles => \%TITLE, found => \%found, extra => $extra,
         cookies => { map { $_ => length $cookie{$_} } keys %cookie },
         rounds => $Rounds, seconds => $Seconds },
       $Quick ? "$ROOT/build/bench" : "$ROOT/bench");

exit 0;


# the servers, the module's own session; the worker that is measured
sub start_nginx {
    make_keys();
    conf('back', back_servers());
    nginx('back', $PORT{app}, 'taskset', '-c', $BACK_CPU);

    conf('front', plain_server('/x') . gate_server() . auth_server());
    my $master = nginx('front', $PORT{gate}, 'taskset', '-c', $FRONT_CPU);
    my $longer = redirect_length();

    end_of($master);
    conf('front', plain_server('/' . 'x' x ($longer + 1)) . gate_server()
                  . bearer_server() . auth_server());
    $master = nginx('front', $PORT{gate}, 'taskset', '-c', $FRONT_CPU);

    return (worker_of($master), vcita => login($PORT{gate}, '/gif0'));
}


sub one_round {
    my ($id, $target) = @_;
    my $c = $CONTESTANT{$id};
    my $beside = $CONTESTANT{ $c->{beside} // $id };
    my $cookie = $cookie{ $c->{cookie} // $beside->{cookie} };
    my $pid = $c->{pid} // $beside->{pid} // $front;

    my $url = "http://127.0.0.1:$c->{port}/" . ($c->{before} // '') . $target
        . ($c->{after} // '');

    push @{ $found{"$id $target"} },
        load([$pid], $url, $Seconds, '-H', "Cookie: $cookie");
}


# somebody who is not signed in, beside an answer of the same length
sub redirects {
    my @navigation = ('-H', 'Accept: text/html', '-H', 'Sec-Fetch-Mode: navigate');
    my @who = (
        [ 'plain 302',   $front, $PORT{plain}, '302' ],
        [ 'gate 302',    $front, $PORT{gate},  'gif0' ],
        [ 'apache 302',  $apache{cookie}, $PORT{apache}, 'off/gif' ],
        [ 'openidc 302', $apache{cookie}, $PORT{apache}, 'on/gif' ],
    );

    for (@who) {
        my ($name, $pid, $port, $path) = @$_;
        push @{ $found{$name} },
            load([$pid], "http://127.0.0.1:$port/$path", $Seconds, @navigation);
    }
}
