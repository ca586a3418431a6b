# Open redirects: whatever an address, a Host or a parameter looks like, the gate leads to vcita, back to its
# own site, or nowhere.  After what was found in mod_auth_openidc (slash and backslash, tabs), oauth2-proxy
# (encoded forms, hosts of proxies' headers), lua-resty-openidc and vouch (addresses in parameters).

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

# addresses that a browser, or a filter before it, may take for another host's
my @ODD = ('//evil.example/', '///evil.example', '////evil.example/%2e%2e', '/\\evil.example', '/\\/evil.example',
    '\\\\evil.example', '/%5cevil.example', '/%2f%2fevil.example', '/%2F/evil.example', '/%09/evil.example', "/\t/evil.example",
    "/\x0b/evil.example", '/%0d%0aLocation:%20https://evil.example/', '/%E5%98%8D%E5%98%8ALocation:evil.example', '/.evil.example', '/@evil.example', '/;@evil.example/',
    '/.//evil.example', '/x/..//evil.example', '/%2e%2e//evil.example', '/..\\evil.example', '/http://evil.example/', '/https:evil.example',
    '/?//evil.example', '/?url=https://evil.example/', '/#//evil.example', '/javascript:alert(1)', '/data:text/html,x', '/%00//evil.example',
    'https:/evil.example', 'https:evil.example', '@evil.example', 'evil.example:80', 'http://evil.example/', 'http://evil.example//x', 'HTTPS://evil.example\\x',
    'http://evil.example@127.0.0.1/', 'http://127.0.0.1@evil.example/', 'http://[::1]/', 'http:///evil.example');

# a request line as it stands, as a browser that navigates
sub VcitaFlow::Code::asked_for {
    my ($target, @h) = @_;
    push @h, 'Host: 127.0.0.1:' . VcitaFlow::port() if !grep { /^Host:/ } @h;
    my $r = VcitaFlow::browser()->raw('127.0.0.1', VcitaFlow::port(), join("\r\n", "GET $target HTTP/1.1", @h, 'Connection: close', '', ''));
    my ($status) = $r->body =~ m{^HTTP/1\.1 (\d+)};
    my ($location) = $r->body =~ /^Location: (\S*)\r$/m;
    my ($login) = $r->body =~ /^Set-Cookie: (vcita_session_login=[\w-]{43});/m;
    return ($status, $location, $login);
}

# what an answer leads to: its Location, its Refresh, and whatever its page has
sub VcitaFlow::Code::leads_to {
    my ($r) = @_;
    my @to = grep { defined } $r->location, map { /url=(.*)/i } map { $_ // () } $r->header('Refresh');
    push @to, $r->body =~ /\b(?:href|src|action|content|formaction)\s*=\s*["']?(?:\d+;\s*url=)?([^"'\s>]+)/gi if ($r->header('Content-Type') // '') =~ m{^text/html};
    return grep { m{[/\\]|:} && !m{^(?:text/html|image/)} } @to;
}

sub VcitaFlow::Code::odd { @ODD }

run_tests();

__DATA__

=== TEST 1: an address first asked for: back to this site, or nothing at all
--- error_log
returned no token
--- flow
my $here = url('');
for my $target (odd) {
    my ($status, $location, $login) = asked_for($target);
    if ($status != 302) { is $status, 400, "$target: nginx takes no such line"; next }
    like $location, qr{^\Q${ \stub->url }\E/app/oauth/authorize\?}, "$target: to vcita";
    my ($state) = $location =~ /[?&]state=([\w-]+)/;
    for (200, 400) {
        my $code = stub_code($_ == 400 ? { token => { status => 400, json => { error => 'evil_thing' } } } : ());
        my $r = browser()->get("/oauth/callback?state=$state&code=$code", headers => [ Cookie => $login ]);
        is $r->status, $_ == 400 ? 502 : 303, "$target: back";
        my @to = leads_to($r);
        cmp_ok scalar @to, '>', 0, "$target: a way on";
        like $_, qr{^\Q$here\E/[^\x00-\x20]*$}, "$target: to this site" for @to;
    }
}


=== TEST 2: each page leads to this site, or to vcita
--- error_log
refused the login
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /only { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_sub nobody; proxy_pass $VCITA_APP; }
location /logout { vcita_oauth_logout; }
--- flow
my $here = url('');
my @pages;
for my $target ('//evil.example/', '/\\evil.example/', '/only//evil.example/?x=//evil.example', '/%5cevil.example') {
    my $b = begun($target);
    my $back = $b->callback_url(code => stub_code);
    push @pages, $b->come_back(error => $_, error_description => 'https://evil.example/', error_uri => 'https://evil.example/')
        for 'access_denied', 'server_error', 'https://evil.example/';
    push @pages, $b->come_back, $b->come_back(code => ''), $b->come_back(state => 'https://evil.example/', code => 1);
    push @pages, browser()->post(url($target), form => { to => 'https://evil.example/' });
    $b->get($back);
    push @pages, $b->get(url($target));
    push @pages, $b->get("/logout?$_=https://evil.example/", headers => [ 'Sec-Fetch-Site' => 'cross-site' ]) for qw( to rd );
}
my $n = 0;
for my $r (@pages) {
    next if $r->status == 200 && $r->url !~ /logout/;
    $n++;
    like $_, qr{^(?:\Q$here\E/|\Q${ \stub->url }\E/|/(?![/\\]))}, $r->status . ' of ' . $r->url . ": leads to $_" for leads_to($r);
}
cmp_ok $n, '>', 30, "$n pages";


=== TEST 3: a literal redirect_uri: no Host, and no header of a proxy, changes where anything leads
--- flow
my $here = 'http://127.0.0.1:' . port;
for my $h ('Host: evil.example', 'Host: evil.example:443', 'Host: 127.0.0.1.evil.example', 'X-Forwarded-Host: evil.example', 'X-Forwarded-Server: evil.example',
    'X-Forwarded-Proto: javascript', 'X-Forwarded-Port: 1', 'Forwarded: host=evil.example;proto=https', 'X-Host: evil.example', 'X-Original-URL: //evil.example/',
    'X-Rewrite-URL: //evil.example/', 'X-Forwarded-Uri: //evil.example/', 'X-Forwarded-Prefix: //evil.example', 'X-Auth-Request-Redirect: https://evil.example/',
    'Referer: https://evil.example/', 'Origin: https://evil.example', 'X-Http-Method-Override: POST')
{
    my ($status, $location, $login) = asked_for('/page', $h);
    is $status, 302, "$h: a login";
    like $location, qr{^\Q${ \stub->url }\E/app/oauth/authorize\?}, "$h: to vcita";
    my %p = map { /(.*?)=(.*)/ } split /&/, $location =~ s/.*?\?//r;
    is $p{redirect_uri}, escape("$here/oauth/callback"), "$h: and back here";
    my $code = stub_code;
    my $r = browser()->get("/oauth/callback?state=$p{state}&code=$code", headers => [ Cookie => $login, split /: /, $h, 2 ]);
    is $r->location, "$here/page", "$h: to the page";
}


=== TEST 4: a redirect_uri of the request's host: only what is a host, and a state is good there alone
--- gate
vcita_oauth_redirect_uri http://$host:$TEST_NGINX_SERVER_PORT/oauth/callback;
--- flow
for my $host ('good@evil.example', 'evil.example/x', 'evil.example/..', 'evil.example?x', 'evil.example#', 'evil.example\\', '"evil.example"', '[::1', '::1]', 'a b',
    '', ' ', '.', '..', 'evil.example:80:80', 'evil.example:x', "evil\x01.example", "evil\x80.example", 'evil%2eexample', 'evil.example,good.example', 'EVIL.example', 'evil.example.',
    '[::1]', '<script>', "evil.example\tgood", 'evil_x.example', 'xn--evl-1ma.example', 'a' x 300 . '.example')
{
    my ($status, $location) = asked_for('/page', "Host: $host");
    if ($status != 302) { is $status, 400, "Host '$host' is refused"; next }
    my ($to) = $location =~ /[?&]redirect_uri=([^&]*)/;
    like $to, qr{^http%3A%2F%2F(?:[\w.-]+|%5B[\da-fA-F%:]+%5D)%3A\d+%2Foauth%2Fcallback$}, "Host '$host' is one: $to";
    unlike $to, qr{%(?!3A|2F|5B|5D)}, 'nothing else in it';
}
my ($status, $location, $login) = asked_for('/page', 'Host: evil.example');
my ($state) = $location =~ /[?&]state=([\w-]+)/;
my $r = browser()->get('/oauth/callback?code=' . stub_code . "&state=$state", headers => [ Cookie => $login ]);
answered($r, 400, 'invalid_state', 'the state of another host');
--- error_log
vcita_oauth_redirect_uri has no valid host


=== TEST 5: parameters lead nowhere: at the gate, at the callback, at the logout
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout /bye; }
location /away/ { vcita_oauth_logout http://127.0.0.1:$TEST_NGINX_SERVER_PORT/bye$uri; }
--- flow
my $evil = escape('https://evil.example/');
my @names = qw( rd url redirect redirect_uri redirect_url target_link_uri return return_to returnTo next state iss login_hint id_token_hint
                post_logout_redirect_uri logout logout_uri x_csrf initiate_login_uri );
for my $n (@names) {
    my $b = browser();
    my $r = $b->get("/?$n=$evil");
    like $r->location, qr{^\Q${ \stub->url }\E/app/oauth/authorize\?}, "$n at the gate";
    is scalar(() = $r->location =~ /evil\.example/g), 0, 'and not passed on';
    my $code = stub_code;
    $r = $b->get($b->callback_url(code => $code) . ($n =~ /^(?:state|iss)$/ ? '' : "&$n=$evil"));
    is $r->location, url("/?$n=$evil"), "$n at the callback";
    is browser()->get("/logout?$n=$evil")->location, url('/bye'), "$n at the logout";
}
for my $path ('//evil.example', '/%0d%0aSet-Cookie:a=b', '/%0a%0dx', '/x%7f', '/x%0d%0a%0d%0a<script>') {
    my $r = browser()->get("/away$path");
    is scalar($r->header('Set-Cookie:a')), undef, 'no header of its own';
    is_deeply [ grep { !/^vcita_session/ } @{ $r->set_cookies } ], [], "$path: no cookie of its own";
    is $r->status, $path =~ /%/ ? 200 : 303, "$path: a page where it would break the line";
    like $r->location, qr{^\Q${ \url('/bye') }\E[^\x00-\x20]*$}, "$path: one line, this site" if $r->status == 303;
}
like error_log(), qr/the uri of vcita_oauth_logout has a control character/, 'the log says it';
