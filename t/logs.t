# Secrets, codes, states, tokens and cookie values are in no line of the error log, at `info`, nor in $request.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

add_block_preprocessor(sub { $_[0]->set_value(log_level => 'info') });

# what a browser has seen and vcita has received that is for no log
sub VcitaFlow::Code::secrets {
    my (@browsers) = @_;
    my %s = ('the secret' => 's3cret-0123456789abcdef-0123456789');
    for my $r (map { $_->answers } @browsers) {
        my ($to, $url) = ($r->location // '', $r->url);
        $s{"$1 $2"} = $2 while $to =~ /[?&](state|nonce|code_challenge)=([\w%-]{20,})/g;
        $s{"$1 $2"} = $2 while $url =~ /[?&](state|code)=([\w%.~-]{20,})/g;
        for (@{ $r->set_cookies }) { $s{"cookie $2"} = $2 if /^(\w+)=([\w-]{43,})/ }
    }
    for my $r (VcitaFlow::stub()->requests('/oauth/token')) {
        my $f = $r->fields;
        $s{"code $f->{code}"} = $f->{code};
        $s{"verifier $f->{code_verifier}"} = $f->{code_verifier};
    }
    for my $r (VcitaFlow::stub()->requests('/oauth/userinfo')) {
        $s{"token $1"} = $1 if ($r->header('Authorization') // '') =~ /^Bearer (\S+)/;
    }
    return %s;
}

# none of them is in a text, whole, without its ends, or escaped
sub VcitaFlow::Code::silent {
    my ($what, $text, %s) = @_;
    my $lc = lc $text;
    my @found = grep {
        my $v = $s{$_};
        $v = VcitaHttp::unescape($v);
        my $part = length $v > 24 ? substr $v, 8, 16 : $v;
        index($lc, lc $part) >= 0 || index($lc, lc VcitaHttp::escape($part)) >= 0
    } sort keys %s;
    VcitaFlow::is(join("\n", @found), '', "$what: none of " . keys %s);
}

sub VcitaFlow::Code::whole {
    my ($file) = @_;
    open my $fh, '<', VcitaFlow::servroot() . "/logs/$file" or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}

run_tests();

__DATA__

=== TEST 1: logins that succeed and fail leave nothing in the logs
--- gate
vcita_oauth_timeout 500ms;
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /broken { vcita_oauth on; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2; }
location /unreachable {
    vcita_oauth on;
    vcita_oauth_token_endpoint http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/oauth/token;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/unreachable/callback;
    vcita_oauth_cookie_name unreachable;
    proxy_pass $VCITA_APP;
}
location /tls {
    vcita_oauth on;
    vcita_oauth_token_endpoint $VCITA_STUB_TLS/oauth/token;
    vcita_oauth_ssl_trusted_certificate $VCITA_CA_OTHER;
    vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/tls/callback;
    vcita_oauth_cookie_name tls;
    proxy_pass $VCITA_APP;
}
--- flow
my @b;
my $new = sub { push @b, begun(@_); $b[-1] };
my $token = 'tok3n-' . 'x' x 40 . '-end';

# as it should be, twice, then with an upstream that fails
my $b = $new->('/fine');
my $to = $b->callback_url(code => stub_code);
$b->get($to);
is $b->follow->status, 200, 'in';
is $b->get($to)->status, 303, 'twice';
is $b->get('/broken')->status, 502, 'an upstream that fails';
is $b->get('/broken', headers => [ Referer => $to ])->status, 502, 'one that is asked from the callback';

# what comes back
$b = $new->('/deep');
my $state = $b->res->param('state');
is $b->get("/oauth/callback?state=$state$_")->status, 400, 'no code' for '', '&code=a&code=b', "&code=$token%00";
is $b->get("/oauth/callback?code=$token&state=x$state")->status, 400, 'forged';
is $b->come_back(error => 'access_denied')->status, 403, 'access_denied';
is $b->come_back(error => 'server_error', error_description => "$token $state")->status, 502, 'another error';
is $b->come_back(error => "$token $state")->status, 502, 'an error that is no code';
is $b->post("/oauth/callback?code=$token&state=$state", { code => $token, state => $state })->status, 405, 'POST';
$b->set_cookie('vcita_session', $token);
is $b->get('/deep')->status, 302, 'a session that is none';

# what vcita answers
$b = $new->('/deep');
my $says = '"access_token":"' . $token . '"';
for ({ status => 401, json => { error => 'invalid_client', error_description => "$token is wrong" } },
     { status => 400, json => { error => 'x', error_description => 's3cret-0123456789abcdef-0123456789' } },
     { status => 400, json => { error => "$token $token" } }, { status => 500, body => "{$says}" }, { body => "{$says" },
     { body => "{$says,$says}" }, { body => "{$says,\"token_type\":\"mac\"}" }, { body => "{$says,\"expires_in\":-1}" },
     { truncate => 20 }, { close => 1 }, { reset => 1 }, { raw => "$token\r\n\r\n" }, { raw => "HTTP/1.1 200 $token\r\nX" },
     { raw => "HTTP/9.9 $token\r\n\r\n" }, { hang => 1 }, { body => $token x 3000 },
     { status => 429, headers => { 'Retry-After' => 120 }, body => $token },
     { status => 302, body => '', headers => { Location => "http://127.0.0.1:1/$token" } })
{
    my $r = $b->come_back(code => stub->prepare({ token => $_ }));
    like $r->status, qr/^50[234]$/, 'a failure';
}
for ({ status => 401 }, { body => $token }, { json => { sub => '' , x => $token } }, { close => 1 }, { hang => 1 },
     { raw => "$token\r\n" }, { status => 302, body => '', headers => { Location => "http://$token/" } })
{
    is $b->come_back(code => stub_code({ userinfo => $_ }))->status, 502, 'a failure of userinfo';
}
is $b->come_back(code => stub_code({ token => { set => { access_token => $token x 80 } } }))->status, 502, 'too large';
is $b->come_back(code => stub_code({ token => { status => 400, json => { error => 'invalid_grant' } } }))->status, 302, 'again';
is $new->("/$_")->come_back(code => stub_code)->status, 502, $_ for qw( unreachable tls );

# a lost session
$b = $new->('/lost');
for (1 .. 3) {
    $b->come_back(code => stub_code);
    $b->delete_cookie('vcita_session');
    $b->get('/lost');
}
is $b->res->status, 400, 'session_lost';

# a browser that goes away
$b = $new->('/away');
my $crowd = crowd;
$crowd->add($b, GET => $b->callback_url(code => stub_code({ token => { hang => 1 } })));
$crowd->start;
$crowd->until(sub { stub->exchanges == 1 }, 5, 'vcita to have it');
$crowd->abort_all;
wait_for { error_log() =~ /client prematurely closed/ } 5, 'nginx to see it';

wait_for { access_log() =~ m{"GET /oauth/callback HTTP/1\.1" 499} } 5, 'and to log it';
my %s = (secrets(@b), 'a token' => $token);
cmp_ok scalar(keys %s), '>', 60, 'secrets: ' . keys %s;
my $error = whole('error.log');
cmp_ok scalar(() = $error =~ /^.*request: "/mg), '>', 30, 'lines of the error log, nginx\'s own context included';
silent('error log', $error, %s);
my @requests = whole('access.log') =~ /\] "([^"]*)" \d{3} /g;
cmp_ok scalar(@requests), '>', 40, 'lines of the access log';
silent('$request', join("\n", @requests), %s);
--- error_log
vcita


=== TEST 2: what nginx itself says of a callback
--- config
error_page 502 /err;
limit_req zone=z;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /err { vcita_oauth off; proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1; }
location = /denied { vcita_oauth on; deny all; }
--- http_config
limit_req_zone $uri zone=z:1m rate=1r/s;
--- flow
my $b = browser();
wait_for { $b->get('/deep')->status == 302 } 5, 'a login to begin';
my $to = $b->callback_url(code => stub_code({ token => { body => 'x' } }));
my @status;
wait_for { push @status, $b->get($to)->status; grep({ $_ == 502 } @status) && grep { $_ == 503 } @status } 5,
    'one to fail, and one not to get so far';
wait_for { $b->get('/denied?code=shown')->status == 403 } 5, 'to be denied, not limited';
my $error = whole('error.log');
like $error, qr/limiting requests.*request: "GET \/oauth\/callback HTTP/, 'nginx has said so';
silent('error log', $error, secrets($b));
--- error_log
limiting requests


=== TEST 3: at HUP and QUIT
--- master_on
--- flow
my $b = begun('/deep');
my $crowd = crowd;
$crowd->add($b->clone, GET => $b->callback_url(code => stub_code({ token => { hold => 1 } }))) for 1 .. 4;
$crowd->start;
$crowd->until(sub { stub->exchanges == 4 }, 5, 'vcita to have it');
my @old = nginx_reload;
stub->release;
my @r = $crowd->finish;
is scalar(grep { $_->status == 303 } @r), 4, 'all in';
wait_for { error_log() =~ /worker process $old[0] exited with code 0/ } 5, 'the old worker to go';
silent('error log', whole('error.log'), secrets($b));


=== TEST 4: code and state of a callback that limit_req, deny or another module refuses reach neither its error_page nor a log
--- http_config
limit_req_zone $server_name zone=q:1m rate=1r/m;
log_format seen '<$request> [$args] [$request_uri] [$arg_code] [$query_string]';
server {
    listen $TEST_NGINX_RAND_PORT_1;
    server_name denied;
    access_log logs/seen.log seen;
    error_page 403 @down;
    location / { vcita_oauth on; }
    location = /oauth/callback { deny all; }
    location @down { proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_2; }
}
--- config
access_log logs/seen.log seen;
error_page 401 @err;
error_page 503 /err?page=503;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /oauth/callback { limit_req zone=q; satisfy all; auth_basic closed; auth_basic_user_file /dev/null; }
location = /err { proxy_set_header X-Seen "[$request] [$args] [$request_uri] [$arg_state]"; proxy_pass $VCITA_APP; }
location @err { proxy_set_header X-Seen "[$request] [$args] [$request_uri] [$arg_state]"; proxy_pass $VCITA_APP; }
--- flow
my $b = begun('/deep');
my $to = $b->callback_url(code => stub_code) =~ s{^\w+://[^/]+}{}r;
my $seen = 'x-seen';
for ([ 401, '/oauth/callback', '[]' ], [ 503, '/err?page=503', '[page=503]' ]) {
    my ($status, $uri, $args) = @$_;
    my $r;
    # the first one takes the only slot, of both repetitions
    next if $status == 401 && round();
    $r = $b->get($to);
    is $r->status, $status, "$status: refused";
    is $r->json->{uri}, $uri, "$status: the upstream of the error_page";
    my %got = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
    is $got{'x-seen'}, "[GET /oauth/callback HTTP/1.1] $args [/oauth/callback] []", "$status: variables";
}
is browser(base => 'http://127.0.0.1:' . rand_port(1))->get($to)->status, 502, 'denied, and the error_page is down';
is $b->get('/last')->status, 302, 'the last one';
wait_for { whole('seen.log') =~ m{/last} } 5, 'the access log';
silent('access log', whole('seen.log'), secrets($b));
my $error = whole('error.log');
like $error, qr{upstream: "http://127\.0\.0\.1:\d+/oauth/callback"}, 'nginx names the upstream';
silent('error log', $error, secrets($b));
--- error_log
access forbidden by rule


=== TEST 5: neither the callback's query nor our cookies of what nginx refuses before POST_READ reach its error_page, under satisfy any, too
--- http_config
log_format seen '<$request> [$args] [$request_uri] [$http_cookie]';
error_page 400 414 494 /err;
client_header_buffer_size 1k;
large_client_header_buffers 2 1k;
access_log logs/seen.log seen;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    set $seen "[$request] [$args] [$request_uri]";
    location / { vcita_oauth on; }
    location = /err { proxy_set_header X-Seen $seen; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_RAND_PORT_2;
    error_page 400 414 494 @err;
    location / { vcita_oauth on; }
    location @err { set $seen "[$request] [$args] [$request_uri]"; proxy_set_header X-Seen $seen; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_RAND_PORT_3;
    error_page 400 414 494 /err?from=$request_id;
    vcita_oauth optional;
    location = /err { proxy_set_header X-Seen "[$request] [$args] [$request_uri]"; proxy_pass $VCITA_APP; }
}
server {
    listen $TEST_NGINX_RAND_PORT_4;
    error_page 404 /of-none-of-them;
    location / { vcita_oauth on; }
}
--- config
location / { vcita_oauth on; }
location = /err {
    satisfy any;
    allow all;
    vcita_oauth on;
    proxy_set_header X-Seen "[$request] [$args] [$request_uri]";
    proxy_pass $VCITA_APP;
}
--- flow
my $b = begun('/deep');
my $to = $b->callback_url(code => stub_code) =~ s{^\w+://[^/]+}{}r;
my ($query) = $to =~ /\?(.*)/s;
my $cookie = "a=1; vcita_session=S3SS10N-${\ ('x' x 20) }; vcita_session_login=" . $b->cookie('vcita_session_login');
my $moved = "/callback?$query";
my $lines = "Cookie: $cookie\r\n";
my $long = 'x' x 2000;
my %ask = (
    'no Host' => "GET $to HTTP/1.1\r\n$lines\r\n",
    'a bad Host' => "GET $to HTTP/1.1\r\n${lines}Host: a/b\r\n\r\n",
    'a bad header' => "GET $to HTTP/1.1\r\nHost: a\r\n${lines}X: a\0b\r\n\r\n",
    'a long header' => "GET $to HTTP/1.1\r\nHost: a\r\n${lines}X: $long\r\n\r\n",
    'a long line' => "GET $to&x=$long HTTP/1.1\r\nHost: a\r\n$lines\r\n",
    'an absolute address' => "GET http://a$to HTTP/1.1\r\n${lines}X: a\0b\r\n\r\n",
    'an encoded path' => "GET ${\ ($to =~ s/callback/%63allback/r) } HTTP/1.1\r\n$lines\r\n",
    'moved' => "GET $moved HTTP/1.1\r\n$lines\r\n",
);
for my $port (port(), map { rand_port($_) } 1 .. 4) {
    for my $name (sort keys %ask) {
        stub->reset;
        my $got = $b->raw('127.0.0.1', $port, $ask{$name})->body;
        # nginx has no address to go on with in a named location
        my $lost = $name eq 'a long line' && $port == rand_port(2);
        like $got, $lost ? qr{^HTTP/1\.1 500 } : qr{^HTTP/1\.1 4\d\d }, "$name, $port: refused";
        next if $lost || $port == rand_port(4);
        my ($seen) = stub->app_requests;
        ok $seen, "$name, $port: its error_page asks an upstream" or next;
        like $seen->path, $port == rand_port(2) ? qr{/(?:c|%63)allback$} : qr{^/err$}, "$name, $port: the path";
        like $seen->query // '', $port == rand_port(3) ? qr/^from=\w{32}$/ : qr/^$/, "$name, $port: no query of the client's";
        my $all = join "\n", map { scalar($seen->header($_)) // '' } qw( X-Seen Cookie );
        unlike $all, qr/code=|state=|S3SS10N|vcita_session/, "$name, $port: neither query nor cookies";
        is scalar $seen->header('Cookie'), 'a=1', "$name, $port: another cookie" if $name =~ /Host|bad|absolute|encoded|moved/;
    }
}
# what is no callback keeps its query
stub->reset;
$b->raw('127.0.0.1', rand_port(1), "GET /app?q=1&state=x&code=y HTTP/1.1\r\nCookie: a=1\r\n\r\n");
is scalar((stub->app_requests)[0]->header('X-Seen')), '[GET /app?q=1&state=x&code=y HTTP/1.1] [] [/app?q=1&state=x&code=y]', 'another address';
wait_for { whole('seen.log') =~ m{/app\?q=1} } 5, 'the access log';
my $log = whole('seen.log') =~ s/^.*deep.*$//mgr;
silent('access log', $log, secrets($b), cookie => 'S3SS10N-xxxxxxxxxxxx');
unlike $log, qr/S3SS10N|vcita_session/, 'nor cookies';
is scalar(() = $log =~ /^<.*allback/mg), 40 * (1 + round()), 'of as many requests';
--- error_log
a vcita callback has arrived at
empty URI in redirect to named location
