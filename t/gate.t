# "A request to a server that has a gate": who goes on, who is sent to vcita with what, who is told to
# sign in; what of the cookies and of the session others get to see.

use lib 't/lib';
use VcitaTest;


# name => value of an echoed request's headers, as bytes; of several the values in a list
sub VcitaFlow::Code::seen {
    my ($r) = @_;
    my %h;
    for (@{ JSON::PP->new->decode($r->body)->{headers} }) {
        my ($n, $v) = (lc $_->[0], $_->[1]);
        $h{$n} = exists $h{$n} ? [ (ref $h{$n} ? @{ $h{$n} } : $h{$n}), $v ] : $v;
    }
    return \%h;
}


# the one Set-Cookie of this name, as [value, sorted attributes]
sub VcitaFlow::Code::set_cookie {
    my ($r, $name) = @_;
    my @lines = grep { /^\Q$name\E=/ } @{ $r->set_cookies };
    die 'Set-Cookie lines of ' . $name . ': ' . @lines . "\n" if @lines != 1;
    my ($pair, @attr) = split /; /, $lines[0];
    return [ $pair =~ /=(.*)/, [ sort @attr ] ];
}


# parameters of the redirect to vcita, name => value; a repeated one is an error
sub VcitaFlow::Code::sent {
    my ($r) = @_;
    my %p;
    for (VcitaHttp::query_pairs($r->location =~ /\?(.*)/)) {
        die "$_->[0] twice in " . $r->location . "\n" if exists $p{ $_->[0] };
        $p{ $_->[0] } = $_->[1];
    }
    return \%p;
}

run_tests();

__DATA__

=== TEST 1: "the 302 carries response_type=code, client_id, redirect_uri, scope, state, nonce, code_challenge, code_challenge_method=S256"
--- gate
--- config
add_header X-Error "[$vcita_oauth_error]" always;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /scopes { vcita_oauth on; vcita_oauth_scope email openid profile; }
location /quoted { vcita_oauth on; vcita_oauth_scope "email openid"; }
location /no-openid { vcita_oauth on; vcita_oauth_scope email openid-not; }
location /args { vcita_oauth on; vcita_oauth_authorize_args "prompt=login&ui_locales=de%20at"; }
location /query {
    vcita_oauth on;
    vcita_oauth_authorize_endpoint $VCITA_STUB/app/oauth/authorize?tenant=a%26b;
    vcita_oauth_authorize_args ui_locales=de;
}
--- flow
my $b = browser();
my $r = $b->get('/a?b=c');
is $r->status, 302, 'to vcita';
is $r->header('X-Error'), '[]', 'which is no error';
is $r->header('Cache-Control'), 'no-store', 'nobody stores it';
is $r->header('Content-Length'), 0, 'nothing in it';
is $r->header('WWW-Authenticate'), undef, 'and no challenge';
my ($to) = $r->location =~ /^([^?]*)\?/;
is $to, stub->url . '/app/oauth/authorize', 'at the authorize endpoint';

my $p = sent($r);
is_deeply [ sort keys %$p ], [ qw( client_id code_challenge code_challenge_method nonce redirect_uri response_type scope state ) ],
    'these parameters and no others';
is $p->{response_type}, 'code', 'response_type';
is $p->{client_id}, 'app1', 'client_id';
is $p->{redirect_uri}, url('/oauth/callback'), 'redirect_uri';
is $p->{scope}, 'openid', 'scope';
is $p->{code_challenge_method}, 'S256', 'code_challenge_method';
like $p->{code_challenge}, qr/^[A-Za-z0-9_-]{43}$/, 'code_challenge';
like $p->{nonce}, qr/^[A-Za-z0-9_-]{43}$/, 'nonce';
like $p->{state}, qr/^[A-Za-z0-9_-]{60,}$/, 'state';
like $r->location, qr/&redirect_uri=http%3A%2F%2F127\.0\.0\.1%3A\d+%2Foauth%2Fcallback&/, 'percent-encoded';
unlike $r->location, qr{b%3Dc|[?&]b=c|%2Fa%3F}, 'the address asked for is not to be read in it';

my $q = sent($b->get('/a?b=c'));
isnt $q->{$_}, $p->{$_}, "another $_ for each login" for qw( state nonce code_challenge );

is sent($b->get('/scopes'))->{scope}, 'email openid profile', 'several scopes';
like $b->res->location, qr/&scope=email%20openid%20profile&/, 'joined by %20';
$p = sent($b->get('/quoted'));
is $p->{scope}, 'email openid', 'in one text';
ok $p->{nonce}, 'with openid in it';
ok !exists sent($b->get('/no-openid'))->{nonce}, 'nonce only where the scope has openid';

$p = sent($b->get('/args'));
is $p->{prompt}, 'login', 'an argument';
is $p->{ui_locales}, 'de at', 'another one';
like $b->res->location, qr/&ui_locales=de%20at&/, 'as it is spelled in the configuration';

$r = $b->get('/query');
$p = sent($r);
like $r->location, qr/authorize\?tenant=a%26b&response_type=code&/, 'merged into the query of the endpoint';
is $p->{tenant}, 'a&b', 'which stays';
is $p->{ui_locales}, 'de', 'with arguments';
unlike $r->location, qr/\?.*\?|&&|[?&]$/, 'in good form';


=== TEST 2: PKCE off, an id that has to be encoded, a host from variables
--- gate
vcita_oauth_pkce off;
vcita_oauth_client_id "a b&c=d/é+";
vcita_oauth_redirect_uri http://$http_host/oauth/callback?x=1;
--- config
add_header X-Error "[$vcita_oauth_error]" always;
location / { vcita_oauth on; }
--- flow
my $b = browser();
my $p = sent($b->get('/'));
ok !exists $p->{$_}, "no $_" for qw( code_challenge code_challenge_method );
is $p->{client_id}, "a b&c=d/\xc3\xa9+", 'the id';
like $b->res->location, qr{[?&]client_id=a%20b%26c%3Dd%2F%C3%A9%2B&}i, 'encoded';
is $p->{redirect_uri}, url('/oauth/callback?x=1'), 'the host of the request';
is sent($b->get('/', headers => [ Host => 'x.example.com' ]))->{redirect_uri}, 'http://x.example.com/oauth/callback?x=1',
    'another host';


=== TEST 3: "an evaluated redirect_uri whose authority is not host[:port]: 400 invalid_host, before anything is sealed"
--- gate
vcita_oauth_redirect_uri http://$http_x_host/oauth/callback;
--- config
add_header X-Error $vcita_oauth_error always;
location / { vcita_oauth on; }
--- flow
my $b = browser();
for my $host ('', 'a"b', 'u@a', 'a/b', 'a?b', 'a#b', 'a b', 'a:b', 'a:0', 'a:99999', ':80', 'a\\b', "a\tb", 'a%2fb', '[::1', 'a,b') {
    my $r = $b->get('/', headers => [ 'X-Host' => $host ]);
    is $r->status, 400, "\"$host\"";
    is $r->header('X-Error'), 'invalid_host', "\"$host\": the code";
    is $r->location, undef, "\"$host\": no redirect";
    is_deeply $r->set_cookies, [], "\"$host\": no cookie";
    is $r->header('Cache-Control'), 'no-store', "\"$host\": not to be stored";
    unlike $r->body, qr/a"b|u\@a|a\\b/, "\"$host\": not echoed";
}
is $b->get('/', headers => [ 'X-Host' => $_ ])->status, 302, $_ for 'a.example.com', '127.0.0.1:81', '[::1]:82', 'localhost';
--- error_log
vcita_oauth_redirect_uri has no valid host


=== TEST 4: the login cookie: "32 random bytes as 43 base64url characters, HttpOnly, SameSite, Path=/, Max-Age = login_timeout"
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
my $r = $b->get('/');
is scalar(@{ $r->set_cookies }), 1, 'one cookie';
my $c = set_cookie($r, 'vcita_session_login');
like $c->[0], qr/^[A-Za-z0-9_-]{43}$/, 'its value';
is_deeply $c->[1], [ 'HttpOnly', 'Max-Age=600', 'Path=/', 'SameSite=Lax' ], 'its attributes';
is_deeply $r->refused, [], 'a browser takes it';

my $mine = $c->[0];
is set_cookie($b->get('/x'), 'vcita_session_login')->[0], $mine, "the browser's own value again";
is set_cookie($b->head('/x'), 'vcita_session_login')->[0], $mine, 'for a HEAD, too';
isnt set_cookie(browser()->get('/'), 'vcita_session_login')->[0], $mine, 'another browser has another one';

for my $bad ('', 'x', substr($mine, 1), "x$mine", substr($mine, 1) . '=', substr($mine, 1) . '+', substr($mine, 1) . '.',
             '"' . substr($mine, 2) . '"', substr($mine, 1) . "\xc3", 'A' x 1000)
{
    my $other = browser();
    $other->set_cookie(vcita_session_login => $bad);
    my $v = set_cookie($other->get('/'), 'vcita_session_login')->[0];
    like $v, qr/^[A-Za-z0-9_-]{43}$/, "in place of \"$bad\" a new one";
    isnt $v, $bad, "not \"$bad\"";
}

$r = browser()->get('/', headers => [ Cookie => "vcita_session_login=bad; a=1; vcita_session_login=$mine" ]);
is set_cookie($r, 'vcita_session_login')->[0], $mine, 'the first well-formed one counts';


=== TEST 5: cookies of an https site: "Secure", "__Host-name"
--- gate
vcita_oauth_redirect_uri https://portal.example.com:$TEST_NGINX_RAND_PORT_1/oauth/callback;
vcita_oauth_login_timeout 2m;
vcita_oauth_session_timeout 1h;
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 ssl;
    server_name portal.example.com;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location = /logout { vcita_oauth_logout; }
}
--- config
--- flow
my $site = 'https://portal.example.com:' . rand_port(1);
my $b = browser(base => $site, resolve => { 'portal.example.com' => '127.0.0.1:' . rand_port(1) });
my $r = $b->get('/a');
is_deeply set_cookie($r, '__Host-vcita_session_login')->[1],
    [ 'HttpOnly', 'Max-Age=120', 'Path=/', 'SameSite=Lax', 'Secure' ], 'the login cookie';
is_deeply $r->refused, [], 'a browser takes it';
stub->next({ userinfo => { json => { sub => 'a383717599bf1893', business_uid => 'ed469f8764326a66', type => 'staff',
    directory_uid => 'u6g6s4q3386zs6j2', email => 'alice@example.biz', role => 'owner' } } });
$b->hop;
$r = $b->hop;
is $r->status, 303, 'logged in';
is $r->location, "$site/a", 'and back';
my $c = set_cookie($r, '__Host-vcita_session');
is_deeply $c->[1], [ 'HttpOnly', 'Max-Age=3600', 'Path=/', 'SameSite=Lax', 'Secure' ], 'the session cookie';
is_deeply $r->refused, [], 'a browser takes it';
cmp_ok length $c->[0], '<=', 450, 'a plain login fits in 450 bytes';
$r = $b->hop;
is $r->status, 200, 'in';
is seen($r)->{cookie}, undef, 'and cut';

is $b->get('/', headers => [ Cookie => "vcita_session=$c->[0]" ])->status, 302, 'by another name it is no session';
is seen($b->get('/', headers => [ Cookie => "vcita_session=1; __Host-vcita_session=$c->[0]; __Secure-vcita_session=2" ]))->{cookie},
    'vcita_session=1; __Secure-vcita_session=2', 'and other names are not ours';

$r = $b->get('/logout');
is_deeply set_cookie($r, $_)->[1], [ 'HttpOnly', 'Max-Age=0', 'Path=/', 'SameSite=Lax', 'Secure' ], "logout expires $_"
    for '__Host-vcita_session';
is_deeply set_cookie($r, '__Host-vcita_session_login')->[1], [ 'HttpOnly', 'Max-Age=2592000', 'Path=/', 'SameSite=Lax', 'Secure' ], 'and marks the login cookie';
is join(' ', $b->cookies), '__Host-vcita_session_login', 'the browser keeps the mark alone';


=== TEST 6: "`__Secure-name` where a domain is set; the login cookie, too"; "`none` with `Partitioned`"
--- gate
vcita_oauth_redirect_uri https://portal.example.com:$TEST_NGINX_RAND_PORT_1/oauth/callback;
vcita_oauth_cookie_domain .Example.com;
vcita_oauth_cookie_name sid;
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 ssl;
    server_name portal.example.com other.example.com;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location = /logout { vcita_oauth_logout; }
}
server {
    listen $TEST_NGINX_RAND_PORT_1 ssl;
    server_name frame.example.com;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    vcita_oauth_cookie_samesite none;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- config
--- flow
my $at = '127.0.0.1:' . rand_port(1);
my $b = browser(base => 'https://portal.example.com:' . rand_port(1),
    resolve => { map { ("$_.example.com" => $at) } qw( portal other frame ) });
my $r = $b->get('/a');
is_deeply set_cookie($r, '__Secure-sid_login')->[1],
    [ 'Domain=example.com', 'HttpOnly', 'Max-Age=600', 'Path=/', 'SameSite=Lax', 'Secure' ], 'the login cookie is of the domain';
$b->hop;
$r = $b->hop;
is_deeply set_cookie($r, '__Secure-sid')->[1],
    [ 'Domain=example.com', 'HttpOnly', 'Max-Age=28800', 'Path=/', 'SameSite=Lax', 'Secure' ], 'so is the session cookie';
is_deeply $r->refused, [], 'a browser takes them';
is $b->follow->status, 200, 'in';
is $b->get('https://other.example.com:' . rand_port(1) . '/')->status, 200, 'in at a neighbour, too';
is seen($b->res)->{cookie}, undef, 'and cut there';

$r = $b->get('/logout');
is_deeply set_cookie($r, '__Secure-sid')->[1],
    [ 'Domain=example.com', 'HttpOnly', 'Max-Age=0', 'Path=/', 'SameSite=Lax', 'Secure' ], 'logout names the domain';
is $b->cookie('__Secure-sid'), undef, 'so that it works';
$b->clear_cookies;

$r = $b->get('https://frame.example.com:' . rand_port(1) . '/');
is_deeply set_cookie($r, '__Secure-sid_login')->[1],
    [ 'Domain=example.com', 'HttpOnly', 'Max-Age=600', 'Partitioned', 'Path=/', 'SameSite=None', 'Secure' ], 'in a frame: the login cookie';
is_deeply $r->refused, [], 'a browser takes it';


=== TEST 7: samesite none: the session cookie, too
--- gate
vcita_oauth_redirect_uri https://portal.example.com:$TEST_NGINX_RAND_PORT_1/oauth/callback;
vcita_oauth_cookie_samesite none;
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 ssl;
    server_name portal.example.com;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- config
--- flow
my $b = browser(base => 'https://portal.example.com:' . rand_port(1), resolve => { 'portal.example.com' => '127.0.0.1:' . rand_port(1) });
$b->get('/', cross_site => 1);
$b->hop;
my $r = $b->hop;
is_deeply set_cookie($r, '__Host-vcita_session')->[1],
    [ 'HttpOnly', 'Max-Age=28800', 'Partitioned', 'Path=/', 'SameSite=None', 'Secure' ], 'its attributes';
is_deeply $r->refused, [], 'a browser takes it';
is $b->hop->status, 200, 'in, within the frame of another site';


=== TEST 8: "a navigation gets 302; anything else 401": methods, Sec-Fetch-Mode, Accept, X-Requested-With, Upgrade
--- gate
--- config
add_header X-Error "[$vcita_oauth_error]" always;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
for ([ 302, GET => 'nothing at all' ], [ 302, HEAD => 'HEAD' ], [ 401, POST => 'POST' ], [ 401, PUT => 'PUT' ],
     [ 401, DELETE => 'DELETE' ], [ 401, OPTIONS => 'OPTIONS' ], [ 401, PATCH => 'PATCH' ], [ 401, PROPFIND => 'PROPFIND' ],
     [ 302, GET => 'Accept */*', Accept => '*/*' ], [ 302, GET => 'curl', Accept => '*/*', 'User-Agent' => 'curl/8' ],
     [ 302, GET => 'Accept of a browser', Accept => 'text/html,application/xhtml+xml;q=0.9' ],
     [ 302, GET => 'Accept Text/HTML', Accept => 'Text/HTML' ],
     [ 302, GET => 'Accept with */* at its end', Accept => 'application/json, */*;q=0.1' ],
     [ 401, GET => 'Accept application/json', Accept => 'application/json' ],
     [ 401, GET => 'Accept image/*', Accept => 'image/avif,image/*' ],
     [ 401, GET => 'Accept event-stream', Accept => 'text/event-stream' ],
     [ 401, GET => 'X-Requested-With', 'X-Requested-With' => 'XMLHttpRequest', Accept => '*/*' ],
     [ 401, GET => 'x-requested-with', 'x-requested-with' => 'xmlhttprequest', Accept => 'text/html' ],
     [ 302, GET => 'X-Requested-With of an app', 'X-Requested-With' => 'com.example.app', Accept => 'text/html' ],
     [ 401, GET => 'Upgrade', Upgrade => 'websocket', Connection => 'Upgrade' ],
     [ 302, GET => 'Sec-Fetch-Mode navigate', 'Sec-Fetch-Mode' => 'navigate', Accept => 'text/html' ],
     [ 302, GET => 'Sec-Fetch-Mode navigate, whatever the others', 'Sec-Fetch-Mode' => 'navigate', Accept => 'application/json' ],
     [ 401, GET => 'Sec-Fetch-Mode cors', 'Sec-Fetch-Mode' => 'cors', Accept => 'text/html' ],
     [ 401, GET => 'Sec-Fetch-Mode no-cors', 'Sec-Fetch-Mode' => 'no-cors', Accept => '*/*' ],
     [ 401, GET => 'Sec-Fetch-Mode same-origin', 'Sec-Fetch-Mode' => 'same-origin', Accept => '*/*' ],
     [ 401, GET => 'Sec-Fetch-Mode websocket', 'Sec-Fetch-Mode' => 'websocket', Accept => '*/*' ],
     [ 401, GET => 'Sec-Fetch-Mode empty', 'Sec-Fetch-Mode' => '', Accept => '*/*' ],
     [ 401, POST => 'a form of a browser', 'Sec-Fetch-Mode' => 'navigate', Accept => 'text/html' ])
{
    my ($status, $method, $name, @headers) = @$_;
    my $r = $b->request($method, '/', headers => [ Accept => undef, @headers ]);
    is $r->status, $status, $name;
    is $r->header('WWW-Authenticate'), $status == 401 ? 'Bearer realm="vcita"' : undef, "$name: WWW-Authenticate";
    is $r->header('Cache-Control'), 'no-store', "$name: Cache-Control";
    is defined $r->location, $status == 302, "$name: Location";
    is scalar(@{ $r->set_cookies }), $status == 302 ? 1 : 0, "$name: cookies";
    is $r->header('X-Error'), '[]', "$name: no code";
}


=== TEST 9: "where a person looks (Accept has text/html, a form post), a page"; for a program one line
--- gate
--- config
location / { vcita_oauth on; }
--- flow
my $b = browser();
my $form = 'application/x-www-form-urlencoded';
for ([ 1, 'a form of a browser', 'Content-Type' => $form, Accept => 'text/html,*/*;q=0.8' ],
     [ 1, 'a form', 'Content-Type' => $form, Accept => undef ],
     [ 1, 'a form with a charset', 'Content-Type' => "$form; charset=UTF-8", Accept => '*/*' ],
     [ 1, 'an upload', 'Content-Type' => 'multipart/form-data; boundary=x', Accept => '*/*' ],
     [ 1, 'Accept text/html', 'Content-Type' => 'application/json', Accept => 'text/html' ],
     [ 0, 'JSON', 'Content-Type' => 'application/json', Accept => 'application/json' ],
     [ 0, 'no type', Accept => '*/*' ])
{
    my ($page, $name, @headers) = @$_;
    my $r = $b->post('/a?b="<x>&c', undef, body => 'a=1', headers => \@headers);
    is $r->status, 401, $name;
    if ($page) {
        is $r->header('Content-Type'), 'text/html; charset=utf-8', "$name: a page";
        like $r->body, qr/[Ss]ign in in a new tab, then send this again/, "$name: what to do";
        like $r->body, qr/target="_blank"/, "$name: a link that opens one";
        like $r->body, qr/Request: <bdi><code>[0-9a-f]{32}</, "$name: nginx's request id";
        unlike $r->body, qr/<x>|b="/, "$name: the address is escaped";
        unlike $r->body, qr{https?://(?!127\.0\.0\.1)|<script|<img|<link}, "$name: self-contained";
    } else {
        like $r->header('Content-Type'), qr{^text/plain}, "$name: a line";
        is $r->body =~ tr/\n//, 1, "$name: just one";
    }
}
is $b->head('/', headers => [ Accept => 'application/json' ])->status, 401, 'HEAD';
is $b->request(GET => '/', headers => [ Accept => 'application/json' ])->header('Content-Type'), 'text/plain; charset=utf-8',
    'a program';


=== TEST 10: "optional lets anonymous requests through with empty variables"; off
--- gate
--- config
location / { vcita_oauth optional; proxy_pass $VCITA_APP; include $TEST_NGINX_SERVER_ROOT/html/vars.conf; }
location /on { vcita_oauth on; proxy_pass $VCITA_APP; include $TEST_NGINX_SERVER_ROOT/html/vars.conf; }
location /off { proxy_pass $VCITA_APP; include $TEST_NGINX_SERVER_ROOT/html/vars.conf; }
location /inside { vcita_oauth on; try_files /nonexistent /off; }
location /rewrite {
    vcita_oauth on;
    set $mail "[$vcita_oauth_claim_email]";
    if ($vcita_oauth_authenticated) { set $mail wrong; }
    proxy_set_header X-Mail $mail;
    proxy_pass $VCITA_APP;
}
location /return { vcita_oauth on; return 200 "[$vcita_oauth_authenticated$vcita_oauth_claim_email]"; }
--- user_files
>>> vars.conf
proxy_set_header X-Authenticated "[$vcita_oauth_authenticated]";
proxy_set_header X-Token "[$vcita_oauth_access_token]";
proxy_set_header X-Type "[$vcita_oauth_token_type]";
proxy_set_header X-Scope "[$vcita_oauth_scope]";
proxy_set_header X-Started "[$vcita_oauth_session_started]";
proxy_set_header X-Expires "[$vcita_oauth_expires]";
proxy_set_header X-Mail "[$vcita_oauth_claim_email]";
proxy_set_header X-Error "[$vcita_oauth_error$vcita_oauth_error_description]";
--- flow
my @names = qw( x-token x-type x-scope x-started x-expires x-mail x-error );
my $b = browser();
for my $method (qw( GET POST )) {
    my $h = seen($b->request($method, '/', headers => [ 'X-Token' => 'forged', 'X-Mail' => 'forged' ]));
    is $h->{'x-authenticated'}, '[0]', "$method, anonymous";
    is $h->{$_}, '[]', "$method, anonymous: $_ is empty" for @names;
}
is_deeply $b->res->set_cookies, [], 'no cookie';
$b->set_cookie(vcita_session => 'junk');
is seen($b->get('/'))->{'x-authenticated'}, '[0]', 'junk is anonymous';
is seen($b->get('/'))->{cookie}, undef, 'and cut';

stub->next({ token => { set => { scope => 'openid email' } } });
my $h = seen($b->visit('/on'));
is $h->{'x-authenticated'}, '[1]', 'signed in';
like $h->{'x-token'}, qr/^\[[0-9a-f]{64}\]$/, 'the token';
is $h->{'x-type'}, '[Bearer]', 'its type';
is $h->{'x-scope'}, '[openid email]', 'its scope';
is $h->{'x-mail'}, '[alice@example.biz]', 'a claim';
is $h->{'x-error'}, '[]', 'no error';
my ($started) = $h->{'x-started'} =~ /^\[(\d+)\]$/;
cmp_ok abs(time - $started), '<', 30, 'session_started is Unix time';
my ($left) = $h->{'x-expires'} =~ /^\[(\d+)\]$/;
ok $left <= 28800 && $left > 28770, 'expires: seconds that it still has';

my $o = seen($b->get('/'));
is $o->{$_}, $h->{$_}, "optional: the same $_" for qw( x-authenticated x-token x-type x-scope x-started x-mail x-error );

$o = seen($b->get('/off'));
is $o->{$_}, '[]', "off: $_ is empty" for 'x-authenticated', @names;
is $o->{cookie}, undef, 'off: the cookies are cut, too';

$o = seen($b->get('/inside'));
is $o->{$_}, $h->{$_}, "off, behind a gate: the same $_" for qw( x-authenticated x-token x-type x-scope x-started x-mail x-error );

is seen($b->get('/rewrite'))->{'x-mail'}, '[]', 'empty in set and if';
is $b->get('/return')->body, '[]', 'empty in return, which comes before the gate';


=== TEST 11: claims as variables
--- gate
--- http_config
map $vcita_oauth_claim_role $level { default low; owner high; }
--- config
location / {
    vcita_oauth on;
    proxy_set_header X-1 "[$vcita_oauth_claim_plain]";
    proxy_set_header X-2 "[$vcita_oauth_claim_UPPER]";
    proxy_set_header X-3 "[$vcita_oauth_claim_odd_name_]";
    proxy_set_header X-4 "[$vcita_oauth_claim_int]";
    proxy_set_header X-5 "[$vcita_oauth_claim_float]";
    proxy_set_header X-6 "[$vcita_oauth_claim_yes,$vcita_oauth_claim_no]";
    proxy_set_header X-7 "[$vcita_oauth_claim_nothing]";
    proxy_set_header X-8 "[$vcita_oauth_claim_list]";
    proxy_set_header X-9 "[$vcita_oauth_claim_one__two]";
    proxy_set_header X-10 "[$vcita_oauth_claim_flat__wins]";
    proxy_set_header X-11 "[$vcita_oauth_claim_flat__first]";
    proxy_set_header X-12 "[$vcita_oauth_claim_control$vcita_oauth_claim_nul$vcita_oauth_claim_del]";
    proxy_set_header X-13 "[$vcita_oauth_claim_b1024]";
    proxy_set_header X-14 "[$vcita_oauth_claim_b1025]";
    proxy_set_header X-15 "[$vcita_oauth_claim_empty$vcita_oauth_claim_absent$vcita_oauth_claim_none$vcita_oauth_claim_object]";
    proxy_set_header X-16 "[$vcita_oauth_claim_utf8]";
    proxy_set_header X-17 "[$vcita_oauth_claim_sub]";
    proxy_set_header X-18 "[$vcita_oauth_claim_quote]";
    proxy_set_header X-19 "[$level]";
    proxy_set_header X-20 "[$vcita_oauth_claim_zero]";
    proxy_set_header X-21 "[$vcita_oauth_claim_utf256]";
    proxy_pass $VCITA_APP;
}
--- flow
# JSON by hand: numbers and escapes exactly so
my $json = join ',', '"sub":"s-1"', '"plain":"a b"', '"Upper":"u"', '"odd-name!":"o"', '"int":-12345678901234567890',
    '"float":1.50e3', '"yes":true', '"no":false', '"nothing":null', '"list":["a",1,true,"b c"]', '"one":{"two":"12"}',
    '"flat__wins":"flat"', '"flat":{"wins":"nested","first":"nested"}', '"flat__first":"flat"', '"control":"a\u000ab"',
    '"nul":"a\u0000b"', '"del":"a\u007fb"', '"b1024":"' . 'x' x 1024 . '"', '"b1025":"' . 'x' x 1025 . '"', '"empty":""',
    '"none":[]', '"object":{}', '"utf8":"J\u00fcrgen \ud83d\ude00"', '"quote":"a\"b\\\\c"', '"role":"owner"', '"zero":0',
    '"utf256":"' . '\u00fc' x 128 . '"';
my $b = browser();
$b->get('/');
my $r = $b->come_back(code => stub->prepare({ userinfo => { body => "{$json}" } }));
is $r->status, 303, 'logged in';
my $h = seen($b->follow);

is $h->{"x-$_->[0]"}, "[$_->[1]]", $_->[2]
    for [ 1, 'a b', 'text' ], [ 2, 'u', 'names without regard to case' ], [ 3, 'o', '_ for what a name cannot hold' ],
        [ 4, '-12345678901234567890', 'a number as JSON text' ], [ 5, '1.50e3', 'as it was written' ],
        [ 6, 'true,false', 'booleans as JSON text' ], [ 7, '', 'null is empty' ], [ 8, 'a,1,true,b c', 'an array, comma-joined' ],
        [ 9, '12', 'a member of an object' ], [ 10, 'flat', 'a flat name of that spelling wins' ], [ 11, 'flat', 'in either order' ],
        [ 12, '', 'with a control byte: dropped' ], [ 13, 'x' x 1024, 'of 1,024 bytes' ], [ 14, '', 'of 1,025 bytes: dropped' ],
        [ 15, '', 'empty, absent, an empty array or object' ], [ 17, 's-1', 'sub' ],
        [ 18, 'a"b\\c', 'escaped in JSON, not here' ], [ 19, 'high', 'in a map' ], [ 20, '0', 'zero' ];
is $h->{'x-16'}, "[J\xc3\xbcrgen \xf0\x9f\x98\x80]", 'UTF-8';
is $h->{'x-21'}, '[' . "\xc3\xbc" x 128 . ']', '256 bytes, in 128 characters';


=== TEST 12: the claims that the configuration names come first where the cookie would overflow; "never longer than the token's"
--- gate
--- config
location / {
    vcita_oauth on;
    proxy_set_header X-Sub $vcita_oauth_claim_sub;
    proxy_set_header X-Small $vcita_oauth_claim_small;
    proxy_set_header X-Large "[$vcita_oauth_claim_large]";
    proxy_set_header X-Expires $vcita_oauth_expires;
    proxy_pass $VCITA_APP;
}
--- flow
my $b = browser();
$b->get('/');
# values that no compression would make small
my $rest = sub { join '', map { chr 33 + ($_ * 7919 * $_[0] + $_ * $_) % 90 } 1 .. $_[1] };
my %c = map { ("c$_" => $rest->($_, 200)) } 10 .. 30;
my $r = $b->come_back(code => stub->prepare({ token => { set => { expires_in => 120 } },
    userinfo => { json => { %c, sub => 's' x 250, small => 'here', large => $rest->(3, 256) } } }));
is $r->status, 303, 'logged in';
my ($line) = grep { /^vcita_session=/ } @{ $r->set_cookies };
cmp_ok length($line =~ /^([^;]*)/ ? $1 : ''), '<=', 3800, 'at most 3,800 bytes of cookie';
my ($age) = $line =~ /Max-Age=(\d+)/;
ok $age <= 120 && $age > 110, 'for no longer than the token lives';
my $h = seen($b->follow);
is $h->{'x-sub'}, 's' x 250, 'sub is there';
is $h->{'x-small'}, 'here', 'so is the smallest';
is $h->{'x-large'}, '[' . $rest->(3, 256) . ']', 'and the largest';
cmp_ok $h->{'x-expires'}, '<=', 120, 'expires';


=== TEST 13: "other cookies stay byte for byte"
--- gate
--- config
location / { vcita_oauth optional; proxy_pass $VCITA_APP; }
location /off/ { proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
my @case = (
    # only others
    [ 'a=1' ], [ 'a=1; b=2' ], [ 'a=1;b=2;;  c=3 ;' ], [ '; ; a' ], [ 'a="x; y=2"' ], [ "a=\xff\x80\xc3" ], [ '=x; =; a==b=' ],
    [ 'a=1, vcita_sessio=2' ],
    # names that only resemble ours
    [ 'vcita_session2=1; xvcita_session=2; vcita_sessio=3; vcita_session_logi=4; vcita_session_login2=5' ],
    [ 'Vcita_Session=1; VCITA_SESSION_LOGIN=2' ], [ '__Host-vcita_session=1; __Secure-vcita_session=2' ],
    [ 'vcita_session' ], [ 'vcita_session; a=1' ], [ 'a=vcita_session=1' ], [ 'a=1,vcita_session=2' ], [ 'vcita_session.x=1' ],
    [ '$vcita_session=1' ], [ '"vcita_session"=1' ],
    # only ours
    [ 'vcita_session=x', undef ], [ 'vcita_session=', undef ], [ 'vcita_session=x;', undef ],
    [ 'vcita_session=x; vcita_session_login=y', undef ], [ 'vcita_session=1;vcita_session=2; vcita_session=3', undef ],
    [ "vcita_session=\xff\xfe\"", undef ], [ ' vcita_session=x ', undef ], [ 'vcita_session = x', undef ],
    # ours among others
    [ 'vcita_session=x; a=1', 'a=1' ], [ 'a=1; vcita_session=x', 'a=1' ], [ 'a=1; vcita_session=x; b=2', 'a=1; b=2' ],
    [ 'a=1;vcita_session=x;b=2', 'a=1;b=2' ], [ 'a=1;vcita_session=x', 'a=1' ], [ 'vcita_session=x;a=1', 'a=1' ],
    [ 'a=1; vcita_session=x; b=2; vcita_session_login=y; c=3', 'a=1; b=2; c=3' ],
    [ 'vcita_session=x; a=1; vcita_session_login=y', 'a=1' ], [ 'vcita_session=x; vcita_session_login=y; a=1; b=2', 'a=1; b=2' ],
    [ 'a=1; b=2; vcita_session=x; vcita_session_login=y', 'a=1; b=2' ],
    [ 'a=" 1 "; vcita_session=x; b=2 3', 'a=" 1 "; b=2 3' ], [ "a=\xff; vcita_session=x; b=\x80", "a=\xff; b=\x80" ],
    [ 'a=1;   b=2; vcita_session=x; c', 'a=1;   b=2; c' ], [ "a=1;\tvcita_session=x; b=2", "a=1;\tb=2" ],
    [ 'vcita_session=a=b==; c=1', 'c=1' ], [ 'vcita_session; vcita_session=x; a=1', 'vcita_session; a=1' ],
);
for my $path ('/', '/off/') {
    for (@case) {
        my ($in, $out) = @$_ > 1 ? @$_ : (@$_, $_->[0]);
        my $got = seen($b->get($path, headers => [ Cookie => $in ]))->{cookie};
        is $got, $out, "$path \"$in\"";
    }
}
my $long = join '; ', map { "c$_=" . 'v' x 30 } 1 .. 60;
(my $with = $long) =~ s/; c30=/; vcita_session=x; c30=/;
is seen($b->get('/', headers => [ Cookie => $with ]))->{cookie}, $long, 'among many';


=== TEST 14: several Cookie lines
--- gate
--- config
location / { vcita_oauth optional; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
my $h = sub { my $v = seen($b->get('/', headers => [ map { (Cookie => $_) } @_ ]))->{cookie}; ref $v ? $v : defined $v ? [ $v ] : [] };
is_deeply $h->('a=1', 'vcita_session=x', 'b=2'), [ 'a=1', 'b=2' ], 'one of ours alone leaves with its line';
is_deeply $h->('vcita_session=x', 'a=1'), [ 'a=1' ], 'the first one';
is_deeply $h->('a=1', 'vcita_session=x'), [ 'a=1' ], 'the last one';
is_deeply $h->('vcita_session=x', 'vcita_session_login=y', 'vcita_session=z'), [], 'all of them';
is_deeply $h->('a=1; vcita_session=x', 'vcita_session_login=y; b=2'), [ 'a=1', 'b=2' ], 'ours in both';

# nginx keeps headers in parts of 20
for my $before (0, 17, 18, 19, 20, 21, 38, 39, 40, 41) {
    my @more = map { ("X-H$_" => $_) } 1 .. $before;
    my $r = $b->get('/', headers => [ @more, Cookie => 'vcita_session=x', 'X-Last' => 'l', Cookie => 'a=1', Cookie => 'vcita_session=y' ]);
    my $s = seen($r);
    is $s->{cookie}, 'a=1', "behind $before other headers";
    is_deeply [ map { $s->{"x-h$_"} } 1 .. $before ], [ 1 .. $before ], "the $before others are there";
    is $s->{'x-last'}, 'l', 'and the one between';
}


=== TEST 15: "no upstream, subrequest, variable or log sees them"
--- gate
--- http_config
log_format cookies '$request_uri [$http_cookie] [$cookie_vcita_session] [$cookie_vcita_session_login] [$cookie_a]';
--- config
access_log logs/access.log cookies;
set $early "[$http_cookie][$cookie_vcita_session]";
ssi on;
location /return { return 200 "[$http_cookie] [$cookie_vcita_session] [$cookie_vcita_session_login] [$cookie_a] $early"; }
location /if { if ($http_cookie ~ vcita) { return 500; } return 200 clean; }
location = /page.html { vcita_oauth on; }
location /part { proxy_pass $VCITA_APP; }
location /mirrored { vcita_oauth on; mirror /part/mirror; proxy_pass $VCITA_APP; }
location /asked { vcita_oauth on; auth_request /part/auth; proxy_pass $VCITA_APP; }
--- user_files
>>> page.html
<!--#include virtual="/part/ssi" -->
--- flow
my $b = browser();
$b->set_cookie(a => 1);
is $b->visit('/page.html')->status, 200, 'in';
my $cookie = $b->cookie('vcita_session');
is seen($b->res)->{cookie}, 'a=1', 'a subrequest of SSI';
is $b->get('/return')->body, '[a=1] [] [] [1] [a=1][]', 'variables, before and after rewrites of the server';
is $b->get('/if')->body, 'clean', 'if';
is seen($b->get('/mirrored'))->{cookie}, 'a=1', 'beside a mirror';
is seen($b->get('/asked'))->{cookie}, 'a=1', 'behind auth_request';
wait_for { grep { $_->path eq '/part/mirror' } stub->app_requests } 5, 'the mirror';
is_deeply [ grep { ($_->header('Cookie') // '') ne 'a=1' } stub->app_requests ], [], 'no request to the application has them';
ok scalar(grep { $_->path eq '/part/auth' } stub->app_requests), 'auth_request asked';
wait_for { access_log() =~ m{^/asked }m } 5, 'the access log';
like access_log(), qr{^/asked \[a=1\] \[-\] \[-\] \[1\]$}m, 'the access log';
unlike access_log(), qr/\Q$cookie\E|\[[^\]]*vcita_session/, 'none of its lines has them';


=== TEST 16: cookies over HTTP/2
--- gate
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 http2;
    location / { vcita_oauth optional; proxy_pass $VCITA_APP; }
    location /on { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- config
--- flow
my $nghttp = (grep { -x } map { "$_/nghttp" } split /:/, $ENV{PATH})[0];
if (!$nghttp) {
    pass 'no nghttp here: not tested';
} else {
    my $at = 'http://127.0.0.1:' . rand_port(1);
    for ([ [ 'a=1', 'vcita_session=x', 'b=2' ], 'a=1; b=2' ], [ [ 'vcita_session=x' ], undef ], [ [ 'vcita_session=x; a=1' ], 'a=1' ],
         [ [ 'a=1', 'b=2', 'vcita_session_login=x' ], 'a=1; b=2' ])
    {
        my ($in, $out) = @$_;
        my $body = join '', `$nghttp @{[ map { "-H 'cookie: $_'" } @$in ]} $at/`;
        my %h = map { lc $_->[0] => $_->[1] } @{ decode_json($body)->{headers} };
        is $h{cookie}, $out, "@$in";
    }
    my $head = `$nghttp -nv -H 'accept: text/html' $at/on`;
    like $head, qr/:status: 302/, 'the redirect over HTTP/2';
    like $head, qr/set-cookie: vcita_session_login=[\w-]{43};/, 'and its cookie';
    like `$nghttp -nv -H 'accept: application/json' $at/on`, qr/:status: 401.*www-authenticate: Bearer realm="vcita"/s,
        '401 over HTTP/2';
}


=== TEST 17: "an address denied by deny never reaches vcita; with satisfy any, an address allowed by allow never logs in"
--- gate
--- config
location /denied { deny all; vcita_oauth on; proxy_pass $VCITA_APP; }
location /allowed { allow 127.0.0.1; deny all; vcita_oauth on; proxy_pass $VCITA_APP; }
location /any-allowed {
    satisfy any; allow 127.0.0.1; deny all; vcita_oauth on;
    proxy_set_header X-Auth "[$vcita_oauth_authenticated]"; proxy_pass $VCITA_APP;
}
location /any-denied { satisfy any; deny all; vcita_oauth on; proxy_set_header X-Mail $vcita_oauth_claim_email; proxy_pass $VCITA_APP; }
location /any-optional {
    satisfy any; deny all; vcita_oauth optional; proxy_set_header X-Mail $vcita_oauth_claim_email; proxy_pass $VCITA_APP;
}
location /all-optional { deny all; vcita_oauth optional; proxy_pass $VCITA_APP; }
location /any-off { satisfy any; deny all; proxy_pass $VCITA_APP; }
--- error_log
access forbidden by rule
--- flow
my $b = browser();
my $each = sub { map { $b->get($_)->status } @_ };
my @path = qw( /denied /allowed /any-allowed /any-denied /any-optional /all-optional /any-off );
is_deeply [ $each->(@path) ], [ 403, 302, 200, 302, 403, 403, 403 ], "without a session: @path";
is seen($b->get('/any-allowed'))->{'x-auth'}, '[]', 'the gate was not asked';
is $b->post('/any-optional', { a => 1 })->status, 403, 'a POST under optional is 403, too';
is $b->post('/any-denied', { a => 1 })->status, 401, 'a POST under on is 401';
is scalar(stub->requests), 0, 'nobody was at vcita';

is $b->visit('/allowed')->status, 200, 'a login';
is_deeply [ $each->(@path) ], [ 403, 200, 200, 200, 200, 403, 403 ], "with a session: @path";
is seen($b->get($_))->{'x-mail'}, 'alice@example.biz', "$_ knows who" for qw( /any-denied /any-optional );


=== TEST 18: "under satisfy any the callback counts as satisfied by the gate"; else access rules apply to it
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /oauth/callback { satisfy any; deny all; }
--- flow
my $b = browser();
is $b->visit('/')->status, 200, 'in';


=== TEST 19: access rules of the location that the callback lands in apply
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /oauth/callback { deny all; }
--- error_log
access forbidden by rule
--- flow
my $b = browser();
is $b->visit('/')->status, 403, 'denied';
is scalar(stub->requests('/oauth/token')), 0, 'no exchange';
is $b->cookie('vcita_session'), undef, 'no session';


=== TEST 20: beside auth_basic
--- gate
--- config
location /all { auth_basic closed; auth_basic_user_file ../html/users; vcita_oauth on; proxy_pass $VCITA_APP; }
location /any { satisfy any; auth_basic closed; auth_basic_user_file ../html/users; vcita_oauth on; proxy_pass $VCITA_APP; }
location /any-optional {
    satisfy any; auth_basic closed; auth_basic_user_file ../html/users; vcita_oauth optional; proxy_pass $VCITA_APP;
}
--- user_files
>>> users
bob:{PLAIN}pass
--- flow
my $b = browser();
my @basic = (headers => [ Authorization => 'Basic Ym9iOnBhc3M=' ]);
my $r = $b->get('/all');
is $r->status, 401, 'all: the password first';
is $r->header('WWW-Authenticate'), 'Basic realm="closed"', 'all: that challenge alone';
is $b->get('/all', @basic)->status, 302, 'all: then the login';

$r = $b->get('/any');
is $r->status, 302, 'any: a navigation is sent to log in';
is scalar(my @none = $r->header('WWW-Authenticate')), 0, 'any: and has no challenge';
is $b->get('/any', @basic)->status, 200, 'any: a password is enough';
$r = $b->get('/any', headers => [ Accept => 'application/json' ]);
is $r->status, 401, 'any: a program';
is_deeply [ sort my @both = $r->header('WWW-Authenticate') ], [ 'Basic realm="closed"', 'Bearer realm="vcita"' ], 'any: is told both ways';

$r = $b->get('/any-optional');
is $r->status, 401, 'optional grants nothing';
is $r->header('WWW-Authenticate'), 'Basic realm="closed"', 'optional asks for the password';
is $b->get('/any-optional', @basic)->status, 200, 'optional: a password is enough';

is $b->visit('/any')->status, 200, 'any: a login is enough';
is $b->get('/any-optional')->status, 200, 'optional: a session is enough';
is $b->get('/all')->status, 401, 'all: it is not';
is $b->get('/all', @basic)->status, 200, 'all: both are';


=== TEST 21: "if its error_page target is gated too and there is no session, the answer is the same status with the module's own page"
--- gate
--- config
add_header X-Error "[$vcita_oauth_error]" always;
location /a { vcita_oauth on; error_page 401 /401.html; proxy_pass $VCITA_APP; }
location /b { vcita_oauth on; error_page 401 /off/401.html; proxy_pass $VCITA_APP; }
location /c { vcita_oauth on; error_page 401 =403 /401.html; proxy_pass $VCITA_APP; }
location /d { vcita_oauth on; error_page 401 @named; proxy_pass $VCITA_APP; }
location /e { vcita_oauth on; error_page 401 =200 /off/401.html; proxy_pass $VCITA_APP; }
location /f { vcita_oauth on; error_page 401 https://www.example.com/; proxy_pass $VCITA_APP; }
location /401.html { vcita_oauth on; }
location /off/ { alias html/; }
location @named { vcita_oauth on; proxy_pass $VCITA_APP; }
--- user_files
>>> 401.html
the operator's page
--- flow
my $b = browser();
my $try = sub { $b->post($_[0], { a => 1 }) };
for my $path (qw( /a /d )) {
    my $r = $try->($path);
    is $r->status, 401, "$path: the same status";
    is $r->location, undef, "$path: no login";
    is_deeply $r->set_cookies, [], "$path: none begun";
    like $r->body, qr/<h1>.*Request: <bdi><code>/s, "$path: our page";
    is $r->header('WWW-Authenticate'), 'Bearer realm="vcita"', "$path: the challenge, once";
}
my $r = $try->('/b');
is $r->status, 401, 'off: the same status';
is $r->body, "the operator's page\n", "off: the operator's page";
is $r->header('WWW-Authenticate'), 'Bearer realm="vcita"', 'off: the challenge';
is $r->header('Cache-Control'), 'no-store', 'off: not to be stored';
is $r->header('X-Error'), '[]', 'off: no code, as it is none of the callback';
is $try->('/e')->status, 200, 'off, with another status';
$r = $try->('/c');
is $r->location, undef, 'with another status: no login either';
$r = $try->('/f');
is $r->status, 302, "the operator's redirect";
is $r->location, 'https://www.example.com/', 'to where they said';


=== TEST 22: "of several cookies of the name, the first that opens counts"; "anything unopenable is no session"
--- gate
--- config
location / { vcita_oauth on; proxy_set_header X-Sub $vcita_oauth_claim_sub; proxy_pass $VCITA_APP; }
location /in-between { vcita_oauth on; vcita_oauth_session_timeout 8h; proxy_pass $VCITA_APP; }
--- flow
my ($one, $two) = map {
    my $b = browser();
    $b->get('/');
    $b->come_back(code => stub->prepare({ userinfo => { set => { sub => $_ } } }));
    $b->cookie('vcita_session');
} 'one', 'two';
my $b = browser();
my $get = sub { $b->get('/', headers => [ map { (Cookie => $_) } @_ ]) };
is seen($get->("vcita_session=$one; vcita_session=$two"))->{'x-sub'}, 'one', 'the first';
is seen($get->("vcita_session=$two; vcita_session=$one"))->{'x-sub'}, 'two', 'the first again';
is seen($get->("vcita_session=junk; vcita_session=; vcita_session=$two"))->{'x-sub'}, 'two', 'the first that opens';
is seen($get->('vcita_session=junk', "vcita_session=$one"))->{'x-sub'}, 'one', 'in two lines';
for my $bad ('', 'junk', substr($one, 1), substr($one, 0, -1), "$one=", "$one.", '"' . $one . '"', $one ^ ("\0" x 10 . "\1"), 'A' x 3000,
             "$one$one", ' ')
{
    my $r = $get->("vcita_session=$bad");
    is $r->status, 302, 'no session: ' . substr $bad, 0, 20;
}
is $b->get('/in-between', headers => [ Cookie => "vcita_session=$one" ])->status, 200,
    'a location that repeats a setting is the same application';


=== TEST 23: nothing with Authorization: Bearer or Sec-Purpose: prefetch is a navigation: no login begins unseen
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
my @page = (Accept => 'text/html', 'Sec-Fetch-Mode' => 'navigate');
for ([ 401, 'Bearer', Authorization => 'Bearer abc', Accept => '*/*' ],
     [ 401, 'Bearer of a page', Authorization => 'Bearer abc', @page ],
     [ 401, 'bearer', Authorization => 'bearer  abc', @page ],
     [ 401, 'Bearer alone', Authorization => 'Bearer', @page ],
     [ 302, 'Basic', Authorization => 'Basic QmVhcmVyOmFiYw==', @page ],
     [ 302, 'another scheme', Authorization => 'Bearers abc', @page ],
     [ 401, 'prefetch', 'Sec-Purpose' => 'prefetch', @page ],
     [ 401, 'prerender', 'Sec-Purpose' => 'prefetch;prerender', @page ],
     [ 401, 'Prefetch without a mode', 'Sec-Purpose' => 'Prefetch', Accept => 'text/html' ],
     [ 302, 'another purpose', 'Sec-Purpose' => 'prefetching', @page ])
{
    my ($status, $name, @headers) = @$_;
    for my $method (qw( GET HEAD )) {
        my $r = $b->request($method, '/', headers => \@headers);
        is $r->status, $status, "$method, $name";
        is scalar(@{ $r->set_cookies }), $status == 302 ? 1 : 0, "$method, $name: cookies";
        is $r->header('WWW-Authenticate'), $status == 401 ? 'Bearer realm="vcita"' : undef, "$method, $name: WWW-Authenticate";
    }
}


=== TEST 24: vcita_oauth_challenge: login sends every GET and HEAD to vcita, 401 sends none
--- gate
--- http_config
vcita_oauth_challenge login;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- config
location / { vcita_oauth on; vcita_oauth_challenge auto; proxy_pass $VCITA_APP; }
location /login { vcita_oauth on; vcita_oauth_challenge login; proxy_pass $VCITA_APP; }
location /401 { vcita_oauth on; vcita_oauth_challenge 401; proxy_pass $VCITA_APP; }
location /optional { vcita_oauth optional; vcita_oauth_challenge 401; proxy_pass $VCITA_APP; }
location /any { satisfy any; deny all; vcita_oauth on; vcita_oauth_challenge 401; proxy_pass $VCITA_APP; }
location /broken { vcita_oauth optional; error_page 502 /login/error; proxy_pass http://127.0.0.1:1; }
--- error_log
Connection refused
--- flow
my $b = browser();
my @kinds = ([ 'a navigation', 'Sec-Fetch-Mode' => 'navigate', Accept => 'text/html' ], [ 'nothing at all', Accept => undef ],
    [ 'Accept application/json', Accept => 'application/json' ], [ 'cors', 'Sec-Fetch-Mode' => 'cors', Accept => '*/*' ],
    [ 'XMLHttpRequest', 'X-Requested-With' => 'XMLHttpRequest', Accept => '*/*' ],
    [ 'Upgrade', Upgrade => 'websocket', Connection => 'Upgrade', Accept => '*/*' ],
    [ 'Bearer', Authorization => 'Bearer abc', Accept => '*/*' ], [ 'prefetch', 'Sec-Purpose' => 'prefetch', Accept => 'text/html' ]);
for (@kinds) {
    my ($name, @headers) = @$_;
    for my $method (qw( GET HEAD POST PUT DELETE OPTIONS )) {
        my $login = $method =~ /GET|HEAD/;
        for my $path ('/login', "http://127.0.0.1:${\ rand_port(1)}/", '/401', '/any') {
            my $status = $login && $path !~ m{^/(?:401|any)} ? 302 : 401;
            my $r = $b->request($method, $path, headers => \@headers);
            my $what = "$method $path, $name";
            is $r->status, $status, $what;
            is defined $r->location, $status == 302, "$what: Location";
            is $r->header('WWW-Authenticate'), $status == 401 ? 'Bearer realm="vcita"' : undef, "$what: WWW-Authenticate";
            is scalar(@{ $r->set_cookies }), $status == 302 ? 1 : 0, "$what: cookies";
        }
        is $b->request($method, '/optional', headers => \@headers)->status, 200, "$method, $name: optional lets in";
    }
}
is $b->get('/', headers => [ Accept => 'application/json' ])->status, 401, 'auto as ever';

# a person who opens such an address reads where to sign in; that address would only say 401 again
my $r = $b->get('/401/a', headers => [ Accept => 'text/html' ]);
like $r->body, qr{<h1>Please sign in</h1>}, '401: a page for a person';
is $r->body =~ /<a href="([^"]*)"/ && $1, url('/'), '401: its link';

is $b->visit('/login/a?b', headers => [ Accept => 'application/json' ])->status, 200, 'login: in';
is $b->res->json->{uri}, '/login/a?b', 'at the address first asked for';
is $b->get($_)->status, 200, "$_: in with a session" for qw( /401 /any );
$r = browser()->get('/broken');
is $r->status, 502, 'an error never starts a login';
is $r->location, undef, 'so there is no redirect';


=== TEST 25: the page for a form that was posted links to the same-origin page of its Referer, else to /
--- gate
--- config
location / { vcita_oauth on; }
location /gated { vcita_oauth on; error_page 401 /error; }
location /error { vcita_oauth on; }
--- flow
my $b = browser();
my $site = url('');
(my $shout = $site) =~ s{^http}{HTTP};
for ([ "$site/form?a=1&b=2", '/form?a=1&amp;b=2' ], [ "$site/", '/' ], [ "$site/form#part", '/form' ], [ "$shout/form", '/form' ],
     [ "$site//evil.example/x", '//evil.example/x' ], [ "$site/a\"b<c>", '/a&quot;b&lt;c&gt;' ],
     [ undef, '/' ], [ '', '/' ], [ $site, '/' ], [ 'https://evil.example/form', '/' ], [ "$site.evil.example/form", '/' ],
     [ "$site\@evil.example/form", '/' ], [ $site =~ s/^http/https/r . '/form', '/' ], [ $site =~ s/:\d+$/:1/r . '/form', '/' ],
     [ substr($site, 0, -1) . '/form', '/' ], [ "x$site/form", '/' ], [ '/form', '/' ], [ 'null', '/' ], [ "$site?/form", '/' ],
     [ "$site/" . 'x' x 4000, '/' ], [ "$site/\xff", "/\xff" ])
{
    my ($referer, $to) = @$_;
    for my $path ('/send?x=1', '/gated/send') {
        my $r = $b->post($path, { a => 1 }, headers => [ Accept => 'text/html', Referer => $referer ]);
        my $name = "$path from " . substr $referer // 'nowhere', 0, 60;
        is $r->status, 401, $name;
        is_deeply [ $r->body =~ /<a href="([^"]*)"/g ], [ "$site$to" ], "$name: the link";
    }
}
my $r = $b->get('/part?x', headers => [ 'Sec-Fetch-Mode' => 'cors', Accept => 'text/html', Referer => "$site/form" ]);
is $r->body =~ /<a href="([^"]*)"/ && $1, "$site/part?x", 'what was read can be read again';
