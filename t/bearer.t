# Signed tokens of embedded apps: a request that brings one comes in without any cookie.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaAssertion;

use MIME::Base64 ();

# a request with that token, and what became of it
sub VcitaFlow::Code::bears {
    my ($token, $path, %opt) = @_;
    my $b = VcitaFlow::browser();
    return $b->get($path // '/', headers => [ 'Authorization', "Bearer $token", %{ $opt{headers} || {} } ]);
}

# vcita has these keys
sub VcitaFlow::Code::has_keys {
    VcitaFlow::stub()->always({ keys => { json => ref $_[0] ? $_[0] : VcitaAssertion::client_jwks(@_) } });
}

sub VcitaFlow::Code::refused {
    my ($r, $reason, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    VcitaFlow::is($r->status, 401, "$name: 401");
    VcitaFlow::is($r->header('WWW-Authenticate'), 'Bearer realm="vcita", error="invalid_token"', "$name: the challenge");
    VcitaFlow::is($r->header('X-Error'), 'invalid_token', "$name: the variable");
    VcitaFlow::is(scalar(@{ $r->set_cookies }), 0, "$name: no cookie");
}

sub VcitaFlow::Code::b64 { MIME::Base64::encode_base64url($_[0]) }
sub VcitaFlow::Code::unb64 { MIME::Base64::decode_base64url($_[0]) }

# the keys of all blocks; the location of those that have none for "/"
my $GATE = 'vcita_oauth_jwks_endpoint $VCITA_STUB/jwks.json;' . "\n";
my $LOCATION = 'location / { vcita_oauth on; vcita_oauth_bearer salonapp; add_header X-Error $vcita_oauth_error always; empty_gif; }';

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(gate => $GATE . ($block->gate // ''));
    my $config = $block->config // '';
    $block->set_value(config => "$LOCATION\n$config") if $config !~ m{^location / }m;
    $block->set_value(log_level => 'info');
    $block->set_value(no_error_log => '[alert]');
});

run_tests();

__DATA__

=== TEST 1: a signed token lets its request in without any cookie, and says who it is
--- config
add_header X-Error $vcita_oauth_error always;
location / {
    vcita_oauth on;
    vcita_oauth_bearer other salonapp;
    add_header X-Who "$vcita_oauth_authenticated,$vcita_oauth_claim_sub,$vcita_oauth_claim_business_uid,$vcita_oauth_claim_actor_type" always;
    add_header X-Token "[$vcita_oauth_access_token$vcita_oauth_token_type]" always;
    add_header X-Left $vcita_oauth_expires always;
    add_header X-Started $vcita_oauth_session_started always;
    proxy_pass $VCITA_APP;
}
location /rule {
    vcita_oauth on;
    vcita_oauth_bearer salonapp;
    vcita_oauth_require $vcita_oauth_claim_business_uid another;
    add_header X-Error $vcita_oauth_error always;
    proxy_pass $VCITA_APP;
}
location /off {
    vcita_oauth on;
    proxy_pass $VCITA_APP;
}
--- flow
has_keys('rsa');
my $iat = time;
my $token = signed_token('rsa', {}, { iat => $iat, exp => $iat + 300 });
for my $n (1 .. 3) {
    my $r = bears($token);
    is $r->status, 200, "$n: in";
    is $r->header('X-Who'), '1,a383717599bf1893,ed469f8764326a66,staff', "$n: the claims";
    is $r->header('X-Token'), '[]', "$n: no access token";
    is $r->header('X-Started'), $iat, "$n: as old as its iat";
    cmp_ok $r->header('X-Left'), '<=', 300, "$n: what the token has left";
    cmp_ok $r->header('X-Left'), '>', 200, "$n: what the token has left";
    is scalar(@{ $r->set_cookies }), 0, "$n: no cookie";
}
is bears(signed_token('rsa', {}, { aud => [ 'a', 'salonapp' ] }))->status, 200, 'aud is an array';
is bears(signed_token('rsa', { kid => undef }, { kid => 'rsa' }))->status, 200, 'kid in the payload';
is bears(signed_token('rsa', { kid => undef }))->status, 200, 'no kid';
is bears($token, '/rule')->status, 403, 'rules hold';
is bears($token, '/rule')->header('X-Error'), 'not_allowed', 'as for a session';
is scalar(stub->requests('/jwks.json')), round ? 0 : 1, 'the keys: one call';
is scalar(stub->requests('/oauth/userinfo')), 0, 'vcita is not asked who it is';
isnt bears($token, '/off')->status, 200, 'where the directive is off, a token opens nothing';
unlike error_log(), qr/\Q$token\E/, 'no token in the log';


=== TEST 2: a token that is wrong in one thing is 401 invalid_token, and the log says which
--- config
location / {
    vcita_oauth on;
    vcita_oauth_bearer salonapp;
    add_header X-Error $vcita_oauth_error always;
    proxy_pass $VCITA_APP;
}
location /optional {
    vcita_oauth optional;
    vcita_oauth_bearer salonapp;
    add_header X-Error $vcita_oauth_error always;
    proxy_pass $VCITA_APP;
}
--- flow
my $keys = client_jwks('rsa', 'rsa1024', 'ec');
my ($rsa, $short) = @{ $keys->{keys} };
push @{ $keys->{keys} }, { %$rsa, kid => 'enc', use => 'enc' }, { %$rsa, kid => 'ps', alg => 'PS256' };
has_keys($keys);

is bears(signed_token('rsa'))->status, 200, 'the right one';

my $good = signed_token('rsa');
my ($h, $p, $s) = split /\./, $good;
my $now = time;
my $header = sub { b64(encode_json($_[0])) };
my $hmac = sub {
    require Digest::SHA;
    my $text = $header->({ alg => 'HS256', kid => 'rsa' }) . ".$p";
    return "$text." . b64(Digest::SHA::hmac_sha256($text, $_[0]));
};

my @bad = (
    [ 'alg none' => $header->({ alg => 'none' }) . ".$p.", 'not a compact JWS' ],
    [ 'alg none with a signature' => $header->({ alg => 'none', kid => 'rsa' }) . ".$p.$s", 'alg' ],
    [ 'HS256 keyed with the public key' => $hmac->(unb64($rsa->{n})), 'alg' ],
    [ 'RS512' => signed_token('rsa', { alg => 'RS512' }), 'alg' ],
    [ 'ES256' => signed_token('ec', { alg => 'ES256' }), 'alg' ],
    [ 'RS256 by an EC key' => signed_token('ec'), 'kid' ],
    [ 'a key of 1,024 bits' => signed_token('rsa1024'), 'kid' ],
    [ 'a key for encryption' => signed_token('rsa', { kid => 'enc' }), 'kid' ],
    [ 'a key of another alg' => signed_token('rsa', { kid => 'ps' }), 'kid' ],
    [ 'aud' => signed_token('rsa', {}, { aud => 'another' }), 'aud' ],
    [ 'no aud' => signed_token('rsa', {}, { aud => undef }), 'aud' ],
    [ 'aud that begins alike' => signed_token('rsa', {}, { aud => 'salonapp,x' }), 'aud' ],
    [ 'iss' => signed_token('rsa', {}, { iss => 'Intandem' }), 'iss' ],
    [ 'exp' => signed_token('rsa', {}, { exp => $now - 61 }), 'exp' ],
    [ 'no exp' => signed_token('rsa', {}, { exp => undef }), 'exp' ],
    [ 'exp before 1970' => signed_token('rsa', {}, { exp => -5 }), 'exp' ],
    [ 'exp as a text' => signed_token('rsa', {}, { exp => "@{[ $now + 300 ]}" }), 'exp' ],
    [ 'iat' => signed_token('rsa', {}, { iat => $now + 120 }), 'iat' ],
    [ 'nbf' => signed_token('rsa', {}, { nbf => $now + 120 }), 'nbf' ],
    [ 'no sub' => signed_token('rsa', {}, { sub => undef }), 'sub' ],
    [ 'kid' => signed_token('rsa', { kid => 'unknown' }), 'kid' ],
    [ 'kid that is a number' => signed_token('rsa', { kid => 7 }), 'kid' ],
    [ 'crit' => signed_token('rsa', { crit => [ 'b64' ], b64 => JSON::PP::false() }), 'crit' ],
    [ 'another key' => signed_token('rsa_other', { kid => 'rsa' }), 'signature' ],
    [ 'another key, no kid' => signed_token('rsa_other', { kid => undef }), 'signature' ],
    [ 'its own key beside it' => signed_token('rsa_other', { kid => 'rsa', jwk => client_jwks('rsa_other')->{keys}[0] }),
        'signature' ],
    [ 'another payload' => "$h." . (split /\./, signed_token('rsa', {}, { sub => 'x' }))[1] . ".$s", 'signature' ],
    [ 'a signature of one byte' => "$h.$p.AA", 'signature' ],
    [ 'base64url cut' => substr($good, 0, -1), 'not a compact JWS|signature' ],
    [ 'base64url padded' => "$good=", 'not a compact JWS' ],
    [ 'base64' => "$h.$p.+/$s", 'not a compact JWS' ],
    [ 'a nested JWS' => VcitaAssertion::signed('rsa', "$h." . b64(qq("$good"))), 'not a compact JWS' ],
    [ 'four parts' => "$good.x", 'not a compact JWS' ],
    [ 'two parts' => "$h.$p", 'not a compact JWS' ],
    [ '8 KB of claims' => signed_token('rsa', {}, { much => 'x' x 4000 }), 'too long' ],
    [ 'a member twice' => VcitaAssertion::signed('rsa', "$h."
        . b64(unb64($p) =~ s/^\{/{"sub":"x",/r)), 'not a compact JWS' ],
    [ 'opaque' => 'eade05e0ee958ed139b7431b1a630bff95260178699ddf88cbd86a32d2ac708c', 'not a compact JWS' ],
    [ 'nothing' => '', 'not a compact JWS' ],
);
for (@bad) {
    my ($name, $token, $why) = @$_;
    refused(bears($token), $why, $name);
    like error_log(), qr/\[error\].*the Bearer token of the request was refused: [^\n]*(?:$why)/, "$name: the log"
        if !round;
}
refused(bears($bad[0][1], '/optional'), '', 'under optional');
is bears($good)->status, 200, 'the right one again';
unlike error_log(), qr/\Q$s\E|eade05e0/, 'no token in the log';
is scalar(grep { $_->path ne '/jwks.json' } stub->requests), 0, 'vcita was asked for nothing but its keys';
cmp_ok scalar(stub->requests('/jwks.json')), '<=', 1, 'and once';


=== TEST 3: a cookie beside a token is not looked at; a login page never appears
--- config
location / {
    vcita_oauth on;
    vcita_oauth_bearer salonapp;
    add_header X-Error $vcita_oauth_error always;
    add_header X-Who $vcita_oauth_claim_email always;
    proxy_pass $VCITA_APP;
}
--- flow
has_keys('rsa');
my $b = begun('/');
$b->come_back(code => stub_code);
is $b->get('/')->header('X-Who'), 'alice@example.biz', 'a session';
is $b->get('/', headers => [ 'Authorization', 'Basic eDp5' ])->status, 200, 'another scheme is no token';
refused($b->get('/', headers => [ 'Authorization', 'Bearer x.y.z' ]), '', 'beside a session');
refused($b->get('/', headers => [ 'Authorization', 'bearer x.y.z' ]), '', 'in lower case');
refused($b->get('/', headers => [ 'Authorization', 'Bearer' ]), '', 'empty');
my $r = $b->get('/', headers => [ 'Authorization', 'Bearer ' . signed_token('rsa') ]);
is $r->status, 200, 'a token';
is $r->header('X-Who'), undef, 'says who it is, not the cookie';
is $b->get('/')->header('X-Who'), 'alice@example.biz', 'the session goes on';


=== TEST 4: vcita's keys cannot be fetched: 503 keys_unavailable, one call in 30 s
--- config
location / {
    vcita_oauth optional;
    vcita_oauth_bearer salonapp;
    add_header X-Error $vcita_oauth_error always;
    proxy_pass $VCITA_APP;
}
--- workers: 2
--- flow
return pass 'the pause between two calls is over in no repetition' if round;
stub->always({ keys => { body => 'garbage' } });
my $token = signed_token('rsa');
for my $n (1 .. 20) {
    my $r = bears($token);
    is $r->status, 503, "$n: 503";
    is $r->header('X-Error'), 'keys_unavailable', "$n: keys_unavailable";
}
is scalar(stub->requests('/jwks.json')), 1, 'one call';
like error_log(), qr/\[error\].*jwks endpoint.*returned status 200 and no key set/, 'the log';
is browser()->get("/")->status, 200, "without a token as ever";


=== TEST 5: 1,000 tokens at once wait for one call, of two workers and over a reload
--- workers: 2
--- flow
return pass 'the pause between two calls is over in no repetition' if round;
stub->always({ keys => { json => client_jwks('rsa'), hold => 1 } });
my @auth = (headers => [ 'Authorization', 'Bearer ' . signed_token('rsa') ]);
my $crowd = crowd();
$crowd->add(browser(), GET => '/', @auth) for 1 .. 200;
$crowd->start;
$crowd->until(sub { stub->exchanges == 1 }, 10, 'one call');
stub->release;
$crowd->finish;
is $crowd->tally->{200}, 200, 'all are in';
is scalar(stub->requests('/jwks.json')), 1, 'with one call';

$crowd = crowd();
$crowd->add(browser(), GET => '/', headers => [ 'Authorization', 'Bearer ' . signed_token('rsa', { kid => "k$_" }) ]) for 1 .. 100;
$crowd->run;
is_deeply $crowd->tally, { '401 invalid_token' => 100 }, 'unknown kids: 401';
is scalar(stub->requests('/jwks.json')), 1, 'and no call within 30 s';

nginx_reload();
is bears((@auth)[1][1] =~ s/^Bearer //r)->status, 200, 'the keys are there after a reload';
is scalar(stub->requests('/jwks.json')), 1, 'without a call';


=== TEST 6: keys that rotate: the new one passes within one fetch, the one that went opens nothing
--- flow
return pass 'it takes 30 s' if round;
has_keys('rsa');
my ($old, $new) = (signed_token('rsa'), signed_token('rsa_other'));
is bears($old)->status, 200, 'the old key';
has_keys('rsa_other');
refused(bears($new), '', 'a new key, a moment later');
is bears($old)->status, 200, 'the old key is known still';
wait_for { bears($new)->status == 200 } 40, 'the new key passes';
refused(bears($old), '', 'the key that went');
is scalar(stub->requests('/jwks.json')), 2, 'two calls';


=== TEST 7: a gated auth_request: a token is checked there, too; a subrequest has no page
--- config
location / {
    auth_request /check;
    auth_request_set $who $vcita_oauth_claim_sub;
    add_header X-Who $who;
    proxy_pass $VCITA_APP;
}
location = /check {
    internal;
    vcita_oauth on;
    vcita_oauth_bearer salonapp;
    empty_gif;
}
--- flow
has_keys('rsa');
my $r = bears(signed_token('rsa'));
is $r->status, 200, 'in';
is bears(signed_token('rsa_other', { kid => 'rsa' }))->status, 401, 'a wrong signature';


=== TEST 8: a key set that is too long, or has too many keys, is none
--- flow
return pass 'one call in 30 s' if round;
has_keys({ keys => [ map { { kty => 'RSA', n => 'AQAB', e => 'AQAB', kid => "k$_" } } 1 .. 500 ] });
is bears(signed_token('rsa'))->status, 503, '500 keys';


=== TEST 9: a key set of a megabyte is cut off
--- config
location = /status { vcita_oauth_status; }
--- flow
return pass 'one call in 30 s' if round;
has_keys({ keys => client_jwks('rsa')->{keys}, more => 'x' x 1_000_000 });
is bears(signed_token('rsa'))->status, 503, '1 MB';
like browser()->get('/status')->body, qr/^vcita_oauth_bearer_total\{outcome="unavailable"\} 1$/m, 'counted';


=== TEST 11: keys that came without a check of vcita's certificate verify no token where it is checked
--- config
location / {
    vcita_oauth on;
    vcita_oauth_bearer salonapp;
    empty_gif;
}
location /unchecked/ {
    vcita_oauth on;
    vcita_oauth_bearer salonapp;
    vcita_oauth_ssl_verify off;
    vcita_oauth_cookie_name unchecked;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/unchecked/callback;
    empty_gif;
}
--- flow
return pass 'one call in 30 s' if round;
has_keys('rsa');
is bears(signed_token('rsa'), '/unchecked/x')->status, 200, 'keys without a check';
is scalar(stub->requests('/jwks.json')), 1, 'one call';
has_keys('rsa_other');
is bears(signed_token('rsa_other'))->status, 200, 'another location fetches its own';
is scalar(stub->requests('/jwks.json')), 2, 'a second call';
is bears(signed_token('rsa'))->status, 401, 'and takes no other keys';
is bears(signed_token('rsa'), '/unchecked/x')->status, 200, 'as the first one does';


=== TEST 12: behind an internal redirect the names of that location hold; a token never becomes a session cookie
vcita_oauth_session_idle_timeout 10s all;
--- config
location = /a { vcita_oauth on; vcita_oauth_bearer other; error_page 401 = /b; empty_gif; }
location = /b { vcita_oauth on; vcita_oauth_bearer salonapp; empty_gif; }
location = /both { vcita_oauth on; try_files /nonexistent @token; }
location @token { vcita_oauth on; vcita_oauth_bearer salonapp; add_header X-Who $vcita_oauth_claim_email always; empty_gif; }
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
has_keys('rsa');
is bears(signed_token('rsa'), '/a')->status, 200, 'the names of the second location';
my $b = begun('/');
$b->come_back(code => stub_code);
is $b->get('/')->status, 200, 'a session';
my $began = time;
wait_for { time > $began + 1 } 5, 'a tenth of the idle time';
my $r = $b->get('/both', headers => [ Authorization => 'Bearer ' . signed_token('rsa') ]);
is $r->status, 200, 'both';
is $r->header('X-Who'), undef, 'by its token';
is_deeply $r->set_cookies, [], 'which is no session of a cookie';
is $b->get('/')->status, 200, 'the session is good still';
