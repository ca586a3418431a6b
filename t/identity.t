# Who it is: behind internal redirects, behind a refusal, in subrequests, and in a log: a login, a logout, a refusal,
# a revocation.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

use MIME::Base64 qw( decode_base64 );

repeat_each(1);

# what the application, or a header X-Seen, was told: in? who, account, token, session
my $Told = '$vcita_oauth_authenticated|$vcita_oauth_claim_sub|$vcita_oauth_account|$vcita_oauth_scope$vcita_oauth_expires'
    . '$vcita_oauth_session_started$vcita_oauth_token_type$vcita_oauth_access_token$vcita_oauth_session';

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value($_ => $block->$_ =~ s/TOLD/"$Told"/gr) for grep { defined $block->$_ } qw( config http_config );
});

# the header as it came: in? who, account, and whether any of the rest was there
sub VcitaFlow::Code::told {
    my ($r) = @_;
    my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
    return VcitaFlow::Code::short($got{'x-told'});
}

sub VcitaFlow::Code::short {
    my ($in, $sub, $account, $rest) = split /\|/, $_[0] // return 'no header';
    return join ' ', map { length($_ // '') ? $_ : '-' } $in, $sub, $account, length($rest // '') ? 'more' : '';
}

# the lines of a log of the block's own, each a list of the fields between its bars
sub VcitaFlow::Code::lines {
    my ($name, $n) = @_;
    my $file = VcitaFlow::servroot() . "/logs/$name";
    my @line;
    $n //= 0;
    VcitaFlow::wait_for(sub { open my $log, '<', $file or return 0; @line = <$log>; @line >= $n }, 5, "$name: $n lines");
    chomp @line;
    return @line;
}

# alice's number at vcita
my $Alice = 'a383717599bf1893';
sub VcitaFlow::Code::alice { $Alice }

sub VcitaFlow::Code::bytes { return decode_base64($_[0] =~ tr{-_}{+/}r) }

no_long_string();
run_tests();

__DATA__

=== TEST 1: behind try_files, index, error_page, X-Accel-Redirect and named locations, the application is told who was let in
--- gate
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location /accel { add_header X-Accel-Redirect /open; return 200; }
    location / { return 404; }
}
--- config
proxy_set_header X-Told TOLD;
vcita_oauth on;
location /try/    { try_files $uri @app; }
location /to/     { try_files $uri /open; }
location /index/  { alias html/; index none.html /open; }
location /error/  { error_page 404 /open; try_files /none =404; }
location /mine/   { error_page 404 = @app; proxy_intercept_errors on; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/none; }
location /accel   { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location /chain/  { try_files $uri /second; }
location /second  { vcita_oauth off; try_files $uri @app; }
location @app     { vcita_oauth off; proxy_pass $VCITA_APP; }
location /open    { vcita_oauth off; proxy_pass $VCITA_APP; }
location /maybe/  { vcita_oauth optional; try_files $uri @app; }
location /public/ { vcita_oauth off; try_files $uri @app; }
--- flow
is told(browser()->get('/maybe/x')), '0 - - -', 'optional, anonymous: nobody behind it, too';
is told(browser()->get('/public/x')), '- - - -', 'no gate at all: empty';
my $b = browser();
$b->visit('/try/x');
my @in = ('1', alice(), 'alice@example.biz', 'more');
for my $path (qw( /try/x /to/x /index/ /error/x /mine/x /accel /chain/x /maybe/x )) {
    my $r = $b->get($path);
    is told($r), "@in", $path;
}
is told($b->get('/open')), '- - - -', 'asked for itself, a location without a gate knows nobody';
is told($b->get('/public/x')), '- - - -', 'nor behind another one without a gate';


=== TEST 2: a gate behind an internal redirect decides anew, and the variables are of its application
--- gate
--- config
proxy_set_header X-Told TOLD;
location /one/  { vcita_oauth on; try_files $uri /two/page; }
location /half/ { vcita_oauth on; try_files $uri /maybe/page; }
location /off/  { vcita_oauth on; try_files $uri /quiet/page; }
location /two/ {
    vcita_oauth on;
    vcita_oauth_client_id app2;
    vcita_oauth_cookie_name two;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/two/callback;
    vcita_oauth_require $vcita_oauth_claim_sub two;
    try_files $uri @app;
}
location /maybe/ {
    vcita_oauth optional;
    vcita_oauth_client_id app2;
    vcita_oauth_cookie_name two;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/two/callback;
    try_files $uri @app;
}
location /quiet/ {
    vcita_oauth off;
    vcita_oauth_client_id app2;
    vcita_oauth_cookie_name two;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/two/callback;
    proxy_pass $VCITA_APP;
}
location /kept/  { vcita_oauth on; try_files $uri /strict/page; }
location /strict/ {
    vcita_oauth on;
    vcita_oauth_require $vcita_oauth_claim_sub nobody;
    error_page 403 = @app;
    proxy_pass $VCITA_APP;
}
location @app { vcita_oauth off; proxy_pass $VCITA_APP; }
location /alice { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
is $b->visit('/alice')->status, 200, 'alice is in';
is $b->get('/one/x')->param('client_id'), 'app2', 'the other gate asks for a login of its own';
is told($b->get('/half/x')), '0 - - -', 'optional, of the other one: anonymous, behind it, too';
is told($b->get('/off/x')), '1 ' . alice() . ' alice@example.biz more', 'no gate there: who was let in';
is told($b->get('/kept/x')), '0 - alice@example.biz -', 'let in by one gate, refused by the next: a user no more';

stub->next({ userinfo => { set => { sub => 'two', email => 'two@example.biz' } }, token => { id_token => 0 } });
is $b->visit('/two/x')->status, 200, 'another person is in at the other one';
is told($b->res), '1 two two@example.biz more', 'there';
is told($b->get('/one/x')), '1 two two@example.biz more', 'let in by both: by the last';
is told($b->get('/half/x')), '1 two two@example.biz more', 'optional: by the last, too';
is told($b->get('/off/x')), '1 ' . alice() . ' alice@example.biz more', 'no gate there: by the first';
--- error_log
is not met


=== TEST 3: no upstream of an error page takes a refused person for a user; the page may say who was refused
--- gate
vcita_oauth_require $vcita_oauth_claim_role nobody;
--- http_config
map $vcita_oauth_claim_sub $mapped { default $vcita_oauth_claim_sub; }
log_format told '$uri|$vcita_oauth_event|$vcita_oauth_claim_sub|$vcita_oauth_account|$vcita_oauth_authenticated|$vcita_oauth_access_token|$vcita_oauth_switch_account|$mapped';
--- config
access_log logs/told.log told;
proxy_set_header X-Told TOLD;
proxy_set_header X-Mapped "[$mapped]";
proxy_set_header X-Switch $vcita_oauth_switch_account;
add_header X-Told TOLD always;
add_header X-Mapped "[$mapped]" always;
location /off      { vcita_oauth on; error_page 403 /e/off; proxy_pass $VCITA_APP; }
location /ok       { vcita_oauth on; error_page 403 =200 /e/off; proxy_pass $VCITA_APP; }
location /named    { vcita_oauth on; error_page 403 @named; proxy_pass $VCITA_APP; }
location /chain    { vcita_oauth on; error_page 403 /e/chain; proxy_pass $VCITA_APP; }
location /optional { vcita_oauth on; error_page 403 /e/optional; proxy_pass $VCITA_APP; }
location /on       { vcita_oauth on; error_page 403 /e/on; proxy_pass $VCITA_APP; }
location /any      { vcita_oauth on; satisfy any; deny all; error_page 403 /e/off; proxy_pass $VCITA_APP; }
location /ours     { vcita_oauth on; proxy_pass $VCITA_APP; }
location /nobody   { vcita_oauth on; error_page 401 /e/off; proxy_pass $VCITA_APP; }
location @named       { vcita_oauth off; proxy_pass $VCITA_APP; }
location /e/off       { vcita_oauth off; proxy_pass $VCITA_APP; }
location /e/chain     { vcita_oauth off; try_files $uri @named; }
location /e/optional  { vcita_oauth optional; vcita_oauth_require $vcita_oauth_account ~.; proxy_pass $VCITA_APP; }
location /e/on        { vcita_oauth on; vcita_oauth_require $vcita_oauth_account ~.; proxy_pass $VCITA_APP; }
--- error_log
is not met
--- flow
my $r = browser()->post('/nobody', {});
is $r->status, 401, 'no session: 401';
is told($r), '0 - - -', 'no session: nobody, and that is known';

my $b = browser();
$b->visit('/ours');
$r = $b->res;
is $r->status, 403, 'refused';
is short($r->header('X-Told')), '0 ' . alice() . ' alice@example.biz more', "our page's headers, which no upstream sees";
for ([ '/off', 403 ], [ '/ok', 200 ], [ '/named', 403 ], [ '/chain', 403 ], [ '/optional', 403 ], [ '/on', 403 ], [ '/any', 403 ]) {
    my ($path, $status) = @$_;
    $r = $b->get($path);
    is $r->status, $status, "$path: refused";
    is told($r), '0 - alice@example.biz -', "$path: the upstream";
    is short($r->header('X-Told')), '0 - alice@example.biz -', "$path: the header";
    my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
    is $got{'x-mapped'}, '[]', "$path: nor a map";
    like $got{'x-switch'}, qr{^\Q@{[ stub->url ]}\E/app/oauth/authorize\?.*&prompt=login}, "$path: the way to another account";
    stub->next({ userinfo => { set => { sub => 'two', role => 'nobody' } }, token => { id_token => 0 } });
    my $other = $b->clone;
    $other->get($got{'x-switch'});
    is $other->follow->json->{uri}, $path, "$path: which leads back";
}
for my $line (grep { m{^/(?:e/|ours|off|ok|any|named|chain|on|optional)} && /refused/ } lines('told.log', 20)) {
    is $line =~ s/^[^|]*//r, '|refused|' . join('|', alice(), 'alice@example.biz', 0, '-', '-', alice()),
        'the log tells who was refused, and no token or state';
}
is scalar(grep { /\|refused\|/ } lines('told.log')), 8, 'each once';


=== TEST 4: a subrequest into a location without a gate carries nobody: SSI, mirror, auth_request, behind a refusal, too
--- gate
--- config
proxy_set_header X-Told TOLD;
location = /page.html    { vcita_oauth on; ssi on; }
location = /refused      { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role nobody; error_page 403 /denied.html; proxy_pass $VCITA_APP; }
location = /denied.html  { ssi on; }
location = /moved        { vcita_oauth on; try_files /none /moved.html; }
location = /moved.html   { ssi on; }
location /mirrored       { vcita_oauth on; mirror /part/mirror; proxy_pass $VCITA_APP; }
location /asked          { vcita_oauth on; auth_request /part/auth; proxy_pass $VCITA_APP; }
location /part           { proxy_pass $VCITA_APP; }
location /gated          { vcita_oauth on; try_files /none @part; }
location @part           { proxy_pass $VCITA_APP; }
--- user_files
>>> page.html
<!--#include virtual="/part/ssi" -->
>>> denied.html
<!--#include virtual="/part/ssi" -->
>>> moved.html
<!--#include virtual="/gated/ssi" -->
--- error_log
is not met
--- flow
my $b = browser();
is told($b->visit('/page.html')), '- - - -', 'SSI';
is told($b->get('/refused')), '- - - -', 'SSI in a page for the refused';
is told($b->get('/moved')), '1 ' . alice() . ' alice@example.biz more', 'SSI into a gated location, and on by an internal redirect';
stub->reset;
$b->get('/mirrored');
$b->get('/asked');
my %at;
wait_for { %at = map { $_->path => $_ } stub->app_requests; $at{'/part/mirror'} && $at{'/part/auth'} } 5, 'both';
is short($at{$_}->header('X-Told')), '- - - -', $_ for qw( /part/mirror /part/auth );
is short($at{'/asked'}->header('X-Told')), '1 ' . alice() . ' alice@example.biz more', 'the request itself';


=== TEST 5: an audit log: one line each of a login, a refusal, a revocation and a logout, with who it was, and nothing else is one
--- gate
vcita_oauth_revalidate 1s stale=1h;
vcita_oauth_timeout 1s;
--- http_config
log_format audit '$vcita_oauth_event|$status|$vcita_oauth_account|$vcita_oauth_claim_sub|$vcita_oauth_session|$vcita_oauth_error|$vcita_oauth_access_token|$vcita_oauth_expires';
access_log logs/audit.log audit if=$vcita_oauth_event;
--- config
location /cookie { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /cookie/never { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_sub nobody; proxy_pass $VCITA_APP; }
location = /cookie/out { vcita_oauth_logout; }
location /zone {
    vcita_oauth_session_store zone=sessions:1m;
    vcita_oauth_cookie_name zone;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/zone/callback;
    location /zone/ { vcita_oauth on; proxy_pass $VCITA_APP; }
    location = /zone/callback {}
    location = /zone/never { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_sub nobody; proxy_pass $VCITA_APP; }
    location = /zone/out { vcita_oauth_logout https://www.example.com/; }
}
--- error_log
is not met
--- flow
my %line;
my $n = 0;
for my $path (qw( /cookie /zone )) {
    my $b = browser();
    $b->get("$path/page");                              # 302
    is $b->post("$path/page", {})->status, 401, "$path: no session";
    my $callback = $b->callback_url(code => stub_code({}));
    is $b->get($callback)->status, 303, "$path: a login";
    is $b->follow->status, 200, "$path: in";
    is $b->get($callback)->status, 303, "$path: the callback again";
    is $b->get("$path/never")->status, 403, "$path: a refusal";
    my $copy = $b->clone;

    my ($asked) = (stub->requests('/oauth/userinfo'))[-1];
    my $token = substr $asked->header('Authorization'), 7;
    stub->revoke($token);
    my $r;
    wait_for { $r = $b->get("$path/page"); $r->status != 200 } 5, 'the next revalidation';
    is $r->status, 302, "$path: a revocation";
    is $copy->get("$path/page")->status, 302, "$path: a copy of that cookie";

    is $b->follow->status, 200, "$path: in again";
    like $b->get("$path/out")->status, qr/^(?:200|303)$/, "$path: a logout";
    like $b->get("$path/out")->status, qr/^(?:200|303)$/, "$path: once more, by nobody";

    my @line = lines('audit.log', $n + 5);
    is @line - $n, 5, "$path: five lines";
    my %session;
    for (@line[ $n .. $#line ]) {
        my ($event, $status, $account, $sub, $session, $error, $shown, $left) = split /\|/, $_, -1;
        is "$account $sub", 'alice@example.biz ' . alice(), "$path, $event: who it was";
        like $session, qr/^[0-9a-f]{16}$/, "$path, $event: the session";
        is $shown, '-', "$path, $event: no token";
        ok $left > 28000 && $left <= 28800, "$path, $event: what it had left";
        push @{ $session{$session} }, "$event $status" . ($error ne '-' && " $error");
    }
    my $out = $path eq '/zone' ? 303 : 200;
    is_deeply [ sort map { join ', ', @$_ } values %session ],
        [ "login 303, logout $out", 'login 303, refused 403 not_allowed, revoked 302' ], "$path: session by session";
    $n = @line;
}


=== TEST 6: a failed login is an event, too: refused, by nobody; one that starts again, or has to be tried again, is none
--- gate
vcita_oauth_timeout 500ms;
--- http_config
log_format audit '$vcita_oauth_event|$status|$vcita_oauth_account|$vcita_oauth_error';
access_log logs/audit.log audit if=$vcita_oauth_event;
--- flow
my %token = (status => 500, body => 'x');
my @do = (
    [ 'refused|403|-|access_denied', sub { begun('/')->come_back(error => 'access_denied') } ],
    [ 'refused|400|-|invalid_state', sub { browser()->get('/oauth/callback?code=x&state=made-up') } ],
    [ '', sub { begun('/')->post('/oauth/callback', {}) } ],
    [ 'refused|502|-|bad_token_response', sub { begun('/')->come_back(code => stub_code({ token => \%token })) } ],
    [ 'refused|504|-|timeout', sub { begun('/')->come_back(code => stub_code({ token => { hang => 1 } })) } ],
    [ '', sub { begun('/')->come_back(code => stub_code({ token => { status => 429, headers => { 'Retry-After' => 120 } } })) } ],
    [ '', sub { begun('/')->come_back(code => stub_code({ token => { status => 400, json => { error => 'invalid_grant' } } })) } ],
    [ 'refused|400|-|callback_elsewhere', sub { my $b = begun('/'); $b->get('/else?code=x&state=' . $b->res->param('state')) } ],
);
my @want;
for (@do) {
    my ($line, $do) = @$_;
    $do->();
    push @want, $line if length $line;
    is_deeply [ lines('audit.log', scalar @want) ], \@want, $line || 'none';
}
--- error_log
vcita callback refused


=== TEST 7: $vcita_oauth_session is one of a session and no other's, and no part of a cookie
--- gate
vcita_oauth_session_idle_timeout 1h;
--- config
location / { vcita_oauth on; proxy_set_header X-Session $vcita_oauth_session; proxy_pass $VCITA_APP; }
--- flow
my $session = sub { my %got = map { lc $_->[0] => $_->[1] } @{ $_[0]->json->{headers} }; $got{'x-session'} };
my ($one, $two) = map { my $b = browser(); $b->visit('/'); $b } 1, 2;
my $first = $session->($one->get('/a'));
like $first, qr/^[0-9a-f]{16}$/, '16 hex digits';
is $session->($one->get('/b')), $first, 'the same at each request';
isnt $session->($two->get('/a')), $first, "not another session's, though the person is the same";
unlike $one->cookie('vcita_session'), qr/\Q$first\E/, 'no part of the cookie';
unlike unpack('H*', bytes($one->cookie('vcita_session'))), qr/\Q$first\E/, 'nor of its bytes';
my $other = browser();
$other->set_cookie(vcita_session => $first);
is $other->get('/')->status, 302, 'good for nothing else';
$one->delete_cookie('vcita_session');
$one->visit('/');
isnt $session->($one->get('/')), $first, 'the next login of the same browser is another';


=== TEST 8: $vcita_oauth_switch_account after a logout: out, and to vcita as another account, in one step
--- gate
--- http_config
log_format switched '$uri|$vcita_oauth_switch_account|$vcita_oauth_account';
--- config
access_log logs/switched.log switched;
location / { vcita_oauth on; proxy_set_header X-Told TOLD; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout; }
location = /switch { vcita_oauth_logout $vcita_oauth_switch_account; }
location = /header { vcita_oauth_logout; add_header X-Switch $vcita_oauth_switch_account; }
--- flow
my $b = browser();
$b->visit('/');
my $r = $b->get('/switch');
is $r->status, 303, 'out';
like $r->location, qr{^\Q@{[ stub->url ]}\E/app/oauth/authorize\?.*&prompt=login&}, 'to vcita, which asks who it is';
is $b->cookie('vcita_session'), undef, 'the session is over';
stub->next({ userinfo => { set => { sub => 'two', email => 'two@example.biz' } }, token => { id_token => 0 } });
is told($b->follow), '1 two two@example.biz more', 'in as another';
is $b->res->json->{uri}, '/', 'at the start page, not at the logout';

$r = $b->get('/header');
like $r->header('X-Switch'), qr/&prompt=login&/, 'in a header';
ok defined $b->cookie('vcita_session_login'), 'with the login cookie that belongs to it';

$r = $b->get('/logout');
is_deeply [ sort map { s/; .*//r =~ s/=[\w-]{43}\./=X./r } @{ $r->set_cookies } ], [ 'vcita_session=', 'vcita_session_login=X.1.0' ],
    'where no variable asks for it, the login cookie is marked, too';
is_deeply [ (lines('switched.log', 8))[0] ], [ '/|-|-' ], 'nothing of it in the log';
is scalar(grep { m{/authorize|state=} } lines('switched.log')), 0, 'nor of any other';
