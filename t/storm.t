# A login storm: many browsers without a session within seconds, and vcita's throttle.  Runs alone: it measures times.
#
# Of a small size here; tools/storm.sh runs it in full.

use lib 't/lib';

our %storm;

BEGIN {
    %storm = (browsers => 100, seconds => 2, rate => 20, map { split /=/ } split ' ', $ENV{VCITA_STORM} // '');
}

# The throttle is vcita's, by its own clock.  Whatever takes part comes before the rest of this machine.
use VcitaSandbox rate => $storm{rate}, lifetime => 3600, first => 1;
use VcitaTest;

add_block_preprocessor(sub { VcitaSandbox->gate(shift) });

# the value that so many of a hundred do not exceed
sub percentile {
    my ($p, @v) = @_;
    return (sort { $a <=> $b } @v)[ $p / 100 * $#v ];
}


# one storm of logins with so many calls each, to its end, and what came of it
sub storm {
    my ($calls) = @_;
    my $n = $storm{browsers};
    my $pid = VcitaFlow::nginx_pid();
    my ($rss) = VcitaFlow::nginx_rss($pid);
    my $fds = VcitaFlow::nginx_fds();
    VcitaSandbox->control(POST => 'stats/reset');

    my $crowd = VcitaFlow::crowd(timeout => 60);
    for (1 .. $n) {
        $crowd->add(VcitaBrowser->new, GET => VcitaFlow::url("/page?of=$_"), follow => 1, patient => 1,
            after => $storm{seconds} * $_ / $n);
    }

    # in windows that are a little longer than a second
    my $least = $calls * $n * 1.1 / $storm{rate};

    my $probe = VcitaFlow::probe(undef, $pid);
    my $began = VcitaLoop::now();
    $crowd->start;
    $crowd->until(sub { !$crowd->pending }, 1.2 * $least + 30, 'everybody to be in');
    my $took = VcitaLoop::now() - $began;
    my $p = $probe->stop;
    my $stats = VcitaSandbox->control(GET => 'stats');

    VcitaFlow::wait_for(sub { VcitaFlow::nginx_fds() <= $fds + 2 }, 10, 'descriptors to go');
    my ($now, $peak) = VcitaFlow::nginx_rss($pid);

    my $tally = $crowd->tally;
    my @refreshes = map { $_->{refreshes} } $crowd->waits;
    my @seconds = map { $_->{seconds} } $crowd->waits;
    say_figures($_) for
        sprintf('%d browsers within %s s, vcita_oauth_rate %dr/s', $n, $storm{seconds}, $storm{rate}),
        sprintf('everybody in after %.1f s (%d calls in 1.1 s, %d a login: %.1f s, so %.4f of it)',
            $took, $storm{rate}, $calls, $least, $took / $least),
        sprintf('a browser waited %.1f s (median), %.1f s (most), and was sent away %d times (median), %d (99 %%), %d (most)',
            map({ percentile($_, @seconds) } 50, 100), map { percentile($_, @refreshes) } 50, 99, 100),
        'answers: ' . join(', ', map { "$tally->{$_} x $_" } sort keys %$tally),
        sprintf('vcita: %d codes, %d tokens, %d calls refused', @$stats{qw( codes_issued tokens_issued rate_rejected )}),
        sprintf('a location without gate: %d answers; longest gap %.1f ms, %.1f ms without the time when there was no CPU; '
            . '99 %% below %.1f ms', @$p{qw( n max_gap_ms max_own_ms p99_ms )}),
        sprintf('the worker: %d KiB before, %d at most, %d after; %d descriptors before, %d after',
            $rss, $peak, $now, $fds, VcitaFlow::nginx_fds());

    return { answers => [ $crowd->answers ], took => $took, least => $least, tally => $tally, stats => $stats,
             probe => $p, grown => $peak - $rss, refreshes => percentile(99, @refreshes) };
}

# the time that a storm may take: a short one begins and ends within the bar's second
sub VcitaFlow::Code::bar { 1.02 * $_[0]{least} + ($storm{browsers} > 100 ? 0 : 1) * VcitaLoop::scale() }

sub say_figures { VcitaFlow::note("storm: $_[0]") }

sub VcitaFlow::Code::storms {
    my ($calls) = @_;
    VcitaLoop::come_first(VcitaFlow::nginx_pid());

    # what is made once is there after the first login
    VcitaFlow::browser()->visit('/');

    # a busy machine makes gaps of its own, and delays calls; a full storm has the time that it takes
    my ($s, $n);
    do {
        $s = storm($calls);
    } until ++$n == 3 || $storm{browsers} > 100
            || $s->{stats}{rate_rejected} == 0 && $s->{probe}{max_own_ms} <= 30 * VcitaLoop::scale();
    my @r = @{ $s->{answers} };
    my $all = $storm{browsers};

    Test::More::is(scalar(grep { $_->status == 200 } @r), $all, 'everybody is in');
    Test::More::is(scalar(grep { $r[ $_ - 1 ]->status != 200 || $r[ $_ - 1 ]->json->{uri} ne "/page?of=$_" } 1 .. $all), 0,
        'where they wanted to go');
    return $s;
}

repeat_each(1);
run_tests();

__DATA__

=== TEST 1: a login storm: no 429 is provoked, no 5xx but rate_limited, everybody is in at vcita's pace, nobody else waits
--- log_level: warn
--- worker_connections: 4096
--- gate eval
"vcita_oauth_rate $::storm{rate}r/s;\nvcita_oauth_userinfo on;\nadd_header X-Error \$vcita_oauth_error always;"
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $s = storms(2);
cmp_ok $s->{took}, '<=', bar($s), "at vcita's pace";
is join(', ', grep { !/^(?:200|30[23]|302 invalid_grant|503 rate_limited)$/ } sort keys %{ $s->{tally} }), '', 'nobody sees what is not foreseen';
cmp_ok $s->{refreshes}, '<=', 3, 'who is sent away has a turn when he comes back';
is $s->{stats}{rate_rejected}, 0, 'no 429 is provoked';
is $s->{probe}{error}, undef, 'the probe';
cmp_ok $s->{probe}{max_own_ms}, '<=', 30 * VcitaLoop::scale(), 'a location without gate shows no gap over 30 ms';
cmp_ok $s->{grown}, '<', rss_limit(16 * 1024), 'memory is bounded';


=== TEST 2: a login storm with id_tokens alone: one call a login, so half the time, and no slot is left unused
--- log_level: warn
--- worker_connections: 4096
--- gate eval
"vcita_oauth_rate $::storm{rate}r/s;\nadd_header X-Error \$vcita_oauth_error always;"
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $s = storms(1);
cmp_ok $s->{took}, '<=', bar($s), "at vcita's pace";
is join(', ', grep { !/^(?:200|30[23]|302 invalid_grant|503 rate_limited)$/ } sort keys %{ $s->{tally} }), '', 'nobody sees what is not foreseen';
cmp_ok $s->{refreshes}, '<=', 3, 'who is sent away has a turn when he comes back';
is $s->{stats}{rate_rejected}, 0, 'no 429 is provoked';
cmp_ok $s->{probe}{max_own_ms}, '<=', 30 * VcitaLoop::scale(), 'a location without gate shows no gap over 30 ms';
