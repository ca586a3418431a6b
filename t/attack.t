# What somebody sends who tries the doors: odd cookies, odd paths, odd callbacks.

use lib 't/lib';
use VcitaTest;

run_tests();

__DATA__

=== TEST 1: odd cookies, paths and callbacks never come in, and never are a 500
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /off { proxy_pass $VCITA_APP; }
location /inner { internal; vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
$b->visit('/');
my $s = $b->cookie('vcita_session');
my $port = port();
my $raw = sub {
    my ($line, @h) = @_;
    my $r = $b->raw('127.0.0.1', $port, join("\r\n", $line, "Host: 127.0.0.1:$port", 'Connection: close', @h, '', ''));
    $r->body =~ m{^HTTP/1\.\d (\d+)} ? $1 : 'none';
};
my %row = (
    'quoted' => [ 302, 'GET / HTTP/1.1', qq(Cookie: vcita_session="$s") ],
    'nameless' => [ 302, 'GET / HTTP/1.1', "Cookie: =vcita_session=$s" ],
    'upper' => [ 302, 'GET / HTTP/1.1', "Cookie: VCITA_SESSION=$s" ],
    'comma' => [ 302, 'GET / HTTP/1.1', "Cookie: a=1, vcita_session=$s" ],
    'blank around' => [ 200, 'GET / HTTP/1.1', "Cookie: a=1;  vcita_session = $s ;b=2" ],
    '7 wrong then right' => [ 200, 'GET / HTTP/1.1', 'Cookie: ' . join('; ', map("vcita_session=x$_", 1 .. 7), "vcita_session=$s") ],
    '8 wrong then right' => [ 302, 'GET / HTTP/1.1', 'Cookie: ' . join('; ', map("vcita_session=x$_", 1 .. 8), "vcita_session=$s") ],
    '300 wrong then right' => [ 302, 'GET / HTTP/1.1', 'Cookie: ' . join('; ', map("vcita_session=x$_", 1 .. 300), "vcita_session=$s") ],
    'padded' => [ 302, 'GET / HTTP/1.1', "Cookie: vcita_session=$s=" ],
    'doubled' => [ 302, 'GET / HTTP/1.1', "Cookie: vcita_session=$s$s" ],
    'dot path' => [ 302, 'GET /off/../ HTTP/1.1' ],
    'encoded slash' => [ 302, 'GET /off%2f..%2f HTTP/1.1' ],
    'double slash' => [ 302, 'GET //x HTTP/1.1' ],
    'callback //' => [ 400, 'GET //oauth//callback?code=a HTTP/1.1' ],
    'callback dot' => [ 400, 'GET /oauth/./x/../callback?code=a HTTP/1.1' ],
    'callback encoded' => [ 400, 'GET /%6fauth/callback?code=a HTTP/1.1' ],
    'callback slash' => [ 302, 'GET /oauth/callback/?code=a HTTP/1.1' ],
    'callback case' => [ 302, 'GET /OAUTH/callback?code=a HTTP/1.1' ],
    'callback HEAD' => [ 405, 'HEAD /oauth/callback?code=a HTTP/1.1' ],
    'callback OPTIONS' => [ 405, 'OPTIONS /oauth/callback HTTP/1.1' ],
    'bad escape' => [ 400, 'GET /oauth/callback?state=%zz&code=%0 HTTP/1.1' ],
    'NULs' => [ 400, 'GET /oauth/callback?state=%00%00&code=%00 HTTP/1.1' ],
    'long state' => [ 400, 'GET /oauth/callback?state=' . 'A' x 7000 . ' HTTP/1.1' ],
    '1,000 parameters' => [ 400, 'GET /oauth/callback?' . join('&', map "a$_=", 1 .. 1000) . '&state=x HTTP/1.1' ],
    'internal' => [ 404, 'GET /inner HTTP/1.1' ],
    'session as state' => [ 400, "GET /oauth/callback?code=a&state=$s HTTP/1.1" ],
    'upgrade' => [ 401, 'GET / HTTP/1.1', 'Upgrade: h2c' ],
    'login count' => [ 302, 'GET / HTTP/1.1', 'Cookie: vcita_session_login=' . 'A' x 43 . '.0.' . time ],
    'login negative' => [ 302, 'GET / HTTP/1.1', 'Cookie: vcita_session_login=' . 'A' x 43 . '.3.-5' ],
);
for my $n (sort keys %row) { my ($want, @r) = @{ $row{$n} }; is $raw->(@r), $want, $n }
# the state as a session, and one application's parts swapped
my ($state) = browser()->get('/z')->location =~ /[?&]state=([^&]+)/;
is $raw->('GET / HTTP/1.1', "Cookie: vcita_session=$state"), 302, 'a state is no session';
is $b->get('/')->status, 200, 'all the same: in';
--- error_log
vcita callback refused: invalid_state

=== TEST 2: login cookies with odd counts behind them start a login, and no more
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $now = time;
for my $tail ('.', '..', '.3', '.3.', '.3.x', ".3.$now.", ".33.$now", ".-3.$now", ".+3.$now", ".3. $now", ".3.$now" . '0' x 30, ".3.-$now",
              '.3.9223372036854775807', '.3.99999999999999999999', ".x.$now", ".3.0x$now", "\x{1}", '%00', "\xff") {
    my $r = browser()->get('/', headers => [ Cookie => 'vcita_session_login=' . 'A' x 43 . $tail ]);
    is $r->status, 302, encode_json([ $tail ]);
    my ($set) = grep { /^vcita_session_login=/ } @{ $r->set_cookies };
    like $set, qr{^vcita_session_login=[A-Za-z0-9_-]{43}(?:\.\d\.\d+)?; }, 'a login cookie as we make them';
}

=== TEST 3: a callback of the session that another browser has: every part of it swapped
--- gate
vcita_oauth_issuer https://issuer.example;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my ($mine, $theirs) = map { my $b = browser(); $b->get('/'); $b } 1, 2;
my %url = (mine => $mine->callback_url(code => stub_code), theirs => $theirs->callback_url(code => stub_code));
my ($state) = $url{theirs} =~ /[?&](state=[^&]+)/;
is $mine->get($url{theirs})->status, 302, 'their callback, in my browser: a login of my own';
is $mine->cookie('vcita_session'), undef, 'no session';
(my $mixed = $url{mine}) =~ s/state=[^&]+/$state/;
is $mine->get($mixed)->status, 302, 'my code with their state';
for my $more ("&$state", '&state=', '&state', '&code=x', '&code', '&iss=https://issuer.example&iss=', '&iss=https%3A%2F%2Fissuer.example%00',
              '&iss=https://issuer.example%20', "&%73tate=x") {
    my $r = $mine->get("$url{mine}$more");
    is $r->status, 400, "polluted: $more";
    is_deeply [ grep { /^vcita_session=[^;]/ } @{ $r->set_cookies } ], [], 'no session';
}
is scalar(stub->requests('/oauth/token')), 0, 'vcita was sent no code';
is $mine->get($url{mine})->status, 303, 'untouched, it is good';
--- error_log
vcita callback refused: invalid_state

=== TEST 4: an id of a store is no session of another store, of cookies, or of another application; nor the other way round
--- http_config
vcita_oauth_userinfo_endpoint $VCITA_STUB/oauth/userinfo;
--- gate
no vcita_oauth_userinfo_endpoint;
--- config
vcita_oauth off;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /zone {
    vcita_oauth on;
    vcita_oauth_session_store zone=one:1m;
    vcita_oauth_cookie_name zoned;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/zone/callback;
    proxy_pass $VCITA_APP;
}
location /other {
    vcita_oauth on;
    vcita_oauth_client_id app2;
    vcita_oauth_session_store zone=one:1m;
    vcita_oauth_cookie_name others;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/other/callback;
    proxy_pass $VCITA_APP;
}
--- flow
my %at = ('/' => 'vcita_session', '/zone/x' => 'zoned', '/other/x' => 'others');
my %value;
for my $url (sort keys %at) {
    my $b = browser();
    is $b->visit($url)->status, 200, "$url: in";
    $value{$url} = $b->cookie($at{$url});
}
for my $from (sort keys %at) {
    for my $to (sort keys %at) {
        my $r = browser()->get($to, headers => [ Cookie => "$at{$to}=$value{$from}" ]);
        is $r->status, $from eq $to ? 200 : 302, "the cookie of $from at $to";
    }
}

=== TEST 5: the status page says nothing of anybody, and no name breaks its lines
--- gate
vcita_oauth_session_store "zone=a\"b\\c:1m";
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /status { vcita_oauth_status; }
--- flow
my $b = browser();
stub->next({ userinfo => { set => { email => 'who"am\\i@example.biz' } } });
is $b->visit('/secret?x=y')->status, 200, 'in';
browser()->get("/oauth/callback?error=evil%22%7D%0A&state=x");
my $text = browser()->get('/status')->body;
unlike $text, qr/example\.biz|secret|evil|a383717599bf1893/, 'nobody';
for (split /\n/, $text) {
    like $_, qr/^(?:# (?:HELP|TYPE) \w+ .*|\w+(?:\{(?:\w+="(?:[^"\\]|\\.)*",?)+\})? [\d.]+)$/, 'a line' or last;
}
like $text, qr/^vcita_oauth_zone_sessions\{zone="a\\"b\\\\c"\} \d+$/m, 'the zone by its name';
--- error_log
vcita callback refused: invalid_state
