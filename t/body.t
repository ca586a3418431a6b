# Bodies of requests that the module answers itself: nobody reads them, and whoever sends the answer discards them, once.

use lib 't/lib';
use IO::Socket::INET ();
use VcitaTest;
use VcitaCheck;

# what is freed is no longer what it was: a worker that looks at it again dies
BEGIN { $ENV{MALLOC_PERTURB_} ||= 165 }

# a request in so many pieces; each is sent when the one before has done what is waited for
sub VcitaFlow::Code::connected {
    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => VcitaFlow::port()) or die "connect: $!\n";
    $sock->autoflush(1);
    return $sock;
}

# a request whose body is not all there yet
sub VcitaFlow::Code::half {
    my ($method, $url, @headers) = @_;
    return join "\r\n", "$method $url HTTP/1.1", 'Host: localhost', @headers, 'Content-Length: 20', '', '1234567890';
}

# the statuses on a connection, until there are so many
sub VcitaFlow::Code::statuses {
    my ($sock, $n) = @_;
    my $got = '';
    $sock->blocking(0);
    VcitaFlow::Code::wait_for {
        sysread $sock, $got, 65536, length $got;
        (() = $got =~ /^HTTP\/1\.1 \d+/mg) >= $n
    } 4, "$n answers";
    return join ' ', $got =~ /^HTTP\/1\.1 (\d+)/mg;
}

sub VcitaFlow::Code::login_cookie { 'Cookie: vcita_session_login=' . $_[0]->cookie('vcita_session_login') }

run_tests();

__DATA__

=== TEST 1: a callback that is refused, with a body that does not all come, and an error_page that is proxied: the worker lives
--- master_on
--- log_level: info
--- http_config
lingering_timeout 100ms;
--- config
error_page 400 403 /err;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /err { vcita_oauth off; proxy_pass $VCITA_APP; }
--- flow
my ($worker) = nginx_workers;
my $b = begun('/');
my $state = $b->res->param('state');

# a login that takes longer than all of it, by the same worker
my $c = begun('/deep');
my $crowd = crowd;
$crowd->add($c, GET => $c->callback_url(code => stub_code({ token => { delay => 1.5 } })));
$crowd->start;
$crowd->until(sub { stub->exchanges == 1 }, 5, 'vcita to have it');

my $n = 0;
for my $case ([ '?state=x', qr/invalid_state/ ], [ "?state=$state&error=access_denied", qr/the user denied the login/ ], [ "?state=$state", qr/invalid_callback/ ]) {
    my ($query, $says) = @$case;
    for (1 .. 5) {
        my $sock = connected;
        my $before = () = error_log() =~ /$says/g;
        print $sock half('GET', "/oauth/callback$query", login_cookie($b));
        wait_for { (() = error_log() =~ /$says/g) > $before } 5, 'the refusal';
        close $sock;
        $n++;
    }
}
wait_for { (() = access_log() =~ m{"GET /oauth/callback HTTP/1\.1" 4}g) >= $n } 5, 'all to have ended';
my ($r) = $crowd->finish;
is $r->status, 303, 'the login meanwhile';
is join(' ', nginx_workers), $worker, 'the same worker';
--- error_log
vcita


=== TEST 2: a logout while the store is down, with a body that does not all come, and an error_page that is proxied: the worker lives
--- master_on
--- gate
vcita_oauth_session_store redis://127.0.0.1:$TEST_NGINX_RAND_PORT_2 connect_timeout=300ms timeout=300ms;
--- http_config
lingering_timeout 100ms;
--- config
error_page 503 /err;
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /err { vcita_oauth off; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout; }
--- flow
my ($worker) = nginx_workers;
my $id = 'A' x 43;

# a login that takes longer than all of it, by the same worker
my $c = begun('/deep');
my $crowd = crowd;
$crowd->add($c, GET => $c->callback_url(code => stub_code({ token => { delay => 1.5, status => 400 } })));
$crowd->start;
$crowd->until(sub { stub->exchanges == 1 }, 5, 'vcita to have it');

for my $n (1 .. 5) {
    my $sock = connected;
    my $before = () = error_log() =~ /is unavailable, check that/g;
    print $sock half('POST', '/logout', "Cookie: vcita_session=$id");
    wait_for { (() = error_log() =~ /is unavailable, check that/g) > $before } 5, 'the refusal';
    close $sock;
    wait_for { (() = access_log() =~ m{"POST /logout HTTP/1\.1" }g) >= $n } 5, 'it to have ended';
}
my ($r) = $crowd->finish;
is $r->status, 502, 'the login meanwhile, which no code ends well';
is join(' ', nginx_workers), $worker, 'the same worker';
--- error_log
is unavailable, check that


=== TEST 3: a body that comes late, while the callback waits for vcita: the answer, and the next request on the connection
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
for my $held (1, 0) {
    my $b = begun('/deep');
    my $u = url_split($b->callback_url(code => stub_code({ token => { hold => 1 } })));
    my $sock = connected;
    print $sock half('GET', $u->{target}, login_cookie($b));
    wait_for { stub->exchanges == 1 } 5, 'vcita to have it';
    stub->release if !$held;
    my $next = "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";
    if ($held) {
        print $sock "1234567890$next";
        stub->release;
        is statuses($sock, 2), '303 200', 'a body that came while vcita was asked';
    } else {
        is statuses($sock, 1), '303', 'a body that comes after the answer: the answer';
        print $sock "1234567890$next";
        is statuses($sock, 1), '200', 'a body that comes after the answer: the next request';
    }
}


=== TEST 4: whoever answers: the rest of the body is discarded, and the next request on the connection is answered
--- config
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /others { vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_email nobody; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout; }
location = /logout-to { vcita_oauth_logout /bye; }
location = /status { vcita_oauth_status; }
--- flow
my $b = browser();
is $b->visit('/')->status, 200, 'in';
my $in = 'Cookie: vcita_session=' . $b->cookie('vcita_session');
my $state = begun('/');
my $u = url_split($state->callback_url(error => 'access_denied'));
my $next = "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";
for ([ 302, GET => '/' ], [ 302, GET => '/', 'Expect: 100-continue' ], [ 401, POST => '/' ], [ 401, POST => '/', 'Accept: text/html' ],
     [ 403, GET => '/others', $in ], [ 403, POST => '/others', $in ], [ 403, GET => $u->{target}, login_cookie($state) ],
     [ 405, POST => '/oauth/callback' ], [ 200, GET => '/logout' ], [ 200, POST => '/logout', 'Sec-Fetch-Site: cross-site' ],
     [ 303, POST => '/logout-to' ], [ 200, GET => '/status' ])
{
    my ($status, $method, $url, @headers) = @$_;
    my $name = "$method $url @headers" =~ s/\?.*? / /r =~ s/=.*//r;
    my $sock = connected;
    print $sock half($method, $url, @headers) . "1234567890$next";
    is statuses($sock, 2), "$status 200", "$name: all at once";

    $sock = connected;
    print $sock half($method, $url, @headers);
    is statuses($sock, 1), $status, "$name: half a body is no reason to wait";
    print $sock "1234567890$next";
    is statuses($sock, 1), 200, "$name: the other half is no request";

    $sock = connected;
    print $sock half($method, $url, @headers) =~ s/Content-Length: 20\r\n\r\n.*/Transfer-Encoding: chunked\r\n\r\n5\r\n12/sr;
    is statuses($sock, 1), $status, "$name: nor is half a chunk";
    print $sock "345\r\n0\r\n\r\n$next";
    is statuses($sock, 1), 200, "$name: the rest of a chunk is no request";
}
--- error_log
is not met


=== TEST 5: HTTP/2: a refused callback with a body, whose error_page is proxied, is answered, and so is the next stream
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 http2;
    client_body_timeout 2s;
    error_page 400 403 405 /err;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
    location = /err { vcita_oauth off; proxy_pass $VCITA_APP; }
    location = /logout { vcita_oauth_logout; }
    location = /ping { return 200 pong; }
}
--- config
--- user_files
>>> body
12345678901234567890
--- flow
my $nghttp = (grep { -x } map { "$_/nghttp" } split /:/, $ENV{PATH})[0];
if (!$nghttp) {
    pass 'no nghttp here: not tested';
} else {
    my $at = 'http://127.0.0.1:' . rand_port(1);
    my $body = servroot() . '/html/body';
    for ([ GET => '/oauth/callback?state=x', 400 ], [ POST => '/oauth/callback', 405 ], [ GET => '/', 302 ], [ POST => '/', 401 ], [ POST => '/logout', 200 ]) {
        my ($method, $url, $status) = @$_;
        my $said = `$nghttp -nv -t 5 -d $body -H ':method: $method' '$at$url' $at/ping 2>&1`;
        is join(' ', sort $said =~ /:status: (\d+)/g), join(' ', sort $status, 200), "$method $url";
    }
    like error_log(), qr/vcita callback refused: invalid_state/, 'the refusal is in the log';
}
--- no_error_log
[alert]
[crit]
