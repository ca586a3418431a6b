# vcita_oauth_require: who may come in.

use lib 't/lib';
use VcitaTest;

run_tests();

__DATA__

=== TEST 1: rules unmet (any gated request): 403, the page says who is signed in and links to another account
--- gate
--- config
location / {
    vcita_oauth on;
    vcita_oauth_require $vcita_oauth_claim_business_uid 0000000000000000;
    add_header X-Error $vcita_oauth_error always;
    proxy_pass $VCITA_APP;
}
--- flow
my $b = browser();
stub->next({ userinfo => { set => { email => 'a<b>@example.biz' } } });
my $r = $b->visit('/deep?x=1');
is $r->status, 403, 'not allowed';
is scalar($r->header('X-Error')), 'not_allowed', '$vcita_oauth_error';
like $r->body, qr/a&lt;b&gt;\@example\.biz/, 'who is signed in, escaped';
unlike $r->body, qr/a<b>/, 'and only so';
my ($href) = $r->body =~ /href="([^"]+)"/;
$href =~ s/&amp;/&/g;
like $href, qr{/app/oauth/authorize\?.*&prompt=login}, 'a way to another account';
is scalar(stub->app_requests), 0, 'the application saw nothing';
is $b->get('/deep?x=1')->status, 403, 'and stays closed';
--- error_log
is not met

=== TEST 2: signing in as another account comes back to the same address
--- gate
--- config
location / {
    vcita_oauth on;
    vcita_oauth_require $vcita_oauth_claim_email bob@example.biz;
    proxy_pass $VCITA_APP;
}
--- flow
my $b = browser();
my $r = $b->visit('/deep?x=1');
is $r->status, 403, 'alice may not';
my ($href) = $r->body =~ /href="([^"]+)"/;
$href =~ s/&amp;/&/g;
stub->next({ userinfo => { set => { email => 'bob@example.biz' } } });
$r = $b->visit($href);
is $r->status, 200, 'bob may';
is $r->json->{uri}, '/deep?x=1', 'at the address first asked for';
--- error_log
is not met

=== TEST 3: what a value can be
--- gate
--- config
vcita_oauth on;
location /exact     { vcita_oauth_require $vcita_oauth_claim_v ops;          proxy_pass $VCITA_APP; }
location /prefix    { vcita_oauth_require $vcita_oauth_claim_v op*;          proxy_pass $VCITA_APP; }
location /suffix    { vcita_oauth_require $vcita_oauth_claim_v *.example;    proxy_pass $VCITA_APP; }
location /domain    { vcita_oauth_require $vcita_oauth_claim_v *@example.biz; proxy_pass $VCITA_APP; }
location /regex     { vcita_oauth_require $vcita_oauth_claim_v ~^[a-c]+$;    proxy_pass $VCITA_APP; }
location /caseless  { vcita_oauth_require $vcita_oauth_claim_v ~*^[a-c]+$;   proxy_pass $VCITA_APP; }
location /any       { vcita_oauth_require $vcita_oauth_claim_v one two;      proxy_pass $VCITA_APP; }
location /all       { vcita_oauth_require $vcita_oauth_claim_v o*;
                      vcita_oauth_require $vcita_oauth_claim_role owner;     proxy_pass $VCITA_APP; }
--- flow
my %in = (
    exact    => { 'ops' => 200, 'OPS' => 403, 'opsx' => 403, 'op' => 403, '' => 403, 'ops,x' => 403 },
    prefix   => { 'ops' => 200, 'op' => 200, 'o' => 403, 'xop' => 403 },
    suffix   => { 'a.example' => 200, '.example' => 403, 'a.examplex' => 403, 'example' => 403, 'a.EXAMPLE' => 403 },
    domain   => { 'a@example.biz' => 200, '@example.biz' => 403, 'a@evil.example.biz' => 403, 'a@example.bizz' => 403 },
    regex    => { 'abc' => 200, 'ABC' => 403, 'abd' => 403 },
    caseless => { 'abc' => 200, 'ABC' => 200, 'abd' => 403 },
    any      => { 'one' => 200, 'two' => 200, 'three' => 403 },
    all      => { 'one' => 200, 'two' => 403 },
);
my %session;
for my $where (sort keys %in) {
    for my $value (sort keys %{ $in{$where} }) {
        my $b = $session{$value} //= do {
            my $b = browser();
            stub->next({ userinfo => { set => { v => $value } } });
            $b->visit('/exact');
            $b;
        };
        is $b->get("/$where")->status, $in{$where}{$value}, "$where: '$value'";
    }
}
--- error_log
is not met

=== TEST 4: where the variable is a claim that is an array, any element; absent or empty never matches
--- gate
--- config
vcita_oauth on;
location /ops   { vcita_oauth_require $vcita_oauth_claim_groups ops;      proxy_pass $VCITA_APP; }
location /joined { vcita_oauth_require $vcita_oauth_claim_groups dev,ops; proxy_pass $VCITA_APP; }
location /comma { vcita_oauth_require $vcita_oauth_claim_groups a,b;      proxy_pass $VCITA_APP; }
location /empty { vcita_oauth_require $vcita_oauth_claim_groups ~^;       proxy_pass $VCITA_APP; }
location /none  { vcita_oauth_require $vcita_oauth_claim_no_such ~.*;     proxy_pass $VCITA_APP; }
--- flow
my %groups = (
    'two'   => [ [ 'dev', 'ops' ], { ops => 200, joined => 403, comma => 403, empty => 200, none => 403 } ],
    'comma' => [ [ 'a,b', 'c' ],   { ops => 403, comma => 200, empty => 200 } ],
    'empty' => [ [],               { ops => 403, comma => 403, empty => 403 } ],
    'blank' => [ [ '' ],           { ops => 403, empty => 403 } ],
    'mixed' => [ [ 1, 'ops', \1 ], { ops => 200 } ],
);
for my $name (sort keys %groups) {
    my ($value, $status) = @{ $groups{$name} };
    my $b = browser();
    stub->next({ userinfo => { set => { groups => $value } } });
    $b->visit('/ops');
    is $b->get("/$_")->status, $status->{$_}, "$name: /$_" for sort keys %$status;
}
--- error_log
is not met

=== TEST 5: several directives: all; inherited as add_header is
--- gate
vcita_oauth on;
vcita_oauth_require $vcita_oauth_claim_role owner;
--- config
location /inherited { proxy_pass $VCITA_APP; }
location /own       { vcita_oauth_require $vcita_oauth_claim_email *@example.biz; proxy_pass $VCITA_APP; }
location /both      { vcita_oauth_require $vcita_oauth_claim_role staff;
                      vcita_oauth_require $vcita_oauth_claim_email *@example.biz; proxy_pass $VCITA_APP; }
location /first     { vcita_oauth_require $vcita_oauth_claim_role staff;
                      vcita_oauth_require $vcita_oauth_claim_email *@example.com; proxy_pass $VCITA_APP; }
location /second    { vcita_oauth_require $vcita_oauth_claim_email *@example.com;
                      vcita_oauth_require $vcita_oauth_claim_role staff; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
stub->next({ userinfo => { set => { role => 'staff' } } });
$b->visit('/own');
is $b->get('/own')->status, 200, 'its own rule in place of the inherited one';
is $b->get('/inherited')->status, 403, 'the inherited one';
is $b->get('/both')->status, 200, 'two rules, both met';
is $b->get('/first')->status, 403, 'two rules, the first met';
is $b->get('/second')->status, 403, 'two rules, the second met';
--- error_log
is not met

=== TEST 6: evaluated at each request that has a session; an anonymous one passes under `optional`
--- gate
--- config
location / {
    vcita_oauth optional;
    vcita_oauth_require $vcita_oauth_claim_role nobody;
    proxy_pass $VCITA_APP;
}
location /in { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
is $b->get('/')->status, 200, 'anonymous';
is $b->visit('/in')->status, 200, 'signs in elsewhere';
is $b->get('/')->status, 403, 'has a session, and does not meet the rule';
--- error_log
is not met

=== TEST 7: rules see this request's variables, so map composes, and a map read before the gate is read again
--- gate
--- http_config
map $vcita_oauth_claim_email $who { default "no"; alice@example.biz "yes"; }
map "$request_method:$vcita_oauth_claim_role" $may { default 0; "GET:owner" 1; }
limit_req_zone $who zone=who:1m rate=1000r/s;
--- config
location / {
    vcita_oauth on;
    limit_req zone=who burst=100;
    set $early $may;
    vcita_oauth_require $who yes;
    vcita_oauth_require $may 1;
    proxy_pass $VCITA_APP;
}
--- flow
my $b = browser();
is $b->visit('/')->status, 200, 'alice, GET';
is $b->post('/', { a => 1 })->status, 403, 'alice, POST';
--- error_log
is not met

=== TEST 8: the operator's own 403, and one that is gated by the same rule
--- gate
--- config
vcita_oauth on;
vcita_oauth_require $vcita_oauth_claim_role nobody;
location /own   { error_page 403 /403.html; proxy_pass $VCITA_APP; }
location /gated { error_page 403 /gated.html; recursive_error_pages on; proxy_pass $VCITA_APP; }
location = /403.html   { vcita_oauth off; return 403 "operator says no: $vcita_oauth_error"; }
location = /gated.html { error_page 403 /gated.html; recursive_error_pages on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
my $r = $b->visit('/own');
is $r->status, 403, 'refused';
is $r->body, 'operator says no: not_allowed', 'in the words of the operator';
$r = $b->get('/gated');
is $r->status, 403, 'refused';
like $r->body, qr/alice\@example\.biz/, 'in our words';
--- error_log
is not met

=== TEST 9: `*` alone is an error
--- gate
vcita_oauth_require $vcita_oauth_claim_role *;
--- config
--- must_die
--- error_log
invalid value "*", use a text

=== TEST 10: a star in the middle is an error
--- gate
vcita_oauth_require $vcita_oauth_claim_role a*b;
--- config
--- must_die
--- error_log
invalid value "a*b"

=== TEST 11: a suffix that is neither .suffix nor @domain is an error
--- gate
vcita_oauth_require $vcita_oauth_claim_role *owner;
--- config
--- must_die
--- error_log
invalid value "*owner"

=== TEST 12: an empty value is an error
--- gate
vcita_oauth_require $vcita_oauth_claim_role "";
--- config
--- must_die
--- error_log
invalid value ""

=== TEST 13: a regex that does not compile is an error
--- gate
vcita_oauth_require $vcita_oauth_claim_role ~(;
--- config
--- must_die
--- error_log
pcre

=== TEST 14: no variable is an error
--- gate
vcita_oauth_require role owner;
--- config
--- must_die
--- error_log
invalid variable name "role"

=== TEST 15: a rule over a map of a map (of a map) that limit_req_zone, set or if read before the gate: the person is judged anew
--- gate
--- http_config
map $vcita_oauth_claim_role $kind { default "open"; owner "barred"; }
map "$kind:$request_method" $both { default "open"; "barred:GET" "barred"; }
map $both $may { default 1; barred 0; }
map $may $deep { default yes; 0 no; }
split_clients $kind $half { 60% first; * second; }      # "open" is of the first, "barred" of the second
map $half $by_half { default 1; second 0; }
map $vcita_oauth_claim_ip $ip { default 10.0.0.1; ~^(?<quad>[0-9.]+)$ $quad; }
geo $ip $net { default home; 192.0.2.0/24 barred; }
map $net $by_net { default 1; barred 0; }
map $uri $by_value { default $kind; }
map $by_value $by_value_may { default 1; barred 0; }
limit_req_zone $kind zone=inner:1m rate=1000r/s;
limit_req_zone $both zone=middle:1m rate=1000r/s;
limit_req_zone $deep$by_half$by_net$by_value_may zone=outer:1m rate=1000r/s;
limit_req_zone $half$net$by_value zone=mixed:1m rate=1000r/s;
log_format early "$kind $both $may";
--- config
vcita_oauth on;
location /none   { vcita_oauth_require $deep yes; proxy_pass $VCITA_APP; }
location /inner  { limit_req zone=inner burst=100;  vcita_oauth_require $deep yes; proxy_pass $VCITA_APP; }
location /middle { limit_req zone=middle burst=100; vcita_oauth_require $may 1; proxy_pass $VCITA_APP; }
location /outer  { limit_req zone=outer burst=100;  vcita_oauth_require $deep yes; proxy_pass $VCITA_APP; }
location /set    { set $early $kind; vcita_oauth_require $deep yes; proxy_pass $VCITA_APP; }
location /text   { set $early "a $kind b $both c $may"; vcita_oauth_require $deep yes; proxy_pass $VCITA_APP; }
location /if     { if ($kind = "nothing") { return 418; } vcita_oauth_require $deep yes; proxy_pass $VCITA_APP; }
location /split  { limit_req zone=mixed burst=100; vcita_oauth_require $by_half 1; proxy_pass $VCITA_APP; }
location /geo    { limit_req zone=mixed burst=100; vcita_oauth_require $by_net 1; proxy_pass $VCITA_APP; }
location /value  { limit_req zone=mixed burst=100; vcita_oauth_require $by_value_may 1; proxy_pass $VCITA_APP; }
location /log    { access_log logs/access.log early; vcita_oauth_require $deep yes; proxy_pass $VCITA_APP; }
location /bound  { limit_req zone=inner burst=100; proxy_set_header X-Kind $kind; proxy_pass $VCITA_APP; }
--- flow
my @all = qw( none inner middle outer set text if split geo value log );
my %of;
for my $role (qw( owner staff )) {
    my $b = $of{$role} = browser();
    stub->next({ userinfo => { set => { role => $role, ip => $role eq 'owner' ? '192.0.2.7' : '198.51.100.1' } } });
    is $b->visit('/bound')->status, 200, "$role is signed in";
}
is $of{owner}->get("/$_")->status, 403, "barred: /$_" for @all;
is $of{staff}->get("/$_")->status, 200, "not barred: /$_" for @all;
my %got = map { lc $_->[0] => $_->[1] } @{ $of{owner}->get('/bound')->json->{headers} };
is $got{'x-kind'}, 'barred', 'an upstream, too, gets what holds behind the gate';
--- error_log
is not met

=== TEST 16: *@domain: the domain without regard to case, and no other @ before it
--- gate
--- config
vcita_oauth on;
location /domain { vcita_oauth_require $vcita_oauth_claim_v *@example.biz; proxy_pass $VCITA_APP; }
location /upper  { vcita_oauth_require $vcita_oauth_claim_v *@Example.BIZ; proxy_pass $VCITA_APP; }
location /suffix { vcita_oauth_require $vcita_oauth_claim_v *.biz; proxy_pass $VCITA_APP; }
--- flow
my %of = (
    'ann@example.biz' => 200, 'Ann@Example.biz' => 200, 'ANN@EXAMPLE.BIZ' => 200, 'o.b+c@example.biz' => 200,
    'evil@evil.org@example.biz' => 403, '@@example.biz' => 403, '"a@b"@example.biz' => 403, 'a@@example.biz' => 403,
    '@example.biz' => 403, 'example.biz' => 403, 'a@example.biz.org' => 403, 'a@sub.example.biz' => 403,
    'a@example,biz' => 403, 'a@example.bi' => 403,
);
for my $value (sort keys %of) {
    my $b = browser();
    stub->next({ userinfo => { set => { v => $value } } });
    $b->visit('/domain');
    is $b->get($_)->status, $of{$value}, "$_: $value" for qw( /domain /upper );
}
for ([ [ 'x', 'Ann@Example.biz' ], 200 ], [ [ 'e@evil.org@example.biz', 'x' ], 403 ], [ [ 'a@evil.org', '@example.biz' ], 403 ]) {
    my $b = browser();
    stub->next({ userinfo => { set => { v => $_->[0] } } });
    $b->visit('/domain');
    is $b->get('/domain')->status, $_->[1], "an array: @{ $_->[0] }";
}
my $b = browser();
stub->next({ userinfo => { set => { v => 'a.BIZ' } } });
is $b->visit('/suffix')->status, 403, 'a suffix that is no domain: case matters';
--- error_log
is not met

=== TEST 17: a regex that fails at run time (its match limit) is not met: 403, and the log says so
--- gate
--- config
vcita_oauth on;
location / { vcita_oauth_require $vcita_oauth_claim_v "~(*LIMIT_MATCH=100)^(a+)+$"; proxy_pass $VCITA_APP; }
location /in { proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
stub->next({ userinfo => { set => { v => 'aaa' } } });
is $b->visit('/')->status, 200, 'a value that it can judge';
$b = browser();
stub->next({ userinfo => { set => { v => 'a' x 60 . 'b' } } });
$b->visit('/in');
is $b->get('/')->status, 403, 'one that it cannot judge';
like error_log(), qr/\[alert\].* failed: -\d+ using "~\(\*LIMIT_MATCH=100\)/, 'the log names the regex';
--- error_log
[alert]
failed: -

=== TEST 18: a claim that the session lacks is not what another application's session had before an internal redirect
--- gate
--- config
location = /in    { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /first { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_v yes; try_files /none /other; }
location /other {
    vcita_oauth on;
    vcita_oauth_client_id app2;
    vcita_oauth_cookie_name other;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/other/callback;
    vcita_oauth_require $vcita_oauth_claim_v yes;
    proxy_pass $VCITA_APP;
}
--- flow
for (403, 200) {
    my $b = browser();
    stub->next({ userinfo => { set => { v => 'yes' } } });
    is $b->visit('/in')->status, 200, 'signed in at the first';
    stub->next({ userinfo => { set => { v => 'yes' } } }) if $_ == 200;
    is $b->visit('/other')->status, $_, 'signed in at the second';
    is $b->get('/first')->status, $_, 'from the first to the second: by the second alone';
}
--- error_log
is not met

=== TEST 19: an unmet rule is one line at error: the variable, the claim's value, the directive's line, and what to do
--- gate
--- config
location / {
    vcita_oauth on;
    vcita_oauth_require $vcita_oauth_claim_no_such x;
    proxy_pass $VCITA_APP;
}
location /role { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role x; proxy_pass $VCITA_APP; }
location /list { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_list x; proxy_pass $VCITA_APP; }
location /long { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_long x; proxy_pass $VCITA_APP; }
location /token { vcita_oauth on; vcita_oauth_require $vcita_oauth_access_token x; proxy_pass $VCITA_APP; }
location /again { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role x; error_page 403 /again; recursive_error_pages on; proxy_pass $VCITA_APP; }
location /on/ {
    vcita_oauth on;
    vcita_oauth_client_id app2;
    vcita_oauth_userinfo on;
    vcita_oauth_cookie_name on;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/on/callback;
    vcita_oauth_require $vcita_oauth_claim_no_such x;
    proxy_pass $VCITA_APP;
}
--- flow
my $b = browser();
stub->next({ userinfo => { set => { role => 'staff', list => [ 'a', 'b' ], long => 'l' x 200 } } });
is $b->visit('/')->status, 403, 'not allowed';
my $rule = sub { qr/\[error\][^\n]* vcita_oauth_require \$vcita_oauth_$_[0] in \S+\.conf:\d+ is not met/ };
my %line = (
    '/'      => $rule->('claim_no_such') . qr/ because the session of account "alice\@example\.biz" has no claim "no_such", set "vcita_oauth_userinfo on", client: /,
    '/role'  => $rule->('claim_role') . qr/ by "staff" of account "alice\@example\.biz", add this value or sign in with another account, client: /,
    '/list'  => $rule->('claim_list') . qr/ by "a,b" of account "[^"]+", add this value/,
    '/long'  => $rule->('claim_long') . qr/ by "l{128}" of account "[^"]+", add this value/,
    '/token' => $rule->('access_token') . qr/ by account "alice\@example\.biz", log this variable to see its value, client: /,
    '/again' => $rule->('claim_role') . qr/ by "staff" of account "[^"]+", add/,
);
for my $path (sort keys %line) {
    is $b->get("$path?one")->status, 403, "$path: not allowed";
    my @lines = grep { /\[error\]/ && m{"GET \Q$path\E\?one } } split /\n/, error_log();
    is scalar(@lines), 1, "$path: one line";
    like $lines[0], qr/$line{$path}/, "$path: which says why";
}
unlike error_log(), qr/\[error\][^\n]*[0-9a-f]{64}/, 'no token';
$b = browser();
is $b->visit('/on/')->status, 403, 'with userinfo on';
like error_log(), qr/the session of account "[^"]+" has no claim "no_such", check its name, client: /, 'no advice to set it';
--- error_log
is not met
