# The module's cookie names: that no other may set them, and how many of one name a request may have.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

# the session of a new login, as somebody
sub VcitaFlow::Code::session_of {
    my ($who, $url) = @_;
    my $b = VcitaCheck::begun($url // '/');
    my $r = $b->come_back(code => VcitaStub::stub_code({ userinfo => { json => { sub => $who } } }));
    die 'no login: ' . $r->status . "\n" if $r->status != 303;
    return $b->cookie('vcita_session');
}

# GET / with so many Cookie lines
sub VcitaFlow::Code::with {
    my ($url, @lines) = @_;
    return VcitaFlow::browser()->get($url, headers => [ map { (Cookie => $_) } @lines ]);
}

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(http_config => "add_header X-Sub \$vcita_oauth_claim_sub always;\n" . ($block->http_config // ''));
    return if !defined $block->slow;
    $block->set_value(gate => "vcita_oauth_session_store zone=sessions:1m;\n" . ($block->gate // ''));
    $block->set_value(main_config => "load_module \$VCITA_SLOW;\n");
    $block->set_value(http_config => 'vcita_oauth_slow_store ' . VcitaFlow::servroot() . "/html;\n" . $block->slow
        . ($block->http_config // ''));
});

run_tests();

__DATA__

=== TEST 1: no upstream sets one of the module's cookies, in any location of a server that has a gate
--- gate
vcita_oauth_session_idle_timeout 10s;
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / {
        add_header Set-Cookie "vcita_session=evil; Path=/";
        add_header Set-Cookie other=1;
        add_header set-cookie "vcita_session_login=evil; Domain=127.0.0.1; HttpOnly";
        add_header SET-COOKIE "\tvcita_session\t= evil; Secure";
        add_header Set-Cookie "=vcita_session=evil";
        add_header Set-Cookie " = vcita_session_login =evil";
        add_header Set-Cookie vcita_session=;
        add_header Set-Cookie vcita_sessions=2;
        add_header Set-Cookie Vcita_session=3;
        add_header Set-Cookie xvcita_session=4;
        add_header Set-Cookie "a=vcita_session=5; vcita_session=5";
        add_header Set-Cookie vcita_session;
        add_header Set-Cookie __Host-vcita_session=6;
        add_header Set-Cookie "__Host-other=evil; Path=/; Secure";
        location /accel { add_header X-Accel-Redirect /empty; add_header Set-Cookie vcita_session=evil; return 200; }
        location /none { add_header Set-Cookie vcita_session=evil always; return 404 "none"; }
        return 200 ok;
    }
}
server {
    listen $TEST_NGINX_RAND_PORT_2;
    location / { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
}
server {
    listen $TEST_NGINX_RAND_PORT_3 ssl http2;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    vcita_oauth_cookie_name other;
    vcita_oauth_redirect_uri https://localhost:$TEST_NGINX_RAND_PORT_3/oauth/callback;
    location / { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
    location /on { vcita_oauth on; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
}
--- config
location /open { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location /gated { vcita_oauth on; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location /accel { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location /empty { return 200 empty; }
location /none { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; proxy_intercept_errors on; error_page 404 /empty; }
location /none-as-it-is { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/none; }
location /relayed { add_header Set-Cookie $upstream_http_set_cookie; proxy_hide_header Set-Cookie; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/accel-not; }
location /asked {
    auth_request /ask;
    auth_request_set $set $upstream_http_set_cookie;
    add_header Set-Cookie $set;
    try_files /none =204;
}
location = /ask { internal; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
--- flow
my @others = ('other=1', 'vcita_sessions=2', 'Vcita_session=3', 'xvcita_session=4', 'a=vcita_session=5; vcita_session=5',
    '__Host-vcita_session=6', '__Host-other=evil; Path=/; Secure');
my $b = browser();
is_deeply $b->get('/open')->set_cookies, \@others, 'an open location: the others as they are';
is_deeply $b->get($_)->set_cookies, [], "$_: none" for qw( /accel /none /none-as-it-is );
is scalar(grep { /evil/ && !/^__Host-other/ } @{ $b->get($_)->set_cookies }), 0, "$_: none of its names" for qw( /relayed /asked );
is scalar(grep { /evil/ } @{ $b->get('http://127.0.0.1:' . rand_port(2) . '/')->set_cookies }), 6,
    'a server without a gate: all are there';

$b = browser();
$b->visit('/gated');
my $due = VcitaLoop::now() + 2.2;
wait_for { VcitaLoop::now() > $due } 5, 'the session to slide';
my $set = $b->get('/gated')->set_cookies;
like pop @$set, qr/^vcita_session=[\w-]{100,}; Max-Age=10;/, "the module's own is there";
is_deeply $set, \@others, 'behind the others';

my $at = 'https://localhost:' . rand_port(3);
my $answer = `curl --silent --http2 --include --cacert @{[ ca ]} $at/`;
unlike $answer, qr/__Host-other/, 'a cookie with a prefix, over HTTP/2';
like $answer, qr/^set-cookie: other=1\r$/m, 'the others are there';
like `curl --silent --http2 --include --cacert @{[ ca ]} -H 'Accept: text/html' $at/on`, qr/^set-cookie: __Host-other_login=/m, "the module's own is there";


=== TEST 2: no request looks at more than eight cookies of the name: sealed ones
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $session = session_of('somebody');
my @bad = map { "vcita_session=x$_" } 1 .. 8;
is with('/', join('; ', @bad[0 .. 6], "vcita_session=$session"))->status, 200, 'the eighth';
is with('/', @bad[0 .. 6], "vcita_session=$session")->status, 200, 'the eighth, of as many lines';
is with('/', join('; ', @bad, "vcita_session=$session"))->status, 302, 'the ninth is none';
is with('/', @bad, "vcita_session=$session")->status, 302, 'the ninth, of as many lines';
is with('/', join('; ', 'a=1', (map { "$_=x" } ('vcita_session', 'vcita_session_login') x 8), 'b=2', "vcita_session=$session"))->status, 302,
    'the ninth behind others';


=== TEST 3: no request looks at more than eight cookies of the name in a store, and a logout ends no more
--- slow
--- gate
--- config
large_client_header_buffers 4 32k;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout; }
--- flow
my $id = session_of('somebody');
my $count = sub { my $n = () = error_log() =~ /slow store: $_[0] begins/g; $n };
my @bad = map { sprintf 'vcita_session=%042dA', $_ } 1 .. 536;
my $begun = $count->('read');
is with('/', join '; ', @bad)->status, 302, '536 of them: nobody';
is $count->('read') - $begun, 8, 'eight questions to the store';
is with('/', join '; ', @bad[0 .. 6], "vcita_session=$id")->status, 200, 'the eighth';
is with('/', join '; ', @bad[0 .. 7], "vcita_session=$id")->status, 302, 'the ninth is none';
$begun = $count->('end');
is with('/logout', join '; ', @bad)->status, 200, 'a logout';
is $count->('end') - $begun, 8, 'eight ends';
