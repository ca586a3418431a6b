# How long a session lives: the idle time, which slides; sealing it anew, for the idle time or a newer key;
# clocks that differ.  The nginx here are machines with a clock of their own, so that an hour takes no time.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaLoad;
use VcitaMachine;

# a machine; it goes with the flow
sub VcitaFlow::Code::machine { return VcitaMachine->start(@_) }

# these browsers go on navigating between the addresses
sub VcitaFlow::Code::load { return VcitaLoad->start(@_) }

# the machines at so many seconds from the beginning
sub VcitaFlow::Code::at { my ($seconds, @m) = @_; $_->clock($seconds) for @m }

# a browser that has logged in there
sub VcitaFlow::Code::logged_in {
    my ($m, %do) = @_;
    my $b = VcitaFlow::browser(base => $m->url(''));
    my $r = $b->get($m->url('/first'));
    die "no login begins: " . $r->status . "\n" if $r->status != 302;
    $b->next_hop;
    $r = $b->come_back(code => VcitaStub::stub_code(\%do));
    die 'no login: ' . $r->status . "\n" if $r->status != 303;
    return $b;
}

# the session cookie that an answer brings: [value, attributes], all of them where it brings several
sub VcitaFlow::Code::brought {
    my ($r) = @_;
    my @set = map { /^vcita_session=([^;]*); (.*)/ ? [ $1, $2 ] : () } @{ $r->set_cookies };
    return wantarray ? @set : $set[0];
}

# an answer that lets in, and brings a session that has so many seconds left; undef: brings none
sub VcitaFlow::Code::in_with {
    my ($r, $left, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    VcitaFlow::is($r->status, 200, "$name: in");
    my @set = VcitaFlow::Code::brought($r);
    VcitaFlow::is(scalar @set, defined $left ? 1 : 0, "$name: a session, or none");
    VcitaFlow::is($set[0] && $set[0][1], defined $left ? "Max-Age=$left; Path=/; HttpOnly; SameSite=Lax" : undef,
        "$name: what is left");
    VcitaFlow::is(join(' | ', $r->header('Cache-Control')), 'private', "$name: Cache-Control");
}

# what no navigation is
my @XHR = (headers => [ 'X-Requested-With' => 'XMLHttpRequest' ]);
sub VcitaFlow::Code::asks { my ($b, $url) = @_; return $b->get($url, @XHR) }

# a key is named by the second of its making
sub VcitaFlow::Code::next_second { my $was = time; VcitaFlow::wait_for(sub { time > $was }, 3, 'the next second') }

# the machines end without a word of warning
sub VcitaFlow::Code::quiet {
    my (@m) = @_;
    VcitaFlow::is_deeply([ map { $_->stop } @m ], [], 'nothing to warn of in the logs');
}

run_tests();

__DATA__

=== TEST 1: vcita_oauth_session_idle_timeout: a session idle for longer than the timeout is no session
--- flow
my $m = machine('a', gate => 'vcita_oauth_session_idle_timeout 1h;');
my $b = logged_in($m);
is $b->cookie_info('vcita_session')->{max_age}, 3600, 'Max-Age of a new session: the idle time, not the 8 hours';
my $still = $b->clone;

at(3599, $m);
is asks($still, $m->url)->status, 200, 'in until then';
at(3600, $m);
is asks($still, $m->url)->status, 401, 'out: what is no navigation';
is $still->get($m->url)->status, 302, 'out: a navigation logs in again';
is $b->get($m->url)->status, 302, 'the one that did nothing, too';
quiet($m);


=== TEST 2: sliding, re-issued on navigations only; at most once per tenth of it
--- flow
my $m = machine('a', gate => 'vcita_oauth_session_idle_timeout 1h;');
my $b = logged_in($m);

# within the first tenth nothing is due
in_with($b->get($m->url), undef, 'at once');
at(360, $m);
in_with($b->get($m->url), undef, 'before a tenth');

# then it is, but not for these
at(361, $m);
for my $h ([ 'X-Requested-With' => 'XMLHttpRequest' ], [ 'Sec-Fetch-Mode' => 'cors' ], [ 'Sec-Fetch-Mode' => 'no-cors' ],
           [ 'Sec-Fetch-Mode' => 'same-origin' ], [ 'Sec-Fetch-Mode' => 'websocket' ], [ Accept => 'application/json' ],
           [ Accept => 'image/avif,image/*' ])
{
    in_with($b->clone->get($m->url, headers => $h), undef, "@$h");
}
in_with($b->clone->post($m->url, { a => 1 }), undef, 'POST');
in_with($b->clone->request(PUT => $m->url, body => 'x'), undef, 'PUT');

in_with($b->clone->get($m->url), 3600, 'GET');
in_with($b->clone->head($m->url), 3600, 'HEAD');
in_with($b->clone->get($m->url, headers => [ 'Sec-Fetch-Mode' => 'navigate', Accept => 'text/html' ]), 3600, 'navigate');
in_with($b->get($m->url), 3600, 'the browser');

# for its next tenth it is not due again, and then once
in_with($b->get($m->url), undef, 'once');
at(361 + 360, $m);
in_with($b->get($m->url), undef, 'before the next tenth');
my $n = 0;
for my $minute (13 .. 120) {
    at(60 * $minute, $m);
    my $r = $b->get($m->url);
    is $r->status, 200, "in at minute $minute" if $r->status != 200;
    $n++ if brought($r);
}
cmp_ok $n, '>=', 14, "re-issued in 108 minutes: $n times";
cmp_ok $n, '<=', 18, 'not more often than each tenth';
at(7200 + 3300, $m);
in_with($b->get($m->url), 3600, 'in long after the first hour');
quiet($m);


=== TEST 3: Max-Age=<left>: never longer than the absolute life, of the configuration, the session and the token
--- flow
my $m = machine('a', gate => "vcita_oauth_session_idle_timeout 1h;\nvcita_oauth_session_timeout 2h;");
my $b = logged_in($m);
my $short = logged_in($m, token => { set => { expires_in => 5000 } });
my $shorter = logged_in($m, token => { set => { expires_in => 1000 } });
is $short->cookie_info('vcita_session')->{max_age}, 3600, 'a token of 5000 s, idle';
is $shorter->cookie_info('vcita_session')->{max_age}, 1000, 'a token of 1000 s';

my $near = sub {
    my ($r, $left, $name) = @_;
    is $r->status, 200, "$name: in";
    my ($age) = (brought($r) || [ '', '' ])->[1] =~ /^Max-Age=(\d+)/;
    is $age, $left, "$name: Max-Age";
    is $r->header('X-Left'), $left, "$name: \$vcita_oauth_expires";
};
at(600, $m);
$near->($b->get($m->url), 3600, 'idle counts');
$near->($short->get($m->url), 3600, 'idle counts for the token, too');
$near->($shorter->get($m->url), 400, 'the token ends');
at(1000, $m);
is $shorter->get($m->url)->status, 302, 'the token has ended';
at(3900, $m);
$near->($b->get($m->url), 3300, 'the end comes first');
$near->($short->get($m->url), 1100, "the token's end comes first");
at(5000, $m);
is $short->get($m->url)->status, 302, 'the token has ended';
at(7100, $m);
$near->($b->get($m->url), 100, 'nearly');
my $copy = $b->clone;
at(7200, $m);
is $b->get($m->url)->status, 302, 'the end, however busy it was';

# a shorter life counts for sessions that exist
at(7050, $m);
$m->configure(gate => "vcita_oauth_session_idle_timeout 1h;\nvcita_oauth_session_timeout 7100s;");
is $copy->get($m->url)->status, 200, 'in still';
at(7100, $m);
is $copy->get($m->url)->status, 302, 'and out by the shorter one';
quiet($m);


=== TEST 4: $vcita_oauth_expires: what the session has, in the request that begins its idle time anew, too
--- flow
my $m = machine('a', gate => 'vcita_oauth_session_idle_timeout 1h;', server => <<'CONF');
location / {
    vcita_oauth on;
    proxy_set_header X-Left $vcita_oauth_expires;
    add_header X-Left $vcita_oauth_expires always;
    proxy_pass $VCITA_APP;
}
CONF
my $b = logged_in($m);
my $left = sub {
    my ($r) = @_;
    my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
    is $got{'x-left'}, $r->header('X-Left'), 'the upstream and the browser are told the same';
    return $r->header('X-Left');
};
at(100, $m);
is $left->($b->get($m->url)), 3500, 'a navigation that is not due';
at(1000, $m);
is $left->(asks($b, $m->url)), 2600, 'no navigation';
is $left->($b->get($m->url)), 3600, 'a navigation';
at(1100, $m);
is $left->(asks($b, $m->url)), 3500, 'after it';
quiet($m);


=== TEST 5: such an answer gets `Cache-Control: private`, whatever else nginx or the upstream say
--- flow
my $m = machine('a', gate => 'vcita_oauth_session_idle_timeout 1h;', with => { UPSTREAM => port() + 1 },
    http => <<'HTTP', server => <<'CONF');
server {
    listen 127.0.0.1:$UPSTREAM;
    location / { add_header X-Upstream yes; return 200 "page\\n"; }
    location /public { add_header Cache-Control "public, max-age=60, s-maxage=600"; return 200 "page\\n"; }
    location /no-store { add_header Cache-Control no-store; return 200 "page\\n"; }
    location /private { add_header Cache-Control private; return 200 "page\\n"; }
    location /error { add_header Cache-Control "public" always; return 503; }
    location /teapot { return 404; }
}
HTTP
vcita_oauth on;
location / { proxy_pass http://127.0.0.1:$UPSTREAM; }
location /expires/ { expires 1h; proxy_pass http://127.0.0.1:$UPSTREAM/; }
location /max/ { expires max; add_header Cache-Control public always; proxy_pass http://127.0.0.1:$UPSTREAM/; }
location /file { root ../html; }
location /intercepted/ { proxy_intercept_errors on; error_page 503 /page; proxy_pass http://127.0.0.1:$UPSTREAM/; }
CONF
my $b = logged_in($m);
my %is = (
    '/' => 'private', '/public' => 'private | public, max-age=60, s-maxage=600', '/no-store' => 'no-store',
    '/private' => 'private', '/error' => 'private | public', '/teapot' => 'private',
    '/expires/' => 'private | max-age=3600', '/expires/public' => 'private | max-age=3600',
    '/expires/private' => 'private | max-age=3600', '/max/public' => 'private | max-age=315360000 | public',
    '/intercepted/error' => 'private',
);
at(400, $m);
for my $path (sort keys %is) {
    my $r = $b->clone->get($m->url($path));
    is scalar(my @set = brought($r)), 1, "$path: the session, once";
    is join(' | ', $r->header('Cache-Control')), $is{$path}, "$path: Cache-Control";
}
for my $path (sort keys %is) {
    my $r = asks($b->clone, $m->url($path));
    is scalar(my @set = brought($r)), 0, "$path: no session without a navigation";
    is join(' | ', $r->header('Cache-Control')), $is{$path}, "$path: the line, all the same";
}
quiet($m);


=== TEST 6: a re-issued cookie is stored by no cache: that of nginx, and a shared one in front of it
--- flow
my $m = machine('a', gate => 'vcita_oauth_session_idle_timeout 1h;', with => { UPSTREAM => port() + 1 },
    http => <<'HTTP', server => <<'CONF');
proxy_cache_path cache keys_zone=inner:1m;
server {
    listen 127.0.0.1:$UPSTREAM;
    location / { add_header Cache-Control "public, max-age=1000"; return 200 "page $request_id\n"; }
}
HTTP
location / {
    vcita_oauth on;
    proxy_cache inner;
    proxy_cache_key $uri;
    add_header X-Cache $upstream_cache_status;
    proxy_pass http://127.0.0.1:$UPSTREAM;
}
location /expires/ { vcita_oauth on; expires 1h; proxy_pass http://127.0.0.1:$UPSTREAM; }
CONF
# a shared cache that thinks little of Set-Cookie
my $front = machine('front', http => 'proxy_cache_path outer keys_zone=outer:1m;', with => { INNER => $m->port },
    server => <<'CONF');
location / {
    proxy_cache outer;
    proxy_cache_key $uri;
    proxy_ignore_headers Set-Cookie;
    proxy_set_header Host $http_host;
    add_header X-Shared $upstream_cache_status;
    proxy_pass http://127.0.0.1:$INNER;
}
CONF
my $b = logged_in($m);
at(400, $m);

my $r = $b->clone->get($m->url('/one'));
is $r->header('X-Cache'), 'MISS', 'nginx asks the upstream';
ok brought($r), 'and adds the session';
my $page = $r->body;
$r = asks($b->clone, $m->url('/one'));
is $r->header('X-Cache'), 'HIT', 'the answer was stored';
is $r->body, $page, 'it is the same one';
is scalar(my @none = brought($r)), 0, 'without the session';
$r = $b->clone->get($m->url('/one'));
is $r->header('X-Cache'), 'HIT', 'from the cache, too';
ok brought($r), 'a navigation gets one of its own';

for my $path ('/two', '/expires/') {
    for my $try (1, 2) {
        $r = $b->clone->get($front->url($path));
        is $r->header('X-Shared'), 'MISS', "$path, try $try: the shared cache has stored nothing";
        ok brought($r), "$path, try $try: that carries a session";
    }
    asks($b->clone, $front->url($path));
    $r = asks($b->clone, $front->url($path));
    is $r->header('X-Shared'), 'MISS', "$path: nor does it store other answers";
    is scalar(@none = brought($r)), 0, "$path: which carry none";
    is asks(browser(), $front->url($path))->status, 401, "$path: so that it has none for anybody else";
}
quiet($m, $front);


=== TEST 7: parallel requests do not fight: tabs with the older and the newer cookie all stay in
--- flow
my $m = machine('a', gate => 'vcita_oauth_session_idle_timeout 1h;', workers => 2);
my $b = logged_in($m);
at(400, $m);

my $crowd = crowd;
$crowd->add($b->tab, GET => $m->url("/$_")) for 1 .. 40;
my @r = $crowd->run;
is scalar(grep { $_->status == 200 } @r), 40, 'all in';
my @cookies = map { $_->[0] } map { brought($_) } @r;
is scalar(@cookies), 40, 'each brings a session: nobody knows of the others';

# any of them is as good as another
at(3999, $m);
my $n = 0;
for my $c (@cookies[ 0, 13, 39 ]) {
    $n += browser()->get($m->url, headers => [ Cookie => "vcita_session=$c" ])->status == 200;
}
is $n, 3, 'all of the newer ones are in, long after';
is $b->get($m->url)->status, 200, 'and so is the browser';
quiet($m);


=== TEST 8: parallel requests do not fight: an answer that took long puts no older session over a newer one
--- flow
my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => port() + 1, Listen => 5, ReuseAddr => 1)
    or die "listen: $!";
my $m = machine('a', gate => 'vcita_oauth_session_idle_timeout 1h;', with => { UPSTREAM => port() + 1 },
    server => <<'CONF');
vcita_oauth on;
add_header X-Left $vcita_oauth_expires;
location / { proxy_pass $VCITA_APP; }
location /slow { proxy_pass http://127.0.0.1:$UPSTREAM; }
CONF
my $b = logged_in($m);
at(1000, $m);

my $crowd = crowd;
$crowd->add($b->tab, GET => $m->url('/slow'));
$crowd->start;
my $up;
$crowd->until(sub { $listen->blocking(0); $up = $listen->accept }, 10, 'the upstream to be asked');

# meanwhile the person goes on in another tab
for (2000, 3000, 4000) {
    at($_, $m);
    in_with($b->get($m->url), 3600, "at $_");
}
my $newer = $b->cookie('vcita_session');
at(4500, $m);
$up->sysread(my $request, 65536);
print $up "HTTP/1.0 200 OK\r\n\r\nslow";
close $up;
my ($r) = $crowd->finish;
is $r->status, 200, 'the slow answer';
my ($late) = brought($r);
ok $late && $late->[0] ne $newer, 'brings a session, the last one to come';
is $b->cookie('vcita_session'), $late->[0], 'which the browser keeps';

# by the time of its request it would have ended at 4600, by the other tab's at 7600
at(8000, $m);
is $b->get($m->url)->status, 200, 'the session is as young as the answer';
quiet($m);


=== TEST 9: an internal redirect, an error page, another application: one session, the right one
--- flow
my $m = machine('a', gate => 'vcita_oauth_session_idle_timeout 1h;', server => <<'CONF');
vcita_oauth on;
root ../html;
error_page 404 /missing;
location / { proxy_pass $VCITA_APP; }
location /index/ { alias html/; index /page; }
location /try { try_files /none @named; }
location @named { proxy_pass $VCITA_APP; }
location /none { return 404; }
location /gone { try_files /none =404; }
location /error { error_page 404 /open; try_files /none =404; }
location /open { vcita_oauth off; try_files /none @app; }
location @app { vcita_oauth off; proxy_pass $VCITA_APP; }
location /cross { try_files /none /other; }
location /other {
    vcita_oauth_client_id app2;
    vcita_oauth_cookie_name other;
    vcita_oauth_redirect_uri http://127.0.0.1:1/oauth/other;
    proxy_pass $VCITA_APP;
}
location /refused {
    vcita_oauth_require $vcita_oauth_claim_role nobody;
    proxy_pass $VCITA_APP;
}
location = /logout { vcita_oauth_logout; }
location = /public { vcita_oauth off; proxy_pass $VCITA_APP; }
location = /optional { vcita_oauth optional; proxy_pass $VCITA_APP; }
location = /any { satisfy any; allow all; proxy_pass $VCITA_APP; }
CONF
mkdir $m->dir . '/html';
my $b = logged_in($m);
at(1000, $m);
for ([ '/index/', 200 ], [ '/try', 200 ], [ '/gone', 200 ], [ '/error', 404 ], [ '/optional', 200 ]) {
    my ($path, $status) = @$_;
    my $r = $b->clone->get($m->url($path));
    my @set = brought($r);
    is scalar(@set), 1, "$path: once" or diag $r->status;
    like $set[0][1] // '', qr/^Max-Age=3600;/, "$path: all of it";
    is join(' | ', $r->header('Cache-Control')), 'private', "$path: private";
}
for ([ '/public', 200 ], [ '/refused', 403 ], [ '/any', 200 ]) {
    my ($path, $status) = @$_;
    my $r = $b->clone->get($m->url($path));
    is $r->status, $status, "$path: status";
    is scalar(my @set = brought($r)), 0, "$path: the gate has not let it in, and nothing slides";
}

my $r = $b->clone->get($m->url('/cross'));
is $r->status, 302, 'the other application asks for a login';
is scalar(my @none = brought($r)), 0, 'and brings no session of the first one';

$r = $b->get($m->url('/logout'));
is $r->status, 200, 'a logout where the gate is on';
is_deeply [ map { [ $_->[0], substr $_->[1], 0, 10 ] } brought($r) ], [ [ '', 'Max-Age=0;' ] ],
    'ends the session, and does not slide it';
my @warned = $m->stop;
is scalar(@warned), 1, 'one line in the logs';
like $warned[0], qr/vcita_oauth_require .* is not met/, 'of the rule';


=== TEST 10: turned on for existing sessions: they count from their login
--- flow
my $m = machine('a');
my ($young, $old) = map { logged_in($m) } 1, 2;
is $old->cookie_info('vcita_session')->{max_age}, 28800, 'off: the whole life';
at(2000, $m);
in_with($_->get($m->url), undef, 'off: nothing is re-issued') for $young, $old;

$m->configure(gate => 'vcita_oauth_session_idle_timeout 1h;');
in_with($young->get($m->url), 3600, 'turned on: it slides');
at(3600, $m);
is $old->get($m->url)->status, 302, 'one that did not navigate has ended an hour after its login';
at(5000, $m);
is $young->get($m->url)->status, 200, 'the other one is in';

# turned off again, what was seen is of no importance
$m->configure(gate => 'vcita_oauth_session_idle_timeout off;');
at(20000, $m);
in_with($young->get($m->url), undef, 'turned off: in');
at(28800, $m);
is $young->get($m->url)->status, 302, 'until the end';
quiet($m);


=== TEST 11: clocks of a fleet may differ by 60 s: what is up to 60 s ahead counts as now
--- flow
my $gate = 'vcita_oauth_session_idle_timeout 10m;';
my ($m, $near, $far) = map { machine("at$_", gate => $gate, clock => $_, redirect => $_ ? 1 : undef) } 0, -60, -61;
my $b = logged_in($m);
is $b->get($m->url)->status, 200, 'in at the machine that is ahead';
my $r = $b->clone->get($near->url);
is $r->status, 200, 'and at one 60 s behind';
is $r->header('X-Left'), 600, 'where it has as much as it can have, and no more';
is $b->clone->get($far->url)->status, 302, 'a machine more than a minute behind does not know it';

# the last navigation, as seen by a clock that is ahead
$_->[0]->clock($_->[1] + 500) for [ $m, 0 ], [ $near, -60 ], [ $far, -61 ];
in_with($b->get($m->url), 600, 'sealed by the clock that is ahead');
$r = $b->clone->get($near->url);
is $r->status, 200, 'seen at most a minute from now: in';
is $r->header('X-Left'), 600, 'it counts as now';
is scalar(my @none = brought($r)), 0, 'and is not due';
is $b->clone->get($far->url)->status, 302, 'seen later than that: no session';

# the machine behind seals in its turn, and the other one takes it
$_->[0]->clock($_->[1] + 900) for [ $m, 0 ], [ $near, -60 ];
$r = $b->get($near->url);
ok brought($r), 'sealed by the clock that is behind';
$r = $b->get($m->url);
is $r->status, 200, 'in at the one that is ahead';
is $r->header('X-Left'), 540, 'as idle as its clock says';
quiet($m, $near, $far);


=== TEST 12: a session sealed by an old key is re-sealed with the first on a navigation
--- flow
my %file = map { my $f = servroot() . "-key-$_"; open my $fh, '>', $f or die $!; print $fh "$_" x 40; close $fh;
                 chmod 0600, $f; ($_ => $f) } qw( a b );
my $keys = sub { join "\n", map { "vcita_oauth_session_key_file $file{$_};" } @_ };
my $m = machine('a', gate => $keys->('a'));
my $b = logged_in($m, userinfo => { set => { email => 'who@example.biz' } });
my $kept = $b->clone;
at(3600, $m);
in_with($b->get($m->url), undef, 'one key: nothing to do');

$m->configure(gate => $keys->(qw( a b )));
in_with($b->get($m->url), undef, 'a new key in second place: nothing to do');

$m->configure(gate => $keys->(qw( b a )));
in_with(asks($b, $m->url), undef, 'what is no navigation');
in_with($b->post($m->url, { a => 1 }), undef, 'a POST');
my $r = $b->get($m->url);
is $r->status, 200, 'a navigation';
my ($set) = brought($r);
like $set->[1], qr/^Max-Age=25200;/, 'sealed anew, for what is left of the 8 hours';
is $r->header('Cache-Control'), 'private', 'private';
in_with($b->get($m->url), undef, 'once');

$m->configure(gate => $keys->('b'));
in_with($b->get($m->url), undef, 'the old key is gone, and the session stays');
is $kept->get($m->url)->status, 302, 'that of the old key is none';
at(28800, $m);
is $b->get($m->url)->status, 302, 'it ends when it would have';

# with an idle time one cookie does for both
at(0, $m);
my $idle = 'vcita_oauth_session_idle_timeout 1h;';
$m->configure(gate => $keys->('a') . $idle);
$b = logged_in($m);
at(100, $m);
$m->configure(gate => $keys->(qw( b a )) . $idle);
in_with($b->get($m->url), 3600, 'within the first tenth, for the key');
at(200, $m);
in_with($b->get($m->url), undef, 'once');
quiet($m);


=== TEST 13: examples/rotate-keys.sh: the order of its steps, and whose the files are
--- flow
my $dir = servroot() . '-keys';
system 'rm', '-rf', $dir;
mkdir $dir or die $!;

my $step = sub { my $said = `sh examples/rotate-keys.sh $dir @_ 2>&1`; return ($? >> 8, $said) };
my $refuses = sub {
    my ($like, @step) = @_;
    my ($status, $said) = $step->(@step);
    is $status, 1, "@step: refused";
    like $said, $like, "@step: why";
};
my $keys = sub { my ($status, $said) = $step->(); return [ map { s{.*/}{}r } split /\n/, $said ] };
my $does = sub { my ($status, $said) = $step->(@_); is $status, 0, "@_: done" or diag $said; return $said };

is_deeply $keys->(), [], 'no keys';
$refuses->(qr/there is no key: .* add/, 'use');
$refuses->(qr/there is no other key/, 'drop');
$does->('add');
my ($one) = @{ $keys->() };
like $one, qr/^session_key\.\d{14}$/, 'the first key';
$refuses->(qr/in use already/, 'use');
next_second();
like $does->('add'), qr/Next: .*then: rotate-keys\.sh \S+ use/, 'it says what comes next';
my (undef, $two) = @{ $keys->() };
is_deeply $keys->(), [ $one, $two ], 'a new one comes last';
$refuses->(qr/not in use yet/, 'add');
$refuses->(qr/not in use yet/, 'drop');
$does->('use');
is_deeply $keys->(), [ $two, $one ], 'then first';
$refuses->(qr/within 8 hours after "use"/, 'drop');
$refuses->(qr/within 1 hours after "use"/, 'drop', 1);
utime time - 7300, time - 7300, "$dir/session_keys.conf";
$refuses->(qr/within 3 hours/, 'drop', 3);
like $does->('drop', 2), qr/remove there and here:\n\S+\Q$one\E\n/, 'it says which file has to go';
is_deeply $keys->(), [ $two ], 'then alone';
$refuses->(qr/no such step/, 'rotate');
$refuses->(qr/no number of hours/, 'drop', '1h');

for my $key ($one, $two) {
    is sprintf('%o', (stat "$dir/$key")[2] & 0777), '600', 'nobody else reads a key';
    is -s "$dir/$key", 48, 'of 48 bytes';
}
is_deeply [ sort map { s{.*/}{}r } glob "$dir/* $dir/.new*" ], [ $one, $two, 'session_keys.conf' ], 'nothing else is there';

# a key that nginx.conf named by itself is the oldest
open my $fh, '>', "$dir/session_keys.conf" or die $!;
print $fh "vcita_oauth_session_key_file $dir/session_key;\n";
close $fh;
next_second();
$does->($_) for 'add', 'use';
like $keys->()->[0], qr/^session_key\.\d{14}$/, 'the new one first';
is $keys->()->[1], 'session_key', 'the old one last';


=== TEST 14: key rotation under load: browsers that navigate through all its steps, and nobody is signed out
--- flow
my $dir = servroot() . '-keys';
system 'rm', '-rf', $dir;
mkdir $dir or die $!;
my $step = sub { system("sh examples/rotate-keys.sh $dir @_ >$dir/said") == 0 or die "rotate-keys.sh: @_\n" };
$step->('add');
next_second();

my $gate = "include $dir/session_keys.conf; vcita_oauth_session_idle_timeout 10m;";
my @m = (machine('a', gate => $gate, workers => 2));
push @m, machine('b', gate => $gate, workers => 2, redirect => $m[0]->port);
my @b = map { logged_in($m[0]) } 1 .. 12;
my @left = map { $_->clone } @b[ 0 .. 3 ];

# each step reaches one machine after the other, while the browsers go from machine to machine
my $load = load(\@b, map { $_->url('/page') } @m);
my $now = 0;
for my $do ('add', 'use', 'drop 0') {
    my $was = $load->count;
    $step->($do);
    for my $m (@m) {
        $m->configure;
        # every browser has been here and there since, some of them again and again
        my $seen = $load->count;
        wait_for { $load->count >= $seen + 10 * @b } 30, "navigations after $do at $m->{name}";
    }
    at($now += 200, @m);
    my $seen = $load->count;
    wait_for { $load->count >= $seen + 5 * @b } 30, 'navigations, minutes later';
    cmp_ok $load->count - $was, '>=', 25 * @b, "$do: under load";
}
my $r = $load->stop;
is_deeply $r->{statuses}, { 200 => $r->{n} }, "all of the $r->{n} navigations are in";
is $r->{moved}, 0, 'none of them was lost';
cmp_ok $r->{set}, '>=', 3 * @b, "sessions sealed anew: $r->{set}";
is scalar(grep { $_->get($m[0]->url)->status == 302 } @left), 4, 'those that stayed away have a key that is gone';
is scalar(@{ $r->{cookies} }), 12, 'and of the twelve';
is scalar(grep { browser()->get($m[1]->url, headers => [ Cookie => "vcita_session=$_" ])->status == 200 } @{ $r->{cookies} }), 12,
    'each one is in';
quiet(@m);


=== TEST 15: the idle time of a session in a zone slides there, under the id that it has
--- flow
my $m = machine('a', gate => "vcita_oauth_session_idle_timeout 1h;\nvcita_oauth_session_store zone=sessions:1m;");
my $b = logged_in($m);
my $id = $b->cookie('vcita_session');
is length $id, 43, 'an id';
is $b->cookie_info('vcita_session')->{max_age}, 3600, 'Max-Age of a new session';
my $copy = $b->clone;

at(361, $m);
in_with(asks($b, $m->url), undef, 'what is no navigation');
in_with($b->get($m->url), 3600, 'a navigation');
is $b->cookie('vcita_session'), $id, 'the same id';
in_with($b->get($m->url), undef, 'once');

at(3700, $m);
is asks($copy, $m->url)->status, 200, 'another tab is in, too';
at(361 + 3600, $m);
is asks($b, $m->url)->status, 401, 'out, an hour after the navigation';
is asks($copy, $m->url)->status, 401, 'everywhere';
quiet($m);


=== TEST 16: a session in a zone, sealed by an old key, is sealed anew there
--- flow
my %file = map { my $f = servroot() . "-zone-$_"; open my $fh, '>', $f or die $!; print $fh "$_" x 40; close $fh;
                 chmod 0600, $f; ($_ => $f) } qw( a b );
my $keys = sub { join "\n", 'vcita_oauth_session_store zone=sessions:1m;', map { "vcita_oauth_session_key_file $file{$_};" } @_ };
my $m = machine('a', gate => $keys->('a'));
my $b = logged_in($m);
my $copy = $b->clone;
at(3600, $m);
$m->configure(gate => $keys->(qw( b a )));
in_with(asks($b, $m->url), undef, 'what is no navigation');
in_with($b->get($m->url), 25200, 'a navigation');
in_with($b->get($m->url), undef, 'once');
$m->configure(gate => $keys->('b'));
in_with($b->get($m->url), undef, 'the old key is gone, and the session stays');
in_with($copy->get($m->url), undef, 'for every cookie that has its id');
quiet($m);


=== TEST 17: sliding with a store that answers late, that has ended the session meanwhile, that has no room
--- flow
my $store = servroot() . '-store';
mkdir $store;
unlink glob "$store/*";
my $is = sub { my ($what, $on) = @_; return unlink "$store/$what" if !$on; open my $fh, '>', "$store/$what" or die $! };
my $m = machine('a', main => 'load_module $VCITA_SLOW;', http => "vcita_oauth_slow_store $store;", server => <<'CONF',
location / { vcita_oauth on; add_header X-In $vcita_oauth_authenticated always; add_header X-Sub $vcita_oauth_claim_sub; proxy_pass $VCITA_APP; }
location /optional { vcita_oauth optional; add_header X-In $vcita_oauth_authenticated always; add_header X-Sub $vcita_oauth_claim_sub; proxy_pass $VCITA_APP; }
location /try { vcita_oauth on; try_files /none /there; }
location = /logout { vcita_oauth on; vcita_oauth_logout; }
CONF
    gate => "vcita_oauth_session_idle_timeout 1h;\nvcita_oauth_session_store zone=life:1m;");
my $b = logged_in($m);
my $id = $b->cookie('vcita_session');

my $t = 0;
for my $path ('/', '/optional', '/try') {
    at($t += 1000, $m);
    my $r = $b->get($m->url($path));
    in_with($r, 3600, "$path, late");
    is $r->header('X-Sub'), 'a383717599bf1893', "$path: and knows who";
    is $b->cookie('vcita_session'), $id, "$path: the id stays";
}
at($t += 1000, $m);
my $crowd = crowd;
$crowd->add($b->tab, GET => $m->url("/$_")) for 1 .. 20;
my @r = $crowd->run;
is scalar(grep { $_->status == 200 } @r), 20, 'tabs at once: all in';

at($t += 1000, $m);
$is->(full => 1);
my $r = $b->get($m->url);
is $r->status, 503, 'no room: the store does not answer';
is scalar(my @none = brought($r)), 0, 'no room: nothing slides';
is asks($b, $m->url)->status, 200, 'no room: what slides nothing is in';
$is->(full => 0);
in_with($b->get($m->url), 3600, 'then it does');

at($t += 1000, $m);
$is->(gone => 1);
$r = $b->get($m->url);
is $r->status, 302, 'ended meanwhile: a login';
is scalar(@none = brought($r)), 0, 'ended meanwhile: no session';
$r = $b->clone->get($m->url('/optional'));
is $r->status, 200, 'ended meanwhile: nobody, where that is allowed';
is $r->header('X-In'), 0, 'ended meanwhile: and known as nobody';
$is->(gone => 0);

in_with($b->get($m->url), 3600, 'it has not really');
is $b->get($m->url('/logout'))->status, 200, 'a logout';
is browser()->get($m->url, headers => [ Cookie => "vcita_session=$id" ])->status, 302, 'ends it';
is_deeply [ grep { !/\[(?:warn|error)\].*store/ } $m->stop ], [], 'nothing else to warn of in the logs';


=== TEST 18: vcita_oauth_session_idle_timeout time all: any request that the gate lets through slides it, no other one does
--- flow
for my $store ('', "\nvcita_oauth_session_store zone=life:1m;") {
    my $where = $store ? 'in a zone' : 'in a cookie';
    at(0);
    my $m = machine('a', gate => "vcita_oauth_session_idle_timeout 1h all;$store", server => <<'CONF');
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /off { proxy_pass $VCITA_APP; }
location /barred { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role nobody; proxy_pass $VCITA_APP; }
location = /sub { auth_request /check; proxy_pass $VCITA_APP; }
location = /check { internal; vcita_oauth on; proxy_pass $VCITA_APP; }
CONF
    my $b = logged_in($m);
    in_with(asks($b, $m->url), undef, "$where: at once");

    at(360, $m);
    in_with(asks($b, $m->url), undef, "$where: before a tenth");
    at(361, $m);
    is scalar(my @none = brought($b->get($m->url('/off')))), 0, "$where: not where the gate is off";
    is scalar(@none = brought($b->get($m->url('/barred')))), 0, "$where: not a refused request";
    my $sub = $b->clone->get($m->url('/sub'));
    is $sub->status, 200, "$where: a subrequest: in";
    is scalar(@none = brought($sub)), 0, "$where: not a subrequest";
    for my $h ([ 'X-Requested-With' => 'XMLHttpRequest' ], [ 'Sec-Fetch-Mode' => 'cors' ], [ 'Sec-Fetch-Mode' => 'websocket' ],
               [ Accept => 'application/json' ], [ Accept => 'image/avif,image/*' ])
    {
        my $r = $b->clone->get($m->url, headers => $h);
        in_with($r, 3600, "$where: @$h");
        last if $store;                  # in a store it has slid for all copies
    }
    if (!$store) {
        in_with($b->clone->post($m->url, { a => 1 }), 3600, "$where: POST");
        in_with($b->clone->request(PUT => $m->url, body => 'x'), 3600, "$where: PUT");
        in_with(asks($b, $m->url), 3600, "$where: the browser");
    }
    in_with(asks($b, $m->url), undef, "$where: once");

    # an application of one page that only runs scripts stays in
    for my $minute (30, 60, 90, 120) {
        at(60 * $minute, $m);
        in_with(asks($b, $m->url), 3600, "$where: minute $minute");
    }
    at(7200 + 3600, $m);
    is asks($b, $m->url)->status, 401, "$where: out, an hour after the last request";
    is_deeply [ grep { !/is not met/ } $m->stop ], [], "$where: nothing else to warn of in the logs";
}
