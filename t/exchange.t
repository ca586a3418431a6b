# The exchange: what vcita is asked, and what each of its answers leads to.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaTunnel;

# a server that never takes a connection: its queue is full
sub VcitaFlow::Code::black_hole {
    my ($port) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 0, ReuseAddr => 1)
        or die "black hole: $!";
    listen $listener, 0;
    my @full = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Blocking => 0) } 1 .. 4;
    return [ $listener, @full ];
}

run_tests();

__DATA__

=== TEST 1: the token request: a form, the secret in the body, no Authorization header, the verifier of the challenge
--- flow
my $b = begun('/deep');
my $to = $b->res;
my $code = stub_code;
answered($b->come_back(code => $code), 303, '', 'login', session => 1, sent => 'token userinfo');

my ($r) = stub->requests('/oauth/token');
is $r->method, 'POST', 'method';
is $r->header('Content-Type'), 'application/x-www-form-urlencoded', 'Content-Type';
is $r->header('Accept'), 'application/json', 'Accept';
is $r->header($_), undef, "no $_" for qw( Authorization Cookie Expect Referer Proxy-Connection Transfer-Encoding );
is $r->header('Host'), url_split(stub->url)->{authority}, 'Host';
is $r->query, undef, 'nothing in the address';

my %f = %{ $r->fields };
my $verifier = delete $f{code_verifier};
is_deeply \%f, { grant_type => 'authorization_code', client_id => 'app1', code => $code,
    client_secret => 's3cret-0123456789abcdef-0123456789', redirect_uri => url('/oauth/callback') }, 'members';
is scalar(() = $r->body =~ /&/g), 5, 'each once';
is $f{redirect_uri}, $to->param('redirect_uri'), 'the redirect_uri of the redirect';
like $verifier, qr/^[A-Za-z0-9_-]{43}$/, 'code_verifier';
is MIME::Base64::encode_base64url(Digest::SHA::sha256($verifier)), $to->param('code_challenge'), 'its challenge';


=== TEST 2: the token request: JSON where asked for
--- gate
vcita_oauth_token_format json;
--- flow
my $b = begun('/deep');
my $to = $b->res;
my $code = stub_code;
answered($b->come_back(code => $code), 303, '', 'login', session => 1, sent => 'token userinfo');

my ($r) = stub->requests('/oauth/token');
is $r->method, 'POST', 'method';
is $r->header('Content-Type'), 'application/json', 'Content-Type';
is $r->header('Authorization'), undef, 'no Authorization';
my %f = %{ $r->json };
my $verifier = delete $f{code_verifier};
is_deeply \%f, { grant_type => 'authorization_code', client_id => 'app1', code => $code,
    client_secret => 's3cret-0123456789abcdef-0123456789', redirect_uri => url('/oauth/callback') }, 'members';
is MIME::Base64::encode_base64url(Digest::SHA::sha256($verifier)), $to->param('code_challenge'), 'its challenge';


=== TEST 3: the token request without PKCE
--- gate
vcita_oauth_pkce off;
--- flow
my $b = begun('/deep');
is scalar($b->res->param($_)), undef, "no $_" for qw( code_challenge code_challenge_method );
answered($b->come_back(code => stub_code({ id_token => id_token($b) })), 303, '', 'login', session => 1, sent => 'token');
is_deeply [ sort keys %{ (stub->requests('/oauth/token'))[0]->fields } ],
    [ qw( client_id client_secret code grant_type redirect_uri ) ], 'members';


=== TEST 4: secrets and codes of any characters arrive as they are, as a form
--- gate
vcita_oauth_client_secret "s& =+%41\"\\é/?#<'~";
--- flow
my $b = begun('/deep');
for my $code ("a b&c=d+e%41/?#\"\\\xc3\xa9~'", 'x' x 2000) {
    answered($b->come_back(code => $code), 502, 'invalid_client', length $code, sent => 'token');
    my $f = (stub->requests('/oauth/token'))[-1]->fields;
    is $f->{code}, $code, 'code';
    is $f->{client_secret}, "s& =+%41\"\\\xc3\xa9/?#<'~", 'secret';
}
--- error_log
invalid_client


=== TEST 5: secrets and codes of any characters arrive as they are, as JSON
--- gate
vcita_oauth_token_format json;
vcita_oauth_client_secret "s& =+%41\"\\é/?#<'~";
--- flow
my $b = begun('/deep');
for my $code ("a b&c=d+e%41/?#\"\\\xc3\xa9~'", 'x' x 2000) {
    answered($b->come_back(code => $code), 502, 'invalid_client', length $code, sent => 'token');
    my $f = (stub->requests('/oauth/token'))[-1]->json;
    my %got = map { my $v = $f->{$_}; utf8::encode($v); $_ => $v } qw( code client_secret );
    is $got{code}, $code, 'code';
    is $got{client_secret}, "s& =+%41\"\\\xc3\xa9/?#<'~", 'secret';
}
--- error_log
invalid_client


=== TEST 6: the userinfo request: a GET with the token as Bearer
--- flow
my $token = 'ab-._~+/09==';
my $b = begun('/deep');
answered($b->come_back(code => stub_code({ token => { set => { access_token => $token } } })), 303, '', 'login',
    session => 1, sent => 'token userinfo');
my ($r) = stub->requests('/oauth/userinfo');
is $r->method, 'GET', 'method';
is $r->query, undef, 'no query';
is $r->body, '', 'no body';
is_deeply [ $r->header('Authorization') ], [ "Bearer $token" ], 'Authorization';
is $r->header('Accept'), 'application/json', 'Accept';
is $r->header('Cookie'), undef, 'no Cookie';


=== TEST 7: vcita: `invalid_client`: 502, logged at `crit` with what to check
--- flow
my $b = begun('/deep');
my $r = $b->come_back(code => stub_code({ token => { status => 401,
    json => { error => 'invalid_client', error_description => 'Client authentication failed' } } }));
answered($r, 502, 'invalid_client', 'invalid_client', sent => 'token');
like error_log(), qr{\[crit\].*invalid_client.*vcita_oauth_client_id.*vcita_oauth_client_secret}, 'the log';
--- error_log
[crit]


=== TEST 8: vcita: explicit 429 or 503 that asks for more time than there is: 503 with Retry-After
--- flow
my $b = begun('/deep');
my %after;
for my $status (429, 503) {
    for my $do ({ json => { error => 'rate limit' } }, { body => '<html>' }, { body => '' }) {
        my $r = $b->come_back(code => stub_code({ token =>
            { %$do, status => $status, headers => { 'Retry-After' => 120 } } }));
        answered($r, 503, 'rate_limited', $status, sent => 'token');
        my $after = $r->header('Retry-After');
        cmp_ok $after, '>=', 120, "$status: Retry-After";
        cmp_ok $after, '<', 160, "$status: Retry-After";
        $after{$after} = 1;
        like $r->body, qr{<meta http-equiv="refresh" content="$after; url=\Q${\ url('/deep')}\E">},
            "$status: the page tries again by itself";
    }
}
cmp_ok scalar(keys %after), '>', 1, 'those who were refused together do not come back together';

# however much it asks for
my $r = $b->come_back(code => stub_code({ token => { status => 429, headers => { 'Retry-After' => '9' x 18 } } }));
answered($r, 503, 'rate_limited', 'a very long time', sent => 'token');
cmp_ok $r->header('Retry-After'), '<', 2 * 86400, 'a very long time: Retry-After';

# RFC 9110, 10.2.3: it may be a date
my $date = POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime time + 300);
$r = $b->come_back(code => stub_code({ token => { status => 503, headers => { 'Retry-After' => $date } } }));
answered($r, 503, 'rate_limited', 'a date', sent => 'token');
cmp_ok $r->header('Retry-After'), '>=', 290, 'a date: Retry-After';
cmp_ok $r->header('Retry-After'), '<', 390, 'a date: Retry-After';


=== TEST 9: vcita: explicit 429 or 503: retried with backoff inside the code's 30 s
--- flow
my %do = ('429, then a token' => { token => [ { status => 429 }, {} ] },
          '503, then a token' => { token => [ { status => 503, headers => { 'Retry-After' => 1 } }, {} ] },
          '429, then userinfo' => { userinfo => [ { status => 429, headers => { 'Retry-After' => 1 } }, {} ] });
my @what = sort keys %do;
my $crowd = crowd;
for (@what) {
    my $b = begun('/deep');
    $crowd->add($b, GET => $b->callback_url(code => stub_code($do{$_})));
}
my @r = $crowd->run;
for (0 .. 2) {
    is $r[$_]->status, 303, "$what[$_]: in";
    cmp_ok $r[$_]->seconds, '>', $_ ? 0.9 : 0.4, "$what[$_]: not at once";
}
is scalar(stub->requests('/oauth/token')), 5, 'calls of the token endpoint';
is scalar(stub->requests('/oauth/userinfo')), 4, 'calls of userinfo';
like error_log(), qr{vcita returned 503, the request is repeated in \d+ ms}, 'the log says so';


=== TEST 10: vcita: another error: 502, with vcita's code where it looks like one, else `other`
--- flow
my $b = begun('/deep');
for ([ 400, 'unsupported_grant_type' ], [ 400, 'invalid_request' ], [ 400, 'invalid_scope' ], [ 500, 'server.error-1' ],
     [ 200, 'odd_but_an_error' ], [ 403, 'x' x 64 ], [ 400, 'x' x 65, 'other' ], [ 400, 'a b', 'other' ],
     [ 400, "a\0b", 'other' ], [ 400, '<script>', 'other' ], [ 400, "\x{e9}", 'other' ])
{
    my ($status, $error, $code) = @$_;
    my $r = $b->come_back(code => stub_code({ token => { status => $status, json => { error => $error } } }));
    answered($r, 502, $code // $error, $code // $error, sent => 'token');
    unlike $r->body, qr{<script}, 'nothing unescaped';
}
like error_log(), qr{\[error\].*"invalid_request"\): .*vcita_oauth_pkce off"; only the nonce in an id_token then binds}, 'a hint for PKCE, and its cost';
like error_log(), qr{\[error\].*"invalid_scope".*openid}, 'a hint for the scope';
--- error_log
returned no token


=== TEST 11: vcita: an error with an access_token is an error
--- flow
my $b = begun('/deep');
answered($b->come_back(code => stub_code({ token => { set => { error => 'x' } } })), 502, 'x', 'both', sent => 'token');
--- error_log
returned no token


=== TEST 12: vcita: another status: 502
--- flow
my $b = begun('/deep');
for my $status (201, 202, 203, 206, 400, 401, 403, 404, 418, 500, 502, 504, 599) {
    my $json = { access_token => 'abc', token_type => 'Bearer' };
    my $r = $b->come_back(code => stub_code({ token => { status => $status, json => $json } }));
    answered($r, 502, 'bad_token_response', $status, sent => 'token');
    like error_log(), qr{status $status\b}, "$status: in the log";
}
--- error_log
returned no token


=== TEST 13: vcita: a redirect is not followed: 502
--- flow
my $b = begun('/deep');
for my $status (300, 301, 302, 303, 307, 308) {
    my $r = $b->come_back(code => stub_code({ token => { status => $status, body => '',
        headers => { Location => stub->url . '/oauth/token' } } }));
    answered($r, 502, 'bad_token_response', $status, sent => 'token');
}
--- error_log
returned no token


=== TEST 14: vcita: no JSON, or none that is one object: 502
--- flow
my $b = begun('/deep');
for ('', ' ', 'x', 'access_token=abc&token_type=Bearer', '<html></html>', '[]', '[{"access_token":"abc"}]', '"abc"', '1', 'null',
     'true', '{}', '{', '{"access_token":"abc"', '{"access_token":"abc"}}', '{"access_token":"abc"} x',
     '{"access_token":"abc"}{"access_token":"abc"}', '{"access_token":"abc",}', "{'access_token':'abc'}",
     '{access_token:"abc"}', "{\"access_token\":\"abc\",\"x\":\"\xff\"}", "\0", '{"access_token":"abc"}' . "\0",
     "\x0b{\"access_token\":\"abc\"}", "{\x0b\"access_token\":\"abc\"}", "{\"access_token\"\x0c:\"abc\"}", "{\"access_token\":\"abc\"\x0c}",
     '{"access_token":"abc","x":' . '[' x 500 . ']' x 500 . '}', '[' x 30000)
{
    my $r = $b->come_back(code => stub->prepare({ token => { body => $_ } }));
    answered($r, 502, 'bad_token_response', substr($_, 0, 40), sent => 'token');
}
--- error_log
returned no token


=== TEST 15: vcita: a member twice: 502
--- flow
for ('"access_token":"abc","access_token":"abc"', '"access_token":"abc","access_toke\u006e":"abd"',
     '"access_token":"abc","x":1,"x":1', '"access_token":"abc","x":{"y":1,"y":1}', '"access_token":"abc","x":[{"y":1,"y":1}]',
     '"access_token":"abc","":1,"":2', '"access_token":"abc","token_type":"Bearer","scope":null,"token_type":null')
{
    my $r = begun('/deep')->come_back(code => stub_code({ token => { body => "{$_}" } }));
    answered($r, 502, 'bad_token_response', $_, sent => 'token');
}
--- error_log
returned no token


=== TEST 16: vcita: no access_token or one that is no RFC 6750 b64token: 502
--- flow
for ('"token_type":"Bearer"', '"Access_Token":"abc"', map { "\"access_token\":$_" } 'null', '1', 'true', '["abc"]', '{"a":"abc"}',
     '""', '"="', '"=abc"', '"ab=c"', '"a b"', '" abc"', '"abc "', '"a,b"', '"a\"b"', '"a:b"', '"a%b"', '"a\u00e9b"', "\"a\xc3\xa9\"",
     '"a\nb"', '"abc\n"', '"a\u0000"', '"a\u007f"', '"abc;"')
{
    my $r = begun('/deep')->come_back(code => stub_code({ token => { body => "{$_}" } }));
    answered($r, 502, 'bad_token_response', $_, sent => 'token');
}
--- error_log
returned no token


=== TEST 17: vcita: control bytes in scope or token_type; a token_type other than Bearer: 502
--- flow
for (map({ "\"scope\":$_" } '"a\nb"', '"a\u0000b"', '"\u007f"', '1', '["openid"]'),
     map({ "\"token_type\":$_" } '"mac"', '"DPoP"', '"Bearer "', '" Bearer"', '"Bearerx"', '"Beare"', '"Bearer\n"', '"Bearer\u0000"',
     '"\u0001"', '1', '["Bearer"]', 'true'))
{
    my $r = begun('/deep')->come_back(code => stub_code({ token => { body => "{\"access_token\":\"abc\",$_}" } }));
    answered($r, 502, 'bad_token_response', $_, sent => 'token');
}
--- error_log
returned no token


=== TEST 18: vcita: negative expires_in, or one that is no number: 502
--- flow
for (qw( -1 -0.5 -631139040 "-1" "" "abc" "1h" true [60] ), '" 1"', '"60 "', '"0x10"', '"6e1"') {
    my $r = begun('/deep')->come_back(code => stub_code({ token => { body => "{\"access_token\":\"abc\",\"expires_in\":$_}" } }));
    answered($r, 502, 'bad_token_response', $_, sent => 'token');
}
--- error_log
returned no token


=== TEST 19: vcita: a scope, token_type or expires_in that is an object: 502
--- flow
for (map { ("\"$_\":{}", "\"$_\":{\"a\":\"b\"}") } qw( scope token_type expires_in )) {
    my $r = begun('/deep')->come_back(code => stub_code({ token => { body => "{\"access_token\":\"abc\",$_}" } }));
    answered($r, 502, 'bad_token_response', $_, sent => 'token');
}
--- error_log
returned no token


=== TEST 20: vcita: expires_in absent, null or 0: no end known; a numeric string is a number; the session ends with the token
--- flow
for ([ '', 28800 ], [ ',"expires_in":null', 28800 ], [ ',"expires_in":0', 28800 ], [ ',"expires_in":"0"', 28800 ],
     [ ',"expires_in":631139040', 28800 ], [ ',"expires_in":"631139040"', 28800 ],
     [ ',"expires_in":99999999999999999999999', 28800 ], [ ',"expires_in":28800', 28800 ], [ ',"expires_in":28799', 28799 ],
     [ ',"expires_in":60', 60 ], [ ',"expires_in":"60"', 60 ], [ ',"expires_in":60.9', 61 ], [ ',"expires_in":1', 1 ],
     [ ',"expires_in":0.5', 1 ], [ ',"expires_in":"0.001"', 1 ], [ ',"expires_in":0.0', 28800 ])
{
    my ($member, $age) = @$_;
    my $b = begun('/deep');
    my $r = $b->come_back(code => stub_code({ token => { body => "{\"access_token\":\"abc\"$member}" } }));
    answered($r, 303, '', $member, session => 1, sent => 'token userinfo');
    my ($line) = grep { /^vcita_session=/ } @{ $r->set_cookies };
    like $line, qr{; Max-Age=$age;}, "$member: Max-Age";
}


=== TEST 21: the session ends with the token
--- flow
my $b = begun('/deep');
$b->come_back(code => stub_code({ token => { set => { expires_in => 1 } } }));
$b->cookie_info('vcita_session')->{until} = undef;
wait_for { $b->get('/deep')->status == 302 } 5, 'the end of the session';
pass 'a new login';


=== TEST 22: vcita: answers that are good
--- flow
for ('{"access_token":"abc"}', '{"access_token":"abc","token_type":null}', '{"access_token":"abc","token_type":"bearer"}',
     '{"access_token":"abc","token_type":"BEARER","scope":"openid a b","created_at":1754377015}',
     " \n{\"access_token\" :\t\"abc\", \"refresh_token\":\"r\",\"x\":{\"y\":[1,{\"z\":null}]}}\r\n",
     '{"access_token":"-._~+/AZaz09="}', '{"access_token":"' . 'x' x 2000 . '","id_token":null}')
{
    my $r = begun('/deep')->come_back(code => stub->prepare({ token => { body => $_ } }));
    answered($r, 303, '', substr($_, 0, 60), session => 1, sent => 'token userinfo');
}
for ({ chunked => 1 }, { headers => { 'Content-Type' => 'text/html' } }, { trickle => 0.001, trickle_bytes => 20 }) {
    my $r = begun('/deep')->come_back(code => stub_code({ token => $_ }));
    answered($r, 303, '', join(' ', %$_), session => 1, sent => 'token userinfo');
}


=== TEST 23: vcita: answer cut short: 502, and the code is not sent again
--- flow
my $b = begun('/deep');
my $head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
for ({ truncate => 1 }, { truncate => 5 }, { truncate => 1, chunked => 1 }, { close => 1 }, { reset => 1 },
     { raw => $head }, { raw => 'HTTP/1.1 2' }, { raw => "$head\r\n{\"access_to" }, { raw => "garbage\r\n\r\n" },
     { raw => "{\"access_token\":\"abc\"}" }, { raw => "${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n" })
{
    my $r = $b->come_back(code => stub_code({ token => $_ }));
    (my $how = join ' ', %$_) =~ s/[\r\n]+/ | /g;
    answered($r, 502, 'bad_token_response', $how, sent => 'token');
}
--- error_log
vcita


=== TEST 24: vcita: over 64 KiB: 502
--- flow
my $body = sub { my ($n) = @_; my $s = '{"access_token":"abc","x":"'; $s . 'x' x ($n - length($s) - 2) . '"}' };
for my $chunked (0, 1) {
    my $how = $chunked ? 'chunked' : 'with its length';
    my $r = begun('/deep')->come_back(code => stub->prepare({ token => { chunked => $chunked, body => $body->(65536) } }));
    answered($r, 303, '', "64 KiB $how", session => 1, sent => 'token userinfo');
    for my $n (65537, 200_000) {
        $r = begun('/deep')->come_back(code => stub->prepare({ token => { chunked => $chunked, body => $body->($n) } }));
        answered($r, 502, 'bad_token_response', "$n $how", sent => 'token');
    }
}
my $r = begun('/deep')->come_back(code => stub->prepare({ token => { headers => [ map { [ "X-$_", 'x' x 900 ] } 1 .. 100 ] } }));
answered($r, 502, 'bad_token_response', 'a header of 90 kB', sent => 'token');
--- error_log
vcita


=== TEST 25: refused: 502
--- gate
vcita_oauth_token_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/oauth/token;
--- flow
my $r = begun('/deep')->come_back(code => stub_code);
answered($r, 502, 'unreachable', 'refused');
like $r->body, qr{<a href="\Q${\ url('/deep')}\E"}, 'a way on';
like error_log(), qr{\[error\].*token endpoint "http://127\.0\.0\.1:\d+/oauth/token" is unreachable, .*: }, 'the log says where';
--- error_log
is unreachable


=== TEST 26: no DNS: 502
--- gate
vcita_oauth_token_endpoint http://xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.example/oauth/token;
--- flow
answered(begun('/deep')->come_back(code => stub_code), 502, 'unreachable', 'no such name');
--- error_log
is unreachable


=== TEST 27: https with the right CA
--- gate
vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;
vcita_oauth_userinfo_endpoint $VCITA_STUB_TLS/oauth/userinfo;
vcita_oauth_ssl_trusted_certificate $VCITA_CA;
--- flow
for (1 .. 3) {
    answered(begun('/deep')->come_back(code => stub_code), 303, '', 'login', session => 1, sent => 'token userinfo');
}
is scalar(grep { $_->{tls} } stub->requests), 6, 'each by TLS';
my %conn;
$conn{ $_->{conn} }++ for stub->requests('/oauth/token');
is scalar(keys %conn), 3, 'each code over a connection of its own';


=== TEST 28: TLS failure (wrong CA): connecting is tried twice, then 502, and nothing was sent
--- gate
vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;
vcita_oauth_ssl_trusted_certificate $VCITA_CA_OTHER;
--- flow
my $b = begun('/deep');
my $before = stub->_ask('state')->{accepted};
my $r = $b->come_back(code => stub_code);
is stub->_ask('state')->{accepted} - $before, 3, 'two connections beside our own';
answered($r, 502, 'unreachable', 'wrong CA');
like error_log(), qr{\[error\].*token endpoint "https:.*" is unreachable, .*: .*certificate}, 'the log says why';
--- error_log
is unreachable


=== TEST 29: TLS failure (wrong host): 502, and nothing was sent
--- gate eval
'vcita_oauth_token_endpoint ' . VcitaTest::stub()->url_tls =~ s/localhost/127.0.0.1/r . "/oauth/token;\n"
. 'vcita_oauth_ssl_trusted_certificate $VCITA_CA;'
--- flow
answered(begun('/deep')->come_back(code => stub_code), 502, 'unreachable', 'wrong host');
--- error_log
is unreachable


=== TEST 30: TLS failure (system CAs, a server without TLS): 502, and nothing was sent
--- gate
no vcita_oauth_ssl_trusted_certificate;
vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /plain {
    vcita_oauth on;
    vcita_oauth_token_endpoint https://127.0.0.1:$TEST_NGINX_SERVER_PORT/oauth/token;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/plain/callback;
    vcita_oauth_cookie_name plain;
    proxy_pass $VCITA_APP;
}
--- flow
answered(begun('/deep')->come_back(code => stub_code), 502, 'unreachable', 'system CAs');
answered(begun('/plain')->come_back(code => stub_code), 502, 'unreachable', 'no TLS there');
--- error_log
is unreachable


=== TEST 31: vcita_oauth_ssl_verify off: any certificate will do
--- gate
vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;
vcita_oauth_userinfo_endpoint $VCITA_STUB_TLS/oauth/userinfo;
vcita_oauth_ssl_verify off;
--- flow
answered(begun('/deep')->come_back(code => stub_code), 303, '', 'login', session => 1, sent => 'token userinfo');


=== TEST 32: timeout of connecting: 504
--- gate
vcita_oauth_token_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/oauth/token;
vcita_oauth_connect_timeout 300ms;
--- flow
my $hole = black_hole(rand_port(1));
my $r = begun('/deep')->come_back(code => stub_code);
answered($r, 504, 'timeout', 'connecting');
cmp_ok $r->seconds, '>', 0.25, 'not before its time';
cmp_ok $r->seconds, '<', 2, 'nor long after';
like error_log(), qr{\[error\].*token endpoint "http://127[^"]*" did not respond in time}, 'the log says where';
--- error_log
in time


=== TEST 33: timeout: 504; never sent again once it may have arrived
--- gate
vcita_oauth_timeout 300ms;
--- flow
my $b = begun('/deep');
for my $do ({ hang => 1 }, { trickle => 0.02 }, { truncate => 1, delay => 2 }) {
    my $r = $b->come_back(code => stub_code({ token => $do }));
    answered($r, 504, 'timeout', join(' ', %$do), sent => 'token');
    cmp_ok $r->seconds, '>', 0.25, 'not before its time';
    cmp_ok $r->seconds, '<', 2, 'nor long after';
}
answered($b->come_back(code => stub_code({ token => { delay => 0.1 } })), 303, '', 'in time', session => 1,
    sent => 'token userinfo');
--- error_log
in time


=== TEST 34: userinfo fails: 502
--- flow
my $b = begun('/deep');
for my $do ({ status => 401, json => { error => 'invalid_token' } }, map({ { status => $_ } } 400, 403, 404, 500, 502, 504, 201, 206),
    { status => 204, body => '' }, { status => 302, body => '', headers => { Location => stub->url . '/oauth/userinfo' } },
    { body => '' }, { body => 'x' }, { body => '[]' }, { body => '{"sub":"a","sub":"b"}' }, { body => '{"sub":"a","x":{"y":1,"y":1}}' },
    { body => '{"sub":"a"' }, { headers => { 'Content-Type' => 'application/jwt' }, body => 'e30.e30.' },
    { truncate => 1 }, { close => 1 }, { raw => "garbage\r\n\r\n" }, { raw => "HTTP/1.1 200 OK\r\n" },
    { json => { sub => 'a', x => 'x' x 70000 } })
{
    my $r = $b->come_back(code => stub->prepare({ userinfo => $do }));
    my $what = join ' ', map { ref $do->{$_} ? "$_ ..." : "$_ $do->{$_}" } sort keys %$do;
    answered($r, 502, 'bad_userinfo', $what, sent => 'token userinfo');
}
--- error_log
userinfo


=== TEST 35: userinfo: explicit 429 or 503 that asks for more time than there is: 503 with Retry-After
--- flow
my $b = begun('/deep');
for my $status (429, 503) {
    my $r = $b->come_back(code => stub_code({ userinfo => { status => $status, headers => { 'Retry-After' => 120 } } }));
    answered($r, 503, 'rate_limited', $status, sent => 'token userinfo');
    cmp_ok $r->header('Retry-After'), '>=', 120, "$status: Retry-After";
}


=== TEST 36: userinfo has no `sub`: 502
--- flow
my $b = begun('/deep');
for ('', '"Sub":"a"', '"x":{"sub":"a"}', '"sub":null', '"sub":""', '"sub":1', '"sub":true', '"sub":["a"]', '"sub":{"a":"b"}',
     '"sub":"a\nb"', '"sub":"\u0000"')
{
    my $r = $b->come_back(code => stub_code({ userinfo => { body => "{$_}" } }));
    answered($r, 502, 'bad_userinfo', substr($_, 0, 30), sent => 'token userinfo');
}
--- error_log
userinfo


=== TEST 37: userinfo: refused, timeout: 502
--- gate
vcita_oauth_timeout 300ms;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /refused {
    vcita_oauth on;
    vcita_oauth_userinfo_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/oauth/userinfo;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/refused/callback;
    vcita_oauth_cookie_name refused;
    proxy_pass $VCITA_APP;
}
--- flow
my $b = begun('/deep');
answered($b->come_back(code => stub_code({ userinfo => { hang => 1 } })), 502, 'bad_userinfo', 'timeout',
    sent => 'token userinfo');
answered($b->come_back(code => stub_code({ userinfo => { trickle => 0.02 } })), 502, 'bad_userinfo', 'slow',
    sent => 'token userinfo');
answered(begun('/refused')->come_back(code => stub_code), 502, 'bad_userinfo', 'refused', sent => 'token');
--- error_log
userinfo


=== TEST 38: the session would exceed 3,800 bytes of cookie: 502, log suggests a server-side store
--- flow
my $b = begun('/deep');
for my $n (2850, 4000, 20000) {
    my $token = join '', map { chr 97 + $_ * 7 % 26 } 1 .. $n;
    my $r = $b->come_back(code => stub->prepare({ token => { json => { access_token => $token } } }));
    answered($r, 502, 'session_too_large', "a token of $n", sent => 'token userinfo');
}
like error_log(), qr{\[error\].*vcita_oauth_session_store}, 'the log says what to try';
--- error_log
session_store


=== TEST 39: named claims that overflow the cookie: the first ones stay, never without `sub`
--- config
location / {
    vcita_oauth on;
    proxy_set_header X-Sub $vcita_oauth_claim_sub;
    proxy_set_header X-Claims "$vcita_oauth_claim_c00,$vcita_oauth_claim_c01,$vcita_oauth_claim_c02,$vcita_oauth_claim_c03,$vcita_oauth_claim_c04,$vcita_oauth_claim_c05";
    proxy_pass $VCITA_APP;
}
--- flow
my $sub = 's' x 256;
my $json = join ',', map { sprintf '"c%02d":"%s"', $_, 'x' x 600 } 0 .. 5;
my $b = begun('/deep');
my $r = $b->come_back(code => stub->prepare({ userinfo => { body => "{$json,\"sub\":\"$sub\",\"huge\":\"" . 'x' x 257 . '"}' } }));
answered($r, 303, '', 'login', session => 1, sent => 'token userinfo');

my $len = length $b->cookie('vcita_session');
cmp_ok $len, '<=', 3800, "the cookie's value ($len)";
cmp_ok $len, '>', 3000, 'with as much as it holds';

$r = $b->follow;
my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
is $got{'x-sub'}, $sub, 'sub stays, though it came behind them';
is_deeply [ map { length } split /,/, $got{'x-claims'}, -1 ], [ (600) x 4, (0) x 2 ], 'and the first ones';
like error_log(), qr/\[warn\].*the claim "c05" \(600 bytes\) is too large for the session/, 'the log names the others';


=== TEST 40: vcita_oauth_http_proxy: http endpoints through a forward proxy
--- suppress_stderr
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / {
        proxy_set_header X-Via "$http_host $request_uri";
        proxy_pass $VCITA_STUB;
        access_log off;
    }
}
--- gate
vcita_oauth_http_proxy http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
vcita_oauth_token_endpoint http://api.vcita.test:81/oauth/token;
vcita_oauth_userinfo_endpoint http://api.vcita.test:81/oauth/userinfo;
--- flow
answered(begun('/deep')->come_back(code => stub_code), 303, '', 'login', session => 1, sent => 'token userinfo');
is_deeply [ map { $_->header('X-Via') // '' } stub->requests('/oauth/token'), stub->requests('/oauth/userinfo') ],
    [ 'api.vcita.test:81 /oauth/token', 'api.vcita.test:81 /oauth/userinfo' ],
    'through the proxy, which looks up the name';


=== TEST 41: vcita_oauth_http_proxy: https endpoints through CONNECT
--- gate
vcita_oauth_http_proxy http://user:pass@127.0.0.1:$TEST_NGINX_RAND_PORT_1;
vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;
vcita_oauth_userinfo_endpoint $VCITA_STUB_TLS/oauth/userinfo;
vcita_oauth_ssl_trusted_certificate $VCITA_CA;
--- flow
my $proxy = tunnel(rand_port(1), 200);
answered(begun('/deep')->come_back(code => stub_code), 303, '', 'login', session => 1, sent => 'token userinfo');
my @heads = $proxy->heads =~ /^(CONNECT localhost:\d+) HTTP/mg;
is scalar(@heads), 2, 'two tunnels';
unlike $proxy->heads, qr{Bearer|secret|code=}, 'which does not see what is in them';
like $proxy->heads, qr{^Proxy-Authorization: Basic dXNlcjpwYXNz\r$}m, 'but who asks';
is scalar(grep { $_->header('Proxy-Authorization') } stub->requests), 0, 'which vcita does not';


=== TEST 42: vcita_oauth_http_proxy: a proxy that refuses, or is not there: 502
--- gate
vcita_oauth_http_proxy http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;
vcita_oauth_ssl_trusted_certificate $VCITA_CA;
--- flow
answered(begun('/deep')->come_back(code => stub_code), 502, 'unreachable', 'no proxy');
for my $status (403, 407, 502) {
    my $proxy = tunnel(rand_port(1), $status);
    answered(begun('/deep')->come_back(code => stub_code), 502, 'unreachable', "a proxy that says $status");
    is scalar(() = $proxy->heads =~ /^CONNECT/mg), 2, "$status: connecting is tried twice";
}
--- error_log
is unreachable


=== TEST 43: the environment's proxy variables are ignored
--- main_config
env http_proxy=http://127.0.0.1:1;
env https_proxy=http://127.0.0.1:1;
env HTTPS_PROXY=http://127.0.0.1:1;
env all_proxy=http://127.0.0.1:1;
env ALL_PROXY=http://127.0.0.1:1;
--- gate
vcita_oauth_userinfo_endpoint $VCITA_STUB_TLS/oauth/userinfo;
vcita_oauth_ssl_trusted_certificate $VCITA_CA;
--- flow
answered(begun('/deep')->come_back(code => stub_code), 303, '', 'login', session => 1, sent => 'token userinfo');


=== TEST 44: a connection that failed before a byte was sent is tried again, with a jittered backoff
--- gate
vcita_oauth_http_proxy http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;
vcita_oauth_userinfo_endpoint $VCITA_STUB_TLS/oauth/userinfo;
vcita_oauth_ssl_trusted_certificate $VCITA_CA;
--- log_level: info
--- flow
# nobody listens when each of them connects first, and somebody does a little later
my $crowd = crowd;
for (1 .. 5) {
    my $b = begun('/deep');
    $crowd->add($b, GET => $b->callback_url(code => stub_code));
}
$crowd->start;
my @ms;
$crowd->until(sub { (@ms = error_log() =~ /vcita is unreachable, the request is repeated in (\d+) ms/g) >= 5 }, 5,
    'all of them to fail once');
my $proxy = tunnel(rand_port(1), 200);
my @r = $crowd->run;
is scalar(grep { $_->status == 303 } @r), 5, 'all of them are in';
is scalar(() = stub->requests('/oauth/token')), 5, 'each code was sent once';
my %ms = map { $_ => 1 } @ms;
cmp_ok scalar(keys %ms), '>', 1, "not all at once (@ms)";
is scalar(grep { $_ < 500 || $_ >= 1000 } @ms), 0, 'nor immediately';


=== TEST 45: `invalid_request` where PKCE is off already: the log does not advise it
--- gate
vcita_oauth_pkce off;
--- flow
my $b = begun('/deep');
my $r = $b->come_back(code => stub_code({ token => { status => 400, json => { error => 'invalid_request' } } }));
answered($r, 502, 'invalid_request', 'from the token endpoint', sent => 'token');
answered($b->come_back(error => 'invalid_request'), 502, 'invalid_request', 'from the authorize endpoint');
unlike error_log(), qr/vcita_oauth_pkce off/, 'no such advice';
--- error_log
"invalid_request"


=== TEST 46: a firewall that refuses calls without User-Agent: each call says who makes it
--- config
location / { vcita_oauth on; vcita_oauth_revalidate 1s; proxy_pass $VCITA_APP; }
--- flow
my ($version) = `$ENV{TEST_NGINX_BINARY} -v 2>&1` =~ m{nginx/([0-9.]+)};
open my $fh, '<', 'src/util/ngx_http_vcita_version.h' or die $!;
my ($ours) = join('', <$fh>) =~ /VERSION +"([^"]+)"/;
my $b = begun('/deep');
answered($b->come_back(code => stub_code), 303, '', 'login', session => 1, sent => 'token userinfo');
wait_for { $b->get('/deep'); stub->requests('/oauth/userinfo') > 1 } 10, 'a revalidation';
my @r = stub->requests;
cmp_ok scalar(@r), '>=', 3, 'token, userinfo, revalidation';
is join(' | ', $_->header('User-Agent')), "ngx_http_vcita_oauth/$ours (nginx/$version)", $_->path for @r[0 .. 2];


=== TEST 47: a forward proxy that refuses calls without User-Agent: CONNECT says who makes it
--- gate
vcita_oauth_http_proxy http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;
vcita_oauth_userinfo_endpoint $VCITA_STUB_TLS/oauth/userinfo;
vcita_oauth_ssl_trusted_certificate $VCITA_CA;
--- flow
my $proxy = tunnel(rand_port(1), 200);
answered(begun('/deep')->come_back(code => stub_code), 303, '', 'login', session => 1, sent => 'token userinfo');
my @agents = $proxy->heads =~ m{^User-Agent: (.*?)\r$}mg;
is scalar(@agents), 2, 'both tunnels';
is scalar(grep { m{^ngx_http_vcita_oauth/\S+ \(nginx/\S+\)$} } @agents), 2, "the module (@agents)";


=== TEST 48: a login that fails at vcita: one line at nginx's default level, with the endpoint, what came and what to check
--- log_level: error
--- gate
vcita_oauth_timeout 500ms;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /refused {
    vcita_oauth on;
    vcita_oauth_token_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/oauth/token;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/refused/callback;
    vcita_oauth_cookie_name refused;
    proxy_pass $VCITA_APP;
}
location /unheard {
    vcita_oauth on;
    vcita_oauth_userinfo_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/oauth/userinfo;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/unheard/callback;
    vcita_oauth_cookie_name unheard;
    proxy_pass $VCITA_APP;
}
--- flow
my $html = { status => 403, headers => { 'Content-Type' => 'text/html' }, body => '<html>Request blocked</html>' };
my $edge = qr{ returned no .*\(status 403, .*: a firewall in front of the endpoint .*address and the User-Agent ngx_http_vcita_oauth,};
for ([ '/', token => { status => 400, json => { error => 'invalid_request' } }, qr{ returned no token \(status 400, error "invalid_request"\): .*pkce} ],
     [ '/', token => { status => 400, json => { error => 'odd' } }, qr{ returned no token \(status 400, error "odd"\): .*vcita_oauth_error_description} ],
     [ '/', token => { status => 401, json => { error => 'invalid_client' } }, qr{ returned no token \(status 401, error "invalid_client"\): check vcita_oauth_client_id} ],
     [ '/', token => { status => 404, body => '<html>' }, qr{ returned no token \(status 404, error "bad_token_response"\): check vcita_oauth_token_endpoint} ],
     [ '/', token => { status => 403, json => { message => 'no' } }, qr{ returned no token \(status 403, error "bad_token_response"\): check vcita_oauth_token_endpoint} ],
     [ '/', token => $html, $edge ],
     [ '/', token => { status => 403, body => '' }, $edge ],
     [ '/', token => { body => ' {}' }, qr{ returned no token \(status 200, error "bad_token_response"\): check vcita_oauth_token_endpoint} ],
     [ '/', token => { truncate => 5 }, qr{ sent an incomplete or too large response, check .*: .} ],
     [ '/', token => { hang => 1 }, qr{ did not respond in time, check .*vcita_oauth_timeout: .} ],
     [ '/refused', token => {}, qr{ is unreachable, check .*vcita_oauth_http_proxy.*: .} ],
     [ '/', id_token => { set => { aud => 'other' } }, qr{ returned an invalid id_token: its aud } ],
     [ '/', userinfo => { status => 500 }, qr{ returned no "sub" \(status 500, \d+ bytes\): check vcita_oauth_userinfo_endpoint} ],
     [ '/', userinfo => { status => 401, json => {} }, qr{ returned no "sub" \(status 401, \d+ bytes\): check that vcita_oauth_scope has openid} ],
     [ '/', userinfo => { json => {} }, qr{ returned no "sub" \(status 200, \d+ bytes\): check vcita_oauth_userinfo_endpoint} ],
     [ '/', userinfo => $html, $edge ],
     [ '/', userinfo => { truncate => 5 }, qr{ sent an incomplete or too large response, check .*: .} ],
     [ '/', userinfo => { hang => 1 }, qr{ did not respond in time, check .*vcita_oauth_timeout: .} ],
     [ '/unheard', userinfo => {}, qr{ is unreachable, check .*vcita_oauth_http_proxy.*: .} ])
{
    my ($where, $endpoint, $do, $said) = @$_;
    my $what = "$where $endpoint " . join ' ', map { ref $do->{$_} ? $_ : "$_ $do->{$_}" } sort keys %$do;
    my $before = length error_log();
    like begun($where)->come_back(code => stub_code({ $endpoint => $do }))->status, qr/^50[24]$/, "$what: fails";
    my @lines = split /\n/, substr error_log(), $before;
    my $url = $endpoint eq 'userinfo' ? qr{userinfo endpoint "http://[^"]*/oauth/userinfo"} : qr{token endpoint "http://[^"]*/oauth/token"};
    is scalar(@lines), 1, "$what: one line";
    like $lines[0], qr{\[(?:error|crit)\].* $url$said}, "$what: it says so";
}
--- error_log
endpoint


=== TEST 49: a code that vcita never takes: the line of the login that is given up names the endpoint and what to compare
--- log_level: warn
--- flow
my $b = begun('/deep');
my $do = { token => { status => 400, json => { error => 'invalid_grant' } } };
is $b->come_back(code => stub_code($do))->status, $_, 'round' for 302, 302, 502;
like error_log(), qr{given up after 3 rounds: invalid_grant from token endpoint "http://[^"]*/oauth/token", compare vcita_oauth_redirect_uri with the app at vcita},
    'the log says so';
--- error_log
given up
