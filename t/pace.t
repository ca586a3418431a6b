# The pace of calls to vcita: vcita_oauth_rate.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

# n callbacks of n browsers, not yet started
sub VcitaFlow::Code::logins {
    my ($n, $do) = @_;
    my $crowd = VcitaFlow::crowd();
    $crowd->add($_, GET => $_->callback_url(code => VcitaStub::stub_code($do))) for map { VcitaCheck::begun('/deep') } 1 .. $n;
    return $crowd;
}

# when vcita's server was called, but for the authorize page
sub VcitaFlow::Code::calls {
    return sort { $a <=> $b } map { $_->time } grep { $_->path =~ m{^/oauth/(?:token|userinfo)$} } VcitaFlow::stub()->requests;
}

# what measures, and what is measured, does not wait for the rest of the machine
sub VcitaFlow::Code::come_first { VcitaLoop::come_first($_) for VcitaFlow::stub()->pid, VcitaFlow::nginx_workers() }

# the shortest time in which so many calls were made
sub VcitaFlow::Code::shortest {
    my ($n, @t) = @_;
    my ($min) = sort { $a <=> $b } map { $t[ $_ + $n - 1 ] - $t[$_] } 0 .. @t - $n;
    return $min;
}

# all slots are free again: nothing was called for longer than a window of the pace
sub VcitaFlow::Code::quiet {
    my ($last) = (VcitaFlow::Code::calls())[-1] // return;
    VcitaFlow::wait_for(sub { Time::HiRes::time() > $last + 1.2 }, 5, 'the slots to be free');
}

# The time of what may take so many seconds at most, of the last of three tries: a busy machine delays some of it,
# other parts each time.
sub VcitaFlow::Code::took {
    my ($seconds, $do) = @_;
    my @took;
    do { push @took, $do->() } until $took[-1] < $seconds * VcitaLoop::scale() || @took == 3;
    VcitaFlow::note("took @took");
    return $took[-1];
}

# nginx.conf, changed by a function, as the configuration of the next reload
sub VcitaFlow::Code::change_conf {
    my ($do) = @_;
    my $file = VcitaFlow::servroot() . '/conf/nginx.conf';
    open my $in, '<', $file or die "$file: $!";
    local $_ = do { local $/; <$in> };
    $do->() or die "nothing to change in $file\n";
    open my $out, '>', $file or die "$file: $!";
    print $out $_;
    close $out;
}

# callbacks of one browser, each with a code of its own that does the same; not yet started
sub VcitaFlow::Code::of_one {
    my ($n, $b, $do) = @_;
    my $crowd = VcitaFlow::crowd();
    $crowd->add($b->clone, GET => $b->callback_url(code => VcitaStub::stub_code($do))) for 1 .. $n;
    return $crowd;
}

sub VcitaFlow::Code::with_status { my ($status, $crowd) = @_; return scalar grep { $_ && $_->status == $status } $crowd->answers }

run_tests();

__DATA__

=== TEST 1: the default rate: never more than 8 calls in any second; logins wait and succeed
--- gate
no vcita_oauth_rate;
--- flow
return pass 'once is enough' if round;
come_first;
my @t;
for (1 .. 3) {
    VcitaFlow::Code::quiet();
    my $n = () = calls;
    my @r = logins(13)->run;
    is scalar(grep { $_->status == 303 } @r), 13, 'all succeed';
    @t = calls;
    splice @t, 0, $n;
    is scalar(@t), 26, 'two calls each';
    # a busy machine delays some calls, other ones each time
    last if $t[7] - $t[0] < 0.7 && $t[15] - $t[8] > 0.8 && $t[-1] - $t[0] < 4.5;
}
cmp_ok shortest(9, calls), '>=', 0.98, sprintf 'nine calls take a second: %.3f', shortest(9, calls);
cmp_ok $t[7] - $t[0], '<', 0.7, 'the first eight do not wait';
cmp_ok $t[15] - $t[8], '>', 0.8, 'those behind them do not come in bursts';
cmp_ok $t[-1] - $t[0], '<', 4.5, 'nor does anything wait longer than it must';


=== TEST 2: the pace is that of all workers together
--- workers: 2
--- gate
vcita_oauth_rate 20r/s;
--- flow
come_first;
my @r = logins(30)->run;
is scalar(grep { $_->status == 303 } @r), 30, 'all succeed';
my @t = calls;
is scalar(@t), 60, 'two calls each';
cmp_ok shortest(21, @t), '>=', 0.98, sprintf '21 calls take a second: %.3f', shortest(21, @t);


=== TEST 3: the pace outlives a reload
--- master_on
--- gate
vcita_oauth_rate 1r/m;
vcita_oauth_userinfo off;
--- flow
return pass 'the minute is not over' if round;
answered(begun('/')->come_back(code => stub_code), 303, '', 'the first', session => 1, sent => 'token');
my %old = map { $_ => 1 } nginx_reload;
wait_for { !grep { $old{$_} } nginx_workers } 10, 'the old worker to go';
answered(begun('/')->come_back(code => stub_code), 503, 'rate_limited', 'the second, after a reload');
like error_log(), qr{\[info\].*vcita_oauth_rate has no free slot for this login}, 'the log says why';


=== TEST 4: no slot of the pace within 25 s: 503 with Retry-After at once, the page tries again by itself
--- gate
vcita_oauth_rate 1r/m;
vcita_oauth_userinfo off;
--- flow
return pass 'the minute is not over' if round;
answered(begun('/')->come_back(code => stub_code), 303, '', 'the first', session => 1, sent => 'token');

my $b = begun('/deep?x=1&y');
# in a minute there is room for one, and the next may come a little early: others leave, or come late
for my $turn (1 .. 3) {
    my $r = $b->come_back(code => stub_code);
    answered($r, 503, 'rate_limited', "the next, $turn");
    cmp_ok $r->seconds, '<', 5, 'at once, not behind a turn';
    my $after = $r->header('Retry-After');
    cmp_ok $after, '>=', 60 * $turn - 24, "Retry-After $after";
    cmp_ok $after, '<=', 60 * $turn + 1, "Retry-After $after";
    like $r->body, qr{<meta http-equiv="refresh" content="$after; url=\Q${\ url('/deep?x=1&amp;y')}\E">},
        'the page tries again by itself';
}
like error_log(), qr{\[info\].*vcita_oauth_rate has no free slot for this login, it gets 503 and retries in \d+ s}, 'the log says when';


=== TEST 5: only exchanges take slots: not what is refused before
--- gate
vcita_oauth_rate 1r/m;
vcita_oauth_userinfo off;
--- flow
return pass 'the minute is not over' if round;
my $b = begun('/');
for (1 .. 5) {
    answered($b->get('/oauth/callback?state=x&code=y'), 400, 'invalid_state', 'forged');
    answered($b->come_back, 400, 'invalid_callback', 'no code');
    answered($b->come_back(error => 'access_denied'), 403, 'access_denied', 'refused');
}
answered($b->come_back(code => stub_code), 303, '', 'the first exchange', session => 1, sent => 'token');
answered($b->come_back(code => stub_code), 303, '', 'a double click needs none');
--- no_error_log
[alert]
[crit]


=== TEST 6: no slot within 25 s: those that are over it are told at once, the others wait
--- gate
no vcita_oauth_rate;
--- flow
return pass 'once is enough' if round;
# two slots a login, eight at once and eight in each 1.1 s after that: some 91 logins find theirs
my $crowd = logins(120);
$crowd->start;
# and four more for each second that it takes to send them
$crowd->until(sub { grep({ $_ && $_->status == 503 } $crowd->answers) >= 20 }, 10, 'those over it to know');
my @r = $crowd->answers;
my @over = grep { $_ && $_->status == 503 } @r;
# a turn of theirs in 25 s and more; they may come half of that early
is scalar(grep { $_->header('Retry-After') < 13 || $_->header('Retry-After') > 22 } @over), 0, 'Retry-After';
cmp_ok scalar(@over), '<=', 30, 'no more than that';
is scalar(grep { $_ && $_->status !~ /^(?:303|503)$/ } @r), 0, 'nothing else';
$crowd->abort_all;


=== TEST 7: a browser that goes away while it waits for its slot: nothing is sent for it, no descriptor is left
--- gate
vcita_oauth_rate 20r/s;
--- flow
my $last = begun('/last');
my $fds = nginx_fds;
my $crowd = logins(30, { token => { hang => 1 } });
$crowd->start;
$crowd->until(sub { stub->exchanges > 0 && $crowd->sent == 30 }, 5, 'the first to be sent');
$crowd->abort_all;
wait_for { stub->exchanges == 0 && nginx_fds() <= $fds + 4 } 5, 'their connections to go';
my $n = () = calls;

# its slot is behind all of theirs
is $last->come_back(code => stub_code)->status, 303, 'the next login';
is scalar(() = calls) - $n, 2, 'no call but its two';


=== TEST 8: vcita_oauth_rate off: no pace
--- flow
my @r = logins(40)->run;
is scalar(grep { $_->status == 303 } @r), 40, 'all succeed';
my @t = calls;
cmp_ok shortest(20, @t), '<', 1, 'at their own pace';


=== TEST 9: a call that is made again after 429 keeps the pace, too
--- gate
vcita_oauth_rate 4r/s;
--- flow
return pass 'once is enough' if round;
come_first;
my $again = { token => [ { status => 429, headers => { 'Retry-After' => 3 } }, {} ] };
my @b = map { begun('/deep') } 1 .. 7;
my $crowd = crowd;
$crowd->add($_, GET => $_->callback_url(code => stub_code($again))) for @b[0 .. 3];
$crowd->start;
my $end = Time::HiRes::time() + 3;
$crowd->until(sub { Time::HiRes::time() >= $end }, 5, 'the first to come again');
$crowd->add($_, GET => $_->callback_url(code => stub_code)) for @b[4 .. 6];
my @r = $crowd->run;
is scalar(grep { $_->status == 303 } @r), 7, 'all succeed';
my @t = calls;
is scalar(@t), 18, 'two calls each, and four again';
cmp_ok shortest(5, @t), '>=', 0.98, sprintf 'five calls take a second: %.3f', shortest(5, @t);


=== TEST 10: those who are told to come back get a turn each, in the order in which they came, and none is too far away
--- workers: 2
--- gate
vcita_oauth_rate 2r/m;
vcita_oauth_userinfo off;
--- flow
return pass 'the minute is not over' if round;
is begun('/')->come_back(code => stub_code)->status, 303, 'there is room for one';

# a call every 30 s
my $b = begun('/deep');
my @after = map { $b->come_back(code => stub_code)->header('Retry-After') } 1 .. 60;
my @turns = @after[0 .. 15];
is scalar(grep { abs($turns[$_] - $turns[0] - 30 * $_) > 2 } 0 .. $#turns), 0, "a turn every 30 s: @turns";
my @far = @after[40 .. $#after];
is scalar(grep { $_ < 280 || $_ > 601 } @far), 0, "beyond that, within ten minutes: @far";
my %far = map { $_ => 1 } @far;
cmp_ok scalar(keys %far), '>', 10, 'but not all at once';

# one browser's tries do not keep the others out for longer than that
cmp_ok begun('/')->come_back(code => stub_code)->header('Retry-After'), '<=', 601, 'nor is anybody else';


=== TEST 11: connecting is tried again with a backoff, and that takes slots of the pace
--- gate
vcita_oauth_rate 1r/m;
vcita_oauth_token_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/oauth/token;
--- flow
return pass 'the minute is not over' if round;
my $r = begun('/deep')->come_back(code => stub_code);
answered($r, 503, 'rate_limited', 'no slot for a second try');
cmp_ok $r->seconds, '>', 0.4, 'after a pause';
cmp_ok $r->header('Retry-After'), '>=', 30, 'Retry-After';
like error_log(), qr{\[info\].*vcita_oauth_rate has no free slot before the code expires}, 'the log says why';


=== TEST 12: what a login does not use is another's: no slot is kept for userinfo where an id_token is expected
--- gate
vcita_oauth_rate 6r/s;
--- flow
come_first;
my $with = sub { my ($b) = @_; $b->callback_url(code => stub_code({ id_token => id_token($b) })) };
my $b = begun('/deep');
is $b->get($with->($b))->status, 303, 'vcita gives an id_token';
my $took = took(6.5, sub {
    my $n = () = calls;
    my $crowd = crowd;
    $crowd->add($_, GET => $with->($_)) for map { begun('/deep') } 1 .. 24;
    my @r = $crowd->run;
    is scalar(grep { $_->status == 303 } @r), 24, 'all succeed';
    my @t = calls;
    is scalar(@t), $n + 24, 'one call each';
    return $t[-1] - $t[$n];
});
my @t = calls;
cmp_ok shortest(7, @t), '>=', 0.98, sprintf 'never more than six in a second: %.3f', shortest(7, @t);
cmp_ok $took, '<', 6.5 * VcitaLoop::scale(), sprintf 'six in each second, nearly: %.3f s', $took;

my $n = @t;
is begun('/deep')->come_back(code => stub_code)->status, 303, 'an id_token that does not come after all: userinfo is asked';
@t = calls;
is scalar(@t), $n + 2, 'two calls more';
cmp_ok shortest(7, @t), '>=', 0.98, 'in the pace';


=== TEST 13: what a login does not use is another's: one that fails, one whose browser goes away
--- gate
vcita_oauth_rate 4r/s;
--- flow
come_first;
my $took = took(6, sub {
    my $n = () = calls;
    my $crowd = logins(20);
    $crowd->start;
    $crowd->until(sub { (() = calls) >= $n + 2 }, 10, 'the first calls');
    $crowd->abort(4 .. 19);
    $crowd->finish;
    my $from = VcitaLoop::now();
    my @r = logins(4)->run;
    is scalar(grep { $_->status == 303 } @r), 4, 'the next ones are in';
    return VcitaLoop::now() - $from;
});
cmp_ok $took, '<', 6 * VcitaLoop::scale(), 'and wait for nobody who has left';

$took = took(4.4, sub {
    my $from = VcitaLoop::now();
    for (1 .. 12) {
        my $b = begun('/deep');
        $b->come_back(code => stub_code({ token => { status => 400, json => { error => 'invalid_grant' } } }));
    }
    return VcitaLoop::now() - $from;
});
cmp_ok $took, '<', 4.4 * VcitaLoop::scale(), 'a refused one takes one slot';


=== TEST 14: the pace is that of a client_id: a flood at one tenant's does not make another's wait
--- gate
vcita_oauth_rate 1r/s;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /b {
    vcita_oauth on;
    vcita_oauth_client_id app2;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/b/callback;
    vcita_oauth_cookie_name b;
    vcita_oauth_userinfo off;
    proxy_pass $VCITA_APP;
}
--- flow
return pass 'once is enough' if round;
come_first;
my $crowd = logins(40);
$crowd->start;
$crowd->until(sub { with_status(503, $crowd) >= 10 }, 10, 'the pace of the one to be full');
my $b = begun('/b');
my $r = $b->come_back(code => stub_code);
is $r->status, 303, 'in at the other one';
cmp_ok $r->seconds, '<', 0.9 * VcitaLoop::scale(), 'at once';
begun('/b')->come_back(code => stub_code);
my @t = sort { $a <=> $b } map { $_->time } grep { ($_->fields->{client_id} // '') eq 'app2' } stub->requests('/oauth/token');
is scalar(@t), 2, 'two calls';
cmp_ok $t[1] - $t[0], '>=', 0.98, sprintf 'at a pace of its own: %.3f', $t[1] - $t[0];
$crowd->abort_all;


=== TEST 15: a reload that fails does not change the pace of the running workers
--- master_on
--- gate
vcita_oauth_rate 2r/s;
--- flow
return pass 'once is enough' if round;
come_first;
is begun('/')->come_back(code => stub_code)->status, 303, 'a login';
my $port = port() + 1;
my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 1, ReuseAddr => 1) or die "listen: $!";
change_conf(sub { s/vcita_oauth_rate 2r/vcita_oauth_rate 1000r/ && s/(?=^\s*listen )/listen 127.0.0.1:$port;/m });
nginx_signal('HUP');
wait_for { error_log() =~ /still could not bind/ } 15, 'the reload to fail';
stub->reset;
my @r = logins(4)->run;
is scalar(grep { $_->status == 303 } @r), 4, 'all are in';
my @t = calls;
is scalar(@t), 8, 'two calls each';
cmp_ok shortest(3, @t), '>=', 0.98, sprintf 'three calls take a second: %.3f', shortest(3, @t);


=== TEST 16: 48r/m goes out evenly: nothing at once
--- gate
vcita_oauth_rate 48r/m;
--- flow
return pass 'once is enough' if round;
come_first;
my @r = logins(2)->run;
is scalar(grep { $_->status == 303 } @r), 2, 'all are in';
my @t = calls;
is scalar(@t), 4, 'two calls each';
cmp_ok shortest(2, @t), '>=', 1.2, sprintf 'one in 1.25 s: %.3f', shortest(2, @t);
cmp_ok $t[-1] - $t[0], '<', 4.2, sprintf 'and no less: %.3f', $t[-1] - $t[0];


=== TEST 17: a rate may be a fraction: 0.8r/s, for one of ten machines
--- gate
vcita_oauth_rate 0.8r/s;
vcita_oauth_userinfo off;
--- flow
return pass 'once is enough' if round;
come_first;
my @r = logins(4)->run;
is scalar(grep { $_->status == 303 } @r), 4, 'all are in';
my @t = calls;
is scalar(@t), 4, 'one call each';
cmp_ok shortest(2, @t), '>=', 1.2, sprintf 'one in 1.25 s: %.3f', shortest(2, @t);
cmp_ok $t[-1] - $t[0], '<', 4.2, sprintf 'and no less: %.3f', $t[-1] - $t[0];


=== TEST 18: old workers that still have logins keep to their rate, new ones to theirs
--- master_on
--- gate
vcita_oauth_rate 1r/s;
vcita_oauth_userinfo off;
--- flow
return pass 'once is enough' if round;
come_first;
my $crowd = logins(5);
$crowd->start;
$crowd->until(sub { (() = calls) >= 2 && $crowd->sent == 5 }, 5, 'the first of them');
change_conf(sub { s/vcita_oauth_rate 1r/vcita_oauth_rate 100r/ });
my ($old) = nginx_reload;
wait_for { error_log() =~ /\b$old#\d+: gracefully shutting down/ } 5, 'the old worker to know';
my @b = map { begun('/') } 1 .. 10;
my $new = crowd;
$new->add($_, GET => $_->callback_url(code => 'new')) for @b;
my $from = VcitaLoop::now();
my @r = $new->run;
cmp_ok VcitaLoop::now() - $from, '<', 0.9 * VcitaLoop::scale(), 'ten at once, with the new rate';
$crowd->finish;
is with_status(303, $crowd), 5, 'the old ones are in';
my @t = sort { $a <=> $b } map { $_->time } grep { $_->fields->{code} ne 'new' } stub->requests('/oauth/token');
is scalar(@t), 5, 'one call each';
cmp_ok shortest(2, @t), '>=', 0.98, sprintf 'one a second: %.3f', shortest(2, @t);


=== TEST 19: one client, one state, nine garbage callbacks a second: ten people are in within 15 s beside it
--- gate
no vcita_oauth_rate;
--- flow
return pass 'once is enough' if round;
# it has gone on for long enough to fill the 25 s that a login may wait, and goes on
my $bad = begun('/');
my $garbage = { token => { status => 400, json => { error => 'invalid_grant' } } };
my $flood = crowd;
$flood->add($bad->clone, GET => $bad->callback_url(code => stub_code($garbage))) for 1 .. 100;
$flood->add($bad->clone, GET => $bad->callback_url(code => stub_code($garbage)), after => $_ / 9) for 1 .. 15 * 9;
my @people = map { $flood->add(browser(), GET => url("/person?n=$_"), follow => 1, patient => 1, after => 1) } 1 .. 10;
$flood->start;
my $from = VcitaLoop::now();
my $in = sub { scalar grep { $_ && $_->status == 200 } ($flood->answers)[@people] };
eval { $flood->until(sub { $in->() == 10 }, 16, 'ten people to be in') };
is $in->(), 10, sprintf 'all are in, %.1f s after they came', VcitaLoop::now() - $from - 1;
cmp_ok with_status(302, $flood), '>', 4, 'while garbage goes to vcita, too';
$flood->abort_all;


=== TEST 20: of one browser, all workers together, four callbacks are at vcita, twelve wait behind them for 25 s, any more: 503 rate_limited at once
--- workers: 2
--- gate
vcita_oauth_timeout 40s;
--- flow
return pass 'once is enough' if round;
my $b = begun('/deep?x=1');
my $crowd = of_one(20, $b, { token => { hold => 1 } });
my $from = VcitaLoop::now();
$crowd->start;
$crowd->until(sub { with_status(503, $crowd) == 4 && stub->exchanges == 4 }, 5, 'four at vcita, and four to be refused');
cmp_ok VcitaLoop::now() - $from, '<', 3 * VcitaLoop::scale(), 'at once';
my ($r) = grep { $_ && $_->status == 503 } $crowd->answers;
sent_to_vcita;
answered($r, 503, 'rate_limited', 'one of them');
my $after = $r->header('Retry-After');
cmp_ok $after, '>=', 1, 'Retry-After';
cmp_ok $after, '<=', 25, 'soon';
like $r->body, qr{<meta http-equiv="refresh" content="$after; url=\Q${\ url('/deep?x=1')}\E">}, 'the page tries again';

is begun('/')->come_back(code => stub_code)->status, 303, 'another browser is in';
is stub->exchanges, 4, 'and there are still four at vcita';

$crowd->until(sub { with_status(503, $crowd) == 16 }, 30, 'those behind to be sent away');
my $took = VcitaLoop::now() - $from;
cmp_ok $took, '>=', 24.9, sprintf 'after 25 s: %.1f', $took;
is stub->exchanges, 4, 'four at vcita, still';
stub->release;
$crowd->finish;
is with_status(303, $crowd), 4, 'those four are in';
like error_log(), qr{\[info\].*more than 16 callbacks of one browser are in progress, this one gets 503}, 'the log says why';
like error_log(), qr{\[info\].*the callback waited 25 s behind others of its browser, it gets 503}, 'of those who waited, too';


=== TEST 21: sixteen callbacks of one browser: four at a time, and all end logged in; the next ones, too
--- workers: 2
--- flow
my $b = begun('/deep');
for (1, 2) {
    my $crowd = of_one(16, $b, { token => { delay => 0.2 } });
    my ($most, $n) = (0, 0);
    $crowd->start;
    $crowd->until(sub { $n = stub->exchanges; $most = $n if $n > $most; !$crowd->pending }, 20, 'all to be answered');
    is with_status(303, $crowd), 16, 'all are in';
    is $most, 4, 'four at a time';
}


=== TEST 22: the places of a browser end with their worker
--- master_on
--- workers: 2
--- gate
vcita_oauth_timeout 60s;
--- error_log
[alert]
exited on signal 9
--- flow
my $b = begun('/deep');
my $crowd = of_one(17, $b, { token => { hold => 1 } });
$crowd->start;
$crowd->until(sub { stub->exchanges == 4 && with_status(503, $crowd) == 1 }, 5, 'no more to be taken');
my %old = map { $_ => 1 } nginx_workers;
kill KILL => keys %old;
$crowd->until(sub { !$crowd->pending }, 10, 'their connections to be closed');
wait_for { grep({ !$old{$_} } nginx_workers) == 2 } 10, 'the next workers';
sent_to_vcita;
answered($b->come_back(code => stub_code), 303, '', 'the next one', session => 1, sent => 'token userinfo');
my $from = $b->res->seconds;
cmp_ok $from, '<', 2 * VcitaLoop::scale(), 'does not wait for the dead';


=== TEST 23: who waits behind others of his browser does not count among the 256 in flight
--- gate
vcita_oauth_timeout 60s;
--- flow
return pass 'once is enough' if round;
my $crowd = crowd;
for my $b (map { begun('/deep') } 1 .. 50) {
    $crowd->add($b->clone, GET => $b->callback_url(code => stub_code({ token => { hold => 1 } }))) for 1 .. 6;
}
$crowd->start;
$crowd->until(sub { stub->exchanges == 200 && $crowd->sent == 300 }, 20, 'two hundred at vcita, a hundred behind');
is begun('/')->come_back(code => stub_code)->status, 303, 'another browser is in';
is stub->exchanges, 200, 'with two hundred at vcita';
is with_status(503, $crowd), 0, 'and nobody refused';
$crowd->abort_all;
wait_for { stub->exchanges == 0 } 10, 'them to go';


=== TEST 24: a call that is not sent, because 256 are in flight, takes no slot of the pace from the next one
--- gate
vcita_oauth_rate 32r/s;
vcita_oauth_userinfo off;
vcita_oauth_timeout 60s;
--- config eval
join "\n", 'location = /status { vcita_oauth_status; }', map { <<END } 1 .. 9
location /c$_/ {
    vcita_oauth on;
    vcita_oauth_client_id app$_;
    vcita_oauth_cookie_name c$_;
    vcita_oauth_redirect_uri http://127.0.0.1:\$TEST_NGINX_SERVER_PORT/c$_/callback;
    proxy_pass \$VCITA_APP;
}
END
--- log_level: info
--- flow
return pass 'once is enough' if round;
my $paced = sub { browser()->get('/status')->body =~ /^vcita_oauth_logins_paced_total (\d+)$/m && $1 };
my $crowd = crowd();
for my $c (1 .. 8) {
    my $b = begun("/c$c/");
    $crowd->add($_, GET => $_->callback_url(code => stub_code({ token => { hold => 1 } }))) for map { begun("/c$c/") } 1 .. 32;
}
$crowd->start;
$crowd->until(sub { stub->exchanges == 256 }, 20, '256 at vcita');
my $before = $paced->();
my $late = crowd();
$late->add($_, GET => $_->callback_url(code => stub_code)) for map { begun('/c9/') } 1 .. 80;
$late->run;
is with_status(503, $late), 80, 'eighty more are refused';
like error_log(), qr/requests to vcita are active in this worker/, 'for that reason';
is $paced->(), $before, 'none of them waited for a slot that another one had not used';
$crowd->abort_all;
wait_for { stub->exchanges == 0 } 10, 'them to go';
