# vcita_oauth_status: the counters.

use lib 't/lib';
use VcitaRedis;
use VcitaTest;
use VcitaCheck;

# the counters of all workers, each by its name and its labels' values: "calls_total token ok"
sub VcitaFlow::Code::counters {
    my $r = VcitaFlow::browser()->get('/status');
    die 'no status: ' . $r->status . "\n" if $r->status != 200;
    my %counter;
    for (grep { !/^#|_build_info/ } split /\n/, $r->body) {
        my ($name, $labels, $n) = /^vcita_oauth_(\w+)(?:\{(.*)\})? ([\d.]+)$/ or die "a line: $_\n";
        $counter{ join ' ', $name, ($labels // '') =~ /="([^"]*)"/g } = $n;
    }
    return \%counter;
}

# what promtool has to say of a text
sub VcitaFlow::Code::promtool {
    my ($command, $text) = @_;
    my $file = VcitaFlow::servroot() . '/html/promtool';
    open my $fh, '>', $file or die "$file: $!\n";
    print $fh $text;
    close $fh;
    my $said = `promtool $command < $file 2>&1`;
    die "promtool does not run: $?\n" if $? == -1 || $? >> 8 == 127;
    return $said;
}

# what has become more since
sub VcitaFlow::Code::more {
    my ($old, $new) = @_;
    my %more = map { ($_ => $new->{$_} - ($old->{$_} // 0)) } grep { !/_duration_/ } keys %$new;
    delete @more{ grep { !$more{$_} } keys %more };
    return \%more;
}

add_block_preprocessor(sub {
    my ($block) = @_;
    my $config = $block->config // 'location / { vcita_oauth on; proxy_pass $VCITA_APP; }';
    $block->set_value(config => "$config\nlocation = /status { vcita_oauth_status; }\n") if !defined $block->must_die;
});

run_tests();

__DATA__

=== TEST 1: vcita_oauth_status: counters, Prometheus text; what promtool says of it
--- flow
answered(begun('/deep')->come_back(code => stub_code), 303, '', 'a login', session => 1, sent => 'token userinfo');
my $r = browser()->get('/status');
is $r->status, 200, 'a page';
is $r->header('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8', 'its type';
is $r->header('Cache-Control'), 'no-store', 'not to be stored';
my $text = $r->body;
like $text, qr/^vcita_oauth_logins_finished_total \d+$/m, 'logins';
like $text, qr/^vcita_oauth_requests_total\{decision="redirected"\} \d+$/m, 'requests by decision';
like $text, qr/^vcita_oauth_logins_failed_total\{reason="invalid_state"\} \d+$/m, 'failures by reason';
like $text, qr/^vcita_oauth_calls_total\{endpoint="token",outcome="ok"\} \d+$/m, 'calls';
like $text, qr/^vcita_oauth_call_duration_seconds_bucket\{endpoint="userinfo",le="\+Inf"\} (\d+)$/m, 'times';
my @buckets = $text =~ /duration_seconds_bucket\{endpoint="token",le="[^"]+"\} (\d+)$/mg;
is join(' ', @buckets), join(' ', sort { $a <=> $b } @buckets), 'buckets count those before them';
is $buckets[-1], ($text =~ /duration_seconds_count\{endpoint="token"\} (\d+)$/m)[0], 'the last one counts all';
my %family;
for (split /\n/, $text) {
    if (/^# (HELP|TYPE) (\w+)/) { is $family{$2}{$1}++ // 0, 0, "$1 $2 once"; next }
    my ($name) = /^(\w+)(?:\{(?:\w+="[^"\\]*",?)+\})? \d+(?:\.\d+)?$/ or fail "a line: $_";
    (my $of = $name) =~ s/_(?:bucket|sum|count)$// if $name =~ /duration/;
    ok $family{ $of // $name }{TYPE}, "$name has a type" if !$family{ $of // $name }{TYPE};
}
my $promtool = promtool('check metrics', $text);
is $promtool, '', 'promtool check metrics has nothing to say';
like promtool('check metrics', "vcita_oauth_logins 1\nvcita oauth 2\n"), qr/error/, 'as it would';
my ($version) = $text =~ /^vcita_oauth_build_info\{version="([^"]+)",nginx="[^"]+"\} 1$/m;
like $version, qr/^\d+\.\d+\.\d+$/, 'the version';
my ($nginx) = `$ENV{TEST_NGINX_BINARY} -v 2>&1` =~ m{nginx/([\d.]+)};
like $text, qr/,nginx="\Q$nginx\E"\} 1$/m, 'and that of nginx';


=== TEST 2: vcita_oauth_status: Prometheus text, whatever the request asks for
--- flow
for ([ '/status', 'application/json' ], [ '/status?format=json', 'application/json' ], [ '/status?format=json', '*/*' ],
     [ '/status', 'text/html' ]) {
    my ($path, $accept) = @$_;
    my $r = browser()->get($path, headers => [ Accept => $accept ]);
    is $r->status, 200, "$path for $accept: a page";
    is $r->header('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8', 'its type';
    like $r->body, qr/\A# HELP vcita_oauth_build_info .*^vcita_oauth_logins_finished_total \d+$/ms, 'its text';
}
is browser()->head('/status')->status, 200, 'HEAD';
is browser()->post('/status', { a => 1 })->status, 405, 'POST';


=== TEST 3: requests by decision
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /not { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role nobody; proxy_pass $VCITA_APP; }
location /maybe { vcita_oauth optional; proxy_pass $VCITA_APP; }
--- flow
my $c = counters;
my $b = browser();
$b->visit('/');
$b->get('/') for 1 .. 3;
$b->get('/maybe');
$b->get('/not');
browser()->get('/maybe');
browser()->get('/', headers => [ 'X-Requested-With' => 'XMLHttpRequest' ]);
is_deeply more($c, counters), {
    'requests_total redirected' => 1, 'requests_total passed' => 5, 'requests_total forbidden' => 1,
    'requests_total anonymous' => 1, 'requests_total unauthorized' => 1,
    'logins_started_total' => 1, 'redirects_total browser' => 1, 'logins_finished_total' => 1, 'sessions_started_total cookie' => 1,
    'calls_total token ok' => 1, 'calls_total userinfo ok' => 1,
}, 'what was counted';
--- error_log
is not met


=== TEST 4: logins failed by reason, calls by outcome
--- gate
vcita_oauth_timeout 300ms;
vcita_oauth_rate off;
--- flow
my @cases = (
    [ sub { $_[0]->get(url('/oauth/callback?code=x&state=y')) }, 'invalid_state', {} ],
    [ sub { $_[0]->get($_[0]->callback_url(error => 'access_denied')) }, 'access_denied', {} ],
    [ sub { $_[0]->get($_[0]->callback_url(error => 'my_own')) }, 'other', {} ],
    [ sub { $_[0]->come_back(code => stub_code({ token => { status => 401, json => { error => 'invalid_client' } } })) }, 'invalid_client', { 'token refused' => 1 } ],
    [ sub { $_[0]->come_back(code => stub_code({ token => { status => 500, body => 'x' } })) }, 'bad_token_response', { 'token error' => 1 } ],
    [ sub { $_[0]->come_back(code => stub_code({ token => { hang => 1 } })) }, 'timeout', { 'token timeout' => 1 } ],
    [ sub { $_[0]->come_back(code => stub_code({ token => { close => 1 } })) }, 'bad_token_response', { 'token broken' => 1 } ],
    [ sub { $_[0]->come_back(code => stub_code({ userinfo => { status => 403 } })) }, 'bad_userinfo', { 'token ok' => 1, 'userinfo refused' => 1 } ],
);
for (@cases) {
    my ($do, $reason, $calls) = @$_;
    my $b = begun('/');
    my $c = counters;
    $do->($b);
    is_deeply more($c, counters), { "logins_failed_total $reason" => 1, map { ("calls_total $_" => $calls->{$_}) } keys %$calls }, $reason;
}
--- error_log
vcita


=== TEST 5: in flight; a browser that goes away
--- flow
my $c = counters;
my $crowd = crowd;
for (1 .. 5) {
    my $b = begun('/');
    $crowd->add($b, GET => $b->callback_url(code => stub_code({ token => { hold => 1 } })));
}
$crowd->start;
$crowd->until(sub { stub->exchanges == 5 }, 10, 'five calls');
is counters->{calls_in_flight}, 5, 'five in flight';
$crowd->abort(0, 1);
wait_for { counters->{calls_in_flight} == 3 } 5, 'three in flight';
stub->release;
$crowd->finish;
is counters->{calls_in_flight}, 0, 'none in flight';


=== TEST 6: kept over reloads, summed over workers; a worker that is killed leaves nothing in flight
--- workers: 2
--- master_on
--- flow
for (1 .. 6) { my $b = browser(); $b->visit('/'); $b->get('/') }
my $c = counters;
cmp_ok $c->{logins_finished_total}, '>=', 6, 'of both workers';
my %old = map { $_ => 1 } nginx_reload;
wait_for { !grep { $old{$_} } nginx_workers } 10, 'the old workers to go';
is_deeply more($c, counters), {}, 'the same after a reload';


=== TEST 7: paced and refused logins
--- gate
vcita_oauth_rate 1r/m;
vcita_oauth_userinfo off;
--- flow
return pass 'the minute is not over' if round;
my $c = counters;
begun('/')->come_back(code => stub_code);
begun('/')->come_back(code => stub_code);
my $more = more($c, counters);
is $more->{'logins_refused_total'}, 1, 'refused';
is $more->{'logins_failed_total rate_limited'}, 1, 'by its reason';


=== TEST 8: sessions by store; a zone's sessions
--- gate
vcita_oauth_session_store zone=sessions:1m;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout; }
--- flow
my $c = counters;
my $b = browser();
$b->visit('/');
is_deeply [ @{ more($c, counters) }{ 'sessions_started_total zone', 'zone_sessions sessions' } ], [ 1, 1 ], 'one more';
like browser()->get('/status')->body, qr/^vcita_oauth_zone_sessions\{zone="sessions"\} \d+$/m, 'in the text';
$b->get('/logout');
is_deeply [ @{ more($c, counters) }{ 'logouts_total', 'zone_sessions sessions' } ], [ 1, undef ], 'gone again';


=== TEST 9: a login that failed at the gate is counted by its reason, too
--- gate
no vcita_oauth_redirect_uri;
--- config
vcita_oauth_redirect_uri http://$arg_host/oauth/callback;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $c = counters;
is browser()->get('/?host=a/b')->status, 400, 'no host';
is_deeply more($c, counters), { 'logins_failed_total invalid_host' => 1 }, 'invalid_host';
--- error_log
vcita_oauth_redirect_uri has no valid host


=== TEST 10: a status page where no gate is, and one behind access rules
--- gate
no vcita_oauth_client_id;
no vcita_oauth_client_secret;
no vcita_oauth_redirect_uri;
--- config
location = /closed { deny all; vcita_oauth_status; }
--- flow
is counters->{logins_started_total}, 0, 'zeros';
is browser()->get('/closed')->status, 403, 'closed';
--- error_log
access forbidden by rule


=== TEST 11: a new worker dies while an old one drains: what is in flight stays true, and ends with the process that made the calls
--- master_on
--- gate
vcita_oauth_timeout 60s;
--- flow
my $hold = sub {
    my ($crowd, $n) = @_;
    my $before = stub->exchanges;
    for (1 .. $n) {
        my $b = begun('/');
        $crowd->add($b, GET => $b->callback_url(code => stub_code({ token => { hold => 1 } })));
    }
    $crowd->start;
    $crowd->until(sub { stub->exchanges == $before + $n }, 20, "$n more calls");
};
my $flight = sub { counters->{calls_in_flight} };
my $drain = sub {
    my ($pid) = @_;
    nginx_reload;
    wait_for { open my $fh, '<', "/proc/$pid/cmdline" or return; local $/; <$fh> =~ /shutting down/ } 20, 'the worker to drain';
};
my $other = sub { my %not = map { $_ => 1 } @_; my @w; wait_for { (@w = grep { !$not{$_} } nginx_workers) == 1 } 20, 'a new worker'; return $w[0] };

my ($old) = nginx_workers;
my $draining = crowd;
$hold->($draining, 3);
$drain->($old);
my $new = $other->($old);
is $flight->(), 3, 'the calls of the worker that drains';
my $killed = crowd;
$hold->($killed, 2);
is $flight->(), 5, 'and those of the new one';
kill KILL => $new;
my $third = $other->($old, $new);
is $flight->(), 3, 'those of the worker that was killed are gone';
stub->release;
wait_for { !grep { $_ == $old } nginx_workers } 20, 'the old worker to go';
is $flight->(), 0, 'none is in flight, and no more than that';

# a worker that is killed while it drains: none begins in its place
$draining = crowd;
$hold->($draining, 3);
$drain->($third);
$other->($third);
is $flight->(), 3, 'it drains';
kill KILL => $third;
wait_for { $flight->() == 0 } 20, 'its calls to be gone, too';
stub->release;
--- error_log
[alert]
exited on signal 9


=== TEST 12: a process that is no worker, a cache manager, counts for nothing: a worker that is killed beside it leaves nothing in flight
--- master_on
--- http_config
proxy_cache_path $TEST_NGINX_SERVER_ROOT/cache keys_zone=cache:1m;
--- flow
my $name = sub { open my $fh, '<', "/proc/$_[0]/cmdline" or return ''; local $/; return scalar <$fh> // '' };
my ($manager, $worker);
wait_for { ($manager) = grep { $name->($_) =~ /cache manager/ } nginx_workers } 20, 'the cache manager';
wait_for { ($worker) = grep { $name->($_) =~ /worker process/ } nginx_workers } 20, 'the worker';
kill KILL => $manager;
wait_for { grep { $_ != $manager && $name->($_) =~ /cache manager/ } nginx_workers } 20, 'a cache manager that began after the worker';
my $crowd = crowd;
for (1 .. 3) {
    my $b = begun('/');
    $crowd->add($b, GET => $b->callback_url(code => stub_code({ token => { hold => 1 } })));
}
$crowd->start;
$crowd->until(sub { stub->exchanges == 3 }, 20, 'three calls');
is counters->{calls_in_flight}, 3, 'three in flight';
kill KILL => $worker;
wait_for { grep { $_ != $worker && $name->($_) =~ /worker process/ } nginx_workers } 20, 'the next worker';
is counters->{calls_in_flight}, 0, 'none in flight';
stub->release;
--- error_log
[alert]
exited on signal 9


=== TEST 13: Redis goes and comes back: nobody sees on the status page which store was down, or that it is back
--- workers: 2
--- master_on
--- gate
vcita_oauth_session_store redis://gate:s3cret-of-redis@127.0.0.1:$TEST_NGINX_REDIS_PORT connect_timeout=500ms timeout=500ms;
--- flow
VcitaRedis->fresh;
redis->command(qw( ACL SETUSER gate on >s3cret-of-redis ~* +@all ));
my $store = "redis://127.0.0.1:$ENV{TEST_NGINX_REDIS_PORT}";
my $is = sub { counters->{"$_[0] $store" . ($_[1] // '')} };
my $b = browser();
wait_for { $b->visit('/')->status == 200 } 10, 'a login';
is $is->('store_up'), 1, 'up';
my $c = counters;
my $more;
wait_for { $b->clone->get('/'); $more = more($c, counters)->{"store_commands_total $store ok"} } 10, 'a session that is read again';
cmp_ok $more, '<=', 2, 'once, by each worker at most';

my $text = browser()->get('/status')->body;
unlike $text, qr/s3cret/, 'no password';
is promtool('check metrics', $text), '', 'promtool check metrics has nothing to say';
my @buckets = $text =~ /^vcita_oauth_store_command_duration_seconds_bucket\{store="\Q$store\E",le="[^"]+"\} (\d+)$/mg;
is scalar(@buckets), 7, 'buckets';
is scalar(grep { $buckets[$_] < $buckets[ $_ - 1 ] } 1 .. $#buckets), 0, 'each counts those before it';
is $buckets[-1], $is->('store_commands_total', ' ok') + $is->('store_commands_total', ' refused'), 'the last one counts all replies';

$c = counters;
redis->kill;
wait_for { $b->clone->get('/')->status == 503 } 10, 'a store that is gone';
wait_for { $is->('store_up') == 0 } 10, 'down';
redis->start;
redis->command(qw( ACL SETUSER gate on >s3cret-of-redis ~* +@all ));
wait_for { $is->('store_up') == 1 } 20, 'up again, without any request';
$more = more($c, counters);
cmp_ok $more->{"store_reconnects_total $store"}, '>=', 1, 'connections made again';
is $more->{"store_failovers_total $store"}, undef, 'to the same address';

# an error reply
redis->command(qw( ACL SETUSER gate -set ));
$c = counters;
is begun('/')->come_back(code => stub_code)->status, 503, 'a store that takes no session';
is more($c, counters)->{"store_commands_total $store refused"}, 1, 'a command that was refused';
--- error_log
session store


=== TEST 14: a worker is killed while Redis is down: no store stays down for ever on the status page
--- master_on
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_REDIS_PORT connect_timeout=500ms timeout=500ms;
--- flow
VcitaRedis->fresh;
my $up = sub { counters->{"store_up redis://127.0.0.1:$ENV{TEST_NGINX_REDIS_PORT}"} };
my $b = browser();
wait_for { $b->visit('/')->status == 200 } 10, 'a login';
redis->kill;
wait_for { $b->clone->get('/')->status == 503 } 10, 'a store that is gone';
wait_for { $up->() == 0 } 10, 'down';
my ($pid) = nginx_workers;
kill KILL => $pid;
wait_for { my @w = nginx_workers; @w == 1 && $w[0] != $pid } 20, 'a new worker';
is $up->(), 1, 'it has not asked yet, and the other one is gone';
wait_for { $b->clone->get('/')->status == 503 } 10, 'it asks';
is $up->(), 0, 'down';

# a reload: the old worker, which knows it to be down, goes
my ($old) = nginx_workers;
redis->start;
wait_for { $up->() == 1 } 20, 'up again';
redis->kill;
wait_for { $b->clone->get('/')->status == 503 } 10, 'a store that is gone again';
is $up->(), 0, 'down';
nginx_reload;
wait_for { !grep { $_ == $old } nginx_workers } 20, 'the old worker to go';
redis->start;
wait_for { $b->clone->get('/')->status == 302 } 20, 'an empty Redis';
is $up->(), 1, 'up';
--- error_log
[alert]
exited on signal 9


=== TEST 15: browsers that are sent to vcita are counted apart from programs: health checks, robots, scripts
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 ssl;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /always { vcita_oauth on; vcita_oauth_challenge login; proxy_pass $VCITA_APP; }
--- flow
my $page = 'text/html,application/xhtml+xml';
my @proxied = ('X-Forwarded-Proto' => 'https');
my @cases = (
    [ 'a browser, by http', browser => GET => '/', Accept => $page ],
    [ 'a navigation', browser => GET => '/', Accept => $page, 'Sec-Fetch-Mode' => 'navigate' ],
    [ 'a navigation, behind a proxy with TLS', browser => GET => '/', Accept => $page, @proxied, 'Sec-Fetch-Mode' => 'navigate' ],
    [ 'a navigation, where each GET is redirected', browser => GET => '/always', Accept => $page, 'Sec-Fetch-Mode' => 'navigate' ],
    [ 'a health check', program => GET => '/', Accept => '*/*' ],
    [ 'no Accept', program => GET => '/', Accept => undef ],
    [ 'HEAD', program => HEAD => '/', Accept => $page ],
    [ 'HEAD of a navigation', program => HEAD => '/', Accept => $page, 'Sec-Fetch-Mode' => 'navigate' ],
    [ 'a robot, behind a proxy with TLS', program => GET => '/', Accept => $page, @proxied ],
    [ 'a script of a page', program => GET => '/always', Accept => $page, 'Sec-Fetch-Mode' => 'cors' ],
    [ 'a prefetch', program => GET => '/always', Accept => $page, 'Sec-Fetch-Mode' => 'navigate', 'Sec-Purpose' => 'prefetch' ],
    [ 'a token', program => GET => '/always', Accept => $page, Authorization => 'Bearer x' ],
    [ 'XMLHttpRequest', program => GET => '/always', Accept => $page, 'X-Requested-With' => 'XMLHttpRequest' ],
);
for (@cases) {
    my ($what, $agent, $method, $path, @headers) = @$_;
    my $c = counters;
    is browser()->request($method => $path, headers => \@headers)->status, 302, $what;
    is_deeply more($c, counters), { 'requests_total redirected' => 1, 'logins_started_total' => 1, "redirects_total $agent" => 1 }, "$what: a $agent";
}

for ([ 'a robot, by https', program => 0 ], [ 'a navigation, by https', browser => 1 ]) {
    my ($what, $agent, $modern) = @$_;
    my $c = counters;
    is browser(base => 'https://localhost:' . rand_port(1), modern => $modern)->get('/')->status, 302, $what;
    is more($c, counters)->{"redirects_total $agent"}, 1, "$what: a $agent";
}

# a login that starts again, at the callback
my $b = browser(modern => 1);
$b->get('/');
my $c = counters;
is $b->come_back(code => stub_code({ token => { status => 400, json => { error => 'invalid_grant' } } }))->status, 302, 'sent to vcita again';
is more($c, counters)->{'redirects_total browser'}, 1, 'a browser, again';


=== TEST 16: whatever a client says of itself, a redirect is counted once
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /always { vcita_oauth on; vcita_oauth_challenge login; proxy_pass $VCITA_APP; }
--- flow
my $mode = sub { return map { "Sec-Fetch-Mode: $_\r\n" } @_ };
my @cases = (
    [ 'two modes', browser => $mode->('cors', 'navigate') ], [ 'the same twice', browser => $mode->('navigate', 'navigate') ],
    [ 'a list', browser => $mode->("cors,\t NAVIGATE") ], [ 'a parameter', browser => $mode->('navigate;x=1') ],
    [ 'a hundred', browser => $mode->(('navigate') x 100) ], [ 'a hundred others', program => $mode->(('cors') x 100) ],
    [ 'an empty one', program => $mode->('') ], [ 'commas', program => $mode->(',' x 2000) ],
    [ 'a longer word', program => $mode->('navigates') ], [ 'a shorter one', program => $mode->('navigat') ],
    [ 'a word inside', program => $mode->('xnavigate') ], [ 'a label', program => $mode->('navigate",agent="browser') ],
    [ 'other bytes', program => $mode->("\xff\x01navigate") ], [ 'quotes', program => $mode->('"navigate"') ],
    [ 'a long one', program => $mode->('navigate' x 500) ],
    [ 'a page, a program', program => 'X-Requested-With: XMLHttpRequest', "\r\n" ],
    [ 'two tokens', program => "Authorization: Bearer x\r\n", $mode->('navigate') ],
);
for (@cases) {
    my ($what, $agent, @lines) = @$_;
    for my $path ('/', '/always') {
        my $c = counters;
        my $r = browser()->raw('127.0.0.1', port(), join '', "GET $path HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nConnection: close\r\n", @lines, "\r\n");
        my ($status) = $r->body =~ m{^HTTP/1\.1 (\d+)};
        is $status, $path eq '/always' || $agent eq 'browser' ? 302 : 401, "$what, $path";
        my $more = more($c, counters);
        is_deeply { map { $_ => $more->{$_} } grep { /^redirects_total/ } keys %$more }, { $status == 302 ? ("redirects_total $agent" => 1) : () }, 'counted once';
        is $more->{logins_started_total} // 0, $status == 302 ? 1 : 0, 'as a login';
    }
}
