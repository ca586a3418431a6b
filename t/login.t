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


=== TEST 2: no two browsers have a login cookie, a state or a nonce in common, whichever worker made them, before a reload and after
--- workers: 4
--- master_on
--- http_config
add_header X-Pid $pid always;
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my (%made, %by);
my $some = sub {
    for (1 .. 150) {
        my $b = browser();
        my $r = $b->get('/');
        $made{$_}++ for map { substr $_, 0, 43 } $b->cookie('vcita_session_login'), $r->param('nonce'), $r->param('code_challenge'), $r->param('state');
        $by{ $r->header('X-Pid') }++;
    }
};
$some->();
my $workers = keys %by;
cmp_ok $workers, '>=', 2, 'several workers made them';
nginx_reload;
$some->();
cmp_ok scalar(keys %by), '>', $workers, 'and new ones';
is_deeply [ grep { $made{$_} > 1 } keys %made ], [], 'none twice';
is scalar(keys %made), 1200, 'all of them';
