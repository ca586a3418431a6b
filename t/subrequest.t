# Requests that are in more than one location: subrequests (SSI, mirror, auth_request) into gated ones, with
# sessions in cookies and in stores; internal redirects between applications.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;
use VcitaMachine;

# a browser that has logged in at an address, as somebody
sub VcitaFlow::Code::logged_in {
    my ($url, $b, %claims) = @_;
    $b //= VcitaFlow::browser();
    my $r = $b->get($url);
    die "no login begins at $url: " . $r->status . "\n" if $r->status != 302;
    $r = $b->come_back(code => VcitaStub::stub_code(
        { userinfo => { json => { sub => 'somebody', email => 'alice@example.biz', %claims } } }));
    die "no login at $url: " . $r->status . "\n" if $r->status != 303;
    return $b;
}

# what the slow store is told: for as long as the block runs
sub VcitaFlow::Code::store_is {
    my ($what, $on) = @_;
    my $file = VcitaFlow::servroot() . "/html/$what";
    return unlink $file if !$on;
    open my $fh, '>', $file or die "$file: $!\n";
}

# how often the application saw a path
sub VcitaFlow::Code::seen_at { my ($path) = @_; return scalar grep { $_->path eq $path } VcitaFlow::stub()->app_requests }

add_block_preprocessor(sub {
    my ($block) = @_;
    return if !defined $block->slow;
    $block->set_value(gate => "vcita_oauth_session_store zone=sessions:1m;\n" . ($block->gate // ''));
    $block->set_value(main_config => "load_module \$VCITA_SLOW;\n");
    $block->set_value(http_config => 'vcita_oauth_slow_store ' . VcitaFlow::servroot() . "/html;\n" . $block->slow
        . ($block->http_config // ''));
    $block->set_value(flow => "store_is(\$_, 0) for qw( hold down dead flip mix );\n" . $block->flow);
});

run_tests();

__DATA__

=== TEST 1: an auth_request to a gated location lets nobody in without a session, whatever its error_page says
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /auth { internal; vcita_oauth on; error_page 401 403 404 500 503 =200 /open.html; proxy_pass $VCITA_APP; }
location = /odd { internal; error_page 404 =200 /auth; return 404; }
location /asked {
    auth_request /auth;
    auth_request_set $mail $vcita_oauth_claim_email;
    proxy_set_header X-Mail "[$mail]";
    proxy_pass $VCITA_APP;
}
location /oddly { auth_request /odd; proxy_pass $VCITA_APP; }
location = /any { satisfy any; auth_request /auth; deny all; proxy_pass $VCITA_APP; }
location /open.html { root html; }
--- user_files
>>> open.html
open
--- flow
for (qw( /asked /oddly /any )) {
    my $r = browser()->get($_);
    is $r->status, 401, "$_: 401";
    is_deeply $r->set_cookies, [], "$_: no cookie";
    is $r->location, undef, "$_: no redirect";
    is scalar($r->header('WWW-Authenticate')), 'Bearer realm="vcita"', "$_: a challenge";
    is browser()->get($_, headers => [ Cookie => 'vcita_session=x' ])->status, 401, "$_: 401 with a cookie that does not open";
}
is seen_at('/auth'), 0, 'the target itself was not asked';
is seen_at('/asked'), 0, 'the application was not asked';

my $b = logged_in('/');
my $r = $b->get('/asked');
is $r->status, 200, 'in';
is +{ map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} } }->{'x-mail'}, '[alice@example.biz]', 'auth_request_set has the claims';
is $b->get($_)->status, 200, "$_: in" for qw( /oddly /any );
is_deeply $r->set_cookies, [], 'no cookie';
is seen_at('/auth'), 3, 'the target was asked';


=== TEST 2: an open page includes and mirrors nothing gated without a session; optional parts go on
--- gate
--- config
location = /login { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /ssi.html { ssi on; root html; }
location /part {
    vcita_oauth on;
    error_page 401 403 503 =200 /open.html;
    proxy_set_header X-Mail "[$vcita_oauth_claim_email]";
    proxy_pass $VCITA_APP;
}
location = /part/sub { vcita_oauth on; try_files /none /part/tried; }
location = /part/off { vcita_oauth optional; proxy_set_header X-In "[$vcita_oauth_authenticated]"; proxy_pass $VCITA_APP; }
location = /part/owner { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role owner; proxy_pass $VCITA_APP; }
location /mirrored { mirror /part/mirror; proxy_pass $VCITA_APP; }
location /open.html { root html; }
--- user_files
>>> open.html
open
>>> ssi.html
<!--#block name="none" -->NONE<!--#endblock --><!--#include virtual="/part/a" stub="none" -->|<!--#include virtual="/part/off" stub="none" -->|<!--#include virtual="/part/owner" stub="none" -->|<!--#include virtual="/part/sub" stub="none" -->|<!--#include virtual="/part/z" stub="none" -->
--- flow
my $r = browser()->get('/ssi.html');
is $r->status, 200, 'the page';
my @part = split /\|/, $r->body;
is join(' ', map { s/\s+\z//r } @part[0, 2, 3, 4]), 'NONE NONE NONE NONE', 'without its parts';
like $part[1], qr{^(?=.*"uri":"/part/off").*"\[0\]"}s, 'but for the one that is optional';
is_deeply $r->set_cookies, [], 'no cookie';
is browser()->post('/mirrored', { a => 1 })->status, 200, 'the request that is mirrored';
is seen_at('/part/mirror'), 0, 'is not';
is seen_at("/part/$_"), 0, "$_ was not asked" for qw( a owner sub tried z );

for my $role (qw( staff owner )) {
    my $b = logged_in('/login', undef, role => $role);
    $r = $b->get('/ssi.html');
    @part = split /\|/, $r->body;
    like $part[0], qr{^(?=.*"uri":"/part/a").*alice\@example\.biz}s, "$role: a part";
    like $part[1], qr{"\[1\]"}, "$role: the optional one knows of it";
    $role eq 'owner' ? like $part[2], qr{"uri":"/part/owner"}, 'owner: the rule is met'
                     : is $part[2], 'NONE', 'staff: the rule is not met';
    like $part[3], qr{"uri":"/part/tried"}, "$role: behind an internal redirect of the part";
    is $b->post('/mirrored', { a => 1 })->status, 200, "$role: mirrored";
    wait_for { seen_at('/part/mirror') } 5, "$role: the mirror";
    stub->reset;
}
--- error_log
is not met


=== TEST 3: parts of two applications in one page: each knows its own session, the page keeps its own
--- gate
--- config
location /page/ {
    vcita_oauth on;
    ssi on;
    add_header X-Mail "[$vcita_oauth_claim_email]";
    alias html/;
}
location /open/ { ssi on; alias html/; }
location /one { vcita_oauth on; proxy_set_header X-Mail "[$vcita_oauth_claim_email]"; proxy_pass $VCITA_APP; }
location /two {
    vcita_oauth on;
    vcita_oauth_client_id app2;
    vcita_oauth_cookie_name second;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/two/callback;
    proxy_set_header X-Mail "[$vcita_oauth_claim_email]";
    proxy_pass $VCITA_APP;
}
--- user_files
>>> parts.html
<!--#include virtual="/one/a" -->|<!--#include virtual="/two/b" -->|<!--#include virtual="/one/c" -->|<!--#include virtual="/one/d" -->|<!--#include virtual="/two/e" wait="yes" -->|"[<!--#echo var="vcita_oauth_claim_email" default="" -->]"
--- flow
my $mails = sub { join ' ', map { /"\[(.*?)\]"/ ? $1 || 'none' : '-' } split /\|\n?/, $_[0]->body };
my $b = logged_in('/page/parts.html', undef, email => 'one@example.biz');
my $r = $b->get('/page/parts.html');
is scalar($r->header('X-Mail')), '[one@example.biz]', 'the page';
is $mails->($r), 'one@example.biz - one@example.biz one@example.biz - one@example.biz', 'one session: its own parts';
logged_in('/two/x', $b, email => 'two@example.biz');
for (qw( /page/parts.html /open/parts.html )) {
    $r = $b->get($_);
    is scalar($r->header('X-Mail')), '[one@example.biz]', 'the page' if m{^/page};
    is $mails->($r), 'one@example.biz two@example.biz one@example.biz one@example.biz two@example.biz '
        . (m{^/page} ? 'one@example.biz' : 'none'), "$_: both, and the page's own";
}


=== TEST 4: subrequests wait for a store that is slow, and are refused while it is down
--- slow
--- gate
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 ssl http2;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    location /part { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /asked { auth_request /part/auth; proxy_pass $VCITA_APP; }
    location = /ssi.html { ssi on; root html; }
}
--- config
location = /login { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /page.html { vcita_oauth on; ssi on; alias html/ssi.html; }
location /part { vcita_oauth on; error_page 503 =200 /open.html; proxy_set_header X-Mail "[$vcita_oauth_claim_email]"; proxy_pass $VCITA_APP; }
location = /part/off { vcita_oauth optional; proxy_pass $VCITA_APP; }
location /two {
    vcita_oauth on;
    vcita_oauth_client_id app2;
    vcita_oauth_cookie_name second;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/two/callback;
    proxy_pass $VCITA_APP;
}
location = /ssi.html { ssi on; root html; }
location /asked { auth_request /part/auth; proxy_pass $VCITA_APP; }
location /mirrored { mirror /part/mirror; proxy_pass $VCITA_APP; }
location /open.html { root html; }
--- user_files
>>> open.html
open
>>> ssi.html
<!--#block name="none" -->NONE<!--#endblock --><!--#include virtual="/part/a" stub="none" -->|<!--#include virtual="/two/b" stub="none" -->|<!--#include virtual="/part/off" stub="none" -->|<!--#include virtual="/part/d" stub="none" -->|
--- error_log eval
[ qr/is unavailable, check that/, qr/auth request unexpected status: 503/ ]
--- flow
my $parts = sub { join ' ', map { /"uri":"(.*?)"/ ? $1 : $_ } split /\|\n?/, $_[0]->body };
my $b = logged_in('/two/x', logged_in('/login'));
my $cookies = join '; ', map { "$_=" . $b->cookie($_) } qw( vcita_session second );
my $http2 = sub {
    my ($path) = @_;
    my $body = `curl --silent --http2 --cacert @{[ ca ]} --cookie '$cookies' -w '%{http_code}' https://localhost:${\ rand_port(1)}$path`;
    return $body =~ s/^.*(?=\d{3}\z)//sr if $path ne '/ssi.html';
    return join ' ', map { /"uri":"(.*?)"/ ? $1 : /(\d{3})\z/ ? $1 : 'NONE' } split /\|\n?/, $body;
};
for (1 .. 3) {
    is $parts->($b->get('/ssi.html')), '/part/a /two/b /part/off /part/d', 'parts, side by side';
    is $parts->($b->get('/page.html')), '/part/a /two/b /part/off /part/d', 'of a page that is gated, too';
    is $b->get('/asked')->status, 200, 'auth_request';
    is $b->post('/mirrored', { a => 1 })->json->{body}, 'a=1', 'a request that is mirrored';
    wait_for { seen_at('/part/mirror') } 5, 'its mirror';
    stub->reset;
}
is $parts->(browser()->get('/ssi.html')), 'NONE NONE /part/off NONE', 'nobody';
is browser()->get('/asked')->status, 401, 'auth_request: nobody';
is $http2->('/asked'), 200, 'auth_request over HTTP/2';
is $http2->('/ssi.html'), '/part/a NONE /part/off /part/d 200', 'parts over HTTP/2';

# one connection, requests down it before the first is answered
my $host = '127.0.0.1:' . port;
my $r = $b->raw('127.0.0.1', port, join '', map {
    "GET /asked/$_ HTTP/1.1\r\nHost: $host\r\nCookie: $cookies\r\n" . ($_ == 5 ? "Connection: close\r\n" : '') . "\r\n" } 1 .. 5);
is join(' ', $r->body =~ m{"uri":"/asked/(\d)"}g), '1 2 3 4 5', 'pipelined';

for my $how (qw( down dead )) {
    store_is($how, 1);
    stub->reset;
    is $parts->($b->get('/ssi.html')), 'NONE NONE NONE NONE', "$how: no part, not even as nobody's";
    is $b->get('/asked')->status, 500, "$how: auth_request makes 500 of 503";
    is $http2->('/asked'), 500, "$how: over HTTP/2";
    my $refused = sub { scalar(() = error_log() =~ /a subrequest was refused with status 503/g) };
    my $before = $refused->();
    is $b->post('/mirrored', { a => 1 })->status, 200, "$how: a request that is mirrored";
    wait_for { $refused->() > $before } 10, "$how: its mirror to be refused";
    is seen_at('/part/mirror'), 0, "$how: is not";
    store_is($how, 0);
}
is $parts->($b->get('/ssi.html')), '/part/a /two/b /part/off /part/d', 'the store is back';


=== TEST 5: the browser goes away while subrequests wait for a store: nothing leaks
--- slow
--- gate
--- config
location = /login { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /ssi.html { ssi on; root html; }
location /part { vcita_oauth on; proxy_pass $VCITA_APP; }
location /asked { auth_request /part/auth; proxy_pass $VCITA_APP; }
location /mirrored { mirror /part/mirror; proxy_pass $VCITA_APP; }
--- user_files
>>> ssi.html
<!--#include virtual="/part/a" --><!--#include virtual="/part/b" --><!--#include virtual="/part/c" -->
--- flow
my $b = logged_in('/login');
my $fds = nginx_fds;
my $count = sub { my $n = () = error_log() =~ /slow store: read $_[0]/g; $n };
for ([ '/ssi.html', 3 ], [ '/asked', 1 ]) {
    my ($path, $n) = @$_;
    my ($begun, $cancelled) = map { $count->($_) } qw( begins cancelled );
    store_is('hold', 1);
    my $crowd = crowd;
    $crowd->add($b->clone, GET => url($path)) for 1 .. 5;
    $crowd->start;
    $crowd->until(sub { $count->('begins') == $begun + 5 * $n }, 10, "$path: all to be asked");
    $crowd->abort_all;
    wait_for { $count->('cancelled') == $cancelled + 5 * $n } 5, "$path: all to be cancelled";
    store_is('hold', 0);
    wait_for { nginx_fds() <= $fds + 4 } 5, 'their connections to go';
}

# a mirror outlives the answer, and the browser
my ($begun, $ended) = map { $count->($_) } qw( begins ends );
store_is('hold', 1);
is $b->clone->get('/mirrored')->status, 200, 'answered before its mirror was';
is $count->('begins'), $begun + 1, 'which waits';
store_is('hold', 0);
wait_for { seen_at('/part/mirror') } 5, 'the mirror';
wait_for { nginx_fds() <= $fds + 4 } 5, 'its connection to go';
is $b->get('/login')->status, 200, 'the others go on';


=== TEST 6: under satisfy any a subrequest goes on if the main request was let in otherwise, and only then
--- gate
--- config
location = /login { vcita_oauth on; proxy_pass $VCITA_APP; }
location /part { satisfy any; allow all; vcita_oauth on; proxy_pass $VCITA_APP; }
location /in/ { satisfy any; allow all; vcita_oauth on; ssi on; alias html/; }
location /in-off/ { satisfy any; allow all; ssi on; alias html/; }
location /open/ { ssi on; alias html/; }
location /open-any/ { satisfy any; ssi on; alias html/; }
location /allowed/ { allow all; ssi on; alias html/; }
location /optional/ { satisfy any; vcita_oauth optional; ssi on; alias html/; }
location /asked { satisfy any; auth_request /part/auth; proxy_pass $VCITA_APP; }
--- user_files
>>> ssi.html
<!--#block name="none" -->NONE<!--#endblock --><!--#include virtual="/part" stub="none" -->|
--- flow
my $part = sub { my ($b, $path) = @_; $b->get("$path/ssi.html")->body =~ /"uri":"(.*?)"|(NONE)/ ? $1 // $2 : '' };
my $b = logged_in('/login');
is $part->(browser(), $_), '/part', "$_: let in by its address" for qw( /in /in-off );
for (qw( /open /open-any /allowed /optional )) {
    is $part->(browser(), $_), 'NONE', "$_: let in by nothing";
    is $part->($b, $_), '/part', "$_: with a session";
}
is browser()->get('/asked')->status, 401, 'auth_request asks before anything has let it in';
is $b->get('/asked')->status, 200, 'auth_request with a session';


=== TEST 7: a subrequest neither renews nor revalidates a session
--- gate
vcita_oauth_session_idle_timeout 10s;
--- config
location = /login { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /ssi.html { ssi on; root html; }
location /part { vcita_oauth on; vcita_oauth_revalidate 1s; proxy_set_header X-In "[$vcita_oauth_authenticated]"; proxy_pass $VCITA_APP; }
location /asked { auth_request /part/auth; proxy_pass $VCITA_APP; }
--- user_files
>>> ssi.html
<!--#include virtual="/part/a" -->
--- flow
my $b = logged_in('/login');
sent_to_vcita();
my $due = VcitaLoop::now() + 2.2;
wait_for { VcitaLoop::now() > $due } 5, 'both to be due';
for (qw( /ssi.html /asked )) {
    my $r = $b->get($_);
    is $r->status, 200, "$_: in";
    is_deeply $r->set_cookies, [], "$_: no cookie";
    is scalar($r->header('Cache-Control')), undef, "$_: nothing about caches";
}
is sent_to_vcita(), '', 'vcita was not asked';
is scalar(@{ $b->get('/login')->set_cookies }), 1, 'a navigation renews it';


=== TEST 8: redirected from one application to another and back, the claims that were just revalidated stay
--- flow
for my $store ('cookie', 'zone=sessions:1m') {
    my $m = VcitaMachine->start('a', gate => "vcita_oauth_session_store $store;", server => <<'END');
    set $port $server_port;
    add_header X-Mail "[$vcita_oauth_claim_email]" always;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /a/ { vcita_oauth on; vcita_oauth_revalidate 5m; try_files /none /b/then; }
    location /c/ { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_role owner staff; proxy_pass $VCITA_APP; }
    location /b/ {
        vcita_oauth on;
        vcita_oauth_client_id app2;
        vcita_oauth_cookie_name second;
        vcita_oauth_redirect_uri http://127.0.0.1:$port/b/callback;
        vcita_oauth_revalidate 5m;
        try_files /none /c/then;
        location /b/direct { vcita_oauth_revalidate off; proxy_pass $VCITA_APP; }
    }
END
    my $b = browser(base => $m->url(''));
    my @token;
    for my $path ('/', '/b/direct') {
        logged_in($m->url($path), $b);
        push @token, substr +(stub->requests('/oauth/userinfo'))[-1]->header('Authorization'), 7;
        is $b->get($m->url($path))->status, 200, "$store: let in";
    }
    sent_to_vcita();
    stub->userinfo($token[0], { set => { sub => 'somebody', email => 'new@example.biz', role => 'staff' } });
    stub->userinfo($token[1], { set => { sub => 'somebody', email => 'two@example.biz' } });
    $m->clock(300);
    my $r = $b->get($m->url('/a/'));
    is $r->status, 200, "$store: in";
    is sent_to_vcita(), 'userinfo userinfo', "$store: both applications asked";
    is scalar($r->header('X-Mail')), '[new@example.biz]', "$store: back in the first one, with what vcita says now";
    is scalar($b->get($m->url('/c/'))->header('X-Mail')), '[new@example.biz]', "$store: the first session was kept";
    is scalar($b->get($m->url('/b/direct'))->header('X-Mail')), '[two@example.biz]', "$store: so was the second";
    is sent_to_vcita(), '', "$store: nobody was asked for that";

    stub->userinfo($token[0], { set => { sub => 'somebody', role => 'guest' } });
    $m->clock(600);
    is $b->get($m->url('/a/'))->status, 403, "$store: a role that vcita took away opens nothing there";
    $m->stop;
}
