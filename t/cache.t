# Answers to people with a session, and caches: which answers are private, a stock nginx cache in front of the
# gate, and proxy_cache behind it.

use lib 't/lib';
use VcitaTest;


# an answer's Cache-Control, line by line
sub VcitaFlow::Code::lines_of { my ($r) = @_; return join ' | ', $r->header('Cache-Control') }

run_tests();

__DATA__

=== TEST 1: the answer to a request with a session gets a line `Cache-Control: private`, wherever internal redirects lead
--- gate
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { return 200 "page\n"; }
    location /accel { add_header X-Accel-Redirect /open/file; return 200; }
    location /accel-named { add_header X-Accel-Redirect @open; return 200; }
    location /broken { return 503; }
    location /gone { return 410; }
}
--- config
set $up http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
location /in { vcita_oauth on; proxy_pass $up; }
location /file { vcita_oauth on; root html; }
location /missing { vcita_oauth on; root html; }
location /moved { vcita_oauth on; rewrite ^ /open/file last; }
location /try/ { vcita_oauth on; root html; try_files $uri /open/file; }
location /try-named/ { vcita_oauth on; root html; try_files $uri @open; }
location /dir/ { vcita_oauth on; alias html/; index no.html ../open/file; }
location /index/ { vcita_oauth on; root html; index /open/file; }
location /error { vcita_oauth on; error_page 404 = /open/file; root html; }
location /error-named { vcita_oauth on; error_page 404 =200 @open; root html; }
location /error-off { vcita_oauth on; error_page 404 /open/missing; root html; }
location /intercepted { vcita_oauth on; proxy_intercept_errors on; error_page 503 @open; rewrite ^ /broken break; proxy_pass $up; }
location /gone { vcita_oauth on; proxy_pass $up; }
location /down { vcita_oauth on; proxy_pass http://127.0.0.1:1; }
location /accel { vcita_oauth on; proxy_pass $up; }
location /refused { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_sub nobody; error_page 403 /open/file; }
location /twice { vcita_oauth on; error_page 404 /optional; root html; }
location /optional { vcita_oauth optional; proxy_pass $up; }
location /nested { vcita_oauth on; location /nested/open { vcita_oauth off; proxy_pass $up; } proxy_pass $up; }
location /any { vcita_oauth on; satisfy any; allow all; proxy_pass $up; }
location /any-closed { vcita_oauth on; satisfy any; deny all; proxy_pass $up; }
location /open { vcita_oauth off; proxy_pass $up; location /open/file { alias html/file; } location /open/missing { root html; } }
location @open { proxy_pass $up/; }
location /free { proxy_pass $up; }
location /returned { vcita_oauth on; return 200 "before the gate"; }
--- user_files
>>> file
0123456789
--- flow
my $b = signed_in('/in', { sub => 'one' });
my @paths = qw( /in /file /missing /try/x /try-named/x /index/ /error /error-named /error-off /intercepted /gone /down
    /accel /accel-named /twice /optional /nested /any-closed );
for my $path (@paths) {
    my $r = $b->get($path);
    isnt $r->status, 302, "$path: in";
    is lines_of($r), 'private', "$path: " . $r->status;
    is lines_of($b->request(HEAD => $path)), 'private', "$path: HEAD";
    is lines_of($b->get($path, headers => [ Accept => 'application/json' ])), 'private', "$path: a program";
}
is lines_of($b->post('/in', { a => 1 })), 'private', 'POST';
is lines_of($b->get('/refused')), 'no-store', "an error page for the gate's own 403";
is lines_of($b->get($_)), '', "$_: no gate has looked at the session" for qw( /open /free /nested/open /any /moved /returned );
is lines_of(browser()->get($_)), '', "$_, without a session" for qw( /optional /open /any );
is lines_of(browser()->get('/optional', headers => [ Cookie => 'vcita_session=x' ])), '', 'a cookie that is no session';

# parts, and what has not changed
my $r = $b->get('/file', headers => [ Range => 'bytes=2-5' ]);
is $r->status, 206, 'a part';
is lines_of($r), 'private', 'a part is private';
$r = $b->get('/file', headers => [ 'If-Modified-Since' => scalar $r->header('Last-Modified') ]);
is $r->status, 304, 'not modified';
is lines_of($r), 'private', '304 is private';
is $b->get('/file', headers => [ Range => 'bytes=99-' ])->status, 416, 'a part that is not there';
is lines_of($b->res), 'private', '416 is private';
--- error_log
is not met


=== TEST 2: `Cache-Control: private` beside whatever `expires`, `add_header` and the upstream say, unless a line has `no-store` or an unqualified `private`
--- gate
--- http_config
log_format cache '$uri [$sent_http_cache_control]';
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / { add_header Cache-Control $http_x_a; add_header Cache-Control $http_x_b; add_header cache-control $http_x_c; return 200 "page\n"; }
}
--- config
set $up http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
access_log logs/access.log cache;
location / { vcita_oauth on; proxy_pass $up; }
location /expires { vcita_oauth on; expires 1h; proxy_pass $up; }
location /epoch { vcita_oauth on; expires epoch; proxy_pass $up; }
location /max { vcita_oauth on; expires max; add_header Cache-Control public always; proxy_pass $up; }
location /add { vcita_oauth on; add_header Cache-Control "public, max-age=60"; proxy_pass $up; }
location /hide { vcita_oauth on; proxy_hide_header Cache-Control; proxy_pass $up; }
location /intercepted { vcita_oauth on; proxy_intercept_errors on; error_page 404 /page; proxy_pass $up; }
--- flow
my $b = signed_in('/in', { sub => 'one' });
my $asked = sub {
    my ($path, @line) = @_;
    my @name = qw( X-A X-B X-C );
    return lines_of($b->get($path, headers => [ map {; shift @name => $_ } @line ]));
};

# what the upstream says is passed on as it is
for ('public', 'public, max-age=60', 's-maxage=600', 'max-age=60, must-revalidate', 'no-cache', 'no-cache="private"',
     'private="set-cookie"', 'Private="Set-Cookie, X-Private", max-age=60', 'private=', 'private="', 'x="a, no-store, b"',
     'x="\", private, \""', 'x="a, private', 'no-storeage', 'unprivate', 'privates', 'private x', ', ,', '"private"',
     'no-store=1', 'public,max-age=60,s-maxage=1')
{
    is $asked->('/', $_), "private | $_", "$_: private, too";
}
for ('private', 'no-store', 'PRIVATE', 'No-Store', 'public, private', 'max-age=0,private', 'private,max-age=60', " no-store\t,x",
     'no-cache, no-store, must-revalidate', 'private="set-cookie", private', 'x="a, b", no-store', 'x="\\"", private', ',,private')
{
    is $asked->('/', $_), $_ =~ s/^\s+//r, "$_: nothing to add";
}

# several lines
is $asked->('/', 'public', 'max-age=60'), 'private | public | max-age=60', 'two lines, private first';
is $asked->('/', 'public', 'private="x"', 'max-age=1'), 'private | public | private="x" | max-age=1', 'three';
is $asked->('/', 'public', 'no-store'), 'public | no-store', 'no-store in the second';
is $asked->('/', 'public', 'max-age=60', 'private'), 'public | max-age=60 | private', 'private in the third, by another case';

# what nginx itself says: "expires" replaces the upstream's
is $asked->('/expires', @$_), 'private | max-age=3600', "expires, over (@$_)" for [], [ 'public' ], [ 'no-store' ], [ 'public', 'private' ];
is $asked->('/epoch'), 'private | no-cache', 'expires epoch';
is $asked->('/max'), 'private | max-age=315360000 | public', 'expires max and add_header';
is $asked->('/add'), 'private | public, max-age=60', 'add_header';
is $asked->('/add', 'max-age=1'), 'private | max-age=1 | public, max-age=60', 'add_header beside the upstream';
is $asked->('/add', 'no-store'), 'no-store | public, max-age=60', 'add_header beside no-store of the upstream';
is $asked->('/hide', $_), 'private', "$_ of the upstream, hidden" for 'no-store', 'public';

# the log has it, too
wait_for { access_log() =~ m{/hide \[private\]} } 10, 'in the log: the line alone';
wait_for { access_log() =~ m{/add \[private, public, max-age=60\]} } 10, 'in the log: beside another';


=== TEST 3: the gate's own answers are `no-store`, and nothing beside it, with a session, too
--- gate
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /rule { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_sub nobody; }
location /gated-error { vcita_oauth on; error_page 404 /rule; root html; }
location /logout { vcita_oauth on; vcita_oauth_logout; }
location = /status { vcita_oauth on; vcita_oauth_status; }
--- flow
my $b = browser();
is lines_of($b->get('/in')), 'no-store', 'a redirect to vcita';
is lines_of($b->come_back(code => stub_code({}))), 'no-store', 'the callback';
is lines_of($b->hop), 'private', 'the page';
is lines_of($b->get('/oauth/callback?state=x&code=y')), 'no-store', 'a callback with a session';
is lines_of($b->get('/rule')), 'no-store', '403';
is lines_of($b->get('/gated-error')), 'no-store', '404 whose page is refused';
is lines_of($b->get('/status')), 'no-store', 'counters';
is lines_of($b->get('/logout')), 'no-store', 'a logout';
is lines_of($b->get('/in', headers => [ Accept => 'application/json' ])), 'no-store', '401';
--- error_log
vcita callback refused: invalid_state
is not met


=== TEST 4: a stock nginx cache in front of the gate: no page of one person is served to another, or to anybody
--- gate
vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/oauth/callback;
--- http_config
proxy_cache_path html/front keys_zone=front:1m;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    location / {
        proxy_cache front; proxy_cache_key $uri$is_args$args; proxy_cache_valid any 1h; proxy_ignore_headers Set-Cookie;
        add_header X-Front $upstream_cache_status always;
        proxy_set_header Host $http_host;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT;
    }
}
server {
    listen $TEST_NGINX_RAND_PORT_2;
    location / { return 200 "$uri of $http_x_sub\n"; }
    location /asset { add_header Cache-Control "public, max-age=60"; return 200 "asset\n"; }
    location /s-maxage { add_header Cache-Control "s-maxage=60"; return 200 "$uri of $http_x_sub\n"; }
    location /no-store { add_header Cache-Control "no-store"; return 200 "$uri of $http_x_sub\n"; }
    location /missing { return 404; }
    location /accelerated { add_header X-Accel-Expires 60; return 200 "$uri of $http_x_sub\n"; }
}
--- config
set $up http://127.0.0.1:$TEST_NGINX_RAND_PORT_2;
vcita_oauth on;
proxy_set_header X-Sub $vcita_oauth_claim_sub;
location / { proxy_pass $up; }
location /expires { expires 1h; proxy_pass $up; }
location /public { add_header Cache-Control "public, max-age=3600" always; proxy_pass $up; }
location /maybe { vcita_oauth optional; proxy_pass $up; }
location /file { root html; expires max; }
location /assets/ { vcita_oauth off; proxy_pass $up/asset; }
location /try/ { root html; try_files $uri /assets/x; }
--- user_files
>>> file
a file
--- flow
my $n = round();
my @front = (base => 'http://127.0.0.1:' . rand_port(1));
my ($one, $two) = map { signed_in('/in', { sub => $_ }, @front) } qw( one two );

for my $path (qw( / /expires /public /s-maxage /maybe /no-store /accelerated )) {
    for my $b ([ one => $one ], [ two => $two ], [ one => $one ]) {
        my $r = $b->[1]->get("$path?$n");
        is $r->header('X-Front'), 'MISS', "$path: asked for by $b->[0]";
        like $r->body, qr/ of \Q$b->[0]\E$/, "$path: for $b->[0]";
    }
}
for my $path (qw( / /expires /public /asset /s-maxage /no-store /missing /accelerated /file /try/x )) {
    $one->get("$path?$n") for 1, 2;
    is $one->get("$path?$n")->header('X-Front'), 'MISS', "$path: nothing of it was stored";
    is browser(@front)->get("$path?$n")->status, 302, "$path: without a session: to vcita";
}
is lines_of($one->get("/no-store?$n")), 'no-store', 'what the upstream has forbidden stays as it was';
is lines_of($one->get("/asset?$n")), 'private | public, max-age=60', 'a public asset behind the gate is private, too';

# what is for everybody is where no gate is
is $one->get("/assets/x?$n")->header('X-Front'), 'MISS', 'a public asset where no gate is: asked for';
is lines_of($one->res), 'public, max-age=60', 'as it was';
is browser(@front)->get("/assets/x?$n")->header('X-Front'), 'HIT', 'and stored, for anybody';
my $r = browser(@front)->get("/maybe?anonymous$n");
is $r->body, "/maybe of \n", 'an anonymous page under optional';
is browser(@front)->get("/maybe?anonymous$n")->header('X-Front'), 'HIT', 'is the same for all who are anonymous';


=== TEST 5: proxy_cache behind the gate stores what the upstream has sent, without the line; each answer gets it
--- gate
--- http_config
proxy_cache_path html/behind keys_zone=behind:1m;
server {
    listen $TEST_NGINX_RAND_PORT_1;
    add_header Cache-Control $http_x_say;
    location / { return 200 "of $http_x_sub\n"; }
}
--- config
set $up http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
proxy_cache behind;
proxy_cache_key $uri$is_args$args#$vcita_oauth_claim_sub;
proxy_cache_valid any 1h;
proxy_set_header X-Sub $vcita_oauth_claim_sub;
add_header X-Behind $upstream_cache_status always;
location = /in { vcita_oauth on; empty_gif; }
location / { vcita_oauth optional; proxy_set_header X-Say "public, max-age=60"; proxy_set_header X-Sub $vcita_oauth_claim_sub; proxy_pass $up; }
location /shared { vcita_oauth optional; proxy_cache_key $uri; proxy_pass $up; }
location /nothing { vcita_oauth optional; proxy_no_cache $vcita_oauth_authenticated; proxy_cache_bypass $vcita_oauth_authenticated; proxy_cache_key $uri; proxy_pass $up; }
--- flow
my $n = round();
my ($one, $two) = map { signed_in('/in', { sub => $_ }) } qw( one two );
for my $b ([ one => $one, 'private | ' ], [ two => $two, 'private | ' ], [ '' => browser(), '' ]) {
    my ($name, $browser, $private) = @$b;
    for my $status (qw( MISS HIT HIT )) {
        my $r = $browser->get("/a$n");
        is $r->header('X-Behind'), $status, "($name): $status";
        is $r->body, "of $name\n", "($name): a page of their own";
        is lines_of($r), "${private}public, max-age=60", "($name): Cache-Control";
    }
}

# one entry for all, where the key says so: the line goes by who asks, not by who asked first
is $one->get("/shared$n")->header('X-Behind'), 'MISS', 'one entry for all';
is lines_of($one->res), 'private', 'of one';
is lines_of($two->get("/shared$n")), 'private', 'for two';
is $two->res->header('X-Behind'), 'HIT', 'from the cache';
is browser()->get("/shared$n")->header('X-Behind'), 'HIT', 'and for who is anonymous';
is lines_of(browser()->get("/shared$n")), '', 'without the line';

# and none for who is signed in: "0" of an anonymous request does not count
is $one->get("/nothing$n")->header('X-Behind'), 'BYPASS', "proxy_no_cache, try $_" for 1, 2;
is browser()->get("/nothing$n")->header('X-Behind'), 'MISS', 'an anonymous page';
is browser()->get("/nothing$n")->header('X-Behind'), 'HIT', 'is stored';
is $one->get("/nothing$n")->body, "of one\n", 'and is not for who is signed in';


=== TEST 6: the line over HTTP/2, once
--- gate
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 http2;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location /expires { vcita_oauth on; expires 1h; proxy_pass $VCITA_APP; }
    location /ping { return 204; }
}
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $nghttp = (grep { -x } map { "$_/nghttp" } split /:/, $ENV{PATH})[0];
my $b = signed_in('/in', { sub => 'one' });
my $at = 'http://127.0.0.1:' . rand_port(1);

is lines_of($b->get('/')), 'private', 'over HTTP/1.1';
if (!$nghttp) {
    SKIP: { Test::More::skip('no nghttp here', 1) }
    return;
}
for (['/', 'private'], [ '/expires', 'private | max-age=3600' ]) {
    my ($path, $is) = @$_;
    my $said = `$nghttp -nv -t 5 -H 'cookie: vcita_session=@{[ $b->cookie('vcita_session') ]}' '$at$path' 2>&1`;
    like $said, qr/:status: 200/, "$path: in";
    is join(' | ', $said =~ /recv \([^)]*\) cache-control: (.*?)(?:\e.*)?$/mg), $is, "$path: over HTTP/2";
}
