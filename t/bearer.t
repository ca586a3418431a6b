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
--- http_config
large_client_header_buffers 4 32k;
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
    [ 'HS256 keyed with the PEM of it' => $hmac->(do { open my $pem, '<', client_key('public') or die $!; local $/; <$pem> }), 'alg' ],
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
    [ '8 KB of claims' => signed_token('rsa', {}, { much => 'x' x 8192 }), 'too long' ],
    [ 'a member twice' => VcitaAssertion::signed('rsa', "$h."
        . b64(unb64($p) =~ s/^\{/{"sub":"x",/r)), 'not a compact JWS' ],
    [ 'opaque' => 'eade05e0ee958ed139b7431b1a630bff95260178699ddf88cbd86a32d2ac708c', 'not a compact JWS' ],
    [ 'nothing' => '', 'not a compact JWS' ],
);
for (@bad) {
    my ($name, $token, $why) = @$_;
    refused(bears($token), $why, $name);
    refused(bears($token, '/optional'), $why, "$name, under optional");
    like error_log(), qr/\[error\].*the Bearer token of the request was refused: [^\n]*(?:$why)/, "$name: the log"
        if !round;
}
is bears($good)->status, 200, 'the right one again';
is bears($good, '/optional')->status, 200, 'under optional, too';
my %lines;
$lines{$_}++ for error_log() =~ /the Bearer token of the request was refused: ([^\n]*?) \(logged/g;
is_deeply \%lines, round ? {} : { map { $_ => 1 } keys %lines }, 'each reason once a minute';
is scalar(keys %lines), round ? 0 : 11, 'eleven reasons';
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

my (undef, $p, $s) = split /\./, signed_token('rsa');
for my $hundred (0 .. 9) {
    $crowd = crowd();
    for (map { 100 * $hundred + $_ } 1 .. 100) {
        my $token = b64(encode_json({ alg => 'RS256', kid => "k$_" })) . ".$p.$s";
        $crowd->add(browser(), GET => '/', headers => [ 'Authorization', "Bearer $token" ]);
    }
    $crowd->run;
    is_deeply $crowd->tally, { '401 invalid_token' => 100 }, 'a hundred unknown kids: 401';
}
is scalar(stub->requests('/jwks.json')), 1, 'a thousand of them: no call within 30 s';

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


=== TEST 13: a key set of 1 MB, of 500 keys, of garbage, or none at all from a vcita that is down: the keys that are known stay, and open
--- config eval
join "\n", 'location /keys/ { root html; default_type application/json; }', map { <<END } qw( big many garbage down );
location /$_/ {
    vcita_oauth on;
    vcita_oauth_bearer salonapp;
    vcita_oauth_cookie_name c$_;
    vcita_oauth_redirect_uri http://127.0.0.1:\$TEST_NGINX_SERVER_PORT/$_/callback;
    vcita_oauth_jwks_endpoint @{[ $_ eq 'down' ? '$VCITA_STUB/jwks.json' : "http://127.0.0.1:\$TEST_NGINX_SERVER_PORT/keys/$_" ]};
    add_header X-Error \$vcita_oauth_error always;
    empty_gif;
}
END
--- flow
return pass 'it takes 30 s' if round;
my $dir = servroot . '/html/keys';
mkdir $dir or die "$dir: $!";
my $keys = sub {
    my ($name, $text) = @_;
    open my $out, '>', "$dir/$name.new" or die "$dir: $!";
    print $out $text;
    close $out;
    rename "$dir/$name.new", "$dir/$name" or die "$dir: $!";
};
my $good = client_jwks('rsa');
my ($key) = @{ $good->{keys} };
my $token = signed_token('rsa');
my @kinds = qw( big many garbage down );
$keys->($_, encode_json($good)) for @kinds;
has_keys('rsa');
is bears($token, "/$_/x")->status, 200, "$_: the keys are known" for @kinds;

$keys->(big => encode_json({ %$good, more => 'x' x 1_000_000 }));
$keys->(many => encode_json({ keys => [ $key, map { { kty => 'RSA', n => 'AQAB', e => 'AQAB', kid => "k$_" } } 1 .. 499 ] }));
$keys->(garbage => '{"keys":[');
stub->always({ keys => { reset => 1 } });
my $other = signed_token('rsa_other', { kid => 'new' });
my $calls = sub {
    my ($kind) = @_;
    return scalar(stub->requests('/jwks.json')) if $kind eq 'down';
    return scalar(() = access_log() =~ m{"GET /keys/$kind }g);
};
for my $kind (@kinds) {
    wait_for { refused(bears($other, "/$kind/x"), '', "$kind: an unknown kid"); $calls->($kind) == 2 } 40, "$kind: a second call";
    is bears($token, "/$kind/x")->status, 200, "$kind: a token that was verified before";
    is bears(signed_token('rsa'), "/$kind/x")->status, 200, "$kind: a new token of the known key";
    refused(bears($other, "/$kind/x"), '', "$kind: an unknown kid, after the call");
    refused(bears(signed_token('rsa_other', { kid => 'rsa' }), "/$kind/x"), '', "$kind: a forged one");
    is $calls->($kind), 2, "$kind: two calls";
}
like error_log(), qr{jwks endpoint "[^"]*/keys/big" sent an incomplete or too large response}, 'big: the log';
like error_log(), qr{jwks endpoint "[^"]*/keys/$_" returned status 200 and no key set of at most 64 keys, earlier keys stay}, "$_: the log"
    for qw( many garbage );
like error_log(), qr{jwks endpoint "[^"]*/jwks.json" (?:is unreachable|sent an incomplete)}, 'down: the log';


=== TEST 14: no key of vcita is known, whatever the reason: 503 keys_unavailable, under optional, too, and nothing comes in
--- config eval
join "\n", 'location = /forbidden { return 403; } location = /moved { return 302 $VCITA_STUB/jwks.json; } location = /none { return 200 "{\"keys\":[]}"; }',
    map { my ($name, $url) = @$_; <<END } [ down => 'http://127.0.0.1:1/jwks' ], map { [ $_ => "http://127.0.0.1:\$TEST_NGINX_SERVER_PORT/$_" ] } qw( forbidden moved none );
location /$name/ {
    vcita_oauth optional;
    vcita_oauth_bearer salonapp;
    vcita_oauth_cookie_name c$name;
    vcita_oauth_redirect_uri http://127.0.0.1:\$TEST_NGINX_SERVER_PORT/$name/callback;
    vcita_oauth_jwks_endpoint $url;
    add_header X-Error \$vcita_oauth_error always;
    empty_gif;
}
END
--- flow
has_keys('rsa');
for my $kind (qw( down forbidden moved none )) {
    for my $n (1 .. 3) {
        my $r = bears(signed_token('rsa'), "/$kind/x");
        is $r->status, 503, "$kind: $n";
        is $r->header('X-Error'), 'keys_unavailable', "$kind: $n: \$vcita_oauth_error";
        is scalar(@{ $r->set_cookies }), 0, "$kind: $n: no cookie";
    }
    is browser()->get("/$kind/x")->status, 200, "$kind: without a token as ever";
}
is scalar(stub->requests('/jwks.json')), 0, 'a redirect is not followed';


=== TEST 15: a flood of forged tokens that name a known key: each is refused, with one line and no call, and who has a right one is still in
--- workers: 2
--- flow
has_keys('rsa');
my $good = signed_token('rsa');
is bears($good)->status, 200, 'a right one';
my ($h, $p, $s) = split /\./, $good;
my $bytes = unb64($s);
for my $hundred (1 .. 10) {
    my $crowd = crowd();
    for my $n (1 .. 100) {
        substr($bytes, 2 * $n, 2) ^= pack 'n', $hundred;
        $crowd->add(browser(), GET => '/', headers => [ Authorization => "Bearer $h.$p." . b64($bytes) ]);
        substr($bytes, 2 * $n, 2) ^= pack 'n', $hundred;
    }
    $crowd->run;
    is_deeply $crowd->tally, { '401 invalid_token' => 100 }, 'a hundred of them';
}
is bears($good)->status, 200, 'the right one';
cmp_ok scalar(() = error_log() =~ /refused: its signature is wrong/g), '<=', 2, 'a line for each worker';
cmp_ok scalar(stub->requests('/jwks.json')), '<=', 1, 'no call for any of them';


=== TEST 16: a token's claims reach variables, headers, rules and the audit log as a session's do, behind internal redirects and under optional, too
--- gate
vcita_oauth_header X-Forwarded-User $vcita_oauth_claim_sub;
--- http_config
log_format audit '$uri|$vcita_oauth_event|$status|$vcita_oauth_account|$vcita_oauth_claim_business_uid|$vcita_oauth_session|$vcita_oauth_error|$vcita_oauth_access_token';
access_log logs/audit.log audit;
--- config
location / { vcita_oauth on; vcita_oauth_bearer salonapp; proxy_pass $VCITA_APP; }
location /maybe { vcita_oauth optional; vcita_oauth_bearer salonapp; proxy_set_header X-In $vcita_oauth_authenticated; proxy_pass $VCITA_APP; }
location /files { vcita_oauth on; vcita_oauth_bearer salonapp; try_files /none @named; }
location @named { proxy_set_header X-Business $vcita_oauth_claim_business_uid; proxy_pass $VCITA_APP; }
location /failed { vcita_oauth on; vcita_oauth_bearer salonapp; error_page 502 = /page; proxy_pass http://127.0.0.1:1; }
location /page { proxy_set_header X-Business $vcita_oauth_claim_business_uid; proxy_set_header X-In $vcita_oauth_authenticated; proxy_pass $VCITA_APP; }
location /rule { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_require $vcita_oauth_claim_actor_type owner; error_page 403 = /page; proxy_pass $VCITA_APP; }
location /met { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_require $vcita_oauth_claim_actor_type owner staff; proxy_pass $VCITA_APP; }
location /mapped { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_require $vcita_oauth_claim_business_uid ed46*; proxy_pass $VCITA_APP; }
--- flow
has_keys('rsa');
my $b = browser();
my $asks = sub {
    my ($token, $path) = @_;
    my $r = $b->get($path, headers => [ 'X-Forwarded-User' => 'forged', $token ? (Authorization => "Bearer $token") : () ]);
    my %got = $r->body =~ /^\{/ ? map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} } : ();
    return join '|', $r->status, map { $_ // '-' } @got{qw( x-forwarded-user x-business x-in )};
};
my ($who, $business) = qw( a383717599bf1893 ed469f8764326a66 );
my ($one, $two) = map { signed_token('rsa') } 1, 2;
for my $token ($one, $one, $two) {
    is $asks->($token, '/x'), "200|$who|-|-", 'the header';
    is $asks->($token, '/maybe'), "200|$who|-|1", 'under optional';
    is $asks->($token, '/files'), "200|$who|$business|-", 'try_files';
    is $asks->($token, '/failed'), "200|$who|$business|1", 'error_page of an upstream that is down';
    is $asks->($token, '/rule'), '200|-|-|0', 'an unmet rule: the page is told nobody';
    is $asks->($token, '/met'), "200|$who|-|-", 'a rule that is met';
    is $asks->($token, '/mapped'), "200|$who|-|-", 'another one';
}
is $asks->(undef, '/maybe'), '200|-|-|0', 'under optional without a token: anonymous';

my (@lines, %of);
wait_for {
    open my $log, '<', servroot . '/logs/audit.log' or die $!;
    @lines = map { chomp; $_ } <$log>;
    @lines >= 22 * (round() + 1);
} 5, 'the audit log';
@lines = @lines[-22 .. -1];
is pop @lines, '/maybe|-|200|-|-|-|-|-', 'nobody';
while (my ($n, $line) = each @lines) {
    my ($uri, $event, $status, $account, $told, $session, $error, $token) = split /\|/, $line, -1;
    my $refused = $n % 7 == 4;
    is $event, $refused ? 'refused' : '-', "$line: the event";
    is $account, $who, "$line: the account";
    is $told, $business, "$line: the claim";
    is $error, $refused ? 'not_allowed' : '-', "$line: the error";
    is $token, '-', "$line: no token";
    like $session, qr/^[0-9a-f]{16}$/, "$line: the session";
    $of{$session}{ $n < 14 ? 'one' : 'two' }++;
}
is_deeply [ sort map { join ' ', %$_ } values %of ], [ 'one 14', 'two 7' ], '$vcita_oauth_session is of one token';
--- error_log
is not met


=== TEST 17: idle timeout, session timeout, revalidation and giving back are a session's: a token ends by its exp, and vcita is asked nothing
--- gate
vcita_oauth_session_timeout 1s;
vcita_oauth_session_idle_timeout 1s all;
vcita_oauth_revalidate 1s;
vcita_oauth_revoke_endpoint $VCITA_STUB/platform/v1/tokens/revoke;
--- config
location / { vcita_oauth on; vcita_oauth_bearer salonapp; add_header X-Error $vcita_oauth_error always; add_header X-Left $vcita_oauth_expires; empty_gif; }
location = /logout { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_logout; }
--- flow
has_keys('rsa');
my $now = time;
my $long = signed_token('rsa', {}, { iat => $now - 1000, exp => $now + 300 });
my $short = signed_token('rsa', {}, { iat => $now - 1000, exp => $now - 56 });       # a clock may be 60 s off
my @early = map { bears($_)->status } $long, $short;
is_deeply \@early, [ 200, 200 ], 'in';
wait_for {
    my $r = bears($long);
    is $r->status, 200, 'as long as it lasts';
    is_deeply $r->set_cookies, [], 'no cookie';
    cmp_ok $r->header('X-Left'), '>', 200, 'what it has left';
    bears($short)->status == 401;
} 15, 'the other one to end';
cmp_ok time, '>', $now + 2, 'longer than any time of a session';
refused(bears($short), '', 'it has ended');
my $r = bears($long, '/logout');
is $r->status, 200, 'a logout';
is bears($long)->status, 200, 'ends no token';
is scalar(grep { $_->path ne '/jwks.json' } stub->requests), 0, 'vcita was asked for nothing but its keys';


=== TEST 18: a request that brings a token gets no login, whatever is wrong with it and wherever its error leads: no redirect, no cookie, no page to sign in
--- gate
vcita_oauth_challenge login;
--- config
location / { vcita_oauth on; vcita_oauth_bearer salonapp; add_header X-Error $vcita_oauth_error always; empty_gif; }
location /rule { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_require $vcita_oauth_claim_sub nobody; add_header X-Switch "[$vcita_oauth_switch_account]" always; empty_gif; }
location /young { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_max_age 60s; empty_gif; }
location /paged { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_require $vcita_oauth_claim_sub nobody; error_page 401 403 /gated; empty_gif; }
location /paged-again { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_require $vcita_oauth_claim_sub nobody; error_page 401 403 /bearer; empty_gif; }
location /old { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_max_age 60s; error_page 401 /gated; empty_gif; }
location /gated { vcita_oauth on; empty_gif; }
location /bearer { vcita_oauth on; vcita_oauth_bearer other; empty_gif; }
location /down {
    vcita_oauth on;
    vcita_oauth_bearer salonapp;
    vcita_oauth_jwks_endpoint http://127.0.0.1:1/;
    vcita_oauth_cookie_name down;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/down/callback;
    error_page 503 /gated;
    empty_gif;
}
--- flow
has_keys('rsa');
my $old = signed_token('rsa', {}, { iat => time - 120 });
my $bad = signed_token('rsa_other', { kid => 'rsa' });
my @person = (Accept => 'text/html,application/xhtml+xml', 'Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document');
my %cases = ('/' => [ 200, 401 ], '/rule' => [ 403, 401 ], '/young' => [ 401, 401 ], '/paged' => [ 403, 401 ], '/paged-again' => [ 403, 401 ],
    '/old' => [ 401, 401 ], '/down' => [ 503, 503 ]);
for my $path (sort keys %cases) {
    for my $n (0 .. 3) {
        my $token = ($old, $bad, 'opaque', '')[$n];
        my $want = $path eq '/down' && $n > 1 ? 401 : $cases{$path}[ $n > 0 ];
        for my $method (qw( GET HEAD POST )) {
            my @form = $method eq 'POST' ? (body => 'a=b', headers => [ Authorization => "Bearer $token", @person,
                'Content-Type' => 'application/x-www-form-urlencoded' ]) : (headers => [ Authorization => "Bearer $token", @person ]);
            my $r = browser()->request($method, $path, @form);
            my $name = "$method $path, " . (qw( right wrong opaque empty ))[$n];
            is $r->status, $want, $name if !($path eq '/' && $n == 0 && $method eq 'POST');
            is $r->location, undef, "$name: leads nowhere";
            is_deeply $r->set_cookies, [], "$name: no cookie";
            unlike $r->body, qr/please sign in|new tab|oauth|<a /i, "$name: no page to sign in";
            is $r->header('X-Switch'), '[]', "$name: nor an address to" if $path eq '/rule';
        }
    }
}


=== TEST 19: in subrequests, too, the names of each location hold, whatever the memo has, and no cookie stands in for a token
--- config
location /ssi { ssi on; ssi_types *; vcita_oauth on; vcita_oauth_bearer salonapp; root html; }
location /same/ { vcita_oauth on; vcita_oauth_bearer salonapp; alias html/; }
location /other/ { vcita_oauth on; vcita_oauth_bearer other; alias html/; }
location /rule/ { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_require $vcita_oauth_claim_sub nobody; alias html/; }
location /session/ { vcita_oauth on; alias html/; }
location = /asks { auth_request /other/part.html; vcita_oauth on; vcita_oauth_bearer salonapp; empty_gif; }
location = /asks-same { auth_request /same/part.html; vcita_oauth on; vcita_oauth_bearer salonapp; empty_gif; }
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- user_files
>>> ssi.html
same:<!--#include virtual="/same/part.html" --> other:<!--#include virtual="/other/part.html" --> rule:<!--#include virtual="/rule/part.html" --> session:<!--#include virtual="/session/part.html" --> same:<!--#include virtual="/same/part.html" -->
>>> part.html
part
--- flow
has_keys('rsa');
my $b = begun('/');
$b->come_back(code => stub_code);
my ($one, $other) = (signed_token('rsa'), signed_token('rsa', {}, { aud => 'other' }));
my $get = sub { my ($who, $token, $path) = @_; $who->get($path, headers => [ Authorization => "Bearer $token" ]) };
for my $n (1 .. 3) {
    is $get->(browser(), $one, '/same/part.html')->status, 200, "$n: in";
    is $get->(browser(), $one, '/other/part.html')->status, 401, "$n: not in another app's location";
    is $get->(browser(), $other, '/other/part.html')->status, 200, "$n: as that one's token is";
    is $get->(browser(), $one, '/asks')->status, 401, "$n: auth_request into the other app's location";
    is $get->(browser(), $other, '/asks')->status, 401, "$n: the other token, which the first location refuses";
    is $get->(browser(), $one, '/asks-same')->status, 200, "$n: auth_request of the same app";
    is $get->(browser(), $one, '/ssi.html')->body, "same:part\n other: rule: session: same:part\n\n", "$n: by a token alone";
    is $get->($b, $one, '/ssi.html')->body, "same:part\n other: rule: session:part\n same:part\n\n",
        "$n: a session opens what needs one, and no location for tokens";
}
