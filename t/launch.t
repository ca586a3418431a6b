# The launch: vcita opens the app at its redirect_uri, without a code.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

# what the slow store is told
sub VcitaFlow::Code::store_is {
    my ($what, $on) = @_;
    my $file = VcitaFlow::servroot() . "/html/$what";
    return unlink $file if !$on;
    open my $fh, '>', $file or die "$file: $!\n";
}

add_block_preprocessor(sub {
    my ($block) = @_;
    return if !defined $block->slow;
    $block->set_value(main_config => 'load_module $VCITA_SLOW;');
    $block->set_value(http_config => 'vcita_oauth_slow_store ' . VcitaFlow::servroot() . '/html;');
    $block->set_value(flow => "store_is(\$_, 0) for qw( hold down );\n" . $block->flow);
});

run_tests();

__DATA__

=== TEST 1: vcita opens the app: 303 to vcita_oauth_launch, the query byte for byte, never off the site
--- gate
vcita_oauth_launch /apps/start;
--- flow
my $big = 'x=' . 'y' x 4096;
for ('business_uid=ed469f8764326a66&staff_uid=a1&language=he&brand_host=partner.example', '//evil.example/', '/\\evil.example',
     'http://evil.example/', '@evil.example', '?', '?&=', '#x', '%0D%0ASet-Cookie:%20a=b', '%23%3f&a=%zz', "\xc3\xa9=\xff",
     'redirect_uri=https://evil.example/', 'Code=x&STATE=y&ISS=z', 'code%00=x', 'codes=1&xstate=2', $big)
{
    my $r = browser()->get("/oauth/callback?$_");
    answered($r, 303, '', substr $_, 0, 60);
    (my $query = $_) =~ s/#.*//s;
    is $r->location, url('/apps/start' . (length $query ? "?$query" : '')), substr($_, 0, 60) . ': Location';
}
answered($_, 303, '', 'no query'), is $_->location, url('/apps/start'), 'no query: Location'
    for map { browser()->get("/oauth/callback$_") } '', '?';
for my $method (qw( HEAD POST )) {
    answered(browser()->request($method, '/oauth/callback?business_uid=x'), 405, '', $method);
}


=== TEST 2: without vcita_oauth_launch a launch leads to `/`, where the gate asks; the way back has the launch's query
--- flow
my $b = browser();
my $query = 'business_uid=ed469f8764326a66&staff_uid=a1';
my $r = $b->get("/oauth/callback?$query");
answered($r, 303, '', 'the launch');
is $r->location, url("/?$query"), 'to /';
$r = $b->get($r->location);
is $r->status, 302, 'the gate asks';
$r = $b->come_back(code => stub_code);
answered($r, 303, '', 'the login', session => 1, sent => 'token userinfo');
is $r->location, url("/?$query"), 'back to the launched address';

# signed in, of the same business: nothing is asked
$r = $b->get("/oauth/callback?$query");
answered($r, 303, '', 'signed in');
is $r->location, url("/?$query"), 'signed in: Location';
is $b->get($r->location)->status, 200, 'the application';


=== TEST 3: a vcita_oauth_launch with a query: the launch's is appended with `&`
--- gate
vcita_oauth_launch /a?from=vcita;
--- flow
for ([ '?business_uid=x', '&business_uid=x' ], [ '??x', '&?x' ], [ '', '' ]) {
    my $r = browser()->get("/oauth/callback$_->[0]");
    answered($r, 303, '', "'$_->[0]'");
    is $r->location, url("/a?from=vcita$_->[1]"), "'$_->[0]': Location";
}


=== TEST 4: the session of another business: a navigation gets one login, then the launch; anything else 401
--- gate
vcita_oauth_launch /start;
--- flow
my $a = browser(headers => [ 'Sec-Fetch-Mode' => 'navigate', Accept => 'text/html' ]);
$a->get('/');
answered($a->come_back(code => stub_code), 303, '', 'the session of one', session => 1, sent => 'token userinfo');

my $to = '/oauth/callback?x=//evil&business_uid=0123456789abcdef&y=%41+%2B';
my $link = url($to) =~ s/&/&amp;/gr;
for ([ 'Sec-Fetch-Mode' => 'cors' ], [ 'Sec-Fetch-Mode' => 'no-cors' ]) {
    my $r = $a->get($to, headers => $_);
    answered($r, 401, '', "@$_");
    is $r->header('WWW-Authenticate'), 'Bearer realm="vcita"', "@$_: WWW-Authenticate";
    like $r->body, qr{<a href="\Q$link\E"}, "@$_: the page links to the launch";
}

my $r = $a->get($to);
answered($r, 302, '', 'a navigation');
like $r->location, qr{^\Q${\ stub->url}\E/app/oauth/authorize\?}, 'to vcita';
my $same = $a->clone;
my $stays = $a->callback_url(code => stub_code);
my $other = stub_code({ userinfo => { set => { business_uid => '0123456789abcdef' } } });
my $back = $a->callback_url(code => $other);
$r = $a->get($back);
answered($r, 303, '', 'signed in for the other', session => 1, sent => 'token userinfo');
is $r->location, url('/start?x=//evil&business_uid=0123456789abcdef&y=%41+%2B'), 'the launch goes on';
$r = $a->get($back);
answered($r, 303, '', 'double click');
is $r->location, url('/start?x=//evil&business_uid=0123456789abcdef&y=%41+%2B'), 'double click: the same';
answered($a->get($to), 303, '', 'from now on at once');
unlike error_log(), qr/of another business/, 'no line';

# vcita stays with the first one: one round, then the application decides
$r = $same->get($stays);
answered($r, 303, '', 'still another business', session => 1, sent => 'token userinfo');
is $r->location, url('/start?x=//evil&business_uid=0123456789abcdef&y=%41+%2B'), 'the launch goes on';
wait_for { error_log() =~ /\[warn\].*the session is of another business than the launch/ } 5, 'a line at warn';


=== TEST 5: a launch that names no other business than the session's asks for no login
--- flow
my $b = begun('/');
answered($b->come_back(code => stub_code), 303, '', 'a session', session => 1, sent => 'token userinfo');
for ('business_uid=ed469f8764326a66', 'business%5fuid=%65d469f8764326a66', 'business_uid=', 'business_uid', 'staff_uid=x',
     'business_uid=a&business_uid=b', 'business_uid=a&business_uid=ed469f8764326a66', 'business_uid=%zz', 'Business_uid=a')
{
    my $r = $b->get("/oauth/callback?$_");
    answered($r, 303, '', $_);
    is $r->location, url("/?$_"), "$_: Location";
}
answered($b->get('/oauth/callback?business_uid=ED469F8764326A66'), 302, '', 'case matters');

# a session without such a claim
$b = begun('/');
my $code = stub_code({ userinfo => { omit => [qw( business_uid business_id )] } });
answered($b->come_back(code => $code), 303, '', 'no claim', session => 1, sent => 'token userinfo');
answered($b->get('/oauth/callback?business_uid=x'), 303, '', 'no claim: goes on');

# business_id where there is no business_uid
$b = begun('/');
$code = stub_code({ userinfo => { omit => ['business_uid'] } });
answered($b->come_back(code => $code), 303, '', 'business_id', session => 1, sent => 'token userinfo');
answered($b->get('/oauth/callback?business_uid=ed469f8764326a66'), 303, '', 'business_id: the same');
answered($b->get('/oauth/callback?business_uid=x'), 302, '', 'business_id: another');


=== TEST 6: launches of several businesses within a minute are not a lost session
--- flow
my $b = begun('/');
answered($b->come_back(code => stub_code), 303, '', 'a session', session => 1, sent => 'token userinfo');
for (1 .. 5) {
    answered($b->get("/oauth/callback?business_uid=b$_"), 302, '', "business $_");
    my $code = stub_code({ userinfo => { set => { business_uid => "b$_" } } });
    my $r = $b->come_back(code => $code);
    answered($r, 303, '', "business $_: signed in", session => 1, sent => 'token userinfo');
    is $r->location, url("/?business_uid=b$_"), "business $_: Location";
}


=== TEST 7: a launch whose login starts again, or whose address is too long to come back to
--- gate
vcita_oauth_launch /start;
--- flow
my $b = begun('/');
answered($b->come_back(code => stub_code), 303, '', 'a session', session => 1, sent => 'token userinfo');
answered($b->get('/oauth/callback?business_uid=b1'), 302, '', 'another business');
$b->delete_cookie('vcita_session_login');
answered($b->come_back(code => stub_code), 302, 'state_mismatch', 'round 2');
my $r = $b->come_back(code => stub_code);
answered($r, 303, '', 'then', session => 1, sent => 'token userinfo');
is $r->location, url('/start?business_uid=b1'), 'the launch goes on';

answered($b->get('/oauth/callback?business_uid=b1&x=' . 'y' x 2048), 302, '', 'too long');
$r = $b->come_back(code => stub_code);
answered($r, 303, '', 'too long: then', session => 1, sent => 'token userinfo');
is $r->location, url('/'), 'too long: the site';


=== TEST 8: with a store a launch waits for the session; while the store is down it is 503, unless it names no business
--- slow
--- gate
vcita_oauth_session_store zone=sessions:1m;
--- flow
my $b = begun('/');
answered($b->come_back(code => stub_code), 303, '', 'a session', session => 1, sent => 'token userinfo');
answered($b->get('/oauth/callback?business_uid=ed469f8764326a66'), 303, '', 'its own business');
answered($b->get('/oauth/callback?business_uid=x'), 302, '', 'another business');
store_is('down', 1);
answered($b->get('/oauth/callback?business_uid=x'), 503, 'store_unavailable', 'the store is down');
answered($b->get('/oauth/callback?staff_uid=x'), 303, '', 'no business');
store_is('down', 0);
--- error_log
slow store


=== TEST 9: a brand's own vcita: the launch's brand_host leads its login there, each round; a forged one to the default
--- http_config
map $arg_brand_host $vcita_host { default app.vcita.com; partner.example partner.example; port.example port.example:8443; }
map $vcita_host $chained { default $vcita_host; }
--- gate
vcita_oauth_authorize_endpoint https://$vcita_host/app/oauth/authorize?brand=1;
vcita_oauth_launch /start;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /oauth/callback { set $early $chained; }
location /chained { vcita_oauth on; vcita_oauth_authorize_endpoint https://${chained}/c; proxy_pass $VCITA_APP; }
--- flow
my $is = sub {
    my ($r, $host, $name) = @_;
    like $r->location, qr{^https://\Q$host\E/app/oauth/authorize\?brand=1&response_type=code&client_id=app1&}, $name;
};
my $b;
for ([ 'partner.example', 'partner.example' ], [ 'port.example', 'port.example:8443' ], [ 'evil.example', 'app.vcita.com' ],
     [ 'partner.example.evil.example', 'app.vcita.com' ], [ '', 'app.vcita.com' ], [ 'partner.example%2F', 'app.vcita.com' ])
{
    my ($brand, $host) = @$_;
    $b = browser();
    my $r = $b->get("/oauth/callback?business_uid=x&brand_host=$brand");
    answered($r, 303, '', "$brand: anonymous");
    $r = $b->get($r->location);
    is $r->status, 302, "$brand: the gate";
    $is->($r, $host, "$brand: the login");
    $b->delete_cookie('vcita_session_login');
    $is->($b->come_back(code => 'x'), $host, "$brand: round 2, at the callback");
    $r = $b->come_back(code => stub_code);
    answered($r, 303, '', "$brand: in", session => 1, sent => 'token userinfo');
    is $r->location, url("/start?business_uid=x&brand_host=$brand"), "$brand: Location";

    # signed in, for another business: the login begins at the callback path, which has no $args
    $r = $b->get("/oauth/callback?business_uid=y&brand_host=$brand");
    answered($r, 302, '', "$brand: another business");
    $is->($r, $host, "$brand: another business");
    $b->delete_cookie('vcita_session_login');
    $r = $b->come_back(code => 'x');
    $is->($r, $host, "$brand: another business, round 2");
}
is browser()->get('/chained?brand_host=partner.example')->location =~ s/\?.*//r, 'https://partner.example/c', 'a map of a map';
unlike $_, qr/brand_host=/, 'the query of a launch is in no log' for grep { m{GET /oauth/callback} } split /\n/, access_log();


=== TEST 10: a host of authorize_endpoint that is not host[:port]: 400 invalid_host, before anything is sealed
--- gate
vcita_oauth_authorize_endpoint http://$http_x_name/a;
--- flow
my $b = browser();
for ('', 'user@evil.example', 'evil.example/x', 'evil.example?', 'evil.example#', 'a b', 'a:', 'a:0', 'a:65536', ':80', 'a\\b', 'a%41',
     '<script>', 'x' x 256)
{
    my $r = $b->get('/', headers => [ 'X-Name' => $_ ]);
    is $r->status, 400, "'$_': status";
    is $r->header('X-Error'), 'invalid_host', "'$_': \$vcita_oauth_error";
    is $r->header('Cache-Control'), 'no-store', "'$_': Cache-Control";
    is_deeply $r->set_cookies, [], "'$_': no cookie";
    is $r->location, undef, "'$_': no redirect";
    unlike $r->body, qr/<script>|state=/, "'$_': nothing unescaped, no link";
}
for (qw( portal.example.com portal.example.com:8443 127.0.0.1:65535 [::1]:80 ), 'x' x 255) {
    my $r = $b->get('/', headers => [ 'X-Name' => $_ ]);
    like $r->location, qr{^http://\Q$_\E/a\?response_type=code&}, "'$_'";
}
--- error_log
vcita_oauth_authorize_endpoint has no valid host for this request


=== TEST 11: a query that only looks like an answer of vcita, or like another one, is what its decoded names say
--- gate
vcita_oauth_launch /start;
--- flow
for ('%63ode=x', 'code', 'code=', 'c%6fde', '&&code=x', 'x=1&code=', 'error', '%69ss=x', 'stat%65=', 'iss&business_uid=x', 'business_uid=x&code') {
    answered(browser()->get("/oauth/callback?$_"), 400, 'invalid_state', $_);
}
for ('CODE=x', 'Code=x', 'a=1;code=x', ';code=x', 'a;code=x&b;state=y', 'code;a=x', 'code[]=x', 'code%20=x', '+code=x', 'code%00=x', '%00code=x', '%2563ode=x', '=code', 'a=code=x',
     'business_uid=%00', 'business_uid=a%00b', 'business_uid=a+b%20c', "business_uid=\xe9%ff", 'business_uid=' . 'y' x 8000, '%', 'a=%', '%zz=1', "'\"<script>", '{}|^`')
{
    my $name = substr $_, 0, 60;
    my $r = browser()->get("/oauth/callback?$_");
    answered($r, 303, '', $name);
    is $r->location, url("/start?$_"), "$name: Location";
}
for ('/oauth/callback#code=x', '/oauth/callback#?code=x&state=y', '/oauth/callback?#code=x', '/%6fauth/callback', '//oauth/callback', '/x/../oauth/callback') {
    my $r = browser()->raw('127.0.0.1', port, "GET $_ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    like $r->body, qr{^HTTP/1.1 303 .*^Location: \Q@{[ url('/start') ]}\E\r$}ms, "$_: a launch without a query";
}

# what a business is called by, of a session that has one
my $b = begun('/');
answered($b->come_back(code => stub_code({ userinfo => { set => { business_uid => 'a b+c' } } })), 303, '', 'a session', session => 1, sent => 'token userinfo');
answered($b->get("/oauth/callback?$_"), 303, '', "$_: its own") for 'business_uid=a+b%2Bc', 'business_uid=%61%20b%2bc', 'business_uid=%61 b' =~ s/ /+/r . '%2bc';
for ('business_uid=a+b+c', 'business_uid=a%20b%2Bc%00', 'business_uid=%00a+b%2Bc', 'business_uid=a+b%2Bc+', 'business_uid=A+B%2BC', 'business_uid=a%2Bb%2Bc', 'business_uid=' . 'y' x 8000) {
    my $r = $b->clone->get("/oauth/callback?$_");
    answered($r, 302, '', substr("$_: another", 0, 60));
}
is $b->get('/')->status, 200, 'the session goes on';
--- error_log
invalid_state


=== TEST 12: a launch by another method, while signed in or not: 405, and nothing of it happens
--- gate
vcita_oauth_launch /start;
--- flow
my $b = begun('/');
answered($b->come_back(code => stub_code), 303, '', 'a session', session => 1, sent => 'token userinfo');
for my $who ($b, browser()) {
    for my $method (qw( HEAD POST PUT DELETE OPTIONS )) {
        my $r = $who->request($method, '/oauth/callback?business_uid=another', $method =~ /^P/ ? (body => 'code=x&state=y&business_uid=z') : ());
        answered($r, 405, '', $method);
        is $r->header('Allow'), 'GET', "$method: Allow";
        is $r->location, undef, "$method: leads nowhere";
    }
}
is $b->get('/')->status, 200, 'the session goes on';


=== TEST 13: launches of two businesses in two tabs, each with its login under way: each ends at its own launch
--- gate
vcita_oauth_launch /start?from=vcita;
--- flow
my $b = begun('/');
answered($b->come_back(code => stub_code), 303, '', 'a session', session => 1, sent => 'token userinfo');
my %tab = map { $_ => $b->tab } qw( b1 b2 );
answered($tab{$_}->get("/oauth/callback?business_uid=$_&x"), 302, '', "$_: another business") for qw( b1 b2 );
my %code = map { $_ => stub_code({ userinfo => { set => { business_uid => $_ } } }) } qw( b1 b2 );
my $r = $tab{b2}->come_back(code => $code{b2});
answered($r, 303, '', 'b2: signed in', session => 1, sent => 'token userinfo');
is $r->location, url('/start?from=vcita&business_uid=b2&x'), 'b2: its launch';

# the other tab's login has begun before this session, which is of no help to it
$r = $tab{b1}->come_back(code => $code{b1});
is $r->location, url('/start?from=vcita&business_uid=b1&x'), 'b1: its launch';

# a launch that needs no login does not disturb one that is under way
answered($tab{b1}->get('/oauth/callback?business_uid=b3'), 302, '', 'b3: another business');
answered($tab{b2}->get('/oauth/callback'), 303, '', 'no business');
$r = $tab{b1}->come_back(code => stub_code({ userinfo => { set => { business_uid => 'b3' } } }));
answered($r, 303, '', 'b3: signed in', session => 1, sent => 'token userinfo');
is $r->location, url('/start?from=vcita&business_uid=b3'), 'b3: its launch';


=== TEST 14: a launch over HTTP/2, with bytes that only HTTP/2 could carry; and where the callback's location has a gate, or has it off
--- gate
vcita_oauth_launch /start;
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /oauth/ { vcita_oauth off; proxy_pass $VCITA_APP; }
location /gated/ {
    vcita_oauth on;
    vcita_oauth_require $vcita_oauth_claim_sub nobody;
    vcita_oauth_cookie_name gated;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/gated/callback;
    proxy_pass $VCITA_APP;
}
--- flow
for my $callback (qw( /oauth/callback /gated/callback )) {
    my $r = browser()->get("$callback?business_uid=x");
    answered($r, 303, '', $callback);
    is $r->location, url('/start?business_uid=x'), "$callback: Location";
    answered(browser()->get("$callback?code=x"), 400, 'invalid_state', "$callback: a code");
}
is scalar(stub->app_requests), 0, 'the application saw none of them';

for my $query ('business_uid=x&y=%0d%0aSet-Cookie:%20a=b', '%63ode', "a=\x{e9}", 'y=' . 'y' x 7000) {
    my $head = do { open my $out, '-|', qw( curl --silent --http2-prior-knowledge -i --path-as-is ), 'http://127.0.0.1:' . rand_port(1) . "/oauth/callback?$query" or die "curl: $!"; local $/; <$out> };
    like $head, $query eq '%63ode' ? qr{^HTTP/2 400 } : qr{^HTTP/2 303 .*^location: \Q@{[ url("/start?$query") ]}\E\r$}ms, substr $query, 0, 40;
    unlike $head, qr/^set-cookie: a=b/m, 'no header of its own';
}
--- error_log
invalid_state


=== TEST 15: the host of a brand that was sealed longer ago than a login may take is asked of the map anew; a younger one holds
--- http_config
map $http_x_brand $vcita_host { default app.vcita.com; one one.example; two two.example; }
--- gate
vcita_oauth_authorize_endpoint https://$vcita_host/a;
vcita_oauth_login_timeout 4s;
--- flow
my $b = begun('/', headers => [ 'X-Brand' => 'one' ]);
my $old = time;
my $at = sub { $_[0]->location =~ m{^https://([^/]+)/a\?} ? $1 : $_[0]->location };
is $at->($b->res), 'one.example', 'a login at a brand';
my $late = $b->callback_url(code => 'x');
my $cookie = $b->cookie('vcita_session_login');
my @two = (headers => [ 'X-Brand' => 'two' ]);
my $young = $b->clone;
$young->delete_cookie('vcita_session_login');
my $r = $young->get($late, @two);
answered($r, 302, 'state_mismatch', 'round 2, soon');
is $at->($r), 'one.example', 'it goes on where it began';

wait_for { time > $old + 5 } 15, 'the login to be too old';
my $kept = $b->clone;
$kept->set_cookie(vcita_session_login => $cookie);          # longer than it lives
$r = $kept->get($late, @two);
answered($r, 302, 'state_expired', 'round 2, late');
is $at->($r), 'two.example', 'where the map says now';
$r = $b->clone->get($late, headers => [ 'X-Brand' => 'gone' ]);
is $at->($r), 'app.vcita.com', 'a brand that has left the map: the default';
$r = browser()->get($late, @two);
answered($r, 302, 'state_mismatch', 'late, of another browser');
is $at->($r), 'two.example', 'where the map says now, too';
