# A cookie that does not come back: what page and log say of the cause, where the request shows it.

use lib 't/lib';
use VcitaTest;
use VcitaCheck;

# a site at https and at http, at ports 1 and 2, that is called portal.example.com and www.example.com
my $Site = <<'END';
server {
    listen               127.0.0.1:$TEST_NGINX_RAND_PORT_1 ssl;
    listen               127.0.0.1:$TEST_NGINX_RAND_PORT_2;
    server_name          portal.example.com www.example.com;
    ssl_certificate      $VCITA_CERT;
    ssl_certificate_key  $VCITA_CERT_KEY;
    add_header           X-Error $vcita_oauth_error always;

    vcita_oauth_redirect_uri  https://portal.example.com/oauth/callback;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
END

add_block_preprocessor(sub {
    my ($block) = @_;
    return if !defined $block->site;
    $block->set_value(gate => 'no vcita_oauth_redirect_uri;');
    $block->set_value(config => ' ');
    (my $site = $Site) =~ s/^(?=    location)/$block->site/me;
    $block->set_value(http_config => $site);
});

# a browser that finds the site by its names
sub VcitaFlow::Code::visitor {
    my ($https, $http) = map { '127.0.0.1:' . VcitaFlow::rand_port($_) } 1, 2;
    return VcitaFlow::browser(@_, resolve => { map { ("$_.example.com:443" => $https, "$_.example.com:80" => $http) } qw( portal www ) });
}

# how many logins of a browser go through when it begins at an address again and again; the last answer is in $b->res
sub VcitaFlow::Code::rounds {
    my ($b, $url, %opt) = @_;
    for my $n (0 .. 9) {
        $b->get($url, %opt);
        my $r = $b->follow;
        return $n if $r->status != 200;
    }
    return 'no end';
}

# logins of a browser whose session cookie becomes something else
sub VcitaFlow::Code::loses {
    my ($b, $url, $value, %opt) = @_;
    for (1 .. 3) {
        $b->get($url);
        $b->come_back(code => VcitaStub::stub_code({}));
        $b->delete_cookie('vcita_session');
        $b->set_cookie(vcita_session => $value) if defined $value;
    }
    return $b->get($url, %opt);
}

# the error log, less what debugging adds
sub VcitaFlow::Code::said { return join '', grep { /\[(?:info|warn|error|crit)\]/ } split /^/, VcitaFlow::error_log() }

run_tests();

__DATA__

=== TEST 1: a loop between http and https ends: 400 session_lost, and page and log say so
--- site
--- error_log
the request came over http, but redirect_uri is https
--- flow
my $b = visitor;
is rounds($b, 'http://portal.example.com/deep'), 2, 'two logins, and no end of a third';
my $r = $b->res;
is $r->status, 400, 'an error';
is $r->header('X-Error'), 'session_lost', 'session_lost';
is $r->header('Cache-Control'), 'no-store', 'not stored';
like $r->body, qr/opened by http, but its sign-in works by https/, 'the page says why';
like $r->body, qr{<code>__Host-vcita_session</code>}, 'and names the cookie';
like error_log(), qr/3 logins within 60 seconds, but cookie "__Host-vcita_session" with the session did not come back: the request came over http,/, 'the log says why';
like error_log(), qr/vcita login starts again: state_mismatch: the request came over http,/, 'and of each login before';
is scalar(stub->requests('/oauth/token')), 2, 'vcita was asked for two tokens';
is $b->visit('https://portal.example.com/deep')->status, 200, 'by https it is in';


=== TEST 2: a loop between two names of the site ends: 400 session_lost, and page and log say so
--- site
--- error_log
the request came to another host than that of vcita_oauth_redirect_uri
--- flow
my $b = visitor;
is rounds($b, 'https://www.example.com/deep'), 2, 'two logins, and no end of a third';
is $b->res->header('X-Error'), 'session_lost', 'session_lost';
like $b->res->body, qr/under the host name that you opened/, 'the page says why';


=== TEST 3: a cookie domain is for all names; a proxy that speaks https, or another name, is no cause
--- site
vcita_oauth_cookie_domain example.com;
--- flow
my $b = visitor;
is $b->visit('https://www.example.com/deep')->status, 200, 'in';
is $b->get("https://$_.example.com/deep")->status, 200, "in at $_" for qw( www portal );

# what a proxy in front makes of it: always http here
for ([ 'X-Forwarded-Proto' => 'https' ], [ 'Sec-Fetch-Site' => 'none' ]) {
    $b = visitor;
    $b->get('http://portal.example.com/deep', headers => $_);
    is $b->follow->status, 200, "@$_: in, in a second round";
    like said(), qr/starts again: state_mismatch: no login cookie came/, "@$_: another cause";
    unlike said(), qr/the request came (?:over|to)/, "@$_: not the way";
}


=== TEST 4: what a proxy makes of each request is no cause: the host that nginx sees
--- gate
vcita_oauth_redirect_uri https://portal.example.com/oauth/callback;
--- error_log
state_mismatch
--- flow
my $b = browser();
my $back = sub {
    $b->get('/deep');
    my $state = $b->res->param('state');
    return sub { $b->get(url("/oauth/callback?code=x&state=" . ($b->res->param('state') // $state))) };
};
my $go = $back->();
$b->clear_cookies;
$go->();
like error_log(), qr/state_mismatch: no login cookie came/, 'another cause than the name, which is always another here';
unlike error_log(), qr/the request came (?:over|to)/, 'nor http, which it always is';


=== TEST 5: in an iframe: state_mismatch, whose page and log say so
--- error_log
the site runs in a frame of another site
--- flow
for my $dest (qw( iframe frame embed object )) {
    my $b = browser(headers => [ 'Sec-Fetch-Dest' => $dest, 'Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Site' => 'cross-site' ]);
    my $r = $b->get('/deep');
    for (1 .. 3) {
        is $r->status, 302, "$dest: round $_";
        my $state = $r->param('state');
        $b->clear_cookies;
        $r = $b->get(url("/oauth/callback?code=x&state=$state"));
    }
    is $r->status, 400, "$dest: then an error";
    is $r->header('X-Error'), 'state_mismatch', "$dest: state_mismatch";
    like $r->body, qr/shown inside of another page.*tab of its own/s, "$dest: the page says why";
    like error_log(), qr/given up after 3 rounds: state_mismatch: the site runs in a frame of another site/, "$dest: so does the log";
}
my $b = browser(headers => [ 'Sec-Fetch-Dest' => 'document', 'Sec-Fetch-Mode' => 'navigate' ]);
my $r = $b->get('/deep');
for (1 .. 3) {
    my $state = $r->param('state');
    $b->clear_cookies;
    $r = $b->get(url("/oauth/callback?code=x&state=$state"));
}
like $r->body, qr/begun in another browser or window/, 'a page of its own: no word of frames';
like error_log(), qr/given up after 3 rounds: state_mismatch: no login cookie came/, 'nor in the log';


=== TEST 6: in an iframe, session_lost: page and log say so
--- error_log
the site runs in a frame of another site
--- flow
my $r = loses(browser(), '/deep', undef, headers => [ 'Sec-Fetch-Dest' => 'iframe', 'Sec-Fetch-Mode' => 'navigate' ]);
is $r->header('X-Error'), 'session_lost', 'session_lost';
like $r->body, qr/shown inside of another page/, 'the page';


=== TEST 7: in an iframe where vcita_oauth_cookie_samesite is none: that is not the cause
--- site
vcita_oauth_cookie_samesite none;
--- error_log
no login cookie came
--- flow
my $b = visitor(headers => [ 'Sec-Fetch-Dest' => 'iframe', 'Sec-Fetch-Mode' => 'navigate' ]);
my $r = $b->get('https://portal.example.com/deep');
$b->clear_cookies;
$b->get('https://portal.example.com/oauth/callback?code=x&state=' . $r->param('state'));
unlike error_log(), qr/inside of another page/, 'no word of frames';


=== TEST 8: a name clash: a cookie of the name came, but does not open; page and log say so
--- error_log
a cookie of that name came but does not open
--- flow
my $r = loses(browser(), '/deep', 'of-another-application');
is $r->header('X-Error'), 'session_lost', 'session_lost';
like $r->body, qr/brought back another cookie by the name of .*<p>The cookie is called <bdi><code>vcita_session<\/code><\/bdi>\./s, 'the page';
unlike said(), qr/of-another-application/, 'the log does not tell its value';


=== TEST 9: no cookie of the name came: page and log say so
--- error_log
did not come back: does the browser block cookies
--- flow
my $r = loses(browser(), '/deep');
is $r->header('X-Error'), 'session_lost', 'session_lost';
like $r->body, qr/did not bring back the session cookie\..*<p>The cookie is called <bdi><code>vcita_session</s, 'the page';


=== TEST 10: a cookie that the session store does not know; the log says so
--- gate
vcita_oauth_session_store zone=sessions:1m;
--- error_log
a cookie of that name came but is not in the session store
--- flow
my $r = loses(browser(), '/deep', 'A' x 43);
is $r->header('X-Error'), 'session_lost', 'session_lost';


=== TEST 11: a login cookie that clashes: another one came than the login began with
--- error_log
the login cookie differs from that of the state
--- flow
my $b = begun('/deep');
my $state = $b->res->param('state');
$b->set_cookie(vcita_session_login => 'B' x 43);
is $b->get(url("/oauth/callback?code=x&state=$state"))->status, 302, 'it starts again';
unlike said(), qr/BBBB/, 'the log does not tell its value';


=== TEST 12: an error_page behind the gate: the page says why, too
--- config
error_page 400 /sorry;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- error_log
does not open
--- flow
my $r = loses(browser(), '/deep', 'x');
is $r->status, 400, 'session_lost';
like $r->body, qr/brought back another cookie/, 'the page';
