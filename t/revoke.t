# vcita_oauth_revoke_endpoint: access tokens are given back when their session has ended.

use lib 't/lib';
use VcitaRedis;
use VcitaTest;
use VcitaCheck;

my $PATH = '/platform/v1/tokens/revoke';

# the tokens that vcita was told to revoke, in order
sub VcitaFlow::Code::revoked {
    return map { ($_->header('Authorization') // '') =~ s/^Bearer //r } VcitaFlow::stub()->requests($PATH);
}

# what vcita's userinfo answers for a token
sub VcitaFlow::Code::asked {
    my ($token) = @_;
    return VcitaFlow::browser()->get(VcitaFlow::stub()->url . '/oauth/userinfo', headers => [ Authorization => "Bearer $token" ])->status;
}

# a browser that is in, and its token
sub VcitaFlow::Code::logged_in {
    my (%do) = @_;
    my $b = VcitaCheck::begun('/');
    my $r = $b->come_back(code => VcitaStub::stub_code(\%do));
    die 'no login: ' . $r->status . "\n" if $r->status != 303;
    return wantarray ? ($b, VcitaFlow::Code::token_of($b)) : $b;
}

sub VcitaFlow::Code::token_of { my ($b) = @_; return scalar $b->get('/')->header('X-Token') }

# the next login of a browser that is in: the refused page's way to another account
sub VcitaFlow::Code::logs_in_anew {
    my ($b, %do) = @_;
    my ($href) = $b->get('/barred')->body =~ /href="([^"]*authorize[^"]*)"/ or die "no way to another account\n";
    $b->get($href =~ s/&amp;/&/gr . '&stub=' . VcitaStub::stub_code(\%do));
    return $b->hop;
}

sub VcitaFlow::Code::outcomes {
    my $text = VcitaFlow::browser()->get('/status')->body;
    return join ' ', map { $text =~ /^vcita_oauth_revocations_total\{outcome="$_"\} (\d+)$/m or die "no $_\n"; "$_=$1" }
        qw( ok invalid failed dropped );
}

# how often the worker's memory has a token as the queue keeps it, with its request's body behind it; what libcurl has
# sent and freed is none of it
sub VcitaFlow::Code::copies {
    my ($token) = @_;
    my $n = 0;
    VcitaFlow::nginx_memory(VcitaFlow::nginx_pid(), 'p', sub {
        my ($bytes) = @_;
        $n++ while $bytes =~ /\Q$token\E\{"token":"\Q$token/g;
    });
    return $n;
}

# HUP or QUIT has done its work when these are gone
sub VcitaFlow::Code::gone {
    my (@pids) = @_;
    VcitaFlow::Code::wait_for { !grep { kill 0 => $_ } @pids } 20, 'the old workers to go';
}

add_block_preprocessor(sub {
    my ($block) = @_;
    return if !defined $block->flow;
    $block->set_value(gate => "vcita_oauth_revoke_endpoint \$VCITA_STUB$PATH;\n" . ($block->gate // '')) if !defined $block->off;
    $block->set_value(log_level => 'info');
    $block->set_value(flow => VcitaRedis->begin . $block->flow) if ($block->gate // '') =~ /redis:/;
    $block->set_value(config => 'location / { vcita_oauth on; add_header X-Token $vcita_oauth_access_token; proxy_pass $VCITA_APP; }
        location = /barred { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role nobody; proxy_pass $VCITA_APP; }
        location = /logout { vcita_oauth_logout; }
        location = /status { vcita_oauth_status; }') if !defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: a logout gives back that very token: one call, userinfo with it is 401 after
--- flow
my ($b, $token) = logged_in();
is asked($token), 200, 'a token that vcita accepts';
is $b->get('/logout')->status, 200, 'out';
wait_for { revoked() } 5, 'vcita to be told';
is_deeply [ revoked() ], [ $token ], 'that token';
my ($r) = stub->requests('/platform/v1/tokens/revoke');
is $r->method, 'POST', 'POST';
is $r->header('Content-Type'), 'application/json', 'JSON';
is_deeply decode_json($r->body), { token => $token }, 'the token, and nothing else';
is asked($token), 401, 'which vcita accepts no more';
my $n = 2 * round() + 1;
wait_for { outcomes() eq "ok=$n invalid=0 failed=0 dropped=0" } 5, 'the counters';

$b = browser();
is $b->get('/logout')->status, 200, 'a logout without a session';
is $b->get('/logout', headers => [ Cookie => 'vcita_session=' . 'A' x 300 ])->status, 200, 'with a cookie that does not open';
my ($other, $second) = logged_in();
is $other->get('/logout', headers => [ 'Sec-Fetch-Site' => 'cross-site' ])->status, 200, 'of another site: a page';
is $other->head('/logout')->status, 200, 'that no person asked for';
is asked($second), 200, 'ends no session and no token';
is $other->get('/logout')->status, 200, 'by a person';
wait_for { revoked() == 2 } 5, 'vcita to be told';
is_deeply [ revoked() ], [ $token, $second ], 'of those two alone';
unlike error_log() . access_log(), qr/$token|$second/, 'no log has a token';


=== TEST 2: a logout in a store gives the token back once the store has ended the session; one that had ended already gives nothing back
--- gate
vcita_oauth_session_store zone=sessions:1m;
--- flow
my ($b, $token) = logged_in();
my $copy = $b->clone;
is $b->get('/logout')->status, 200, 'out';
wait_for { revoked() } 5, 'vcita to be told';
is asked($token), 401, 'of that token';
is $copy->get('/')->status, 302, 'the session has ended';
is $copy->get('/logout')->status, 200, 'a logout of a session that has ended';
my ($other, $second) = logged_in();
is $other->get('/logout')->status, 200, 'another one';
wait_for { revoked() > 1 } 5, 'vcita to be told';
is_deeply [ revoked() ], [ $token, $second ], 'each once';


=== TEST 3: in Redis: a logout gives the token back; while Redis does not answer, neither the session ends nor its token
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=500ms;
--- flow
my ($b, $token) = logged_in();
my $end = VcitaLoop::now() + 1.1;
wait_for { VcitaLoop::now() > $end } 5, 'the worker to forget what it read';
redis->pause;
is $b->get('/logout')->status, 503, 'Redis does not answer: still signed in';
redis->resume;
wait_for { $b->get('/')->status == 200 } 10, 'Redis to be back';
is_deeply [ revoked() ], [], 'the token was kept';
is $b->get('/logout')->status, 200, 'out';
wait_for { revoked() } 5, 'vcita to be told';
is asked($token), 401, 'of that token';
is $b->get('/logout')->status, 200, 'again';
my ($other, $second) = logged_in();
is $other->get('/logout')->status, 200, 'another one';
wait_for { revoked() > 1 } 5, 'vcita to be told';
is_deeply [ revoked() ], [ $token, $second ], 'each once';
unlike error_log() . access_log(), qr/$token|$second/, 'no log has a token';
--- error_log
is unavailable


=== TEST 4: off, the default: a logout, a login that replaces a session and one that fails tell vcita of no token
--- off
--- flow
my $b = logged_in();
is logs_in_anew($b)->status, 303, 'a session is replaced';
is $b->get('/logout')->status, 200, 'out';
my $r = begun('/')->come_back(code => stub_code({ userinfo => { status => 500 } }));
is $r->status, 502, 'a login that fails';
is scalar(revoked()), 0, 'vcita knows nothing';
is outcomes(), 'ok=0 invalid=0 failed=0 dropped=0', 'nothing was counted';
--- error_log
returned no "sub"


=== TEST 5: a login that replaces a session gives back the token of that one, unless the new one is the same; none that merely runs out
--- gate
vcita_oauth_session_timeout 1h;
--- flow
my ($b, $first) = logged_in();
is logs_in_anew($b)->status, 303, 'another account';
my $second = token_of($b);
isnt $second, $first, 'another token';
wait_for { revoked() } 5, 'vcita to be told';
is asked($second), 200, 'the new one lives';

my %same = (token => { set => { access_token => $second } });
is logs_in_anew($b, %same)->status, 303, 'vcita hands out the same token again';
is logs_in_anew($b, %same)->status, 303, 'and again';
is token_of($b), $second, 'the session has it';
is logs_in_anew($b, %same, userinfo => { status => 500 })->status, 502, 'a login that fails, of the same token';
is $b->get('/')->status, 200, 'leaves the session alone';
is logs_in_anew($b, token => { status => 400, json => { error => 'invalid_request' } })->status, 502, 'a login that gets no token';

my $end = logged_in(token => { set => { expires_in => 1 } });
wait_for { $end->get('/')->status == 302 } 5, 'a session to run out';
is $end->come_back(code => stub_code())->status, 303, 'a login after its end';

is $b->get('/logout')->status, 200, 'out';
wait_for { revoked() > 1 } 5, 'vcita to be told';
is_deeply [ revoked() ], [ $first, $second ], 'of the one that was replaced, of the one that was logged out';
--- error_log
returned no "sub"


=== TEST 6: a login that fails after its token has come gives it back: whatever failed
--- gate
vcita_oauth_userinfo on;
vcita_oauth_timeout 2s;
--- flow
my $n = 0;
my %fails = (
    'userinfo: 500'            => sub { userinfo => { status => 500 } },
    'userinfo: 401'            => sub { userinfo => { status => 401 } },
    'userinfo: no sub'         => sub { userinfo => { json => {} } },
    'userinfo: timeout'        => sub { userinfo => { hang => 1 } },
    'userinfo: another sub'    => sub { userinfo => { json => { sub => 'other' } }, id_token => id_token($_[0]) },
    'id_token: another aud'    => sub { id_token => id_token($_[0], set => { aud => 'other' }) },
    'id_token: no JWT'         => sub { token => { set => { id_token => 1 } } },
    'the session is too large' => sub { userinfo => { json => { sub => 's' x 1025 } } },
);
for my $name (sort keys %fails) {
    my $b = begun('/');
    my $token = 'fails-' . round() . '-' . ++$n;
    my %do = $fails{$name}->($b);
    $do{token} = { %{ $do{token} || {} }, set => { %{ ($do{token} || {})->{set} || {} }, access_token => $token } };
    my $r = $b->come_back(code => stub->prepare(\%do));
    is $r->status, 502, "$name: no login";
    wait_for { ((revoked())[-1] // '') eq $token } 5, "$name: vcita to be told";
    is scalar(grep { $_ eq $token } revoked()), 1, "$name: once";
    is $b->get('/')->status, 302, "$name: nobody is in";
    unlike error_log() . access_log(), qr/fails-/, "$name: no log has the token";
}
is scalar(revoked()), $n, 'nothing else was given back';
--- error_log
endpoint


=== TEST 7: a login whose store does not answer, and one whose browser goes away at userinfo, give the token back
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=500ms;
--- flow
my $token = 'stored-' . round();
my $b = begun('/');
redis->stop;
my $r = $b->come_back(code => stub_code({ token => { set => { access_token => $token } } }));
is $r->status, 503, 'no store: no login';
redis->start;
wait_for { revoked() } 5, 'vcita to be told';
is_deeply [ revoked() ], [ $token ], 'of the token of that login';

$b = begun('/');
my $crowd = crowd;
$crowd->add($b, GET => $b->callback_url(code => stub_code({ token => { set => { access_token => "$token-left" } }, userinfo => { hang => 1 } })));
$crowd->start;
$crowd->until(sub { stub->requests('/oauth/userinfo') == 2 }, 5, 'vcita to be asked for userinfo');
$crowd->abort_all;
wait_for { revoked() > 1 } 5, 'vcita to be told';
is_deeply [ revoked() ], [ $token, "$token-left" ], 'of the token that nobody has';

$b = begun('/');
$crowd = crowd;
$crowd->add($b, GET => $b->callback_url(code => stub_code({ token => { hang => 1 } })));
$crowd->start;
$crowd->until(sub { stub->requests('/oauth/token') == 3 }, 5, 'vcita to be asked for a token');
$crowd->abort_all;
wait_for { (() = access_log() =~ m{/oauth/callback[^\n]* 499 }g) == 2 } 5, 'nginx to see it';
is scalar(revoked()), 2, 'a login without a token gives none back';
--- error_log
unavailable


=== TEST 8: tried three times: after a 5xx, 422, 429, a redirect, a broken answer; a 401 is an end
--- flow
my %answers = (500 => { status => 500 }, 422 => { status => 422 }, 429 => { status => 429 }, 503 => { status => 503, headers => { 'Retry-After' => 1 } },
    302 => { status => 302, headers => { Location => stub->url . '/elsewhere' } }, 401 => { status => 401 }, reset => { reset => 1 },
    closed => { close => 1 }, cut => { truncate => 1 });
my (%token, $n);
for my $name (sort keys %answers) {
    my $b = logged_in(token => { set => { access_token => "tried-$name" } }, revoke => [ $answers{$name}, {} ]);
    is $b->get('/logout')->status, 200, "$name: out";
}
my $never = logged_in(token => { set => { access_token => 'tried-never' } }, revoke => { status => 500 });
is $never->get('/logout')->status, 200, 'an endpoint that always fails';
my $count = sub { my ($token) = @_; scalar grep { $_ eq $token } revoked() };
for my $name (sort keys %answers) {
    my $want = $name eq '401' ? 1 : 2;
    wait_for { $count->("tried-$name") >= $want } 10, "$name: to be tried";
}
wait_for { error_log() =~ /revocation endpoint "[^"]*" returned status 500, an access token stays valid, check vcita_oauth_revoke_endpoint/ } 20, 'the line about the one that always fails';
is $count->('tried-never'), 3, 'tried three times';
is $count->("tried-$_"), $_ eq '401' ? 1 : 2, "$_: as often as needed" for sort keys %answers;
my $r = round() + 1;
is outcomes(), 'ok=' . 8 * $r . ' invalid=' . $r . " failed=$r dropped=0", 'what became of them';
is scalar(stub->requests('/elsewhere')), 0, 'no redirect was followed';
unlike error_log() . access_log(), qr/tried-/, 'no log has a token';
--- error_log
stays valid


=== TEST 9: an endpoint that hangs delays nothing: logouts, logins and pages beside it; 256 tokens wait in a worker, more are dropped with one line
--- gate
vcita_oauth_timeout 60s;
--- flow
stub->always({ revoke => { hang => 1 } });
is begun('/')->come_back(code => stub_code({ userinfo => { status => 500 } }))->status, 502, 'a login that fails';
return if round();                     # the queue is full still
my @b = map { scalar logged_in() } 1 .. 20;
is scalar(grep { $_->get('/logout')->seconds > 2 } @b), 0, 'no logout waited';
wait_for { revoked() == 8 } 5, 'eight calls at a time';
@b = map { scalar logged_in() } 1 .. 240;
is scalar(grep { $_->get('/logout')->seconds > 2 } @b), 0, 'none of 240 more did';
is scalar(revoked()), 8, 'nor is there a ninth call';
is logged_in()->get('/')->status, 200, 'logins and pages go on';
is outcomes(), 'ok=0 invalid=0 failed=0 dropped=5', 'those beyond 256 were dropped';
my @line = error_log() =~ /(more than 256 access tokens wait for revocation in this worker, .*)/g;
is scalar(@line), 1, 'one line';
like $line[0], qr/, 1 were dropped and stay valid, check vcita_oauth_revoke_endpoint "http:/, 'that says what to do';
--- error_log
returned no "sub"


=== TEST 10: one cookie that logs out again and again takes one place of the queue; a queued token that a new session has is not given back
--- gate
vcita_oauth_timeout 60s;
--- flow
return pass('the queue is full still') if round();
stub->always({ revoke => { hold => 1 } });
logged_in()->get('/logout') for 1 .. 8;
wait_for { revoked() == 8 } 5, 'all calls to be under way';
my %again = (token => { set => { access_token => 'again' } });
my $b = logged_in(%again);
is scalar(grep { $_->clone->get('/logout')->status != 200 } ($b) x 300), 0, 'out, 300 times';
is outcomes(), 'ok=0 invalid=0 failed=0 dropped=0', 'no other token was pushed out';
my $late = logged_in(token => { set => { access_token => 'late' } });
is $late->get('/logout')->status, 200, 'one behind it';
is begun('/')->come_back(code => stub_code(\%again))->status, 303, 'a new session that has the token, too';
stub->always({ revoke => undef });
stub->release;
wait_for { (revoked())[-1] eq 'late' } 5, 'vcita to be told of the one behind it';
is scalar(grep { $_ eq 'again' } revoked()), 0, 'but not of that token';
is asked('again'), 200, 'which lives';


=== TEST 11: a token is given back within the pace, in a free slot of it
--- gate
vcita_oauth_rate 2r/s;
vcita_oauth_userinfo off;
--- flow
my @b = map {
    my $b = begun('/');
    my $r;
    wait_for { $r = $b->come_back(code => stub_code({ id_token => id_token($b) })); $r->status == 303 } 10, 'a login';
    $b;
} 1 .. 2;
is $_->get('/logout')->status, 200, 'out' for @b;
wait_for { revoked() == 2 } 10, 'vcita to be told of both';
my @t = map { $_->time } grep { $_->path =~ /token/ } stub->requests;
is scalar(@t), 4, 'four calls';
cmp_ok $t[$_ + 2] - $t[$_], '>=', 1, 'two in a second at most' for 0 .. $#t - 2;


=== TEST 12: a reload: the old worker gives back what it has, then ends; one whose endpoint hangs ends all the same, and says so
--- master_on
--- main_config
worker_shutdown_timeout 3s;
--- flow
stub->always({ revoke => { hold => 1 } });
my ($b, $token) = logged_in();
is $b->get('/logout')->status, 200, 'out';
wait_for { revoked() } 5, 'vcita to be told';
my @old = nginx_reload;
wait_for { browser()->get('/ping')->status == 200 } 5, 'the new worker';
stub->release;
gone(@old);
is outcomes(), 'ok=' . (round() + 1) . ' invalid=0 failed=0 dropped=' . 10 * round(), 'it was given back';

my @t = map { my ($b, $t) = logged_in(token => { status => 200 }); $b->get('/logout'); $t } 1 .. 10;
wait_for { revoked() == 9 } 5, 'vcita to be told of eight more, and two wait';
my $n = () = error_log() =~ /10 access tokens were not revoked before this worker exited, they stay valid/g;
is $n, 0, 'nothing to say yet';
@old = nginx_reload;
gone(@old);
is scalar(() = error_log() =~ /10 access tokens were not revoked before this worker exited, they stay valid/g), 1, 'the line';
is outcomes(), 'ok=' . (round() + 1) . ' invalid=0 failed=0 dropped=' . 10 * (round() + 1), 'and the counter';
like error_log(), qr/worker process $_ exited with code 0/, 'clean' for @old;
unlike error_log() . access_log(), qr/@{[ join '|', $token, @t ]}/, 'no log has a token';
--- error_log
they stay valid


=== TEST 13: a token that was given back is wiped: the queue leaves no copy of it in the worker's memory
--- gate
vcita_oauth_session_store zone=sessions:1m;
--- flow
my $token = join '', map { ('g' .. 'z')[rand 20] } 1 .. 40;
my $b = begun('/');
is $b->come_back(code => stub->prepare({ token => { set => { access_token => $token } }, revoke => { hold => 1 } }))->status, 303, 'in';
is $b->get('/logout')->status, 200, 'out';
wait_for { revoked() } 5, 'vcita to be told';
is_deeply [ revoked() ], [ $token ], 'of that token';
# a sanitizer keeps each allocation apart, so that the queue's copy looks like others
is copies($token), 1, 'it is in memory while the call is under way' if !$ENV{SANITIZE};
stub->release;
wait_for { outcomes() =~ /^ok=@{[ round() + 1 ]} / } 5, 'vcita to have done it';
is copies($token), 0, 'and then no more';


=== TEST 14: a call under way for a token that a new session has ends without another try
--- gate
vcita_oauth_timeout 60s;
--- flow
stub->always({ revoke => { status => 500, hold => 1 } });
my $token = 'under-way-' . round();
my %again = (token => { set => { access_token => $token } });
is logged_in(%again)->get('/logout')->status, 200, 'out';
wait_for { revoked() == 1 && stub->exchanges == 1 } 5, 'the call to be under way';
my $b = begun('/');
is $b->come_back(code => stub_code(\%again))->status, 303, 'a new session that has the token, too';
wait_for { stub->exchanges == 0 } 5, 'the call to be given up';

# what is sent next shows that the queue goes on
stub->always({ revoke => undef });
logged_in(token => { set => { access_token => "$token-$_" } })->get('/logout') for 1 .. 9;
wait_for { revoked() == 10 } 5, 'vcita to be told of nine others';
is scalar(grep { $_ eq $token } revoked()), 1, 'there was no other try';
is asked($token), 200, 'the token lives';
is $b->get('/')->status, 200, 'so does the session';
like browser()->get('/status')->body, qr/^vcita_oauth_calls_in_flight 0$/m, 'no call is counted that is no more';


=== TEST 15: a token whose login ends with worker_shutdown_timeout is given back all the same: what begins after it is not aborted
--- master_on
--- main_config
worker_shutdown_timeout 1s;
--- flow
my $token = 'shut-' . round();
my $b = begun('/');
my $crowd = crowd;
$crowd->add($b, GET => $b->callback_url(code => stub_code({ token => { set => { access_token => $token } }, userinfo => { hang => 1 }, revoke => { delay => 0.1 } })));
$crowd->start;
$crowd->until(sub { stub->requests('/oauth/userinfo') == 1 }, 5, 'vcita to be asked for userinfo');
my @old = nginx_reload;
gone(@old);
$crowd->finish;
is_deeply [ revoked() ], [ $token ], 'vcita was told, once';
is outcomes(), 'ok=' . (round() + 1) . ' invalid=0 failed=0 dropped=0', 'and it was done';
like error_log(), qr/worker process $_ exited with code 0/, 'clean' for @old;
