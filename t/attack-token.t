# Signed tokens that somebody has put together to get in, to be somebody else, or to write into logs and headers.

use lib 't/lib';
use VcitaTest;
use VcitaAssertion;

use MIME::Base64 ();

sub VcitaFlow::Code::b64 { MIME::Base64::encode_base64url($_[0]) }

# a token of these texts, signed by vcita's key
sub VcitaFlow::Code::texts {
    my ($header, $payload) = @_;
    return VcitaAssertion::signed('rsa', VcitaFlow::Code::b64($header) . '.' . VcitaFlow::Code::b64($payload));
}

# a payload as text, in which a member has this JSON text
sub VcitaFlow::Code::with {
    my ($name, $text) = @_ ? @_ : (x => 1);
    my %c = (iss => '"intandem"', aud => '"salonapp"', sub => '"a"', exp => time + 300, $name => $text);
    return '{' . join(',', map { qq("$_":$c{$_}) } sort keys %c) . '}';
}

# a request with this Authorization header
sub VcitaFlow::Code::auth {
    my ($value, $path, %opt) = @_;
    return VcitaFlow::browser()->request($opt{method} // 'GET', $path // '/', %opt,
        headers => [ Authorization => $value, @{ $opt{headers} || [] } ]);
}

# none of what was sent is in the error log, each line of which is nginx's own
sub VcitaFlow::Code::clean_log {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    VcitaFlow::is(scalar(grep { !m{^\d{4}/\d\d/\d\d } } split /\n/, VcitaFlow::error_log()), 0, 'each line of the log is nginx\'s own');
    VcitaFlow::unlike(VcitaFlow::error_log(), qr/evil|ey[A-Z]\w{8}/, 'none has a part of a token');
}

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(gate => "vcita_oauth_jwks_endpoint \$VCITA_STUB/jwks.json;\n" . ($block->gate // ''));
    $block->set_value(config => 'location / { vcita_oauth on; vcita_oauth_bearer salonapp; proxy_pass $VCITA_APP; }') if !defined $block->config;
    $block->set_value(http_config => 'add_header X-Error $vcita_oauth_error always; add_header X-Sub $vcita_oauth_claim_sub always;'
        . ($block->http_config // ''));
    $block->set_value(log_level => 'info');
    $block->set_value(no_error_log => "[alert]\n");
    $block->set_value(flow => "stub->always({ keys => { json => client_jwks('rsa') } });\n" . $block->flow);
});

run_tests();

__DATA__

=== TEST 1: the header around a token: spaces before and behind it do not matter; anything else is no token, and opens nothing
--- flow
my $token = signed_token('rsa', {}, { sub => 'me' });
for ("Bearer  $token", "Bearer    $token  ", "BEARER $token", "bEaReR $token") {
    is auth($_)->status, 200, substr "$_: in", 0, 16;
}
for ("Bearer $token, Bearer $token", "Bearer $token,", "Bearer $token x", "Bearer x $token", "Bearer\t$token", "Bearer \t$token", "Bearer $token\t",
     "Bearer \xff$token", "Bearer $token\xff", "Bearer\xa0$token", "Bearer=$token", "Bearer:$token", "Bearer\"$token\"", "Bearer \"$token\"", "Bearer,$token",
     "Bearers $token", "Basic $token", "$token", "Bearer", "Bearer ", "DPoP $token", "Bearer realm=x, $token", ",Bearer $token", "\tBearer $token\t\t")
{
    my $r = auth($_);
    isnt $r->status, 200, "$_: not in" =~ s/\Q$token\E/TOKEN/gr;
    is $r->header('X-Sub'), undef, 'nobody';
}
clean_log();

# nginx's own line has the header
my $raw = browser()->raw('127.0.0.1', port, "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\nAuthorization: Bearer $token\r\n"
    . "Connection: close\r\n\r\n")->body;
like $raw, qr{^HTTP/1.1 400 }, "two such headers: nginx's own 400";


=== TEST 2: a token of 4,096 characters comes in, one of 4,097 does not, nor one of 30 KB
--- http_config
large_client_header_buffers 4 64k;
--- flow
my $of = sub {
    my ($len) = @_;
    my ($h, $p) = ('{"alg":"RS256","kid":"rsa"}', with(sub => '"me"'));
    $h .= ' ' while ($len - 344 - length b64($h)) % 4 == 1;     # no base64 is as long
    $p .= ' ' while length(b64($h)) + length(b64($p)) + 344 < $len;
    return texts($h, $p);
};
is length($of->($_)), $_, "a token of $_" for 4096, 4097, 30000;
is auth('Bearer ' . $of->(4096))->status, 200, '4,096';
is auth('Bearer ' . $of->(4097))->status, 401, '4,097';
is auth('Bearer ' . $of->(30000))->status, 401, '30,000';
clean_log();


=== TEST 3: a header or a payload that is something else than an object of the usual kind is refused, and nothing of it is logged
--- flow
my $h = '{"alg":"RS256","kid":"rsa"}';
my $p = with();
is auth('Bearer ' . texts($h, $p))->status, 200, 'the right one';
my $deep = sub { '[' x $_[0] . ']' x $_[0] };
my %header = ('an array' => "[$h]", 'a number' => '7', 'a string' => '"RS256"', 'null' => 'null', 'nothing' => ' ', 'two' => "$h$h",
    'not UTF-8' => qq({"alg":"RS256","kid":"rsa","x":"\xff\xfe"}), 'overlong' => qq({"alg":"RS256","kid":"rsa","x":"\xc0\xaf"}),
    'half a pair' => '{"alg":"RS256","kid":"rsa","x":"\ud800"}', 'deep' => '{"alg":"RS256","kid":"rsa","x":' . $deep->(500) . '}',
    'a kid twice' => '{"alg":"RS256","kid":"rsa","kid":"rsa"}', 'an alg twice' => '{"alg":"none","alg":"RS256","kid":"rsa"}',
    'an alg that is spelt otherwise' => '{"alg":"none","a\u006cg":"RS256","kid":"rsa"}', 'alg in an array' => '{"alg":["RS256"],"kid":"rsa"}',
    'rs256' => '{"alg":"rs256","kid":"rsa"}', 'alg with a NUL' => '{"alg":"RS256\u0000","kid":"rsa"}', 'alg null' => '{"alg":null,"kid":"rsa"}',
    'an object in a member' => '{"x":{"alg":"RS256"},"kid":"rsa"}', 'a flat name' => '{"x__alg":"RS256","kid":"rsa"}',
    'crit null' => '{"alg":"RS256","kid":"rsa","crit":null}', 'crit empty' => '{"alg":"RS256","kid":"rsa","crit":[]}',
    'a comment' => '{"alg":"RS256",/* evil */"kid":"rsa"}', 'a BOM' => "\xef\xbb\xbf$h", 'a NUL behind it' => "$h\0",
    'an empty kid' => '{"alg":"RS256","kid":""}', 'a kid of quotes and bytes' => '{"alg":"RS256","kid":"evil\"\r\n1999/01/01 evil\u0000\u001b[31m%s%n"}',
    'a kid of 2 KB' => '{"alg":"RS256","kid":"' . 'evil' x 512 . '"}', 'a kid with a NUL' => '{"alg":"RS256","kid":"rsa\u0000"}',
    'a kid that is an array' => '{"alg":"RS256","kid":["rsa"]}', 'a kid that is true' => '{"alg":"RS256","kid":true}');
for (sort keys %header) {
    my $r = auth('Bearer ' . texts($header{$_}, $p));
    is $r->status, 401, "header: $_";
    is $r->header('X-Error'), 'invalid_token', "header: $_: \$vcita_oauth_error";
    is $r->header('X-Sub'), undef, "header: $_: nobody";
}
my %payload = ('an array' => "[$p]", 'a number' => '7', 'a string' => '"x"', 'null' => 'null', 'nothing' => ' ', 'two' => "$p$p",
    'not UTF-8' => with(x => qq("\xff\xfe")), 'half a pair' => with(x => '"\udc00"'), 'deep' => with(x => $deep->(500)),
    'sub twice' => with(x => '1,"sub":"b"'), 'sub in another spelling, twice' => with(x => '1,"s\u0075b":"b"'), 'a NUL behind it' => "$p\0",
    'sub empty' => with(sub => '""'), 'sub null' => with(sub => 'null'), 'sub an object' => with(sub => '{"a":"b"}'), 'sub an array' => with(sub => '["a"]'),
    'sub with a NUL' => with(sub => '"a\u0000b"'), 'sub with a line' => with(sub => '"a\r\nX-Evil: evil"'), 'iss in an array' => with(iss => '["intandem"]'),
    'iss with a NUL' => with(iss => '"intandem\u0000"'), 'iss in capitals' => with(iss => '"Intandem"'));
for (sort keys %payload) {
    my $r = auth('Bearer ' . texts($h, $payload{$_}));
    is $r->status, 401, "payload: $_";
    is $r->header('X-Sub'), undef, "payload: $_: nobody";
}
is scalar(stub->requests('/jwks.json')), round ? 0 : 1, 'one call at most';
clean_log();


=== TEST 4: aud: one string or strings of one array, byte for byte; times: numbers, however large
--- flow
my $h = '{"alg":"RS256","kid":"rsa"}';
my $now = time;
my $is = sub {
    my ($status, $name, $text) = @_;
    is auth('Bearer ' . texts($h, with($name, $text)))->status, $status, substr "$name $text", 0, 60;
};
my $many = join ',', map { qq("app$_") } 1 .. 299;
$is->(200, aud => $_) for '"salonapp"', '["salonapp"]', '["a","salonapp"]', qq([$many,"salonapp"]), '["","salonapp"]', '["a,b","salonapp"]', '"salon\u0061pp"';
$is->(401, aud => $_) for '[]', '{}', '""', 'null', 'true', '7', '[["salonapp"]]', '[{"a":"salonapp"}]', '{"salonapp":"salonapp"}', '{"a":"salonapp"}', "[$many]", '["a,salonapp"]',
    '["salonapp,"]', '"salonapp,a"', '"a,salonapp"', '["a,salonapp,b"]', '["salonapp\u0000"]', '"salonapp\u0000"', '"Salonapp"', '" salonapp"', '"salonapp "', '[null]', '["sal","onapp"]', '[7]';
$is->(200, exp => $_) for $now + 300.5, '9999999999999999999', '9' x 200, $now - 30;
$is->(401, exp => $_) for '1e999', '1.5', '-1', '0', '-9999999999999999999', '1e10', 'true', '[9999999999]', '{}', '"9999999999"', $now - 61;
$is->(200, $_ => $now + 30) for qw( iat nbf );
$is->(200, $_ => 'null') for qw( iat nbf );
for my $name (qw( iat nbf )) {
    $is->(401, $name => $_) for $now + 90, '1e999', '9999999999999999999', '"1"', '[]', 'true', '-1';
}
clean_log();


=== TEST 5: the memo decides nothing: one token in two locations of other names, in either order, and in one where it opens nothing
--- config
location /a { vcita_oauth on; vcita_oauth_bearer salonapp; proxy_pass $VCITA_APP; }
location /b { vcita_oauth on; vcita_oauth_bearer other; proxy_pass $VCITA_APP; }
location /both { vcita_oauth on; vcita_oauth_bearer other salonapp; proxy_pass $VCITA_APP; }
location /off { vcita_oauth on; proxy_pass $VCITA_APP; }
location /rule { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_require $vcita_oauth_claim_sub nobody; proxy_pass $VCITA_APP; }
location /young { vcita_oauth on; vcita_oauth_bearer salonapp; vcita_oauth_max_age 60s; proxy_pass $VCITA_APP; }
--- flow
my %want = ('/a' => 200, '/b' => 401, '/both' => 200, '/off' => 401, '/rule' => 403, '/young' => 401);
my @order = sort keys %want;
for my $first (0 .. $#order) {
    my $token = signed_token('rsa', {}, { sub => "s$first", iat => time - 120 });
    for (1, 2) {
        is auth("Bearer $token", $_)->status, $want{$_}, "$order[$first] first: $_" for @order[$first .. $#order, 0 .. $first - 1];
    }
}
my ($one, $two) = map { signed_token('rsa', {}, { sub => $_ }) } 'one', 'two';
is auth("Bearer $one", '/a')->header('X-Sub'), 'one', 'one';
is auth("Bearer $two", '/a')->header('X-Sub'), 'two', 'two';
isnt auth('Bearer ' . substr($one, 0, -4) . substr($two, -4), '/a')->status, 200, "one's text with the end of the other's signature";
is auth("Bearer $one", '/a')->header('X-Sub'), 'one', 'one again';


=== TEST 6: satisfy any, methods and bodies: a token counts as a session does, a bad one opens nothing and grants what an address grants
--- config
location / { vcita_oauth on; vcita_oauth_bearer salonapp; proxy_pass $VCITA_APP; }
location /deny { satisfy any; deny all; vcita_oauth on; vcita_oauth_bearer salonapp; proxy_pass $VCITA_APP; }
location /allow { satisfy any; allow 127.0.0.1; deny all; vcita_oauth on; vcita_oauth_bearer salonapp; proxy_pass $VCITA_APP; }
location /all { deny all; vcita_oauth on; vcita_oauth_bearer salonapp; proxy_pass $VCITA_APP; }
location /optional { satisfy any; deny all; vcita_oauth optional; vcita_oauth_bearer salonapp; proxy_pass $VCITA_APP; }
--- flow
my $token = signed_token('rsa');
my $bad = signed_token('rsa_other', { kid => 'rsa' });
for ([ '/deny', 200, 401 ], [ '/allow', 200, 200 ], [ '/all', 403, 403 ], [ '/optional', 200, 401 ]) {
    my ($path, $good, $other) = @$_;
    is auth("Bearer $token", $path)->status, $good, "$path: a token";
    my $r = auth("Bearer $bad", $path);
    is $r->status, $other, "$path: a bad one";
    is $r->header('X-Sub'), undef, "$path: nobody";
}
for my $method (qw( HEAD GET POST PUT DELETE PATCH OPTIONS PROPFIND )) {
    my %body = $method =~ /^P[OUA]/ ? (body => 'x' x 100_000) : ();
    is auth("Bearer $token", '/', method => $method, %body)->status, 200, "$method: a token";
    my $r = auth("Bearer $bad", '/', method => $method, %body);
    is $r->status, 401, "$method: a bad one";
    is $r->location, undef, "$method: leads nowhere";
}
my ($got) = grep { $_->method eq 'POST' } stub->app_requests;
is length($got->body), 100_000, 'the body is whole';
is scalar(grep { $_->method eq 'POST' } stub->app_requests), 1, 'and came once';
clean_log();
--- error_log
access forbidden by rule


=== TEST 7: claims of a token in headers and variables: a control byte is nowhere, a claim named like a variable is a claim
--- gate
vcita_oauth_header X-Forwarded-User $vcita_oauth_claim_name;
vcita_oauth_header X-Role $vcita_oauth_claim_role;
--- config
location / {
    vcita_oauth on;
    vcita_oauth_bearer salonapp;
    proxy_set_header X-Token "[$vcita_oauth_access_token|$vcita_oauth_scope|$vcita_oauth_token_type|$vcita_oauth_authenticated|$vcita_oauth_error]";
    proxy_set_header X-Claims "[$vcita_oauth_claim_access_token|$vcita_oauth_claim_scope|$vcita_oauth_claim_authenticated]";
    proxy_pass $VCITA_APP;
}
--- flow
my %claims = (access_token => 'evil1', scope => 'evil2', token_type => 'evil3', authenticated => 'evil4', error => 'evil5', 'claim_sub' => 'evil6',
    vcita_oauth_access_token => 'evil7', session => 'evil8', role => 'owner');
for my $name ("a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\0", "a\x7f", "\x1b[31m", "a\tb") {
    my $r = auth('Bearer ' . signed_token('rsa', {}, { %claims, name => $name }));
    is $r->status, 200, 'in';
    my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
    is $got{'x-forwarded-user'}, undef, 'the control byte: no header';
    is $got{'x-evil'}, undef, 'nor another one';
    is $got{'x-role'}, 'owner', 'the other claim';
    is $got{'x-token'}, '[|||1|]', 'no claim is a variable of its name';
    is $got{'x-claims'}, '[evil1|evil2|evil4]', 'but a claim';
}
clean_log();


=== TEST 8: a token over HTTP/2; what only HTTP/2 lets through, such as a space behind it, is no token
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
    location / { vcita_oauth on; vcita_oauth_bearer salonapp; proxy_pass $VCITA_APP; }
}
--- flow
my $at = 'http://127.0.0.1:' . rand_port(1);
my $token = signed_token('rsa', {}, { sub => 'me' });
my $asks = sub { my ($auth, @more) = @_; open my $out, '-|', qw( curl --silent --http2-prior-knowledge -i -H ), "Authorization: $auth", @more, "$at/" or die "curl: $!"; local $/; scalar <$out> };
like $asks->("Bearer $token"), qr{^HTTP/2 200 .*^x-sub: me}ms, 'in';
like $asks->("bearer  $token", '-d', 'x=1'), qr{^HTTP/2 200 .*^x-sub: me}ms, 'POST';
like $asks->($_), qr{^HTTP/2 401 }, 'not in' for "Bearer ${token}x", "Bearer $token, Bearer $token", 'Bearer', "Bearer $token x";
clean_log();
like $asks->("Bearer $token", '-H', "Authorization: Bearer $token"), qr{^HTTP/2 400 }, "two: nginx's own 400";
