# vcita_oauth_rate ... fleet: the pace of several machines, kept in their Redis.

use lib 't/lib';
use VcitaRedis;
use VcitaTest;
use VcitaCheck;
use VcitaMachine;

# the log has one line a minute
repeat_each(1);

# a machine of the fleet; it goes with the flow
sub VcitaFlow::Code::machine {
    my ($name, $gate) = @_;
    return VcitaMachine->start($name, gate => "$gate\nvcita_oauth_session_store redis://127.0.0.1:$ENV{TEST_NGINX_REDIS_PORT};");
}

# browsers whose logins have begun at a machine, or at the nginx under test
sub VcitaFlow::Code::begun_at {
    my ($m, $n) = @_;
    return map {
        my $b = VcitaFlow::browser(base => $m ? $m->url('') : VcitaFlow::url(''));
        $b->get($m ? $m->url('/') : VcitaFlow::url('/'))->status == 302 or die "no login begins\n";
        $b;
    } 1 .. $n;
}

# their callbacks, not yet started
sub VcitaFlow::Code::back {
    my ($do, @b) = @_;
    my $crowd = VcitaFlow::crowd();
    $crowd->add($_, GET => $_->callback_url(code => VcitaStub::stub_code($do))) for @b;
    return $crowd;
}

# when vcita's server was called, but for the authorize page
sub VcitaFlow::Code::calls {
    return sort { $a <=> $b } map { $_->time } grep { $_->path =~ m{^/oauth/(?:token|userinfo|revoke)$} } VcitaFlow::stub()->requests;
}

# the shortest time in which so many calls were made
sub VcitaFlow::Code::shortest {
    my ($n, @t) = @_;
    my ($min) = sort { $a <=> $b } map { $t[ $_ + $n - 1 ] - $t[$_] } 0 .. @t - $n;
    return $min;
}

# what measures, and what is measured, does not wait for the rest of the machine
sub VcitaFlow::Code::come_first {
    VcitaLoop::come_first($_) for VcitaFlow::stub()->pid, VcitaFlow::nginx_workers(), VcitaFlow::Code::redis()->{pid},
        map { $_->workers } @_;
}

sub VcitaFlow::Code::with_status { my ($status, $crowd) = @_; return scalar grep { $_ && $_->status == $status } $crowd->answers }

sub VcitaFlow::Code::evals { return VcitaFlow::Code::redis()->calls('eval') }

# all commands of Redis so far: name => calls
sub VcitaFlow::Code::commands {
    return { VcitaFlow::Code::redis()->command(qw( INFO commandstats )) =~ /^cmdstat_(\S+):calls=(\d+)/mg };
}

my $ACL = 'ACL SETUSER gate on nopass resetkeys resetchannels -@all +get +set +del +select +ping ~vcita:*';

sub VcitaFlow::Code::allow { VcitaFlow::Code::redis()->command(split(/ /, $ACL), @_) }

# the script that the module sends, as a function of the real Redis: calls, window, slots, patience (0 slots: the one to release)
sub VcitaFlow::Code::script {
    my ($fake) = @_;
    my ($eval) = grep { $_->[0] eq 'EVAL' } $fake->seen;
    my $script = $eval->[1];
    return sub { return split / /, VcitaFlow::Code::redis()->command(EVAL => $script, 1, 'k', @_) };
}

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(flow => VcitaRedis::begin() . ' ' . $block->flow);
    $block->set_value(config => 'location / { vcita_oauth on; proxy_pass $VCITA_APP; }') if !defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: vcita_oauth_rate 8r/s fleet: 60 logins at two machines at once are never more than 8 calls in a second, one round trip each, none for a request with a session
--- flow
my @m = map { machine($_, 'vcita_oauth_rate 8r/s fleet;') } 'a', 'b';
my ($tries, @t, @b) = (0);
do {
    stub->reset;
    redis->fresh;
    @b = map { begun_at($m[ $_ % 2 ], 1) } 1 .. 60;
    come_first(@m);
    my @r = back({}, @b)->run;
    is scalar(grep { $_->status == 303 } @r), 60, 'all are in';
    @t = calls;
    is scalar(@t), 120, 'two calls each';
    is evals, 60, 'one round trip each';
    # a busy machine delays some calls, other ones each time
} until shortest(9, @t) >= 0.98 && $t[-1] - $t[0] < 17.1 || ++$tries == 3;
cmp_ok shortest(9, @t), '>=', 0.98, sprintf 'nine calls take a second: %.3f', shortest(9, @t);
cmp_ok $t[-1] - $t[0], '<', 17.1 * VcitaLoop::scale(), sprintf 'nine of ten slots are used: %.1f s', $t[-1] - $t[0];
is scalar(redis->keys('vcita:rate:*')), 1, 'one key';
cmp_ok redis->command(PTTL => (redis->keys('vcita:rate:*'))[0]), '<=', 90_000, 'which expires';

my $before = commands;
for my $b (@b[ 0 .. 9 ]) { is $b->get('/')->status, 200, 'a request with a session' for 1 .. 3 }
my $after = commands;
delete @$_{qw( get info command ping )} for $before, $after;
is_deeply $after, $before, 'nothing but GET for them';
is scalar(() = calls), 120, 'and no call';
is join('', $_->stop), '', 'no warning' for @m;


=== TEST 2: the slots of Redis: many at once after a pause, then evenly; released ones come again; another rate counts all calls; a clock that was set back does no harm
--- gate
vcita_oauth_rate 8r/s fleet;
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_FAKE_PORT;
--- flow
my $fake = fake_redis(EVAL => "\$7\r\n0 1 0 2\r\n");
is begun('/')->come_back(code => stub_code)->status, 303, 'a login';
my ($eval) = grep { $_->[0] eq 'EVAL' } $fake->seen;
is $eval->[2], 1, 'one key';
like $eval->[3], qr/^vcita:rate:[0-9a-f]{64}$/, 'with the prefix';
is_deeply [ @$eval[ 4 .. 6 ] ], [ 8, 1100, 2 ], 'the rate, and two slots';
cmp_ok $eval->[7], '>', 24_000, 'that may be 25 s away';
cmp_ok $eval->[7], '<=', 25_000, 'and no more';

my $ask = script($fake);
my @t = map { ($ask->(8, 1100, 2, 25_000))[ 0, 2 ] } 1 .. 4;
is_deeply \@t, [ (0) x 8 ], 'eight at once';
my @id = map { $_ % 2 ? () : [ $ask->(8, 1100, 2, 25_000) ] } 0 .. 15;
my @at = map { @$_[ 1, 3 ] } @id;
is_deeply [ grep { $at[$_ + 1] - $at[$_] < 130 } 0 .. 14 ], [], "then evenly: @at";
is_deeply [ grep { $at[$_ + 8] - $at[$_] != 1100 } 0 .. 7 ], [], 'eight in each window';
cmp_ok $id[0][0], '>', 500, 'behind the window of the first ones';

my @busy = $ask->(8, 1100, 2, 100);
is scalar(@busy), 1, 'none within 100 ms';
cmp_ok $busy[0], '>', 1000, 'but then';
my @next = $ask->(8, 1100, 1, 25_000);
is $next[1] - $at[-1], $at[-1] - $at[-2] < 200 ? $next[1] - $at[-1] : -1, 'nothing was reserved for it';
my $kept = redis->command(GET => 'k');
$ask->(8, 1100, 0, $next[1]);
is(($ask->(8, 1100, 1, 25_000))[1], $next[1], 'the last one comes again');
$ask->(8, 1100, 0, $at[2]);
is(($ask->(8, 1100, 1, 25_000))[1], $at[2], 'one among others, too');
is scalar(grep { $_ <= $at[2] } map { ($ask->(8, 1100, 1, 25_000))[1] } 1, 2), 0, 'once';

# a machine with a lower rate waits behind the calls of all; one with a higher rate counts them
redis->command(DEL => 'k');
is(($ask->(8, 1100, 1, 25_000))[0], 0, 'a first call');
cmp_ok +($ask->(1, 1100, 1, 25_000))[0], '>', 900, 'one a second: behind it';
my ($delay) = $ask->(16, 1100, 1, 25_000);
is $delay, 0, 'sixteen a second: at once';

# 48r/m
redis->command(DEL => 'k');
my @even = $ask->(1, 1252, 2, 25_000);
is $even[2] - $even[0], 1252, '48r/m goes out evenly';

my $far = (Time::HiRes::time() + 7200) * 1000;
for my $value (int $far, (join ' ', map { int $far + $_ } 1 .. 64), "x ; y 1e999 -5 nan", '; ;', '', "\0\xff" x 50) {
    redis->command(SET => k => $value);
    is(($ask->(8, 1100, 2, 25_000))[0], 0, "a value that no machine has written: at once");
}
cmp_ok redis->command(PTTL => 'k'), '<=', 62_500, 'it expires';
cmp_ok redis->command(PTTL => 'k'), '>', 50_000, 'behind its last slot';


=== TEST 3: Redis forbids the script: the machine's own pace, without a burst when that begins or ends, and the log says what to do
--- gate
vcita_oauth_rate 8r/s fleet;
vcita_oauth_session_store redis://gate@127.0.0.1:$TEST_NGINX_REDIS_PORT password=x;
--- error_log
[warn]
--- flow
allow('+eval', '+time');
come_first;
my @b = begun_at(undef, 36);
my @crowd = map { back({}, @b[ 12 * $_ .. 12 * $_ + 11 ]) } 0 .. 2;
my $n = 0;
my $in = sub { my ($most, $crowd) = @_; return with_status(303, $crowd) >= $most };

$crowd[0]->start;
$crowd[0]->until(sub { $in->(3, $crowd[0]) && evals() >= 12 }, 10, 'the first ones, and all to have asked');
is evals, 12, 'slots from Redis';
allow();
$crowd[1]->start;
$crowd[1]->until(sub { $in->(3, $crowd[1]) }, 20, 'the second ones');
like error_log(), qr{\[warn\] [^\n]*session store "redis://127\.0\.0\.1:\d+" refuses EVAL, vcita_oauth_rate limits this machine alone: its user needs \+eval and \+time}, 'the log says so';
allow('+eval', '+time');
$crowd[2]->start;
$crowd[2]->until(sub { $in->(12, $crowd[2]) }, 30, 'the last ones');
$_->finish for @crowd[ 0, 1 ];
is with_status(303, $_), 12, 'all are in' for @crowd;
my @t = calls;
is scalar(@t), 72, 'two calls each';
cmp_ok shortest(9, @t), '>=', 0.98, sprintf 'nine calls take a second: %.3f', shortest(9, @t);
like error_log(), qr{\[notice\] [^\n]*session store "[^"]*" grants slots again, vcita_oauth_rate limits all machines together}, 'back to Redis';
is scalar(() = error_log() =~ /limits this machine alone/g), 1, 'one warning for all of them';


=== TEST 4: Redis is silent: a login waits for 300 ms, then the machine's own pace holds; slots that come too late are released
--- gate
vcita_oauth_rate 8r/s fleet;
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=30s;
--- error_log
[warn]
--- flow
is begun('/')->come_back(code => stub_code)->status, 303, 'a login';
is evals, 1, 'with slots of Redis';
my @b = begun_at(undef, 6);
redis->pause;
my $from = VcitaLoop::now();
my $crowd = back({}, @b);
$crowd->start;
$crowd->until(sub { (() = calls) >= 8 }, 10, 'calls without Redis');
cmp_ok VcitaLoop::now() - $from, '<', 4 * VcitaLoop::scale(), 'soon';
$crowd->until(sub { (() = calls) == 14 }, 10, 'all of them');
like error_log(), qr{\[warn\] [^\n]*session store "[^"]*" did not reply in time, vcita_oauth_rate limits this machine alone: check its load and the network}, 'the log says so';
redis->resume;
$crowd->finish;
is with_status(303, $crowd), 6, 'all are in, when Redis is back';
wait_for { evals() == 1 + 6 + 12 } 10, 'what came too late is released';
cmp_ok shortest(9, calls), '>=', 0.98, 'never more than 8 in a second';


=== TEST 5: Redis is killed: calls go on at the machine's own pace; started again, it grants slots again
--- gate
vcita_oauth_rate 8r/s fleet;
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT;
--- error_log
[warn]
[error]
--- flow
is begun('/')->come_back(code => stub_code)->status, 303, 'a login';
my @b = begun_at(undef, 10);
redis->kill;
my $crowd = back({}, @b);
$crowd->run;
is scalar(() = calls), 22, 'all calls are made';
is with_status(503, $crowd), 10, 'but there is no session without its store';
cmp_ok shortest(9, calls), '>=', 0.98, 'never more than 8 in a second';
like error_log(), qr{\[warn\] [^\n]*session store "[^"]*" does not reply, vcita_oauth_rate limits this machine alone: check that it is running and reachable}, 'the log says so';
redis->start;
my $b = begun('/');
wait_for { $b->come_back(code => stub_code)->status == 303 } 20, 'a login';
wait_for { begun('/')->come_back(code => stub_code); evals() } 20, 'with slots of Redis';
like error_log(), qr{\[notice\] [^\n]*grants slots again}, 'the log says so, too';


=== TEST 6: replies that have no slots: the machine's own pace
--- gate
vcita_oauth_rate 100r/s fleet;
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_FAKE_PORT;
--- error_log
[warn]
[error]
--- flow
my @bad = map { sprintf "\$%d\r\n%s\r\n", length, $_ } '', ' ', '0 1', '0 1 0', '0 1 0 2 ', ' 0 1 0 2', '0 1 0 2 0', '-1 1 0 2',
    '0 1  0 2', '0 1 x 2', '99999999999999999999 1 0 2', '600001 1 0 2', "0 1\n0 2", '0.5 1 0 2', '0 1 0 12345678901234567', '600001';
push @bad, "\$-1\r\n", ":1\r\n", "+OK\r\n", "-ERR no\r\n", "-NOPERM no\r\n", "-x\r\n", "*1\r\n:1\r\n", 'close';

# READONLY and LOADING end a login: the session cannot be written, either (t/failover.t)
my $fake = fake_redis(EVAL => [ @bad, "\$7\r\n0 1 0 2\r\n" ]);
for my $bad (@bad) {
    my $r = begun('/')->come_back(code => stub_code);
    is $r->status, 303, 'a login: ' . ($bad =~ s/[^ -~]+/./gr);
    $fake->seen;                                       # a full pipe would hold it up
}
like error_log(), qr{\[warn\] [^\n]*session store "[^"]*" sent a reply that has no slots, vcita_oauth_rate limits this machine alone: check that it is Redis or Valkey}, 'the log says so';


=== TEST 7: a browser that goes away while Redis is asked, or while it waits for its slot: its slots are released, nothing is left
--- gate
vcita_oauth_rate 4r/s fleet;
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=30s;
--- flow
is begun('/')->come_back(code => stub_code)->status, 303, 'a login';
my $fds = nginx_fds;
my @b = begun_at(undef, 32);
my $waits = back({}, @b[ 16 .. 31 ]);
$waits->start;
$waits->until(sub { with_status(303, $waits) >= 2 }, 10, 'two to be in');
$waits->abort_all;
wait_for { nginx_fds() <= $fds + 4 } 10, 'their connections to go';
my $since = VcitaLoop::now();
is begun('/')->come_back(code => stub_code)->status, 303, 'the next one';
my $took = VcitaLoop::now() - $since;
cmp_ok $took, '<', 3 * VcitaLoop::scale(), sprintf 'does not wait behind them: %.3f', $took;

my ($from, $now) = (evals, nginx_fds);
my $asked = back({}, @b[ 0 .. 15 ]);
redis->pause;
$asked->start;
$asked->until(sub { $asked->sent == 16 }, 5, 'all to be sent');
wait_for { nginx_fds() >= $now + 10 } 5, 'most to be there';
$asked->abort_all;
wait_for { nginx_fds() <= $fds + 4 } 5, 'their connections to go';
redis->resume;
wait_for { my $n = evals() - $from; $n && $n % 3 == 0 } 10, 'what Redis granted to be released';


=== TEST 8: every call takes its slot from Redis: revalidation, a token that is given back; a request without a call takes none
--- gate
vcita_oauth_rate 8r/s fleet;
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT;
vcita_oauth_revoke_endpoint $VCITA_STUB/oauth/revoke;
vcita_oauth_revalidate 1s;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout; }
--- flow
my $b = begun('/');
is $b->come_back(code => stub_code)->status, 303, 'in';
is evals, 1, 'one round trip for a login';
my ($n, $calls);
wait_for {
    ($n, $calls) = (evals(), scalar(() = calls));
    $b->get('/');
    evals() == $n + 1;
} 10, 'a revalidation to ask Redis';
is scalar(() = calls), $calls + 1, 'with its call';
my $now = evals;
is $b->get('/logout')->status, 200, 'out';
wait_for { stub->requests('/oauth/revoke') } 10, 'the token to be given back';
cmp_ok evals, '>', $now, 'in a slot of Redis';


=== TEST 9: each client_id has its own slots in its own store; one without Redis keeps its pace on this machine
--- gate
vcita_oauth_rate 1r/s fleet;
vcita_oauth_userinfo off;
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT prefix=one:;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /b {
    vcita_oauth on;
    vcita_oauth_client_id app2;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/b/callback;
    vcita_oauth_cookie_name b;
    vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT/3 prefix=two:;
    proxy_pass $VCITA_APP;
}
location /c {
    vcita_oauth on;
    vcita_oauth_client_id app3;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/c/callback;
    vcita_oauth_cookie_name c;
    vcita_oauth_session_store cookie;
    proxy_pass $VCITA_APP;
}
--- flow
my @t;
for my $path (qw( / /b /c )) {
    my $r = begun($path)->come_back(code => stub_code);
    is $r->status, 303, "in at $path";
}
is evals, 2, 'two of them asked Redis';
is scalar(redis->keys('one:rate:*')), 1, 'the first one in its store';
redis->command(SELECT => 3);
is scalar(redis->keys('two:rate:*')), 1, 'the second one in another';
redis->command(SELECT => 0);
is begun('/c')->come_back(code => stub_code)->status, 303, 'the third one again';
@t = sort { $a <=> $b } map { $_->time } grep { ($_->fields->{client_id} // '') eq 'app3' } stub->requests('/oauth/token');
cmp_ok $t[1] - $t[0], '>=', 0.98, 'within its pace';


=== TEST 10: a login for which Redis has no slot is told when to come back
--- gate
vcita_oauth_rate 1r/m fleet;
vcita_oauth_userinfo off;
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT;
--- flow
is begun('/')->come_back(code => stub_code)->status, 303, 'there is room for one';
sent_to_vcita;
my $r = begun('/deep')->come_back(code => stub_code);
answered($r, 503, 'rate_limited', 'the next one');
cmp_ok $r->header('Retry-After'), '>=', 36, 'Retry-After';
cmp_ok $r->header('Retry-After'), '<=', 61, 'Retry-After';
is evals, 2, 'one round trip each';


=== TEST 11: a login that waits for its slot of Redis counts as paced, one whose slot is free does not
--- gate
vcita_oauth_rate 2r/s fleet;
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /status { vcita_oauth_status; }
--- flow
my $paced = sub { browser()->get('/status')->body =~ /^vcita_oauth_logins_paced_total (\d+)/m ? $1 : die "no counter\n" };
my $n = $paced->();
is begun('/')->come_back(code => stub_code)->status, 303, 'one whose slots are free';
is $paced->(), $n, 'is not counted';
is begun('/')->come_back(code => stub_code)->status, 303, 'the next one';
is $paced->(), $n + 1, 'is';


=== TEST 12: a reload that fails changes nothing of the pace; one that adds "fleet" goes on with the calls that were made
--- master_on
--- gate
vcita_oauth_rate 8r/s;
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT;
--- flow
my $file = servroot() . '/conf/nginx.conf';
my $change = sub {
    my ($from, $to) = @_;
    local ($_, $/) = do { local $/; open my $in, '<', $file or die "$file: $!"; scalar <$in> };
    s/$from/$to/ or die "nothing to change\n";
    open my $out, '>', $file or die "$file: $!";
    print $out $_;
    close $out;
};
my @b = begun_at(undef, 12);
come_first;
my $first = back({}, @b[ 0 .. 3 ]);
is scalar(grep { $_->status == 303 } $first->run), 4, 'eight calls';
$change->('vcita_oauth_rate 8r/s;', 'vcita_oauth_rate 8r/s flee;');
nginx_signal('HUP');
wait_for { error_log() =~ /invalid parameter "flee"/ } 15, 'the reload to fail';
is evals, 0, 'nothing asks Redis';
$change->('vcita_oauth_rate 8r/s flee;', 'vcita_oauth_rate 8r/s fleet;');
my %old = map { $_ => 1 } nginx_reload;
wait_for { !grep { $old{$_} } nginx_workers } 10, 'the old worker to go';
come_first;
my $last = back({}, @b[ 4 .. 11 ]);
is scalar(grep { $_->status == 303 } $last->run), 8, 'all are in';
is evals, 8, 'with slots of Redis';
cmp_ok shortest(9, calls), '>=', 0.98, sprintf 'nine calls take a second: %.3f', shortest(9, calls);
--- error_log
[emerg]
