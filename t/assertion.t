# private_key_jwt: a token request that is signed, instead of one with the secret.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaAssertion;

# the gate of a block: an assertion key, and no secret
sub VcitaFlow::Code::signs {
    my ($key, $kid, @more) = @_;
    $kid =~ s/(["\\])/\\$1/g if defined $kid;
    return join "\n", 'no vcita_oauth_client_secret;', 'vcita_oauth_client_assertion_key '
        . VcitaFlow::Code::client_key($key) . (defined $kid ? " \"kid=$kid\";" : ';'), @more;
}

run_tests();

__DATA__

=== TEST 1: private_key_jwt: RS256, with all claims, instead of the secret
--- gate eval
VcitaFlow::Code::signs('rsa')
--- flow
my $b = begun('/deep');
my $to = $b->res;
my $code = stub_code;
my $before = time;
answered($b->come_back(code => $code), 303, '', 'login', session => 1, sent => 'token userinfo');

my ($r) = stub->requests('/oauth/token');
is $r->header('Content-Type'), 'application/x-www-form-urlencoded', 'Content-Type';
is $r->header('Authorization'), undef, 'no Authorization';
my $a = asserted($r, 'rsa');
is_deeply $a->{header}, { alg => 'RS256', typ => 'JWT' }, 'header';

my %c = %{ $a->{claims} };
is_deeply [ sort keys %c ], [ qw( aud exp iat iss jti sub ) ], 'claims';
is $c{$_}, 'app1', $_ for qw( iss sub );
is $c{aud}, stub->url . '/oauth/token', 'aud: the token endpoint as configured';
like $c{jti}, qr/^[\w-]{22,}$/, 'jti: 128 bits or more';
cmp_ok $c{iat}, '>=', $before - 1, 'iat: now, not earlier';
cmp_ok $c{iat}, '<=', time, 'iat: now, not later';
is $c{exp} - $c{iat}, 60, 'a life of 60 s';
like encode_json(\%c), qr/"$_":\d/, "$_ is a number" for qw( iat exp );

my %f = %{ $r->fields };
delete @f{qw( client_assertion client_assertion_type code_verifier )};
is_deeply \%f, { grant_type => 'authorization_code', client_id => 'app1', code => $code,
    redirect_uri => url('/oauth/callback') }, 'what else is in the body';


=== TEST 2: private_key_jwt: ES256, its signature the two numbers side by side; kid
--- gate eval
VcitaFlow::Code::signs('ec', 'key "1" of \\ 2026')
--- flow
for (1 .. 20) {                        # numbers of all lengths: one in 128 logins has a short one
    my $b = begun('/deep');
    answered($b->come_back(code => stub_code), 303, '', 'login', session => 1, sent => 'token userinfo');
}
my @r = stub->requests('/oauth/token');
is scalar(@r), 20, 'requests';
for (@r) {
    my $a = asserted($_, 'ec');
    is_deeply $a->{header}, { alg => 'ES256', typ => 'JWT', kid => 'key "1" of \\ 2026' }, 'header';
}


=== TEST 3: private_key_jwt: token_format json, and a client_id of any characters
--- gate eval
VcitaFlow::Code::signs('ec1', 'one', 'vcita_oauth_token_format json;', 'vcita_oauth_client_id "a \\"b\\" \\\\ é";')
--- flow
my $b = begun('/deep');
answered($b->come_back(code => stub_code), 502, 'invalid_client', 'login', sent => 'token');
my ($r) = stub->requests('/oauth/token');
is $r->header('Content-Type'), 'application/json', 'Content-Type';
my $a = asserted($r, 'ec1');
is $a->{claims}{$_}, "a \"b\" \\ \x{e9}", $_ for qw( iss sub );
is $r->fields->{client_id}, "a \"b\" \\ \x{e9}", 'client_id';
--- error_log
invalid_client


=== TEST 4: private_key_jwt: each login has a jti of its own
--- gate eval
VcitaFlow::Code::signs('rsa1')
--- flow
my $crowd = crowd;
for (1 .. 10) {
    my $b = begun('/deep');
    $crowd->add($b, GET => $b->callback_url(code => stub_code));
}
is $_->status, 303, 'in' for $crowd->run;
my %jti = map { asserted($_, 'rsa1')->{claims}{jti} => 1 } stub->requests('/oauth/token');
is keys %jti, 10, 'all different';


=== TEST 5: private_key_jwt: a request that is made again after 429 has a fresh assertion
--- gate eval
VcitaFlow::Code::signs('rsa', 'one')
--- flow
my $b = begun('/deep');
my $r = $b->come_back(code => stub_code({ token => [ { status => 429, headers => { 'Retry-After' => 2 } }, {} ] }));
answered($r, 303, '', 'login', session => 1, sent => 'token token userinfo');
my ($one, $two) = map { asserted($_, 'rsa') } stub->requests('/oauth/token');
isnt $two->{claims}{jti}, $one->{claims}{jti}, 'another jti';
cmp_ok $two->{claims}{iat}, '>', $one->{claims}{iat}, 'a later iat';
is $two->{claims}{exp} - $two->{claims}{iat}, 60, 'its own 60 s';
is $two->{header}{kid}, 'one', 'the same kid';
my ($f, $g) = map { $_->fields } stub->requests('/oauth/token');
is $g->{$_}, $f->{$_}, "the same $_" for qw( code code_verifier redirect_uri client_id );


=== TEST 6: private_key_jwt: with both, the assertion key wins
--- gate eval
VcitaFlow::Code::signs('ec', undef, 'vcita_oauth_client_secret s3cret-0123456789abcdef-0123456789;') =~ s/^no .*\n//r
--- flow
my $b = begun('/deep');
answered($b->come_back(code => stub_code), 303, '', 'login', session => 1, sent => 'token userinfo');
my ($r) = stub->requests('/oauth/token');
asserted($r, 'ec');
unlike $r->body, qr/s3cret/, 'the secret is nowhere';


=== TEST 7: private_key_jwt: `invalid_client`: 502, logged at `crit` with what to check of a key
--- gate eval
VcitaFlow::Code::signs('rsa')
--- flow
my $b = begun('/deep');
my $r = $b->come_back(code => stub_code({ token => { status => 401,
    json => { error => 'invalid_client', error_description => 'Client authentication failed' } } }));
answered($r, 502, 'invalid_client', 'invalid_client', sent => 'token');
like error_log(), qr{\[crit\].*invalid_client.*\bkid\b.*client_auth_jwks_uri.*clock}, 'the log';
unlike error_log(), qr{vcita_oauth_client_secret}, 'nothing of a secret that there is not';

answered($b->come_back(code => stub_code({ token => { status => 400, json => { error => 'invalid_scope' } } })),
    502, 'invalid_scope', 'another error', sent => 'token');
like error_log(), qr{token endpoint ".*" returned no token \(status 400, error "invalid_scope"\): check that the app at vcita has each scope}, 'has its own hint';
--- error_log
[crit]


=== TEST 8: private_key_jwt: without a secret and a session key file, the assertion key's file is the key of sessions
--- gate eval
VcitaFlow::Code::signs('ec')
--- http_config eval
my $location = 'location / { vcita_oauth on; proxy_pass $VCITA_APP; }';
my $server = "server { listen \$TEST_NGINX_SERVER_PORT; server_name %s.example.com;\n%s\n$location }\n";
join '', map { sprintf $server, @$_ }
    [ same => '' ],
    [ kid => 'vcita_oauth_client_assertion_key ' . VcitaFlow::Code::client_key('ec') . ' kid=one;' ],
    [ other => 'vcita_oauth_client_assertion_key ' . VcitaFlow::Code::client_key('ec_other') . ';' ],
    [ secret => 'vcita_oauth_client_secret s3cret-0123456789abcdef-0123456789;' ]
--- flow
my $b = begun('/deep');
answered($b->come_back(code => stub_code), 303, '', 'login', session => 1, sent => 'token userinfo');
my $cookie = $b->cookie('vcita_session');
my $in = sub { browser()->get('/', headers => [ Host => "$_[0].example.com", Cookie => "vcita_session=$cookie" ])->status };
is $in->('same'), 200, 'the same key opens';
is $in->('kid'), 200, 'whatever its name at vcita';
is $in->('other'), 302, 'another key does not';
is $in->('secret'), 302, 'where there is a secret, that is the key';


=== TEST 9: private_key_jwt: a session key file is the key of sessions beside an assertion key, too
--- user_files
>>> key
0123456789abcdef0123456789abcdef
--- gate eval
VcitaFlow::Code::signs('ec', undef, 'vcita_oauth_session_key_file ../html/key;')
--- http_config eval
"server { listen \$TEST_NGINX_SERVER_PORT; server_name other.example.com;\n"
    . 'vcita_oauth_client_assertion_key ' . VcitaFlow::Code::client_key('rsa') . ";\n"
    . 'location / { vcita_oauth on; proxy_pass $VCITA_APP; } }'
--- flow
my $b = begun('/deep');
answered($b->come_back(code => stub_code), 303, '', 'login', session => 1, sent => 'token userinfo');
my $cookie = $b->cookie('vcita_session');
is browser()->get('/', headers => [ Host => 'other.example.com', Cookie => "vcita_session=$cookie" ])->status, 200,
    'another assertion key signs nobody out';


=== TEST 10: private_key_jwt: nothing of the key or the assertion is in a log
--- gate eval
VcitaFlow::Code::signs('rsa', 'one')
--- log_level: debug
--- flow
my $b = begun('/deep');
answered($b->come_back(code => stub_code), 303, '', 'login', session => 1, sent => 'token userinfo');
my $jwt = (stub->requests('/oauth/token'))[0]->fields->{client_assertion};
my ($head, $claims, $signature) = split /\./, $jwt;
open my $fh, '<', client_key('rsa') or die $!;
my @pem = grep { !/-----/ && length > 40 } map { s/\s+$//r } <$fh>;
my $log = error_log() . access_log();
ok index($log, $_) < 0, 'not in a log' for $claims, $signature, @pem;


=== TEST 11: an assertion key makes a callback of a redirect_uri, as a secret does, where no gate is
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/oauth/callback;
    location / { }
}
--- gate eval
VcitaFlow::Code::signs('rsa')
--- flow
is browser()->get('http://127.0.0.1:' . rand_port(1) . '/oauth/callback?code=x&state=y')->status, 400, 'a callback';
--- error_log
vcita callback refused: invalid_state
