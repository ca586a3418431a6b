# The callback: what may come back from vcita, but for what the exchange is about (exchange.t).

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

run_tests();

__DATA__

=== TEST 1: code + good state: exchange, session, 303 to the address first asked for, byte for byte
--- config
absolute_redirect off;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $odd = '/a%2Fb/%C3%A9;p=1/./x?q=%zz&y="<>\'`{}|^\\&=&;&?/../&%00&+%20';
for ('/', '/reports?year=2026', $odd, "/\xc3\xa9?\xff=\xfe", '//evil.example/', '///evil.example/%2e%2e',
     '/\\evil.example/', '/%5cevil.example', '/@evil.example', '/.evil.example', '/a?', '/?', '/?http://evil.example/')
{
    my $b = begun($_);
    my $r = $b->come_back(code => stub_code);
    answered($r, 303, '', $_, session => 1, sent => 'token userinfo');
    is $r->location, url($_), "$_: Location";
}


=== TEST 2: an address over 2,048 bytes: `/`
--- flow
for my $n (1024, 2047, 2048, 2049, 2050, 6000) {
    my $path = '/' . 'x' x ($n - 1);
    my $b = begun($path);
    my $r = $b->come_back(code => stub_code);
    answered($r, 303, '', "$n bytes", session => 1, sent => 'token userinfo');
    is $r->location, $n > 2048 ? url('/') : url($path), "$n bytes: Location";
}
my $lines = () = error_log() =~ /\[info\].*the requested address has more than 2048 bytes, the way back leads to "\/"/g;
is $lines, 3, 'a line each';


=== TEST 3: an address in absolute form stays a path of this host
--- flow
my $host = '127.0.0.1:' . port;
for ([ "http://$host/a?b", '/a?b' ], [ "http://$host", '/' ], [ "http://$host?q=1", '/?q=1' ],
     [ "http://evil.example/x", '/x' ], [ "http://evil.example?x", '/?x' ])
{
    my ($target, $back) = @$_;
    my $raw = browser()->raw('127.0.0.1', port, "GET $target HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n");
    like $raw->body, qr{^HTTP/1\.1 302 }, "$target: 302";
    my ($state) = $raw->body =~ /[?&]state=([\w-]+)/;
    my ($login) = $raw->body =~ /^Set-Cookie: (vcita_session_login=[\w-]{43});/m;
    my $code = stub_code;
    my $r = browser()->get("/oauth/callback?state=$state&code=$code", headers => [ Cookie => $login ]);
    answered($r, 303, '', $target, session => 1, sent => 'token userinfo');
    is $r->location, url($back), "$target: Location";
}


=== TEST 4: a valid session that began after this state was issued (double click, back button): 303, no exchange
--- flow
my $b = begun('/first');
my $to = $b->callback_url(code => stub_code);
answered($b->get($to), 303, '', 'the login', session => 1, sent => 'token userinfo');

for ('double click', 'back button') {
    my $r = $b->get($to);
    answered($r, 303, '', $_);
    is $r->location, url('/first'), "$_: to the return address";
}
# without a code, or with vcita's refusal, it is as done
answered($b->come_back, 303, '', 'without a code');
answered($b->come_back(error => 'server_error'), 303, '', 'with an error');


=== TEST 5: a valid session that began after this state was issued (other tab): 303 to that tab's address, no exchange
--- flow
my $b = begun('/one');
my $tab = $b->tab;
is $tab->get('/two')->status, 302, 'the other tab is off to vcita, too';

answered($b->come_back(code => stub_code), 303, '', 'one', session => 1, sent => 'token userinfo');

my $r = $tab->come_back(code => stub_code);
answered($r, 303, '', 'two');
is $r->location, url('/two'), 'at its own address';


=== TEST 6: a session that began before the state was issued does not end that login
--- flow
my $b = begun('/one');
answered($b->come_back(code => stub_code), 303, '', 'one', session => 1, sent => 'token userinfo');

my $later = $b->clone;
$later->delete_cookie('vcita_session');
is $later->get('/two')->status, 302, 'a later login of the same browser';

my $r = $b->get($later->callback_url(code => stub_code));
answered($r, 303, '', 'two', session => 1, sent => 'token userinfo');
is $r->location, url('/two'), 'at its address';


=== TEST 7: good seal, but login cookie missing: login starts again with the same return address; after 2 such rounds 400
--- flow
my $b = begun('/deep?x=1');
for (1, 2) {
    $b->delete_cookie('vcita_session_login');
    my $r = $b->come_back(code => stub_code);
    answered($r, 302, 'state_mismatch', "round $_");
    is $r->param('client_id'), 'app1', "round $_: to vcita";
}
my $fine = $b->clone;
my $to = $b->callback_url(code => stub_code);
$b->delete_cookie('vcita_session_login');
my $r = $b->get($to);
answered($r, 400, 'state_mismatch', 'round 3');
like $r->body, qr{<a href="\Q${\ url('/deep?x=1')}\E"}, 'a way on';

# the same login, with its cookie: all is well
$r = $fine->get($to);
answered($r, 303, '', 'with the cookie', session => 1, sent => 'token userinfo');
is $r->location, url('/deep?x=1'), 'the same return address';
--- error_log
vcita login given up after 3 rounds: state_mismatch


=== TEST 8: good seal, but login cookie other: login starts again with the cookie of this browser
--- flow
my $b = begun('/deep');
my $other = begun('/elsewhere');
my $own = $other->cookie('vcita_session_login');

my $r = $other->get($b->callback_url(code => stub_code));
answered($r, 302, 'state_mismatch', 'in another browser');
is $other->cookie('vcita_session_login'), $own, 'its own value again';

$r = $other->come_back(code => stub_code);
answered($r, 303, '', 'then', session => 1, sent => 'token userinfo');
is $r->location, url('/deep'), 'the same return address';

# what is not well-formed counts as none
for my $bad ('', 'x', substr($own, 1), "${own}A", "$own=", "$own.", "$own.0.1", substr($own, 0, 42) . '!', "\"$own\"") {
    $b = begun('/deep');
    $b->set_cookie('vcita_session_login', $bad);
    $r = $b->come_back(code => stub_code);
    answered($r, 302, 'state_mismatch', "cookie '$bad'");
    isnt $b->cookie('vcita_session_login'), $bad, "cookie '$bad': a new one";
}


=== TEST 9: good seal, and of several login cookies one is the right one
--- flow
my $b = begun('/deep');
my $good = $b->cookie('vcita_session_login');
my $other = 'A' x 43;
my $n = 0;
for ("vcita_session_login=$other; vcita_session_login=$good", "vcita_session_login=x; vcita_session_login=$good",
     "vcita_session_login=$good; vcita_session_login=$other")
{
    my $r = browser()->get($b->callback_url(code => stub_code), headers => [ Cookie => $_ ]);
    answered($r, 303, '', ++$n, session => 1, sent => 'token userinfo');
}


=== TEST 10: state too old: login starts again with the same return address; after 2 such rounds 400
--- gate
vcita_oauth_login_timeout 3s;
--- flow
my $b = begun('/deep');
is $b->cookie_info('vcita_session_login')->{max_age}, 3, 'Max-Age of the login cookie';

# another one has had its two rounds
my $c = begun('/deep');
for (1, 2) {
    $c->delete_cookie('vcita_session_login');
    answered($c->come_back(code => stub_code), 302, 'state_mismatch', "round $_");
}

# a browser whose clock is slow keeps its cookie
$_->cookie_info('vcita_session_login')->{until} = undef for $b, $c;
my $end = time + 4;
wait_for { time >= $end } 8, 'the states to be too old';

answered($b->come_back(code => stub_code), 302, 'state_expired', 'too old');
my $r = $c->come_back(code => stub_code);
answered($r, 400, 'state_expired', 'too old after two rounds');
like $r->body, qr{<a href="\Q${\ url('/deep')}\E"}, 'a way on';

$r = $b->come_back(code => stub_code);
answered($r, 303, '', 'the next round, in time', session => 1, sent => 'token userinfo');
is $r->location, url('/deep'), 'the same return address';
--- error_log
vcita login given up after 3 rounds: state_expired


=== TEST 11: state missing, repeated: 400, nothing sent to vcita
--- flow
my $b = begun('/deep');
my $state = $b->res->param('state');
my $code = stub_code;
for ("code=$code", "code=$code&state", "code=$code&state=", "state=$state&code=$code&state=$state",
     "state=$state&code=$code&state=", "state=$state&code=$code&state", "state=&state=$state&code=$code",
     "state=$state&code=$code&st%61te=$state", "%73tate=x&code=$code&state=$state", "State=$state&code=$code",
     "state%00=$state&code=$code", "state=$state%00&code=$code", "state=$state+&code=$code", "state=%zz&code=$code",
     "state=$state=&code=$code", "state=$state%", "error=access_denied", "error=access_denied&state=x", "iss=x")
{
    answered($b->get("/oauth/callback?$_"), 400, 'invalid_state', $_);
}
answered($b->get('/oauth/callback?'), 303, '', 'none of them: a launch');
# encoded, it is the same state
(my $hex = $state) =~ s/(.)/sprintf '%%%02x', ord $1/ge;
my $r = $b->get("/oauth/callback?code=$code&%73tat%65=$hex");
answered($r, 303, '', 'encoded', session => 1, sent => 'token userinfo');
--- error_log
vcita callback refused: invalid_state


=== TEST 12: state forged: 400, nothing sent to vcita
--- flow
my $b = begun('/deep');
my $state = $b->res->param('state');
my @abc = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');
my %n; @n{@abc} = 0 .. 63;

# each character once, the last one by all others
my @bad = map { my $s = $state; my $c = \substr $s, $_, 1; $$c = $abc[ $n{$$c} ^ 1 << $_ % 6 ]; $s }
    0 .. length($state) - 2;
push @bad, map { substr($state, 0, -1) . $_ } grep { $_ ne substr $state, -1 } @abc;
# other alphabets
push @bad, map { my $s = $state; substr($s, 20, 1) = $_; $s } qw( %2B %2F %3D %20 . ~ * %FF %C3%A9 );

my @r = callbacks($b, map { "/oauth/callback?code=x&state=$_" } @bad);
is scalar(@r), scalar(@bad), 'as many answers';
is scalar(grep { $_->status == 400 && $_->header('X-Error') eq 'invalid_state' } @r), scalar(@bad),
    'each 400 invalid_state';
is scalar(grep { ($_->header('Cache-Control') // '') ne 'no-store'
                 || ($_->header('Referrer-Policy') // '') ne 'no-referrer' || @{ $_->set_cookies } } @r), 0,
    'none stored, none with a cookie';
is sent_to_vcita, '', 'nothing sent to vcita';

# made without any key
for (qw( AQA AQ %01 x ), 'A' x 39, 'A' x 40, 'A' x 100, 'A' x 5000) {
    answered($b->get("/oauth/callback?code=x&state=$_"), 400, 'invalid_state', substr $_, 0, 50);
}
answered($b->come_back(code => stub_code), 303, '', 'the good one', session => 1, sent => 'token userinfo');
--- error_log
vcita callback refused: invalid_state


=== TEST 13: state truncated: 400, nothing sent to vcita
--- flow
my $b = begun('/deep');
my $state = $b->res->param('state');
my @bad = map { substr $state, 0, $_ } 0 .. length($state) - 1;
push @bad, map { substr $state, $_ } 1 .. 40;
push @bad, "$state$state", "${state}A", "${state}AA", "${state}AAAA";
my @r = callbacks($b, map { "/oauth/callback?code=x&state=$_" } @bad);
is scalar(grep { $_->status == 400 && $_->header('X-Error') eq 'invalid_state' } @r), scalar(@bad),
    'each 400 invalid_state';
is scalar(grep { @{ $_->set_cookies } } @r), 0, 'none with a cookie';
is sent_to_vcita, '', 'nothing sent to vcita';
--- error_log
vcita callback refused: invalid_state


=== TEST 14: state of another application: 400, nothing sent to vcita
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /two {
    vcita_oauth on;
    vcita_oauth_client_id app2;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/two/callback;
    vcita_oauth_cookie_name two;
    proxy_pass $VCITA_APP;
}
--- flow
my $b = begun('/');
my $state = $b->res->param('state');
my $two = begun('/two');
my $code = stub_code;

answered($two->get("/two/callback?state=$state&code=$code"), 400, 'invalid_state', 'the first at the second');
$state = $two->res->param('state') // $two->callback_url =~ /state=([\w-]+)/ && $1;
$b->set_cookie('vcita_session_login', $two->cookie('two_login'));
answered($b->get("/oauth/callback?state=$state&code=$code"), 400, 'invalid_state', 'the second at the first');
--- error_log
vcita callback refused: invalid_state


=== TEST 15: state of another redirect_uri: 400, nothing sent to vcita
--- gate
vcita_oauth_redirect_uri http://$http_x_name:1/oauth/callback;
--- flow
my $b = browser();
is $b->get('/', headers => [ 'X-Name' => 'one.example.com' ])->status, 302, 'begun at one host';
my $state = $b->res->param('state');
my $code = stub_code;
my @c = (headers => [ 'X-Name' => 'two.example.com' ]);
answered($b->get("/oauth/callback?state=$state&code=$code", @c), 400, 'invalid_state', 'at another host');
@c = (headers => [ 'X-Name' => 'one.example.com' ]);
my $r = $b->get("/oauth/callback?state=$state&code=$code", @c);
answered($r, 303, '', 'at that host', session => 1, sent => 'token userinfo');
is $r->location, 'http://one.example.com:1/', 'to its origin';
--- error_log
vcita callback refused: invalid_state


=== TEST 16: error=access_denied + good state: 403 (an error wins over a code)
--- flow
my $b = begun('/deep');
my $code = stub_code;
for ([], [ code => $code ], [ code => '' ], [ error_description => '<script>alert(1)</script>' ]) {
    my $r = $b->come_back(error => 'access_denied', @$_);
    answered($r, 403, 'access_denied', "with '@$_'");
    like $r->header('Content-Type'), qr{^text/html}, 'a page';
    like $r->body, qr{<a href="\Q${\ url('/deep')}\E"}, 'a way on';
    unlike $r->body, qr{<script}, 'no script';
}
unlike error_log(), qr{\[(?:error|warn)\]}, 'not an error of anybody';


=== TEST 17: other `error=` + good state: 502, with vcita's code, else `other`
--- error_log
refused the login
--- flow
my $b = begun('/deep');
my $long = 'x' x 64;
for ([ server_error => 'server_error' ], [ 'a.B-c_9' => 'a.B-c_9' ], [ $long => $long ], [ "x$long" => 'other' ],
     [ 'a b' => 'other' ], [ '<script>' => 'other' ], [ "a\r\nSet-Cookie: x=1" => 'other' ], [ "a\0" => 'other' ],
     [ "\xc3\xa9" => 'other' ], [ '"' => 'other' ], [ 'access_denied ' => 'other' ],
     [ ACCESS_DENIED => 'ACCESS_DENIED' ])
{
    my ($error, $code) = @$_;
    my $r = $b->come_back(error => $error, code => stub_code);
    answered($r, 502, $code, $code);
    unlike $r->body, qr{<script}, 'nothing unescaped';
}


=== TEST 18: where vcita's refusal has a likely first-run cause, the log says it
--- error_log
refused the login
--- flow
my $b = begun('/deep');
answered($b->come_back(error => 'invalid_request'), 502, 'invalid_request', 'PKCE');
like error_log(), qr{"invalid_request".*vcita_oauth_pkce off}, 'the log says what to try';
answered($b->come_back(error => 'invalid_scope'), 502, 'invalid_scope', 'scope');
like error_log(), qr{"invalid_scope".*openid}, 'the log says what to look at';


=== TEST 19: code missing, empty or repeated: 400
--- flow
my $b = begun('/deep');
my $state = $b->res->param('state');
my $code = stub_code;
for ('', '&code', '&code=', "&code=$code&code=$code", "&code=$code&code", "&code=$code&c%6Fde=$code",
     "&c%6fde=&code=$code", "&Code=$code", "&codes=$code", "&code=$code%00", "&code=a%0D%0Ab", '&code=%zz')
{
    my $r = $b->get("/oauth/callback?state=$state$_");
    answered($r, 400, 'invalid_callback', "state$_");
    like $r->body, qr{<a href="\Q${\ url('/deep')}\E"}, 'a way on';
}
# the name encoded, other parameters around: vcita may send more one day
my $r = $b->get("/oauth/callback?&&x=1&state=$state&session_state=a&c%6Fde=$code&x=2&");
answered($r, 303, '', 'others around', session => 1, sent => 'token userinfo');
--- error_log
vcita callback refused: invalid_callback


=== TEST 20: an evaluated redirect_uri whose authority is not host[:port]: 400 at the redirect, before anything is sealed
--- gate
vcita_oauth_redirect_uri http://$http_x_name/oauth/callback;
--- flow
my $b = browser();
for ('', 'user@evil.example', 'evil.example/x', 'evil.example?', 'evil.example#', 'a b', "a\tb", 'a:', 'a:0', 'a:65536',
     'a:b', ':80', 'a:1:2', '[::1', '[]', '[g]', 'a\\b', 'a%41', "\xc3\xa9.example", 'a,b', '<script>')
{
    my $r = $b->get('/', headers => [ 'X-Name' => $_ ]);
    is $r->status, 400, "'$_': status";
    is $r->header('X-Error'), 'invalid_host', "'$_': \$vcita_oauth_error";
    is $r->header('Cache-Control'), 'no-store', "'$_': Cache-Control";
    is_deeply $r->set_cookies, [], "'$_': no cookie";
    is $r->location, undef, "'$_': no redirect";
    unlike $r->body, qr/<script>/, "'$_': nothing unescaped";
}
for (qw( portal.example.com portal.example.com:8443 127.0.0.1:65535 [::1]:80 [2001:db8::1] a-b_c.example. )) {
    my $r = $b->get('/', headers => [ 'X-Name' => $_ ]);
    is $r->status, 302, "'$_': status";
    is $r->param('redirect_uri'), "http://$_/oauth/callback", "'$_': redirect_uri";
}
--- error_log
vcita_oauth_redirect_uri has no valid host


=== TEST 21: an evaluated redirect_uri whose authority is not host[:port]: 400 at the callback
--- gate
vcita_oauth_redirect_uri http://$http_x_name/oauth/callback;
--- flow
my $b = browser(headers => [ 'X-Name' => '127.0.0.1:' . port ]);
is $b->get('/')->status, 302, 'begun';
my $to = $b->callback_url(code => stub_code);
for ('', 'user@evil.example', 'a b', 'evil.example/x') {
    my $r = $b->get($to, headers => [ 'X-Name' => $_ ]);
    answered($r, 400, 'invalid_host', "'$_'");
    unlike $r->body, qr/evil/, "'$_': not a word of it";
}
answered($b->get($to), 303, '', 'the good one', session => 1, sent => 'token userinfo');
--- error_log
vcita callback refused: invalid_host


=== TEST 22: method other than GET: 405
--- flow
my $b = begun('/deep');
my $to = $b->callback_url(code => stub_code);
for my $method (qw( POST PUT DELETE PATCH OPTIONS HEAD PROPFIND )) {
    my $r = $b->request($method, $to, $method =~ /^P/ ? (body => 'code=x&state=y') : ());
    answered($r, 405, '', $method);
    is $r->header('Allow'), 'GET', "$method: Allow";
    is $r->body eq '', $method eq 'HEAD', "$method: a page, or none";
}
answered($b->get($to), 303, '', 'GET', session => 1, sent => 'token userinfo');


=== TEST 23: on the callback path the request line is logged without its query
--- flow
my $b = begun('/deep?shown=1');
my $state = $b->res->param('state');
my $code = stub_code;
my $body = 'a=1';
answered($b->get("/oauth/callback?state=$state"), 400, 'invalid_callback', 'a failure');
answered($b->get('/oauth/%63allback?state=x'), 400, 'invalid_state', 'encoded');
answered($b->get(url("//oauth/./callback?state=$state")), 400, 'invalid_callback', 'not normalized');
answered($b->post("/oauth/callback?code=$code", {}), 405, '', 'by POST');
answered($b->get("/oauth/callback?code=$code&state=$state", version => '1.0'), 303, '', 'by HTTP/1.0', session => 1,
    sent => 'token userinfo');
$b->get("/oauth/callback");
$b->get("/oauth/callbacks?shown=2");

wait_for { access_log() =~ m{/oauth/callbacks} } 5, 'the last one in the log';
my @lines = access_log() =~ /"([A-Z]+ [^"]*)" \d{3} /g;
is_deeply \@lines, [ 'GET /deep?shown=1 HTTP/1.1', 'GET /oauth/callback HTTP/1.1', 'GET /oauth/%63allback HTTP/1.1',
    'GET //oauth/./callback HTTP/1.1', 'POST /oauth/callback HTTP/1.1', 'GET /oauth/callback HTTP/1.0',
    'GET /oauth/callback HTTP/1.1', 'GET /oauth/callbacks?shown=2 HTTP/1.1' ], 'request lines';
--- error_log
vcita callback refused: invalid_callback


=== TEST 24: nothing an attacker sent is echoed unescaped; the page shows nginx's request id
--- config
add_header X-Id $request_id always;
add_header X-Error $vcita_oauth_error always;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $evil = q{/"><script>alert(1)</script>'&x};
my $b = begun($evil);
for my $r ($b->come_back, $b->come_back(error => 'access_denied', error_description => '<script>'),
           $b->get('/oauth/callback?state=<script>&code="><script>'))
{
    my $s = $r->status;
    unlike $r->body, qr{<script|alert\(1\)</}, "$s: no script";
    like $r->body, qr{<code>\Q${\ $r->header('X-Id')}\E</code>}, "$s: the request id";
    like $r->header('Content-Type'), qr{^text/html; charset=utf-8$}i, "$s: its type";
    like $r->header('Content-Security-Policy'), qr{default-src 'none'}, "$s: its policy";
    unlike $r->body, qr{(?:src|href)="(?!http://127\.0\.0\.1:)|url\(|\@import}, "$s: self-contained";
}
my ($href) = ($b->answers)[1]->body =~ /<a href="([^"]*)"/;
$href =~ s/&quot;/"/g; $href =~ s/&lt;/</g; $href =~ s/&gt;/>/g; $href =~ s/&#0?39;/'/g; $href =~ s/&amp;/&/g;
is $href, url($evil), 'the way on, escaped, is the address asked for';
--- error_log
vcita callback refused: invalid_callback


=== TEST 25: three finished logins of one browser within 60 s and still no session: 400 session_lost
--- error_log
did not come back
--- flow
my $b = browser();
my $r;
for (1 .. 3) {
    $r = $b->get('/deep');
    is $r->status, 302, "login $_ begins";
    $r = $b->come_back(code => stub_code);
    answered($r, 303, '', "login $_", session => 1, sent => 'token userinfo');
    $b->delete_cookie('vcita_session');
}
$r = $b->get('/deep');
is $r->status, 400, 'no fourth round';
is $r->header('X-Error'), 'session_lost', '$vcita_oauth_error';
is $r->header('Cache-Control'), 'no-store', 'not stored';
is $r->location, undef, 'no redirect';
like $r->body, qr{\bvcita_session\b}, 'the page names the cookie';
like error_log(), qr{cookie "vcita_session" with the session did not come back}, 'and so does the log';

# with its session it is in; logged out and in by hand it may be again
$b->set_cookie('vcita_session', 'x');
is $b->get('/deep')->status, 400, 'a cookie that does not open is no session';
$b->delete_cookie('vcita_session_login');
is $b->get('/deep')->status, 302, 'a browser without the count logs in';


=== TEST 26: three finished logins of one browser, but with a session: no session_lost
--- flow
my $b = browser();
for (1 .. 5) {
    my $r = $b->visit('/deep');
    is $r->status, 200, "login $_";
    last if $_ == 2;
}
# 2 logins, then a lost session, the third brings it
$b->delete_cookie('vcita_session');
is $b->visit('/deep')->status, 200, 'in again';
is $b->get('/deep')->status, 200, 'and stays in';


=== TEST 27: errors honour error_page: a page of the operator, with the same status
--- config
error_page 400 403 405 502 /err.html;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /err.html { vcita_oauth off; return 200 "theirs: $vcita_oauth_error\n"; }
--- error_log
vcita
--- flow
my $b = begun('/deep');
my $r = $b->get('/oauth/callback?code=x');
answered($r, 400, 'invalid_state', 'invalid_state');
is $r->body, "theirs: invalid_state\n", 'their page';
$r = $b->come_back;
answered($r, 400, 'invalid_callback', 'invalid_callback');
is $r->body, "theirs: invalid_callback\n", 'their page';
$r = $b->come_back(error => 'access_denied');
answered($r, 403, 'access_denied', 'access_denied');
is $r->body, "theirs: access_denied\n", 'their page';
$r = $b->come_back(error => 'server_error');
answered($r, 502, 'server_error', 'server_error');
is $r->body, "theirs: server_error\n", 'their page';
$r = $b->come_back(code => stub_code({ token => { body => 'no JSON' } }));
answered($r, 502, 'bad_token_response', 'after an exchange', sent => 'token');
is $r->body, "theirs: bad_token_response\n", 'their page';
$r = $b->post('/oauth/callback', { a => 1 });
answered($r, 405, '', '405');
is $r->header('Allow'), 'GET', 'Allow';
is $r->body, "theirs: \n", 'their page';
answered($b->come_back(code => stub_code), 303, '', 'and the login goes on', session => 1, sent => 'token userinfo');


=== TEST 28: errors honour error_page: named location, other status, another site, a static file
--- config
error_page 400 @named;
error_page 403 =200 /err.html;
error_page 502 https://status.example.com/;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /err.html { vcita_oauth off; }
location @named { vcita_oauth off; return 400 "named: $vcita_oauth_error\n"; }
--- user_files
>>> err.html
static
--- error_log
vcita
--- flow
my $b = begun('/deep');
my $r = $b->get('/oauth/callback?code=x');
answered($r, 400, 'invalid_state', 'named');
is $r->body, "named: invalid_state\n", 'named: its page';
$r = $b->come_back(error => 'access_denied');
answered($r, 200, 'access_denied', 'static');
is $r->body, "static\n", 'static: its page';
$r = $b->come_back(error => 'server_error');
answered($r, 302, 'server_error', 'another site', login => 0);
is $r->location, 'https://status.example.com/', 'another site: its address';


=== TEST 29: an error_page target that is gated, too: the same status, the module's own page, never a login
--- config
error_page 400 403 500 502 503 504 /50x.html;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- error_log
vcita
--- flow
my $b = begun('/deep');
for ([ 400, 'invalid_state', '/oauth/callback?code=x' ], [ 400, 'invalid_callback', $b->callback_url ],
     [ 403, 'access_denied', $b->callback_url(error => 'access_denied') ],
     [ 502, 'server_error', $b->callback_url(error => 'server_error') ])
{
    my ($status, $error, $to) = @$_;
    my $r = $b->get($to);
    answered($r, $status, $error, $error);
    like $r->body, qr{<h1>.*</h1>}, "$error: a page of ours";
    is $r->location, undef, "$error: no redirect";
}
my $r = $b->come_back(code => stub_code({ token => { status => 500, body => 'x' } }));
answered($r, 502, 'bad_token_response', 'a failing token endpoint', sent => 'token');
is $r->location, undef, 'no redirect';
is scalar(stub->app_requests), 0, 'the application saw nothing';


=== TEST 30: vcita: invalid_grant: login starts again, after 2 rounds 502
--- flow
my $b = begun('/deep');
my $bad = { token => { status => 400, json => { error => 'invalid_grant', error_description => 'used' } } };
for (1, 2) {
    my $r = $b->come_back(code => stub_code($bad));
    answered($r, 302, 'invalid_grant', "round $_", sent => 'token');
    is $r->param('client_id'), 'app1', "round $_: to vcita";
}
my $fine = $b->callback_url(code => stub_code);
my $r = $b->come_back(code => stub_code($bad));
answered($r, 502, 'invalid_grant', 'round 3', sent => 'token');
like $r->body, qr{<a href="\Q${\ url('/deep')}\E"}, 'a way on';

$r = $b->get($fine);
answered($r, 303, '', 'with a good code', session => 1, sent => 'token userinfo');
is $r->location, url('/deep'), 'the same return address';
--- error_log
vcita login given up after 3 rounds: invalid_grant


=== TEST 31: rounds of different kinds count together
--- flow
my $b = begun('/deep');
my $bad = { token => { status => 400, json => { error => 'invalid_grant' } } };
$b->delete_cookie('vcita_session_login');
answered($b->come_back(code => stub_code), 302, 'state_mismatch', 'round 1');
answered($b->come_back(code => stub_code($bad)), 302, 'invalid_grant', 'round 2', sent => 'token');
answered($b->come_back(code => stub_code($bad)), 502, 'invalid_grant', 'round 3', sent => 'token');
$b->delete_cookie('vcita_session_login');
answered($b->come_back(code => stub_code), 400, 'state_mismatch', 'or so');
--- error_log
vcita login given up after 3 rounds: invalid_grant


=== TEST 32: state of another application at the same redirect_uri: 400, nothing sent to vcita
--- gate
vcita_oauth_session_key_file key;
--- user_files eval
">>> ../conf/key\n" . 'k' x 48
--- http_config
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name same.example.com;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location = /ping { return 200; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name client.example.com;
    vcita_oauth_client_id app2;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_SERVER_PORT;
    server_name name.example.com;
    vcita_oauth_cookie_name other;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- flow
my $b = begun('/');
my $login = $b->cookie('vcita_session_login');
my $to = $b->callback_url(code => stub_code) =~ s{^\w+://[^/]+}{}r;
for ([ client => 'vcita_session_login' ], [ name => 'other_login' ]) {
    my ($host, $name) = @$_;
    my $r = browser()->get($to, headers => [ Host => "$host.example.com", Cookie => "$name=$login" ]);
    answered($r, 400, 'invalid_state', "other $host");
}
answered($b->get($to), 303, '', 'at its own', session => 1, sent => 'token userinfo');
--- error_log
vcita callback refused: invalid_state


=== TEST 33: whoever refuses the callback: $vcita_oauth_authenticated is 0, not empty, for pages, upstreams and logs
--- http_config
limit_req_zone $http_x_z zone=z:1m rate=1r/m;
log_format in "$status [$vcita_oauth_authenticated]";
add_header X-In "[$vcita_oauth_authenticated]" always;
--- gate
vcita_oauth_timeout 500ms;
--- config
access_log logs/in.log in;
proxy_set_header X-In "[$vcita_oauth_authenticated]";
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /oauth/callback { limit_req zone=z; if ($http_x_denied) { rewrite ^ /denied last; } }
location = /denied { vcita_oauth on; deny all; }
location /page {
    error_page 400 403 405 502 503 504 /err;
    vcita_oauth on;
    vcita_oauth_cookie_name page;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/page/callback;
    limit_req zone=z;
    proxy_pass $VCITA_APP;
    location = /page/denied { deny all; }
    if ($http_x_denied) { rewrite ^ /page/denied last; }
}
location = /err { vcita_oauth off; proxy_pass $VCITA_APP; }
location /store {
    vcita_oauth on;
    vcita_oauth_cookie_name store;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/store/callback;
    vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_RAND_PORT_2 connect_timeout=300ms timeout=300ms;
    proxy_pass $VCITA_APP;
}
location /host { vcita_oauth on; vcita_oauth_cookie_name host; vcita_oauth_redirect_uri http://$arg_host/host/callback; proxy_pass $VCITA_APP; }
--- flow
my $at = url('') =~ s{/$}{}r;
my $z = time . round;                        # a zone of requests of its own
my $refused = sub {
    my ($r, $status, $name, %opt) = @_;
    is $r->status, $status, "$name: status";
    is $r->header('X-In'), '[0]', "$name: the header";
    return if !$opt{upstream};
    my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
    is $got{'x-in'}, '[0]', "$name: the upstream of its error_page";
};
for my $app ([ '/oauth/callback', '/deep' ], [ '/page/callback', '/page/deep', upstream => 1 ]) {
    my ($callback, $from, @opt) = @$app;
    my $b = begun($from);
    my $state = $b->res->param('state');
    $refused->($b->get("$callback?code=x&state=x"), 400, "$callback, invalid_state", @opt);
    $refused->($b->get($callback . '?code=x'), 400, "$callback, without a state", @opt);
    $refused->($b->get("$callback?state=$state"), 400, "$callback, invalid_callback", @opt);
    $refused->($b->get("$callback?state=$state&error=access_denied"), 403, "$callback, access_denied", @opt);
    $refused->($b->get("$callback?state=$state&error=server_error"), 502, "$callback, vcita's error", @opt);
    $refused->($b->get("$callback?state=$state&code=" . stub->prepare({ token => { status => 500 } })), 502, "$callback, no token", @opt);
    $refused->($b->get("$callback?state=$state&code=" . stub->prepare({ token => { hang => 1 } })), 504, "$callback, timeout", @opt);
    $refused->($b->post("$callback?state=$state", {}), 405, "$callback, POST", @opt);
    $refused->($b->get("$callback?state=$state", headers => [ 'X-Denied' => 1 ]), 403, "$callback, deny", @opt);
    $b->get("$callback?state=$state", headers => [ 'X-Z' => "$z$from" ]);
    $refused->($b->get("$callback?state=$state", headers => [ 'X-Z' => "$z$from" ]), 503, "$callback, limit_req", @opt);
}
my $b = begun('/store/deep');
$b->set_cookie(store => 'A' x 43);
$refused->($b->get('/store/callback?state=' . $b->res->param('state')), 503, 'the store is down');
$refused->(browser()->get('/host/callback?host=a/b&state=x'), 400, 'invalid_host');

my $log = servroot() . '/logs/in.log';
my @lines = do { open my $fh, '<', $log or die "$log: $!\n"; <$fh> };
is join('', grep { /^(?:4|50)/ && !/ \[0\]$/ } @lines), '', 'the log';
cmp_ok scalar(grep { /^(?:4|50)/ } @lines), '>=', 22, 'which has them all';
--- error_log
limiting requests


=== TEST 34: a callback that something on the way has moved: 400 callback_elsewhere; where the gate is off, it goes on without that query
--- log_level: info
--- http_config
log_format moved '<$request> [$args] [$request_uri] [$arg_code] [$http_referer]';
--- config
access_log logs/moved.log moved;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /optional { vcita_oauth optional; proxy_pass $VCITA_APP; }
location /open {
    proxy_set_header X-Seen "[$request] [$args] [$request_uri] [$arg_state]";
    proxy_pass $VCITA_APP;
}
location /rewritten { rewrite ^ /open/rewritten?b=1; }
location /then { try_files /none /gated; }
location /failed { deny all; error_page 403 /gated; }
--- error_log
a vcita callback has arrived at
access forbidden by rule
--- flow
my $b = begun('/deep?a=1');
my $to = $b->callback_url(code => stub_code);
my ($query) = $to =~ /(\?.*)/s;
my $state = $b->res->param('state');

for my $path ('/oauth/callback/', '/oauth/Callback', '/callback', '/', '/optional/callback', '/then') {
    answered($b->get("$path$query"), 400, 'callback_elsewhere', $path);
    like $b->res->body, qr{<h1>.*href="http://127\.0\.0\.1:\d+/".*Code: <bdi><code>callback_elsewhere}s, "$path: the page";
    wait_for { error_log() =~ /^.*\[error\].* has arrived at "\Q$path\E" instead of "\/oauth\/callback", check .*request: "GET \Q$path\E HTTP/m } 5,
        "$path: a line at error that names both paths";
}
answered($b->get("/callback?error=access_denied&state=$state"), 400, 'callback_elsewhere', 'an error');
answered($b->get("/callback?state=mine&code=1&state=$state"), 400, 'callback_elsewhere', 'beside a state of another');
answered($b->post("/callback$query", { a => 1 }), 400, 'callback_elsewhere', 'POST');
answered($b->get("/callback$query", headers => [ Accept => 'application/json' ]), 400, 'callback_elsewhere', 'for a program');
answered(browser()->get("/callback$query"), 400, 'callback_elsewhere', 'without the login cookie');
my $r = $b->get("/failed$query");
is $r->status, 403, 'denied: the same status';
is $r->location, undef, 'denied: no login';

for ([ '/open/callback' ], [ '/rewritten', '/open/rewritten?b=1', '[b=1]' ]) {
    my ($path, $uri, $args) = (@$_, $_->[0], '[]');
    $r = $b->get("$path$query");
    is $r->status, 200, "$path: goes on";
    is $r->json->{uri}, $uri, "$path: without the query";
    my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
    is $got{'x-seen'}, "[GET $path HTTP/1.1] $args [$path] []", "$path: variables";
    is $r->header('Referrer-Policy'), 'no-referrer', "$path: no referrer";
    is $r->header('Cache-Control'), 'no-store', "$path: not to be stored";
}

answered($b->get($to), 303, '', 'at its own path', session => 1, sent => 'token userinfo');
answered($b->get("/callback$query"), 400, 'callback_elsewhere', 'with a session');
is $b->get('/last')->status, 200, 'and the next one';

my $log = sub { open my $fh, '<', servroot() . '/logs/moved.log' or return ''; local $/; scalar <$fh> };
wait_for { $log->() =~ m{/last} } 5, 'the last one in the log';
like $log->(), qr{^<GET /open/callback HTTP/1\.1> \[-\] \[/open/callback\] \[-\] }m, 'variables in the log';
for ([ 'access log' => $log->() ], [ 'error log' => error_log() ]) {
    is scalar(() = $_->[1] =~ /\Q${\ substr $state, 4, 30 }\E|code=/g), 0, "$_->[0]: neither state nor code";
}


=== TEST 35: a foreign `state`, which does not open, leaves the request alone, byte for byte
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1;
    vcita_oauth_client_id app2;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /open {
    proxy_set_header X-Seen "[$request] [$args] [$request_uri] [$arg_state]";
    proxy_pass $VCITA_APP;
}
--- flow
my $b = begun('/');
my $state = $b->res->param('state');
(my $forged = $state) =~ s/(.)(.{8})$/($1 eq 'A' ? 'B' : 'A') . $2/e;
my $other = browser(base => 'http://127.0.0.1:' . rand_port(1))->get('/')->param('state');
my @query = ("state=$forged&code=x", "code=x&state=" . substr($state, 0, -4), "state=$other&code=x", "state=&code=", "state&code&error",
    "state=%zz&error=%zz", "state=$state", "state=$state&codes=1&errors=2", "State=$state&code=x", "xstate=$state&code=x",
    "code=x", "state=x&&code=y&state=z", "state=" . "A" x 600 . "&error=b", "x=state=$state&code=x");
is $b->come_back(code => stub_code)->status, 303, 'in';
for my $q (@query) {
    my $r = $b->get("/app?$q");
    is $r->status, 200, "$q: gated";
    is $r->json->{uri}, "/app?$q", "$q: gated, byte for byte";
    is $r->header('Referrer-Policy'), undef, "$q: no header is added";
    $r = $b->get("/open?$q");
    is $r->json->{uri}, "/open?$q", "$q: open, byte for byte";
    my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
    my ($first) = $q =~ /(?:^|&)state=([^&]*)/i;
    is $got{'x-seen'}, join(' ', map { "[$_]" } "GET /open?$q HTTP/1.1", $q, "/open?$q", $first // ''), "$q: variables";
    is browser()->get("/app?$q")->status, 302, "$q: a login without a session";
}


=== TEST 36: a callback that was moved, where redirect_uri's host has variables, some of them set on the way; a foreign one is not noticed by any variable
--- gate
vcita_oauth_redirect_uri http://$site:$TEST_NGINX_SERVER_PORT/oauth/callback;
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1;
    vcita_oauth_redirect_uri http://$host:$TEST_NGINX_RAND_PORT_1/oauth/callback;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /open { proxy_set_header X-Args "$args|$request_uri|$request"; proxy_pass $VCITA_APP; }
}
map $uri $by_path {
    /late    late.example.com;
    default  early.example.com;
}
server {
    listen $TEST_NGINX_RAND_PORT_2;
    vcita_oauth_redirect_uri http://$by_path/oauth/callback;
    rewrite ^/early$ /late;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- config
set $site 127.0.0.1;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /open { proxy_set_header X-Args "$args|$request_uri|$request"; proxy_pass $VCITA_APP; }
location /set { set $site localhost; vcita_oauth on; proxy_pass $VCITA_APP; }
--- error_log
a vcita callback has arrived at
--- flow
for my $base ('http://127.0.0.1:' . port(), 'http://127.0.0.1:' . rand_port(1)) {
    my $b = browser(base => $base);
    is $b->get('/')->status, 302, "$base: a login";
    my ($query) = $b->callback_url(code => stub_code) =~ /(\?.*)/s;
    answered($b->get("/callback$query"), 400, 'callback_elsewhere', "$base: moved");
    my $r = $b->get("/open$query");
    is $r->json->{uri}, '/open', "$base: without the query";
    my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
    is $got{'x-args'}, '|/open|GET /open HTTP/1.1', "$base: variables";
    $r = $b->get("/open?code=x&state=y");
    is $r->json->{uri}, '/open?code=x&state=y', "$base: a foreign one";
    like $b->get("/set?code=x&state=y")->param('redirect_uri'), $base =~ port() ? qr/localhost/ : qr/127/,
        "$base: the host of a login beside a foreign one";
}
my $r = browser(base => 'http://127.0.0.1:' . rand_port(2))->get('/early?code=x&state=y');
like $r->param('redirect_uri'), qr{^http://late\.example\.com/}, 'a host that is known after a rewrite, beside a foreign one';


=== TEST 37: a callback over HTTP/2, moved or refused: neither code nor state goes on
--- log_level: info
--- http_config
log_format h2 '<$request> [$args] [$request_uri]';
server {
    listen $TEST_NGINX_RAND_PORT_1 http2;
    access_log logs/h2.log h2;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /open { proxy_pass $VCITA_APP; }
    location = /oauth/callback { deny all; error_page 403 @err; }
    location @err { proxy_set_header X-Seen "[$request] [$args] [$request_uri]"; proxy_pass $VCITA_APP; }
}
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- error_log
a vcita callback has arrived at
access forbidden by rule
--- flow
my $nghttp = (grep { -x } map { "$_/nghttp" } split /:/, $ENV{PATH})[0];
my $b = begun('/');
my ($query) = $b->callback_url(code => stub_code) =~ /(\?.*)/s;
if (!$nghttp) {
    $b->get("/callback$query");
    browser()->get('/denied');
    return pass 'no nghttp here: not tested';
}
my $at = 'http://127.0.0.1:' . rand_port(1);
like `$nghttp -nv '$at/callback$query'`, qr/:status: 400.*x-error: callback_elsewhere/s, 'moved';
my ($open, $err) = map { decode_json(scalar `$nghttp '$at$_$query'`) } '/open', '/oauth/callback';
is $open->{uri}, '/open', 'moved to where the gate is off';
is $err->{uri}, '/oauth/callback', 'denied';
my %got = map { lc $_->[0] => $_->[1] } @{ $err->{headers} };
is $got{'x-seen'}, '[GET /oauth/callback HTTP/2.0] [] [/oauth/callback]', 'denied: variables';
my $log = sub { open my $fh, '<', servroot() . '/logs/h2.log' or return ''; local $/; scalar <$fh> };
wait_for { (() = $log->() =~ /^</mg) == 3 * (1 + round()) } 5, 'the log';
unlike $log->() . error_log(), qr/code=|state=/, 'the logs';
