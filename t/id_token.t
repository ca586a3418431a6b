# Who somebody is: the id_token, userinfo, and both.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

add_block_preprocessor(sub {
    my ($block) = @_;
    my $config = 'location / { vcita_oauth on; proxy_pass $VCITA_APP; '
        . join('', map { "proxy_set_header X-$_ \$vcita_oauth_claim_$_; " } qw(sub iss aud role email business_id a)) . '}';
    $block->set_value(config => $config) if !defined $block->config;
});

run_tests();

__DATA__

=== TEST 1: vcita_oauth_userinfo auto: an id_token is enough, its claims are variables
--- flow
my $b = begun('/deep');
my $r = $b->come_back(code => stub_code({ id_token => id_token($b, set => { a => [ 1, 'x' ] }) }));
answered($r, 303, '', 'an id_token', session => 1, sent => 'token');
my %got = map { lc $_->[0] => $_->[1] } @{ $b->follow->json->{headers} };
is $got{'x-sub'}, 'a383717599bf1893', 'sub';
is $got{'x-iss'}, 'https://app.vcita.com', 'iss';
is $got{'x-aud'}, 'app1', 'aud';
is $got{'x-business_id'}, 'ed469f8764326a66', 'business_id';
is $got{'x-a'}, '1,x', 'an array';
is $got{'x-email'}, undef, 'userinfo was not asked';


=== TEST 2: vcita_oauth_userinfo auto: when the token answer has no id_token, so that a session always has a `sub`
--- flow
for my $body (undef, '{"access_token":"abc","id_token":null}') {
    my $b = begun('/deep');
    my $r = $b->come_back(code => $body ? stub->prepare({ token => { body => $body } }) : stub_code);
    answered($r, 303, '', $body // 'none', session => 1, sent => 'token userinfo');
    my %got = map { lc $_->[0] => $_->[1] } @{ $b->follow->json->{headers} };
    is $got{'x-sub'}, 'a383717599bf1893', 'sub';
}


=== TEST 3: vcita_oauth_userinfo on: merge its claims over the id_token's
--- gate
vcita_oauth_userinfo on;
--- flow
my $b = begun('/deep');
my $do = stub_code({
    id_token => id_token($b, set => { role => 'owner', email => 'old@example.biz', a => 'kept' }),
    userinfo => { set => { role => undef, email => 'new@example.biz' } } });
my $r = $b->come_back(code => $do);
answered($r, 303, '', 'both', session => 1, sent => 'token userinfo');
my %got = map { lc $_->[0] => $_->[1] } @{ $b->follow->json->{headers} };
is $got{'x-email'}, 'new@example.biz', 'userinfo has the last word';
is $got{'x-role'}, undef, 'when it says null, too';
is $got{'x-a'}, 'kept', 'what it does not name stays';
is $got{'x-iss'}, 'https://app.vcita.com', 'what only the id_token can say';


=== TEST 4: vcita_oauth_userinfo off: never asked, with an id_token or without
--- gate
vcita_oauth_userinfo off;
--- flow
my $b = begun('/deep');
my $r = $b->come_back(code => stub_code({ id_token => id_token($b) }));
answered($r, 303, '', 'an id_token', session => 1, sent => 'token');
my %got = map { lc $_->[0] => $_->[1] } @{ $b->follow->json->{headers} };
is $got{'x-sub'}, 'a383717599bf1893', 'sub';

$b = begun('/deep');
answered($b->come_back(code => stub_code), 303, '', 'no id_token', session => 1, sent => 'token');
%got = map { lc $_->[0] => $_->[1] } @{ $b->follow->json->{headers} };
is $got{'x-sub'}, undef, 'a session without claims';


=== TEST 5: userinfo with another `sub` than the id_token's: 502
--- gate
vcita_oauth_userinfo on;
--- flow
my $b = begun('/deep');
for my $sub ('mallory', 'A383717599bf1893', 'a383717599bf1893 ', 'a383717599bf189') {
    my $r = $b->come_back(code => stub_code({ id_token => id_token($b), userinfo => { set => { sub => $sub } } }));
    answered($r, 502, 'bad_userinfo', "<$sub>", sent => 'token userinfo');
}
like error_log(), qr/\[error\].*userinfo endpoint "[^"]*" returned another "sub" than the id_token/, 'the log says so';
answered($b->come_back(code => stub_code({ id_token => id_token($b) })), 303, '', 'the same', session => 1, sent => 'token userinfo');
--- error_log
another "sub"


=== TEST 6: an id_token that is there but wrong: aud as text or array, azp
--- flow
my $b = begun('/deep');
for (['app1', 1], [['app1'], 1], [['app1'], 1, 'app1'], ['app1', 1, 'app1'], [['other', 'app1'], 1, 'app1'],
     ['other', 0], ['APP1', 0], ['', 0], [undef, 0], [1, 0], [['other'], 0], [[], 0], [['other', 'app1'], 0],
     [['app1', 'other'], 0, 'other'], ['app1', 0, 'other'], ['app1', 0, ['app1']], ['other', 0, 'app1'], [['x,app1'], 0, 'app1'],
     [[['app1']], 0], [{ app1 => 1 }, 0])
{
    my ($aud, $good, $azp) = @$_;
    my $b = begun('/deep');
    my $r = $b->come_back(code => stub_code({ id_token => id_token($b, set => { aud => $aud, defined $azp ? (azp => $azp) : () }) }));
    my $how = encode_json([ $aud, $azp ]);
    if ($good) {
        answered($r, 303, '', $how, session => 1, sent => 'token');
    } else {
        answered($r, 502, 'bad_id_token', $how, sent => 'token');
    }
}
answered($b->come_back(code => stub_code({ id_token => id_token($b, omit => ['aud']) })), 502, 'bad_id_token', 'no aud', sent => 'token');
--- error_log
returned an invalid id_token: its aud or azp is not the value of vcita_oauth_client_id


=== TEST 7: an id_token that is there but wrong: exp and iat, within 60 s
--- flow
my $b = begun('/deep');
for my $t ({ exp => -50 }, { exp => 50, iat => 50 }, { exp => 3600 * 24 * 365 * 300 }, { iat => -86400 * 365 }, { nbf => 50 }) {
    my %set = map { $_ => time + $t->{$_} } keys %$t;
    my $b = begun('/deep');
    my $r = $b->come_back(code => stub_code({ id_token => id_token($b, set => \%set) }));
    answered($r, 303, '', encode_json($t), session => 1, sent => 'token');
}
for my $t ({ exp => -61 }, { exp => -86400 }, { iat => 70 }, { iat => 86400 }, { nbf => 70 }) {
    my %set = map { $_ => time + $t->{$_} } keys %$t;
    my $r = $b->come_back(code => stub_code({ id_token => id_token($b, set => \%set) }));
    answered($r, 502, 'bad_id_token', encode_json($t), sent => 'token');
}
for my $name (qw(exp iat)) {
    for my $value ('' . (time + 10), -1, [ time + 10 ], JSON::PP::true(), {}) {
        my $r = $b->come_back(code => stub_code({ id_token => id_token($b, set => { $name => $value }) }));
        answered($r, 502, 'bad_id_token', "$name " . encode_json([$value]), sent => 'token');
    }
    my $r = $b->come_back(code => stub_code({ id_token => id_token($b, omit => [$name]) }));
    answered($r, 502, 'bad_id_token', "no $name", sent => 'token');
}
like error_log(), qr/returned an invalid id_token: it has expired or has no exp, check the clock/, 'the log says why';
--- error_log
check the clock


=== TEST 8: an id_token that is there but wrong: nonce
--- flow
my $b = begun('/deep');
my ($nonce) = ($b->answers)[-1]->param('nonce');
for ($nonce . 'x', substr($nonce, 1), lc $nonce, '', 1, 'other') {
    next if $_ eq $nonce;
    my $r = $b->come_back(code => stub_code({ id_token => id_token($b, set => { nonce => $_ }) }));
    answered($r, 502, 'bad_id_token', "<$_>", sent => 'token');
}
my $r = $b->come_back(code => stub_code({ id_token => id_token($b, omit => ['nonce']) }));
answered($r, 502, 'bad_id_token', 'none', sent => 'token');

my $other = begun('/deep');
my ($stolen) = ($other->answers)[-1]->param('nonce');
$r = $b->come_back(code => stub_code({ id_token => id_token($b, set => { nonce => $stolen }) }));
answered($r, 502, 'bad_id_token', 'that of another login', sent => 'token');

$r = $b->come_back(code => stub_code({ id_token => id_token($b, set => { nonce => $nonce }) }));
answered($r, 303, '', 'its own', session => 1, sent => 'token');
--- error_log
returned an invalid id_token: its nonce


=== TEST 9: a scope without openid sends no nonce, and takes none
--- gate
vcita_oauth_scope profile;
--- flow
my $b = begun('/deep');
answered($b->come_back(code => stub_code({ id_token => id_token($b) })), 303, '', 'no nonce', session => 1, sent => 'token');
$b = begun('/deep');
my $r = $b->come_back(code => stub_code({ id_token => id_token($b, set => { nonce => 'n' }) }));
answered($r, 502, 'bad_id_token', 'a nonce', sent => 'token');
--- error_log
returned an invalid id_token


=== TEST 10: vcita_oauth_issuer: the id_token's iss must equal it
--- gate
vcita_oauth_issuer https://issuer.example;
--- flow
my $b = begun('/deep');
for ('https://issuer.example/', 'https://app.vcita.com', 'HTTPS://issuer.example', '', undef, 1, ['https://issuer.example']) {
    my $r = $b->come_back(code => stub_code({ id_token => id_token($b, set => { iss => $_ }) }));
    answered($r, 502, 'bad_id_token', encode_json([$_]), sent => 'token');
}
answered($b->come_back(code => stub_code({ id_token => id_token($b, omit => ['iss']) })), 502, 'bad_id_token', 'none', sent => 'token');
$b = begun('/deep');
answered($b->come_back(code => stub_code({ id_token => id_token($b, set => { iss => 'https://issuer.example' }) })), 303, '', 'equal',
    session => 1, sent => 'token');
answered(begun('/deep')->come_back(code => stub_code), 303, '', 'no id_token', session => 1, sent => 'token userinfo');
--- error_log
its iss is not the value of vcita_oauth_issuer


=== TEST 11: `iss` other than the configured one in the callback: 400, nothing sent to vcita
--- gate
vcita_oauth_issuer https://issuer.example;
--- flow
my $b = begun('/deep');
my $code = stub_code;
for ('iss=https://other.example', 'iss=', 'iss=https%3A%2F%2Fissuer.example%2F', 'iss=https://issuer.example&iss=https://issuer.example', 'iss=%', 'iss') {
    my $r = $b->get($b->callback_url(code => $code) . "&$_");
    answered($r, 400, 'invalid_state', $_);
    $r = $b->get($b->callback_url(error => 'access_denied') . "&$_");
    answered($r, 400, 'invalid_state', "error, $_");
}
my $r = $b->get($b->callback_url(code => $code) . '&ISS=x&iss=https%3A%2F%2Fissuer.example');
answered($r, 303, '', 'the configured one', session => 1, sent => 'token userinfo');
answered(begun('/')->come_back(code => stub_code), 303, '', 'absent', session => 1, sent => 'token userinfo');
--- error_log
vcita callback refused: invalid_state


=== TEST 12: without vcita_oauth_issuer the callback's iss is not looked at
--- flow
my $b = begun('/deep');
my $r = $b->get($b->callback_url(code => stub_code) . '&iss=https://any.example');
answered($r, 303, '', 'any', session => 1, sent => 'token userinfo');


=== TEST 13: an id_token that is there but wrong: alg none, or nothing signed
--- flow
my $b = begun('/deep');
for ({ alg => 'none' }, { alg => 'NONE' }, { alg => 'None' }, { alg => '' }, { alg => undef }, {}, { alg => ['RS256'] }, { typ => 'JWT' },
     { alg => 'RS256', crit => ['exp'] })
{
    my $r = $b->come_back(code => stub_code({ id_token => id_token($b, header => $_) }));
    answered($r, 502, 'bad_id_token', encode_json($_), sent => 'token');
}
answered($b->come_back(code => stub_code({ id_token => id_token($b, header => { alg => 'HS256' }) })), 303, '', 'HS256', session => 1, sent => 'token');
--- error_log
returned an invalid id_token: it is not signed


=== TEST 14: an id_token that is there but wrong: not a JWT
--- flow
use MIME::Base64 'encode_base64url';
my $b = begun('/deep');
my $head = encode_base64url('{"alg":"RS256"}');
my $claims = sub { encode_base64url(encode_json({ sub => 's', aud => 'app1', iat => time, exp => time + 60,
    nonce => scalar(($b->answers)[0]->param('nonce')), @_ })) };
for ('""', '1', 'true', '[]', '{}', '"x"', '"a.b"', '"a.b.c.d.e"', '"..."', qq("$head.@{[$claims->()]}"), qq("$head.@{[$claims->()]}."),
     qq("$head..c2ln"), qq(".@{[$claims->()]}.c2ln"), qq("$head.@{[$claims->()]}=.c2ln"), qq("$head.@{[$claims->()]}.c2ln="),
     qq("$head.@{[$claims->()]}.c+ln"), qq("$head.@{[$claims->()]}.c2ln.c2ln"), qq(" $head.@{[$claims->()]}.c2ln"),
     qq("$head.e30.c2ln"), qq("e30.@{[$claims->()]}.c2ln"), qq("$head.W10.c2ln"), qq("$head.@{[$claims->(sub => undef)]}.c2ln"),
     qq("$head.@{[$claims->(sub => '')]}.c2ln"), qq("$head.@{[$claims->(sub => "x\n")]}.c2ln"),
     qq("$head.@{[encode_base64url('{\"sub\":\"a\",' . substr(MIME::Base64::decode_base64url($claims->()), 1))]}.c2ln"))
{
    my $r = $b->come_back(code => stub->prepare({ token => { body => qq({"access_token":"abc","id_token":$_}) } }));
    answered($r, 502, 'bad_id_token', substr($_, 0, 60), sent => 'token');
}
my $r = $b->come_back(code => stub->prepare({ token => { body => qq({"access_token":"abc","id_token":"$head.@{[$claims->()]}.c2ln"}) } }));
answered($r, 303, '', 'a JWT', session => 1, sent => 'token');
--- error_log
returned an invalid id_token: it is not a JWT


=== TEST 15: a wrong id_token is not made good by userinfo, and its page leads on
--- gate
vcita_oauth_userinfo on;
--- flow
my $b = begun('/deep');
my $r = $b->come_back(code => stub_code({ id_token => id_token($b, set => { aud => 'other' }) }));
answered($r, 502, 'bad_id_token', 'wrong', sent => 'token');
like $r->body, qr{<a href="\Q${\ url('/deep')}\E"}, 'a way on';
like $r->body, qr{not meant for this sign-in}, 'what happened';
--- error_log
returned an invalid id_token


=== TEST 16: nothing of an id_token is in the log
--- flow
my $b = begun('/deep');
$b->come_back(code => stub_code({ id_token => id_token($b, set => { aud => 'evil-audience', sub => 'sub-of-someone' }) }));
wait_for { error_log() =~ /returned an invalid id_token/ } 5, 'the refusal';
unlike join("\n", grep { !/\[debug\]/ } split /\n/, error_log()), qr/evil-audience|sub-of-someone|eyJ/, 'no claim, no token';
--- error_log
returned an invalid id_token


=== TEST 17: a named claim that is dropped is a line at warn with its name and size; others are logged once at notice
--- http_config
log_format claims '$vcita_oauth_claim_email $vcita_oauth_claim_long_1 $vcita_oauth_claim_ctl';
--- flow
my $b = begun('/deep');
my %long = map { ("long $_" => 'x' x (1023 + $_)) } 1 .. 3;
my %many = map { (sprintf('m%02d', $_) => 'y' x 200) } 1 .. 20;
my $r = $b->come_back(code => stub->prepare({ userinfo => { set => { %long, 'long 1' => 'x' x 1025, %many, empty => undef,
    control => "a\nb", ctl => "c\nd", iss => 'z' x 300 } } }));
answered($r, 303, '', 'a session all the same', session => 1, sent => 'token userinfo');
my @warn = grep { /\[warn\].*the claim/ } split /\n/, error_log();
is scalar(@warn), 2, 'two named ones';
like "@warn", qr/the claim "long_1" \(1025 bytes\) is too large for the session, its variable is empty/, 'one is too large';
like "@warn", qr/the claim "ctl" \(3 bytes\) has a control character, its variable is empty/, 'one has a control character';
my @lines = grep { /would be too large/ } split /\n/, error_log();
is scalar(@lines), 1, 'one line';
like $lines[0], qr/\[notice\].* claims dropped, the session would be too large: /, 'at notice';
like $lines[0], qr/\blong_$_\b/, "over 256 bytes: long_$_" for 2, 3;
like $lines[0], qr/\bm\d\d\b/, 'dropped for the cookie';
unlike $lines[0], qr/large: .*\b(?:empty|control|ctl|sub|email|iss|long_1)\b/, 'and no others';
unlike join(' ', @lines, @warn), qr/xxx|yyy|zzz/, 'names only';
my %got = map { lc $_->[0] => $_->[1] } @{ $b->follow->json->{headers} };
is $got{'x-email'}, 'alice@example.biz', 'the named ones stay';


=== TEST 18: without dropped claims there is no such line
--- flow
answered(begun('/deep')->come_back(code => stub_code({ userinfo => { set => { empty => '', none => undef } } })), 303, '', 'a login',
    session => 1, sent => 'token userinfo');
unlike error_log(), qr/too large/, 'nothing was dropped';


=== TEST 19: vcita_oauth_userinfo: unknown values
--- http_config
vcita_oauth_userinfo maybe;
--- gate
--- config
--- must_die
--- error_log
invalid value "maybe"


=== TEST 20: a slot of the pace that userinfo did not need is free for another login
--- gate
vcita_oauth_rate 2r/s;
--- flow
return pass 'once is enough' if round;
for (1 .. 3) {
    my $b = begun('/deep');
    answered($b->come_back(code => stub_code({ id_token => id_token($b) })), 303, '', "login $_", session => 1, sent => 'token');
}
my @t = map { $_->time } stub->requests('/oauth/token');
cmp_ok $t[1] - $t[0], '<', 0.95, 'the second in the slot that the first one has given back';
cmp_ok $t[2] - $t[0], '>', 0.98, 'the third waits for a window';


=== TEST 21: vcita_oauth_userinfo off reserves one slot of the pace
--- gate
vcita_oauth_rate 2r/s;
vcita_oauth_userinfo off;
--- flow
return pass 'once is enough' if round;
answered(begun('/deep')->come_back(code => stub_code), 303, '', "login $_", session => 1, sent => 'token') for 1, 2;
my @t = map { $_->time } stub->requests('/oauth/token');
cmp_ok $t[1] - $t[0], '<', 0.95, 'the second one does not wait for a window';


=== TEST 22: without PKCE a stolen code signs nobody in as its owner: an answer without an id_token is bad_id_token
--- gate
vcita_oauth_pkce off;
vcita_oauth_userinfo on;
--- flow
# the thief's browser has a good state of its own, and brings the code of another person's login
my $thief = begun('/deep');
for my $token ({}, { set => { id_token => undef } }) {
    my $r = $thief->come_back(code => stub_code({ token => $token }));
    answered($r, 502, 'bad_id_token', encode_json($token), sent => 'token');
}
is $thief->get('/deep')->status, 302, 'the thief is not in';
my $victim = begun('/deep');
my $r = $thief->come_back(code => stub_code({ id_token => id_token($victim) }));
answered($r, 502, 'bad_id_token', 'an id_token of the other login', sent => 'token');
my $b = begun('/deep');
is $b->come_back(code => stub_code({ id_token => id_token($b) }))->status, 303, 'a login with an id_token of its own';
like error_log(), qr/\[error\].*returned no id_token.*vcita_oauth_pkce/, 'the log names the directive';
--- error_log
returned no id_token


=== TEST 23: without PKCE, and with a scope without openid, no nonce was sent: the login goes on
--- gate
vcita_oauth_pkce off;
vcita_oauth_scope profile;
--- flow
answered(begun('/deep')->come_back(code => stub_code), 303, '', 'no nonce', session => 1, sent => 'token userinfo');


=== TEST 24: with PKCE an answer needs no id_token
--- gate
vcita_oauth_userinfo on;
--- flow
answered(begun('/deep')->come_back(code => stub_code), 303, '', 'the verifier binds the code', session => 1, sent => 'token userinfo');
