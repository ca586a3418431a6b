# The way in: redirect, callback, session, and back.

use lib 't/lib';
use VcitaTest;

run_tests();

__DATA__

=== TEST 1: a login ends at the address first asked for
--- gate
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
is $b->get('/reports?year=2026')->status, 302, 'off to vcita';
my $r = $b->follow;
is $r->status, 200, 'in';
is $r->json->{uri}, '/reports?year=2026', 'back where it began';
my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
is $got{'x-user'}, 'alice@example.biz', 'the claim reaches the upstream';
is $got{'x-business'}, 'ed469f8764326a66', 'another one';
like $got{authorization}, qr/^Bearer [0-9a-f]{64}$/, 'the token does';
is $got{cookie}, undef, 'no cookie does';
