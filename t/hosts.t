# Many hosts under one vcita_oauth_cookie_domain, one registered callback.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

# login.example.com has the callback; all hosts are this nginx
sub VcitaFlow::Code::at {
    my ($host, %opt) = @_;
    my $at = '127.0.0.1:' . VcitaFlow::port();
    return VcitaFlow::browser(base => "http://$host:" . VcitaFlow::port(),
        resolve => { map { ("$_.example.com" => $at) } qw( login a b evil ) }, %opt);
}

sub VcitaFlow::Code::nghttp { return (grep { -x } map { "$_/nghttp" } split /:/, $ENV{PATH})[0] }

sub VcitaFlow::Code::site { "http://$_[0].example.com:" . VcitaFlow::port() . ($_[1] // '') }

add_block_preprocessor(sub {
    my ($block) = @_;
    return if defined $block->gate && $block->gate =~ /redirect_uri/;
    $block->set_value(gate => "vcita_oauth_redirect_uri http://login.example.com:\$TEST_NGINX_SERVER_PORT/oauth/callback;\n"
        . "vcita_oauth_cookie_domain example.com;\n" . ($block->gate // ''));
    $block->set_value(suppress_stderr => '') if !defined $block->suppress_stderr;
});

run_tests();

__DATA__

=== TEST 1: two hosts of one domain, one callback: each login ends on the host that it began at
--- flow
for my $host (qw( a b login A )) {
    my $b = at("$host.example.com");
    my $r = $b->get('/deep?x=//evil');
    is $r->status, 302, "$host: to vcita";
    is $r->param('redirect_uri'), site('login', '/oauth/callback'), "$host: one redirect_uri";
    like $r->set_cookies->[0], qr/^vcita_session_login=.*; Domain=example\.com;/, "$host: a login cookie of the domain";
    $r = $b->come_back(code => stub_code);
    answered($r, 303, '', $host, session => 1, sent => 'token userinfo');
    is lc $r->location, lc site($host, '/deep?x=//evil'), "$host: Location";
    is $b->get($r->location)->status, 200, "$host: in";
    is $b->get(site($_))->status, 200, "$host: in at $_" for qw( a b login );
}

# tabs at two hosts, with one login cookie
my $b = at('a.example.com');
$b->get('/one');
my $tab = $b->tab;
$tab->get(site('b', '/two'));
answered($b->come_back(code => stub_code), 303, '', 'one', session => 1, sent => 'token userinfo');
is $b->res->location, site('a', '/one'), 'the first tab';
answered($tab->come_back(code => stub_code), 303, '', 'two');
is $tab->res->location, site('b', '/two'), 'the other tab, which is done by then';

# a login that starts again, and one that fails
$b = at('a.example.com');
$b->get('/deep');
$b->delete_cookie('vcita_session_login');
answered($b->come_back(code => 'x'), 302, 'state_mismatch', 'round 2');
my $r = $b->come_back(error => 'access_denied');
answered($r, 403, 'access_denied', 'denied');
like $r->body, qr{<a href="\Q${\ site('a', '/deep')}\E"}, 'the way on';

# pages of a host lead to this host
$r = at('b.example.com')->post('/form', { a => 1 }, headers => [ Accept => 'text/html' ]);
is $r->status, 401, 'a form';
like $r->body, qr{<a href="\Q${\ site('b', '/')}\E}, 'the page links to its host';
unlike error_log(), qr/the request came (?:over|to)/, 'no false hint';


=== TEST 2: a Host header outside of the domain: the way back leads to redirect_uri's origin
--- flow
my $p = port;
for my $host ('evil.example', "evil.example:$p", 'example.com.evil.example', 'evilexample.com', 'evil.example?.example.com',
    'evil.example#.example.com', 'evil.example;.example.com', 'evil.example@a.example.com', 'user:x@a.example.com', 'a.example.com:', 'a.example.com:0',
    'a.example.com:65536', 'a.example.com:1:2', '.example.com', '-a.example.com', 'a_b.example.com', '[::1]', 'a.example.com.',
    'a%2f.example.com', "evil.example,a.example.com", 'com', ('x' x 250) . '.example.com', '')
{
    my $raw = browser()->raw('127.0.0.1', $p, "GET /deep HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n")->body;
    if ($raw =~ m{^HTTP/1\.1 400 }) {
        pass "'$host': nginx refuses it";
        next;
    }
    like $raw, qr{^HTTP/1\.1 302 }, "'$host': to vcita";
    my ($state) = $raw =~ /[?&]state=([\w-]+)/;
    my ($login) = $raw =~ /^Set-Cookie: (vcita_session_login=[\w-]{43});/m;
    my $r = browser()->get("/oauth/callback?state=$state&code=" . stub_code, headers => [ Cookie => $login ]);
    answered($r, 303, '', "'$host'", session => 1, sent => 'token userinfo');
    is $r->location, site('login', '/deep'), "'$host': Location";
}
for my $host ('a.example.com', "a.example.com:$p", 'A.EXAMPLE.com:65535', 'example.com', 'x.y-z.a.example.com:1', 'login.example.com') {
    my $raw = browser()->raw('127.0.0.1', $p, "GET /deep HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n")->body;
    my ($state) = $raw =~ /[?&]state=([\w-]+)/;
    my ($login) = $raw =~ /^Set-Cookie: (vcita_session_login=[\w-]{43});/m;
    # the callback's own Host does not count
    my $r = browser()->get("/oauth/callback?state=$state&code=" . stub_code, headers => [ Cookie => $login, Host => 'evil.example' ]);
    answered($r, 303, '', $host, session => 1, sent => 'token userinfo');
    is $r->location, "http://$host/deep", "$host: Location";
}


=== TEST 3: without a cookie_domain the way back leads to redirect_uri's origin, whatever the Host header says
--- gate
vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/oauth/callback;
--- flow
for my $host ('a.example.com', 'evil.example', '127.0.0.2') {
    my $raw = browser()->raw('127.0.0.1', port, "GET /deep HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n")->body;
    my ($state) = $raw =~ /[?&]state=([\w-]+)/;
    my ($login) = $raw =~ /^Set-Cookie: (vcita_session_login=[\w-]{43}); Max-Age=600; Path=\/; HttpOnly/m;
    my $r = browser()->get("/oauth/callback?state=$state&code=" . stub_code, headers => [ Cookie => $login, Host => $host ]);
    answered($r, 303, '', $host, session => 1, sent => 'token userinfo');
    is $r->location, url('/deep'), "$host: Location";
}


=== TEST 4: a launch at a host of the domain stays there, also where it needs a login
--- gate
vcita_oauth_launch /start;
--- flow
my $b = at('a.example.com');
my $r = $b->get('/oauth/callback?business_uid=x');
answered($r, 303, '', 'a launch');
is $r->location, site('a', '/start?business_uid=x'), 'at its host';
$b->get($r->location);
answered($b->come_back(code => stub_code), 303, '', 'a session', session => 1, sent => 'token userinfo');
is $b->res->location, site('a', '/start?business_uid=x'), 'back at its host';
answered($b->get(site('b', '/oauth/callback?business_uid=x')), 302, '', 'another business');
answered($b->come_back(code => stub_code), 303, '', 'a login', session => 1, sent => 'token userinfo');
is $b->res->location, site('b', '/start?business_uid=x'), 'the launch goes on at its host';


=== TEST 5: a login cookie that a neighbour has planted: the person's own login is the person's; it alone signs nobody in as the planter
--- flow
my $who = sub { stub_code({ userinfo => { set => { sub => $_[0], email => "$_[0]\@example.biz" } } }) };
my $is = sub {
    my ($b) = @_;
    my %got = map { lc $_->[0] => $_->[1] } @{ $b->get(site('a'))->json->{headers} };
    return $got{'x-user'};
};

# the planter has a login of its own under way, and knows its login cookie
my $planter = at('a.example.com');
$planter->get('/');
my $planted = $planter->cookie('vcita_session_login');
my $link = $planter->callback_url(code => $who->('planter'));

# planted before the login: it is the person's login all the same
my $b = at('a.example.com');
$b->get(site('evil', '/ping'));
my @domain = (domain => 'example.com', host_only => 0);
$b->set_cookie('vcita_session_login', $planted, @domain);
like $b->get('/')->set_cookies->[0], qr/^vcita_session_login=\Q$planted\E;/, 'it is the login cookie now';
answered($b->come_back(code => $who->('person')), 303, '', 'the login', session => 1, sent => 'token userinfo');
is $is->($b), 'person@example.biz', 'as the person';

# the planter's callback, without its login cookie: a login of the person's own
$b = at('a.example.com');
answered($b->get($link), 302, 'state_mismatch', "the planter's callback");
answered($b->come_back(code => $who->('person')), 303, '', 'the login', session => 1, sent => 'token userinfo');
is $is->($b), 'person@example.biz', 'as the person';

# who is signed in since then stays so, with the planted cookie, too
$b->set_cookie('vcita_session_login', $planted, @domain);
answered($b->get($link), 303, '', "the planter's callback, later");
is $is->($b), 'person@example.biz', 'still the person';
--- config
location = /ping { return 200; }
location / { vcita_oauth on; proxy_set_header X-User $vcita_oauth_claim_email; proxy_pass $VCITA_APP; }


=== TEST 6: over HTTP/2 the host is that of :authority
--- gate
vcita_oauth_redirect_uri http://login.example.com:$TEST_NGINX_SERVER_PORT/oauth/callback;
vcita_oauth_cookie_domain example.com;
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 http2;
    server_name a.example.com;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- suppress_stderr
--- flow
my $nghttp = nghttp or return pass 'no nghttp here: not tested';
for ([ 'a.example.com:8443', 'http://a.example.com:8443' ], [ 'b.Example.com', 'http://b.Example.com' ],
     [ 'evil.example', site('login') ], [ 'evil.example?.example.com', site('login') ])
{
    my ($host, $origin) = @$_;
    my $head = `$nghttp -nv -H ':authority: $host' -H 'accept: text/html' 'http://127.0.0.1:@{[ rand_port(1) ]}/deep'`;
    my ($state) = $head =~ /[?&]state=([\w-]+)/;
    my ($login) = $head =~ /set-cookie: (vcita_session_login=[\w-]{43});/;
    my $r = browser()->get("/oauth/callback?state=$state&code=" . stub_code, headers => [ Cookie => $login ]);
    answered($r, 303, '', $host, session => 1, sent => 'token userinfo');
    is $r->location, "$origin/deep", "$host: Location";
}


=== TEST 7: hosts at the edges: the way back leads to a host of the domain as it was sent, or to redirect_uri's origin, never elsewhere
--- flow
my $p = port;
my $label = 'x' x 60;
my $long = sub { my ($len) = @_; my $h = join('.', ($label) x 3) . '.example.com'; ('y' x ($len - length($h) - 1)) . ".$h" };
my $back = sub {
    my ($lines, $path) = @_;
    my $raw = browser()->raw('127.0.0.1', $p, "GET @{[ $path // '/deep' ]} HTTP/1.1\r\n${lines}Connection: close\r\n\r\n")->body;
    return 400 if $raw =~ m{^HTTP/1\.1 400 };
    return "no login: " . substr $raw, 0, 30 if $raw !~ m{^HTTP/1\.1 302 };
    my ($state) = $raw =~ /[?&]state=([\w-]+)/;
    my ($login) = $raw =~ /^Set-Cookie: (vcita_session_login=[\w-]{43});/m;
    my $r = browser()->get("/oauth/callback?state=$state&code=" . stub_code, headers => [ Cookie => $login ]);
    answered($r, 303, '', substr($lines =~ s/[\r\n]+/ /gr, 0, 80), session => 1, sent => 'token userinfo');
    return $r->location;
};
my $own = sub { "http://$_[0]/deep" };
is length($long->($_)), $_, "a host of $_" for 255, 256;

# as it was sent
is $back->("Host: $_\r\n"), $own->($_), substr "Host: $_", 0, 60
    for 'APP.EXAMPLE.COM', 'xn--bcher-kva.example.com', '1.example.com', 'a-.example.com', 'a.example.com:1', 'a.example.com:65535', "$label.example.com", $long->(255);

# none that is valid here
is $back->("Host: $_\r\n"), site('login', '/deep'), substr "Host: $_", 0, 60
    for 'app.example.com.', 'example.com.', "app.example.com.:$p", 'app.example.com:0', 'app.example.com:00000', 'app.example.com:65536', 'app.example.com:99999999999', 'app.example.com:18446744073709551697',
        'app.example.com:-1', 'app.example.com:+80', 'app.example.com:80a', 'app.example.com:80:80', 'app.example.com:80.example.com', 'app_.example.com', '_app.example.com', '-app.example.com', '[::1]', '[::1]:80',
        '[::1].example.com', '[app.example.com]', '127.0.0.1', $long->(256), 'evilexample.com', 'evil.example', '%61pp.example.com', "app\xc3\xa9.example.com", 'evil.example\\.example.com',
        'evil.example"app.example.com', "evil.example'app.example.com", 'evil.example&app.example.com', 'evil.example!app.example.com', '~.example.com', '*.example.com';

# nginx's own 400
is $back->($_), 400, s/[\r\n]+/ /gr
    for "Host: a..example.com\r\n", "Host: a.example.com\r\nHost: b.example.com\r\n", "Host: a.example.com\r\nHost: a.example.com\r\n", '', "Host: evil.example/a.example.com\r\n", "Host: a.example.com b.example.com\r\n";

# the request line names another host than the header: either is of the domain, or the way back leads to neither
for ([ 'a.example.com', 'b.example.com' ], [ 'evil.example', 'a.example.com' ], [ 'a.example.com', 'evil.example' ], [ 'evil.example', 'evil.example' ], [ 'A.example.com:81', 'evil.example' ]) {
    my ($line, $header) = @$_;
    my $got = $back->("Host: $header\r\n", "http://$line/deep");
    like $got, qr{^http://(?:login|a|b)\.example\.com(?::$p)?/deep$}, "$line on the request line, $header: $got";
}


=== TEST 8: over HTTP/2 hosts at the edges, and a host header beside :authority
--- gate
vcita_oauth_redirect_uri http://login.example.com:$TEST_NGINX_SERVER_PORT/oauth/callback;
vcita_oauth_cookie_domain example.com;
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
    server_name a.example.com;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- suppress_stderr
--- flow
my $nghttp = nghttp or return pass 'no nghttp here: not tested';
for ([ 'a.example.com.', site('login') ], [ 'a.example.com:0', site('login') ], [ '[::1]', site('login') ],
     [ 'user@a.example.com', site('login') ], [ 'A.EXAMPLE.COM', 'http://A.EXAMPLE.COM' ], [ 'xn--bcher-kva.example.com:1', 'http://xn--bcher-kva.example.com:1' ], [ 'a.example.com', undef, 'evil.example' ], [ 'evil.example', undef, 'a.example.com' ])
{
    my ($host, $origin, $other) = @$_;
    my @more = $other ? ('-H', "host: $other") : ();
    my $head = do { open my $out, '-|', $nghttp, '-nv', '-H', ":authority: $host", @more, '-H', 'accept: text/html', 'http://127.0.0.1:' . rand_port(1) . '/deep' or die "nghttp: $!"; local $/; <$out> };
    if (!$origin) {
        like $head, qr/:status: 400/, "$host with $other: nginx's own 400";
        next;
    }
    my ($state) = $head =~ /[?&]state=([\w-]+)/;
    my ($login) = $head =~ /set-cookie: (vcita_session_login=[\w-]{43});/;
    my $r = browser()->get("/oauth/callback?state=$state&code=" . stub_code, headers => [ Cookie => $login ]);
    answered($r, 303, '', $host, session => 1, sent => 'token userinfo');
    is $r->location, "$origin/deep", "$host: Location";
}
