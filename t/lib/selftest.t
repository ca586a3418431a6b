# The instruments of t/lib with a plain nginx: gate-like redirects written in nginx.conf, the stub as
# vcita and as upstream.  No module needed:  prove t/lib/selftest.t
BEGIN { delete $ENV{TEST_NGINX_LOAD_MODULES} }
use FindBin;
use lib $FindBin::Bin;
use VcitaTest;

run_tests();

__DATA__

=== TEST 1: a whole login with redirects, and what the upstream saw
--- config
location = /oauth/callback {
    add_header Set-Cookie "sess=$arg_code; Path=/; HttpOnly; SameSite=Lax";
    return 303 /secret?x=1;
}
location /secret {
    if ($cookie_sess = "") {
        add_header Set-Cookie "login=abcdefghijkl; Path=/; Max-Age=600";
        return 302 "$VCITA_STUB/app/oauth/authorize?client_id=app1&state=0123456789&redirect_uri=http%3A%2F%2F127.0.0.1%3A$TEST_NGINX_SERVER_PORT%2Foauth%2Fcallback";
    }
    proxy_set_header X-Forwarded-User alice;
    proxy_pass $VCITA_APP;
}
--- flow
my $b = browser();
my $r = $b->get('/secret?x=1');
is $r->status, 302, 'no cookie: off to vcita';
is $r->param('state'), '0123456789', 'the state in the Location';
is $b->cookie('login'), 'abcdefghijkl', 'login cookie kept';

$r = $b->hop;
is $r->status, 302, 'vcita sends back';
$r = $b->follow;
is $r->status, 200, 'in';
is $r->json->{uri}, '/secret?x=1', 'at the address first asked for';
my %h = map { lc $_->[0] => $_->[1] } @{ $r->json->{headers} };
is $h{'x-forwarded-user'}, 'alice', 'the upstream sees the header';
like $h{cookie}, qr/sess=stub-/, 'and the cookie';

is scalar($b->history), 4, 'four hops';
is_deeply [ map { $_->[2] } $b->history ], [ 302, 302, 303, 200 ], 'their statuses';
unlike $b->describe, qr/0123456789|abcdefghijkl/, 'described with secrets masked';
like $b->describe, qr/state=012345\.\.\./, 'first six characters';

is scalar(stub->requests), 1, 'one request to vcita in this repetition';
is scalar(stub->app_requests), 1, 'one to the application';

# a request is logged after its answer
wait_for { (() = access_log() =~ /.+/g) >= 3 } 5, 'the access log';
my @lines = access_log() =~ /(.+)/g;
is scalar(@lines), 3, 'access_log is of this repetition only';

$b = browser();
$b->get('/secret');
$r = $b->come_back(code => 'mine');
is $r->status, 303, 'the callback by hand';
is $b->cookie('sess'), 'mine', 'with the code given';
like $b->callback_url(error => 'x', state => undef), qr{/oauth/callback\?error=x$}, 'without a state';


=== TEST 2: error_log is of this repetition only
--- config
location = /gone { log_not_found on; root html; }
--- error_log
No such file or directory
--- flow
browser()->get('/gone');
wait_for { error_log() =~ /No such file/ } 5, 'the 404 in the log';
my $n = () = error_log() =~ /\[error\][^\n]*No such file/g;
is $n, 1, 'once in each repetition';


=== TEST 3: two workers, reload, the old ones go
--- workers: 2
--- config
location = /pid { return 200 $pid; }
--- flow
my @old = nginx_workers();
is scalar(@old), 2, 'two workers';
my $b = browser();
my $pid = $b->get('/pid')->body;
ok +(grep { $_ == $pid } @old), 'one of them answers';
nginx_reload();
wait_for { !grep { my $p = $_; grep { $_ == $p } @old } nginx_workers() } 10, 'the old workers to end';
is scalar(nginx_workers()), 2, 'two new workers';
like error_log(), qr/signal 1/, 'logged';
cmp_ok nginx_fds(), '>', 4, 'descriptors can be counted';


=== TEST 4: https, names, __Host- cookies
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 ssl;
    server_name portal.example.com;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    location / {
        add_header Set-Cookie "__Host-a=1; Path=/; Secure; HttpOnly";
        add_header Set-Cookie "__Host-b=1; Path=/x; Secure";
        add_header X-Got $http_cookie;
        return 200 $host;
    }
}
--- config
--- flow
my $tls = rand_port(1);
my $b = browser(resolve => { 'portal.example.com' => "127.0.0.1:$tls" });
my $r = $b->get('https://portal.example.com/');
is $r->body, 'portal.example.com', 'name resolved by the test';
is $b->cookie('__Host-a'), 1, 'a good __Host- cookie';
is $b->cookie('__Host-b'), undef, 'a bad one is refused';
like $r->refused->[0][1], qr/Path/, 'with its reason';
is $b->get('https://portal.example.com/')->header('X-Got'), '__Host-a=1', 'sent back';

$r = browser(ca => VcitaCert->get->{ca_other})->get("https://localhost:$tls/", soft => 1);
like $r->error, qr/TLS:.*verify/, 'another CA is refused';


=== TEST 5: a crowd of 100 that waits, released; a probe meanwhile
--- config
location / { proxy_pass $VCITA_STUB; proxy_buffering off; }
--- log_level: info
--- flow
my $probe = probe();
my $crowd = crowd();
my %form = (grant_type => 'authorization_code', redirect_uri => 'http://x/cb', client_id => 'app1',
            client_secret => 's3cret-0123456789abcdef-0123456789');
$crowd->add(browser(), POST => '/oauth/token',
    form => { %form, code => stub_code({ token => { hold => 1 } }) }) for 1 .. 100;
$crowd->start;
$crowd->until(sub { stub->exchanges == 100 }, 30, '100 exchanges at vcita');
is stub->release, 100, 'all released';
my @r = $crowd->finish;
is scalar(grep { $_->status == 200 } @r), 100, 'all answered';
my %t = map { $_->json->{access_token} => 1 } @r;
is scalar(keys %t), 100, 'each with its own token';
my $p = $probe->stop;
is $p->{error}, undef, 'the probe went through';
cmp_ok $p->{n}, '>', 2, "probe: $p->{n} answers, worst gap $p->{max_gap_ms} ms, p99 $p->{p99_ms} ms";
is $p->{reconnects}, 0, 'over one connection';


=== TEST 6: clients that go away, nothing left at vcita
--- config
location / { proxy_pass $VCITA_STUB; }
--- log_level: info
--- flow
my $before = nginx_fds();
my $crowd = crowd();
$crowd->add(browser(), POST => '/oauth/token', form => { code => stub_code({ token => { status => 400, hang => 1 } }) })
    for 1 .. 60;
$crowd->start;
$crowd->until(sub { stub->exchanges == 60 }, 30, '60 exchanges at vcita');
$crowd->abort(0 .. 29);
$crowd->abort_all(reset => 1);
is scalar(grep { ($_->error // '') eq 'aborted' } $crowd->finish), 60, 'all gone';
wait_for { stub->open_connections == 0 } 10, 'vcita to see them go';
wait_for { nginx_fds() <= $before } 10, 'the descriptors to be closed';
pass 'no descriptor left';


=== TEST 7: tabs of one browser share the cookies and follow redirects in parallel
--- config
location = /a { add_header Set-Cookie "c=$arg_n; Path=/"; return 302 /b?n=$arg_n; }
location = /b { return 200 $arg_n; }
--- flow
my $b = browser();
my $crowd = crowd();
$crowd->add($b->tab, GET => "/a?n=$_", follow => 1) for 1 .. 10;
my @r = $crowd->run;
is_deeply [ map { $_->body } @r ], [ 1 .. 10 ], 'each at its own address';
like $b->cookie('c'), qr/^\d+$/, 'the jar is shared';


=== TEST 8: HEAD, 1.0, modern headers, raw bytes
--- config
location / {
    add_header X-Mode $http_sec_fetch_mode;
    add_header X-Site $http_sec_fetch_site;
    return 200 "$server_protocol $http_accept $http_x_a";
}
--- flow
my $b = browser();
is $b->head('/')->body, '', 'HEAD has no body';
like $b->get('/', version => '1.0')->body, qr{^HTTP/1\.0 }, 'HTTP/1.0';
is $b->res->header('X-Mode'), undef, 'not modern by default';
$b->modern(1);
is $b->get('/')->header('X-Mode'), 'navigate', 'modern';
is $b->get('/', cross_site => 1)->header('X-Site'), 'cross-site', 'from another site';
is $b->get('/', headers => [ Accept => 'application/json', 'X-A' => 1 ])->body,
    'HTTP/1.1 application/json 1', 'own headers';
my $raw = $b->raw('127.0.0.1', port(), "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
like $raw->body, qr{^HTTP/1\.1 400 }, 'raw bytes';
my $t = eval { $b->get('http://127.0.0.1:1/'); 1 };
like $@, qr{^GET http://127\.0\.0\.1:1/: connect: }, 'an error has a name';


=== TEST 9: gate lines come before the block's own, an own directive replaces its default
--- gate
vcita_oauth_client_id app2;
no vcita_oauth_rate;
--- config
location / { return 204; }
--- must_die
--- error_log
unknown directive "vcita_oauth_client_secret"


=== TEST 10: files, ping of its own, request of its own
--- user_files
>>> page.html
ca is $VCITA_CA
--- config
location = /ping { return 201; }
location / { }
--- request
GET /page.html
--- response_body_like: ^ca is /\S+/ca\.pem$
--- flow
is browser()->get('/ping')->status, 201, 'the block has its own /ping';
is round() =~ /^[01]$/, 1, 'repetition ' . round();


=== TEST 11: many requests by one browser, one after the other
--- config
location / { return 200 $http_cookie; }
--- log_level: info
--- flow
my $b = browser();
$b->set_cookie(x => 0);
my $wrong = 0;
for (1 .. 500) {
    $b->set_cookie(x => $_);
    $wrong++ if $b->get('/')->body ne "x=$_";
}
is $wrong, 0, 'each with its cookie';
$b->delete_cookie('x');
is $b->get('/')->body, '', 'deleted';
my $thief = $b->clone;
$thief->set_cookie(y => 1);
is_deeply [ $b->cookies ], [], 'a clone has its own jar';


=== TEST 12: a patient client does what a page with a refresh asks for; clients that begin later; the tally
--- config
location = /wait {
    default_type text/html;
    add_header X-Error busy always;
    return 503 '<meta http-equiv="refresh" content="1; url=http://127.0.0.1:$server_port/go?a=1&amp;b=&quot;">';
}
location = /go { return 303 /there?$args; }
location = /there { return 200 $args; }
--- flow
my $crowd = crowd();
$crowd->add(browser(), GET => url('/wait'), follow => 1, patient => 1);
$crowd->add(browser(), GET => url('/wait'));
$crowd->add(browser(), GET => url('/there?x'), after => 0.3);
my @r = $crowd->run;
is_deeply [ map { $_->status } @r ], [ 200, 503, 200 ], 'answers';
is $r[0]->body, 'a=1&b="', 'the address of the refresh, unescaped';
my @waits = $crowd->waits;
cmp_ok $waits[0]{seconds}, '>=', 1, 'after its time';
is_deeply [ map { $_->{refreshes} } @waits ], [ 1, 0, 0 ], 'refreshes';
is_deeply $crowd->tally, { '503 busy' => 2, 303 => 1, 200 => 2 }, 'the tally';
cmp_ok nginx_rss(nginx_pid), '>', 1000, 'a process takes some memory';
is scalar(my @of = nginx_rss(nginx_pid)), 2, 'and has a peak';
my $p = probe(undef, nginx_pid);
$r[0]->{seconds} = browser()->get('/there')->seconds;
$p = $p->stop;
cmp_ok $p->{max_own_ms}, '<=', $p->{max_gap_ms}, 'the own part of the longest gap';


=== TEST 13: a file in two parts: a block that is alone is in one of them, any other in the other one, and all without parts
--- flow
my @blocks = map { bless { alone => $_ }, 'VcitaFlow::Code::Fake' } undef, '', undef;
sub VcitaFlow::Code::Fake::alone { $_[0]{alone} }
my %n = map { local $ENV{VCITA_TEST_PART} = $_; $_ => scalar(() = VcitaTest::part(@blocks)) } '', qw( alone together );
is_deeply \%n, { '' => 3, alone => 1, together => 2 }, 'parts';
