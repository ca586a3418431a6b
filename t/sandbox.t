# The gate against a real authorization server, over https.

use lib 't/lib';
use VcitaSandbox;
use VcitaTest;
use VcitaAssertion;

# the gate of an app that signs with one key, while vcita knows others, by their names
sub VcitaFlow::Code::signs_as {
    my ($name, $key, $kid, @known) = @_;
    my $id = VcitaSandbox->create(name => $name, jwks => VcitaFlow::Code::client_jwks(@known));
    return "no vcita_oauth_client_secret;\nvcita_oauth_client_id $id;\nvcita_oauth_client_assertion_key "
        . VcitaFlow::Code::client_key($key) . " $kid;\n";
}

add_block_preprocessor(sub { VcitaSandbox->gate(shift) });

run_tests();

__DATA__

=== TEST 1: a whole login over https, with the token that vcita gave
--- gate
vcita_oauth_userinfo on;
--- config
location / {
    vcita_oauth on;
    proxy_set_header X-User $vcita_oauth_claim_email;
    proxy_set_header X-Business $vcita_oauth_claim_business_uid;
    proxy_set_header Authorization "Bearer $vcita_oauth_access_token";
    proxy_pass $VCITA_APP;
}
--- flow
my $b = browser();
my $r = $b->visit('/reports?year=2026');
is $r->status, 200, 'in';
is $r->json->{uri}, '/reports?year=2026', 'at the address first asked for';
my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
is $got{'x-user'}, 'alice@example.biz', 'who it is';
is $got{'x-business'}, 'ed469f8764326a66', 'of which business';
like $got{authorization}, qr/^Bearer [0-9a-f]{64}$/, 'the token';
cmp_ok length $b->cookie('vcita_session'), '<=', 800, 'a small cookie, with all that id_token and userinfo say';
is(VcitaSandbox->sub_of(substr $got{authorization}, 7), 'a383717599bf1893', 'vcita knows the token');

=== TEST 2: a token request in JSON
--- gate
vcita_oauth_token_format json;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
is browser()->visit('/')->status, 200, 'in';

=== TEST 3: a scope without openid
--- gate
vcita_oauth_scope profile;
--- config
location / { vcita_oauth on; add_header X-Sub $vcita_oauth_claim_sub; proxy_pass $VCITA_APP; }
--- flow
my $r = browser()->visit('/');
is $r->status, 200, 'in';
is scalar($r->header('X-Sub')), 'a383717599bf1893', 'userinfo says who';

=== TEST 4: a wrong secret is logged with what to check
--- gate
vcita_oauth_client_secret no-such-secret-0123456789abcdef;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $r = browser()->visit('/');
is $r->status, 502, 'bad gateway';
like error_log(), qr/\[crit\].*invalid_client.*check vcita_oauth_client_id and vcita_oauth_client_secret/,
    'the log says what to check';
--- error_log
invalid_client

=== TEST 5: a code works once
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
$b->get('/');
my $back = $b->hop;
is $back->status, 302, 'vcita sends the browser back';
my $again = $b->clone;
is $b->hop->status, 303, 'the code makes a session';
my $r = $again->get($back->location);
is $r->status, 302, 'a second use: a new login';
like $r->location, qr{/app/oauth/authorize\?}, 'at vcita';

=== TEST 6: vcita is slow
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
VcitaSandbox->control(POST => 'faults', { endpoint => 'token', kind => 'delay', ms => 500, count => 1 });
is browser()->visit('/')->status, 200, 'in all the same';

=== TEST 7: an authority that is not trusted
--- gate
vcita_oauth_ssl_trusted_certificate $VCITA_CA_OTHER;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
is browser()->visit('/')->status, 502, 'bad gateway';
like error_log(), qr/\[error\].*token endpoint "[^"]*" is unreachable/, 'the log says why';
--- error_log
is unreachable

=== TEST 8: the id_token of a real server is enough, by default
--- gate
vcita_oauth_issuer $SANDBOX_ISSUER;
--- config
location / {
    vcita_oauth on;
    proxy_set_header X-Sub $vcita_oauth_claim_sub;
    proxy_set_header X-Business $vcita_oauth_claim_business_id;
    proxy_set_header X-User $vcita_oauth_claim_email;
    proxy_pass $VCITA_APP;
}
--- flow
my $b = browser();
my $r = $b->visit('/');
is $r->status, 200, 'in';
my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
is $got{'x-sub'}, 'a383717599bf1893', 'who it is';
is $got{'x-business'}, 'ed469f8764326a66', 'of which business';
is $got{'x-user'}, undef, 'userinfo would have told more';

=== TEST 9: an id_token of another issuer
--- gate
vcita_oauth_issuer https://issuer.example;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
is browser()->visit('/')->status, 502, 'bad gateway';
--- error_log
its iss is not the value of vcita_oauth_issuer

=== TEST 10: without PKCE
--- gate
vcita_oauth_pkce off;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
is browser()->visit('/')->status, 200, 'in';

=== TEST 11: private_key_jwt that is verified: RS256, with a kid
--- gate eval
VcitaFlow::Code::signs_as('rs256', 'rsa', 'kid=rsa', 'rsa_other', 'rsa', 'ec')
--- config
location / { vcita_oauth on; proxy_set_header X-Sub $vcita_oauth_claim_sub; proxy_pass $VCITA_APP; }
--- flow
for (1 .. 3) {
    my $r = browser()->visit('/reports');
    is $r->status, 200, "login $_: in";
    my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
    is $got{'x-sub'}, 'a383717599bf1893', 'who it is';
}

=== TEST 12: private_key_jwt that is verified: ES256, without a kid, as JSON
--- gate eval
VcitaFlow::Code::signs_as('es256', 'ec', '', 'ec') . 'vcita_oauth_token_format json;'
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
is browser()->visit('/')->status, 200, "login $_: in" for 1 .. 20;

=== TEST 13: private_key_jwt that is verified: after 429, a fresh assertion is good
--- gate eval
VcitaFlow::Code::signs_as('again', 'ec', 'kid=ec', 'ec')
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
VcitaSandbox->control(POST => 'faults', { endpoint => 'token', kind => 'status', status => 429, count => 1 });
is browser()->visit('/')->status, 200, 'in';

=== TEST 14: private_key_jwt that is verified: a key that vcita does not know
--- gate eval
VcitaFlow::Code::signs_as('other-key', 'rsa', '', 'rsa_other')
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
is browser()->visit('/')->status, 502, 'bad gateway';
like error_log(), qr/\[crit\].*"invalid_client".*kid.*client_auth_jwks_uri/, 'the log says what to check';
--- error_log
invalid_client

=== TEST 15: private_key_jwt that is verified: a kid that vcita does not know
--- gate eval
VcitaFlow::Code::signs_as('other-kid', 'rsa', 'kid=other', 'rsa')
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
is browser()->visit('/')->status, 502, 'bad gateway';
--- error_log
invalid_client

=== TEST 16: private_key_jwt that is verified: the secret will not do for an app with keys
--- gate eval
VcitaFlow::Code::signs_as('secret', 'rsa', '', 'rsa') =~ s/^(?:no|vcita_oauth_client_assertion_key) .*\n//mgr
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
is browser()->visit('/')->status, 502, 'bad gateway';
--- error_log
invalid_client

=== TEST 17: a whole login whose session lives in a zone
--- gate
vcita_oauth_userinfo on;
vcita_oauth_session_store zone=sessions:1m;
--- config
location / { vcita_oauth on; proxy_set_header X-User $vcita_oauth_claim_email; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout; }
--- flow
my $b = browser();
my $r = $b->visit('/reports');
is $r->status, 200, 'in';
my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
is $got{'x-user'}, 'alice@example.biz', 'who it is';
my $id = $b->cookie('vcita_session');
is length $id, 43, 'an id';
is $b->get('/logout')->status, 200, 'logout';
is browser()->get('/', headers => [ Cookie => "vcita_session=$id" ])->status, 302, 'a copied cookie is dead';

=== TEST 18: revalidate: a token revoked at vcita is out within the interval on every worker, by one call an interval
--- workers: 2
--- gate
vcita_oauth_userinfo on;
vcita_oauth_revalidate 2s;
vcita_oauth_rate off;
--- config
location / { vcita_oauth on; proxy_set_header Authorization "Bearer $vcita_oauth_access_token"; add_header X-Worker $pid; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
my $r = $b->visit('/');
my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
my $calls = sub { my $c = VcitaSandbox->control(GET => 'stats')->{calls}{userinfo} || {}; my $n = 0; $n += $_ for values %$c; $n };
my ($before, $began) = ($calls->(), time);
my %worker;
wait_for { my $r = $b->clone->get('/'); $worker{ $r->header('X-Worker') // 'none' }++; time > $began + 6 } 20, 'six seconds of requests';
is join(' ', map { /^\d+$/ ? 'in' : $_ } sort keys %worker), 'in in', 'both workers let it in';
cmp_ok $calls->() - $before, '>=', 2, 'vcita was asked';
cmp_ok $calls->() - $before, '<=', 1 + (time - $began) / 2, 'at most once an interval: ' . ($calls->() - $before);

VcitaSandbox->control(POST => 'revoke', { token => substr $got{authorization}, 7 });
wait_for { $b->clone->get('/')->status == 302 } 5, 'the end of the session';
is join(' ', map { $b->clone->get('/')->status } 1 .. 20), join(' ', (302) x 20), 'out at every worker';

=== TEST 19: revalidate: with vcita stopped a session lives until `stale`, and again when vcita is back
--- gate
vcita_oauth_userinfo on;
vcita_oauth_revalidate 1s stale=4s;
vcita_oauth_timeout 500ms;
vcita_oauth_rate off;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
is $b->visit('/')->status, 200, 'in';
wait_for { VcitaSandbox->control(GET => 'stats')->{calls}{userinfo}; $b->get('/')->status == 200 } 5, 'a first answer';
VcitaSandbox->signal('STOP');
my ($began, $in) = (time, time);
wait_for { my $s = $b->get('/')->status; $in = time if $s == 200; $s == 302 } 20, 'the end of the session';
VcitaSandbox->signal('CONT');
cmp_ok $in - $began, '>=', 2, 'it lived on';
wait_for { $b->get('/')->status == 200 } 20, 'the session, when vcita is back';
--- error_log
could not be revalidated

=== TEST 20: vcita_oauth_revoke_endpoint: a logout ends the token at vcita, over https
--- gate
vcita_oauth_revoke_endpoint $SANDBOX_ISSUER/platform/v1/tokens/revoke;
--- config
location / { vcita_oauth on; add_header X-Token $vcita_oauth_access_token; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout; }
location = /status { vcita_oauth_status; }
--- flow
my $b = browser();
my $token = $b->visit('/')->header('X-Token');
is(VcitaSandbox->sub_of($token), 'a383717599bf1893', 'vcita knows the token');
is $b->get('/logout')->status, 200, 'out';
wait_for { !VcitaSandbox->sub_of($token) } 5, 'the end of the token';
wait_for { browser()->get('/status')->body =~ /^vcita_oauth_revocations_total\{outcome="ok"\} @{[ round() + 1 ]}$/m } 5, 'the counter';

=== TEST 21: vcita_oauth_bearer: a token that vcita has signed for this app opens the gate without a session; its keys may have rotated
--- gate
--- config
location / { vcita_oauth on; add_header X-Token $vcita_oauth_access_token; proxy_pass $VCITA_APP; }
location /api/ {
    vcita_oauth on;
    vcita_oauth_bearer salonapp;
    add_header X-Error $vcita_oauth_error always;
    proxy_set_header X-Who "$vcita_oauth_claim_sub,$vcita_oauth_claim_business_uid,$vcita_oauth_claim_actor_uid,$vcita_oauth_claim_actor_type";
    proxy_pass $VCITA_APP;
}
--- flow
my $with = sub { my ($token) = @_; browser()->get('/api/', headers => [ Authorization => "Bearer $token" ]) };
my $who = sub { my %got = map { lc $_->[0] => $_->[1] } @{ $with->($_[0])->json->{headers} }; $got{'x-who'} };
my $calls = sub { my $c = VcitaSandbox->control(GET => 'stats')->{calls}{keys} || {}; my $n = 0; $n += $_ for values %$c; $n };
my $before = $calls->();
if (!round) { VcitaSandbox->create(name => $_) for qw( salonapp otherapp ) }

my $token = browser()->visit('/')->header('X-Token');
my $old = VcitaSandbox->signed_token($token, 'salonapp');
VcitaSandbox->control(POST => 'keys', { keep => 1 }) if !round;
is $who->($old), 'a383717599bf1893,ed469f8764326a66,a383717599bf1893,staff', 'in, by the key that was';
is $with->(VcitaSandbox->signed_token($token, 'salonapp'))->status, 200, 'in, by the key that is';
is $calls->() - $before, round ? 0 : 1, 'the keys: one call over https';

VcitaSandbox->control(POST => 'signed-tokens', { actor_uid => '300', actor_type => 'admin', count => 1 });
is $who->(VcitaSandbox->signed_token($token, 'salonapp')), 'a383717599bf1893,ed469f8764326a66,300,admin', 'who acts for whom';

VcitaSandbox->control(POST => 'signed-tokens', { left => -61, count => 1 });
for ([ 'one that has ended' => VcitaSandbox->signed_token($token, 'salonapp') ],
    [ q(another app's) => VcitaSandbox->signed_token($token, 'otherapp') ], [ 'an opaque one' => $token ])
{
    my ($what, $bad) = @$_;
    my $r = $with->($bad);
    is $r->status . ' ' . $r->header('X-Error'), '401 invalid_token', $what;
}
--- no_error_log
[alert]
