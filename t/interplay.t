# The gate among what else is in an nginx.conf: internal redirects, other modules, subrequests, bodies,
# connections, error pages, logout.

use lib 't/lib';
use VcitaTest;

sub VcitaFlow::Code::seen {
    my ($r) = @_;
    return { map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} } };
}

run_tests();

__DATA__

=== TEST 1: "internal redirects (index, try_files, error_page, named locations) keep the session"
--- gate
--- config
vcita_oauth on;
add_header X-Mail "[$vcita_oauth_claim_email]" always;
location / { root html; index first.html second.html; }
location /try/ { try_files $uri $uri/ /dir/second.html; }
location /try-named/ { try_files $uri @app; }
location /missing/ { error_page 404 /dir/second.html; }
location /missing-200/ { error_page 404 =200 /dir/second.html; }
location /missing-named/ { error_page 404 = @app; }
location /last/ { rewrite ^/last/(.*) /app/$1 last; }
location /break/ { rewrite ^/break/(.*) /app/$1 break; proxy_pass $VCITA_APP; proxy_set_header X-Mail $vcita_oauth_claim_email; }
location /app { proxy_set_header X-Mail $vcita_oauth_claim_email; proxy_pass $VCITA_APP; }
location @app { proxy_set_header X-Mail $vcita_oauth_claim_email; proxy_pass $VCITA_APP; }
location ~ \.regex$ { proxy_set_header X-Mail $vcita_oauth_claim_email; proxy_pass $VCITA_APP; }
location /nest/ {
    location /nest/inner/ { proxy_set_header X-Mail $vcita_oauth_claim_email; proxy_pass $VCITA_APP; }
    location ~ /deep$ { proxy_set_header X-Mail $vcita_oauth_claim_email; proxy_pass $VCITA_APP; }
}
location /x-accel/ { proxy_pass $VCITA_APP; proxy_intercept_errors on; }
--- user_files
>>> dir/second.html
second
--- error_log
No such file or directory
--- flow
my $b = browser();
for my $path (qw( /dir/ /try/none /try-named/none /missing/none /last/a /break/a /app /a.regex /nest/inner/a /nest/deep /dir/second.html )) {
    my $r = browser()->get($path);
    is $r->status, 302, "$path, without a session";
    is scalar(my @h = $r->header('Location')), 1, "$path: one Location";
    is scalar(@{ $r->set_cookies }), 1, "$path: one cookie";
}
is $b->visit('/dir/second.html')->status, 200, 'in';

for ([ '/dir/', 200, 'index' ], [ '/try/none', 200, 'try_files' ], [ '/missing/none', 404, 'error_page' ],
     [ '/missing-200/none', 200, 'error_page with another status' ])
{
    my ($path, $status, $name) = @$_;
    my $r = $b->get($path);
    is $r->status, $status, "$name: status";
    is $r->body, "second\n", "$name: the file";
    is $r->header('X-Mail'), '[alice@example.biz]', "$name: the session";
    is_deeply $r->set_cookies, [], "$name: no cookie";
}
for ([ '/try-named/none', '/try-named/none' ], [ '/missing-named/none', '/missing-named/none' ], [ '/last/a?b', '/app/a?b' ],
     [ '/break/a', '/app/a' ], [ '/a.regex' ], [ '/nest/inner/a' ], [ '/nest/deep' ])
{
    my ($path, $to) = @$_;
    my $r = $b->get($path);
    is $r->status, 200, "$path: status";
    is $r->json->{uri}, $to // $path, "$path: goes to";
    is seen($r)->{'x-mail'}, 'alice@example.biz', "$path: the session";
}
is $b->get('/nest/none')->status, 404, 'nothing there';


=== TEST 2: the address first asked for is the one to come back to, whatever it was rewritten to
--- gate
--- config
rewrite ^/server/(.*) /gated/$1?added=1;
location / { rewrite ^/loc/(.*) /gated/$1 last; root html; }
location /gated/ { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
for my $path ('/gated/a', '/gated/a?b=c&d', '/gated/%41%2f..%2F?x=%26', '/gated//x/../y', '/server/a?b', '/loc/a?b=c', '/gated/a?', '/gated/a?b#f') {
    my $b = browser();
    $b->get($path);
    my $back = (split /#/, $path)[0];
    is $b->hop && $b->hop->location, url($back), "back to $path";
}
my $b = browser();
$b->get('/gated/' . 'x' x (2048 - 7));
is $b->hop && $b->hop->location, url('/gated/' . 'x' x (2048 - 7)), 'an address of 2,048 bytes';
$b = browser();
$b->get('/gated/' . 'x' x (2049 - 7));
is $b->hop && $b->hop->location, url('/'), 'one of 2,049 bytes: /';


=== TEST 3: a gate in http, with exceptions; several servers on one listen
--- gate
vcita_oauth on;
vcita_oauth_redirect_uri http://$http_host/oauth/callback;
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1;
    server_name a.example.com;
    location / { proxy_set_header X-Mail $vcita_oauth_claim_email; proxy_pass $VCITA_APP; }
    location /public { vcita_oauth off; proxy_pass $VCITA_APP; location /public/not { vcita_oauth on; proxy_pass $VCITA_APP; } }
}
server {
    listen $TEST_NGINX_RAND_PORT_1;
    server_name b.example.com;
    vcita_oauth_client_id app2;
    vcita_oauth_cookie_name b;
    vcita_oauth_redirect_uri http://$http_host/cb;
    location / { proxy_set_header X-Mail $vcita_oauth_claim_email; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_RAND_PORT_1;
    server_name c.example.com;
    vcita_oauth off;
    location / { proxy_pass $VCITA_APP; }
}
--- config
location / { proxy_pass $VCITA_APP; }
--- flow
my $port = rand_port(1);
my $b = browser(resolve => { map { ("$_.example.com" => "127.0.0.1:$port") } qw( a b c ) });
my $at = sub { "http://$_[0].example.com:$port$_[1]" };
is $b->get($at->('a', '/'))->status, 302, 'gated by http';
is $b->get($at->('a', '/public'))->status, 200, 'an exception';
is $b->get($at->('a', '/public/not'))->status, 302, 'an exception of that';
is $b->visit($at->('a', '/x'))->status, 200, 'in';
is $b->url, $at->('a', '/x'), 'at its own host';
is seen($b->res)->{'x-mail'}, 'alice@example.biz', 'by name';
my $session = $b->cookie('vcita_session');

my $r = $b->get($at->('b', '/'), headers => [ Cookie => "vcita_session=$session; b=$session" ]);
is $r->status, 302, "a session of one application is none of another's";
is $r->param('client_id'), 'app2', 'the other application';
is $b->visit($at->('b', '/y'))->status, 200, 'in there, too';
is $b->url, $at->('b', '/y'), 'by its own callback';
is seen($b->get($at->('b', '/'), headers => [ Cookie => 'vcita_session=1; b=' . $b->cookie('b') ]))->{cookie}, 'vcita_session=1',
    'cookies that are not of this server stay';
is seen($b->get($at->('c', '/'), headers => [ Cookie => 'vcita_session=1; b=2' ]))->{cookie}, 'vcita_session=1; b=2',
    'a server without a gate leaves all';
is $b->get($at->('c', '/oauth/callback?code=1&state=2'))->status, 200, 'and has no callback';


=== TEST 4: "the callback in every location that does not return or redirect first (an empty location is enough there)"
--- gate
--- config
location = /oauth/callback {}
location /in { vcita_oauth on; proxy_pass $VCITA_APP; }
location / { return 301 https://www.example.com/; }
--- flow
is browser()->visit('/in')->status, 200, 'in';


=== TEST 5: without that location, the redirect comes first
--- gate
--- config
location /in { vcita_oauth on; proxy_pass $VCITA_APP; }
location / { return 301 https://www.example.com/; }
--- flow
my $b = browser();
$b->get('/in');
my $r = $b->come_back(code => stub_code({}));
is $r->status, 301, 'redirected';
is $r->location, 'https://www.example.com/', 'by the operator';
is scalar(stub->requests('/oauth/token')), 0, 'no exchange';


=== TEST 6: the callback in whatever location it lands: static files, proxies, off, regex, rewrites
--- gate
vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/files/oauth/callback;
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/cb;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location ~ ^/c { vcita_oauth off; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_RAND_PORT_2;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_RAND_PORT_2/cb;
    rewrite ^/cb /other last;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /other { internal; proxy_pass $VCITA_APP; }
}
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /files { root html; try_files $uri =404; }
--- flow
is browser()->visit('/')->status, 200, 'among static files';
is browser(base => 'http://127.0.0.1:' . rand_port(1))->visit('/')->status, 200, 'where the gate is off';
is browser(base => 'http://127.0.0.1:' . rand_port(2))->visit('/')->status, 200, 'rewritten by the server';
my $b = browser();
$b->get('/');
is $b->get('/files/oauth/callback/')->status, 404, 'another path is none';
is $b->get('/files//oauth/./callback?state=x')->status, 400, 'a normalized one is';
is $b->get('/files/oauth/%63allback?state=x')->status, 400, 'however it is spelled';
--- error_log
vcita callback refused: invalid_state


=== TEST 7: limit_req applies to the callback: its 503, shown by a gated error_page, is neither a login nor the callback
--- gate
--- http_config
limit_req_zone $server_name zone=cb:1m rate=1r/m;
--- config
add_header X-Error "[$vcita_oauth_error]" always;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /oauth/callback { limit_req zone=cb; error_page 503 /busy; }
location = /busy { vcita_oauth on; proxy_pass $VCITA_APP; }
--- error_log
limiting requests
--- flow
my $b = browser();
$b->get('/');
# the first one takes the only slot, of both repetitions
$b->come_back(code => stub_code({})) if round() == 0;
stub->reset;

$b = browser();
$b->get('/');
my $r = $b->come_back(code => stub_code({}));
is $r->status, 503, 'limited';
is $r->location, undef, 'no redirect';
is_deeply $r->set_cookies, [], 'no cookie';
like $r->body, qr/<h1>.*Request: <bdi><code>/s, 'our page';
is $r->header('Cache-Control'), 'no-store', 'not to be stored';
is $r->header('Referrer-Policy'), 'no-referrer', 'no referrer';
is $r->header('X-Error'), '[]', 'it is no error of ours';
is scalar(stub->requests), 0, 'vcita was not asked';
is scalar(stub->app_requests), 0, 'nor the application';


=== TEST 8: the same with an error page that is not gated, and with none
--- gate
--- http_config
limit_req_zone $server_name zone=cb:1m rate=1r/m;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    server_name second;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/cb;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location = /cb { limit_req zone=cb; }
}
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /oauth/callback { limit_req zone=cb; error_page 503 /busy.html; }
location = /busy.html { }
--- user_files
>>> busy.html
the operator's page
--- error_log
limiting requests
--- flow
for (0, 1) {
    my $b = browser($_ ? (base => 'http://127.0.0.1:' . rand_port(1)) : ());
    $b->get('/');
    $b->come_back(code => stub_code({})) if round() == 0;
    stub->reset;
    $b = browser($_ ? (base => 'http://127.0.0.1:' . rand_port(1)) : ());
    $b->get('/');
    my $r = $b->come_back(code => stub_code({}));
    is $r->status, 503, 'limited';
    $_ ? like $r->body, qr/503 Service/, "nginx's page" : is $r->body, "the operator's page\n", "the operator's page";
    is_deeply $r->set_cookies, [], 'no cookie';
    is $r->header('Cache-Control'), 'no-store', 'not to be stored';
    is $r->header('Referrer-Policy'), 'no-referrer', 'no referrer';
    is scalar(stub->requests), 0, 'vcita was not asked';
}


=== TEST 9: request bodies
--- gate
--- config
client_body_buffer_size 16k;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /stream { vcita_oauth on; proxy_request_buffering off; proxy_http_version 1.1; proxy_pass $VCITA_APP; }
location /expect { vcita_oauth on; lingering_timeout 100ms; proxy_pass $VCITA_APP; }
location /small { vcita_oauth on; client_max_body_size 1k; proxy_pass $VCITA_APP; }
--- error_log
client intended to send too large body
--- flow
my $b = browser();
is $b->visit('/')->status, 200, 'in';
my $big = join '', map { sprintf "%07d\n", $_ } 1 .. 150_000;
is $b->post('/', { a => 'b c', d => 1 })->json->{body}, 'a=b%20c&d=1', 'a form';
is $b->request(PUT => '/', body => '')->json->{body}, '', 'an empty body';
for my $path (qw( / /stream )) {
    my $r = $b->request(POST => $path, body => $big);
    is $r->status, 200, "1.2 MB to $path";
    ok $r->json->{body} eq $big, "1.2 MB to $path: all of it";
}
is $b->request(POST => '/small', body => $big, soft => 1)->status, 413, 'too large for nginx';

# without a session: 401, and the connection lives on
my $one = "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n" . 'x' x 100000;
my $got = $b->raw('127.0.0.1', port(), $one . "GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")->body;
is_deeply [ $got =~ /^HTTP\/1\.1 (\d+)/mg ], [ 401, 200 ], 'a body of 100 kB is thrown away, the next request answered';
$one = "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n";
$got = $b->raw('127.0.0.1', port(), $one . "GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")->body;
is_deeply [ $got =~ /^HTTP\/1\.1 (\d+)/mg ], [ 401, 200 ], 'so is a chunked one';
$one = "GET /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde";
$got = $b->raw('127.0.0.1', port(), $one . "GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")->body;
is_deeply [ $got =~ /^HTTP\/1\.1 (\d+)/mg ], [ 302, 200 ], 'and that of a GET';
$one = "POST /expect HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n";
like $b->raw('127.0.0.1', port(), $one)->body, qr/^HTTP\/1\.1 401 /, 'nobody is told to go on with a body that nobody wants';


=== TEST 10: HTTP/1.0, keep-alive, pipelining
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /file { vcita_oauth on; root html; }
--- user_files
>>> file
a file
--- flow
my $b = browser();
my $raw = sub { $b->raw('127.0.0.1', port(), $_[0])->body };
my $old = $raw->("GET / HTTP/1.0\r\n\r\n");
like $old, qr{^HTTP/1\.1 302 .*\r\nLocation: \Q@{[ stub->url ]}\E/}s, 'HTTP/1.0 without a Host';
like $old, qr{\r\nConnection: close\r\n}, 'ends with the answer';
like $raw->("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx"), qr{^HTTP/1\.1 401 }, 'a POST of HTTP/1.0';
like $raw->("GET /\r\n"), qr{authorize|^$|^(?!HTTP)}s, 'HTTP/0.9 does no harm';

my $get = "GET /file HTTP/1.1\r\nHost: localhost\r\n";
is_deeply [ $raw->("$get\r\n" x 5 . "$get" . "Connection: close\r\n\r\n") =~ /^HTTP\/1\.1 (\d+)/mg ], [ (302) x 6 ],
    'six in one go, without a session';
is $b->visit('/')->status, 200, 'in';
my $cookie = 'Cookie: vcita_session=' . $b->cookie('vcita_session') . "\r\n";
is_deeply [ $raw->("$get$cookie\r\n" . "$get\r\n" . "$get$cookie\r\n" . "HEAD /file HTTP/1.1\r\nHost: localhost\r\n$cookie\r\n"
        . "POST /file HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc" . "$get$cookie" . "Connection: close\r\n\r\n")
    =~ /^HTTP\/1\.1 (\d+)/mg ], [ 200, 302, 200, 200, 401, 200 ], 'each request for itself';
like $raw->("GET /file HTTP/1.0\r\n$cookie\r\n"), qr/\r\n\r\na file\n$/, 'HTTP/1.0 with a session';

# a login over one connection
$b = browser();
$b->get('/file');
my $u = url_split($b->callback_url(code => stub_code({})));
my $login = 'Cookie: vcita_session_login=' . $b->cookie('vcita_session_login') . "\r\n";
my $got = $raw->("GET $u->{target} HTTP/1.1\r\nHost: localhost\r\n$login\r\n" . "GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
is_deeply [ $got =~ /^HTTP\/1\.1 (\d+)/mg ], [ 303, 200 ], 'the callback, and behind it a request that waited';


=== TEST 11: "a server-level gate with stock error_page 500 502 503 504 /50x.html: a failing token endpoint ends in one 502"
--- gate
--- config
vcita_oauth on;
add_header X-Error $vcita_oauth_error always;
error_page 500 502 503 504 /50x.html;
location / { proxy_pass $VCITA_APP; }
location = /50x.html { root html; }
--- user_files
>>> 50x.html
the operator's page
--- error_log
[error]
--- flow
for ([ 500, 502, 'bad_token_response' ], [ 400, 502, 'bad_token_response' ], [ 302, 502, 'bad_token_response' ]) {
    my ($vcita, $status, $error) = @$_;
    my $b = browser();
    $b->get('/a');
    my $r = $b->come_back(code => stub->prepare({ token => { status => $vcita, body => 'no JSON' } }));
    is $r->status, $status, "vcita $vcita: the status";
    is $r->location, undef, "vcita $vcita: no redirect";
    is $r->header('X-Error'), $error, "vcita $vcita: the code";
    like $r->body, qr/<h1>.*Request: <bdi><code>/s, "vcita $vcita: our page";
    is scalar(my @c = $r->header('Cache-Control')), 1, "vcita $vcita: one Cache-Control";
    is $r->header('Cache-Control'), 'no-store', "vcita $vcita: not to be stored";
    is $r->header('Referrer-Policy'), 'no-referrer', "vcita $vcita: no referrer";
    is $b->cookie('vcita_session'), undef, "vcita $vcita: no session";
}
is scalar(stub->requests('/oauth/token')), 3, 'vcita was asked once each';

# someone who is signed in sees the operator's page for the application's own errors
my $b = browser();
is $b->visit('/')->status, 200, 'in';
is $b->get('/50x.html')->body, "the operator's page\n", 'with a session';


=== TEST 12: "vcita_oauth off there shows the operator's"
--- gate
--- http_config
log_format error '$request_uri $status [$vcita_oauth_error]';
--- config
vcita_oauth on;
error_page 500 502 503 504 /50x.html;
location / { proxy_pass $VCITA_APP; }
location = /50x.html { vcita_oauth off; add_header X-Error "[$vcita_oauth_error]" always; access_log logs/access.log error; root html; }
--- user_files
>>> 50x.html
the operator's page
--- error_log
[error]
--- flow
my $b = browser();
$b->get('/a');
my $r = $b->come_back(code => stub->prepare({ token => { status => 500, body => 'no JSON' } }));
is $r->status, 502, 'the status';
is $r->body, "the operator's page\n", "the operator's page";
is $r->header('X-Error'), '[bad_token_response]', 'the code is there';
is $r->header('Cache-Control'), 'no-store', 'not to be stored';
is $r->header('Referrer-Policy'), 'no-referrer', 'no referrer';
is $b->cookie('vcita_session'), undef, 'no session';
wait_for { access_log() =~ /502 \[bad_token_response\]$/m } 5, 'the code in the access log';
is scalar(stub->requests('/oauth/token')), 1, 'vcita was asked once';


=== TEST 13: error_page for the callback: named, with recursion, another status, a redirect
--- gate
--- config
add_header X-Error "[$vcita_oauth_error]" always;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /oauth/callback { error_page 502 @named; error_page 400 =404 /gated; error_page 403 =302 https://www.example.com/denied; recursive_error_pages on; }
location @named { vcita_oauth on; proxy_pass $VCITA_APP; }
location /gated { vcita_oauth on; proxy_pass $VCITA_APP; }
--- error_log
[error]
--- flow
my $b = browser();
$b->get('/a');
my $r = $b->come_back(code => stub->prepare({ token => { status => 500, body => 'no JSON' } }));
is $r->status, 502, 'named: the status';
like $r->body, qr/<h1>/, 'named: our page';
is $r->header('X-Error'), '[bad_token_response]', 'named: the code';
$r = $b->get('/oauth/callback?state=x');
is $r->location, undef, 'another status: no login';
is $r->status, 400, 'another status: the same status with our page';
is $r->header('X-Error'), '[invalid_state]', 'another status: the code';
$b->get('/a');
$r = $b->come_back(error => 'access_denied');
is $r->status, 302, "the operator's redirect";
is $r->location, 'https://www.example.com/denied', 'to where they said';
is scalar(stub->app_requests), 0, 'the application saw none of it';


=== TEST 14: logout: "expires the cookies, 303 to uri or a small signed-out page"
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout; }
location = /logout-to { vcita_oauth_logout https://www.example.com/bye?from=$host; }
location = /logout-gated { vcita_oauth on; vcita_oauth_logout /; }
--- flow
my $gone = sub {
    my ($r, $name) = @_;
    my ($session, $login, @more) = sort @{ $r->set_cookies };
    is $session, 'vcita_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax', "$name: the session's cookie expires";
    like $login, qr{^vcita_session_login=[\w-]{43}\.1\.0; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax$}, "$name: the login cookie is marked";
    is scalar(@more), 0, "$name: no other cookie";
    is $r->header('Cache-Control'), 'no-store', "$name: not to be stored";
};
my $b = browser();
is $b->visit('/')->status, 200, 'in';
my $r = $b->get('/logout');
is $r->status, 200, 'own page: status';
is $r->header('Content-Type'), 'text/html; charset=utf-8', 'own page: a page';
like $r->body, qr/signed out/, 'own page: it says so';
unlike $r->body, qr{https?://(?!127\.0\.0\.1:\d+/)|<script}, 'own page: self-contained';
$gone->($r, 'own page');
is $b->cookie('vcita_session'), undef, 'the browser has no session';
is $b->get('/')->status, 302, 'and has to log in again';

is $b->visit('/')->status, 200, 'in again';
$r = $b->get('/logout-to');
is $r->status, 303, 'to an address: status';
is $r->location, 'https://www.example.com/bye?from=127.0.0.1', 'to an address: where';
$gone->($r, 'to an address');

$r = browser()->get('/logout');
is $r->status, 200, 'without a session: status';
$gone->($r, 'without a session');
is browser()->head('/logout')->status, 200, 'HEAD';

is $b->visit('/')->status, 200, 'in for the third time';
$r = $b->get('/logout-gated');
is $r->status, 303, 'behind the gate';
is $r->location =~ s{^\Q@{[ url('') ]}\E}{}r, '/', 'to a path';


=== TEST 15: logout: "GET from another site (Sec-Fetch-Site: cross-site) gets a page with a button instead"
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout /bye; }
location = /bye { return 200 bye; }
--- flow
my $b = browser();
$b->modern(1);
is $b->visit('/')->status, 200, 'in';

my $r = $b->get('/logout', cross_site => 1);
is $r->status, 200, 'a link on another site: status';
is_deeply $r->set_cookies, [], 'a link on another site: no cookie is touched';
like $r->body, qr{<form method="post"><button>}, 'a link on another site: a button';
is $r->header('Cache-Control'), 'no-store', 'a link on another site: not to be stored';
is $b->get('/')->status, 200, 'still in';

$r = $b->get('/logout', headers => [ 'Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Mode' => 'no-cors' ]);
is_deeply $r->set_cookies, [], 'an image on another site: no cookie is touched';
is $b->head('/logout', cross_site => 1)->status, 200, 'HEAD';
is_deeply $b->res->set_cookies, [], 'HEAD: no cookie is touched';

$r = $b->post('/logout', {});
is $r->status, 303, 'the button works';
like $r->location, qr{/bye$}, 'and leads on';
is $b->cookie('vcita_session'), undef, 'signed out';
is $b->hop->body, 'bye', 'at the end';

for my $site (qw( none same-origin same-site )) {
    is $b->visit('/')->status, 200, "in, $site";
    is $b->get('/logout', site => $site)->status, 303, "$site: signed out at once";
    is $b->cookie('vcita_session'), undef, "$site: no session is left";
}


=== TEST 16: errors of others with a gated error_page: "an address denied by deny never reaches vcita", no error turns into a login
--- gate
--- config
vcita_oauth on;
error_page 400 403 404 405 413 502 /error.html;
error_page 401 /401.html;
add_header X-Error "[$vcita_oauth_error]" always;
location / { root html; }
location /denied { deny all; }
location /off/ { vcita_oauth off; root html; }
location /down { vcita_oauth off; proxy_pass http://127.0.0.1:1; }
location /small { vcita_oauth off; client_max_body_size 1; proxy_pass $VCITA_APP; }
location /basic { auth_basic closed; auth_basic_user_file ../html/users; }
location /fallback { vcita_oauth off; root html; error_page 404 = @app; }
location /fallback-200 { vcita_oauth off; root html; error_page 404 =200 /app; }
location @app { proxy_pass $VCITA_APP; }
location /app { proxy_pass $VCITA_APP; }
--- user_files
>>> error.html
the operator's page
>>> users
bob:{PLAIN}pass
--- error_log
access forbidden by rule
--- flow
my $b = browser();
my $try = sub {
    my ($status, $name, $r) = @_;
    is $r->status, $status, "$name: status";
    is $r->location, undef, "$name: no login";
    is_deeply $r->set_cookies, [], "$name: none is begun";
    like $r->body, qr/<h1>.*Request: <bdi><code>/s, "$name: our page";
    is $r->header('X-Error'), '[]', "$name: it is no error of ours";
};
$try->(403, 'deny', $b->get('/denied'));
$try->(404, 'nothing there, where the gate is off', $b->get('/off/none'));
$try->(502, 'an upstream that is down, where the gate is off', $b->get('/down'));
$try->(413, 'a large body, where the gate is off', $b->post('/small', undef, body => 'ab'));
$try->(403, 'deny, for a program', $b->get('/denied', headers => [ Accept => 'application/json' ]));
my $r = $b->get('/basic');
$try->(401, 'auth_basic', $r);
is $r->header('WWW-Authenticate'), 'Basic realm="closed"', 'auth_basic: its challenge';

# of requests that nginx itself refuses, at once
for ([ 400, 'no Host', "GET /a HTTP/1.1\r\n\r\n" ], [ 400, 'a bad Host', "GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n" ],
     [ 405, 'TRACE', "TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" ])
{
    my ($status, $name, $bytes) = @$_;
    my $got = $b->raw('127.0.0.1', port(), $bytes)->body;
    like $got, qr{^HTTP/1\.1 $status }, "$name: status";
    unlike $got, qr/^(?:Location|Set-Cookie):/m, "$name: no login";
    like $got, qr/<h1>/, "$name: a page";
}

# where error_page says that it is no error, it is a request like others
for (qw( /fallback /fallback-200 )) {
    is $b->get($_)->status, 302, "$_: to vcita";
    is scalar(@{ $b->res->set_cookies }), 1, "$_: with a cookie";
}
is scalar(stub->app_requests), 0, 'the application saw nothing';

is $b->visit('/fallback')->status, 200, 'in';
is $b->get('/fallback-200')->status, 200, 'everywhere';
$r = $b->get('/denied');
is $r->status, 403, 'with a session: denied';
is $r->body, "the operator's page\n", "with a session: the operator's page";


=== TEST 17: logout: without Sec-Fetch-Site, "an `Origin` whose host is not the Host header's, `null` too" signs nobody out
--- gate
--- http_config
server { listen $TEST_NGINX_RAND_PORT_1 http2; location = /logout { vcita_oauth_logout; } }
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout; }
--- flow
my $ask = sub {
    my ($r, $name) = @_;
    is $r->status, 200, "$name: status";
    is_deeply $r->set_cookies, [], "$name: no cookie is touched";
    is $r->header('Cache-Control'), 'no-store', "$name: not to be stored";
    like $r->header('Content-Security-Policy'), qr/; frame-ancestors 'none'$/, "$name: in no frame";
    return if $r->method eq 'HEAD';
    like $r->body, qr{<h1>Do you want to sign out\?</h1>.*<form method="post"><button>Sign out</button></form>}s, "$name: a button";
    like $r->body, qr{<meta name="referrer" content="same-origin">}, "$name: whose POST will have an Origin";
};
my $b = browser();
is $b->visit('/')->status, 200, 'in';
my $port = port;
for my $origin ('https://evil.example', 'null', '', 'http://127.0.0.1.evil.example', 'http://127.0.0.10', 'http://evil127.0.0.1', '127.0.0.1',
                "http:127.0.0.1:$port", 'http:/127.0.0.1', '//127.0.0.1', 'http://127.0.0.1@evil.example', 'http://evil.example:127.0.0.1', 'http://127.0.0.1/')
{
    for my $method (qw( GET POST )) {
        $ask->($b->request($method, '/logout', headers => [ Origin => $origin ]), "$method, $origin");
    }
}
$ask->($b->post('/logout', {}, headers => [ Origin => "http://127.0.0.1:$port", Origin => 'https://evil.example' ]), 'two of them');
$ask->($b->post('/logout', {}, headers => [ 'Sec-Fetch-Site' => 'cross-site', Origin => "http://127.0.0.1:$port" ]), 'Sec-Fetch-Site knows better');
is $b->get('/')->status, 200, 'in still';

for my $h ([ Origin => "http://127.0.0.1:$port" ], [ Origin => 'http://127.0.0.1' ], [ Origin => 'https://127.0.0.1:8443' ], [ Origin => 'http://127.0.0.1.' ],
           [], [ 'Sec-Fetch-Site' => 'same-origin', Origin => 'null' ], [ 'Sec-Fetch-Site' => 'same-site', Origin => 'https://other.example.com' ],
           [ Host => 'PORTAL.example.com.:80', Origin => 'https://portal.example.com' ], [ Host => '[::1]:80', Origin => 'http://[::1]:8080' ])
{
    for my $method (qw( GET POST )) {
        my $r = $b->request($method, '/logout', headers => $h);
        like $r->body, qr{<h1>You are signed out</h1>}, "$method @$h: signed out";
        is scalar(@{ $r->set_cookies }), 2, "$method @$h: both cookies are set";
    }
}
like $b->raw('127.0.0.1', $port, "POST /logout HTTP/1.0\r\nOrigin: http://127.0.0.1\r\n\r\n")->body, qr/Do you want to sign out/, 'a request without a host';

my $nghttp = (grep { -x } map { "$_/nghttp" } split /:/, $ENV{PATH})[0];
if (!$nghttp) {
    pass 'no nghttp here: not tested';
} else {
    my $at = '127.0.0.1:' . rand_port(1);
    like `$nghttp -d $0 -H 'origin: $$_[0]' http://$at/logout 2>&1`, qr/<h1>$$_[1]/, "HTTP/2, $$_[0]"
        for [ "http://$at", 'You are signed out' ], [ 'https://evil.example', 'Do you want to sign out' ], [ 'null', 'Do you want to sign out' ];
}


=== TEST 18: logout: HEAD, a prefetch, an image or a frame end no session: a page with a button
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout; }
location /none {
    vcita_oauth on;
    vcita_oauth_cookie_name none;
    vcita_oauth_redirect_uri https://127.0.0.1/none/callback;
    vcita_oauth_cookie_samesite none;
    location = /none/logout { vcita_oauth off; vcita_oauth_logout; }
}
--- flow
my $b = browser();
is $b->visit('/')->status, 200, 'in';
is $b->head('/logout')->status, 200, 'HEAD';
is_deeply $b->res->set_cookies, [], 'HEAD: no cookie is touched';

my @site = ('Sec-Fetch-Site' => 'same-origin');
for my $path (qw( /logout /none/logout )) {
    for my $h ([ 'Sec-Purpose' => 'prefetch' ], [ 'Sec-Purpose' => 'prefetch;prerender' ], [ 'Sec-Purpose' => 'prefetch;anonymous-client-ip' ], [ Purpose => 'prefetch' ],
               [ @site, 'Sec-Fetch-Dest' => 'document', 'Sec-Purpose' => 'prefetch' ],
               map({ [ @site, 'Sec-Fetch-Dest' => $_ ] } 'image', 'empty', 'script', 'style', 'frame', 'embed', 'object', ''),
               $path eq '/logout' ? [ @site, 'Sec-Fetch-Dest' => 'iframe' ] : (),
               [ 'Sec-Fetch-Site' => 'same-site', 'Sec-Fetch-Dest' => 'iframe' ], [ 'Sec-Fetch-Site' => 'none', 'Sec-Fetch-Dest' => 'iframe' ],
               [ 'Sec-Fetch-Site' => 'cross-site', 'Sec-Fetch-Dest' => 'iframe' ], [ 'Sec-Fetch-Dest' => 'iframe' ])
    {
        my $r = $b->get($path, headers => $h);
        like $r->body, qr{<h1>Do you want to sign out\?</h1>.*<form method="post"><button>Sign out</button></form>}s, "$path @$h: a button";
        is_deeply $r->set_cookies, [], "$path @$h: no cookie is touched";
    }
    is_deeply $b->post($path, {}, headers => [ Purpose => 'prefetch' ])->set_cookies, [], "$path: a POST that is a prefetch";
}
is $b->get('/')->status, 200, 'in still';

for my $case ([ GET => '/logout', 'Sec-Fetch-Dest' => 'document' ], [ GET => '/logout' ], [ GET => '/logout', 'Sec-Purpose' => 'nothing' ],
              [ POST => '/logout', 'Sec-Fetch-Dest' => 'document' ], [ POST => '/logout', 'Sec-Fetch-Dest' => 'empty' ],
              [ GET => '/none/logout', 'Sec-Fetch-Dest' => 'document' ], [ GET => '/none/logout', 'Sec-Fetch-Dest' => 'iframe' ])
{
    my ($method, $path, @h) = @$case;
    my $r = $b->request($method, $path, headers => [ @site, @h ]);
    like $r->body, qr{<h1>You are signed out</h1>}, "@$case: signed out";
    is scalar(@{ $r->set_cookies }), 2, "@$case: both cookies expire";
}


=== TEST 19: subrequests (SSI, mirror, auth_request) beside a gate of the main request
--- gate
--- config
location /ssi.html { ssi on; root html; }
location /ssi-gated.html { vcita_oauth on; ssi on; root html; }
location /part { vcita_oauth on; proxy_set_header X-Auth "[$vcita_oauth_authenticated]"; proxy_set_header X-Mail "[$vcita_oauth_claim_email]"; proxy_pass $VCITA_APP; }
location /asked { vcita_oauth on; auth_request /part/auth; auth_request_set $asked $upstream_status; add_header X-Asked $asked; proxy_pass $VCITA_APP; }
location /asked-off { auth_request /part/auth; proxy_pass $VCITA_APP; }
location /refused { vcita_oauth on; auth_request /no; proxy_pass $VCITA_APP; }
location = /no { internal; return 403; }
location /mirrored { vcita_oauth on; mirror /part/mirror; proxy_pass $VCITA_APP; }
--- user_files
>>> ssi.html
<!--#include virtual="/part/ssi" -->
>>> ssi-gated.html
<!--#include virtual="/part/ssi" -->
--- flow
my $b = browser();
my $r = $b->get('/ssi.html');
is $r->status, 200, 'SSI in a page that is not gated';
is $r->body, "\n", 'without its part';
is $b->get('/asked-off')->status, 401, 'an auth_request target that is gated';
is $b->get('/ssi-gated.html')->status, 302, 'a gated page';
is $b->get('/asked')->status, 401, 'gated behind auth_request: that comes first';
is $b->get('/refused')->status, 403, 'auth_request comes before the gate';
is $b->get('/mirrored')->status, 302, 'gated with a mirror';
is_deeply [ grep { $_->path eq '/part/mirror' } stub->app_requests ], [], 'nothing is mirrored before the gate';
stub->reset;

is $b->visit('/ssi-gated.html')->status, 200, 'in';
is $b->res->json->{uri}, '/part/ssi', 'with its part';
is seen($b->res)->{'x-mail'}, '[alice@example.biz]', "which sees the client's session";
is seen($b->res)->{'x-auth'}, '[1]', 'as authenticated';
is $b->get('/ssi.html')->json->{uri}, '/part/ssi', 'a page that is not gated, with its part';
is $b->get('/asked-off')->status, 200, 'an auth_request target that is gated';
$r = $b->get('/asked');
is $r->status, 200, 'auth_request';
is $r->header('X-Asked'), 200, 'asked';
is $b->post('/mirrored', { a => 1 })->json->{body}, 'a=1', 'a mirrored POST';
my ($m) = wait_for { grep { $_->path eq '/part/mirror' } stub->app_requests } 5, 'the mirror';
is $b->get('/refused')->status, 403, 'auth_request refuses';


=== TEST 20: a logout behind an internal redirect ends the session that the first location has just renewed
--- gate
vcita_oauth_session_idle_timeout 10s all;
--- config
location = /bye { vcita_oauth on; try_files /nonexistent @out; }
location @out { vcita_oauth_logout; }
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $b = browser();
is $b->visit('/')->status, 200, 'in';
my $began = time;
wait_for { time > $began + 1 } 5, 'a tenth of the idle time';
is $b->get('/bye')->status, 200, 'out';
is $b->cookie('vcita_session'), undef, 'no session is left in the browser';
is $b->get('/')->status, 302, 'a login';
